/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a process killed by a filter ends by SIGSYS, and its parent is told nothing about the
 * call.
 * Source: seccomp(2) SECCOMP_RET_KILL_PROCESS, waitid(2)
 * crib: kill rules are notifications too: init reports the call and then kills the task
 * itself.
 */
#include "apart.h"
#include "filter.h"

static int get_killed(void *arg)
{
    int number = *(int *)arg;

    CHECK(filter_one(number, SECCOMP_RET_KILL_PROCESS, 0) == 0);
    syscall(number);
    return 0;
}

/* Everything that waitid tells of a child that was killed at the call @number, its pid apart. */
static siginfo_t told_of(int number)
{
    siginfo_t info = {0};
    pid_t pid = apart_start(get_killed, &number);

    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
    info.si_pid = 0;
    info.si_utime = info.si_stime = 0;
    return info;
}

static void test_the_status_is_a_signal_and_no_more(void **state)
{
    siginfo_t one = told_of(SYS_getppid), other = told_of(SYS_getpgrp);

    (void)state;
    assert_true(one.si_code == CLD_KILLED || one.si_code == CLD_DUMPED);
    assert_int_equal(one.si_status, SIGSYS);
    assert_memory_equal(&one, &other, sizeof(one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_status_is_a_signal_and_no_more),
    };

    return test_run(tests);
}
