/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits to be sent on a socket: bytes, and fds that travel with the first byte of a message.
 *
 * Runs in: library, daemon, task.
 * Owns: its bytes, and copies of the fds.
 * Source: unix(7): fds arrive with the first byte of the write they were sent with, so a message
 * that has some begins a write of its own
 */
#ifndef WIRE_QUEUE_H
#define WIRE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct attachment;

struct queue {
    struct buf out;           /* queued bytes */
    uint64_t offset;          /* in the stream, of out.data */
    struct attachment *first; /* what is queued and has fds */
    struct attachment *last;
    int dead; /* negative errno of the flush that failed: then it holds nothing */
};

/* Drops what is queued, closing its fds. Accepts a zeroed one, and leaves it so. */
void queue_done(struct queue *queue);

/**
 * queue_message() - Room for a message behind what is queued
 * @len: bytes; to be written at once, all of them
 * @fds: borrows; copied with dup
 *
 * On an error nothing is queued.
 *
 * Return: 0; -ENOMEM; -EMFILE; -EBADF
 */
int queue_message(struct queue *queue, size_t len, const int *fds, size_t nfds, uint8_t **ret);

/**
 * queue_flush() - Send what the socket takes
 * @sock:  non-blocking, or blocking: then until all is sent
 * @flags: of sendmsg(2): MSG_DONTWAIT makes it non-blocking
 *
 * Return: 0 all is sent; -EAGAIN the rest waits; -EPIPE the peer is gone; other negative errno
 */
int queue_flush(struct queue *queue, int sock, int flags);

/* Return: bytes queued and not yet sent. */
size_t queue_pending(const struct queue *queue);

/* Return: bytes sent since the beginning. */
uint64_t queue_sent(const struct queue *queue);

#endif
