/* SPDX-License-Identifier: Apache-2.0 */
#include "node/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "node/handle.h"
#include "node/json.h"
#include "node/v8.h"
#include "wire/arrivals.h"
#include "wire/queue.h"
#include "wire/rights.h"

#define CHUNK    (64 * 1024)  /* bytes asked for in one receive */
#define KEEP     (256 * 1024) /* a larger buffer is given back when it is empty */
#define ENVELOPE 256          /* what NODE_HANDLE adds to a message */
#define UNREAD   (64 * 1024)  /* bytes of answers that nobody reads */
#define CMD      64

struct node_peer {
    size_t max; /* cap on a message */
    bool advanced;
    struct buf in;
    size_t looked;            /* bytes at the start of it, without an end of line */
    size_t eaten;             /* of the message delivered last */
    uint64_t offset;          /* in the stream, of in.data */
    struct arrivals arrivals; /* fds whose message is not yet delivered */
    struct frame frame;       /* delivered last */
    int (*look)(void *owner, size_t held, int *fds, size_t nfds); /* may be NULL */
    void *owner;
    struct queue queue;
    bool parted;           /* we send no more */
    struct crib_error why; /* code not 0: nothing more is received */
};

struct node_peer *node_peer_new(size_t max, bool advanced)
{
    struct node_peer *peer = calloc(1, sizeof(*peer));

    if (!peer)
        return NULL;
    peer->max = max ? max : FRAME_MAX_PAYLOAD;
    peer->advanced = advanced;
    return peer;
}

/* Takes back the message delivered last, with the fds that nobody wanted. */
static void release(struct node_peer *peer)
{
    rights_close(peer->frame.fds, peer->frame.nfds);
    memset(&peer->frame, 0, sizeof(peer->frame));
    if (peer->eaten == 0)
        return;
    buf_consume(&peer->in, peer->eaten);
    peer->offset += peer->eaten;
    peer->eaten = peer->looked = 0;
    if (peer->in.len == 0 && peer->in.room > KEEP)
        buf_done(&peer->in);
}

static void stop_reading(struct node_peer *peer)
{
    release(peer);
    arrivals_done(&peer->arrivals);
    buf_done(&peer->in);
}

void node_peer_free(struct node_peer *peer)
{
    if (!peer)
        return;
    stop_reading(peer);
    queue_done(&peer->queue);
    free(peer);
}

/* The end of a peer whose `why` is filled. Return: its code, again at each later call. */
static int dead(struct node_peer *peer, struct crib_error *err)
{
    stop_reading(peer);
    if (err)
        *err = peer->why;
    return peer->why.code;
}

#define DIE(peer, err, code, ...)                                                                  \
    (fail_text(&(peer)->why, code, "channel", -1, NULL, __VA_ARGS__), dead(peer, err))

/* Return: bytes of the first line with its end; 0 it is not whole yet. */
static size_t line_length(struct node_peer *peer)
{
    const uint8_t *end;

    if (peer->in.len == peer->looked)
        return 0;
    end = memchr(peer->in.data + peer->looked, '\n', peer->in.len - peer->looked);
    if (end)
        return (size_t)(end - peer->in.data) + 1;
    peer->looked = peer->in.len;
    return 0;
}

/* Return: bytes that the first message will have with what is around it; 0: not known yet. */
static size_t told_length(const struct node_peer *peer)
{
    if (!peer->advanced || peer->in.len < V8_PREFIX)
        return 0;
    return V8_PREFIX + (size_t)v8_length(peer->in.data);
}

/* Return: bytes of the first message with what is around it; 0 it is not whole yet. */
static size_t message_length(struct node_peer *peer)
{
    size_t told = told_length(peer);

    if (!peer->advanced)
        return line_length(peer);
    return told <= peer->in.len ? told : 0;
}

static int too_large(struct node_peer *peer, struct crib_error *err)
{
    return DIE(peer, err, -EMSGSIZE, "a message of more than %zu bytes", peer->max);
}

/* Of a line, which may have more than the message. */
static int check_size(struct node_peer *peer, size_t len, struct crib_error *err)
{
    return len <= peer->max + ENVELOPE ? 0 : too_large(peer, err);
}

static int account(struct node_peer *peer, size_t len, const int *fds, size_t nfds,
                   struct crib_error *err)
{
    uint64_t from = peer->offset + peer->in.len;

    if (nfds > FRAME_MAX_FDS ||
        (nfds > 0 && arrivals_add(&peer->arrivals, from, from + len, fds, nfds) < 0)) {
        rights_close(fds, nfds);
        return DIE(peer, err, -EPROTO, "fds that belong to no message");
    }
    buf_grown(&peer->in, len);
    if (message_length(peer) > 0)
        return 0;
    return check_size(peer, peer->advanced ? told_length(peer) : peer->in.len, err);
}

/* What has to hold before more may come in. */
static int ready(struct node_peer *peer, struct crib_error *err)
{
    release(peer);
    if (peer->why.code)
        return dead(peer, err);
    if (message_length(peer) > 0)
        return fail_text(err, -ENOBUFS, "channel", -1, NULL, "a message is still to be taken");
    return 0;
}

int node_peer_feed(struct node_peer *peer, const void *data, size_t len, const int *fds,
                   size_t nfds, struct crib_error *err)
{
    int r = ready(peer, err);
    uint8_t *at = r < 0 ? NULL : buf_reserve(&peer->in, len);

    if (!at) {
        rights_close(fds, nfds);
        return r < 0 ? r : DIE(peer, err, -ENOMEM, "no memory for a message");
    }
    if (len > 0)
        memcpy(at, data, len);
    return account(peer, len, fds, nfds, err);
}

/* A receive that brought neither bytes nor fds. */
static long nothing_came(struct node_peer *peer, long n, struct crib_error *err)
{
    if (n == -EAGAIN)
        return n;
    if (n < 0 && n != -ECONNRESET) {
        fail_sys(&peer->why, (int)n, "channel", -1, NULL, "receive");
        return dead(peer, err);
    }
    if (peer->in.len > 0)
        return DIE(peer, err, -EPROTO, "the channel ended in the middle of a message");
    return 0;
}

long node_peer_fill(struct node_peer *peer, int sock, struct crib_error *err)
{
    int fds[RIGHTS_MAX], flags, r = ready(peer, err);
    uint8_t *at;
    size_t nfds;
    long n;

    if (r < 0)
        return r;
    at = buf_reserve(&peer->in, CHUNK);
    if (!at)
        return DIE(peer, err, -ENOMEM, "no memory for a message");
    n = rights_receive(sock, at, CHUNK, fds, &nfds, &flags);
    if (n <= 0)
        return nothing_came(peer, n, err);
    if (flags & MSG_CTRUNC) {
        rights_close(fds, nfds);
        return DIE(peer, err, -EMFILE, "fds were lost: this process can open no more");
    }
    r = peer->look ? peer->look(peer->owner, peer->in.len + (size_t)n, fds, nfds) : 0;
    if (r < 0) {
        rights_close(fds, nfds);
        return DIE(peer, err, r, "fds that may not be sent here");
    }
    r = account(peer, (size_t)n, fds, nfds, err);
    return r < 0 ? r : n;
}

void node_peer_look(struct node_peer *peer,
                    int (*look)(void *owner, size_t held, int *fds, size_t nfds), void *owner)
{
    peer->look = look;
    peer->owner = owner;
}

/* Node's own messages have a `cmd`. One that does not fit is none that is known, but may begin like
 * one. Return: whether this is one. */
static bool read_cmd(struct node_json json, char ret[CMD])
{
    struct node_json cmd;
    int len = node_json_get(json, "cmd", &cmd) ? node_json_string(cmd, ret, CMD) : -EINVAL;

    return (len > 5 || len == -E2BIG) && strncmp(ret, "NODE_", 5) == 0;
}

static int answer(struct node_peer *peer, const char *cmd)
{
    uint8_t made[CMD];
    char text[CMD];
    int len = snprintf(text, sizeof(text), "{\"cmd\":\"%s\"}", cmd);

    if (peer->parted || peer->queue.dead)
        return 0;
    if (queue_pending(&peer->queue) > UNREAD + peer->max)
        return -ENOBUFS;
    if (peer->advanced)
        return node_peer_add(peer, NODE_TYPE_V8, made, v8_make(cmd, made, sizeof(made)), NULL, 0);
    return node_peer_add(peer, NODE_TYPE_OWN, text, (size_t)len, NULL, 0);
}

static int answer_handle(struct node_peer *peer, bool taken, struct crib_error *err)
{
    int r = answer(peer, taken ? "NODE_HANDLE_ACK" : "NODE_HANDLE_NACK");

    if (r == -ENOBUFS)
        return DIE(peer, err, r, "it sends fds, and does not read the answers");
    return r < 0 ? DIE(peer, err, r, "answer a message with an fd") : 0;
}

/* Return: 1 what it wraps is to be delivered; 0 nothing is; negative errno. */
static int unwrap(struct node_peer *peer, struct node_json *json, struct crib_error *err)
{
    bool has_fd = arrivals_take(&peer->arrivals, peer->offset, peer->frame.fds, 1) == 0;
    int r;

    peer->frame.nfds = has_fd;
    r = answer_handle(peer, has_fd, err);
    if (r < 0 || !has_fd)
        return r;
    if (!node_json_get(*json, "msg", json))
        return DIE(peer, err, -EPROTO, "an fd without a message");
    return 1;
}

/* What the line is to its receiver. Return: 1 it is delivered; 0 it was for us; negative errno. */
static int sort(struct node_peer *peer, struct node_json json, struct crib_error *err)
{
    char cmd[CMD];
    bool own = read_cmd(json, cmd);
    int r = 1;

    if (own && strcmp(cmd, "NODE_HANDLE") == 0) {
        r = unwrap(peer, &json, err);
        if (r <= 0)
            return r;
        own = read_cmd(json, cmd);
    }
    if (own && strcmp(cmd, "NODE_CLUSTER") != 0)
        r = 0;
    if (json.len > peer->max)
        return too_large(peer, err);
    peer->frame.type = own ? NODE_TYPE_OWN : NODE_TYPE_JSON;
    peer->frame.payload = (const uint8_t *)json.text;
    peer->frame.len = json.len;
    return r;
}

static int take_line(struct node_peer *peer, size_t len, struct crib_error *err)
{
    struct node_json json = {(const char *)peer->in.data, len - 1};
    int r = node_json_check(json);

    if (r < 0)
        return DIE(peer, err, -EPROTO,
                   r == -E2BIG ? "a message that is too deep" : "a line that is not JSON");
    return sort(peer, json, err);
}

static int take_v8(struct node_peer *peer, size_t len, struct crib_error *err)
{
    const uint8_t *data = peer->in.data + V8_PREFIX;

    len -= V8_PREFIX;
    if (!v8_check(data, len))
        return DIE(peer, err, -EPROTO, "a message that V8 has not made");
    if (v8_is_own(data, len, "NODE_HANDLE")) {
        peer->frame.nfds = arrivals_take(&peer->arrivals, peer->offset, peer->frame.fds, 1) == 0;
        return answer_handle(peer, false, err);
    }
    if (v8_is_own(data, len, NULL))
        return 0;
    if (len > peer->max)
        return too_large(peer, err);
    peer->frame.type = NODE_TYPE_V8;
    peer->frame.payload = data;
    peer->frame.len = len;
    return 1;
}

/* Takes the first message. Return: as node_peer_next(); 0 means here that it is not to be
 * delivered. */
static int take(struct node_peer *peer, size_t len, struct crib_error *err)
{
    int r = check_size(peer, len, err);

    if (r == 0)
        r = peer->advanced ? take_v8(peer, len, err) : take_line(peer, len, err);
    if (r < 0)
        return r;
    if (arrivals_stale(&peer->arrivals, peer->offset + len))
        return DIE(peer, err, -EPROTO, "an fd that no message speaks of");
    peer->eaten = len;
    return r;
}

int node_peer_next(struct node_peer *peer, struct frame **ret, struct crib_error *err)
{
    size_t len;
    int r = 0;

    release(peer);
    if (peer->why.code)
        return dead(peer, err);
    while (r == 0 && (len = message_length(peer)) > 0) {
        r = take(peer, len, err);
        if (r == 0)
            release(peer);
    }
    if (r == 1)
        *ret = &peer->frame;
    return r;
}

static int check(const struct node_peer *peer, const char *type, struct node_json json,
                 const int *fds, size_t nfds)
{
    if (peer->parted || peer->queue.dead)
        return -EPIPE;
    if (!type || (strcmp(type, NODE_TYPE_JSON) != 0 && strcmp(type, NODE_TYPE_OWN) != 0))
        return -EINVAL;
    if (json.len > peer->max)
        return -EMSGSIZE;
    if (!json.text || node_json_check(json) < 0 || (nfds > 0 && !fds))
        return -EINVAL;
    return nfds > 1 ? -EMFILE : 0;
}

/* As it is, but on one line: between tokens any white space is as good. */
static uint8_t *put_line(uint8_t *to, struct node_json json)
{
    for (size_t i = 0; i < json.len; i++)
        *to++ = json.text[i] == '\n' ? ' ' : (uint8_t)json.text[i];
    return to;
}

/* What stands before a message with an fd. Return: 0; -EINVAL Node cannot take it. */
static int wrap(const char *type, int fd, char ret[ENVELOPE])
{
    const char *members = node_handle_type(fd, strcmp(type, NODE_TYPE_OWN) == 0);

    if (!members)
        return -EINVAL;
    snprintf(ret, ENVELOPE, "{\"cmd\":\"NODE_HANDLE\",%s,\"msg\":", members);
    return 0;
}

static int add_v8(struct node_peer *peer, const char *type, const void *payload, size_t len,
                  size_t nfds)
{
    uint8_t *at;
    int r;

    if (peer->parted || peer->queue.dead)
        return -EPIPE;
    if (len > peer->max)
        return -EMSGSIZE;
    if (!type || strcmp(type, NODE_TYPE_V8) != 0 || !payload || !v8_check(payload, len))
        return -EINVAL;
    r = nfds ? -EOPNOTSUPP : queue_message(&peer->queue, V8_PREFIX + len, NULL, 0, &at);
    if (r < 0)
        return r;
    v8_put_length(at, (uint32_t)len);
    memcpy(at + V8_PREFIX, payload, len);
    return 0;
}

static int add_line(struct node_peer *peer, const char *type, const void *payload, size_t len,
                    const int *fds, size_t nfds)
{
    struct node_json json = {payload, len};
    const char *after = nfds ? "}\n" : "\n";
    char before[ENVELOPE] = "";
    uint8_t *at;
    int r = check(peer, type, json, fds, nfds);

    if (r == 0 && nfds)
        r = wrap(type, fds[0], before);
    if (r == 0)
        r = queue_message(&peer->queue, strlen(before) + len + strlen(after), fds, nfds, &at);
    if (r < 0)
        return r;
    memcpy(at, before, strlen(before));
    at = put_line(at + strlen(before), json);
    memcpy(at, after, strlen(after));
    return 0;
}

int node_peer_add(struct node_peer *peer, const char *type, const void *payload, size_t len,
                  const int *fds, size_t nfds)
{
    return peer->advanced ? add_v8(peer, type, payload, len, nfds)
                          : add_line(peer, type, payload, len, fds, nfds);
}

int node_peer_add_disconnect(struct node_peer *peer)
{
    if (peer->queue.dead)
        return -EPIPE;
    peer->parted = true;
    return 0;
}

int node_peer_flush(struct node_peer *peer, int sock)
{
    return queue_flush(&peer->queue, sock, 0);
}

size_t node_peer_pending(const struct node_peer *peer)
{
    return queue_pending(&peer->queue);
}
