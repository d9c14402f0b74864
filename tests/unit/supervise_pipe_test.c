/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "supervise/pipe.h"

static void no_signal_when_the_reader_is_gone(void **state)
{
    sigset_t before, after, pending;
    int fds[2];

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    close(fds[0]);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    signal(SIGPIPE, SIG_DFL); /* this program dies if one comes */
    for (int i = 0; i < 3; i++)
        assert_int_equal(pipe_write(fds[1], "x", 1), -EPIPE);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(sigismember(&before, SIGPIPE), sigismember(&after, SIGPIPE));
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGPIPE));
    close(fds[1]);
}

static void a_signal_of_somebody_else_stays(void **state)
{
    sigset_t only, before, pending;
    int fds[2], taken;

    (void)state;
    sigemptyset(&only);
    sigaddset(&only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &only, &before);
    raise(SIGPIPE);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    close(fds[0]);
    assert_int_equal(pipe_write(fds[1], "x", 1), -EPIPE);
    sigpending(&pending);
    assert_true(sigismember(&pending, SIGPIPE));
    sigwait(&only, &taken);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(fds[1]);
}

static void writes_and_tells_what_is_left(void **state)
{
    int fds[2];
    char data[4];

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    assert_true(pipe_empty(fds[0]));
    assert_int_equal(pipe_write(fds[1], "abc", 3), 3);
    assert_false(pipe_empty(fds[0]));
    assert_int_equal(read(fds[0], data, sizeof(data)), 3);
    assert_true(pipe_empty(fds[0]));
    while (pipe_write(fds[1], data, sizeof(data)) > 0)
        ;
    assert_int_equal(pipe_write(fds[1], "x", 1), -EAGAIN);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_signal_when_the_reader_is_gone),
        cmocka_unit_test(a_signal_of_somebody_else_stays),
        cmocka_unit_test(writes_and_tells_what_is_left),
    };

    return test_run(tests);
}
