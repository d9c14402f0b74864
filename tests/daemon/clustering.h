/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of Cluster, frame by frame, with what happened to the cluster in words:
 * `started fork1 online1 listening1 exit1 …`, `left1` for the exit of one that left.
 *
 * Runs in: tests. WORKER_PATH names tests/sandbox/worker.c; else worker beside the probe.
 * Owns: a connection; pidfds of its workers.
 */
#ifndef DAEMON_CLUSTERING_H
#define DAEMON_CLUSTERING_H

#include "daemon/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "primary.pb-c.h"

#ifndef WORKER_PATH
#define WORKER_PATH "worker"
#endif

#define CLUSTERING_CREDIT  32
#define CLUSTERING_CHUNK   ((size_t)64 * 1024)
#define CLUSTERING_STREAM  9 /* the id */
#define CLUSTERING_WORKERS 64

struct clustering {
    int sock;
    uint64_t events, acked, inputs, taken;
    bool lazy; /* acknowledges nothing */
    int code;  /* of a response that ended the stream; -1 none */
    int sys;   /* the negative errno in it */
    bool ended;
    char log[16384], address[160], why[512];
    int error; /* the code of the last `error` */
    struct buf message;
    char type[64];
    unsigned messages;
    int pidfds[CLUSTERING_WORKERS]; /* of workers, by their number; -1 */
};

static inline ProtobufCBinaryData clustering_bytes(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
}

static inline const char *clustering_worker(void)
{
    static char path[4096];
    const char *probe = getenv("CRIB_PROBE");

    snprintf(path, sizeof(path), "%s", WORKER_PATH);
    if (probe)
        snprintf(path, sizeof(path), "%.*s/worker", (int)(strrchr(probe, '/') - probe), probe);
    return path;
}

static inline void clustering_warm_up(const struct cribd *daemon)
{
    struct cribd client;

    client_join_as(daemon, CLIENT_UID, &client);
    cribd_wait(&client, cribd_spawn(&client, "/bin/true", NULL, NULL), CRIB__TASK_STATE__ENDED);
    client_leave(&client);
}

/* A daemon that lets everybody use every policy, and that has started a task before; @more of its
 * site file. */
static inline void clustering_daemon(struct cribd *daemon, const char *more)
{
    char site[512];

    snprintf(site, sizeof(site), "rules: [{policies: ['*'], widest: '*', binds: write}]\n%s", more);
    cribd_start(daemon, site);
    if (client_root())
        assert_int_equal(chown(daemon->dir, CLIENT_UID, CLIENT_UID), 0);
    clustering_warm_up(daemon);
}

/* A stream with nothing in it yet, of an ordinary user where the test is root's. */
static inline void clustering_open_as(const struct cribd *daemon, uid_t uid, struct clustering *ret)
{
    Crib__Ttrpc__Request request = CRIB__TTRPC__REQUEST__INIT;
    struct timeval patience = {.tv_sec = CRIBD_PATIENCE_MS / 1000};
    size_t len;
    void *data;

    memset(ret, 0, sizeof(*ret));
    ret->code = -1;
    memset(ret->pidfds, -1, sizeof(ret->pidfds));
    ret->sock = client_connect_as(daemon, uid);
    setsockopt(ret->sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    request.service = (char *)"crib.Executor";
    request.method = (char *)"Cluster";
    data = client_pack(&request, &len);
    assert_true(
        client_frame(ret->sock, CLUSTERING_STREAM, TTRPC_REQUEST, TTRPC_REMOTE_OPEN, data, len));
    free(data);
}

static inline void clustering_open(const struct cribd *daemon, struct clustering *ret)
{
    clustering_open_as(daemon, CLIENT_UID, ret);
}

/* All of its workers have to end. */
static inline void clustering_close(struct clustering *c)
{
    if (c->sock >= 0)
        close(c->sock);
    for (int i = 0; i < CLUSTERING_WORKERS; i++)
        if (c->pidfds[i] >= 0)
            client_gone(c->pidfds[i]);
    buf_done(&c->message);
}

static inline void clustering_say(struct clustering *c, const Crib__ClusterInput *input)
{
    size_t len;
    void *data = client_pack(input, &len);

    client_frame(c->sock, CLUSTERING_STREAM, TTRPC_DATA, 0, data, len);
    free(data);
}

/* One that counts. */
static inline void clustering_input(struct clustering *c, const Crib__ClusterInput *input)
{
    c->inputs++;
    clustering_say(c, input);
}

static inline void clustering_ack(struct clustering *c)
{
    Crib__ClusterInput input = CRIB__CLUSTER_INPUT__INIT;

    input.has_ack = true;
    input.ack = c->acked = c->events;
    clustering_say(c, &input);
}

/* --- events --- */

static inline void clustering_note(struct clustering *c, const char *word, uint32_t worker)
{
    size_t used = strlen(c->log);

    snprintf(c->log + used, sizeof(c->log) - used, "%s%.0u ", word, worker);
}

static inline void clustering_take_message(struct clustering *c, const Crib__ClusterEvent *event)
{
    if (event->type) {
        buf_done(&c->message);
        snprintf(c->type, sizeof(c->type), "%s", event->type);
    }
    assert_true(event->data.len <= CLUSTERING_CHUNK);
    assert_int_equal(buf_append(&c->message, event->data.data, event->data.len), 0);
    if (event->more)
        return;
    c->messages++;
    clustering_note(c, "message", event->worker);
}

static inline void clustering_take(struct clustering *c, const Crib__ClusterEvent *event)
{
    const ProtobufCEnumValue *kind =
        protobuf_c_enum_descriptor_get_value(&crib__cluster_event__kind__descriptor, event->kind);

    assert_true(event->has_taken);
    assert_true(event->taken >= c->taken && event->taken <= c->inputs);
    c->taken = event->taken;
    if (!event->has_kind)
        return;
    if (event->kind == CRIB__CLUSTER_EVENT__KIND__message) {
        clustering_take_message(c, event);
        return;
    }
    if (event->kind == CRIB__CLUSTER_EVENT__KIND__fork && event->worker < CLUSTERING_WORKERS)
        c->pidfds[event->worker] = pidfd_open((pid_t)event->pid, 0);
    if (event->address)
        snprintf(c->address, sizeof(c->address), "%s", event->address);
    if (event->why) {
        c->error = event->why->code;
        snprintf(c->why, sizeof(c->why), "%s", event->why->text);
    }
    if (event->kind == CRIB__CLUSTER_EVENT__KIND__exit) {
        assert_non_null(event->result);
        clustering_note(c, event->left ? "left" : "exit", event->worker);
        return;
    }
    clustering_note(c, kind->name, event->worker);
}

static inline void clustering_take_response(struct clustering *c, const struct ttrpc_frame *frame)
{
    Crib__Ttrpc__Response *response =
        crib__ttrpc__response__unpack(NULL, frame->len, frame->payload);

    assert_non_null(response);
    assert_non_null(response->status);
    c->code = response->status->code;
    snprintf(c->why, sizeof(c->why), "%s", response->status->message);
    if (response->status->n_details) {
        const ProtobufCBinaryData *value = &response->status->details[0]->value;
        Crib__Error *error = crib__error__unpack(NULL, value->len, value->data);

        assert_non_null(error);
        c->sys = error->code;
        crib__error__free_unpacked(error, NULL);
    }
    crib__ttrpc__response__free_unpacked(response, NULL);
}

/* Reads the next frame. Return: false: the stream has ended, by `code` or `ended`. */
static inline bool clustering_next(struct clustering *c)
{
    Crib__ClusterEvent *event;
    struct ttrpc_frame frame;
    uint8_t *payload;

    if (c->ended || c->code >= 0)
        return false;
    if (!cribd_frame(c->sock, &frame, &payload))
        fail_msg("the connection has ended: %s", c->log);
    assert_int_equal(frame.stream, CLUSTERING_STREAM);
    if (frame.type == TTRPC_RESPONSE) {
        clustering_take_response(c, &frame);
    } else if (frame.flags) {
        assert_int_equal(frame.flags, TTRPC_REMOTE_CLOSED | TTRPC_NO_DATA);
        c->ended = true;
    } else {
        c->events++;
        assert_true(c->events - c->acked <= CLUSTERING_CREDIT);
        event = crib__cluster_event__unpack(NULL, frame.len, frame.payload);
        assert_non_null(event);
        clustering_take(c, event);
        crib__cluster_event__free_unpacked(event, NULL);
        if (!c->lazy && c->events - c->acked >= 8)
            clustering_ack(c);
    }
    free(payload);
    return !c->ended && c->code < 0;
}

/* Until @word was noted so often. */
static inline void clustering_until(struct clustering *c, const char *word, unsigned times)
{
    for (;;) {
        unsigned count = 0;

        for (const char *at = c->log; (at = strstr(at, word)); at += strlen(word))
            count++;
        if (count >= times)
            return;
        if (!clustering_next(c))
            fail_msg("no %u times '%s': %s\n  %s", times, word, c->log, c->why);
    }
}

/* Return: the code with which the stream ends; -1 it ends in good order. */
static inline int clustering_end(struct clustering *c)
{
    while (clustering_next(c))
        ;
    return c->code;
}

/* --- inputs --- */

struct clustering_start {
    Crib__ClusterInput input;
    Crib__ClusterInput__Start start;
    Crib__ClusterInput__Address address, *addresses[1];
    Crib__Task task;
    ProtobufCBinaryData args[32], env;
};

/* A start as it is mostly wanted; the caller may change it before it is said. */
static inline void clustering_ask(struct clustering_start *s, const char *const *words,
                                  unsigned workers, const char *address)
{
    crib__cluster_input__init(&s->input);
    crib__cluster_input__start__init(&s->start);
    crib__cluster_input__address__init(&s->address);
    crib__task__init(&s->task);
    s->input.start = &s->start;
    s->start.task = &s->task;
    s->start.has_workers = s->start.has_messages = true;
    s->start.workers = workers;
    s->start.messages = true;
    s->addresses[0] = &s->address;
    s->address.address = (char *)address;
    s->start.listen = s->addresses;
    s->start.n_listen = address != NULL;
    s->env = clustering_bytes("PATH=/usr/bin:/bin");
    s->start.env = &s->env;
    s->start.n_env = 1;
    s->task.has_file = true;
    s->task.file = clustering_bytes(clustering_worker());
    s->task.args = s->args;
    for (s->task.n_args = 0; words[s->task.n_args]; s->task.n_args++)
        s->args[s->task.n_args] = clustering_bytes(words[s->task.n_args]);
}

static inline void clustering_start(struct clustering *c, const char *const *words,
                                    unsigned workers, const char *address)
{
    struct clustering_start s;

    clustering_ask(&s, words, workers, address);
    clustering_input(c, &s.input);
}

static inline void clustering_scale(struct clustering *c, uint32_t workers)
{
    Crib__ClusterInput input = CRIB__CLUSTER_INPUT__INIT;
    Crib__ClusterInput__Scale scale = CRIB__CLUSTER_INPUT__SCALE__INIT;

    scale.has_workers = true;
    scale.workers = workers;
    input.scale = &scale;
    clustering_input(c, &input);
}

static inline void clustering_restart(struct clustering *c)
{
    Crib__ClusterInput input = CRIB__CLUSTER_INPUT__INIT;
    Crib__ClusterInput__Restart restart = CRIB__CLUSTER_INPUT__RESTART__INIT;

    input.restart = &restart;
    clustering_input(c, &input);
}

static inline void clustering_stop(struct clustering *c)
{
    Crib__ClusterInput input = CRIB__CLUSTER_INPUT__INIT;
    Crib__ClusterInput__Stop stop = CRIB__CLUSTER_INPUT__STOP__INIT;

    input.stop = &stop;
    clustering_input(c, &input);
}

static inline void clustering_kill(struct clustering *c, uint32_t worker, uint32_t signo)
{
    Crib__ClusterInput input = CRIB__CLUSTER_INPUT__INIT;
    Crib__ClusterInput__Kill kill = CRIB__CLUSTER_INPUT__KILL__INIT;

    kill.has_worker = kill.has_signal = true;
    kill.worker = worker;
    kill.signal = signo;
    input.kill = &kill;
    clustering_input(c, &input);
}

static inline void clustering_disconnect(struct clustering *c, uint32_t worker)
{
    Crib__ClusterInput input = CRIB__CLUSTER_INPUT__INIT;
    Crib__ClusterInput__Disconnect disconnect = CRIB__CLUSTER_INPUT__DISCONNECT__INIT;

    disconnect.has_worker = true;
    disconnect.worker = worker;
    input.disconnect = &disconnect;
    clustering_input(c, &input);
}

/* One chunk. @type: NULL: not the first. */
static inline void clustering_chunk(struct clustering *c, uint32_t worker, const char *type,
                                    const void *data, size_t len, bool more)
{
    Crib__ClusterInput input = CRIB__CLUSTER_INPUT__INIT;
    Crib__ClusterInput__Send send = CRIB__CLUSTER_INPUT__SEND__INIT;

    send.has_worker = send.has_data = send.has_more = true;
    send.worker = worker;
    send.type = (char *)type;
    send.data = (ProtobufCBinaryData){len, (uint8_t *)data};
    send.more = more;
    input.send = &send;
    clustering_input(c, &input);
}

/* Keeps to what may be under way. */
static inline void clustering_send(struct clustering *c, uint32_t worker, const char *type,
                                   const char *data, size_t len)
{
    size_t at = 0;

    do {
        size_t n = len - at < CLUSTERING_CHUNK ? len - at : CLUSTERING_CHUNK;

        while (c->inputs - c->taken >= CLUSTERING_CREDIT)
            assert_true(clustering_next(c));
        clustering_chunk(c, worker, at ? NULL : type, data + at, n, at + n < len);
        at += n;
    } while (at < len);
}

/* --- clients of the workers --- */

/* Return: the number of the worker that answers at the address listened to last; 0: nobody does. */
static inline unsigned clustering_who(const struct clustering *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = CRIBD_PATIENCE_MS / 1000};
    int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[64] = "";
    ssize_t n = -1;

    assert_true(sock >= 0);
    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    to.sin_port = htons((uint16_t)atoi(strrchr(c->address, ':') + 1));
    if (connect(sock, (struct sockaddr *)&to, sizeof(to)) == 0)
        n = recv(sock, text, sizeof(text) - 1, MSG_WAITALL);
    close(sock);
    return n > 7 && strncmp(text, "worker ", 7) == 0 ? (unsigned)atoi(text + 7) : 0;
}

#endif
