/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every Node of this machine: `node` and `nodejs` of PATH, and the paths in CRIB_NODES, separated
 * by colons. One that has several names counts once.
 *
 *     for (size_t i = 0; i < nodes_find(); i++)
 *         nodes_use(i);  the `node` of tasks, and of programs that are started
 *
 * Runs in: tests.
 */
#ifndef SANDBOX_NODES_H
#define SANDBOX_NODES_H

#include "support/support.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crib/crib.h"

#define NODES_MAX 8

struct nodes {
    size_t count;
    char *real[NODES_MAX]; /* paths without symlinks */
    char *
        shown[NODES_MAX]; /* directories that have it as `node`, and what it lies in; to be bound */
    char *path;           /* PATH as it was */
    size_t used;
};

static struct nodes nodes;

static inline void nodes_add(const char *path)
{
    char real[PATH_MAX];

    if (access(path, X_OK) != 0 || !realpath(path, real) || nodes.count == NODES_MAX)
        return;
    for (size_t i = 0; i < nodes.count; i++)
        if (strcmp(nodes.real[i], real) == 0)
            return;
    nodes.real[nodes.count++] = strdup(real);
}

/* Each of a list as PATH is one, with @name behind it. */
static inline void nodes_add_all(const char *list, const char *name)
{
    char *copy = strdup(list), *rest, path[PATH_MAX];

    assert_non_null(copy);
    for (char *one = strtok_r(copy, ":", &rest); one; one = strtok_r(NULL, ":", &rest)) {
        snprintf(path, sizeof(path), "%s%s", one, name);
        nodes_add(path);
    }
    free(copy);
}

/* Return: how many there are. */
static inline size_t nodes_find(void)
{
    const char *path = getenv("PATH"), *others = getenv("CRIB_NODES");

    if (nodes.path)
        return nodes.count;
    nodes.path = strdup(path ? path : "/usr/bin:/bin");
    nodes_add_all(nodes.path, "/node");
    nodes_add_all(nodes.path, "/nodejs");
    nodes_add_all(others ? others : "", "");
    return nodes.count;
}

/* A directory that has it as `node`, where tasks may look. */
static inline char *nodes_place(const char *real)
{
    char *dir = test_dir(), link[PATH_MAX];

    assert_int_equal(chmod(dir, 0755), 0);
    snprintf(link, sizeof(link), "%s/node", dir);
    assert_int_equal(symlink(real, link), 0);
    return dir;
}

static inline void nodes_use(size_t which)
{
    char *text;

    if (!nodes.shown[which])
        nodes.shown[which] = nodes_place(nodes.real[which]);
    assert_true(asprintf(&text, "%s:%s", nodes.shown[which], nodes.path) > 0);
    setenv("PATH", text, 1);
    free(text);
    nodes.used = which;
    printf("with %s\n", nodes.real[which]);
    fflush(stdout);
}

/* What a task has to be shown of it. Return: how many of @ret. */
static inline size_t nodes_binds(struct crib_bind ret[2])
{
    const char *real = nodes.real[nodes.used];

    ret[0] = (struct crib_bind){.source = nodes.shown[nodes.used]};
    ret[1] = (struct crib_bind){.source = real};
    return strncmp(real, "/usr/", 5) == 0 ? 1 : 2;
}

static inline void nodes_done(void)
{
    if (nodes.path)
        setenv("PATH", nodes.path, 1);
    for (size_t i = 0; i < nodes.count; i++) {
        free(nodes.real[i]);
        free(nodes.shown[i]);
    }
    free(nodes.path);
    nodes = (struct nodes){0};
}

/* Runs @tests with each of them. Return: how many failed, over all. */
static inline int nodes_run(int (*tests)(void))
{
    int failed = 0;

    for (size_t i = 0; i < nodes_find(); i++) {
        nodes_use(i);
        failed += tests();
    }
    if (nodes.count == 0) {
        printf("skipped: there is no node\n");
        failed = getenv("CRIB_TESTS_MUST_RUN") ? 1 : 0;
    }
    nodes_done();
    return failed;
}

#endif
