/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A primary that a test plays, over a socketpair, for a worker in the same process.
 *
 * Runs in: tests.
 */
#ifndef UNIT_CHILD_PRIMARY_H
#define UNIT_CHILD_PRIMARY_H

#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "cluster.pb-c.h"
#include "crib/child.h"
#include "wire/frame.h"

#define TYPE    "crib.cluster"
#define ADDRESS "tcp:127.0.0.1:8080"
#define LONG    60000 /* ms: more than any of this may take */

struct primary {
    int fd;
    struct frame_reader *reader;
    struct frame_writer *writer;
    bool stop; /* the threads */
};

static inline void ends_open(struct primary *primary, const char *id)
{
    char text[16];
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    *primary = (struct primary){
        .fd = ends[0], .reader = frame_reader_new(0), .writer = frame_writer_new(0)};
    snprintf(text, sizeof(text), "%d", ends[1]);
    setenv("CRIB_CHANNEL_FD", text, 1);
    if (id)
        setenv("CRIB_WORKER_ID", id, 1);
    else
        unsetenv("CRIB_WORKER_ID");
}

static inline void primary_close(struct primary *primary)
{
    fd_close(&primary->fd);
    frame_reader_free(primary->reader);
    frame_writer_free(primary->writer);
}

static inline void both_close(struct primary *primary, crib_child *child)
{
    primary_close(primary);
    crib_child_close(child);
}

/* Waits for the next frame; NULL at the end. */
static inline struct frame *hear(struct primary *primary)
{
    struct frame *frame;
    int r;

    while ((r = frame_reader_next(primary->reader, &frame, NULL)) == 0)
        if (frame_reader_fill(primary->reader, primary->fd, NULL) <= 0)
            return NULL;
    return r == 1 ? frame : NULL;
}

/* What the worker says next to its primary. */
static inline Crib__WorkerSays *hear_worker(struct primary *primary)
{
    struct frame *frame = hear(primary);
    Crib__WorkerSays *says;

    assert_non_null(frame);
    assert_string_equal(frame->type, TYPE);
    assert_int_equal(frame->nfds, 0);
    says = crib__worker_says__unpack(NULL, frame->len, frame->payload);
    assert_non_null(says);
    return says;
}

static inline void hear_pong(struct primary *primary, uint64_t seq)
{
    Crib__WorkerSays *says = hear_worker(primary);

    assert_non_null(says->pong);
    assert_true(says->pong->has_seq);
    assert_int_equal(says->pong->seq, seq);
    crib__worker_says__free_unpacked(says, NULL);
}

static inline void hear_listen(struct primary *primary, uint64_t seq, const char *address)
{
    Crib__WorkerSays *says = hear_worker(primary);

    assert_non_null(says->listen);
    assert_int_equal(says->listen->seq, seq);
    assert_string_equal(says->listen->address, address);
    crib__worker_says__free_unpacked(says, NULL);
}

static inline void hear_online(struct primary *primary)
{
    Crib__WorkerSays *says = hear_worker(primary);

    assert_non_null(says->online);
    crib__worker_says__free_unpacked(says, NULL);
}

static inline void say(struct primary *primary, const char *type, const void *data, size_t len,
                       const int *fds, size_t nfds)
{
    assert_int_equal(frame_writer_add(primary->writer, type, data, len, fds, nfds), 0);
    assert_int_equal(frame_writer_flush(primary->writer, primary->fd), 0);
}

static inline void say_packed(struct primary *primary, const Crib__PrimarySays *says,
                              const int *fds, size_t nfds)
{
    uint8_t data[1024];

    assert_true(crib__primary_says__get_packed_size(says) <= sizeof(data));
    say(primary, TYPE, data, crib__primary_says__pack(says, data), fds, nfds);
}

static inline void ping(struct primary *primary, uint64_t seq)
{
    Crib__PrimarySays says = CRIB__PRIMARY_SAYS__INIT;
    Crib__PrimarySays__Ping inner = CRIB__PRIMARY_SAYS__PING__INIT;

    inner.has_seq = true;
    inner.seq = seq;
    says.ping = &inner;
    say_packed(primary, &says, NULL, 0);
}

/* @why: may be NULL */
static inline void answer(struct primary *primary, uint64_t seq, int code, const char *why,
                          Crib__Sharing sharing, const int *fds, size_t nfds)
{
    Crib__PrimarySays says = CRIB__PRIMARY_SAYS__INIT;
    Crib__PrimarySays__Socket inner = CRIB__PRIMARY_SAYS__SOCKET__INIT;

    inner.has_seq = inner.has_code = inner.has_sharing = true;
    inner.seq = seq;
    inner.code = code;
    inner.why = (char *)why;
    inner.sharing = sharing;
    says.socket = &inner;
    say_packed(primary, &says, fds, nfds);
}

/* A worker that is online. */
static inline crib_child *both_open(struct primary *primary)
{
    crib_child *child = NULL;

    ends_open(primary, "7");
    assert_int_equal(crib_child_open(&child, NULL), 0);
    hear_online(primary);
    return child;
}

static inline int listen_to(crib_child *child, int timeout_ms, int *ret_fd)
{
    return crib_child_listen(child, ADDRESS, CRIB_CHILD_SHARE_ANY, timeout_ms, ret_fd, NULL);
}

static inline int a_listener(int flags)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    struct sockaddr_un {
        sa_family_t family;
    } any = {AF_UNIX}; /* an abstract name of the kernel's choice */

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
    assert_int_equal(listen(fd, 5), 0);
    return fd;
}

static inline void must_receive(crib_child *child, const char *type)
{
    struct crib_child_message message;

    assert_int_equal(crib_child_try_receive(child, &message, NULL), 1);
    assert_string_equal(message.type, type);
}

static inline void must_be_empty(crib_child *child)
{
    struct crib_child_message message;

    assert_int_equal(crib_child_try_receive(child, &message, NULL), -EAGAIN);
}

#endif
