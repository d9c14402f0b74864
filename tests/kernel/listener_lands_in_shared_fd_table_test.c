/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: when a child that shares the fd table (CLONE_VM, CLONE_VFORK, CLONE_FILES) loads a
 * filter with a listener and executes, the listener stays open in the parent, which serves it,
 * and is gone in the child.
 * Source: seccomp(2), clone(2) CLONE_FILES
 * crib: init spawns the task like this and needs neither pidfd_getfd nor a socket for the
 * listener. It is suspended until the exec, so the filter must allow execve.
 */
#include "apart.h"
#include "filter.h"
#include "vfork.h"

struct start {
    int program;
    volatile int listener;
};

static IN_VFORK int begin(void *arg)
{
    struct start *start = arg;

    start->listener = filter_listen(SYS_getppid);
    exec_stage(start->program, "filtered");
    _exit(100);
}

/* The only fds left are those that are not CLOEXEC: the listener is not among them. */
static int stage(void)
{
    struct seccomp_notif_sizes sizes;

    CHECK(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0);
    for (int fd = 3; fd < 64; fd++)
        CHECK(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &(uint64_t){0}) == -1 && errno != ENOENT);
    CHECK_FAILS(syscall(SYS_getppid), EXDEV);
    return 0;
}

static int body(void *arg)
{
    struct start start = {.listener = -1};
    int status = -1;
    pid_t pid;

    (void)arg;
    start.program = own_program();
    pid = vfork_clone(begin, &start, CLONE_VM | CLONE_FILES | SIGCHLD, NULL);
    CHECK(pid > 0);
    CHECK(start.listener >= 0);
    CHECK(fcntl(start.listener, F_GETFD) == FD_CLOEXEC);
    CHECK(filter_answer(start.listener, EXDEV) == SYS_getppid);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    return 0;
}

static void test_the_parent_serves_it(void **state)
{
    (void)state;
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_parent_serves_it),
    };

    (void)argv;
    if (argc > 1)
        _exit(stage());
    return test_run(tests);
}
