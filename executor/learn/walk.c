/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A walk under way: `at` is real, `rest` is still to be gone. */
struct walking {
    const struct walker *walker;
    struct walked *walked;
    bool follow_last;
    char at[PATH_MAX];
    char rest[PATH_MAX];
};

bool walker_may(const struct walker *walker, const char *path, const struct stat *stat,
                unsigned rights)
{
    unsigned shift = stat->st_uid == walker->uid ? 6 : stat->st_gid == walker->gid ? 3 : 0;

    if (!walker->other)
        return faccessat(AT_FDCWD, path, (int)rights, AT_EACCESS) == 0;
    return (stat->st_mode >> shift & rights) == rights;
}

static bool is_proc(const char *path)
{
    return strcmp(path, "/proc") == 0;
}

/* Takes the next name off the rest. Return: whether there is one. */
static bool next_name(struct walking *w, char name[NAME_MAX + 1], bool *ret_ok)
{
    char *start = w->rest + strspn(w->rest, "/");
    size_t len = strcspn(start, "/");

    *ret_ok = len <= NAME_MAX;
    if (!len || !*ret_ok)
        return false;
    memcpy(name, start, len);
    name[len] = '\0';
    memmove(w->rest, start + len, strlen(start + len) + 1);
    return true;
}

static void go_up(struct walking *w)
{
    char *slash = strrchr(w->at, '/');

    *slash = '\0';
}

static const char *here(const struct walking *w)
{
    return w->at[0] ? w->at : "/";
}

/* Puts the text of a symlink before the rest. Return: 1; 0 it cannot be followed; -ENOMEM. */
static int follow(struct walking *w, const char *link)
{
    char text[PATH_MAX], rest[PATH_MAX];
    ssize_t len = readlink(link, text, sizeof(text) - 1);
    const char *kept = arena_text(w->walker->arena, link);

    if (!kept)
        return -ENOMEM;
    if (len <= 0 || w->walked->count == WALK_LINKS)
        return 0;
    text[len] = '\0';
    if (arena_push(w->walker->arena, &w->walked->links, &w->walked->count, (void *)kept) < 0)
        return -ENOMEM;
    if (snprintf(rest, sizeof(rest), "%s/%s", text, w->rest) >= (int)sizeof(rest))
        return 0;
    if (text[0] == '/')
        w->at[0] = '\0';
    memcpy(w->rest, rest, sizeof(rest));
    return 1;
}

/* Goes to a name in the directory at hand. Return: 1; 0 it is not there; -ENOMEM. */
static int enter(struct walking *w, const char *name)
{
    char path[PATH_MAX];
    struct stat stat;
    bool last = !w->rest[strspn(w->rest, "/")];

    if (snprintf(path, sizeof(path), "%s/%s", w->at, name) >= (int)sizeof(path) ||
        lstat(path, &stat) < 0)
        return 0;
    if (S_ISLNK(stat.st_mode) && (!last || w->follow_last))
        return follow(w, path);
    memcpy(w->at, path, sizeof(path));
    return 1;
}

/* Return: whether the task may look up names where the walk is. */
static bool may_search(const struct walking *w)
{
    struct stat stat;

    if (!w->walker->other)
        return true;
    return lstat(here(w), &stat) == 0 && walker_may(w->walker, here(w), &stat, X_OK);
}

/* Return: 1 the walk goes on; 0 it ends here; -ENOMEM. */
static int step(struct walking *w)
{
    char name[NAME_MAX + 1];
    bool ok;
    int r;

    if (is_proc(w->at))
        return 0;
    if (!next_name(w, name, &ok)) {
        w->walked->missing = !ok;
        return 0;
    }
    if (strcmp(name, ".") == 0)
        return 1;
    if (strcmp(name, "..") == 0) {
        if (w->at[0])
            go_up(w);
        return 1;
    }
    r = may_search(w) ? enter(w, name) : 0;
    if (r == 0)
        w->walked->missing = true;
    return r;
}

int walk(const struct walker *walker, const char *path, bool follow_last, struct walked *ret)
{
    struct walking w = {.walker = walker, .walked = ret, .follow_last = follow_last};
    int r = 1;

    *ret = (struct walked){0};
    ret->missing = snprintf(w.rest, sizeof(w.rest), "%s", path) >= (int)sizeof(w.rest);
    while (r > 0 && !ret->missing)
        r = step(&w);
    if (r < 0)
        return r;
    ret->real = arena_text(walker->arena, here(&w));
    if (!ret->real)
        return -ENOMEM;
    if (lstat(ret->real, &ret->stat) < 0)
        ret->missing = true;
    return 0;
}
