/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"

struct finding {
    struct arena *arena;
    struct found *found;
    struct crib_error *err;
};

static int walk(struct finding *f, int parent, const char *name, const char *path, unsigned depth);

static bool is_case_file(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot && dot != name &&
           (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0);
}

static int add(struct finding *f, const char *path, bool named)
{
    struct found_file file = {arena_text(f->arena, path), named};

    if (f->found->count == FIND_FILES)
        return fail_text(f->err, -E2BIG, NULL, -1, path, "more than %d files", FIND_FILES);
    if (!file.path ||
        arena_push_value(f->arena, &f->found->list, &f->found->count, &file, sizeof(file)) < 0)
        return fail_sys(f->err, -ENOMEM, NULL, -1, path, NULL);
    return 0;
}

static int visit(struct finding *f, int dir, const char *path, const char *name, unsigned depth)
{
    char *below = arena_printf(f->arena, "%s%s%s", path,
                               path[0] && path[strlen(path) - 1] == '/' ? "" : "/", name);
    struct stat st;

    if (!below)
        return fail_sys(f->err, -ENOMEM, NULL, -1, path, NULL);
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return fail_sys(f->err, -errno, NULL, -1, below, NULL);
    if (S_ISDIR(st.st_mode))
        return walk(f, dir, name, below, depth + 1);
    return is_case_file(name) ? add(f, below, false) : 0;
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* @parent, @name: where to open it; @path: how it is called. */
static int walk(struct finding *f, int parent, const char *name, const char *path, unsigned depth)
{
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0), r = 0, count;
    AUTO_FD int dir = openat(parent, name, flags);
    struct dirent **names;

    if (dir < 0)
        return fail_sys(f->err, -errno, NULL, -1, path, NULL);
    if (depth > FIND_DEPTH)
        return fail_text(f->err, -E2BIG, NULL, -1, path, "more than %d directories deep",
                         FIND_DEPTH);
    count = scandirat(dir, ".", &names, not_hidden, alphasort);
    if (count < 0)
        return fail_sys(f->err, -errno, NULL, -1, path, NULL);
    for (int i = 0; i < count; i++) {
        if (r == 0)
            r = visit(f, dir, path, names[i]->d_name, depth);
        free(names[i]);
    }
    free(names);
    return r;
}

int find_files(const char *path, struct arena *arena, struct found *found, struct crib_error *err)
{
    struct finding f = {arena, found, err};
    struct stat st;

    if (stat(path, &st) < 0)
        return fail_sys(err, -errno, NULL, -1, path, NULL);
    if (S_ISDIR(st.st_mode))
        return walk(&f, AT_FDCWD, path, path, 0);
    return add(&f, path, true);
}
