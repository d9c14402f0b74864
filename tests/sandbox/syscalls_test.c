/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the filter says to each call number, asked by calls that the kernel itself would refuse:
 * EPERM for what is known and not allowed, ENOSYS for what is unknown, the kernel's own word else.
 */
#include "sandbox/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "policy/calls.h"
#include "policy/load.h"
#include "policy/rule.h"

#define NUMBERS 600 /* up to here, beyond everything that a kernel has */

enum word { DENIED, ALLOWED, DEPENDS };

/* What a policy file says about each number, read without the planner. */
static void read_policy(const char *name, enum word words[NUMBERS], bool *ret_filter)
{
    struct arena arena;
    Crib__Policy *policy;
    struct rule *rules;
    size_t count;

    arena_init(&arena, 0);
    memset(words, 0, NUMBERS * sizeof(*words));
    assert_int_equal(policy_load(name, NULL, &arena, &policy, NULL, NULL), 0);
    assert_non_null(policy->syscalls);
    *ret_filter = policy->syscalls->filter != CRIB__SYSCALLS__FILTER__off;
    assert_int_equal(rules_expand(policy->syscalls->allow, policy->syscalls->n_allow, &arena,
                                  &rules, &count, NULL),
                     0);
    for (size_t i = 0; i < count; i++) {
        enum word word = rules[i].count ? DEPENDS : ALLOWED;

        if (word > words[rules[i].call->number] || word == ALLOWED)
            words[rules[i].call->number] = word;
    }
    assert_int_equal(rules_expand(policy->syscalls->deny, policy->syscalls->n_deny, &arena, &rules,
                                  &count, NULL),
                     0);
    for (size_t i = 0; i < count; i++)
        words[rules[i].call->number] = rules[i].count ? DEPENDS : DENIED;
    arena_done(&arena);
}

/* The kernel itself says EPERM to these, whatever their arguments, for want of a capability. */
static bool kernel_refuses(long nr)
{
    static const long list[] = {SYS_setgroups, SYS_chroot,      SYS_vhangup, SYS_mlock2,
                                SYS_mlockall,  SYS_setns,       SYS_unshare, SYS_ioprio_set,
                                SYS_kill,      SYS_pidfd_getfd, SYS_setpgid, SYS_quotactl_fd,
                                SYS_prlimit64};

    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        if (list[i] == nr)
            return true;
    return false;
}

static void check_number(const char *policy, const char *out, long nr, enum word word)
{
    char key[16];
    const char *got;

    snprintf(key, sizeof(key), "%ld", nr);
    got = sandbox_line(out, key);
    if (!got)
        return; /* not swept: it would not come back */
    if (!call_by_number((int)nr) || nr > CALLS_LAST) {
        if (strcmp(got, "ENOSYS") != 0)
            fail_msg("%s: unknown call %ld: %s", policy, nr, got);
    } else if (word == DENIED && strcmp(got, nr == SYS_clone3 ? "ENOSYS" : "EPERM") != 0) {
        fail_msg("%s: %s is not allowed, but: %s", policy, call_by_number((int)nr)->name, got);
    } else if (word == ALLOWED && strcmp(got, "EPERM") == 0 && !kernel_refuses(nr)) {
        fail_msg("%s: %s is allowed, but: %s", policy, call_by_number((int)nr)->name, got);
    }
}

static void test_every_number_under_every_policy(void **state)
{
    (void)state;
    for (const char *const *name = sandbox_policies(); *name; name++) {
        enum word words[NUMBERS];
        unsigned denied = 0;
        struct sandbox box;
        bool filter;

        read_policy(*name, words, &filter);
        if (!filter)
            continue;
        sandbox_init(&box);
        box.options.policy = *name;
        sandbox_expect(&box, "sweep 0 599", 0);
        for (long nr = 0; nr < NUMBERS; nr++) {
            check_number(*name, box.out, nr, words[nr]);
            denied += words[nr] == DENIED && call_by_number((int)nr) != NULL;
        }
        /* A filter worth its name; each no is counted. */
        if (denied < 80 || box.result.denials + 20 < denied)
            fail_msg("%s: %u calls denied, %llu told", *name, denied,
                     (unsigned long long)box.result.denials);
        sandbox_done(&box);
    }
}

static void test_numbers_far_out_are_unknown(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_probe(&box, "syscall 471 , syscall 512 , syscall 1024 , syscall 0x7fffffff , syscall "
                        "0xffffffff");
    sandbox_says(box.out, "471", "ENOSYS");
    sandbox_says(box.out, "512", "ENOSYS");
    sandbox_says(box.out, "1024", "ENOSYS");
    sandbox_says(box.out, "2147483647", "ENOSYS");
    sandbox_says(box.out, "4294967295", "ENOSYS");
    assert_string_equal(box.denied, "");
    sandbox_done(&box);
}

static void test_clone3_is_unknown(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_probe(&box, "clone3 0 , clone3 0x10000000");
    assert_string_equal(box.out, "clone3 ENOSYS\nclone3 ENOSYS\n");
    assert_int_equal(box.result.denials, 0);
    sandbox_done(&box);
}

/* The two other doors into the kernel: the 32-bit gate ends its user, x32's numbers are unknown. */
static void test_other_architectures_are_dead(void **state)
{
    (void)state;
    for (const char *const *name = sandbox_policies(); *name; name++) {
        struct sandbox box;

        if (strcmp(*name, "open") == 0)
            continue;
        sandbox_init(&box);
        box.options.policy = *name;
        /* 20: getpid there; 39: getpid here. What no process of its own is allowed for ends itself.
         */
        sandbox_probe(&box, "x32 39 , i386 20");
        sandbox_says(box.out, "x32", "ENOSYS");
        if (sandbox_line(box.out, "i386"))
            sandbox_says(box.out, "i386", "SIGSYS");
        else
            assert_non_null(sandbox_line(box.out, "fork"));
        sandbox_done(&box);
    }
}

static void test_no_new_namespaces(void **state)
{
    static const unsigned long flags[] = {0x10000000 /* user */,   0x00020000 /* mount */,
                                          0x20000000 /* pid */,    0x40000000 /* net */,
                                          0x08000000 /* ipc */,    0x04000000 /* uts */,
                                          0x02000000 /* cgroup */, 0x7e020000 /* all */};
    static const char *const policies[] = {"default", "network", "shell"};

    (void)state;
    for (size_t p = 0; p < 3; p++)
        for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
            char verbs[128];
            struct sandbox box;

            sandbox_init(&box);
            box.options.policy = policies[p];
            snprintf(verbs, sizeof(verbs),
                     "clone 0 , clone %lu , syscall %d %lu , syscall %d -1 %lu", flags[i],
                     SYS_unshare, flags[i], SYS_setns, flags[i]);
            sandbox_probe(&box, verbs);
            test_contains(box.out, "clone ok\nclone EPERM\n");
            test_contains(box.out, "272 EPERM\n308 EPERM\n");
            sandbox_done(&box);
        }
}

/* The kernel looks at 32 bits of these; bits above them must not open a way. */
static void test_high_bits_do_not_matter(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\n"
                "syscalls:\n  allow: [ioctl, 'socket(domain == AF_UNIX)']\n"
                "  deny: ['ioctl(cmd == 0x541B)']\n"; /* FIONREAD */
    sandbox_probe(&box, "syscall 16 0 0x541B 0 , syscall 16 0 0x10000541B 0 , "
                        "syscall 16 0 0xffffffff0000541B 0 , syscall 41 0x100000002 1 0 , "
                        "syscall 41 0x100000001 1 0");
    assert_string_equal(box.out, "16 EPERM\n16 EPERM\n16 EPERM\n41 EPERM\n41 ok\n");
    sandbox_done(&box);
}

/* An empty allow-list means that nothing is allowed: not even writing, only the start itself. */
static void test_an_empty_list_allows_nothing(void **state)
{
    static const char *const lists[] = {"syscalls: {}\n", "syscalls: {allow: []}\n",
                                        "syscalls: {allow: null}\n", ""};

    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct sandbox box;
        char rules[512];

        snprintf(rules, sizeof(rules), "mounts:\n- target: /usr\n%s", lists[i]);
        sandbox_init(&box);
        box.rules = rules;
        sandbox_probe(&box, "echo hello");
        if (box.code == 0) {
            assert_string_equal(box.out, "");
            assert_true(box.result.verdict != CRIB_EXITED || box.result.status != 0);
        }
        sandbox_done(&box);
    }
}

/* Static, dynamic, through a script and through exec again: the filter is there from the start. */
static void test_every_kind_of_program_is_confined(void **state)
{
    char *dir = test_dir(), script[512], text[1024], verbs[4200];
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_probe(&box, "syscall 165");
    sandbox_says(box.out, "165", "EPERM");
    {
        const char *const args[] = {"syscall", "165", NULL};

        sandbox_run(&box, sandbox_dynamic_path(), args);
        sandbox_says(box.out, "165", "EPERM");
    }
    snprintf(verbs, sizeof(verbs), "exec %s syscall 165", sandbox_probe_path());
    sandbox_probe(&box, verbs);
    sandbox_says(box.out, "165", "EPERM");
    snprintf(script, sizeof(script), "%s/script", dir);
    snprintf(text, sizeof(text),
             "#!/usr/bin/python3\nimport ctypes\n"
             "libc = ctypes.CDLL(None, use_errno=True)\n"
             "libc.syscall(165, -1, -1, -1, -1, -1)\n"
             "print('errno', ctypes.get_errno())\n");
    test_write(script, text, strlen(text), 0755);
    sandbox_run(&box, script, NULL);
    sandbox_says(box.out, "errno", "1");
    sandbox_done(&box);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_number_under_every_policy),
        cmocka_unit_test(test_numbers_far_out_are_unknown),
        cmocka_unit_test(test_clone3_is_unknown),
        cmocka_unit_test(test_other_architectures_are_dead),
        cmocka_unit_test(test_no_new_namespaces),
        cmocka_unit_test(test_high_bits_do_not_matter),
        cmocka_unit_test(test_an_empty_list_allows_nothing),
        cmocka_unit_test(test_every_kind_of_program_is_confined),
    };

    return sandbox_test_run(tests);
}
