/* SPDX-License-Identifier: Apache-2.0 */
/* The policies there are, by name: those of the site's directory before the shipped ones. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "daemon/site_parts.h"
#include "policy/load.h"
#include "text/text.h"

/* As policy/find.c reads names. */
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789._-"
#define NAMES_MAX    4096 /* files of a directory */

static bool ends_in(const char *name, const char *end)
{
    size_t len = strlen(name), tail = strlen(end);

    return len > tail && strcmp(name + len - tail, end) == 0;
}

bool site_is_name(const char *name)
{
    return name[0] && name[0] != '.' && name[0] != '-' && !name[strspn(name, NAME_LETTERS)] &&
           strlen(name) <= NAME_MAX && !ends_in(name, ".yaml") && !ends_in(name, ".yml") &&
           !ends_in(name, ".json");
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void site_sort(const char **names, size_t *count)
{
    size_t kept = 0;

    if (*count)
        qsort(names, *count, sizeof(*names), by_text);
    for (size_t i = 0; i < *count; i++)
        if (!kept || strcmp(names[kept - 1], names[i]) != 0)
            names[kept++] = names[i];
    *count = kept;
    names[kept] = NULL;
}

/* What decides over others must not be theirs to change. */
static int check_owner(int fd, const char *path, struct crib_error *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return fail_sys(err, -errno, "site", -1, path, NULL);
    if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return fail_text(err, -EPERM, "site", -1, path,
                         "others than root and the daemon's own user could change it: it belongs "
                         "to uid %u, and its mode is %04o",
                         (unsigned)st.st_uid, (unsigned)(st.st_mode & 07777));
    return 0;
}

int site_read_file(const char *path, struct arena *arena, const char **ret, size_t *ret_len,
                   struct crib_error *err)
{
    AUTO_FREE char *data = NULL;
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int r = fd < 0 ? fail_sys(err, -errno, "site", -1, path, NULL) : check_owner(fd, path, err);

    if (r < 0)
        return r;
    r = fd_read_file(fd, TEXT_MAX_BYTES, &data, ret_len);
    if (r < 0)
        return fail_sys(err, r, "site", -1, path, NULL);
    *ret = arena_copy(arena, data, *ret_len);
    return *ret ? 0 : fail_sys(err, -ENOMEM, "site", -1, path, NULL);
}

/* Adds the name of `NAME.yaml`. Return: 0; -ENOMEM; -E2BIG. */
static int add_file(const char *file, struct arena *arena, const char ***list, size_t *count)
{
    char *name;

    if (!ends_in(file, ".yaml"))
        return 0;
    name = arena_copy(arena, file, strlen(file) - strlen(".yaml"));
    if (name && !site_is_name(name))
        return 0;
    if (*count == NAMES_MAX)
        return -E2BIG;
    return name ? arena_push(arena, list, count, name) : -ENOMEM;
}

/* The fd is the directory's from here on. */
static int list_files(int fd, struct arena *arena, const char ***list, size_t *count)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;
    int r = 0;

    if (!dir) {
        r = -errno;
        fd_close(&fd);
        return r;
    }
    while (r == 0) {
        errno = 0;
        entry = readdir(dir);
        if (!entry)
            break;
        r = add_file(entry->d_name, arena, list, count);
    }
    if (r == 0)
        r = -errno;
    closedir(dir);
    return r;
}

static int list_dir(const char *path, struct arena *arena, const char ***list, size_t *count,
                    struct crib_error *err)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    int r = fd < 0 ? fail_sys(err, -errno, "site", -1, path, NULL) : check_owner(fd, path, err);

    if (r < 0)
        return r;
    r = list_files(fd_take(&fd), arena, list, count);
    return r < 0 ? fail_sys(err, r, "site", -1, path, NULL) : 0;
}

int site_shelf_open(struct site_shelf *shelf, const char *dir, struct arena *arena,
                    struct crib_error *err)
{
    const char **names = NULL;
    size_t count = 0;
    int r = dir ? list_dir(dir, arena, &names, &count, err) : 0;

    if (r < 0)
        return r;
    for (const char *const *name = policy_shipped(); r == 0 && *name; name++)
        r = arena_push(arena, &names, &count, (void *)*name);
    /* one more for the end */
    if (r == 0)
        r = arena_push(arena, &names, &count, (void *)policy_shipped()[0]);
    shelf->dirs[0] = dir ? arena_text(arena, dir) : NULL;
    if (r < 0 || (dir && !shelf->dirs[0]))
        return fail_sys(err, -ENOMEM, "site", -1, dir, NULL);
    count--;
    site_sort(names, &count);
    shelf->names = names;
    return 0;
}

static void entry_free(struct site_entry *entry)
{
    arena_done(&entry->arena);
    free(entry);
}

void site_shelf_done(struct site_shelf *shelf)
{
    while (shelf->first) {
        struct site_entry *entry = shelf->first;

        shelf->first = entry->next;
        entry_free(entry);
    }
}

static int load(struct site_shelf *shelf, const char *name, struct crib_error *err)
{
    size_t size = strlen(name) + 1;
    struct site_entry *entry = calloc(1, sizeof(*entry) + size);
    int r;

    if (!entry)
        return fail_sys(err, -ENOMEM, "policy", -1, name, NULL);
    memcpy(entry->name, name, size);
    arena_init(&entry->arena, 0);
    r = policy_load(name, shelf->dirs, &entry->arena, &entry->policy, &entry->origins, err);
    if (r < 0) {
        entry_free(entry);
        return r;
    }
    entry->next = shelf->first;
    shelf->first = entry;
    return 0;
}

static const struct site_entry *find(const struct site_shelf *shelf, const char *name)
{
    const struct site_entry *entry = shelf->first;

    while (entry && strcmp(entry->name, name) != 0)
        entry = entry->next;
    return entry;
}

const Crib__Origins *site_shelf_origins(const struct site_shelf *shelf, const char *name)
{
    const struct site_entry *entry = find(shelf, name);

    return entry ? entry->origins : NULL;
}

int site_shelf_get(struct site_shelf *shelf, const char *name, const Crib__Policy **ret,
                   struct crib_error *err)
{
    const struct site_entry *entry = find(shelf, name);
    int r = 0;

    if (!entry) {
        r = load(shelf, name, err);
        entry = shelf->first;
    }
    if (r == 0)
        *ret = entry->policy;
    return r;
}
