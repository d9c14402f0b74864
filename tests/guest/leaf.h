/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The group of version 2 that a task of this process is in, found from outside by looking for it.
 *
 * Runs in: tests, in the guest.
 */
#ifndef GUEST_LEAF_H
#define GUEST_LEAF_H

#include "support/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAF_PATH 512

/* The group that inside.sh made for this test; crib may have moved us below it. */
static inline void leaf_parent(char *ret)
{
    char *own = test_read("/proc/self/cgroup", NULL), *host;

    assert_memory_equal(own, "0::/", 4);
    own[strcspn(own, "\n")] = '\0';
    host = strstr(own, "/crib-host");
    if (host)
        *host = '\0';
    snprintf(ret, LEAF_PATH, "/sys/fs/cgroup%s", own + 3);
    free(own);
}

/* Return: how many leaves there are; @ret is one of them. */
static inline int leaf_find(char *ret)
{
    char parent[LEAF_PATH];
    struct dirent *entry;
    int count = 0;
    DIR *dir;

    leaf_parent(parent);
    dir = opendir(parent);
    assert_non_null(dir);
    while ((entry = readdir(dir)))
        if (strncmp(entry->d_name, "crib-", 5) == 0 && strcmp(entry->d_name, "crib-host") != 0) {
            snprintf(ret, LEAF_PATH, "%.200s/%.255s", parent, entry->d_name);
            count++;
        }
    closedir(dir);
    return count;
}

/* What a file of the one leaf holds, without its last newline; the caller frees it. */
static inline char *leaf_read(const char *file)
{
    char leaf[LEAF_PATH], path[LEAF_PATH + 64], *text;

    assert_int_equal(leaf_find(leaf), 1);
    snprintf(path, sizeof(path), "%s/%s", leaf, file);
    text = test_read(path, NULL);
    if (*text && text[strlen(text) - 1] == '\n')
        text[strlen(text) - 1] = '\0';
    return text;
}

static inline void leaf_says(const char *file, const char *value)
{
    char *text = leaf_read(file);

    if (strcmp(text, value) != 0)
        fail_msg("%s: %s, expected %s", file, text, value);
    free(text);
}

#endif
