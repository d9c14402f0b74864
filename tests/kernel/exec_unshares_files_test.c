/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a child that shares the fd table (CLONE_FILES) gets one of its own when it executes a
 * program: closing what is CLOEXEC does not touch the parent's.
 * Source: execve(2), clone(2) CLONE_FILES
 * crib: init keeps all its fds, CLOEXEC every one, through the exec of the task.
 */
#include "apart.h"
#include "vfork.h"

struct start {
    int program, kept, plain;
};

static IN_VFORK int begin(void *arg)
{
    const struct start *start = arg;

    /* Whatever is done before the exec is done to both: so init has only CLOEXEC fds. */
    syscall(SYS_close, start->plain);
    exec_stage(start->program, "executed");
    _exit(100);
}

static int body(void *arg)
{
    struct start start = {.program = own_program()};
    int status = -1;
    pid_t pid;

    (void)arg;
    start.kept = open("/dev/null", O_RDONLY | O_CLOEXEC);
    start.plain = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pid = vfork_clone(begin, &start, CLONE_VM | CLONE_FILES | SIGCHLD, NULL);
    CHECK(pid > 0);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(fcntl(start.kept, F_GETFD) == FD_CLOEXEC);
    CHECK(fcntl(start.program, F_GETFD) == FD_CLOEXEC);
    CHECK_FAILS(fcntl(start.plain, F_GETFD), EBADF);
    return 0;
}

static void test_the_parent_keeps_its_fds(void **state)
{
    (void)state;
    assert_int_equal(apart(body, NULL), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_parent_keeps_its_fds),
    };

    (void)argv;
    if (argc > 1)
        _exit(0);
    return test_run(tests);
}
