/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles of the OCI and Docker, read and written. */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "policy/explain.h"
#include "policy/load.h"
#include "policy/profile.h"

/* In the form of containers/common, with what differs from case to case. */
static const char head[] = "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 38,\n"
                           "\"defaultErrno\": \"ENOSYS\",\n"
                           "\"archMap\": [{\"architecture\": \"SCMP_ARCH_X86_64\",\n"
                           "\"subArchitectures\": [\"SCMP_ARCH_X86\"]}],\n\"syscalls\": [\n";

static const char rules[] =
    "{\"names\": [\"read\", \"_llseek\", \"setns\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": "
    "[]},\n"
    "{\"names\": [\"uselib\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 1, \"errno\": "
    "\"EPERM\"},\n"
    "{\"names\": [\"setns\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 1,\n"
    " \"excludes\": {\"caps\": [\"CAP_SYS_ADMIN\"]}},\n"
    "{\"names\": [\"chroot\"], \"action\": \"SCMP_ACT_ALLOW\",\n"
    " \"includes\": {\"caps\": [\"CAP_SYS_CHROOT\"], \"minKernel\": \"4.8\"}},\n"
    "{\"names\": [\"chroot\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 1,\n"
    " \"excludes\": {\"caps\": [\"CAP_SYS_CHROOT\"]}},\n"
    "{\"names\": [\"arch_prctl\"], \"action\": \"SCMP_ACT_ALLOW\",\n"
    " \"includes\": {\"arches\": [\"amd64\", \"x32\"]}},\n"
    "{\"names\": [\"sync\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"arches\": "
    "[\"arm64\"]}},\n"
    "{\"names\": [\"personality\"], \"action\": \"SCMP_ACT_ALLOW\",\n"
    " \"args\": [{\"index\": 0, \"value\": 8, \"valueTwo\": 0, \"op\": \"SCMP_CMP_EQ\"}]},\n"
    "{\"names\": [\"clone\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\":\n"
    " [{\"index\": 0, \"value\": 2114060288, \"valueTwo\": 0, \"op\": \"SCMP_CMP_MASKED_EQ\"}]},\n"
    "{\"names\": [\"socket\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 22, \"errno\": "
    "\"EINVAL\",\n"
    " \"args\": [{\"index\": 0, \"value\": 16, \"op\": \"SCMP_CMP_EQ\"},\n"
    "  {\"index\": 2, \"value\": 9, \"op\": \"SCMP_CMP_EQ\"}]},\n"
    "{\"names\": [\"socket\"], \"action\": \"SCMP_ACT_ALLOW\",\n"
    " \"args\": [{\"index\": 2, \"value\": 9, \"op\": \"SCMP_CMP_NE\"}]},\n"
    "{\"names\": [\"socket\"], \"action\": \"SCMP_ACT_ALLOW\",\n"
    " \"args\": [{\"index\": 0, \"value\": 16, \"op\": \"SCMP_CMP_NE\"}]},\n"
    "{\"names\": [\"dup\"], \"action\": \"SCMP_ACT_LOG\",\n"
    " \"args\": [{\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"},\n"
    "  {\"index\": 0, \"value\": 2, \"op\": \"SCMP_CMP_EQ\"}]},\n"
    "{\"names\": [\"ptrace\"], \"action\": \"SCMP_ACT_KILL_PROCESS\"}]}\n";

static char *join(char *const *list, size_t count, struct arena *arena)
{
    char *text = arena_text(arena, "");

    for (size_t i = 0; i < count; i++)
        text = arena_printf(arena, "%s%s%s", text, i ? "; " : "", list[i]);
    return text;
}

static int read_text(const char *data, const char *cap, struct arena *arena, Crib__Policy **ret,
                     struct crib_error *err)
{
    struct policy_text text = {.name = "p.json", .data = data, .len = strlen(data)};
    char *caps[] = {(char *)cap};
    struct text_marks marks;

    return profile_read(&text, caps, cap != NULL, arena, ret, &marks, err);
}

static void test_rules_become_entries(void **state)
{
    struct crib_error err = {0};
    Crib__Policy *policy;
    struct arena arena;
    const char *data;

    (void)state;
    arena_init(&arena, 0);
    data = arena_printf(&arena, "%s%s", head, rules);
    if (read_text(data, NULL, &arena, &policy, &err) < 0)
        fail_msg("%s: %s", err.subject, err.detail);
    assert_string_equal(policy->syscalls->otherwise, "ENOSYS");
    assert_string_equal(join(policy->syscalls->allow, policy->syscalls->n_allow, &arena),
                        "read; setns; arch_prctl; personality(arg0/32 == 0x8); "
                        "clone(arg0/32 & 0x7e020000 == 0); socket(arg2/32 != 0x9); "
                        "socket(arg0/32 != 0x10)");
    assert_string_equal(join(policy->syscalls->deny, policy->syscalls->n_deny, &arena),
                        "uselib; chroot; socket(arg0/32 == 0x10, arg2/32 == 0x9) -> EINVAL");
    assert_string_equal(join(policy->syscalls->log, policy->syscalls->n_log, &arena),
                        "dup(arg0/32 == 0x1); dup(arg0/32 == 0x2)");
    assert_string_equal(join(policy->syscalls->kill, policy->syscalls->n_kill, &arena), "ptrace");
    assert_int_equal(read_text(data, "CAP_SYS_CHROOT", &arena, &policy, &err), 0);
    assert_string_equal(join(policy->syscalls->deny, policy->syscalls->n_deny, &arena),
                        "uselib; socket(arg0/32 == 0x10, arg2/32 == 0x9) -> EINVAL");
    arena_done(&arena);
}

static const struct {
    const char *text, *said;
} bad[] = {
    {"{}", "p.json:1:1: an action that crib has not: nothing"},
    {"{\"defaultAction\": \"SCMP_ACT_KILL\"}",
     "p.json:1:19: SCMP_ACT_KILL as the default, which crib has not"},
    {"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"architectures\": [\"SCMP_ARCH_ARM\"]}",
     "p.json:1:54: it is for other architectures than x86-64"},
    {"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": [\"read\"],\n"
     "\"action\": \"SCMP_ACT_NOTIFY\"}]}",
     "p.json:2:11: an action that crib has not: SCMP_ACT_NOTIFY"},
    {"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": [\"read\"],\n"
     "\"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"op\": \"SCMP_CMP_XX\"}]}]}",
     "p.json:2:37: an operator that crib has not: SCMP_CMP_XX"},
    {"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": [\"read\"],\n"
     "\"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"minKernel\": \"6.1\"}}]}",
     "p.json:2:55: whether this kernel is at least 6.1 is not asked here"},
    {"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscals\": []}",
     "p.json:1:37: unknown key 'syscals', did you mean 'syscalls'?"},
    {"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 4000}",
     "p.json:1:56: an errno that there is not"},
};

static void test_refusals(void **state)
{
    char text[700];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct crib_error err = {0};
        Crib__Policy *policy;
        struct arena arena;

        arena_init(&arena, 0);
        assert_int_equal(read_text(bad[i].text, NULL, &arena, &policy, &err), -EINVAL);
        assert_string_equal(crib_error_text(&err, text, sizeof(text)), bad[i].said);
        arena_done(&arena);
    }
}

/* A condition on an address is refused at its line of the profile, not of the policy. */
static void test_a_policy_names_a_profile(void **state)
{
    char *dir = test_dir(), path[512], profile[512];
    struct crib_error err = {0};
    Crib__Origins *origins;
    Crib__Policy *policy;
    struct arena arena;
    const char *data;

    (void)state;
    arena_init(&arena, 0);
    snprintf(path, sizeof(path), "%s/p.yaml", dir);
    snprintf(profile, sizeof(profile), "%s/p.json", dir);
    data = "caps: {keep: [CAP_SYS_CHROOT]}\nsyscalls:\n  profile: ./p.json\n  deny: [read]\n";
    test_write(path, data, strlen(data), 0644);
    data = arena_printf(&arena, "%s%s", head, rules);
    test_write(profile, data, strlen(data), 0644);
    if (policy_load(path, NULL, &arena, &policy, &origins, &err) < 0)
        fail_msg("%s: %s", err.subject, err.detail);
    assert_null(policy->syscalls->profile);
    assert_string_equal(policy->syscalls->allow[0], "read");
    test_contains(origins->allow[0]->at, "p.json:6:");
    test_contains(origins->allow[0]->through, "p.yaml:3:12");
    assert_string_equal(policy->syscalls->deny[2], "read");
    assert_int_equal(policy->syscalls->n_deny, 3);
    data =
        "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"action\": \"SCMP_ACT_ALLOW\",\n"
        "\"names\": [\"read\"], \"args\": [{\"index\": 1, \"op\": \"SCMP_CMP_EQ\"}]}]}";
    test_write(profile, data, strlen(data), 0644);
    assert_int_equal(policy_load(path, NULL, &arena, &policy, NULL, &err), -EINVAL);
    test_contains(err.subject, "p.json:2:");
    test_contains(err.detail, "is an address");
    unlink(profile);
    assert_int_equal(policy_load(path, NULL, &arena, &policy, NULL, &err), -ENOENT);
    unlink(path);
    rmdir(dir);
    free(dir);
    arena_done(&arena);
}

static void test_a_message_names_no_profile(void **state)
{
    Crib__Syscalls syscalls = CRIB__SYSCALLS__INIT;
    Crib__Policy message = CRIB__POLICY__INIT, *policy;
    struct crib_error err = {0};
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    message.syscalls = &syscalls;
    syscalls.profile = (char *)"/etc/passwd.json";
    assert_int_equal(policy_resolve(&message, NULL, &arena, &policy, NULL, &err), -EINVAL);
    assert_string_equal(err.detail, "only a policy file can name a profile");
    arena_done(&arena);
}

static uint64_t seed = 1;

static uint64_t next(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed >> 24 ^ seed << 40;
}

/* Return: the list that decides, and the errno where it is deny. */
static int verdict(const Crib__Policy *policy, const struct asked_call *call, struct arena *arena)
{
    struct reasons reasons;
    uint64_t code = EPERM;

    assert_int_equal(policy_explain(policy, call, arena, &reasons, NULL), 0);
    if (reasons.count) {
        assert_true(reasons.list[0].certain);
        if (reasons.list[0].list != LIST_DENY)
            return -(int)reasons.list[0].list;
        return reasons.list[0].rule.code ? reasons.list[0].rule.code : EPERM;
    }
    if (policy->syscalls->otherwise)
        symbol_value("ERRNO", policy->syscalls->otherwise, &code);
    return (int)code;
}

/* Written, and read again: the same answers. */
static void test_what_is_written_says_the_same(void **state)
{
    static const char text[] =
        "syscalls:\n  otherwise: ENOSYS\n  allow:\n"
        "  - dup\n  - dup2(oldfd < 100, newfd != 7)\n"
        "  - socket(domain in {1, 2}, type & 0xf != 3)\n"
        "  - lseek(offset <= 0x100000005)\n"
        "  deny:\n  - dup(oldfd == 3) -> EBUSY\n  - dup(oldfd within 5)\n"
        "  - lseek(whence == 2)\n"
        "  kill:\n  - socket(protocol == 132)\n  log:\n  - dup(oldfd > 50)\n";
    static const uint64_t values[] = {0, 1,  2,  3,  4,   5,   6,           7,
                                      8, 50, 51, 99, 100, 132, 0x100000005, 0x100000006};
    static const char *const names[] = {"dup", "dup2", "socket", "lseek"};
    struct crib_error err = {0};
    Crib__SeccompProfile *profile;
    Crib__Policy *policy, *again;
    struct buf out = {0};
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(policy_parse("p", text, strlen(text), NULL, &arena, &policy, NULL, &err), 0);
    assert_int_equal(profile_write(policy, &arena, &profile, &err), 0);
    assert_int_equal(text_write_json(&profile->base, &out), 0);
    if (read_text(arena_copy(&arena, out.data, out.len), NULL, &arena, &again, &err) < 0)
        fail_msg("%s: %s", err.subject, err.detail);
    for (int i = 0; i < 3000; i++) {
        struct asked_call call = {.call = call_by_name(names[next() % 4])};

        for (int arg = 0; arg < 3; arg++) {
            call.known[arg] = UINT64_MAX;
            call.bits[arg] = values[next() % 16];
        }
        if (verdict(policy, &call, &arena) != verdict(again, &call, &arena))
            fail_msg("%s(%#lx, %#lx, %#lx): %d, not %d", call.call->name, call.bits[0],
                     call.bits[1], call.bits[2], verdict(again, &call, &arena),
                     verdict(policy, &call, &arena));
    }
    buf_done(&out);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_become_entries),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_a_policy_names_a_profile),
        cmocka_unit_test(test_a_message_names_no_profile),
        cmocka_unit_test(test_what_is_written_says_the_same),
    };

    return test_run(tests);
}
