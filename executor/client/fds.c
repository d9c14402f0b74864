/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fd side: frames of the message channel behind one byte, each request answered in order.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "client/answer.h"
#include "client/connect.h"
#include "wire/frame.h"

#define FIRST_BYTE  0xFD
#define MAX_PAYLOAD 65536 /* bytes; both ways hold names and sentences only */
#define MAX_OWED    1024  /* answers that may still be on their way */

struct rpc_fds {
    int sock;
    uint64_t patience_ms;
    bool broken;
    size_t owed; /* answers to come for what was not waited for */
    struct frame_reader *reader;
    struct frame_writer *writer;
    uint64_t prefix, next; /* of the names: both make one that is nobody else's */
};

static int broken(struct rpc_fds *side, int code, struct crib_error *err)
{
    side->broken = true;
    if (code == -ETIMEDOUT)
        return fail_text(err, code, "daemon", -1, NULL, "no answer of its fd side in time");
    if (code == -EPIPE || code == -ECONNRESET)
        return fail_text(err, -ECONNRESET, "daemon", -1, NULL, "it has closed the fd side");
    return fail_sys(err, code, "daemon", -1, NULL, "its fd side");
}

/* Return: 0; negative errno. */
static int send_all(struct rpc_fds *side, uint64_t due_us)
{
    int r;

    while ((r = frame_writer_flush(side->writer, side->sock)) == -EAGAIN) {
        r = connect_wait(side->sock, POLLOUT, due_us);
        if (r < 0)
            return r;
    }
    return r;
}

/* Return: 0 and the next frame; negative errno. */
static int receive(struct rpc_fds *side, uint64_t due_us, struct frame **ret)
{
    int r;

    while ((r = frame_reader_next(side->reader, ret, NULL)) == 0) {
        long n = connect_wait(side->sock, POLLIN, due_us);

        if (n > 0)
            n = frame_reader_fill(side->reader, side->sock, NULL);
        if (n == 0)
            return -ECONNRESET;
        if (n < 0 && n != -EAGAIN)
            return (int)n;
    }
    return r < 0 ? r : 0;
}

/* Return: 0; the code answered; -EPROTO it is no answer at all, and the side is broken. */
static int read_reply(struct rpc_fds *side, const struct frame *frame, struct crib_error *err)
{
    Crib__FdReply *reply = NULL;
    struct arena arena;
    int r = 0;

    arena_init(&arena, ANSWER_MOST);
    if (!frame->disconnect && strcmp(frame->type, "FdReply") == 0)
        reply = crib__fd_reply__unpack(&arena.pb, frame->len, frame->payload);
    if (!reply) {
        side->broken = true;
        r = fail_text(err, -EPROTO, "daemon", -1, NULL, "what its fd side says is no answer");
    } else if (reply->code) {
        r = fail_text(err, answer_code(reply->code), "daemon", -1, NULL, "%.300s", reply->message);
    }
    arena_done(&arena);
    return r;
}

static int queue(struct rpc_fds *side, const char *type, const ProtobufCMessage *message,
                 const int *fds, size_t count, struct crib_error *err)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *payload = malloc(len + 1);
    int r = -ENOMEM;

    if (side->broken) {
        free(payload);
        return fail_text(err, -ENOTCONN, "daemon", -1, NULL, "its fd side is broken");
    }
    if (payload) {
        protobuf_c_message_pack(message, payload);
        r = frame_writer_add(side->writer, type, payload, len, fds, count);
    }
    free(payload);
    return r < 0 ? fail_sys(err, r, "daemon", -1, NULL, "hand over fds") : 0;
}

/* Return: 0 and the answer with its fds, borrowed; negative errno. */
static int ask(struct rpc_fds *side, const char *type, const ProtobufCMessage *message,
               const int *fds, size_t count, struct frame **ret, struct crib_error *err)
{
    uint64_t due_us = clock_us() + side->patience_ms * 1000;
    int r = queue(side, type, message, fds, count, err);

    if (r < 0)
        return r;
    r = send_all(side, due_us);
    for (; r == 0 && side->owed; side->owed--)
        r = receive(side, due_us, ret); /* what a release came to helps nobody */
    if (r == 0)
        r = receive(side, due_us, ret);
    return r < 0 ? broken(side, r, err) : read_reply(side, *ret, err);
}

int rpc_fds_open(const char *path, struct rpc_fds **ret, struct crib_error *err)
{
    static const uint8_t first = FIRST_BYTE;
    struct rpc_fds *side = calloc(1, sizeof(*side));
    int r;

    if (!side)
        return fail_sys(err, -ENOMEM, "daemon", -1, path, NULL);
    side->patience_ms = RPC_FDS_MS;
    side->reader = frame_reader_new(MAX_PAYLOAD);
    side->writer = frame_writer_new(MAX_PAYLOAD);
    side->sock = r = connect_path(path, clock_us() + RPC_FDS_MS * 1000ull, err);
    if (r >= 0 && (!side->reader || !side->writer))
        r = fail_sys(err, -ENOMEM, "daemon", -1, path, NULL);
    if (r >= 0 &&
        getrandom(&side->prefix, sizeof(side->prefix), 0) != (ssize_t)sizeof(side->prefix))
        r = fail_sys(err, -EIO, "daemon", -1, path, "make a name");
    if (r >= 0 && send(side->sock, &first, 1, MSG_NOSIGNAL) != 1)
        r = broken(side, -ECONNRESET, err);
    if (r < 0) {
        rpc_fds_close(side);
        return r;
    }
    *ret = side;
    return 0;
}

void rpc_fds_close(struct rpc_fds *side)
{
    if (!side)
        return;
    frame_reader_free(side->reader);
    frame_writer_free(side->writer);
    fd_close(&side->sock);
    free(side);
}

void rpc_fds_patience(struct rpc_fds *side, uint64_t ms)
{
    side->patience_ms = ms;
}

bool rpc_fds_broken(const struct rpc_fds *side)
{
    return side->broken;
}

static char **make_names(struct rpc_fds *side, size_t count, struct arena *arena)
{
    char **names = arena_alloc(arena, (count + 1) * sizeof(*names));

    for (size_t i = 0; names && i < count; i++) {
        names[i] = arena_printf(arena, "%016llx.%llu", (unsigned long long)side->prefix,
                                (unsigned long long)side->next++);
        if (!names[i])
            return NULL;
    }
    return names;
}

int rpc_fds_register(struct rpc_fds *side, const int *fds, size_t count, struct arena *arena,
                     char ***ret_names, struct crib_error *err)
{
    Crib__FdRegister message = CRIB__FD_REGISTER__INIT;
    struct frame *reply;

    *ret_names = make_names(side, count, arena);
    if (!*ret_names)
        return fail_sys(err, -ENOMEM, "daemon", -1, NULL, "name fds");
    if (count == 0)
        return 0;
    message.names = *ret_names;
    message.n_names = count;
    return ask(side, "FdRegister", &message.base, fds, count, &reply, err);
}

int rpc_fds_release(struct rpc_fds *side, char *const *names, size_t count)
{
    Crib__FdRelease message = CRIB__FD_RELEASE__INIT;
    int r;

    if (count == 0)
        return 0;
    if (side->owed >= MAX_OWED)
        return -EAGAIN;
    message.names = (char **)names;
    message.n_names = count;
    r = queue(side, "FdRelease", &message.base, NULL, 0, NULL);
    if (r < 0)
        return r;
    side->owed++;
    r = frame_writer_flush(side->writer, side->sock);
    return r < 0 && r != -EAGAIN ? broken(side, r, NULL) : 0;
}

int rpc_fds_take(struct rpc_fds *side, const Crib__FdTake *take, int *ret_fds,
                 struct crib_error *err)
{
    struct frame *reply;
    int r = ask(side, "FdTake", &take->base, NULL, 0, &reply, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < reply->nfds; i++)
        ret_fds[i] = fd_take(&reply->fds[i]);
    return (int)reply->nfds;
}
