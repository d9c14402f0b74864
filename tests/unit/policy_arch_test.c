/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <string.h>

#include "policy/arch.h"
#include "policy/load.h"
#include "policy/origins.h"
#include "text/text.h"

static struct arena arena;
static struct crib_error err;

static int parse(const char *text, Crib__Policy **ret, Crib__Origins **ret_origins)
{
    memset(&err, 0, sizeof(err));
    return policy_parse("p.yaml", text, strlen(text), NULL, &arena, ret, ret_origins, &err);
}

static void assert_refused(const char *text, int code, const char *words)
{
    Crib__Policy *policy;
    char said[1024];

    if (parse(text, &policy, NULL) != code)
        fail_msg("`%s` is not refused so", text);
    assert_string_equal(crib_error_text(&err, said, sizeof(said)), words);
}

static const char policy_text[] = "syscalls:\n"
                                  "  allow: [read]\n"
                                  "  arch:\n"
                                  "  - name: aarch64\n"
                                  "    allow: [fancy_call, \"@io-event\"]\n"
                                  "  - name: x86_64\n"
                                  "    allow: [write, \"@signal\"]\n"
                                  "    deny:\n"
                                  "    - ptrace -> ENOSYS\n"
                                  "    kill: [bpf]\n"
                                  "    log: [socket(domain == AF_INET)]\n"
                                  "  - name: x86_64\n"
                                  "    allow: [close]\n";

static void test_this_machine(void **state)
{
    const char *place;
    Crib__Origins *origins;
    Crib__Policy *policy;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(parse(policy_text, &policy, &origins), 0);
    assert_int_equal(policy->syscalls->n_arch, 0);
    assert_int_equal(policy->syscalls->n_allow, 4);
    assert_string_equal(policy->syscalls->allow[0], "read");
    assert_string_equal(policy->syscalls->allow[1], "write");
    assert_string_equal(policy->syscalls->allow[2], "@signal");
    assert_string_equal(policy->syscalls->allow[3], "close");
    assert_string_equal(policy->syscalls->deny[0], "ptrace -> ENOSYS");
    assert_string_equal(policy->syscalls->kill[0], "bpf");
    assert_string_equal(policy->syscalls->log[0], "socket(domain == AF_INET)");
    /* each is where it was written */
    place = origins_entry(origins, LIST_ALLOW, 3)->at;
    assert_string_equal(place, "p.yaml:13:13");
    assert_string_equal(origins_entry(origins, LIST_ALLOW, 1)->at, "p.yaml:7:13");
    assert_string_equal(origins_entry(origins, LIST_DENY, 0)->at, "p.yaml:9:7");
    arena_done(&arena);
}

/* On another machine the other part would be the one. */
static void test_another_machine(void **state)
{
    struct text_marks marks;
    ProtobufCMessage *message;
    struct policy_check check = {.name = "p.yaml", .err = &err};

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(text_read(&crib__policy__descriptor, "p.yaml", policy_text,
                               strlen(policy_text), &arena, &marks, &message, &err),
                     0);
    check.policy = (Crib__Policy *)message;
    assert_int_equal(arch_apply(&check, &marks, CRIB__SYSCALLS__ARCH__aarch64, &arena), 0);
    assert_int_equal(check.policy->syscalls->n_allow, 3);
    assert_string_equal(check.policy->syscalls->allow[1], "fancy_call");
    assert_int_equal(check.policy->syscalls->n_kill, 0);
    arena_done(&arena);
}

static void test_refused(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    assert_refused("syscalls: {arch: [{allow: [read]}]}", -EINVAL,
                   "p.yaml:1:19: it must say which architecture it is for, in `name`");
    assert_refused("syscalls:\n  arch:\n  - {name: x86_64, deny: [read,\n    raed]}", -EINVAL,
                   "p.yaml:4:5: unknown system call 'raed', did you mean 'read'?");
    assert_refused("syscalls:\n  arch:\n  - {name: riscv64, deny: ['@nothing']}", -EINVAL,
                   "p.yaml:3:28: unknown group '@nothing'");
    assert_refused("syscalls:\n  arch:\n  - {name: riscv64, allow: [read -> EPERM]}", -EINVAL,
                   "p.yaml:3:29: only `deny` names an errno");
    assert_refused("syscalls:\n  arch:\n  - {name: riscv64, allow: ['two words']}", -EINVAL,
                   "p.yaml:3:29: this is no system call, with conditions or without, and no "
                   "@group");
    assert_refused("syscalls:\n  arch:\n  - {name: riscv64, allow: ['call(a == 1']}", -EINVAL,
                   "p.yaml:3:29: this is no system call, with conditions or without, and no "
                   "@group");
    assert_refused("syscalls:\n  arch:\n  - {name: arm, allow: []}", -EINVAL,
                   "p.yaml:3:12: syscalls.arch[0].name: unknown word 'arm', use x86_64, aarch64 or "
                   "riscv64");
    arena_done(&arena);
}

/* A message that has no marks: bases by name, lists that are no arena's. */
static void test_message(void **state)
{
    Crib__Policy policy = CRIB__POLICY__INIT, *effective;
    Crib__Syscalls syscalls = CRIB__SYSCALLS__INIT;
    Crib__Syscalls__ArchPart part = CRIB__SYSCALLS__ARCH_PART__INIT, *parts[] = {&part};
    char *own[] = {"read", "write", "close"}, *more[] = {"lseek", "dup"};

    (void)state;
    arena_init(&arena, 0);
    policy.syscalls = &syscalls;
    syscalls.allow = own;
    syscalls.n_allow = 3;
    syscalls.arch = parts;
    syscalls.n_arch = 1;
    part.has_name = true;
    part.name = arch_here();
    part.allow = more;
    part.n_allow = 2;
    assert_int_equal(policy_resolve(&policy, NULL, &arena, &effective, NULL, &err), 0);
    assert_int_equal(effective->syscalls->n_allow, 5);
    assert_string_equal(effective->syscalls->allow[4], "dup");
    assert_int_equal(effective->syscalls->n_arch, 0);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_this_machine),
        cmocka_unit_test(test_another_machine),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_message),
    };

    return test_run(tests);
}
