/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies from strangers: any bytes as text, and any bytes as a packed message. What is accepted
 * is effective: it is accepted again, without a change.
 */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/policy.h"
#include "policy/load.h"
#include "text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Paths are left out, so that a run depends on no file of this host. */
static bool names_a_path(const Crib__Policy *policy)
{
    for (size_t i = 0; policy && i < policy->n_extends; i++)
        if (strpbrk(policy->extends[i], "/."))
            return true;
    return policy && policy->syscalls && policy->syscalls->profile;
}

static Crib__Policy *read_text(const uint8_t *data, size_t size, struct arena *arena)
{
    ProtobufCMessage *msg = NULL;

    text_read(&crib__policy__descriptor, "input", data, size, arena, NULL, &msg, NULL);
    return (Crib__Policy *)msg;
}

static uint8_t *pack(const Crib__Policy *policy, size_t *ret_len)
{
    uint8_t *packed;

    *ret_len = crib__policy__get_packed_size(policy);
    packed = malloc(*ret_len + 1);
    assert(packed);
    crib__policy__pack(policy, packed);
    return packed;
}

static void check_accepted(const crib_policy *policy)
{
    size_t len, again_len;
    uint8_t *packed = pack(policy->policy, &len), *again_packed;
    crib_policy *again;

    assert(policy->policy->n_extends == 0);
    if (len <= POLICY_MAX_BYTES) {
        assert(crib_policy_decode(packed, len, &again, NULL) == 0);
        again_packed = pack(again->policy, &again_len);
        assert(again_len == len && memcmp(packed, again_packed, len) == 0);
        free(again_packed);
        crib_policy_free(again);
    }
    free(packed);
}

static void check_text(const crib_policy *policy)
{
    crib_policy *again;
    char *text;

    assert(crib_policy_text(policy, &text) == 0);
    if (strlen(text) <= POLICY_MAX_BYTES) {
        assert(crib_policy_parse("again", text, strlen(text), &again, NULL) == 0);
        crib_policy_free(again);
    }
    free(text);
}

static void end(crib_policy *policy, int r, const struct crib_error *err)
{
    if (r < 0) {
        assert(err->code == r && (err->subject[0] || err->detail[0] || err->step));
        return;
    }
    check_accepted(policy);
    check_text(policy);
    crib_policy_free(policy);
}

static void parse(const uint8_t *data, size_t size)
{
    struct crib_error err = {0};
    crib_policy *policy = NULL;
    int r = crib_policy_parse("input", data, size, &policy, &err);

    end(policy, r, &err);
}

static void decode(const uint8_t *data, size_t size)
{
    struct crib_error err = {0};
    crib_policy *policy = NULL;
    int r = crib_policy_decode(data, size, &policy, &err);

    end(policy, r, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;

    arena_init(&arena, 0);
    if (!names_a_path(read_text(data, size, &arena)))
        parse(data, size);
    if (!names_a_path(crib__policy__unpack(&arena.pb, size, data)))
        decode(data, size);
    arena_done(&arena);
    return 0;
}
