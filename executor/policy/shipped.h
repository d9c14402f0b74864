/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of policies/ and policies/groups/, compiled into the library by cmake/embed.cmake.
 *
 * Runs in: library.
 * Owns: nothing; static.
 */
#ifndef POLICY_SHIPPED_H
#define POLICY_SHIPPED_H

#include <stddef.h>

struct shipped {
    const char *name; /* without `.yaml` */
    const void *data; /* the file; no NUL follows */
    size_t len;
};

/* Sorted by name. */
extern const struct shipped shipped_policies[];
extern const size_t shipped_policies_count;
extern const struct shipped shipped_groups[];
extern const size_t shipped_groups_count;

#endif
