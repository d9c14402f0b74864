/* SPDX-License-Identifier: Apache-2.0 */
/* A task has no capability in any set, and no way to one; what a policy keeps, it has. */
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NOTHING "0000000000000000"

/* NOROOT, NO_SETUID_FIXUP and NO_CAP_AMBIENT_RAISE with their locks, and KEEP_CAPS_LOCKED. */
#define ALL_LOCKED "0xef"

static void assert_no_caps(const char *out)
{
    static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};

    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        sandbox_says(out, sets[i], NOTHING);
    sandbox_says(out, "NoNewPrivs", "1");
}

static void test_spawned_task_has_none(void **state)
{
    char *out = sandbox_output(NULL, "caps");

    (void)state;
    assert_no_caps(out);
    sandbox_says(out, "Seccomp", "2");
    free(out);
}

static void test_every_policy_drops_all(void **state)
{
    (void)state;
    for (const char *const *name = sandbox_policies(); *name; name++) {
        struct sandbox box;

        sandbox_init(&box);
        box.options.policy = *name;
        /* These show no /proc, where a task could look. */
        if (strcmp(*name, "strict") == 0)
            box.rules = "extends: [strict]\nmounts: [{type: proc, target: /proc}]\n";
        if (strcmp(*name, "judge") == 0)
            box.rules = "extends: [judge]\nmounts: [{type: proc, target: /proc}]\n";
        if (strcmp(*name, "worker") == 0)
            box.rules = "extends: [worker]\nmounts: [{type: proc, target: /proc}]\n";
        sandbox_expect(&box, "caps", 0);
        assert_no_caps(box.out);
        sandbox_done(&box);
    }
}

static void test_forked_task_has_none(void **state)
{
    const struct crib_stdio stdio[] = {
        {.kind = CRIB_NULL}, {.kind = CRIB_PIPE}, {.kind = CRIB_PIPE}};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.fork = true;
    box.options.stdio = stdio;
    box.options.stdio_count = 3;
    sandbox_expect(&box, "caps", 0);
    assert_no_caps(box.out);
    sandbox_done(&box);
}

/* The command line's shell, and the blocking form. */
static void test_executed_line_has_none(void **state)
{
    struct crib_sync sync;
    char line[4200];
    uv_loop_t loop;
    crib *ex;

    (void)state;
    snprintf(line, sizeof(line),
             "grep -E '^(Cap|NoNew)' /proc/self/status | tr '\\t:' ' ' | tr -s ' '");
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(crib_open(&ex, &loop, sandbox_address(), NULL), 0);
    assert_int_equal(crib_exec_sync(ex, line, NULL, 0, NULL, &sync, NULL), 0);
    sandbox_says(sync.out, "CapInh", NOTHING);
    sandbox_says(sync.out, "CapPrm", NOTHING);
    sandbox_says(sync.out, "CapEff", NOTHING);
    sandbox_says(sync.out, "CapBnd", NOTHING);
    sandbox_says(sync.out, "CapAmb", NOTHING);
    sandbox_says(sync.out, "NoNewPrivs", "1");
    crib_sync_done(&sync);
    crib_close(ex, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_secure_bits_are_locked(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    /* The default filter may refuse to say; this policy lets prctl through. */
    box.rules = "extends: [default]\nsyscalls: {allow: [prctl, capget]}\n";
    sandbox_expect(&box, "caps , capget", 0);
    sandbox_says(box.out, "securebits", ALL_LOCKED);
    sandbox_says(box.out, "keepcaps", "0");
    sandbox_says(box.out, "bounding", "0");
    sandbox_says(box.out, "permitted", NOTHING);
    sandbox_done(&box);
}

/* Ids that are not 0 and not the caller's change nothing about it. */
static void test_other_ids_have_none(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.set_uid = box.options.set_gid = true;
    box.options.uid = sandbox_privileged() ? 4711 : sandbox_task_uid();
    box.options.gid = sandbox_privileged() ? 4712 : sandbox_task_gid();
    sandbox_expect(&box, "caps", 0);
    assert_no_caps(box.out);
    sandbox_done(&box);
}

static void test_kept_capability_is_in_every_set(void **state)
{
    static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\ncaps: {keep: [CAP_NET_ADMIN]}\n";
    sandbox_expect(&box, "caps", 0);
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        sandbox_says(box.out, sets[i], "0000000000001000");
    sandbox_says(box.out, "no_new_privs", "1");
    sandbox_done(&box);
}

/* It is a capability over the sandbox's namespaces, not over the host. */
static void test_kept_capability_is_not_the_hosts(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\ncaps: {keep: [CAP_DAC_OVERRIDE, CAP_SYS_ADMIN, CAP_SYSLOG]}\n"
                "syscalls: {allow: [syslog]}\n";
    sandbox_probe(&box,
                  "open w /proc/sys/kernel/core_pattern /proc/sysrq-trigger , syscall 103 10 0 0");
    assert_int_equal(box.code, 0);
    sandbox_says_one(box.out, "/proc/sys/kernel/core_pattern", "EACCES EROFS EPERM");
    sandbox_says_one(box.out, "/proc/sysrq-trigger", "EACCES EROFS EPERM ENOENT");
    sandbox_done(&box);
}

static void test_a_setuid_program_gains_nothing(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "copyself /tmp/p 06755 , exec /tmp/p caps", 0);
    assert_no_caps(box.out);
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spawned_task_has_none),
        cmocka_unit_test(test_every_policy_drops_all),
        cmocka_unit_test(test_forked_task_has_none),
        cmocka_unit_test(test_executed_line_has_none),
        cmocka_unit_test(test_secure_bits_are_locked),
        cmocka_unit_test(test_other_ids_have_none),
        cmocka_unit_test(test_kept_capability_is_in_every_set),
        cmocka_unit_test(test_kept_capability_is_not_the_hosts),
        cmocka_unit_test(test_a_setuid_program_gains_nothing),
    };

    return sandbox_test_run(tests);
}
