/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a request as C strings. What comes over the wire has no NUL behind it and may have some
 * inside.
 *
 * Runs in: library.
 * Owns: nothing; copies live in the plan's arena.
 */
#ifndef PLAN_BYTES_H
#define PLAN_BYTES_H

#include <limits.h>
#include <stdbool.h>

#include "plan/plan.h"

/**
 * bytes_text() - Copy bytes into a C string
 * @step: static; with @index it is where the bytes stand
 * @what: static; what they are: `the argument`
 *
 * Return: 0; -EINVAL a NUL inside; -ENOMEM
 */
int bytes_text(struct planning *p, const ProtobufCBinaryData *bytes, const char *step, int index,
               const char *what, char **ret);

/* As bytes_text(), for a path: also -EINVAL when empty, -ENAMETOOLONG over PATH_MAX. */
int bytes_path(struct planning *p, const ProtobufCBinaryData *bytes, const char *step, int index,
               const char *what, char **ret);

/* A C string of the arena as bytes, not copied. */
ProtobufCBinaryData bytes_of(char *text);

/* Bytes of a plan as the C string that they are: everything in a plan ends in NUL. */
static inline const char *bytes_string(const ProtobufCBinaryData *bytes)
{
    return (const char *)bytes->data;
}

/* Fails for lack of memory. Return: -ENOMEM. */
int plan_no_memory(struct planning *p, const char *step);

#endif
