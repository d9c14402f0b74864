/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Something done in a child process, which says what came of it in a message, and is left behind
 * when it takes too long.
 *
 * Runs in: cli.
 * Owns: struct apart: the process and its pipe.
 */
#ifndef DOCTOR_APART_H
#define DOCTOR_APART_H

#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"

struct apart {
    pid_t pid;
    int fd; /* what it says; -1 */
};

/* In the child. @ret is set to a message in @arena. Return: 0; negative errno: nothing is said. */
typedef int apart_body(void *arg, struct arena *arena, ProtobufCMessage **ret);

/* Starts it. The caller has one thread. Return: 0; negative errno. */
int apart_start(struct apart *apart, apart_body *body, void *arg);

/**
 * apart_end() - Wait for the message, and end the process
 * @until: clock_us() at which waiting ends
 * @type:  of the message
 * @ret:   in @arena
 *
 * A process that cannot be killed, since the kernel waits for a disk or a network, is left alone.
 *
 * Return: 0; -ETIMEDOUT; -ECHILD it said nothing; -EPROTO; -ENOMEM
 */
int apart_end(struct apart *apart, uint64_t until, const ProtobufCMessageDescriptor *type,
              struct arena *arena, ProtobufCMessage **ret);

/* Ends it unheard. */
void apart_drop(struct apart *apart);

#endif
