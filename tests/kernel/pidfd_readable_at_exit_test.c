/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a pidfd is not readable while the process lives, and is from its exit on, reaped or
 * not.
 * Source: pidfd_open(2)
 * crib: launch and init wait for ends by poll, without SIGCHLD.
 */
#include <poll.h>

#include "apart.h"

static int wait_for_end(void *arg)
{
    char byte;

    close(((int *)arg)[1]);
    return read(((int *)arg)[0], &byte, 1) == 0 ? 0 : 1;
}

static int readable(int pidfd, int timeout)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};

    return poll(&end, 1, timeout) == 1 && end.revents & POLLIN;
}

static void test_from_the_exit_on(void **state)
{
    int pipes[2], pidfd;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    pid = apart_start(wait_for_end, pipes);
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    assert_true(pidfd >= 0);
    assert_false(readable(pidfd, 20));
    close(pipes[1]);
    assert_true(readable(pidfd, 5000));
    assert_int_equal(apart_end(pid), 0);
    assert_true(readable(pidfd, 0));
    close(pipes[0]);
    close(pidfd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_the_exit_on),
    };

    return test_run(tests);
}
