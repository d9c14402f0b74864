/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <string.h>

#include "policy.pb-c.h"
#include "policy/merge.h"
#include "text/text.h"

static Crib__Policy *read_policy(const char *text, struct arena *arena)
{
    struct crib_error err = {0};
    ProtobufCMessage *msg = NULL;

    if (text_read(&crib__policy__descriptor, "text", text, strlen(text), arena, NULL, &msg, &err) <
        0)
        fail_msg("%s: %s", err.subject, err.detail);
    return (Crib__Policy *)msg;
}

static void assert_text(const Crib__Policy *policy, const char *expected)
{
    struct buf got = {0};

    assert_int_equal(text_write_yaml(&policy->base, &got), 0);
    assert_int_equal(buf_append(&got, "", 1), 0);
    assert_string_equal((char *)got.data, expected);
    buf_done(&got);
}

/* Each row: texts laid over each other in turn, and what they come to. */
static const struct {
    const char *name;
    const char *texts[3];
    const char *expected;
} rows[] = {
    {"nothing over nothing", {"", ""}, "{}\n"},
    {"the later scalar counts",
     {"about: a\nlandlock: off", "about: b"},
     "about: b\nlandlock: off\n"},
    {"an unset scalar leaves", {"landlock: required", "{}"}, "landlock: required\n"},
    {"the unset meaning, said, counts",
     {"namespaces: {net: host}\nnet: {loopback: false}",
      "namespaces: {net: new}\nnet: {loopback: true}"},
     "namespaces:\n  net: new\nnet:\n  loopback: true\n"},
    {"zero is not unset", {"limits: {swap: 7}", "limits: {swap: 0}"}, "limits:\n  swap: 0\n"},
    {"messages field by field",
     {"limits: {pids: 1, memory: 1K}", "limits: {stack: 2K}", "limits: {pids: 3}"},
     "limits:\n  memory: 1K\n  pids: 3\n  stack: 2K\n"},
    {"lists append, bases first",
     {"env: {pass: [A, B]}", "env: {pass: [C]}", "env: {pass: [A]}"},
     "env:\n  pass:\n  - A\n  - B\n  - C\n  - A\n"},
    {"an empty list takes nothing away",
     {"caps: {keep: [CAP_KILL]}", "caps: {keep: []}"},
     "caps:\n  keep:\n  - CAP_KILL\n"},
    {"null takes nothing away",
     {"syscalls: {allow: [read]}", "syscalls: null", "syscalls: {allow: null}"},
     "syscalls:\n  allow:\n  - read\n"},
    {"what is denied stays denied",
     {"syscalls: {deny: [read], kill: [reboot]}", "syscalls: {allow: [read, reboot]}"},
     "syscalls:\n  allow:\n  - read\n  - reboot\n  deny:\n  - read\n  kill:\n  - reboot\n"},
    {"mounts are entries, never mixed",
     {"mounts: [{target: /a, write: true}]", "mounts: [{target: /a}]"},
     "mounts:\n- target: /a\n  write: true\n- target: /a\n"},
    {"numbers append",
     {"net: {connect_ports: [80]}", "net: {connect_ports: [443, 80]}"},
     "net:\n  connect_ports:\n  - 80\n  - 443\n  - 80\n"},
    {"bytes append",
     {"env: {set: [A=1]}", "env: {set: [A=2]}"},
     "env:\n  set:\n  - A=1\n  - A=2\n"},
};

static void test_laying_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        Crib__Policy onto = CRIB__POLICY__INIT;
        struct arena arena;

        print_message("%s\n", rows[i].name);
        arena_init(&arena, 0);
        for (size_t j = 0; j < 3 && rows[i].texts[j]; j++)
            assert_int_equal(
                merge_message(&onto.base, &read_policy(rows[i].texts[j], &arena)->base, &arena), 0);
        assert_text(&onto, rows[i].expected);
        arena_done(&arena);
    }
}

static void test_what_is_laid_over_stays_as_it_is(void **state)
{
    Crib__Policy onto = CRIB__POLICY__INIT;
    Crib__Policy *first, *second;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    first = read_policy("limits: {pids: 1}\nenv: {pass: [A]}", &arena);
    second = read_policy("limits: {pids: 2}\nenv: {pass: [B]}", &arena);
    assert_int_equal(merge_message(&onto.base, &first->base, &arena), 0);
    assert_int_equal(merge_message(&onto.base, &second->base, &arena), 0);
    assert_text(first, "limits:\n  pids: 1\nenv:\n  pass:\n  - A\n");
    assert_text(second, "limits:\n  pids: 2\nenv:\n  pass:\n  - B\n");
    arena_done(&arena);
}

/* Over every power of two at which the room of a list grows. */
static void test_long_lists(void **state)
{
    Crib__Policy onto = CRIB__POLICY__INIT;
    Crib__Policy *one;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    one = read_policy("net: {bind_ports: [1, 2, 3]}", &arena);
    for (int i = 0; i < 700; i++)
        assert_int_equal(merge_message(&onto.base, &one->base, &arena), 0);
    assert_int_equal(onto.net->n_bind_ports, 2100);
    for (size_t i = 0; i < 2100; i++)
        assert_int_equal(onto.net->bind_ports[i], i % 3 + 1);
    arena_done(&arena);
}

static void test_without_memory(void **state)
{
    Crib__Policy *policy;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    policy = read_policy("limits: {pids: 1}\nmounts: [{target: /a}]\nenv: {set: [A=1]}", &arena);
    for (size_t limit = 1; limit < 400; limit += 20) {
        Crib__Policy onto = CRIB__POLICY__INIT;
        struct arena small;

        arena_init(&small, limit);
        assert_int_equal(merge_message(&onto.base, &policy->base, &small), -ENOMEM);
        arena_done(&small);
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_laying_over),
        cmocka_unit_test(test_what_is_laid_over_stays_as_it_is),
        cmocka_unit_test(test_long_lists),
        cmocka_unit_test(test_without_memory),
    };

    return test_run(tests);
}
