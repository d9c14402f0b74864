/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run on a host that lacks something, whose program looks at its own confinement; what it saw is
 * held against what the receipt says. A program that ran leaves a file, so that nothing can have
 * run unseen.
 *
 * Runs in: tests.
 */
#ifndef REFUSED_CONFINED_H
#define REFUSED_CONFINED_H

#include "sandbox/starve.h"

#include "base/arena.h"
#include "task.pb-c.h"

struct confined {
    /* Asked; confined_init() sets the defaults. */
    struct sandbox box;
    const char *more; /* lines of the policy, beside `extends: [default]`; NULL: none */
    unsigned outer;   /* filters around the program besides its own; 1: the one that starves */

    /* Got. */
    struct starved got;
    bool ran;             /* the file is there */
    Crib__Result *result; /* NULL: there never was a task */

    struct arena arena; /* the fixture's own */
    struct crib_stdio stdio[3];
    char *rules;
};

void confined_init(struct confined *c);
void confined_done(struct confined *c);

/* Runs the program with calls taken away; once. */
void confined_run(struct confined *c, const struct starve *rules);

/* Fails the test, with @what in front, unless the start was refused: at @step, with @part in the
 * sentence, and nothing ever ran. */
void confined_refused(const struct confined *c, const char *what, const char *step,
                      const char *part);

/* Fails unless the program ran, and every line of the receipt that can be seen from inside is true.
 */
void confined_true(const struct confined *c, const char *what);

/* What the receipt says was applied; fails unless there is exactly one such line. */
const char *confined_applied(const struct confined *c, const char *mechanism);

#endif
