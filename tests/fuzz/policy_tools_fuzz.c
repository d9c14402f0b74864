/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What looks into a policy, with texts from strangers. The first line is a call, as `explain` is
 * asked about it; the rest is a policy.
 *
 * The canonical text of what is accepted is accepted, comes to the same policy, and stays as it is.
 * What explain says of a call is what the rules say when they are read one after the other. A
 * policy does not differ from itself.
 */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/call.h"
#include "policy/canonical.h"
#include "policy/explain.h"
#include "policy/load.h"
#include "text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Paths are left out, so that a run depends on no file of this host. */
static bool names_a_path(const char *data, size_t size, struct arena *arena)
{
    ProtobufCMessage *msg = NULL;
    const Crib__Policy *policy;

    text_read(&crib__policy__descriptor, "input", data, size, arena, NULL, &msg, NULL);
    policy = (const Crib__Policy *)msg;
    for (size_t i = 0; policy && i < policy->n_extends; i++)
        if (strpbrk(policy->extends[i], "/."))
            return true;
    return policy && policy->syscalls && policy->syscalls->profile;
}

static Crib__Policy *load(const char *data, size_t size, struct arena *arena)
{
    Crib__Policy *policy = NULL;

    return policy_parse("input", data, size, NULL, arena, &policy, NULL, NULL) == 0 ? policy : NULL;
}

/* Return: the packed policy, its entries canonical; the caller frees it. */
static uint8_t *pack(Crib__Policy *policy, struct arena *arena, size_t *ret_len)
{
    uint8_t *packed;

    assert(canonical_policy(policy, arena) == 0);
    *ret_len = crib__policy__get_packed_size(policy);
    packed = malloc(*ret_len + 1);
    assert(packed);
    crib__policy__pack(policy, packed);
    return packed;
}

static void check_same(const char *data, size_t size, const struct buf *formatted,
                       struct arena *arena)
{
    Crib__Policy *before = load(data, size, arena),
                 *after = load((const char *)formatted->data, formatted->len, arena);
    size_t len[2];
    uint8_t *packed[2];

    assert(before && after);
    packed[0] = pack(before, arena, &len[0]);
    packed[1] = pack(after, arena, &len[1]);
    assert(len[0] == len[1] && memcmp(packed[0], packed[1], len[0]) == 0);
    free(packed[0]);
    free(packed[1]);
}

static void check_format(const char *data, size_t size, struct arena *arena)
{
    struct policy_text text = {.name = "input", .data = data, .len = size};
    struct buf once = {0}, twice = {0};

    if (canonical_text(&text, arena, &once, NULL) == 0 && once.len <= POLICY_MAX_BYTES) {
        check_same(data, size, &once, arena);
        text.data = (const char *)once.data;
        text.len = once.len;
        if (canonical_text(&text, arena, &twice, NULL) == 0) /* a text may look like a comment */
            assert(twice.len == once.len && memcmp(twice.data, once.data, once.len) == 0);
    }
    buf_done(&once);
    buf_done(&twice);
}

/* Return: the strongest list that has a rule which fits. */
static enum syscalls_list decide(const Crib__Policy *policy, const struct concrete_call *call,
                                 struct arena *arena)
{
    for (int list = 0; list < LISTS_OF_CALLS; list++) {
        size_t count, rule_count;
        struct rule *rules;
        char *const *entries = syscalls_entries(policy->syscalls, (enum syscalls_list)list, &count);

        assert(rules_expand(entries, count, arena, &rules, &rule_count, NULL) == 0);
        for (size_t i = 0; i < rule_count; i++)
            if (rules[i].call == call->call && rule_fits(&rules[i], call->args))
                return (enum syscalls_list)list;
    }
    return LISTS_OF_CALLS;
}

static void check_explain(const Crib__Policy *policy, const char *text, struct arena *arena)
{
    struct concrete_call call;
    struct asked_call asked = {0};
    struct reasons reasons;

    if (call_read(text, &call, NULL) < 0)
        return;
    asked.call = call.call;
    assert(policy_explain(policy, &asked, arena, &reasons, NULL) == 0);
    for (size_t i = 0; i + 1 < reasons.count; i++)
        assert(!reasons.list[i].certain && reasons.list[i].list <= reasons.list[i + 1].list);
    memset(asked.known, 0xff, sizeof(asked.known));
    memcpy(asked.bits, call.args, sizeof(asked.bits));
    assert(policy_explain(policy, &asked, arena, &reasons, NULL) == 0);
    assert(reasons.count <= 1 && (!reasons.count || reasons.list[0].certain));
    assert(decide(policy, &call, arena) == (reasons.count ? reasons.list[0].list : LISTS_OF_CALLS));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *end = size ? memchr(data, '\n', size) : NULL;
    size_t line = end ? (size_t)(end - (const char *)data) : size;
    const char *rest = (const char *)data + line + (end != NULL);
    size_t rest_len = size - line - (end != NULL);
    Crib__Policy *policy;
    struct arena arena;
    char *call;

    arena_init(&arena, 0);
    call = arena_copy(&arena, data, line);
    if (call && !names_a_path(rest, rest_len, &arena)) {
        policy = load(rest, rest_len, &arena);
        if (policy) {
            check_explain(policy, call, &arena);
            check_format(rest, rest_len, &arena);
        }
    }
    arena_done(&arena);
    return 0;
}
