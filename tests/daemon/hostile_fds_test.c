/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that send descriptors by the hundred, where none belong, or such as nobody should hold;
 * and two that want the same task dead.
 */
#include "daemon/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "wire/frame.h"

#define FD_BYTE  "\xfd"
#define SCM_MOST 253 /* of one message of the kernel */
#define GROWTH   ((size_t)16 << 20)

static const char *const sleeping[] = {"-c", "exec sleep 1000", NULL};

/* Sends the bytes with the fds attached to the first one. */
static bool send_fds(int sock, const void *data, size_t len, const int *fds, size_t count)
{
    union {
        char room[CMSG_SPACE(SCM_MOST * sizeof(int))];
        struct cmsghdr header;
    } control;
    struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control};
    struct cmsghdr *header;

    msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
    header = CMSG_FIRSTHDR(&msg);
    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                               .cmsg_type = SCM_RIGHTS,
                               .cmsg_len = CMSG_LEN(count * sizeof(int))};
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    return sendmsg(sock, &msg, MSG_NOSIGNAL) == (ssize_t)len;
}

/* The same fd, so often. */
static bool send_copies(int sock, const void *data, size_t len, int fd, size_t count)
{
    int fds[SCM_MOST];

    for (size_t i = 0; i < count; i++)
        fds[i] = fd;
    return send_fds(sock, data, len, fds, count);
}

static int open_side(const struct cribd *daemon)
{
    int sock = cribd_connect(daemon);

    assert_true(cribd_bytes(sock, FD_BYTE, 1));
    return sock;
}

static int a_pipe(void)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[1]);
    return ends[0];
}

/**
 * reply_with() - Receive the next FdReply
 * @ret_fd: takes an fd that came along; NULL: whatever comes is closed
 *
 * Return: its code; -1 at the end of the connection
 */
static int reply_with(int sock, int *ret_fd)
{
    struct frame_reader *reader = frame_reader_new(0);
    Crib__FdReply *reply;
    struct frame *frame;
    int r, code = -1;

    while ((r = frame_reader_next(reader, &frame, NULL)) == 0)
        if (frame_reader_fill(reader, sock, NULL) <= 0)
            break;
    if (r > 0) {
        reply = crib__fd_reply__unpack(NULL, frame->len, frame->payload);
        assert_non_null(reply);
        code = reply->code;
        crib__fd_reply__free_unpacked(reply, NULL);
        if (ret_fd && frame->nfds > 0)
            *ret_fd = fd_take(&frame->fds[0]);
    }
    frame_reader_free(reader);
    return code;
}

static int reply_code(int sock)
{
    return reply_with(sock, NULL);
}

/* Asks for so many names, PREFIX0 and so on, with as many copies of the fd. */
static void ask_register(int sock, const char *prefix, int fd, size_t count)
{
    Crib__FdRegister request = CRIB__FD_REGISTER__INIT;
    char names[FRAME_MAX_FDS][128], *list[FRAME_MAX_FDS];
    struct frame_writer *writer = frame_writer_new(0);
    int fds[FRAME_MAX_FDS];
    uint8_t *data;
    size_t len;

    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "%s%zu", prefix, i);
        list[i] = names[i];
        fds[i] = fd;
    }
    request.names = list;
    request.n_names = count;
    data = client_pack(&request, &len);
    assert_int_equal(frame_writer_add(writer, "FdRegister", data, len, fds, count), 0);
    frame_writer_flush(writer, sock);
    frame_writer_free(writer);
    free(data);
}

/* --- floods --- */

/* As many as the quota allows, then more; all are gone with their connection. */
static void a_flood_of_names(const struct cribd *daemon)
{
    int sock = open_side(daemon), fd = a_pipe(), refused = 0, taken = 0;

    for (int i = 0; i < 40; i++) {
        char prefix[16];
        int code;

        snprintf(prefix, sizeof(prefix), "flood-%d-", i);
        ask_register(sock, prefix, fd, FRAME_MAX_FDS);
        code = reply_code(sock);
        assert_true(code == 0 || code == 8);
        taken += code == 0;
        refused += code == 8;
    }
    assert_int_equal(taken, 1024 / FRAME_MAX_FDS);
    assert_int_equal(taken + refused, 40);
    assert_true(cribd_fds(daemon) > 1024);
    close(fd);
    close(sock);
}

/* More than a frame may have: all are closed, and the connection with them. */
static void more_than_a_frame_has(const struct cribd *daemon)
{
    static const uint8_t frame[] = {0, 0, 0, 0x1a, 0x12, 0x0a, 'F', 'd'};
    int fd = a_pipe();

    for (int i = 0; i < 20; i++) {
        int sock = open_side(daemon);

        send_copies(sock, frame, sizeof(frame), fd, FRAME_MAX_FDS + 1);
        send_copies(sock, frame, sizeof(frame), fd, SCM_MOST);
        client_ended(sock);
    }
    close(fd);
}

/* Half of a frame, byte by byte, each with its hundred. */
static void fds_within_a_frame(const struct cribd *daemon)
{
    static const uint8_t frame[] = {0, 0, 0, 0x1a, 0x12, 0x0a};
    int sock = open_side(daemon), fd = a_pipe();

    for (size_t i = 0; i < sizeof(frame); i++)
        send_copies(sock, frame + i, 1, fd, 100);
    client_ended(sock);
    close(fd);
}

static void closed_in_the_middle(const struct cribd *daemon)
{
    static const uint8_t frame[] = {0, 0, 0, 0x1a, 0x12, 0x0a};
    int fd = a_pipe();

    for (size_t i = 1; i <= sizeof(frame); i++) {
        int sock = open_side(daemon);

        assert_true(send_copies(sock, frame, i, fd, 8));
        close(sock);
    }
    close(fd);
}

static void a_side_that_says_nothing_or_nonsense(const struct cribd *daemon)
{
    int silent = open_side(daemon), sock = open_side(daemon);

    cribd_request(sock, 1, "Info", NULL, 0);
    client_ended(sock);
    sock = open_side(daemon);
    assert_true(cribd_bytes(sock, "\xff\xff\xff\xff", 4));
    client_ended(sock);
    assert_true(cribd_alive(daemon));
    close(silent);
}

/* Waits until nobody has the pipe's other end. */
static void closed_by_the_daemon(int reader)
{
    struct pollfd watched = {.fd = reader};

    assert_int_equal(poll(&watched, 1, CRIBD_PATIENCE_MS), 1);
    assert_true(watched.revents & POLLHUP);
    close(reader);
}

/* Where fds do not belong they are closed, and the call is answered all the same. */
static void fds_on_the_other_side(const struct cribd *daemon)
{
    static const uint8_t info[] = {0,   0,   0,   23,   0,   0,   0,   1,   1,   0,   0x0a,
                                   13,  'c', 'r', 'i',  'b', '.', 'E', 'x', 'e', 'c', 'u',
                                   't', 'o', 'r', 0x12, 4,   'I', 'n', 'f', 'o'};
    int sock = cribd_connect(daemon), ends[2];
    uint8_t copy[sizeof(info)];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    memcpy(copy, info, sizeof(info));
    copy[3] = sizeof(info) - TTRPC_HEADER;
    assert_true(send_copies(sock, copy, sizeof(copy), ends[1], SCM_MOST));
    close(ends[1]);
    assert_int_equal(cribd_code(sock), 0);
    closed_by_the_daemon(ends[0]);
    close(sock);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    sock = cribd_connect(daemon);
    assert_true(send_copies(sock, FD_BYTE, 1, ends[1], SCM_MOST));
    close(ends[1]);
    closed_by_the_daemon(ends[0]);
    close(sock);
}

static void refuse(const struct cribd *daemon, int fd)
{
    int sock = open_side(daemon);

    assert_true(fd >= 0);
    ask_register(sock, "bad", fd, 1);
    assert_int_equal(reply_code(sock), 3);
    close(fd);
    close(sock);
}

static void fds_that_nobody_should_hold(const struct cribd *daemon)
{
    refuse(daemon, open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    refuse(daemon, open(daemon->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    refuse(daemon, open("/", O_PATH | O_CLOEXEC));
    refuse(daemon, open("/etc/passwd", O_PATH | O_CLOEXEC));
    refuse(daemon, open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static void names_that_are_none(const struct cribd *daemon)
{
    static const char *const prefixes[] = {
        "",     "a b",  "../",
        "\x01", "\xff", "0123456789012345678901234567890123456789012345678901234567890123"};
    int sock = open_side(daemon), fd = a_pipe();

    /* the prefix is followed by a number, so the first is good, but twice */
    ask_register(sock, prefixes[0], fd, 1);
    assert_int_equal(reply_code(sock), 0);
    ask_register(sock, prefixes[0], fd, 1);
    assert_int_equal(reply_code(sock), 6);
    for (size_t i = 1; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        ask_register(sock, prefixes[i], fd, 1);
        assert_int_equal(reply_code(sock), 3);
    }
    close(fd);
    close(sock);
}

static const struct {
    const char *name;
    void (*act)(const struct cribd *daemon);
} acts[] = {
    {"a flood of names", a_flood_of_names},
    {"more than a frame has", more_than_a_frame_has},
    {"fds within a frame", fds_within_a_frame},
    {"closed in the middle", closed_in_the_middle},
    {"a side that says nothing, or nonsense", a_side_that_says_nothing_or_nonsense},
    {"fds on the other side", fds_on_the_other_side},
    {"fds that nobody should hold", fds_that_nobody_should_hold},
    {"names that are none", names_that_are_none},
};

static void test_floods_of_fds(void **state)
{
    struct client_measure before;
    struct cribd daemon;
    uint64_t task;

    (void)state;
    cribd_start(&daemon, NULL);
    task = cribd_spawn(&daemon, "/bin/sh", sleeping, NULL);
    cribd_wait(&daemon, task, CRIB__TASK_STATE__RUNNING);
    before = client_measure(&daemon, 1);
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        print_message("           %s\n", acts[i].name);
        acts[i].act(&daemon);
        assert_true(cribd_alive(&daemon));
        client_settled_soon(&daemon, &before, 1, GROWTH);
    }
    client_settled(&daemon, &before, 1, GROWTH);
    assert_int_equal(cribd_wait(&daemon, task, CRIB__TASK_STATE__STARTING)->state,
                     CRIB__TASK_STATE__RUNNING);
    cribd_stop(&daemon);
}

/* --- taking without reading --- */

static void with_a_terminal(Crib__SpawnRequest *request)
{
    static Crib__Stdio entries[3];
    static Crib__Stdio *list[] = {&entries[0], &entries[1], &entries[2]};

    for (uint32_t fd = 0; fd < 3; fd++) {
        crib__stdio__init(&entries[fd]);
        entries[fd].has_fd = entries[fd].has_kind = true;
        entries[fd].fd = fd;
        entries[fd].kind = CRIB__STDIO__KIND__pty;
    }
    request->task->stdio = list;
    request->task->n_stdio = 3;
}

/* The master is given once; whoever asks on and on and takes no answer is not listened to. */
static void test_answers_that_nobody_reads(void **state)
{
    Crib__FdTake take = CRIB__FD_TAKE__INIT;
    struct frame_writer *writer = frame_writer_new(0);
    struct client_measure before;
    struct cribd daemon;
    uint8_t *data;
    size_t len;
    int sock, master = -1;

    (void)state;
    cribd_start(&daemon, NULL);
    take.task = cribd_spawn(&daemon, "/bin/sh", sleeping, with_a_terminal);
    cribd_wait(&daemon, take.task, CRIB__TASK_STATE__RUNNING);
    data = client_pack(&take, &len);
    sock = open_side(&daemon);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(frame_writer_add(writer, "FdTake", data, len, NULL, 0), 0);
        assert_int_equal(frame_writer_flush(writer, sock), 0);
        assert_int_equal(reply_with(sock, &master), i == 0 ? 0 : 9);
    }
    assert_true(master >= 0); /* whose closing would hang up on the task */
    before = client_measure(&daemon, 1);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(frame_writer_add(writer, "FdTake", data, len, NULL, 0), 0);
    fcntl(sock, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 50 && frame_writer_flush(writer, sock) == -EAGAIN; i++)
        assert_true(cribd_alive(&daemon));
    assert_true(frame_writer_pending(writer) > 0);
    client_settled_soon(&daemon, &before, 1, GROWTH);
    frame_writer_free(writer);
    free(data);
    close(sock);
    before.fds--;
    client_settled_soon(&daemon, &before, 1, GROWTH);
    close(master);
    cribd_stop(&daemon);
}

/* --- two who kill --- */

static void kill_from_both(const int *socks, uint32_t stream, uint64_t task, uint32_t signo)
{
    Crib__KillRequest request = CRIB__KILL_REQUEST__INIT;

    request.task = task;
    request.signal = signo;
    client_ask(socks[0], stream, "Kill", &request);
    client_ask(socks[1], stream, "Kill", &request);
    for (int i = 0; i < 2; i++) {
        int code = cribd_code(socks[i]);

        assert_true(code == 0 || code == 9); /* it has ended already */
    }
}

static void test_two_who_kill_the_same_task(void **state)
{
    Crib__ForgetRequest forget = CRIB__FORGET_REQUEST__INIT;
    struct client_measure before;
    struct cribd daemon;
    int socks[2];

    (void)state;
    cribd_start(&daemon, NULL);
    socks[0] = cribd_connect(&daemon);
    socks[1] = cribd_connect(&daemon);
    forget.task = cribd_spawn(&daemon, "/bin/sh", sleeping, NULL);
    kill_from_both(socks, 1, forget.task, SIGKILL);
    cribd_wait(&daemon, forget.task, CRIB__TASK_STATE__ENDED);
    cribd_call(&daemon, RPC_FORGET, &forget);
    before = client_measure(&daemon, 0);
    for (uint32_t i = 1; i < 20; i++) {
        const Crib__WaitResponse *end;

        forget.task = cribd_spawn(&daemon, "/bin/sh", sleeping, NULL);
        if (i % 3)
            cribd_wait(&daemon, forget.task, CRIB__TASK_STATE__RUNNING);
        kill_from_both(socks, 2 * i + 1, forget.task, i % 2 ? SIGKILL : SIGTERM);
        end = cribd_wait(&daemon, forget.task, CRIB__TASK_STATE__ENDED);
        assert_int_equal(end->result->verdict, CRIB__RESULT__VERDICT__killed);
        cribd_call(&daemon, RPC_FORGET, &forget);
    }
    client_settled_soon(&daemon, &before, 0, GROWTH);
    close(socks[0]);
    close(socks[1]);
    cribd_stop(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floods_of_fds),
        cmocka_unit_test(test_answers_that_nobody_reads),
        cmocka_unit_test(test_two_who_kill_the_same_task),
    };

    return test_run(tests);
}
