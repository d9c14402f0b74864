/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fd side on a loop, with a quota of its own making, and clients of it.
 *
 * Runs in: tests.
 */
#ifndef DAEMON_FDSIDE_CLIENT_H
#define DAEMON_FDSIDE_CLIENT_H

#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/fdside.h"
#include "daemon/status.h"
#include "wire/frame.h"
#include "wire/rights.h"

#define QUOTA 100 /* fds of a uid */
#define ALICE 1001
#define BOB   1002

struct fixture {
    uv_loop_t loop;
    struct fdside *side;
    int charged[2]; /* by uid - ALICE */
    int ended;      /* connections */
    int expected;   /* of these */
    bool closed;
    int take_code, take_count; /* what taking gives */
};

struct client {
    struct fixture *f;
    int sock;
    struct frame_reader *reader;
    struct frame_writer *writer;
    int fds[FRAME_MAX_FDS]; /* of the last reply */
    size_t nfds;
    char why[256];
};

static inline int charge(uid_t uid, int n, void *data)
{
    struct fixture *f = data;

    if (f->charged[uid - ALICE] + n > QUOTA)
        return -EDQUOT;
    f->charged[uid - ALICE] += n;
    assert_true(f->charged[uid - ALICE] >= 0);
    return 0;
}

static inline int take(const struct peer *peer, const Crib__FdTake *request, int **ret_fds,
                       size_t *ret_count, const char **ret_why, void *data)
{
    struct fixture *f = data;

    assert_int_equal(peer->uid, ALICE);
    assert_int_equal(request->task, 7);
    assert_int_equal(request->what, CRIB__FD_TAKE__WHAT__MESSAGE);
    assert_int_equal(request->message, 3);
    *ret_why = "because";
    if (f->take_code)
        return f->take_code;
    *ret_fds = calloc((size_t)f->take_count, sizeof(int));
    for (int i = 0; i < f->take_count; i++)
        (*ret_fds)[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
    *ret_count = (size_t)f->take_count;
    return 0;
}

static inline void on_ended(const struct peer *peer, void *data)
{
    assert_true(peer->uid == ALICE || peer->uid == BOB);
    ((struct fixture *)data)->ended++;
}

static inline void on_closed(void *data)
{
    ((struct fixture *)data)->closed = true;
}

static inline void set_up(struct fixture *f)
{
    static const struct fdside_asks asks = {charge, take, on_ended};

    memset(f, 0, sizeof(*f));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(fdside_new(&f->loop, &asks, f, &f->side), 0);
}

static inline void tear_down(struct fixture *f)
{
    fdside_close(f->side, on_closed, f);
    assert_false(f->closed);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(f->closed);
    assert_int_equal(f->ended, f->expected);
    assert_int_equal(f->charged[0], 0);
    assert_int_equal(f->charged[1], 0);
    assert_int_equal(uv_loop_close(&f->loop), 0);
}

static inline void connect_as(struct fixture *f, struct client *c, uid_t uid)
{
    const struct peer peer = {.uid = uid, .gid = uid};
    int pair[2];

    memset(c, 0, sizeof(*c));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(fdside_add(f->side, pair[1], &peer), 0);
    f->expected++;
    c->f = f;
    c->sock = pair[0];
    c->reader = frame_reader_new(0);
    c->writer = frame_writer_new(0);
}

static inline void turn(struct fixture *f, int times)
{
    while (times-- > 0)
        uv_run(&f->loop, UV_RUN_NOWAIT);
}

static inline void leave(struct client *c)
{
    frame_reader_free(c->reader);
    frame_writer_free(c->writer);
    fd_close(&c->sock);
    turn(c->f, 3);
}

static inline void send_raw(struct client *c, const char *type, const void *data, size_t len,
                            const int *fds, size_t nfds)
{
    assert_int_equal(frame_writer_add(c->writer, type, data, len, fds, nfds), 0);
    while (frame_writer_flush(c->writer, c->sock) == -EAGAIN)
        turn(c->f, 1);
}

static inline void send_message(struct client *c, const char *type, const ProtobufCMessage *message,
                                const int *fds, size_t nfds)
{
    uint8_t packed[65536];

    assert_true(protobuf_c_message_get_packed_size(message) <= sizeof(packed));
    send_raw(c, type, packed, protobuf_c_message_pack(message, packed), fds, nfds);
}

static inline int on_reply(struct client *c, struct frame *frame)
{
    Crib__FdReply *reply = crib__fd_reply__unpack(NULL, frame->len, frame->payload);
    int code;

    assert_string_equal(frame->type, "FdReply");
    assert_non_null(reply);
    code = reply->code;
    snprintf(c->why, sizeof(c->why), "%s", reply->message);
    assert_int_equal(code == 0, c->why[0] == '\0');
    c->nfds = frame->nfds;
    for (size_t i = 0; i < frame->nfds; i++) {
        c->fds[i] = frame->fds[i];
        frame->fds[i] = -1;
    }
    crib__fd_reply__free_unpacked(reply, NULL);
    return code;
}

/* Return: the code of the next reply; -1 the connection is over. */
static inline int reply(struct client *c)
{
    struct frame *frame;

    for (;;) {
        int r = frame_reader_next(c->reader, &frame, NULL);

        if (r == 1)
            return on_reply(c, frame);
        assert_int_equal(r, 0);
        turn(c->f, 1);
        r = (int)frame_reader_fill(c->reader, c->sock, NULL);
        if (r == 0 || r == -ECONNRESET)
            return -1;
        assert_true(r > 0 || r == -EAGAIN);
    }
}

static inline int send_names(struct client *c, char **names, size_t n, const int *fds, size_t nfds)
{
    Crib__FdRegister request = CRIB__FD_REGISTER__INIT;

    request.names = names;
    request.n_names = n;
    send_message(c, "FdRegister", &request.base, fds, nfds);
    return reply(c);
}

static inline int bring(struct client *c, const char *name, int fd)
{
    char *names[] = {(char *)name};

    return send_names(c, names, 1, &fd, 1);
}

static inline int give_back(struct client *c, char **names, size_t n)
{
    Crib__FdRelease request = CRIB__FD_RELEASE__INIT;

    request.names = names;
    request.n_names = n;
    send_message(c, "FdRelease", &request.base, NULL, 0);
    return reply(c);
}

/* The first loop of a process opens what stays open. */
static inline void warm_up(void)
{
    uv_loop_t loop;

    uv_loop_init(&loop);
    uv_loop_close(&loop);
}

#endif
