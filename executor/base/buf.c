/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_done(struct buf *buf)
{
    free(buf->base);
    buf->base = buf->data = NULL;
    buf->len = buf->room = 0;
}

/* Makes room for @len more bytes behind the last: first by moving, then by doubling. */
static int make_room(struct buf *buf, size_t len)
{
    size_t ahead = buf->base ? (size_t)(buf->data - buf->base) : 0;
    size_t want = buf->room ? buf->room : 256;
    uint8_t *more;

    if (buf->room - ahead - buf->len >= len && buf->base)
        return 0;
    if (ahead && buf->room - buf->len >= len && ahead >= buf->len) {
        memmove(buf->base, buf->data, buf->len);
        buf->data = buf->base;
        return 0;
    }
    while (want - buf->len < len || want < buf->len)
        if (__builtin_mul_overflow(want, 2, &want))
            return -ENOMEM;
    more = malloc(want);
    if (!more)
        return -ENOMEM;
    if (buf->len)
        memcpy(more, buf->data, buf->len);
    free(buf->base);
    buf->base = buf->data = more;
    buf->room = want;
    return 0;
}

uint8_t *buf_reserve(struct buf *buf, size_t len)
{
    if (buf->max && (len > buf->max || buf->len > buf->max - len)) {
        errno = E2BIG;
        return NULL;
    }
    if (make_room(buf, len) < 0) {
        errno = ENOMEM;
        return NULL;
    }
    return buf->data + buf->len;
}

void buf_grown(struct buf *buf, size_t len)
{
    buf->len += len;
}

int buf_append(struct buf *buf, const void *data, size_t len)
{
    uint8_t *at = buf_reserve(buf, len);

    if (!at)
        return -errno;
    if (len)
        memcpy(at, data, len);
    buf->len += len;
    return 0;
}

int buf_text(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

int buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    uint8_t *at;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        return -EINVAL;
    at = buf_reserve(buf, (size_t)n + 1);
    if (!at)
        return -errno;
    va_start(args, format);
    vsnprintf((char *)at, (size_t)n + 1, format, args);
    va_end(args);
    buf->len += (size_t)n;
    return 0;
}

void buf_consume(struct buf *buf, size_t len)
{
    buf->data += len;
    buf->len -= len;
    if (buf->len == 0)
        buf->data = buf->base;
}
