/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: waitpid(-1) of a host program also takes a child that was cloned with exit signal 0,
 * once it has executed a program: the exec makes the signal SIGCHLD. The pidfd tells of its
 * end all the same.
 * Source: clone(2), waitpid(2), pidfd_open(2)
 * crib: what init reports is the truth about the end; launch polls the pidfd and tolerates
 * ECHILD.
 */
#include <poll.h>

#include "apart.h"
#include "vfork.h"

static IN_VFORK int leave(void *arg)
{
    (void)arg;
    _exit(0);
}

static IN_VFORK int execute(void *arg)
{
    exec_stage(*(int *)arg, "leave");
    _exit(100);
}

static int body(void *arg)
{
    struct pollfd end = {.events = POLLIN};
    int program = own_program(), status = -1;
    siginfo_t info;
    pid_t pid;

    (void)arg;
    pid = vfork_clone(leave, NULL, CLONE_VM, NULL);
    CHECK(pid > 0);
    CHECK_FAILS(waitpid(-1, &status, 0), ECHILD);
    CHECK(waitpid(pid, &status, __WALL) == pid);

    pid = vfork_clone(execute, &program, CLONE_VM | CLONE_PIDFD, &end.fd);
    CHECK(pid > 0);
    CHECK(waitpid(-1, &status, 0) == pid);
    CHECK(status == 0);
    CHECK(poll(&end, 1, 5000) == 1 && end.revents & POLLIN);
    CHECK_FAILS(waitid((idtype_t)P_PIDFD, (id_t)end.fd, &info, WEXITED), ECHILD);
    return 0;
}

static void test_the_executed_child_is_taken(void **state)
{
    (void)state;
    assert_int_equal(apart(body, NULL), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_executed_child_is_taken),
    };

    (void)argv;
    if (argc > 1)
        _exit(0);
    return test_run(tests);
}
