/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/find.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "policy/load.h"
#include "policy/shipped.h"
#include "text/text.h"
#include "text/utf8.h"

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789._-"

static bool ends_in(const char *name, const char *end)
{
    size_t len = strlen(name), tail = strlen(end);

    return len > tail && strcmp(name + len - tail, end) == 0;
}

bool policy_is_path(const char *name)
{
    return strchr(name, '/') || ends_in(name, ".yaml") || ends_in(name, ".yml") ||
           ends_in(name, ".json");
}

static int no_memory(const char *name, struct crib_error *err)
{
    return fail_sys(err, -ENOMEM, "policy", -1, name, NULL);
}

static const char *kind_of(mode_t mode)
{
    if (S_ISFIFO(mode))
        return "a FIFO";
    return S_ISSOCK(mode) ? "a socket" : "a device";
}

static int check_kind(const struct stat *st, const char *path, struct crib_error *err)
{
    if (S_ISDIR(st->st_mode))
        return fail_sys(err, -EISDIR, "policy", -1, path, NULL);
    if (!S_ISREG(st->st_mode))
        return fail_text(err, -EINVAL, "policy", -1, path, "it is %s, not a file",
                         kind_of(st->st_mode));
    return 0;
}

/* Without waiting: a FIFO in the place of a file must not hold anybody up. Looked at before it is
 * opened too, since opening some devices does something. Return: an fd; negative errno */
static int open_path(const char *path, struct stat *ret, struct crib_error *err)
{
    AUTO_FD int fd = -1;
    int r;

    if (stat(path, ret) < 0)
        return fail_sys(err, -errno, "policy", -1, path, NULL);
    r = check_kind(ret, path, err);
    if (r < 0)
        return r;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, ret) < 0)
        return fail_sys(err, -errno, "policy", -1, path, NULL);
    r = check_kind(ret, path, err);
    return r < 0 ? r : fd_take(&fd);
}

static int read_path(const char *path, struct arena *arena, struct policy_text *ret,
                     struct crib_error *err)
{
    AUTO_FREE char *data = NULL;
    struct policy_text text = {0};
    struct stat st;
    AUTO_FD int fd = open_path(path, &st, err);
    int r;

    if (fd < 0)
        return fd;
    r = fd_read_file(fd, POLICY_MAX_BYTES, &data, &text.len);
    if (r == -EFBIG)
        return fail_text(err, r, "policy", -1, path, "it is larger than %d KiB",
                         POLICY_MAX_BYTES / 1024);
    if (r < 0)
        return fail_sys(err, r, "policy", -1, path, NULL);
    text.st = st;
    text.id = arena_printf(arena, "%llu:%llu", (unsigned long long)st.st_dev,
                           (unsigned long long)st.st_ino);
    text.name = arena_text(arena, path);
    text.data = arena_copy(arena, data, text.len);
    if (!text.id || !text.name || !text.data)
        return no_memory(path, err);
    *ret = text;
    return 0;
}

static int refuse_name(const char *name, struct crib_error *err)
{
    char hint[96];

    if (text_did_you_mean(hint, sizeof(hint), name, policy_shipped())[0] == '\0')
        return fail_text(err, -ENOENT, "policy", -1, NULL,
                         "no policy is named '%.60s'; a path has a slash or ends in .yaml", name);
    return fail_text(err, -ENOENT, "policy", -1, NULL, "no policy is named '%.60s'%s", name, hint);
}

static int find_shipped(const char *name, struct arena *arena, struct policy_text *ret,
                        struct crib_error *err)
{
    for (size_t i = 0; i < shipped_policies_count; i++) {
        const struct shipped *shipped = &shipped_policies[i];
        char *shown;

        if (strcmp(shipped->name, name) != 0)
            continue;
        shown = arena_printf(arena, "%s.yaml", name);
        if (!shown)
            return no_memory(name, err);
        *ret = (struct policy_text){shipped->name, shown, shipped->data, shipped->len, true};
        return 0;
    }
    return refuse_name(name, err);
}

int policy_name_check(const char *name, struct crib_error *err)
{
    char shown[UTF8_SHOWN];

    if (name[0] && name[0] != '.' && name[0] != '-' && !name[strspn(name, NAME_LETTERS)])
        return 0;
    return fail_text(err, -EINVAL, "policy", -1, NULL,
                     "'%s' is no name of a policy: it has only a-z, 0-9, . _ and -",
                     utf8_shown(shown, name, strlen(name)));
}

static int find_name(const char *name, const char *const *dirs, struct arena *arena,
                     struct policy_text *ret, struct crib_error *err)
{
    struct stat st;
    int r = policy_name_check(name, err);

    if (r < 0)
        return r;
    for (; dirs && *dirs; dirs++) {
        char *path = arena_printf(arena, "%s/%s.yaml", *dirs, name);

        if (!path)
            return no_memory(name, err);
        /* A link to nowhere is there, too: nothing less wanted takes its place. */
        if (lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
            return read_path(path, arena, ret, err);
    }
    return find_shipped(name, arena, ret, err);
}

int policy_find(const char *name, const struct policy_text *from, const char *const *dirs,
                struct arena *arena, struct policy_text *ret, struct crib_error *err)
{
    const char *slash = from && !from->shipped ? strrchr(from->name, '/') : NULL;
    const char *path = name;

    if (!policy_is_path(name))
        return find_name(name, dirs, arena, ret, err);
    if (from && from->shipped)
        return fail_text(err, -EINVAL, "policy", -1, NULL, "a shipped policy extends names only");
    if (name[0] != '/' && slash)
        path = arena_printf(arena, "%.*s/%s", (int)(slash - from->name), from->name, name);
    return path ? read_path(path, arena, ret, err) : no_memory(name, err);
}

#define SETTLED 2 /* seconds: no file system's times are coarser */

/* Whether it can be told by its times that a file has changed since. */
static bool is_settled(const struct stat *st)
{
    struct timespec now;

    return clock_gettime(CLOCK_REALTIME, &now) == 0 && st->st_mtim.tv_sec + SETTLED < now.tv_sec &&
           st->st_ctim.tv_sec + SETTLED < now.tv_sec;
}

int policy_see(const char *name, const struct policy_text *text, struct arena *arena,
               struct policy_seen **list, size_t *count)
{
    struct policy_seen seen = {.st = text->st};

    if (!policy_is_path(name))
        seen.name = arena_text(arena, name);
    if (!text->shipped)
        seen.path = arena_text(arena, text->name);
    if ((!seen.name && !policy_is_path(name)) || (!text->shipped && !seen.path))
        return -ENOMEM;
    if (seen.path && !is_settled(&seen.st))
        seen.st.st_nlink = 0; /* as no file has it that can be opened by its name */
    return arena_push_value(arena, list, count, &seen, sizeof(seen));
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_file(const struct policy_seen *seen)
{
    const struct stat *then = &seen->st;
    struct stat now;
    AUTO_FD int fd = then->st_nlink ? open_path(seen->path, &now, NULL) : -1;

    return fd >= 0 && now.st_dev == then->st_dev && now.st_ino == then->st_ino &&
           now.st_size == then->st_size && same_time(&now.st_mtim, &then->st_mtim) &&
           same_time(&now.st_ctim, &then->st_ctim);
}

/* Whether a name still leads to the same place. */
static bool same_place(const struct policy_seen *seen, const char *const *dirs)
{
    struct stat st;

    for (; dirs && *dirs; dirs++) {
        char path[PATH_MAX];
        int n = snprintf(path, sizeof(path), "%s/%s.yaml", *dirs, seen->name);

        if (n < 0 || (size_t)n >= sizeof(path))
            return false;
        if (lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
            return seen->path && strcmp(path, seen->path) == 0;
    }
    return !seen->path;
}

bool policy_seen_again(const struct policy_seen *list, size_t count, const char *const *dirs)
{
    for (size_t i = 0; i < count; i++)
        if ((list[i].name && !same_place(&list[i], dirs)) || (list[i].path && !same_file(&list[i])))
            return false;
    return true;
}
