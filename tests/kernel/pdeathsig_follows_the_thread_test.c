/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: the parent death signal comes when the thread that made the child ends, though its
 * process lives on.
 * Source: prctl(2) PR_SET_PDEATHSIG
 * crib: tasks are not tied to their caller by it; init polls a pidfd of the process.
 */
#include <pthread.h>

#include "apart.h"

static int wait_for_signal(void *arg)
{
    CHECK(prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0);
    CHECK(write(((int *)arg)[1], "r", 1) == 1);
    for (;;)
        pause();
}

static void *start_child(void *arg)
{
    int *pipes = arg;
    pid_t pid = apart_start(wait_for_signal, pipes);
    char byte;

    if (read(pipes[0], &byte, 1) != 1)
        kill(pid, SIGKILL);
    return (void *)(intptr_t)pid;
}

static int body(void *arg)
{
    int pipes[2], status = 0;
    pthread_t thread;
    void *pid;

    (void)arg;
    CHECK(pipe(pipes) == 0);
    CHECK(pthread_create(&thread, NULL, start_child, pipes) == 0);
    CHECK(pthread_join(thread, &pid) == 0);
    CHECK(waitpid((pid_t)(intptr_t)pid, &status, 0) > 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
    return 0;
}

static void test_the_end_of_a_thread_sends_it(void **state)
{
    (void)state;
    assert_int_equal(apart(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_end_of_a_thread_sends_it),
    };

    return test_run(tests);
}
