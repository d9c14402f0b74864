/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "daemon/attach.h"
#include "daemon/cluster_call.h"
#include "daemon/daemon.h"
#include "daemon/nested.h"
#include "daemon/service.h"

#define FDSIDE_BYTE    0xFD
#define FRAMES_AT_ONCE 32            /* in one turn of the loop: others wait too */
#define ANSWER_MOST    (1024 * 1024) /* bytes of data in one answer */
#define ANSWER_SPARE   (64 * 1024)   /* the same where the quota is used up */
#define ANSWER_FIELDS  1024          /* bytes, at most, of the fields beside the data */
#define ENVELOPE       16            /* bytes, at most, of a Response around its payload */

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    struct daemon *daemon = connection->daemon;

    ttrpc_reader_free(connection->reader);
    ttrpc_writer_free(connection->writer);
    peer_done(&connection->peer);
    free(connection);
    daemon_settle(daemon);
}

static void unlink_from(struct connection *connection)
{
    *connection->link = connection->next;
    if (connection->next)
        connection->next->link = connection->link;
    uv_close((uv_handle_t *)&connection->poll, on_closed);
}

void connection_close(struct connection *connection)
{
    struct daemon *daemon = connection->daemon;
    int sock;

    if (connection->sock < 0)
        return;
    /* Answers that were made just now, of tasks that ended while draining. */
    (void)ttrpc_writer_flush(connection->writer, connection->sock);
    sock = fd_take(&connection->sock);
    unlink_from(connection);
    fd_close(&sock); /* the loop has let go of it */
    while (connection->calls)
        call_drop(connection->calls);
    while (connection->entries)
        entry_forget(connection->entries);
    if (connection->charged)
        quota_release(daemon->quota, connection->peer.uid, QUOTA_BYTES, connection->charged);
    connection->charged = 0;
    daemon->metrics.connections--;
    quota_release(daemon->quota, connection->peer.uid, QUOTA_CONNECTIONS, 1);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct connection *connection, bool more)
{
    size_t pending = ttrpc_writer_pending(connection->writer);
    int events = pending > CONNECTION_FULL ? 0 : UV_READABLE;

    if (pending || more)
        events |= UV_WRITABLE;
    if (events != connection->watching) /* asking again costs two system calls */
        uv_poll_start(&connection->poll, events, on_poll);
    connection->watching = events;
}

/* What is held for a client is charged to it. Return: whether it may be. */
static bool account(struct connection *connection)
{
    size_t held = ttrpc_writer_pending(connection->writer) + ttrpc_reader_held(connection->reader);
    struct quota *quota = connection->daemon->quota;
    uid_t uid = connection->peer.uid;

    if (held > connection->charged &&
        quota_charge(quota, uid, QUOTA_BYTES, held - connection->charged) < 0) {
        if (held > CONNECTION_SPARE)
            return false;
        quota_force(quota, uid, QUOTA_BYTES, held - connection->charged);
    }
    if (held < connection->charged)
        quota_release(quota, uid, QUOTA_BYTES, connection->charged - held);
    connection->charged = held;
    return true;
}

/* Not at once: whoever adds to the queue may be in the middle of the connection's calls. */
static void give_up(struct connection *connection)
{
    shutdown(connection->sock, SHUT_RDWR);
}

void connection_put(struct connection *connection, struct ttrpc_piece *piece, uint32_t stream,
                    enum ttrpc_type type, uint8_t flags, size_t len)
{
    if (connection->sock < 0) {
        ttrpc_piece_free(piece);
        return;
    }
    connection->daemon->metrics.bytes_out += len + TTRPC_HEADER;
    if (!piece || ttrpc_writer_put(connection->writer, piece, stream, type, flags, len) < 0 ||
        !account(connection)) {
        give_up(connection);
        return;
    }
    watch(connection, false);
}

/* Packs @message behind its tag and length: the only field of its envelope. */
static size_t pack_field(uint8_t *to, unsigned number, const ProtobufCMessage *message, size_t size)
{
    size_t at = 0, left = size;

    to[at++] = (uint8_t)(number << 3 | 2);
    for (; left >= 0x80; left >>= 7)
        to[at++] = (uint8_t)(left | 0x80);
    to[at++] = (uint8_t)left;
    return at + protobuf_c_message_pack(message, to + at);
}

/* Return: whether the quota has room for an answer of that length. */
static bool fits(const struct connection *connection, size_t size)
{
    struct quota *quota = connection->daemon->quota;
    uid_t uid = connection->peer.uid;

    if (quota_charge(quota, uid, QUOTA_BYTES, size + ENVELOPE) < 0)
        return false;
    quota_release(quota, uid, QUOTA_BYTES, size + ENVELOPE);
    return true;
}

void connection_respond(struct connection *connection, uint32_t stream,
                        const Crib__Ttrpc__Status *status, const ProtobufCMessage *response)
{
    const ProtobufCMessage *message = status ? &status->base : response;
    size_t size = message ? protobuf_c_message_get_packed_size(message) : 0;
    struct ttrpc_piece *piece;

    if (size > TTRPC_MAX - ENVELOPE) {
        connection_refuse(connection, stream, CODE_RESOURCE_EXHAUSTED,
                          "the answer would be longer than a frame may be");
        return;
    }
    if (size > ANSWER_SPARE + ANSWER_FIELDS && !fits(connection, size)) {
        connection_refuse(connection, stream, CODE_RESOURCE_EXHAUSTED,
                          "the answer would be too many queued bytes");
        return;
    }
    piece = message ? ttrpc_piece_new(size + ENVELOPE) : NULL;
    connection_put(connection, piece, stream, TTRPC_RESPONSE, 0,
                   piece ? pack_field(piece->payload, status ? 1 : 2, message, size) : 0);
}

void connection_refuse(struct connection *connection, uint32_t stream, enum status_code code,
                       const char *why)
{
    Crib__Ttrpc__Status status = CRIB__TTRPC__STATUS__INIT;

    connection->daemon->metrics.refused[code]++;
    status.code = code;
    status.message = (char *)why;
    connection_respond(connection, stream, &status, NULL);
}

void connection_data(struct connection *connection, uint32_t stream,
                     const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    struct ttrpc_piece *piece = ttrpc_piece_new(size);

    connection_put(connection, piece, stream, TTRPC_DATA, 0,
                   piece ? protobuf_c_message_pack(message, piece->payload) : 0);
}

void connection_data_end(struct connection *connection, uint32_t stream)
{
    connection_put(connection, ttrpc_piece_new(0), stream, TTRPC_DATA,
                   TTRPC_REMOTE_CLOSED | TTRPC_NO_DATA, 0);
}

size_t connection_room(struct connection *connection)
{
    size_t pending = ttrpc_writer_pending(connection->writer), room = 0;

    if (pending < CONNECTION_FULL && fits(connection, ANSWER_MOST + ANSWER_SPARE))
        room = ANSWER_MOST;
    else if (pending < ANSWER_SPARE)
        room = ANSWER_SPARE;
    connection->full = room == 0;
    return room;
}

/* Calls that held their data back try again. One that answers removes itself alone. */
static void drained(struct connection *connection)
{
    struct call *next;

    if (!connection->full || !connection_room(connection))
        return;
    for (struct call *call = connection->calls; call; call = next) {
        next = call->next;
        if (call->attach)
            attach_push(call);
        else if (call->cluster)
            cluster_push(call);
        else if (call->entry && call->on & (ON_OUTPUT | ON_MESSAGE))
            call->attempt(call, false);
    }
}

static bool take_request(struct connection *connection, const struct ttrpc_frame *frame)
{
    if (frame->stream % 2 == 0 || frame->stream <= connection->last_stream)
        return false;
    connection->last_stream = frame->stream;
    return service_request(connection, frame->stream, frame->payload, frame->len);
}

static void take_data(struct connection *connection, const struct ttrpc_frame *frame)
{
    struct call *call = connection->calls;

    while (call && (call->stream != frame->stream || !(call->attach || call->cluster)))
        call = call->next;
    if (call && call->attach) /* NULL: it has just been answered */
        attach_data(call, frame);
    else if (call)
        cluster_data(call, frame);
}

/* Return: false where the protocol was broken. */
static bool take_frame(struct connection *connection, const struct ttrpc_frame *frame)
{
    connection->daemon->metrics.bytes_in += frame->len + TTRPC_HEADER;
    switch (frame->type) {
    case TTRPC_REQUEST:
        return take_request(connection, frame);
    case TTRPC_DATA:
        take_data(connection, frame);
        return true;
    default:
        return false;
    }
}

/* Return: 1 there may be more; 0 not now; negative: it is over. */
static int take_some(struct connection *connection)
{
    struct ttrpc_frame frame;
    long n;
    int r = ttrpc_reader_next(connection->reader, &frame);

    if (r > 0)
        return take_frame(connection, &frame) ? 1 : -EPROTO;
    if (r < 0)
        return r;
    n = ttrpc_reader_fill(connection->reader, connection->sock, NULL);
    if (n == -EAGAIN || n == -EINTR)
        return 0;
    if (n <= 0)
        return n < 0 ? (int)n : -EPIPE;
    return account(connection) ? 1 : -EDQUOT;
}

static void work(struct connection *connection)
{
    int r = ttrpc_writer_flush(connection->writer, connection->sock), i = 0;

    if (r < 0 && r != -EAGAIN) {
        connection_close(connection);
        return;
    }
    account(connection);
    drained(connection);
    for (r = 1;
         r > 0 && i < FRAMES_AT_ONCE && ttrpc_writer_pending(connection->writer) <= CONNECTION_FULL;
         i++)
        r = take_some(connection);
    if (r < 0) {
        connection_close(connection);
        return;
    }
    /* Answers made just now mostly fit: no turn of the loop for them. */
    if (ttrpc_writer_flush(connection->writer, connection->sock) == 0)
        account(connection);
    /* Frames that were left, and calls that found no room, may go on when all has been sent. */
    watch(connection, r > 0 || connection->full);
}

/* The socket goes to the fd side, and its part of the quota with it. */
static void move_to_fdside(struct connection *connection)
{
    struct daemon *daemon = connection->daemon;
    int sock = fd_take(&connection->sock);

    uv_poll_stop(&connection->poll);
    unlink_from(connection);
    if (fdside_add(daemon->fdside, sock, &connection->peer) < 0) {
        daemon->metrics.connections--;
        quota_release(daemon->quota, connection->peer.uid, QUOTA_CONNECTIONS, 1);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct connection *connection = poll->data;
    unsigned char first;
    ssize_t n;

    (void)events;
    if (status < 0) {
        connection_close(connection);
        return;
    }
    if (!connection->known) {
        n = recv(connection->sock, &first, 1, MSG_PEEK | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n == 1 && first == FDSIDE_BYTE && recv(connection->sock, &first, 1, 0) == 1) {
            move_to_fdside(connection);
            return;
        }
        connection->known = true;
    }
    work(connection);
}

static int start(struct connection *connection, int sock)
{
    struct daemon *daemon = connection->daemon;
    int r = peer_read(sock, &connection->peer);

    if (r == 0)
        r = nested_find(daemon, sock, &connection->peer);
    connection->reader = ttrpc_reader_new();
    connection->writer = ttrpc_writer_new();
    if (r == 0 && (!connection->reader || !connection->writer))
        r = -ENOMEM;
    if (r == 0 && daemon->uid != 0 && connection->peer.uid != daemon->uid)
        r = -EPERM; /* it could not become this client to open its files */
    if (r == 0)
        r = quota_charge(daemon->quota, connection->peer.uid, QUOTA_CONNECTIONS, 1);
    if (r < 0)
        return r;
    r = uv_poll_init(daemon->loop, &connection->poll, sock);
    if (r < 0)
        quota_release(daemon->quota, connection->peer.uid, QUOTA_CONNECTIONS, 1);
    return r;
}

int connection_new(struct daemon *daemon, int sock)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    int r = -ENOMEM;

    if (connection) {
        connection->daemon = daemon;
        r = start(connection, sock);
    }
    if (r < 0) {
        fd_close(&sock);
        if (connection) {
            ttrpc_reader_free(connection->reader);
            ttrpc_writer_free(connection->writer);
            peer_done(&connection->peer);
        }
        free(connection);
        return r;
    }
    connection->sock = sock;
    connection->poll.data = connection;
    connection->next = daemon->connections;
    connection->link = &daemon->connections;
    if (connection->next)
        connection->next->link = &connection->next;
    daemon->connections = connection;
    daemon->metrics.connections++;
    watch(connection, false);
    return 0;
}
