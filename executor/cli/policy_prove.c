/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "api/policies.h"
#include "base/auto.h"
#include "base/buf.h"
#include "cli/command.h"
#include "cli/policy_tools.h"
#include "cli/say.h"
#include "plan/proof.h"
#include "policy/load.h"

/* A row of both programs; @format of one number. */
static int add_row(struct buf *out, const char *name, const char *format, double listening,
                   double fallback)
{
    char one[32], other[32];

    snprintf(one, sizeof(one), format, listening);
    snprintf(other, sizeof(other), format, fallback);
    return buf_printf(out, "  %-38s %12s %12s\n", name, one, other);
}

static int add_rows(struct buf *out, const struct proof_program *a, const struct proof_program *b)
{
    const struct {
        const char *name, *format;
        double a, b;
    } rows[] = {
        {"instructions (at most 4096)", "%.0f", (double)a->instructions, (double)b->instructions},
        {"sections", "%.0f", (double)a->sections, (double)b->sections},
        {"call numbers of ours", "%.0f", (double)a->checked.numbers, (double)b->checked.numbers},
        {"unknown numbers, to be ENOSYS", "%.0f", (double)a->checked.unknown,
         (double)b->checked.unknown},
        {"numbers of x32, to be ENOSYS", "%.0f", (double)a->checked.x32, (double)b->checked.x32},
        {"numbers of i386 and others, to kill", "%.0f", (double)a->checked.foreign,
         (double)b->checked.foreign},
        {"arguments at a boundary", "%.0f", (double)a->checked.values, (double)b->checked.values},
        {"calls run through program and rules", "%.0f", (double)a->checked.calls,
         (double)b->checked.calls},
        {"time, ms", "%.1f", (double)a->time_us / 1000, (double)b->time_us / 1000},
    };
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
        r = add_row(out, rows[i].name, rows[i].format, rows[i].a, rows[i].b);
    return r;
}

static int describe(struct buf *out, const char *name, const struct proof_told *told)
{
    int r = buf_printf(out,
                       "%s: proven; both programs do what the rules say\n"
                       "rules: %016" PRIx64 ": %zu allow, %zu deny, %zu kill, %zu log; %zu of them "
                       "with conditions\n\n"
                       "  %-38s %12s %12s\n",
                       name, told->digest, told->rules[FILTER_ALLOW], told->rules[FILTER_DENY],
                       told->rules[FILTER_KILL], told->rules[FILTER_LOG], told->conditional, "",
                       "listener", "fallback");

    if (r == 0)
        r = add_rows(out, &told->listening, &told->fallback);
    return r < 0 ? r
                 : buf_printf(out, "\ncompiled and checked for the first time in %.1f ms\n",
                              (double)told->compile_us / 1000);
}

int policy_prove(char *const *words)
{
    AUTO(arena_done) struct arena arena;
    AUTO(buf_done) struct buf out = {0};
    struct crib_error err = {0};
    struct proof_told told;
    Crib__Policy *policy;
    int r;

    arena_init(&arena, 0);
    r = policy_load(words[0], policies_dirs, &arena, &policy, NULL, &err);
    if (r == 0)
        r = plan_prove(policy, &arena, &told, &err);
    if (r < 0) {
        say_error(&err);
        return r == -EPROTO ? STATUS_INVALID : STATUS_FAILED;
    }
    r = told.filtered
            ? describe(&out, words[0], &told)
            : buf_printf(&out, "%s: syscalls.filter is off: there is nothing to prove\n", words[0]);
    return r < 0 || say_out((const char *)out.data, out.len) < 0 ? STATUS_FAILED : 0;
}
