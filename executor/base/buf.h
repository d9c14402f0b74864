/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing run of bytes with a hard cap; bytes are appended at the end and consumed at the start.
 *
 * Runs in: any process.
 * Owns: its bytes.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data; /* valid until the next call that changes the buffer */
    size_t len;    /* bytes to be read at data */
    size_t room;   /* allocated from base */
    size_t max;    /* cap on len; 0: none */
    uint8_t *base; /* start of the allocation; data - base bytes are consumed already */
};

/* Accepts a zeroed buf. */
void buf_done(struct buf *buf);

/* Return: 0; -E2BIG over the cap, the buffer unchanged; -ENOMEM. */
int buf_append(struct buf *buf, const void *data, size_t len);
int buf_text(struct buf *buf, const char *text);
int buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * buf_reserve() - Room at the end, to be filled by the caller and then counted with buf_grown()
 *
 * Return: where to write @len bytes; NULL as buf_append() fails
 */
uint8_t *buf_reserve(struct buf *buf, size_t len);
void buf_grown(struct buf *buf, size_t len);

/* Drops @len bytes at the start; @len <= buf->len. */
void buf_consume(struct buf *buf, size_t len);

#endif
