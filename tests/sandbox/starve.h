/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run in a process of its own whose kernel lacks something: chosen system calls fail with a
 * chosen errno, for the library and for everything it starts, init included. How set-up steps are
 * made to fail without any hook in the code under test, and how an older kernel or an outer sandbox
 * looks.
 *
 * A call may also be held while the test does something, and then goes on.
 *
 * Runs in: tests.
 */
#ifndef SANDBOX_STARVE_H
#define SANDBOX_STARVE_H

#include "sandbox/sandbox.h"

struct starve_when {
    unsigned arg;  /* of the call */
    uint32_t mask; /* its low 32 bits are compared under this; 0: the row counts for nothing */
    uint32_t value;
    bool other; /* anything but @value */
};

#define STARVE_PRETENDED (-1) /* success, and nothing is done */
#define STARVE_KILLED    (-2) /* who makes it is killed */

/* The end of a list has number -1. */
struct starve {
    long number;
    int code; /* the errno that it gets; 0: it is held while the hook runs; STARVE_… */
    struct starve_when when[3];
};

#define STARVE_END                                                                                 \
    {                                                                                              \
        -1, 0,                                                                                     \
        {                                                                                          \
            {                                                                                      \
                0                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

/* What came of it; texts are cut at their size. */
struct starved {
    int code;       /* what crib_spawn returned */
    int error_code; /* of the error, whichever way it came */
    char step[64];
    char text[1024]; /* the sentence */
    int verdict, status, signal;
    bool spawned;
    unsigned long long denials;
    char out[8192];
    char json[16384];
    unsigned held; /* how often a call was held */
};

/**
 * starve_probe() - Run the probe with calls taken away
 * @box:   asked; runs in the other process
 * @rules: the first that fits counts
 * @hook:  for held calls; may be NULL when there are none
 */
void starve_probe(struct sandbox *box, const char *verbs, const struct starve *rules,
                  void (*hook)(void *user), void *user, struct starved *ret);

/* The same, where a held call is answered only after @ms, or never when its caller is gone by then.
 */
void starve_stall(struct sandbox *box, const char *verbs, const struct starve *rules, unsigned ms,
                  struct starved *ret);

/* The same with any program. */
void starve_run(struct sandbox *box, const char *file, const char *const *args,
                const struct starve *rules, void (*hook)(void *user), void *user,
                struct starved *ret);

#endif
