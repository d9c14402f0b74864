/* SPDX-License-Identifier: Apache-2.0 */
/* Lines from whatever stdin is, with its flags left as they were. */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/input.h"

#define MOST 100 /* bytes of a line */

struct seen {
    struct input input;
    struct buf lines; /* each ended by `|` */
    int ends, status;
    bool pause_after_each;
};

static void on_line(struct input *input, const char *line, size_t len)
{
    struct seen *seen = input->data;

    assert_int_equal(buf_append(&seen->lines, line, len), 0);
    assert_int_equal(buf_text(&seen->lines, "|"), 0);
    if (seen->pause_after_each)
        input_pause(input);
}

static void on_end(struct input *input, int status)
{
    struct seen *seen = input->data;

    seen->ends++;
    seen->status = status;
    input_close(input);
}

static void read_all(struct seen *seen, int fd)
{
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    seen->input.line = on_line;
    seen->input.end = on_end;
    seen->input.data = seen;
    assert_int_equal(input_open(&seen->input, &loop, fd, MOST), 0);
    for (int turn = 0; turn < 10000 && seen->input.open; turn++) {
        uv_run(&loop, UV_RUN_NOWAIT);
        input_resume(&seen->input);
    }
    input_close(&seen->input);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(buf_append(&seen->lines, "", 1), 0);
}

static void expect(int fd, const char *lines, int status, bool pause)
{
    struct seen seen = {.pause_after_each = pause};

    read_all(&seen, fd);
    assert_string_equal(seen.lines.data, lines);
    assert_int_equal(seen.ends, 1);
    assert_int_equal(seen.status, status);
    buf_done(&seen.lines);
}

static int pipe_with(const char *text)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fd_write_all(ends[1], text, strlen(text)), 0);
    fd_close(&ends[1]);
    return ends[0];
}

static int file_with(const char *text)
{
    int fd = memfd_create("input", MFD_CLOEXEC);

    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static void both(const char *text, const char *lines, int status)
{
    for (int pause = 0; pause < 2; pause++) {
        int fd = pipe_with(text);

        expect(fd, lines, status, pause);
        assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
        fd_close(&fd);
        fd = file_with(text);
        expect(fd, lines, status, pause);
        fd_close(&fd);
    }
}

static void test_lines(void **state)
{
    (void)state;
    both("", "", 0);
    both("\n", "|", 0);
    both("one", "one|", 0);
    both("one\n", "one|", 0);
    both("one\n\ntwo\nthree", "one||two|three|", 0);
}

/* Longer than a line may be, with and without an end. */
static void test_long_line(void **state)
{
    size_t len = 300000;
    char *text = malloc(len + 1);
    int fd;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', len);
    text[len] = '\0';
    fd = file_with(text);
    expect(fd, "", -E2BIG, false);
    fd_close(&fd);
    free(text);
}

static void test_bad_descriptors(void **state)
{
    int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct seen seen = {0};
    uv_loop_t loop;

    (void)state;
    expect(dir, "", -EISDIR, false);
    fd_close(&dir);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(input_open(&seen.input, &loop, 999, MOST), -EBADF);
    input_close(&seen.input);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_bad_descriptors),
    };
    uv_loop_t first;

    /* The first loop of a process opens what libuv keeps for good. */
    if (uv_loop_init(&first) < 0 || uv_loop_close(&first) < 0)
        return 1;
    return test_run(tests);
}
