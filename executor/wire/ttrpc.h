/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of ttrpc: bytes in, frames out, and the other way. No loop, no waiting, no protobuf.
 *
 * Runs in: daemon, client.
 * Owns: a reader owns what has arrived, a writer what is queued.
 * Source: containerd's ttrpc, PROTOCOL.md; docs/protocol.md
 *
 * Theory of operation
 *
 * A frame is ten bytes, u32 big-endian length of the payload, u32 big-endian stream id, u8 type,
 * u8 flags, and the payload. The reader grows its buffer as bytes arrive, never by what a length
 * claims, holds none while nothing is there, and refuses at once a length over the cap; frames that
 * came before are still delivered. After any error it is dead. What ids mean, and which may come
 * next, is the business of whoever has the reader.
 *
 * The writer keeps frames in a queue of pieces, each its own allocation, so that a frame made in
 * place (ttrpc_piece_new(), then ttrpc_writer_put()) is never copied again.
 */
#ifndef WIRE_TTRPC_H
#define WIRE_TTRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define TTRPC_HEADER 10
#define TTRPC_MAX    (4u * 1024 * 1024) /* bytes of a payload */

enum ttrpc_type { TTRPC_REQUEST = 1, TTRPC_RESPONSE = 2, TTRPC_DATA = 3 };

/* Bits of flags. */
enum {
    TTRPC_REMOTE_CLOSED = 1, /* the sender sends no more on this stream */
    TTRPC_REMOTE_OPEN = 2,   /* a request whose sender will send data */
    TTRPC_NO_DATA = 4,       /* a data frame without a message */
};

/* A received frame. Borrowed from the reader until its next call. */
struct ttrpc_frame {
    uint32_t stream;
    uint8_t type, flags;
    const uint8_t *payload;
    size_t len;
};

struct ttrpc_reader;
struct ttrpc_writer;

/* Return: NULL when out of memory. */
struct ttrpc_reader *ttrpc_reader_new(void);

/* Accepts NULL. */
void ttrpc_reader_free(struct ttrpc_reader *reader);

/* What has arrived. Return: 0; -EMSGSIZE a length over TTRPC_MAX; -ENOMEM; -EPIPE after an error.
 */
int ttrpc_reader_feed(struct ttrpc_reader *reader, const void *data, size_t len,
                      struct crib_error *err);

/**
 * ttrpc_reader_fill() - Receive once from a socket, without waiting
 *
 * To be called when ttrpc_reader_next() has returned 0: so the reader never holds much more than
 * one frame. File descriptors that come along are closed.
 *
 * Return: bytes received; 0 the peer is gone (-EPROTO if in the middle of a frame); -EAGAIN;
 *         -ENOBUFS a whole frame waits for ttrpc_reader_next(); as ttrpc_reader_feed()
 */
long ttrpc_reader_fill(struct ttrpc_reader *reader, int sock, struct crib_error *err);

/* Return: 1 and the next whole frame; 0 more bytes are needed; -EMSGSIZE the length behind the last
 * frame is over TTRPC_MAX; -EPIPE after an error. */
int ttrpc_reader_next(struct ttrpc_reader *reader, struct ttrpc_frame *ret);

/* Return: bytes of memory held, for quotas; 0 when nothing has arrived that was not taken. */
size_t ttrpc_reader_held(const struct ttrpc_reader *reader);

/* Return: NULL when out of memory. */
struct ttrpc_writer *ttrpc_writer_new(void);

/* Drops what is queued. Accepts NULL. */
void ttrpc_writer_free(struct ttrpc_writer *writer);

/* One frame, being made: `payload` has room for `room` bytes. */
struct ttrpc_piece {
    struct ttrpc_piece *next;
    size_t len, sent; /* of header and payload together; the writer's */
    size_t room;
    uint8_t header[TTRPC_HEADER];
    uint8_t payload[]; /* directly behind the header, so that both are sent by one call */
};

/* Return: NULL when out of memory. */
struct ttrpc_piece *ttrpc_piece_new(size_t room);

/* Frees a piece that was not put. Accepts NULL. */
void ttrpc_piece_free(struct ttrpc_piece *piece);

/**
 * ttrpc_writer_put() - Queue a frame whose payload has been filled in
 * @piece: takes, also on an error; room that is not filled is given back
 * @len:   bytes of payload, at most piece->room
 *
 * Return: 0; -EMSGSIZE over TTRPC_MAX; -EPIPE after a flush that failed
 */
int ttrpc_writer_put(struct ttrpc_writer *writer, struct ttrpc_piece *piece, uint32_t stream,
                     enum ttrpc_type type, uint8_t flags, size_t len);

/* The same from bytes that are copied. Return: as above; -ENOMEM. */
int ttrpc_writer_add(struct ttrpc_writer *writer, uint32_t stream, enum ttrpc_type type,
                     uint8_t flags, const void *payload, size_t len);

/**
 * ttrpc_writer_flush() - Send what the socket takes; raises no signal
 * @sock: non-blocking, or blocking: then until all is sent
 *
 * After an error other than -EAGAIN the writer is dead and holds nothing.
 *
 * Return: 0 all is sent; -EAGAIN the rest waits; -EPIPE the peer is gone; other negative errno
 */
int ttrpc_writer_flush(struct ttrpc_writer *writer, int sock);

/* Return: bytes queued and not yet sent. */
size_t ttrpc_writer_pending(const struct ttrpc_writer *writer);

#endif
