/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/policies.h"
#include "base/auto.h"
#include "base/buf.h"
#include "cli/command.h"
#include "cli/policy_tools.h"
#include "cli/say.h"
#include "policy/dangers.h"
#include "policy/load.h"

/* Return: 0; STATUS_INVALID; negative errno. */
static int show(const char *name, const struct dangers *dangers, struct buf *out)
{
    int status = 0, r = 0;

    for (size_t i = 0; r == 0 && i < dangers->count; i++) {
        const struct danger *danger = &dangers->list[i];

        if (danger->why && danger->why[0])
            continue;
        status = STATUS_INVALID;
        r = buf_printf(out,
                       "%s: %s is granted without a reason: %s; take it away, or add to `reason`: "
                       "{grant: %s, why: …}\n",
                       danger->place ? danger->place : name, danger->grant, danger->what,
                       danger->grant);
    }
    return r < 0 ? r : status;
}

static int lint(const char *name)
{
    AUTO(arena_done) struct arena arena;
    AUTO(buf_done) struct buf out = {0};
    struct crib_error err = {0};
    struct dangers dangers;
    Crib__Origins *origins;
    Crib__Policy *policy;
    int r;

    arena_init(&arena, 0);
    r = policy_load(name, policies_dirs, &arena, &policy, &origins, &err);
    if (r == 0)
        r = policy_dangers(policy, origins, &arena, &dangers, &err);
    if (r < 0) {
        say_error(&err);
        return STATUS_FAILED;
    }
    r = show(name, &dangers, &out);
    if (r < 0 || say_out((const char *)out.data, out.len) < 0)
        return STATUS_FAILED;
    return r;
}

int policy_lint(char *const *words)
{
    int status = 0;

    for (; *words; words++) {
        int one = lint(*words);

        status = one > status ? one : status;
    }
    return status;
}
