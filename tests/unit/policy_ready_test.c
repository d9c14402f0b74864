/* SPDX-License-Identifier: Apache-2.0 */
/* What is ready in the library is what its loader makes of the shipped texts. */
#include "support/support.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/load.h"
#include "policy/ready.h"

static void assert_packs_to(const ProtobufCMessage *message, const struct ready_bytes *ready)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *data = malloc(len + 1);

    assert_non_null(data);
    protobuf_c_message_pack(message, data);
    assert_int_equal(len, ready->len);
    assert_memory_equal(data, ready->data, len);
    free(data);
}

static void test_policies_are_what_the_loader_makes(void **state)
{
    const char *const *names = policy_shipped();
    size_t count = 0;

    (void)state;
    for (; names[count]; count++) {
        const struct ready_policy *ready = &ready_policies[count];
        struct arena arena;
        Crib__Policy *policy;
        Crib__Origins *origins;
        char *made_of;
        size_t len;

        arena_init(&arena, 0);
        assert_string_equal(ready->name, names[count]);
        assert_int_equal(
            ready_policy_made(names[count], &arena, &policy, &origins, &made_of, &len, NULL), 0);
        assert_packs_to(&policy->base, &ready->policy);
        assert_packs_to(&origins->base, &ready->origins);
        assert_memory_equal(made_of, ready->made_of, len);
        arena_done(&arena);
    }
    assert_int_equal(count, ready_policies_count);
    assert_true(count > 4);
}

static void assert_same_entry(const struct groups *a, const struct group_entry *x,
                              const struct groups *b, const struct group_entry *y)
{
    assert_int_equal(x->line, y->line);
    assert_int_equal(x->inner != NULL, y->inner != NULL);
    if (x->inner) {
        assert_int_equal(x->inner - a->list, y->inner - b->list);
        return;
    }
    assert_ptr_equal(x->rule.call, y->rule.call);
    assert_int_equal(x->rule.count, y->rule.count);
    assert_int_equal(rule_compare(&x->rule, &y->rule), 0);
    assert_int_equal(x->rule.code, y->rule.code);
}

static void test_groups_are_what_the_loader_makes(void **state)
{
    static struct groups read;
    const struct groups *ready;
    struct arena arena;
    size_t conditions = 0;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(groups_read(shipped_groups, shipped_groups_count, &arena, &read, NULL), 0);
    assert_int_equal(ready_groups_count, shipped_groups_count);
    assert_int_equal(groups_shipped(&ready, NULL), 0);
    assert_int_equal(ready->count, read.count);
    for (size_t i = 0; i < read.count; i++) {
        const struct group *a = &read.list[i], *b = &ready->list[i];

        assert_string_equal(a->name, b->name);
        assert_string_equal(a->about ? a->about : "-", b->about ? b->about : "-");
        assert_int_equal(a->count, b->count);
        for (size_t n = 0; n < a->count; n++) {
            assert_same_entry(&read, &a->entries[n], ready, &b->entries[n]);
            conditions += a->entries[n].rule.count;
        }
    }
    assert_true(conditions > 10);
    arena_done(&arena);
}

static const char *pass_of(const char *name, const char *dir, struct arena *arena)
{
    const char *dirs[] = {dir, NULL};
    Crib__Policy *policy;
    Crib__Origins *origins;

    assert_int_equal(policy_load(name, dirs, arena, &policy, &origins, NULL), 0);
    for (size_t i = 0; policy->env && i < policy->env->n_pass; i++)
        if (strcmp(policy->env->pass[i], "OURS") == 0)
            return "ours";
    return "shipped";
}

/* A directory without the name, or that is not there, changes nothing. One with it, or with a base
 * of it, has the last word. */
static void test_a_directory_comes_before_what_is_ready(void **state)
{
    static const char text[] = "extends: [strict]\nenv: {pass: [OURS]}\n";
    static const char plain[] = "syscalls: {allow: ['@default', execve]}\nenv: {pass: [OURS]}\n";
    char *dir = test_dir(), path[300];
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_string_equal(pass_of("network", "/nowhere", &arena), "shipped");
    assert_string_equal(pass_of("network", dir, &arena), "shipped");
    snprintf(path, sizeof(path), "%s/network.yaml", dir);
    test_write(path, text, strlen(text), 0644);
    assert_string_equal(pass_of("network", dir, &arena), "ours");
    assert_string_equal(pass_of("judge", dir, &arena), "shipped");
    unlink(path);
    snprintf(path, sizeof(path), "%s/default.yaml", dir);
    test_write(path, plain, strlen(plain), 0644);
    assert_string_equal(pass_of("network", dir, &arena), "ours");
    assert_string_equal(pass_of("default", dir, &arena), "ours");
    assert_string_equal(pass_of("strict", dir, &arena), "shipped");
    unlink(path);
    assert_int_equal(symlink("/nowhere/at/all", path), 0); /* it is there, and cannot be read */
    assert_true(policy_load("default", (const char *[]){dir, NULL}, &arena, &(Crib__Policy *){NULL},
                            NULL, NULL) < 0);
    arena_done(&arena);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policies_are_what_the_loader_makes),
        cmocka_unit_test(test_groups_are_what_the_loader_makes),
        cmocka_unit_test(test_a_directory_comes_before_what_is_ready),
    };

    return test_run(tests);
}
