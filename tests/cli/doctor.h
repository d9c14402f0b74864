/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks `crib doctor --json` and finds lines in what it says.
 *
 * Runs in: tests.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/cli.h"

#include <string.h>

#include "base/arena.h"
#include "doctor.pb-c.h"
#include "text/text.h"

#define STATE(name) CRIB__FINDING__STATE__##name

struct told {
    struct cli cli;
    struct arena arena;
    Crib__Diagnosis *diagnosis;
};

/* Runs `crib doctor --json` with @before and one more option, or NULL, and reads what it says. */
static inline void ask(struct told *told, int (*before)(void), const char *policy)
{
    struct crib_error err = {0};
    ProtobufCMessage *msg;
    char why[1024];

    memset(told, 0, sizeof(*told));
    told->cli.before = before;
    arena_init(&told->arena, 0);
    if (policy)
        CLI(&told->cli, "doctor", "--json", "--policy", policy);
    else
        CLI(&told->cli, "doctor", "--json");
    if (text_read(&crib__diagnosis__descriptor, "doctor.json", told->cli.out, strlen(told->cli.out),
                  &told->arena, NULL, &msg, &err) < 0)
        fail_msg("%s\n%s%s", crib_error_text(&err, why, sizeof(why)), told->cli.out, told->cli.err);
    told->diagnosis = (Crib__Diagnosis *)msg;
    assert_int_equal(told->cli.status, told->diagnosis->enforceable ? 0 : 1);
    assert_int_equal(cli_lines(told->cli.out, ""), 1);
}

static inline void done(struct told *told)
{
    arena_done(&told->arena);
    cli_done(&told->cli);
}

static inline const Crib__Finding *find(const struct told *told, const char *name)
{
    for (size_t i = 0; i < told->diagnosis->n_findings; i++)
        if (strcmp(told->diagnosis->findings[i]->name, name) == 0)
            return told->diagnosis->findings[i];
    return NULL;
}

/* @state 0: there is no such line. */
static inline const Crib__Finding *expect(const struct told *told, const char *name, int state)
{
    const Crib__Finding *finding = find(told, name);

    if ((finding ? (int)finding->state : 0) != state)
        fail_msg("%s is not %d:\n%s", name, state, told->cli.out);
    return finding;
}

#endif
