/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place where a program of programs.def can be learnt from, and run under what was learnt.
 *
 * Runs in: tests.
 */
#ifndef LEARN_LEARNT_H
#define LEARN_LEARNT_H

#include "cli/cli.h"

#include <pthread.h>

struct learnt {
    const char *const *program; /* its words, ended by NULL */
    char *dir, *work;           /* work is where it runs */
    char policy[512], less[512];
    char *text; /* of the policy */
    char *said; /* what the program wrote when it was learnt from */
    int server; /* that answers on PORT */
    unsigned port;
    pthread_t thread;
    struct cli cli;
};

/* Makes the place, runs the program under `crib policy learn` @times, and keeps what came of it. */
void learnt_start(struct learnt *learnt, const char *const *program, unsigned times);
void learnt_end(struct learnt *learnt);

/* Runs it under a policy; what it said is in learnt->cli. */
void learnt_run(struct learnt *learnt, const char *policy, bool why);

/* Return: whether it ended as it did without a sandbox: status 0, the same output. */
bool learnt_is_alike(const struct learnt *learnt);

/* `crib policy learn`, with further options. */
void learnt_learn(struct learnt *learnt, const char *const *options);

#endif
