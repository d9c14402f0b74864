/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cluster_call.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/connection.h"
#include "daemon/daemon.h"
#include "daemon/primary_process.h"
#include "primary/primary.h"
#include "text/text.h"

#define STREAM       1            /* the id, between us and the process */
#define TAKEN_TAG    (15 << 3)    /* ClusterEvent.taken, a varint */
#define TAKEN_SIZE   11           /* bytes, at most, with its tag */
#define TAKEN_OFTEN  8            /* so many inputs are told of where nothing else is */
#define SPARE        (256 * 1024) /* bytes that may be held though the quota is used up */
#define REFUSAL_SIZE (64u << 10)  /* bytes that a decoded crib.Error may take */

struct cluster {
    struct call *call;
    struct cluster *next, **link;    /* the daemon's list */
    struct primary_process *process; /* NULL: not started yet, or not any more */
    struct ttrpc_reader *reader;
    struct ttrpc_writer *writer;
    uint64_t sent, acked;         /* events */
    uint64_t inputs, taken, told; /* inputs; what the client knows of `taken` */
    size_t charged;               /* bytes of its quota */
};

static bool push(struct cluster *cluster);

/* --- beginning and ending --- */

static struct cluster *open_cluster(struct call *call)
{
    struct daemon *daemon = call_daemon(call);
    struct cluster *cluster = calloc(1, sizeof(*cluster));

    if (!cluster)
        return NULL;
    cluster->call = call;
    cluster->reader = ttrpc_reader_new();
    cluster->writer = ttrpc_writer_new();
    cluster->next = daemon->clusters;
    cluster->link = &daemon->clusters;
    if (cluster->next)
        cluster->next->link = &cluster->next;
    daemon->clusters = cluster;
    call->cluster = cluster;
    return cluster->reader && cluster->writer ? cluster : NULL;
}

void cluster_free(struct cluster *cluster)
{
    if (!cluster)
        return;
    if (cluster->process)
        primary_process_leave(cluster->process);
    if (cluster->charged)
        quota_release(call_daemon(cluster->call)->quota, cluster->call->connection->peer.uid,
                      QUOTA_BYTES, cluster->charged);
    ttrpc_reader_free(cluster->reader);
    ttrpc_writer_free(cluster->writer);
    *cluster->link = cluster->next;
    if (cluster->next)
        cluster->next->link = cluster->link;
    free(cluster);
}

static void no_memory(struct call *call)
{
    call_fail_text(call, CODE_RESOURCE_EXHAUSTED, -ENOMEM, "cluster", "out of memory");
}

/* --- what is held is charged --- */

/* Return: whether it may be. */
static bool account(struct cluster *cluster)
{
    struct daemon *daemon = call_daemon(cluster->call);
    uid_t uid = cluster->call->connection->peer.uid;
    size_t held = ttrpc_writer_pending(cluster->writer) + ttrpc_reader_held(cluster->reader);

    if (held > cluster->charged && daemon_charge(daemon, uid, held - cluster->charged) < 0) {
        if (held > SPARE)
            return false;
        quota_force(daemon->quota, uid, QUOTA_BYTES, held - cluster->charged);
    }
    if (held < cluster->charged)
        quota_release(daemon->quota, uid, QUOTA_BYTES, cluster->charged - held);
    cluster->charged = held;
    return true;
}

/* --- to the client --- */

static size_t put_taken(struct cluster *cluster, uint8_t *to)
{
    uint64_t number = cluster->taken;
    size_t at = 0;

    cluster->told = cluster->taken;
    to[at++] = TAKEN_TAG;
    for (; number >= 0x80; number >>= 7)
        to[at++] = (uint8_t)(number | 0x80);
    to[at++] = (uint8_t)number;
    return at;
}

/* A field behind a packed message belongs to it. */
static void put_event(struct cluster *cluster, const uint8_t *payload, size_t len)
{
    struct ttrpc_piece *piece = ttrpc_piece_new(len + TAKEN_SIZE);

    cluster->sent++;
    if (piece && len)
        memcpy(piece->payload, payload, len);
    if (piece)
        len += put_taken(cluster, piece->payload + len);
    connection_put(cluster->call->connection, piece, cluster->call->stream, TTRPC_DATA, 0, len);
}

static bool has_credit(const struct cluster *cluster)
{
    return cluster->sent - cluster->acked < CLUSTER_CREDIT;
}

/* The sender says why; the texts are its own, and so is the client. */
static void refuse(struct call *call, const struct ttrpc_frame *frame)
{
    struct crib_error error = {.index = -1};
    struct arena arena;
    const Crib__Error *why;

    arena_init(&arena, REFUSAL_SIZE);
    why = crib__error__unpack(&arena.pb, frame->len, frame->payload);
    if (!why || why->code >= 0 || text_unknown(&why->base, NULL) < 0) {
        call_fail_text(call, CODE_INTERNAL, -EPROTO, "cluster", "its process says no reason");
    } else {
        error.code = why->code;
        error.sys = why->sys;
        error.index = why->has_index ? why->index : -1;
        error.step = why->step;
        snprintf(error.subject, sizeof(error.subject), "%s", why->subject ? why->subject : "");
        snprintf(error.detail, sizeof(error.detail), "%s", why->detail ? why->detail : "");
        call_fail_error(call, &error);
    }
    arena_done(&arena);
}

/* Return: false: the call is over. */
static bool forward(struct cluster *cluster, const struct ttrpc_frame *frame)
{
    struct call *call = cluster->call;

    if (frame->type == TTRPC_RESPONSE && frame->len <= PRIMARY_FRAME) {
        refuse(call, frame);
        return false;
    }
    if (frame->type != TTRPC_DATA || frame->len > PRIMARY_FRAME) {
        call_fail_text(call, CODE_INTERNAL, -EPROTO, "cluster", "its process says nonsense");
        return false;
    }
    if (frame->flags & TTRPC_REMOTE_CLOSED) {
        call_finish(call);
        return false;
    }
    put_event(cluster, frame->payload, frame->len);
    return true;
}

/* --- to and from the process --- */

static void watch(struct cluster *cluster, bool room)
{
    int events = room ? UV_READABLE : 0;

    if (ttrpc_writer_pending(cluster->writer))
        events |= UV_WRITABLE;
    primary_process_watch(cluster->process, events);
}

/* What the socket has taken is as good as taken: the process reads all the time. Return: whether
 * the process still listens; its end is told by itself. */
static bool flush(struct cluster *cluster)
{
    int r = ttrpc_writer_flush(cluster->writer, cluster->process->sock);

    if (r == 0)
        cluster->taken = cluster->inputs;
    return r == 0 || r == -EAGAIN;
}

/* Return: 1 a frame; 0 none now; negative: it has gone, or claims a frame that is too long. */
static int receive(struct cluster *cluster, struct ttrpc_frame *frame)
{
    for (;;) {
        int r = ttrpc_reader_next(cluster->reader, frame);
        long n;

        if (r != 0)
            return r;
        n = ttrpc_reader_fill(cluster->reader, cluster->process->sock, NULL);
        if (n == -EAGAIN || n == -EINTR)
            return 0;
        if (n <= 0)
            return n < 0 ? (int)n : -EPIPE;
        if (ttrpc_reader_held(cluster->reader) > SPARE)
            return -EMSGSIZE;
    }
}

/* Return: false: the call is over. */
static bool push(struct cluster *cluster)
{
    struct call *call = cluster->call;
    struct ttrpc_frame frame;
    bool listens = flush(cluster), room;
    int r = 1;

    while ((room = has_credit(cluster) && connection_room(call->connection)) && r > 0) {
        r = receive(cluster, &frame);
        if (r > 0 && !forward(cluster, &frame))
            return false;
    }
    if (room && cluster->taken - cluster->told >= TAKEN_OFTEN)
        put_event(cluster, NULL, 0);
    (void)account(cluster); /* what comes from the process is within SPARE */
    if (r == -EMSGSIZE) {
        call_fail_text(call, CODE_INTERNAL, -EPROTO, "cluster", "its process says nonsense");
        return false;
    }
    /* One that has gone is told of by its pidfd. */
    watch(cluster, room && r >= 0 && listens);
    return true;
}

void cluster_push(struct call *call)
{
    if (call->cluster->process)
        push(call->cluster);
}

static void on_ready(struct primary_process *process)
{
    push(process->owner);
}

static void on_lost(struct primary_process *process, int code, int signo)
{
    struct cluster *cluster = process->owner;
    struct call *call = cluster->call;
    struct crib_error error;

    if (cluster->sent == 0 && code > 0)
        call_fail_error(
            call, (fail_sys(&error, -code, "cluster", -1, NULL, "start its process"), &error));
    else if (signo)
        call_fail_text(call, CODE_UNAVAILABLE, -ECONNRESET, "cluster",
                       "its process was ended by signal %d, and its workers with it", signo);
    else
        call_fail_text(call, CODE_UNAVAILABLE, -ECONNRESET, "cluster",
                       "its process has ended, and its workers with it");
}

/* --- starting --- */

/* Return: 0; -EAFNOSUPPORT it has no path. */
static int own_path(const struct daemon *daemon, char path[PATH_MAX])
{
    struct sockaddr_un address = {0};
    socklen_t size = sizeof(address) - 1;

    if (getsockname(daemon->listener.sock, (struct sockaddr *)&address, &size) < 0)
        return -errno;
    if (!address.sun_path[0])
        return -EAFNOSUPPORT;
    return realpath(address.sun_path, path) ? 0 : -errno;
}

static int check_peer(const struct call *call, struct crib_error *err)
{
    if (call->connection->peer.inside)
        return fail_text(err, -EACCES, "cluster", -1, NULL,
                         "a client that runs in a task cannot have one: its sockets would be made "
                         "outside of that task's sandbox");
    if (call_daemon(call)->draining)
        return fail_text(err, -ESHUTDOWN, "cluster", -1, NULL,
                         "the daemon ends, and takes no new tasks");
    return 0;
}

/* Return: false: the call is over. */
static bool start(struct cluster *cluster)
{
    static const struct primary_process_events events = {on_ready, on_lost};
    struct call *call = cluster->call;
    struct daemon *daemon = call_daemon(call);
    struct crib_error error;
    char path[PATH_MAX];
    int r = check_peer(call, &error);

    if (r == 0) {
        r = own_path(daemon, path);
        if (r < 0)
            fail_sys(&error, r, "cluster", -1, NULL, "find the daemon's own socket");
    }
    if (r == 0) {
        r = primary_process_start(daemon, &call->connection->peer, path, &events, cluster,
                                  &cluster->process);
        if (r == -EDQUOT || r == -ENOSPC)
            fail_text(&error, -EDQUOT, "cluster", -1, NULL, "too many %s",
                      quota_name(QUOTA_CLUSTERS));
        else if (r < 0)
            fail_sys(&error, r, "cluster", -1, NULL, "start its process");
    }
    if (r < 0)
        call_fail_error(call, &error);
    return r == 0;
}

/* --- from the client --- */

static unsigned count_of(const Crib__ClusterInput *input)
{
    return !!input->start + !!input->scale + !!input->restart + !!input->stop + !!input->kill +
           !!input->disconnect + !!input->send;
}

/* Return: NULL; why it breaks the rules. */
static const char *wrong(const struct cluster *cluster, const Crib__ClusterInput *input)
{
    if (input->ack > cluster->sent)
        return "an acknowledgement of what was not sent";
    if (count_of(input) > 1)
        return "more than one thing in one input";
    if (count_of(input) && !cluster->process && !input->start)
        return "the first input must be a start";
    if (cluster->process && input->start)
        return "it was started already";
    if (input->send && input->send->data.len > PRIMARY_CHUNK)
        return "more than 64 KiB of a message in one input";
    if (!input->start && protobuf_c_message_get_packed_size(&input->base) > PRIMARY_FRAME)
        return "an input that is too long";
    return NULL;
}

static int hand_on(struct cluster *cluster, const Crib__ClusterInput *input)
{
    size_t len = crib__cluster_input__get_packed_size(input);
    struct ttrpc_piece *piece = ttrpc_piece_new(len);

    if (!piece)
        return -ENOMEM;
    crib__cluster_input__pack(input, piece->payload);
    cluster->inputs++;
    return ttrpc_writer_put(cluster->writer, piece, STREAM, TTRPC_DATA, 0, len);
}

/* Charged before it is sent: what the process does not read must not grow here. */
static void take_command(struct cluster *cluster, const Crib__ClusterInput *input)
{
    struct call *call = cluster->call;

    if (cluster->inputs - cluster->taken >= CLUSTER_CREDIT) {
        call_fail_text(call, CODE_RESOURCE_EXHAUSTED, -ENOBUFS, "cluster",
                       "more than %d inputs ahead of `taken`", CLUSTER_CREDIT);
        return;
    }
    if (!cluster->process && !start(cluster))
        return;
    if (hand_on(cluster, input) < 0 || !account(cluster))
        call_fail_text(call, CODE_RESOURCE_EXHAUSTED, -EDQUOT, "cluster",
                       "its input would be too many queued bytes");
    else
        push(cluster);
}

static void take(struct cluster *cluster, const Crib__ClusterInput *input)
{
    struct call *call = cluster->call;
    const char *why = wrong(cluster, input);

    if (why) {
        call_fail_text(call, CODE_INVALID_ARGUMENT, -EINVAL, "cluster", "%s", why);
        return;
    }
    if (input->ack > cluster->acked)
        cluster->acked = input->ack;
    if (count_of(input))
        take_command(cluster, input);
    else if (cluster->process)
        push(cluster);
}

void cluster_data(struct call *call, const struct ttrpc_frame *frame)
{
    Crib__ClusterInput *input;
    struct crib_error error;
    struct arena arena;

    if (frame->flags & TTRPC_REMOTE_CLOSED) {
        call_finish(call);
        return;
    }
    if (frame->flags & TTRPC_NO_DATA)
        return;
    arena_init(&arena, CALL_ARENA);
    input = crib__cluster_input__unpack(&arena.pb, frame->len, frame->payload);
    if (!input)
        call_fail_text(call, CODE_INVALID_ARGUMENT, -EPROTO, "cluster", "no ClusterInput");
    else if (text_unknown(&input->base, &error) < 0)
        call_fail(call, CODE_INVALID_ARGUMENT, &error);
    else
        take(call->cluster, input);
    arena_done(&arena);
}

void cluster_begin(struct call *call, const Crib__ClusterInput *input)
{
    struct cluster *cluster = open_cluster(call);

    if (!cluster)
        no_memory(call);
    else if (count_of(input) || input->ack)
        take(cluster, input);
}

void clusters_drain(struct daemon *daemon)
{
    Crib__ClusterInput__Stop stop = CRIB__CLUSTER_INPUT__STOP__INIT;
    Crib__ClusterInput input = CRIB__CLUSTER_INPUT__INIT;
    struct cluster *next;

    input.stop = &stop;
    for (struct cluster *cluster = daemon->clusters; cluster; cluster = next) {
        next = cluster->next;
        if (!cluster->process || hand_on(cluster, &input) < 0)
            continue;
        cluster->inputs--; /* not the client's */
        push(cluster);
    }
}
