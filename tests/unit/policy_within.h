/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing policies that are given as texts.
 *
 * Runs in: tests.
 */
#ifndef UNIT_POLICY_WITHIN_H
#define UNIT_POLICY_WITHIN_H

#include "support/support.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "policy/load.h"
#include "policy/within.h"

enum own { OWN_NONE, OWN_READ, OWN_WRITE };

static inline Crib__Policy *within_read(const char *text, struct arena *arena)
{
    Crib__Policy *policy;
    struct crib_error err = {0};

    if (policy_parse("text.yaml", text, strlen(text), NULL, arena, &policy, NULL, &err) < 0)
        fail_msg("%s: %s: %s", text, err.subject, err.detail);
    return policy;
}

static inline int within_compare(const char *policy, const char *widest, enum own own,
                                 struct crib_error *err)
{
    struct arena arena;
    int r;

    memset(err, 0, sizeof(*err));
    arena_init(&arena, 0);
    r = policy_within(within_read(policy, &arena), within_read(widest, &arena), own >= OWN_READ,
                      own == OWN_WRITE, err);
    arena_done(&arena);
    return r;
}

static inline void assert_within(const char *policy, const char *widest, enum own own)
{
    struct crib_error err;
    char said[1024];

    if (within_compare(policy, widest, own, &err) < 0)
        fail_msg("`%s` is not within `%s`: %s", policy, widest,
                 crib_error_text(&err, said, sizeof(said)));
}

/* @said: the whole sentence as people read it; NULL: any. */
static inline void assert_wider(const char *policy, const char *widest, enum own own,
                                const char *said)
{
    struct crib_error err;
    char text[1024];

    if (within_compare(policy, widest, own, &err) != -EACCES)
        fail_msg("`%s` is within `%s`: %s", policy, widest,
                 crib_error_text(&err, text, sizeof(text)));
    assert_int_equal(err.code, -EACCES);
    assert_non_null(err.step);
    crib_error_text(&err, text, sizeof(text));
    if (said)
        assert_string_equal(text, said);
}

/* One pair, and what is said of it. */
struct within_row {
    const char *policy, *widest;
    const char *said; /* NULL: it is within */
    enum own own;
};

static inline void assert_within_rows(const struct within_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].said)
            assert_wider(rows[i].policy, rows[i].widest, rows[i].own, rows[i].said);
        else
            assert_within(rows[i].policy, rows[i].widest, rows[i].own);
}

#define ASSERT_WITHIN_ROWS(rows) assert_within_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* Numbers that are the same in every run. */
static inline unsigned within_random(uint64_t *state, unsigned below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*state >> 33) % below;
}

#endif
