/* SPDX-License-Identifier: Apache-2.0 */
#include "api/policies.h"
#include "base/auto.h"
#include "base/buf.h"
#include "cli/command.h"
#include "cli/policy_tools.h"
#include "cli/say.h"
#include "policy/canonical.h"
#include "policy/load.h"

int policy_format(char *const *words)
{
    AUTO(arena_done) struct arena arena;
    AUTO(buf_done) struct buf out = {0};
    struct crib_error err = {0};
    struct policy_text text;
    Crib__Policy *checked;
    int r;

    arena_init(&arena, 0);
    r = policy_load(words[0], policies_dirs, &arena, &checked, NULL, &err);
    if (r == 0)
        r = policy_find(words[0], NULL, policies_dirs, &arena, &text, &err);
    if (r == 0)
        r = canonical_text(&text, &arena, &out, &err);
    if (r < 0) {
        say_error(&err);
        return STATUS_FAILED;
    }
    return say_out((const char *)out.data, out.len) < 0 ? STATUS_FAILED : 0;
}
