/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles: what is accepted has entries with a place, and becomes a profile again. */
#include <assert.h>

#include "policy/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct policy_text text = {.name = "p.json", .data = (const char *)data, .len = size};
    char *caps[] = {(char *)"CAP_SYS_ADMIN"};
    struct crib_error err = {0};
    Crib__SeccompProfile *written;
    struct text_marks marks;
    Crib__Policy *policy;
    struct arena arena;

    arena_init(&arena, 0);
    if (profile_read(&text, caps, 1, &arena, &policy, &marks, &err) == 0) {
        const Crib__Syscalls *s = policy->syscalls;

        assert(marks.count == s->n_allow + s->n_deny + s->n_kill + s->n_log);
        if (profile_write(policy, &arena, &written, &err) == 0)
            assert(written->n_architectures == 1);
    }
    arena_done(&arena);
    return 0;
}
