/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What crib needs of the kernel, tried one by one, each in a process and namespaces of its own.
 *
 * Runs in: cli.
 * Owns: nothing.
 */
#ifndef DOCTOR_TRIES_H
#define DOCTOR_TRIES_H

#include <stdbool.h>

#include "base/arena.h"
#include "doctor.pb-c.h"

/* What a try tells; in memory that it shares with us. */
struct told {
    char call[32];
    int code;
};

/* Notes that a call returned @result. Return: whether it failed. */
bool told_failed(struct told *told, const char *call, long result);

/* A try. It ends by itself or at the first call that fails. */
typedef void try_body(struct told *told);

/**
 * tries_make() - Try everything
 * @namespaces: also what needs a user namespace; else that is left out
 * @survey:     its attempts are filled
 *
 * Return: 0; -ENOMEM; negative errno where no process can be started
 */
int tries_make(bool namespaces, struct arena *arena, Crib__Survey *survey);

/* One of them, for tests. @flags: CLONE_NEW…. Return: as tries_make(). */
int tries_one(const char *name, int flags, try_body *body, struct arena *arena,
              Crib__Survey *survey);

/* The bodies that take more than a line: try_mounts.c. */
try_body try_mounts;
try_body try_proc;
try_body try_devpts;
try_body try_overlay;

/* Those that restrict whoever makes them: try_filters.c. */
try_body try_filter;
try_body try_listener;
try_body try_landlock;

/* The rest: try_calls.c. */
try_body try_calls;
try_body try_memfd;
try_body try_ambient;
try_body try_loopback;
try_body try_clone3;

#endif
