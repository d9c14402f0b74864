/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/policies.h"
#include "base/auto.h"
#include "base/buf.h"
#include "cli/command.h"
#include "cli/policy_tools.h"
#include "cli/say.h"
#include "policy/load.h"
#include "policy/profile.h"

int policy_export(char *const *words)
{
    AUTO(arena_done) struct arena arena;
    AUTO(buf_done) struct buf out = {0};
    struct crib_error err = {0};
    Crib__SeccompProfile *profile;
    Crib__Policy *policy;
    int r;

    arena_init(&arena, 0);
    if (strcmp(words[0], "--oci") != 0) {
        say("policy export: --oci is the one form there is");
        return STATUS_FAILED;
    }
    r = policy_load(words[1], policies_dirs, &arena, &policy, NULL, &err);
    if (r == 0)
        r = profile_write(policy, &arena, &profile, &err);
    if (r < 0) {
        say_error(&err);
        return STATUS_FAILED;
    }
    if (text_write_json(&profile->base, &out) < 0 || buf_text(&out, "\n") < 0)
        return STATUS_FAILED;
    return say_out((const char *)out.data, out.len) < 0 ? STATUS_FAILED : 0;
}
