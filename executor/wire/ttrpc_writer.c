/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/ttrpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define AT_ONCE 64   /* pieces in one call */
#define SPARE   1024 /* a piece with more room unused is cut to what it holds */

struct ttrpc_writer {
    struct ttrpc_piece *first;
    struct ttrpc_piece **last; /* where the next one is linked */
    size_t pending;
    int dead; /* negative errno of the flush that failed */
};

struct ttrpc_writer *ttrpc_writer_new(void)
{
    struct ttrpc_writer *writer = calloc(1, sizeof(*writer));

    if (writer)
        writer->last = &writer->first;
    return writer;
}

/* Unlinks and frees the first piece. */
static void drop_first(struct ttrpc_writer *writer)
{
    struct ttrpc_piece *piece = writer->first;

    writer->first = piece->next;
    if (!writer->first)
        writer->last = &writer->first;
    free(piece);
}

static void drop_all(struct ttrpc_writer *writer)
{
    while (writer->first)
        drop_first(writer);
    writer->pending = 0;
}

void ttrpc_writer_free(struct ttrpc_writer *writer)
{
    if (!writer)
        return;
    drop_all(writer);
    free(writer);
}

struct ttrpc_piece *ttrpc_piece_new(size_t room)
{
    size_t size = offsetof(struct ttrpc_piece, payload);
    struct ttrpc_piece *piece;

    if (room > PTRDIFF_MAX - sizeof(*piece))
        return NULL;
    /* Never less than the struct, which ends in padding. */
    piece = malloc(size + room < sizeof(*piece) ? sizeof(*piece) : size + room);
    if (!piece)
        return NULL;
    memset(piece, 0, size);
    piece->room = room;
    return piece;
}

void ttrpc_piece_free(struct ttrpc_piece *piece)
{
    free(piece);
}

static void put_u32(uint8_t *at, uint32_t number)
{
    at[0] = (uint8_t)(number >> 24);
    at[1] = (uint8_t)(number >> 16);
    at[2] = (uint8_t)(number >> 8);
    at[3] = (uint8_t)number;
}

/* Gives unused room back, so that what is queued takes the memory that pending says. */
static struct ttrpc_piece *trim(struct ttrpc_piece *piece, size_t len)
{
    struct ttrpc_piece *less;

    if (piece->room - len <= SPARE)
        return piece;
    less = realloc(piece, sizeof(*piece) + len);
    if (!less)
        return piece;
    less->room = len;
    return less;
}

int ttrpc_writer_put(struct ttrpc_writer *writer, struct ttrpc_piece *piece, uint32_t stream,
                     enum ttrpc_type type, uint8_t flags, size_t len)
{
    if (writer->dead || len > TTRPC_MAX || len > piece->room) {
        ttrpc_piece_free(piece);
        return writer->dead ? -EPIPE : -EMSGSIZE;
    }
    piece = trim(piece, len);
    put_u32(piece->header, (uint32_t)len);
    put_u32(piece->header + 4, stream);
    piece->header[8] = (uint8_t)type;
    piece->header[9] = flags;
    piece->next = NULL;
    piece->len = TTRPC_HEADER + len;
    piece->sent = 0;
    *writer->last = piece;
    writer->last = &piece->next;
    writer->pending += piece->len;
    return 0;
}

int ttrpc_writer_add(struct ttrpc_writer *writer, uint32_t stream, enum ttrpc_type type,
                     uint8_t flags, const void *payload, size_t len)
{
    struct ttrpc_piece *piece;

    if (writer->dead)
        return -EPIPE;
    if (len > TTRPC_MAX)
        return -EMSGSIZE;
    piece = ttrpc_piece_new(len);
    if (!piece)
        return -ENOMEM;
    if (len > 0)
        memcpy(piece->payload, payload, len);
    return ttrpc_writer_put(writer, piece, stream, type, flags, len);
}

/* Return: bytes sent, more than 0; negative errno. */
static long send_once(const struct ttrpc_writer *writer, int sock)
{
    struct iovec iov[AT_ONCE];
    struct msghdr msg = {.msg_iov = iov};
    ssize_t n;

    for (struct ttrpc_piece *piece = writer->first; piece && msg.msg_iovlen < AT_ONCE;
         piece = piece->next) {
        /* Header and payload are one run of bytes. */
        uint8_t *whole = (uint8_t *)piece + offsetof(struct ttrpc_piece, header);

        iov[msg.msg_iovlen++] =
            (struct iovec){.iov_base = whole + piece->sent, .iov_len = piece->len - piece->sent};
    }
    do
        n = sendmsg(sock, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static void sent(struct ttrpc_writer *writer, size_t len)
{
    writer->pending -= len;
    while (len > 0) {
        struct ttrpc_piece *piece = writer->first;
        size_t left = piece->len - piece->sent;

        if (len < left) {
            piece->sent += len;
            return;
        }
        len -= left;
        drop_first(writer);
    }
}

int ttrpc_writer_flush(struct ttrpc_writer *writer, int sock)
{
    if (writer->dead)
        return writer->dead;
    while (writer->first) {
        long n = send_once(writer, sock);

        if (n == -EAGAIN)
            return -EAGAIN;
        if (n < 0) {
            writer->dead = n == -ECONNRESET ? -EPIPE : (int)n;
            drop_all(writer);
            return writer->dead;
        }
        sent(writer, (size_t)n);
    }
    return 0;
}

size_t ttrpc_writer_pending(const struct ttrpc_writer *writer)
{
    return writer->pending;
}
