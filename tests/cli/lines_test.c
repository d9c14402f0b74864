/* SPDX-License-Identifier: Apache-2.0 */
/* Lines to whatever is at the other end: read quickly, slowly, never, no more. */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/lines.h"

#define LINE 1000 /* bytes, with its newline */

struct writer {
    uv_loop_t loop;
    struct lines lines;
    uint64_t relieved;
    int broken;
};

static void on_relieved(struct lines *lines, uint64_t lost)
{
    struct writer *writer = lines->data;

    writer->relieved += lost;
    lines_put(lines, "lost\n", 5);
}

static void on_broken(struct lines *lines, int code)
{
    struct writer *writer = lines->data;

    assert_int_equal(writer->broken, 0);
    writer->broken = code;
}

static void open_on(struct writer *writer, int fd)
{
    memset(writer, 0, sizeof(*writer));
    assert_int_equal(uv_loop_init(&writer->loop), 0);
    writer->lines.relieved = on_relieved;
    writer->lines.broken = on_broken;
    writer->lines.data = writer;
    assert_int_equal(lines_open(&writer->lines, &writer->loop, fd), 0);
    if (writer->lines.epoll >= 0)
        uv_ref((uv_handle_t *)&writer->lines.poll); /* there is nothing else to turn the loop for */
}

static void close_it(struct writer *writer)
{
    lines_close(&writer->lines);
    lines_close(&writer->lines);
    uv_run(&writer->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&writer->loop), 0);
}

/* A line that says which one it is. */
static void put(struct writer *writer, unsigned number)
{
    char line[LINE + 1];

    snprintf(line, sizeof(line), "%0*u\n", LINE - 1, number);
    lines_put(&writer->lines, line, LINE);
}

/* Takes what is there, turning the loop, until nothing more comes; each line must be the next of
 * those before, or later. Return: how many lines. */
static unsigned take(struct writer *writer, int fd, unsigned *ret_lost)
{
    char *all = calloc(1, 2 * LINES_MAX + 1), *at;
    size_t len = 0;
    unsigned count = 0, last = 0;
    struct pollfd one = {.fd = fd, .events = POLLIN};

    assert_non_null(all);
    *ret_lost = 0;
    do {
        while (poll(&one, 1, 0) > 0) {
            ssize_t n = read(fd, all + len, 2 * LINES_MAX - len);

            assert_true(n > 0);
            len += (size_t)n;
        }
        uv_run(&writer->loop, UV_RUN_NOWAIT);
    } while (poll(&one, 1, 0) > 0 || !lines_idle(&writer->lines));
    for (at = all; at < all + len; at = strchr(at, '\n') + 1) {
        if (strncmp(at, "lost\n", 5) == 0) {
            ++*ret_lost;
            continue;
        }
        assert_true(strtoul(at, NULL, 10) > last);
        last = (unsigned)strtoul(at, NULL, 10);
        count++;
    }
    free(all);
    return count;
}

/* Nobody reads: nothing waits for that, and what is too much is counted. */
static void flood(int to, int from)
{
    int flags = fcntl(to, F_GETFL);
    struct writer writer;
    unsigned told, lost, most = 3 * LINES_MAX / LINE;

    open_on(&writer, to);
    for (unsigned i = 1; i <= most; i++)
        put(&writer, i);
    assert_false(lines_idle(&writer.lines));
    assert_true(writer.lines.lost > 0);
    assert_int_equal(writer.relieved, 0);
    told = take(&writer, from, &lost);
    assert_int_equal(lost, 1);
    assert_int_equal(told + writer.relieved, most);
    put(&writer, most + 1);
    assert_int_equal(take(&writer, from, &lost), 1);
    assert_int_equal(writer.broken, 0);
    assert_int_equal(fcntl(to, F_GETFL), flags); /* others have it too */
    close_it(&writer);
}

static void test_slow_pipe(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    flood(ends[1], ends[0]);
    fd_close(&ends[0]);
    fd_close(&ends[1]);
}

static void test_slow_socket(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    flood(ends[1], ends[0]);
    fd_close(&ends[0]);
    fd_close(&ends[1]);
}

/* A pipe that cannot be opened once more: as that of another user's. */
static void test_pipe_of_others(void **state)
{
    struct epoll_event event = {.events = EPOLLOUT};
    int ends[2];
    struct writer writer;
    unsigned lost;

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    open_on(&writer, ends[1]);
    fd_close(&writer.lines.own);
    assert_int_equal(epoll_ctl(writer.lines.epoll, EPOLL_CTL_ADD, ends[1], &event), 0);
    for (unsigned i = 1; i <= 200; i++)
        put(&writer, i);
    assert_false(lines_idle(&writer.lines));
    assert_int_equal(take(&writer, ends[0], &lost), 200);
    close_it(&writer);
    fd_close(&ends[0]);
    fd_close(&ends[1]);
}

static void test_gone_reader(void **state)
{
    int ends[2];
    struct writer writer;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    for (int early = 0; early < 2; early++) {
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        open_on(&writer, ends[1]);
        for (unsigned i = 1; !early && lines_idle(&writer.lines); i++)
            put(&writer, i);
        fd_close(&ends[0]);
        if (early)
            put(&writer, 1);
        for (int turn = 0; turn < 1000 && !writer.broken; turn++)
            uv_run(&writer.loop, UV_RUN_NOWAIT);
        assert_int_equal(writer.broken, -EPIPE);
        put(&writer, 2);
        assert_true(lines_idle(&writer.lines));
        lines_finish(&writer.lines, 60000);
        close_it(&writer);
        fd_close(&ends[1]);
    }
}

/* What others have written to the same file stays. */
static void test_file(void **state)
{
    int fd = memfd_create("file", MFD_CLOEXEC);
    struct writer writer;

    (void)state;
    assert_int_equal(write(fd, "before\n", 7), 7);
    open_on(&writer, fd);
    for (unsigned i = 1; i <= 5000; i++)
        put(&writer, i);
    assert_true(lines_idle(&writer.lines));
    assert_int_equal(writer.relieved, 0);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 7 + 5000 * LINE);
    close_it(&writer);
    fd_close(&fd);
    fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    open_on(&writer, fd);
    put(&writer, 1);
    assert_int_equal(writer.broken, -ENOSPC);
    close_it(&writer);
    fd_close(&fd);
}

/* The end: as long as somebody reads, and no longer. */
static void test_finish(void **state)
{
    int ends[2];
    struct writer writer;
    pid_t reader;
    size_t all = 0;
    int status;

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    open_on(&writer, ends[1]);
    for (unsigned i = 1; i <= 500; i++)
        put(&writer, i);
    lines_finish(&writer.lines, 10);
    assert_false(lines_idle(&writer.lines));
    reader = fork();
    assert_true(reader >= 0);
    if (reader == 0) {
        static char data[4096];
        ssize_t n;

        while (all < 500 * LINE && (n = read(ends[0], data, sizeof(data))) > 0) {
            all += (size_t)n;
            usleep(100);
        }
        _exit(all == 500 * LINE ? 0 : 1);
    }
    lines_finish(&writer.lines, 60000);
    assert_true(lines_idle(&writer.lines));
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
    close_it(&writer);
    fd_close(&ends[0]);
    fd_close(&ends[1]);
}

static void test_nothing_to_write_to(void **state)
{
    struct writer writer = {0};
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC), ends[2];

    (void)state;
    assert_int_equal(uv_loop_init(&writer.loop), 0);
    assert_int_equal(lines_open(&writer.lines, &writer.loop, 1 << 20), -EBADF);
    lines_put(&writer.lines, "x\n", 2);
    lines_finish(&writer.lines, 60000);
    close_it(&writer);
    open_on(&writer, fd);
    put(&writer, 1);
    assert_true(lines_idle(&writer.lines));
    close_it(&writer);
    fd_close(&fd);
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    open_on(&writer, fd);
    put(&writer, 1);
    assert_int_equal(writer.broken, -EBADF);
    close_it(&writer);
    fd_close(&fd);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    open_on(&writer, ends[0]); /* the wrong end: nobody shall read it from there */
    put(&writer, 1);
    for (int turn = 0; turn < 1000 && !writer.broken; turn++)
        uv_run(&writer.loop, UV_RUN_NOWAIT);
    close_it(&writer);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    assert_int_equal(read(ends[0], &fd, 1), -1);
    fd_close(&ends[0]);
    fd_close(&ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_pipe),
        cmocka_unit_test(test_slow_socket),
        cmocka_unit_test(test_pipe_of_others),
        cmocka_unit_test(test_gone_reader),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_finish),
        cmocka_unit_test(test_nothing_to_write_to),
    };
    uv_loop_t first;

    /* The first loop of a process opens what libuv keeps for good. */
    if (uv_loop_init(&first) < 0 || uv_loop_close(&first) < 0)
        return 1;
    return test_run(tests);
}
