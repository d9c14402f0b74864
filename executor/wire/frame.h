/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of the message channel: bytes and fds in, messages out. No loop, no waiting.
 *
 * Theory of operation: a frame is a u32 big-endian length and a channel.proto Frame. Its fds are
 * attached to its first byte. The reader grows its buffer as bytes arrive, never by what a length
 * claims, and refuses at once a length over the cap. A message owns its fds until they are taken;
 * after any error the reader is dead, and everything it held is closed.
 *
 * Runs in: library, daemon, task (libcrib-child).
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define FRAME_MAX_PAYLOAD (64u * 1024 * 1024) /* default cap on a payload */
#define FRAME_MAX_TYPE    255
#define FRAME_MAX_FDS     64
#define FRAME_OVERHEAD    512 /* most that a frame adds to its payload */

/* A received frame. Borrowed from the reader until its next call, fds excepted. */
struct frame {
    bool disconnect;
    const char *type;
    const uint8_t *payload;
    size_t len;
    int fds[FRAME_MAX_FDS]; /* taken by the caller by storing -1; the rest is closed */
    size_t nfds;
};

struct frame_reader;
struct frame_writer;

/* @max: cap on a payload in bytes; 0: FRAME_MAX_PAYLOAD. Return: NULL when out of memory. */
struct frame_reader *frame_reader_new(size_t max);
void frame_reader_free(struct frame_reader *reader);

/**
 * frame_reader_fill() - Receive once from a non-blocking or blocking socket
 *
 * Return: bytes received; 0 the peer is gone (-EPROTO if in the middle of a frame); -EAGAIN;
 *         -EMSGSIZE length over the cap; -EMFILE more than FRAME_MAX_FDS with a frame, or fds lost
 *         for want of room in this process; -EPROTO; other negative errno
 */
long frame_reader_fill(struct frame_reader *reader, int sock, struct crib_error *err);

/* Return: 1 and the next whole frame; 0 more bytes are needed; -EPROTO, -EMSGSIZE as above. */
int frame_reader_next(struct frame_reader *reader, struct frame **ret, struct crib_error *err);

/* @max as above. */
struct frame_writer *frame_writer_new(size_t max);
void frame_writer_free(struct frame_writer *writer);

/**
 * frame_writer_add() - Queue a message
 * @type:    borrows; at most FRAME_MAX_TYPE bytes of UTF-8
 * @payload: borrows; copied
 * @fds:     borrows; copied with dup at once, so the caller may close its own
 *
 * Return: 0; -EMSGSIZE over the cap; -EMFILE more than FRAME_MAX_FDS or none left; -EINVAL; -ENOMEM
 */
int frame_writer_add(struct frame_writer *writer, const char *type, const void *payload,
                     size_t len, const int *fds, size_t nfds);
int frame_writer_add_disconnect(struct frame_writer *writer);

/**
 * frame_writer_flush() - Send what the socket takes
 * @sock: non-blocking, or blocking: then until all is sent
 *
 * Return: 0 all is sent; -EAGAIN the rest waits; -EPIPE; other negative errno
 */
int frame_writer_flush(struct frame_writer *writer, int sock);

/* Return: bytes queued and not yet sent. */
size_t frame_writer_pending(const struct frame_writer *writer);

#endif
