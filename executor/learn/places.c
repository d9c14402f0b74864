/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/places.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "learn/interpreter.h"
#include "learn/mounting.h"
#include "learn/spot.h"
#include "plan/wants.h"

#define CHANGES_NAMES (WANT_MAKE | WANT_NEW | WANT_REMOVE)
#define WRITES        (WANT_WRITE | WANT_CHANGE)
#define INTERPRETERS  4 /* of interpreters */

static int place(struct places *p, const struct path *path, unsigned left);

/* Return: whether it was there before the run. */
static bool was_there(const struct places *p, const char *path)
{
    struct statx stat;
    struct statx_timestamp *born = &stat.stx_btime;

    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME | STATX_MTIME, &stat) < 0)
        return false;
    if (!(stat.stx_mask & STATX_BTIME))
        born = &stat.stx_mtime;
    return born->tv_sec < p->start.tv_sec ||
           (born->tv_sec == p->start.tv_sec && born->tv_nsec < p->start.tv_nsec);
}

static char *parent_of(const struct places *p, const char *path)
{
    size_t len = (size_t)(strrchr(path, '/') - path);

    return arena_copy(p->needs->arena, path, len ? len : 1);
}

/* Return: whether a directory may be shown for what is in it. */
static bool is_wide(const struct places *p, const char *dir)
{
    return spot_is_wide(dir, p->home) && (strcmp(dir, p->cwd) != 0 || strcmp(dir, "/") == 0 ||
                                          (p->home && spot_is_below(p->home, dir)));
}

static int not_shown(struct places *p, const char *dir)
{
    for (size_t i = 0; i < p->not_shown_count; i++)
        if (strcmp(p->not_shown[i], dir) == 0)
            return 0;
    return arena_push(p->needs->arena, &p->not_shown, &p->not_shown_count, (void *)dir);
}

static int mount_at(struct places *p, enum mounting kind, const char *target)
{
    return mounting_add(p->needs, p->run, kind, target);
}

/* --- what is at the end of a path --- */

/* Return: whether the task has written into the file itself, and could. */
static bool is_written(const struct places *p, const struct walked *walked, uint32_t wants)
{
    if (wants & WANT_CHANGE && walked->stat.st_uid == p->walker.uid)
        return true;
    return wants & WRITES && walker_may(&p->walker, walked->real, &walked->stat, W_OK);
}

/* The directory in which names were made or removed. Return: NULL: none, or the task could not.
 */
static const char *changed_dir(const struct places *p, const struct walked *walked, uint32_t wants)
{
    const char *dir = walked->missing ? walked->real : parent_of(p, walked->real);
    bool changed = wants & WANT_REMOVE || (wants & CHANGES_NAMES && walked->missing) ||
                   (wants & CHANGES_NAMES && !was_there(p, walked->real));
    struct stat stat;

    if (!changed || !dir || lstat(dir, &stat) < 0 || !S_ISDIR(stat.st_mode))
        return NULL;
    return walker_may(&p->walker, dir, &stat, W_OK | X_OK) ? dir : NULL;
}

static bool is_device(const struct stat *stat)
{
    return S_ISCHR(stat->st_mode) || S_ISBLK(stat->st_mode);
}

static int place_dir(struct places *p, const struct walked *walked, uint32_t wants)
{
    bool wide = is_wide(p, walked->real);

    if (wide && wants & WANT_READ && not_shown(p, walked->real) < 0)
        return -ENOMEM;
    if (wide || !(wants & (WANT_READ | WRITES)))
        return mount_at(p, MOUNTING_EMPTY, walked->real);
    return mount_at(p, is_written(p, walked, wants) ? MOUNTING_WRITE : MOUNTING_READ, walked->real);
}

/* By itself, or with its directory. */
static int place_file(struct places *p, const struct walked *walked, uint32_t wants, bool alone)
{
    enum mounting kind = is_written(p, walked, wants) ? MOUNTING_WRITE : MOUNTING_READ;
    char *dir = parent_of(p, walked->real);

    if (!dir)
        return -ENOMEM;
    if (is_device(&walked->stat))
        return mount_at(p, MOUNTING_DEVICE, walked->real);
    return mount_at(p, kind, alone || is_wide(p, dir) ? walked->real : dir);
}

static int place_by_file(struct places *p, const struct walked *walked, uint32_t wants)
{
    if (S_ISDIR(walked->stat.st_mode))
        return place_dir(p, walked, wants);
    return place_file(p, walked, wants, true);
}

static int place_by_dir(struct places *p, const struct walked *walked, uint32_t wants)
{
    if (S_ISDIR(walked->stat.st_mode))
        return place_dir(p, walked, wants);
    return place_file(p, walked, wants, false);
}

static char *top_of(const struct places *p, const char *path)
{
    return arena_copy(p->needs->arena, path, (size_t)spot_top(path));
}

/* Return: whether a path below /tmp and its like is somebody's, and not a scratch file. */
static bool is_kept(const struct places *p, const char *path)
{
    size_t top = (size_t)spot_top(path);
    char *first;

    if (!path[top])
        return false;
    first = arena_copy(p->needs->arena, path, top + 1 + strcspn(path + top + 1, "/"));
    return first && was_there(p, first);
}

static int place_in_memory(struct places *p, const struct walked *walked, uint32_t wants)
{
    char *top = top_of(p, walked->real);

    if (!top)
        return -ENOMEM;
    if (is_kept(p, walked->real))
        return place_by_dir(p, walked, wants);
    if (strcmp(top, walked->real) == 0 && !(wants & (WRITES | CHANGES_NAMES | WANT_READ)))
        return mount_at(p, MOUNTING_EMPTY, top);
    return mount_at(p, MOUNTING_MEMORY, top);
}

static int place_real(struct places *p, const struct walked *walked, uint32_t wants)
{
    char *top = top_of(p, walked->real);

    if (!top)
        return -ENOMEM;
    switch (spot_of(walked->real)) {
    case SPOT_WHOLE:
        if (is_written(p, walked, wants) && mount_at(p, MOUNTING_WRITE, walked->real) < 0)
            return -ENOMEM;
        return mount_at(p, MOUNTING_HOST, top);
    case SPOT_PROC:
        return mount_at(p, MOUNTING_PROC, top);
    case SPOT_MEMORY:
        return place_in_memory(p, walked, wants);
    case SPOT_HARMLESS_DEVICE:
        return mount_at(p, MOUNTING_DEVICE, walked->real);
    case SPOT_SYSTEM:
        return place_by_file(p, walked, wants);
    case SPOT_OTHER:
        break;
    }
    return place_by_dir(p, walked, wants);
}

/* Where a name was made or removed, the directory is written to. */
static int place_change(struct places *p, const char *dir)
{
    char *top;

    if (spot_of(dir) != SPOT_MEMORY || is_kept(p, dir))
        return mount_at(p, MOUNTING_WRITE, dir);
    top = top_of(p, dir);
    return top ? mount_at(p, MOUNTING_MEMORY, top) : -ENOMEM;
}

/* --- the way there --- */

static int place_link(struct places *p, const char *link)
{
    enum spot spot = spot_of(link);
    char *top = top_of(p, link), *dir = parent_of(p, link);

    if (!top || !dir)
        return -ENOMEM;
    if (spot == SPOT_WHOLE)
        return mount_at(p, MOUNTING_HOST, top);
    if (spot == SPOT_MEMORY && !is_kept(p, link))
        return mount_at(p, MOUNTING_MEMORY, top);
    if (spot == SPOT_SYSTEM || is_wide(p, dir))
        return mount_at(p, MOUNTING_HOST, link);
    return mount_at(p, MOUNTING_READ, dir);
}

/* What the kernel opens by itself to execute a file. */
static int place_interpreter(struct places *p, const struct walked *walked, unsigned left)
{
    struct path path = {.wants = WANT_EXEC | WANT_READ | PATH_FOLLOWED};
    int r = left ? interpreter_of(walked->real, p->needs->arena, &path.text) : 0;

    return r == 1 ? place(p, &path, left - 1) : r;
}

static int place(struct places *p, const struct path *path, unsigned left)
{
    struct walked walked;
    const char *dir;
    int r = walk(&p->walker, path->text, path->wants & PATH_FOLLOWED, &walked);

    if (r < 0)
        return r;
    dir = strcmp(walked.real, "/") == 0 ? NULL : changed_dir(p, &walked, path->wants);
    for (size_t i = 0; r == 0 && (dir || !walked.missing) && i < walked.count; i++)
        r = place_link(p, walked.links[i]);
    if (dir)
        r = place_change(p, dir);
    if (r == 0 && !walked.missing && strcmp(walked.real, "/") != 0)
        r = place_real(p, &walked, path->wants);
    if (r == 0 && !walked.missing && path->wants & WANT_EXEC && S_ISREG(walked.stat.st_mode))
        r = place_interpreter(p, &walked, left);
    return r;
}

int places_add(struct places *places, const struct path *path)
{
    return path->text[0] == '/' ? place(places, path, INTERPRETERS) : 0;
}

int places_add_loader(struct places *places, const struct path *path)
{
    struct walked walked;
    int r = walk(&places->walker, path->text, true, &walked);

    return r < 0 || walked.missing ? r : place_interpreter(places, &walked, INTERPRETERS);
}

int places_add_all(struct places *places, const struct paths *paths)
{
    const struct path cwd = {places->cwd, WANT_ENTER | PATH_FOLLOWED};
    int r = places_add(places, &cwd);

    for (size_t i = 0; r == 0 && i < paths->count; i++)
        r = places_add(places, &paths->list[i]);
    return r;
}
