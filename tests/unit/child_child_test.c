/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions of libcrib-child, against a parent that this test plays. */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "crib/child.h"
#include "wire/frame.h"

/* The parent's end. */
struct parent {
    int fd;
    struct frame_reader *reader;
    struct frame_writer *writer;
};

static crib_child *both_open(struct parent *parent)
{
    crib_child *child = NULL;
    struct crib_error err;
    char text[16];
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    parent->fd = ends[0];
    parent->reader = frame_reader_new(0);
    parent->writer = frame_writer_new(0);
    snprintf(text, sizeof(text), "%d", ends[1]);
    setenv("CRIB_CHANNEL_FD", text, 1);
    assert_int_equal(crib_child_open(&child, &err), 0);
    assert_int_equal(crib_child_fd(child), ends[1]);
    return child;
}

static void parent_close(struct parent *parent)
{
    fd_close(&parent->fd);
    frame_reader_free(parent->reader);
    frame_writer_free(parent->writer);
}

static void both_close(struct parent *parent, crib_child *child)
{
    parent_close(parent);
    crib_child_close(child);
}

static void say(struct parent *parent, const char *type, const void *data, size_t len)
{
    assert_int_equal(frame_writer_add(parent->writer, type, data, len, NULL, 0), 0);
    assert_int_equal(frame_writer_flush(parent->writer, parent->fd), 0);
}

/* Waits for the next frame; NULL at the end. */
static struct frame *hear(struct parent *parent)
{
    struct frame *frame;
    int r;

    while ((r = frame_reader_next(parent->reader, &frame, NULL)) == 0)
        if (frame_reader_fill(parent->reader, parent->fd, NULL) <= 0)
            return NULL;
    return r == 1 ? frame : NULL;
}

static void test_open_without_a_channel(void **state)
{
    struct crib_error err;
    crib_child *child = NULL;

    (void)state;
    unsetenv("CRIB_CHANNEL_FD");
    assert_int_equal(crib_child_open(&child, &err), -ENOTCONN);
    assert_null(child);
    test_contains(err.detail, "CRIB_CHANNEL_FD");
    setenv("CRIB_CHANNEL_FD", "0x", 1);
    assert_int_equal(crib_child_open(&child, NULL), -ENOTCONN);
    unsetenv("CRIB_CHANNEL_FD");
    crib_child_close(NULL);
}

static void test_messages_go_both_ways(void **state)
{
    struct crib_child_message message;
    struct parent parent;
    crib_child *child = both_open(&parent);
    struct frame *frame;

    (void)state;
    say(&parent, "json", "{}", 2);
    assert_int_equal(crib_child_receive(child, -1, &message, NULL), 1);
    assert_string_equal(message.type, "json");
    assert_int_equal(message.len, 2);
    assert_memory_equal(message.data, "{}", 2);
    assert_int_equal(message.nfds, 0);
    assert_int_equal(crib_child_send(child, "answer", "[1]", 3, NULL, 0), 0);
    frame = hear(&parent);
    assert_non_null(frame);
    assert_string_equal(frame->type, "answer");
    assert_int_equal(frame->len, 3);
    both_close(&parent, child);
}

static void test_receiving_without_a_message(void **state)
{
    struct crib_child_message message;
    struct crib_error err = {0};
    struct parent parent;
    crib_child *child = both_open(&parent);
    uint64_t before = clock_us();

    (void)state;
    assert_int_equal(crib_child_try_receive(child, &message, &err), -EAGAIN);
    assert_int_equal(crib_child_receive(child, 0, &message, &err), -ETIMEDOUT);
    assert_int_equal(crib_child_receive(child, 30, &message, &err), -ETIMEDOUT);
    assert_int_equal(err.code, -ETIMEDOUT);
    assert_true(clock_us() - before >= 30000);
    assert_int_equal(fd_write_all(parent.fd, "\0\0", 2), 0);
    assert_int_equal(crib_child_receive(child, 1, &message, &err), -ETIMEDOUT);
    assert_int_equal(fd_write_all(parent.fd, "\0\3\x12\1t", 5), 0);
    assert_int_equal(crib_child_try_receive(child, &message, &err), 1);
    both_close(&parent, child);
}

static void test_fds_are_kept_or_closed(void **state)
{
    struct crib_child_message message;
    struct parent parent;
    crib_child *child = both_open(&parent);
    int fds[2] = {parent.fd, parent.fd}, kept, closed;

    (void)state;
    assert_int_equal(frame_writer_add(parent.writer, "t", "", 0, fds, 2), 0);
    assert_int_equal(frame_writer_flush(parent.writer, parent.fd), 0);
    assert_int_equal(crib_child_receive(child, -1, &message, NULL), 1);
    assert_int_equal(message.nfds, 2);
    kept = fd_take(&message.fds[0]);
    closed = message.fds[1];
    assert_int_equal(crib_child_try_receive(child, &message, NULL), -EAGAIN);
    assert_true(fcntl(kept, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(fcntl(closed, F_GETFD), -1);
    fd_close(&kept);
    both_close(&parent, child);
}

static void test_fds_are_sent(void **state)
{
    struct parent parent;
    crib_child *child = both_open(&parent);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC), many[65];
    struct stat sent, received;
    struct frame *frame;

    (void)state;
    for (int i = 0; i < 65; i++)
        many[i] = null;
    assert_int_equal(crib_child_send(child, "t", "", 0, many, 65), -EMFILE);
    assert_int_equal(crib_child_send(child, "t", "", 0, &null, 1), 0);
    frame = hear(&parent);
    assert_int_equal(frame->nfds, 1);
    fstat(null, &sent);
    fstat(frame->fds[0], &received);
    assert_true(sent.st_rdev == received.st_rdev);
    fd_close(&null);
    both_close(&parent, child);
}

static void test_the_parent_s_disconnect_and_end(void **state)
{
    struct crib_child_message message;
    struct parent parent;
    crib_child *child = both_open(&parent);

    (void)state;
    say(&parent, "last", "", 0);
    assert_int_equal(frame_writer_add_disconnect(parent.writer), 0);
    assert_int_equal(frame_writer_flush(parent.writer, parent.fd), 0);
    assert_int_equal(crib_child_receive(child, -1, &message, NULL), 1);
    assert_int_equal(crib_child_receive(child, -1, &message, NULL), 0);
    assert_int_equal(crib_child_try_receive(child, &message, NULL), 0);
    /* The other way it still works. */
    assert_int_equal(crib_child_send(child, "t", "", 0, NULL, 0), 0);
    assert_non_null(hear(&parent));
    parent_close(&parent);
    assert_int_equal(crib_child_send(child, "t", "", 0, NULL, 0), -EPIPE);
    crib_child_close(child);

    child = both_open(&parent);
    parent_close(&parent);
    assert_int_equal(crib_child_receive(child, -1, &message, NULL), 0);
    crib_child_close(child);
}

static void test_the_child_s_own_disconnect(void **state)
{
    struct crib_child_message message;
    struct parent parent;
    crib_child *child = both_open(&parent);
    struct frame *frame;

    (void)state;
    assert_int_equal(crib_child_disconnect(child), 0);
    assert_int_equal(crib_child_disconnect(child), 0);
    assert_int_equal(crib_child_send(child, "t", "", 0, NULL, 0), -EPIPE);
    frame = hear(&parent);
    assert_non_null(frame);
    assert_true(frame->disconnect);
    say(&parent, "t", "", 0);
    assert_int_equal(crib_child_receive(child, -1, &message, NULL), 1);
    crib_child_close(child);
    assert_null(hear(&parent));
    parent_close(&parent);
}

static void test_what_is_no_frame_ends_receiving(void **state)
{
    struct crib_child_message message;
    struct crib_error err = {0};
    struct parent parent;
    crib_child *child = both_open(&parent);

    (void)state;
    assert_int_equal(fd_write_all(parent.fd, "\xff\xff\xff\xff", 4), 0);
    assert_int_equal(crib_child_receive(child, -1, &message, &err), -EMSGSIZE);
    assert_int_equal(err.code, -EMSGSIZE);
    assert_int_equal(crib_child_receive(child, -1, &message, NULL), -EMSGSIZE);
    both_close(&parent, child);

    child = both_open(&parent);
    assert_int_equal(fd_write_all(parent.fd, "\0\0\0\1\0", 5), 0);
    assert_int_equal(crib_child_try_receive(child, &message, NULL), -EPROTO);
    both_close(&parent, child);
}

static void test_try_send_queues_what_the_socket_does_not_take(void **state)
{
    static char big[1 << 20];
    struct parent parent;
    crib_child *child = both_open(&parent);
    struct frame *frame = NULL;

    (void)state;
    assert_int_equal(crib_child_try_send(child, "small", "1", 1, NULL, 0), 0);
    assert_int_equal(crib_child_pending(child), 0);
    assert_int_equal(crib_child_try_send(child, "big", big, sizeof(big), NULL, 0), 1);
    assert_true(crib_child_pending(child) > 0);
    assert_int_equal(crib_child_flush(child), -EAGAIN);
    fcntl(parent.fd, F_SETFL, O_NONBLOCK);
    assert_string_equal(hear(&parent)->type, "small");
    while (crib_child_pending(child) > 0) {
        frame = hear(&parent);
        (void)crib_child_flush(child);
    }
    if (!frame)
        frame = hear(&parent);
    assert_non_null(frame);
    assert_int_equal(frame->len, sizeof(big));
    both_close(&parent, child);
}

/* Asking a full socket for each small message would cost a call each. */
static void test_try_send_collects_while_the_socket_is_full(void **state)
{
    char text[100] = "";
    struct parent parent;
    crib_child *child = both_open(&parent);
    struct frame *frame;
    int sent = 0, heard = 0;
    size_t before;

    (void)state;
    while (crib_child_try_send(child, "small", text, sizeof(text), NULL, 0) == 0)
        sent++;
    sent++;
    fcntl(parent.fd, F_SETFL, O_NONBLOCK);
    while (heard < sent - 1 && (frame = hear(&parent)))
        heard++;
    before = crib_child_pending(child); /* there is room again, which it has not seen */
    assert_int_equal(crib_child_try_send(child, "small", text, sizeof(text), NULL, 0), 1);
    assert_true(crib_child_pending(child) > before);
    for (sent++; sent < 1000000 && crib_child_pending(child) > 0; sent++) {
        assert_true(crib_child_pending(child) < 8192);
        assert_true(crib_child_try_send(child, "small", text, sizeof(text), NULL, 0) >= 0);
    }
    assert_int_equal(crib_child_try_send(child, "small", text, sizeof(text), NULL, 0), 0);
    for (sent++; (frame = hear(&parent)); heard++)
        assert_int_equal(frame->len, sizeof(text));
    assert_int_equal(heard, sent);
    both_close(&parent, child);
}

/* Runs @body as a process of its own. */
static pid_t in_a_process(struct parent *parent, crib_child *child, int (*body)(crib_child *child))
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        close(parent->fd);
        _exit(body(child));
    }
    return pid;
}

static void expect_success(pid_t pid)
{
    int status = -1;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Queues a megabyte that nobody reads yet (it stops when that is done), then waits for an
 * answer that comes only when all of it has arrived. */
static int queue_then_wait(crib_child *child)
{
    static char big[1 << 20];
    struct crib_child_message message;

    if (crib_child_try_send(child, "big", big, sizeof(big), NULL, 0) != 1)
        return 2;
    raise(SIGSTOP);
    return crib_child_receive(child, 10000, &message, NULL) == 1 ? 0 : 3;
}

static void test_waiting_for_a_message_sends_what_is_queued(void **state)
{
    struct parent parent;
    crib_child *child = both_open(&parent);
    pid_t pid = in_a_process(&parent, child, queue_then_wait);
    struct frame *frame;
    int status;

    (void)state;
    crib_child_close(child);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    kill(pid, SIGCONT);
    frame = hear(&parent);
    assert_non_null(frame);
    assert_int_equal(frame->len, 1 << 20);
    say(&parent, "thanks", "", 0);
    expect_success(pid);
    parent_close(&parent);
}

/* Sends each message back until the parent has gone. */
static int echo(crib_child *child)
{
    struct crib_child_message message;
    int r;

    while ((r = crib_child_receive(child, -1, &message, NULL)) == 1)
        if (crib_child_send(child, message.type, message.data, message.len, NULL, 0) < 0)
            return 2;
    return r == 0 ? 0 : 3;
}

static void test_64_mib_there_and_back(void **state)
{
    size_t len = FRAME_MAX_PAYLOAD;
    uint8_t *data = malloc(len);
    struct parent parent;
    crib_child *child = both_open(&parent);
    pid_t pid = in_a_process(&parent, child, echo);
    struct frame *frame;

    (void)state;
    crib_child_close(child);
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 24);
    say(&parent, "big", data, len);
    frame = hear(&parent);
    assert_non_null(frame);
    assert_int_equal(frame->len, len);
    assert_memory_equal(frame->payload, data, len);
    parent_close(&parent);
    expect_success(pid);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_without_a_channel),
        cmocka_unit_test(test_messages_go_both_ways),
        cmocka_unit_test(test_receiving_without_a_message),
        cmocka_unit_test(test_fds_are_kept_or_closed),
        cmocka_unit_test(test_fds_are_sent),
        cmocka_unit_test(test_the_parent_s_disconnect_and_end),
        cmocka_unit_test(test_the_child_s_own_disconnect),
        cmocka_unit_test(test_what_is_no_frame_ends_receiving),
        cmocka_unit_test(test_try_send_queues_what_the_socket_does_not_take),
        cmocka_unit_test(test_try_send_collects_while_the_socket_is_full),
        cmocka_unit_test(test_waiting_for_a_message_sends_what_is_queued),
        cmocka_unit_test(test_64_mib_there_and_back),
    };

    return test_run(tests);
}
