/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "child/inherit.h"

static void name_fd(const char *format, int fd)
{
    char text[32];

    snprintf(text, sizeof(text), format, fd);
    setenv("CRIB_CHANNEL_FD", text, 1);
}

static void test_takes_the_fd_over(void **state)
{
    struct crib_error err;
    int ends[2], fd = -1;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    name_fd("%d", ends[1]);
    assert_int_equal(inherit_channel(&fd, &err), 0);
    assert_int_equal(fd, ends[1]);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_false(fcntl(ends[0], F_GETFL) & O_NONBLOCK);
    assert_null(getenv("CRIB_CHANNEL_FD"));
    assert_int_equal(inherit_channel(&fd, &err), -ENOTCONN);
    fd_close(&ends[0]);
    fd_close(&ends[1]);
}

static void test_reads_the_number_strictly(void **state)
{
    static const char *const formats[] = {
        "",        "+%d",   " %d",  "%d ",        "0%d",        "%dx", "-%d",
        "%d\n",    "0x%x",  "%d.0", "42949672%d", "2147483648", "-1",  "99999999999999999999",
        "%d,%1$d", "fd %d",
    };
    int ends[2], fd = -1;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct crib_error err;

        name_fd(formats[i], ends[1]);
        if (inherit_channel(&fd, &err) != -ENOTCONN)
            fail_msg("taken: %s", formats[i]);
        assert_string_equal(err.step, "channel");
        assert_int_equal(fd, -1);
    }
    unsetenv("CRIB_CHANNEL_FD");
    fd_close(&ends[0]);
    fd_close(&ends[1]);
}

/* Takes @fd, whatever it is, for the channel. */
static int attempt(int fd)
{
    int got = -1, r;

    name_fd("%d", fd);
    r = inherit_channel(&got, NULL);
    unsetenv("CRIB_CHANNEL_FD");
    return r;
}

static void test_takes_nothing_but_a_unix_stream_socket(void **state)
{
    int others[] = {
        open("/dev/null", O_RDWR | O_CLOEXEC),
        open("/", O_RDONLY | O_CLOEXEC),
        socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0),
        socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0),
        socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
    };
    int pipes[2];

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_true(others[i] >= 0);
        assert_int_equal(attempt(others[i]), -ENOTCONN);
        fd_close(&others[i]);
    }
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_int_equal(attempt(pipes[0]), -ENOTCONN);
    fd_close(&pipes[0]);
    assert_int_equal(attempt(pipes[1] + 1), -ENOTCONN);
    fd_close(&pipes[1]);
}

static void test_the_number_of_a_worker(void **state)
{
    static const char *const bad[] = {"", "0", "01", "-1", "+1", " 1", "1 ", "2147483648", "0x1"};
    int ends[2], fd = -1;

    (void)state;
    unsetenv("CRIB_WORKER_ID");
    assert_int_equal(inherit_worker(), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        setenv("CRIB_WORKER_ID", bad[i], 1);
        if (inherit_worker() != 0)
            fail_msg("taken: %s", bad[i]);
    }
    setenv("CRIB_WORKER_ID", "12", 1);
    assert_int_equal(inherit_worker(), 12);
    assert_int_equal(inherit_channel(&fd, NULL), -ENOTCONN);
    assert_int_equal(inherit_worker(), 12); /* it goes with the channel, and not before */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    name_fd("%d", ends[1]);
    assert_int_equal(inherit_channel(&fd, NULL), 0);
    assert_int_equal(inherit_worker(), 0);
    fd_close(&ends[0]);
    fd_close(&ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_the_fd_over),
        cmocka_unit_test(test_reads_the_number_strictly),
        cmocka_unit_test(test_the_number_of_a_worker),
        cmocka_unit_test(test_takes_nothing_but_a_unix_stream_socket),
    };

    return test_run(tests);
}
