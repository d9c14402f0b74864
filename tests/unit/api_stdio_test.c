/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/stdio.h"
#include "supervise/stream.h"

static bool is_cloexec(int fd)
{
    return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

static void pipes_have_their_direction(void **state)
{
    struct crib_stdio entries[] = {{CRIB_PIPE}, {CRIB_PIPE}, {CRIB_NULL}, {CRIB_PIPE}};
    struct stdio_set set;

    (void)state;
    assert_int_equal(stdio_open(entries, 4, &set, NULL), 0);
    assert_int_equal(set.count, 4);
    for (int i = 0; i < 4; i++) {
        struct stdio_end *end = &set.end[i];

        if (i == 2)
            continue;
        assert_int_equal(fcntl(end->theirs, F_GETFL) & O_ACCMODE, i == 0 ? O_RDONLY : O_WRONLY);
        assert_int_equal(fcntl(end->ours, F_GETFL) & O_ACCMODE, i == 0 ? O_WRONLY : O_RDONLY);
        assert_int_equal(end->writes, i == 0);
        assert_true(is_cloexec(end->theirs) && is_cloexec(end->ours));
        assert_false(fcntl(end->theirs, F_GETFL) & O_NONBLOCK);
    }
    assert_int_equal(set.end[2].theirs, -1);
    stdio_done(&set);
}

static void a_channel_is_a_socket_pair(void **state)
{
    struct crib_stdio entry = {CRIB_CHANNEL};
    struct stdio_set set;
    struct stat st;

    (void)state;
    assert_int_equal(stdio_open(&entry, 1, &set, NULL), 0);
    assert_true(set.end[0].is_channel);
    assert_int_equal(fstat(set.end[0].ours, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_false(fcntl(set.end[0].theirs, F_GETFL) & O_NONBLOCK);
    stdio_done(&set);
}

static void the_plan_gets_its_fds_in_its_own_order(void **state)
{
    struct crib_stdio entries[] = {
        {CRIB_FD, .from = 2}, {CRIB_FD, .from = 1}, {CRIB_FD, .from = 1}};
    Crib__Stdio stdio[4];
    Crib__Stdio *list[] = {&stdio[3], &stdio[2], &stdio[1], &stdio[0]};
    Crib__Program program = CRIB__PROGRAM__INIT;
    struct stdio_set set;
    struct stat st, null;
    int fds[4];

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        crib__stdio__init(&stdio[i]);
        stdio[i].fd = i;
        stdio[i].kind = i == 3 ? CRIB__STDIO__KIND__null : CRIB__STDIO__KIND__given;
    }
    program.stdio = list;
    program.n_stdio = 4;
    assert_int_equal(stdio_open(entries, 3, &set, NULL), 0);
    assert_int_equal(stdio_list(&set, &program, fds, NULL), 0);
    assert_int_equal(fds[3], 2); /* swapped and doubled, as asked */
    assert_int_equal(fds[2], 1);
    assert_int_equal(fds[1], 1);
    assert_int_equal(fstat(fds[0], &st), 0); /* not named by the caller: /dev/null */
    assert_int_equal(stat("/dev/null", &null), 0);
    assert_int_equal(st.st_rdev, null.st_rdev);
    stdio_done(&set);
    assert_true(fcntl(1, F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0); /* borrowed, not closed */
}

/* Exits with 0 when what must hold holds. */
static int closed_standard_fds(void)
{
    struct crib_stdio entries[] = {{CRIB_PIPE},    {CRIB_INHERIT}, {CRIB_INHERIT},
                                   {CRIB_CHANNEL}, {CRIB_NULL},    {CRIB_PIPE}};
    Crib__Stdio stdio[6], *list[6];
    Crib__Program program = CRIB__PROGRAM__INIT;
    Crib__Stdio__Kind kind;
    struct stdio_set set;
    int fds[6];

    for (int fd = 0; fd < 3; fd++)
        close(fd);
    for (uint32_t i = 0; i < 6; i++) {
        crib__stdio__init(list[i] = &stdio[i]);
        stdio[i].fd = i;
        if (stdio_kind(&entries[i], (int)i, &kind, NULL) < 0)
            return 1;
        stdio[i].kind = kind;
        if ((i == 1 || i == 2) && kind != CRIB__STDIO__KIND__null)
            return 2;
    }
    program.stdio = list;
    program.n_stdio = 6;
    if (stdio_open(entries, 6, &set, NULL) < 0 || stdio_list(&set, &program, fds, NULL) < 0)
        return 3;
    for (int i = 0; i < 6; i++)
        if (fds[i] < 3 || (set.end[i].ours >= 0 && set.end[i].ours < 3))
            return 4;
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return 5;
    stdio_done(&set);
    return 0;
}

static void with_0_to_2_closed_they_stay_closed(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        _exit(closed_standard_fds());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void on_ended(crib_stream *stream, void *owner)
{
    (void)stream;
    ++*(int *)owner;
}

static void a_joined_stream_is_gone_only_when_given(void **state)
{
    struct crib_stdio entries[2] = {{CRIB_STREAM}, {CRIB_NULL}};
    Crib__Stdio__Kind kind;
    struct stdio_set set;
    crib_stream *stream;
    uv_loop_t loop;
    int fds[2], ended = 0;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    stream = stream_new(&loop, 1, fds[0], false, on_ended, &ended);
    entries[0].stream = stream;
    assert_int_equal(stdio_kind(&entries[0], 0, &kind, NULL), 0);
    assert_int_equal(stdio_kind(&entries[0], 1, &kind, NULL), -EINVAL); /* not to be written to */
    assert_int_equal(stdio_open(entries, 2, &set, NULL), 0);
    assert_int_equal(set.end[0].theirs, fds[0]);
    stdio_done(&set); /* the start failed */
    assert_int_equal(ended, 0);
    assert_true(fcntl(fds[0], F_GETFD) >= 0);
    assert_int_equal(stdio_open(entries, 2, &set, NULL), 0);
    stdio_given(&set);
    stdio_done(&set);
    assert_int_equal(ended, 1);
    assert_true(fcntl(fds[0], F_GETFD) < 0);
    assert_int_equal(stdio_kind(&entries[0], 0, &kind, NULL), -EBADF);
    stream_free(stream);
    close(fds[1]);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* A pipe keeps its number; the terminal takes what is left. */
static void a_terminals_streams_have_their_numbers(void **state)
{
    static const struct {
        struct crib_stdio entries[3];
        int code, writer, reader;
    } rows[] = {
        {{{CRIB_PIPE}, {CRIB_PIPE}, {CRIB_PIPE}}, 0, -1, -1},
        {{{CRIB_PTY}, {CRIB_PTY}, {CRIB_PTY}}, 0, 0, 1},
        {{{CRIB_NULL}, {CRIB_NULL}, {CRIB_PTY}}, 0, 0, 1},
        {{{CRIB_PTY}, {CRIB_PTY}, {CRIB_PIPE}}, 0, 0, 1},
        {{{CRIB_PIPE}, {CRIB_PTY}, {CRIB_PTY}}, 0, -1, 1},
        {{{CRIB_PTY}, {CRIB_PIPE}, {CRIB_PTY}}, 0, 0, 2},
        {{{CRIB_PTY}, {CRIB_PIPE}, {CRIB_NULL}}, 0, 0, 2},
        {{{CRIB_PTY}, {CRIB_PIPE}, {CRIB_PIPE}}, -EINVAL, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stdio_set set;
        int writer, reader;
        int r = stdio_terminal(rows[i].entries, 3, &writer, &reader, NULL);

        assert_int_equal(r, rows[i].code);
        assert_int_equal(stdio_open(rows[i].entries, 3, &set, NULL), rows[i].code);
        if (r == 0) {
            assert_int_equal(writer, rows[i].writer);
            assert_int_equal(reader, rows[i].reader);
            assert_int_equal(set.writer, writer);
            assert_int_equal(set.reader, reader);
        }
        stdio_done(&set);
    }
}

/* Made inside: what is sent only holds its place. */
static void a_pty_is_sent_as_null(void **state)
{
    struct crib_stdio entry = {CRIB_PTY};
    Crib__Stdio stdio = CRIB__STDIO__INIT, *list[] = {&stdio};
    Crib__Program program = CRIB__PROGRAM__INIT;
    struct stat st, null;
    struct stdio_set set;
    int fd;

    (void)state;
    assert_int_equal(stdio_kind(&entry, 0, &stdio.kind, NULL), 0);
    assert_int_equal(stdio.kind, CRIB__STDIO__KIND__pty);
    program.stdio = list;
    program.n_stdio = 1;
    assert_int_equal(stdio_open(&entry, 1, &set, NULL), 0);
    assert_int_equal(stdio_list(&set, &program, &fd, NULL), 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(stat("/dev/null", &null), 0);
    assert_int_equal(st.st_rdev, null.st_rdev);
    stdio_done(&set);
}

static void without_room_for_fds_nothing_is_left_open(void **state)
{
    struct crib_stdio entries[] = {{CRIB_PIPE}, {CRIB_PIPE}, {CRIB_PIPE}};
    struct crib_error error;
    struct stdio_set set;
    int spare[4096];
    int count = 0;

    (void)state;
    while (count < 4096 && (spare[count] = fcntl(1, F_DUPFD_CLOEXEC, 0)) >= 0)
        count++;
    if (count == 4096)
        fail_msg("more than 4096 fds are allowed, though main() lowers it");
    close(spare[--count]);
    close(spare[--count]);
    close(spare[--count]); /* room for one pipe and a half */
    assert_int_equal(stdio_open(entries, 3, &set, &error), -EMFILE);
    assert_int_equal(error.index, 1);
    assert_true((spare[count++] = fcntl(1, F_DUPFD_CLOEXEC, 0)) >= 0);
    assert_true((spare[count++] = fcntl(1, F_DUPFD_CLOEXEC, 0)) >= 0);
    assert_true((spare[count++] = fcntl(1, F_DUPFD_CLOEXEC, 0)) >= 0);
    while (count > 0)
        close(spare[--count]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipes_have_their_direction),
        cmocka_unit_test(a_channel_is_a_socket_pair),
        cmocka_unit_test(the_plan_gets_its_fds_in_its_own_order),
        cmocka_unit_test(with_0_to_2_closed_they_stay_closed),
        cmocka_unit_test(a_joined_stream_is_gone_only_when_given),
        cmocka_unit_test(a_terminals_streams_have_their_numbers),
        cmocka_unit_test(a_pty_is_sent_as_null),
        cmocka_unit_test(without_room_for_fds_nothing_is_left_open),
    };
    struct rlimit few = {256, 256};
    uv_loop_t loop;

    setrlimit(RLIMIT_NOFILE, &few);
    /* The first loop of a process opens a pipe that stays. */
    uv_loop_init(&loop);
    uv_loop_close(&loop);
    return test_run(tests);
}
