/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/task.h"

static const char *const names[] = {"NEW", "STARTING", "RUNNING", "ENDING", "ENDED"};

/* The whole machine, as the header draws it. */
static const bool allowed[5][5] = {
    [TASK_NEW] = {[TASK_STARTING] = true, [TASK_ENDING] = true},
    [TASK_STARTING] = {[TASK_RUNNING] = true, [TASK_ENDING] = true},
    [TASK_RUNNING] = {[TASK_ENDING] = true},
    [TASK_ENDING] = {[TASK_ENDED] = true},
};

static void only_the_moves_of_the_machine(void **state)
{
    (void)state;
    for (int from = TASK_NEW; from <= TASK_ENDED; from++)
        for (int to = TASK_NEW; to <= TASK_ENDED; to++)
            if (task_may_move((enum task_state)from, (enum task_state)to) != allowed[from][to])
                fail_msg("%s to %s", names[from], names[to]);
}

#ifndef NDEBUG
static void an_illegal_move_asserts(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        const struct rlimit none = {0, 0};
        crib_task task = {.state = TASK_ENDED};

        setrlimit(RLIMIT_CORE, &none);
        fclose(stderr); /* the message is wanted by nobody */
        signal(SIGABRT, SIG_DFL);
        task_move(&task, TASK_RUNNING);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
#endif

static void a_task_that_never_started_is_given_up_without_a_word(void **state)
{
    uv_loop_t loop;
    crib_task *task;
    int fds[2], pair[2];

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    task = task_new(&loop);
    task_discard(task); /* at once: there is nothing to close */
    task = task_new(&loop);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(task_add_stream(task, 1, fds[0], false), 0);
    assert_int_equal(task_add_channel(task, pair[0], (struct dialect_want){.max = 1000}), 0);
    task_discard(task);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    close(fds[1]);
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_moves_of_the_machine),
#ifndef NDEBUG
        cmocka_unit_test(an_illegal_move_asserts),
#endif
        cmocka_unit_test(a_task_that_never_started_is_given_up_without_a_word),
    };
    uv_loop_t loop;

    /* The first loop of a process opens a pipe that stays. */
    uv_loop_init(&loop);
    uv_loop_close(&loop);
    return test_run(tests);
}
