/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: libseccomp can be busy for ever with three rules: ordered comparisons of several arguments
 * of one call, given one after the other to seccomp_rule_add(). Source: seen with libseccomp 2.5.4
 * crib: libseccomp gets comparisons for equality alone, in a process that is killed after 5 s.
 */
#include <seccomp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/support.h"

#define SECONDS 2 /* of computing; two of the rules take microseconds */

static void add_rules(int count)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(1), SYS_getpgid, 2, SCMP_A0(SCMP_CMP_LT, 3),
                     SCMP_A1(SCMP_CMP_GE, 1));
    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(1), SYS_getpgid, 1, SCMP_A2(SCMP_CMP_LE, 3));
    if (count == 3)
        seccomp_rule_add(ctx, SCMP_ACT_ERRNO(1), SYS_getpgid, 2, SCMP_A0(SCMP_CMP_LT, 3),
                         SCMP_A2(SCMP_CMP_GE, 3));
    seccomp_release(ctx);
}

/* Return: the signal that ended a process which adds so many rules; 0. */
static int ended_by(int count)
{
    struct rlimit limit = {SECONDS, SECONDS + 1};
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CPU, &limit);
        add_rules(count);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_two_rules_end(void **state)
{
    (void)state;
    assert_int_equal(ended_by(2), 0);
}

static void test_three_rules_do_not(void **state)
{
    (void)state;
    assert_int_equal(ended_by(3), SIGXCPU);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_rules_end),
        cmocka_unit_test(test_three_rules_do_not),
    };

    return test_run(tests);
}
