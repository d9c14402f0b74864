/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of the message channel: bytes and fds in, messages out. No loop, no waiting.
 *
 * Runs in: library, daemon, task (libcrib-child).
 * Source: unix(7), recvmsg(2); tests/kernel/scm_rights_bounds_test.c
 *
 * Theory of operation
 *
 * A frame is a u32 big-endian length and a Frame of channel.proto. Its fds are attached to its
 * first byte, and it says how many they are. The reader grows its buffer as bytes arrive, never by
 * what a length claims, and refuses at once a length over the cap. A message owns its fds until
 * they are taken; after any error the reader is dead, and everything it held is closed.
 *
 * Which fds belong to which frame: the kernel hands over fds with the first byte of the write they
 * were sent with, and never lets one receive go on past that write; but bytes sent before it may
 * come in the same receive. So the writer begins a write of its own at the first byte of each frame
 * that has fds, and the reader notes for each set of fds the stretch of the stream that came with
 * it. A frame that declares n fds must begin within the stretch of the oldest set, and the set
 * must be of n. A set whose stretch is past, or that came within a frame, belongs to none: an
 * error.
 *
 * What is refused besides (-EPROTO): unknown fields and kinds, a message without a type, a type
 * that is no UTF-8 or holds a NUL, a disconnect that carries anything, bytes after a disconnect,
 * and a Frame that is not packed the plain way (shortest numbers, no field twice).
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Closes what was not delivered. Accepts NULL. */
void frame_reader_free(struct frame_reader *reader);

/**
 * frame_reader_fill() - Receive once from a non-blocking or blocking socket
 *
 * To be called when frame_reader_next() has returned 0; so the reader never holds much more than
 * one frame, however fast the other end sends.
 *
 * Return: bytes received; 0 the peer is gone (-EPROTO if in the middle of a frame); -EAGAIN;
 *         -ENOBUFS a whole frame waits for frame_reader_next(), nothing was received;
 *         -EMSGSIZE length over the cap; -EMFILE more than FRAME_MAX_FDS with a frame, or fds lost
 *         for want of room in this process; -EPROTO; other negative errno
 */
long frame_reader_fill(struct frame_reader *reader, int sock, struct crib_error *err);

/* The same without waiting, also from a blocking socket. */
long frame_reader_fill_now(struct frame_reader *reader, int sock, struct crib_error *err);

/**
 * frame_reader_feed() - What frame_reader_fill() does with what it has received
 * @fds: takes, also on an error
 *
 * Return: 0; negative errno as above
 */
int frame_reader_feed(struct frame_reader *reader, const void *data, size_t len, const int *fds,
                      size_t nfds, struct crib_error *err);

/**
 * frame_reader_look() - Have somebody look at what frame_reader_fill() has received
 * @look: @held: bytes received and not delivered; @fds: what came along, of which it may close some
 *        and make them -1 if it returns an error. Return: 0; a negative errno, of which the reader
 *        dies
 */
void frame_reader_look(struct frame_reader *reader,
                       int (*look)(void *owner, size_t held, int *fds, size_t nfds), void *owner);

/* Return: 1 and the next whole frame; 0 more bytes are needed; negative errno as above; of -ENOMEM
 * the reader does not die, and the frame can be asked for again. */
int frame_reader_next(struct frame_reader *reader, struct frame **ret, struct crib_error *err);

/* @max as above. */
struct frame_writer *frame_writer_new(size_t max);

/* Drops what is queued, closing its fds. Accepts NULL. */
void frame_writer_free(struct frame_writer *writer);

/**
 * frame_writer_add() - Queue a message
 * @type:    borrows; at most FRAME_MAX_TYPE bytes of UTF-8
 * @payload: borrows; copied
 * @fds:     borrows; copied with dup at once, so the caller may close its own
 *
 * On an error nothing is queued.
 *
 * Return: 0; -EMSGSIZE over the cap; -EMFILE more than FRAME_MAX_FDS or none left; -EBADF; -EINVAL;
 *         -ENOMEM; -EPIPE after a disconnect, or after a flush that failed
 */
int frame_writer_add(struct frame_writer *writer, const char *type, const void *payload, size_t len,
                     const int *fds, size_t nfds);

/* Queues the last frame; a second one is not queued, and no error. Return: 0; -ENOMEM; -EPIPE. */
int frame_writer_add_disconnect(struct frame_writer *writer);

/**
 * frame_writer_flush() - Send what the socket takes
 * @sock: non-blocking, or blocking: then until all is sent
 *
 * After an error other than -EAGAIN the writer is dead and holds nothing.
 *
 * Return: 0 all is sent; -EAGAIN the rest waits; -EPIPE the peer is gone; other negative errno
 */
int frame_writer_flush(struct frame_writer *writer, int sock);

/* The same without waiting, also on a blocking socket. */
int frame_writer_flush_now(struct frame_writer *writer, int sock);

/* Return: bytes queued and not yet sent. */
size_t frame_writer_pending(const struct frame_writer *writer);

/* Return: bytes sent since the beginning: with those that are queued, where the next frame begins.
 */
uint64_t frame_writer_sent(const struct frame_writer *writer);

#endif
