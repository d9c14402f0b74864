/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: unshare(CLONE_NEWUSER) is refused in a process with several threads, but such a
 * process may clone a child into a new user namespace, sharing its memory as vfork does.
 * Source: unshare(2), clone(2)
 * crib: a threaded caller starts init by clone with the namespaces in its flags, never by
 * unshare.
 */
#include <pthread.h>

#include "apart.h"
#include "vfork.h"

static void *sleep_on(void *arg)
{
    char byte;

    (void)!read(*(int *)arg, &byte, 1);
    return NULL;
}

static IN_VFORK int leave(void *arg)
{
    *(volatile int *)arg = (int)syscall(SYS_getpid);
    _exit(0);
}

static int body(void *arg)
{
    volatile int own_pid = 0;
    int pipes[2], pidfd = -1;
    pthread_t thread;
    pid_t pid;

    (void)arg;
    CHECK(pipe(pipes) == 0);
    CHECK(pthread_create(&thread, NULL, sleep_on, &pipes[0]) == 0);
    CHECK_FAILS(unshare(CLONE_NEWUSER), EINVAL);
    pid = vfork_clone(leave, (void *)&own_pid,
                      CLONE_VM | CLONE_PIDFD | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS |
                          CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | SIGCHLD,
                      &pidfd);
    CHECK(pid > 0 && pidfd >= 0);
    CHECK(own_pid == 1);
    CHECK(waitpid(pid, NULL, 0) == pid);
    close(pipes[1]);
    return pthread_join(thread, NULL);
}

static void test_threads_may_clone_but_not_unshare(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_may_clone_but_not_unshare),
    };

    return test_run(tests);
}
