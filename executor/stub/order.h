/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stub was asked, as options of the library.
 *
 * Runs in: crib-stub.
 * Owns: struct order: the texts and lists that its options point into; the fds stay where they
 * are until order_let_go().
 * See: proto/stub.proto.
 */
#ifndef STUB_ORDER_H
#define STUB_ORDER_H

#include "base/arena.h"
#include "crib/crib.h"
#include "stub.pb-c.h"

#define ORDER_MAX_FDS 64 /* as struct crib_options has it */

struct order {
    struct arena arena;
    Crib__StubRequest *message;
    crib_policy *policy; /* NULL: a named one */
    struct crib_options options;
    struct crib_stdio stdio[ORDER_MAX_FDS];
    const char *address; /* NULL: no daemon */
    char **args;         /* of the task, argv[0] aside */
    int control;         /* where events go; -1 before it is known */
};

/**
 * order_read() - Read the command line and look at the fds
 * @argv: borrows until order_done()
 *
 * Once it has found it, order->control is good, whatever comes of the rest. All of the fds are
 * made CLOEXEC, and the environment is taken out of this process where it is the task's own.
 *
 * Return: 0; -EINVAL, -EPROTO another version, -ENOMEM, what crib_policy_parse() may give
 */
int order_read(struct order *order, char **argv, struct crib_error *err);

/* Closes what the task has by now, so that the end of a stream is seen where it should be. */
void order_let_go(struct order *order);

void order_done(struct order *order);

#endif
