/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory on the host that belongs to the task, for the tests of overlays and masks, and what
 * is in it afterwards.
 *
 * Runs in: tests.
 */
#ifndef SANDBOX_TREE_H
#define SANDBOX_TREE_H

#include "sandbox/sandbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Gives a path to the task: under root it has an id of its own. */
static inline void tree_give(const char *path)
{
    if (sandbox_privileged())
        assert_int_equal(lchown(path, sandbox_task_uid(), sandbox_task_gid()), 0);
}

static inline const char *tree_path(const char *dir, const char *name)
{
    static char paths[8][4200];
    static unsigned turn;
    char *path = paths[turn++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    return path;
}

static inline void tree_dir(const char *dir, const char *name)
{
    const char *path = tree_path(dir, name);

    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(chmod(path, 0755), 0);
    tree_give(path);
}

static inline void tree_file(const char *dir, const char *name, const char *text)
{
    const char *path = tree_path(dir, name);

    test_write(path, text, strlen(text), 0644);
    tree_give(path);
}

/* Return: a new directory of the task's, in one that it cannot write. The caller frees. */
static inline char *tree_new(void)
{
    char *outer = test_dir(), *dir;

    assert_int_equal(chmod(outer, 0755), 0);
    assert_true(asprintf(&dir, "%s/tree", outer) > 0);
    free(outer);
    assert_int_equal(mkdir(dir, 0755), 0);
    tree_give(dir);
    return dir;
}

static inline int tree_by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static inline void tree_list(const char *dir, const char *name, char *text, size_t size)
{
    struct dirent **names;
    int count = scandir(dir, &names, NULL, tree_by_name);

    for (int i = 0; i < count; i++) {
        const char *one = names[i]->d_name;
        char path[4300], inner[4200];
        struct stat st;
        size_t used = strlen(text);

        snprintf(path, sizeof(path), "%s/%s", dir, one);
        snprintf(inner, sizeof(inner), "%s%s%s", name, *name ? "/" : "", one);
        if (strcmp(one, ".") && strcmp(one, "..") && lstat(path, &st) == 0) {
            snprintf(text + used, size - used, "%s %o %lld\n", inner, st.st_mode,
                     S_ISDIR(st.st_mode) ? 0LL : (long long)st.st_size);
            if (S_ISDIR(st.st_mode))
                tree_list(path, inner, text, size);
        }
        free(names[i]);
    }
    if (count >= 0)
        free(names);
}

/* Everything beneath @dir: a line for each, with mode and size. The caller frees. */
static inline char *tree_text(const char *dir)
{
    char *text = calloc(1, 1u << 18);

    assert_non_null(text);
    tree_list(dir, "", text, 1u << 18);
    return text;
}

/* Runs `/bin/sh -c LINE`. */
static inline void tree_shell(struct sandbox *box, const char *line)
{
    sandbox_run(box, "/bin/sh", (const char *const[]){"-c", line, NULL});
}

static inline void tree_shell_ok(struct sandbox *box, const char *line)
{
    char text[1024];

    tree_shell(box, line);
    if (box->error.code)
        fail_msg("%s", crib_error_text(&box->error, text, sizeof(text)));
    if (box->result.verdict != CRIB_EXITED || box->result.status != 0)
        fail_msg("status %d, signal %d\n%s\n%s", box->result.status, box->result.signal, box->out,
                 box->err);
}

#endif
