/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A system call as a line of `expect` names it.
 *
 *     read                       whatever its arguments are
 *     getpid()                   every argument that is not given is 0
 *     socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC)
 *     socket(domain=AF_INET, type=1)
 *
 * Runs in: crib.
 * Owns: nothing.
 */
#ifndef HARNESS_CALL_H
#define HARNESS_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "policy/calls.h"

#define CALL_LONGEST 512 /* bytes */

struct concrete_call {
    const struct call *call;
    bool any; /* no parentheses: @args are all 0, and stand for all */
    uint64_t args[CALLS_ARGS];
};

/**
 * call_read() - Read a call
 * @text: borrows
 * @err:  detail filled
 *
 * Values are numbers or constants of the argument, joined by |; negative ones are sign-extended.
 * They may be wider than what the kernel looks at. An address may only be a number, or NULL.
 *
 * Return: 0; -EINVAL
 */
int call_read(const char *text, struct concrete_call *ret, struct crib_error *err);

#endif
