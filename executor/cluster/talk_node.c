/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts of Node's: notes of its cluster (node/notes.h). */
#include "cluster/talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "cluster/share.h"
#include "cluster/socket.h"
#include "cluster/worker.h"
#include "node/notes.h"
#include "node/peer.h"

#define PING_KEY    "crib.ping" /* a socket that no worker has: it says so */
#define IPV6_ONLY   1           /* of a note's flags */
#define MAX_BACKLOG 65535

static int say(crib_worker *worker, struct buf *text, int built, int fd)
{
    int r = built < 0 ? built : worker_say(worker, NODE_TYPE_OWN, text->data, text->len, fd);

    buf_done(text);
    return r;
}

/* --- what it asks for --- */

/* Return: whether it is one. */
static bool read_host(const struct node_note *note, struct listen_address *ret)
{
    bool six = note->kind == NODE_TCP6 || note->kind == NODE_UDP6;

    if (!note->address[0] && !six)
        return true; /* every host: AF_UNSPEC */
    if (six && (!note->address[0] || strcmp(note->address, "::") == 0) &&
        !(note->flags & IPV6_ONLY))
        return true;
    ret->family = six ? AF_INET6 : AF_INET;
    if (inet_pton(ret->family, note->address[0] ? note->address : "::", &ret->host) != 1)
        return false;
    if (six && IN6_IS_ADDR_V4MAPPED(&ret->host)) { /* one of IPv4, written as one of IPv6 */
        ret->family = AF_INET;
        ret->host = (struct in6_addr){.s6_addr32 = {ret->host.s6_addr32[3]}};
    }
    return true;
}

/* Return: whether it is one. */
static bool read_address(const struct node_note *note, struct listen_address *ret)
{
    char text[LISTEN_TEXT];

    *ret = (struct listen_address){.kind = LISTEN_TCP, .family = AF_UNSPEC};
    if (note->kind == NODE_UNIX) {
        snprintf(text, sizeof(text), "unix:%s", note->address);
        return listen_parse(text, false, ret, NULL) == 0;
    }
    if (note->kind == NODE_UDP4 || note->kind == NODE_UDP6)
        ret->kind = LISTEN_UDP;
    if (note->port < 0 || note->port > UINT16_MAX)
        return false;
    ret->first = ret->last = (uint16_t)note->port;
    return read_host(note, ret);
}

static void asks(crib_worker *worker, const struct node_note *note)
{
    struct ask ask = {.seq = note->seq,
                      .backlog = note->backlog > 0 && note->backlog <= MAX_BACKLOG
                                     ? (int)note->backlog
                                     : CLUSTER_BACKLOG,
                      .index = note->index,
                      .data = note->data.text,
                      .data_len = note->data.len};
    const char *wrong = note->fd >= 0 ? "a number of the primary's fd: it gives none away"
                        : !read_address(note, &ask.address) ? "is no address that can be served"
                        : note->data.len > CLUSTER_DATA ? "comes with too much data for the others"
                                                        : NULL;
    struct crib_error error;

    if (!wrong) {
        worker_asks(worker, &ask);
        return;
    }
    fail_text(&error, -EINVAL, "listen", -1, note->address, "%s", wrong);
    worker_complain(worker, &error);
    talk_node.answer(worker, &ask, NULL, -1, &error);
}

/* --- what it says of its sockets --- */

static struct part *find_part(const crib_worker *worker, const char *key)
{
    char mine[32];

    for (struct part *part = worker->parts; part; part = part->next) {
        snprintf(mine, sizeof(mine), "%" PRIu64, part->number);
        if (strcmp(mine, key) == 0)
            return part;
    }
    return NULL;
}

/* It listens: on what was asked for first, of that which it has not said it of. */
static void listens(crib_worker *worker)
{
    struct part *first = NULL;

    for (struct part *part = worker->parts; part; part = part->next)
        if (!part->announced && (!first || part->seq < first->seq))
            first = part;
    if (first)
        worker_listening(worker, first);
}

static void closes(crib_worker *worker, const char *key)
{
    struct part *part = find_part(worker, key);

    if (part)
        part_leave(part, worker_serves(worker));
}

static void took(crib_worker *worker, const struct node_note *note)
{
    if (note->ack < 0)
        return;
    for (struct part *part = worker->parts; part; part = part->next)
        if (part->turns || part->n_given)
            if (share_taken(part, (uint64_t)note->ack, note->accepted))
                return;
    worker_ponged(worker, (uint64_t)note->ack);
}

static void leaves(crib_worker *worker, const struct node_note *note)
{
    struct buf text = {0};

    say(worker, &text, node_say_ack(&text, note->seq), -1);
    worker_leaves(worker);
}

static void on_note(crib_worker *worker, const struct node_note *note)
{
    worker->spoke = true;
    switch (note->act) {
    case NODE_ACT_ONLINE:
        worker_online(worker);
        break;
    case NODE_ACT_QUERY:
        asks(worker, note);
        break;
    case NODE_ACT_LISTENING:
        listens(worker);
        break;
    case NODE_ACT_CLOSE:
        closes(worker, note->key);
        break;
    case NODE_ACT_LEAVING:
        leaves(worker, note);
        break;
    case NODE_ACT_TAKEN:
        took(worker, note);
        break;
    case NODE_ACT_OTHER:
        break;
    }
}

static bool on_message(crib_worker *worker, const struct crib_message *message)
{
    struct node_note note;
    struct crib_error error;

    if (strcmp(message->type, NODE_TYPE_OWN) != 0)
        return false;
    if (node_note_read((struct node_json){message->data, message->len}, &note) == 0) {
        on_note(worker, &note);
        return true;
    }
    fail_text(&error, -EPROTO, "worker", (int)worker->id, NULL,
              "what it says to its primary is nonsense");
    worker_complain(worker, &error);
    return true;
}

/* --- what it is told --- */

/* As socket.address() has it. Return: a text, or NULL where there is none. */
static const char *name_of(const struct listen_address *address, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "::";

    if (address->kind == LISTEN_UNIX)
        return NULL;
    if (address->family != AF_UNSPEC)
        inet_ntop(address->family, &address->host, host, sizeof(host));
    snprintf(text, size, "{\"address\":\"%s\",\"family\":\"%s\",\"port\":%u}", host,
             address->family == AF_INET ? "IPv4" : "IPv6", address->first);
    return text;
}

static int answer(crib_worker *worker, const struct ask *ask, struct part *part, int fd,
                  const struct crib_error *why)
{
    struct buf text = {0};
    struct node_json data;
    char key[32], name[128];

    if (!part)
        return say(worker, &text, node_say_error(&text, ask->seq, why->code), -1);
    snprintf(key, sizeof(key), "%" PRIu64, part->number);
    data = (struct node_json){(const char *)part->bound->data.data, part->bound->data.len};
    if (fd >= 0)
        return say(worker, &text, node_say_socket(&text, ask->seq, key, data), fd);
    return say(worker, &text,
               node_say_key(&text, ask->seq, key,
                            name_of(&part->bound->address, name, sizeof(name)), data),
               -1);
}

static int give(struct part *part, const struct connection *connection)
{
    struct buf text = {0};
    char key[32];

    snprintf(key, sizeof(key), "%" PRIu64, part->number);
    return say(part->worker, &text, node_say_connection(&text, (int64_t)connection->seq, key),
               connection->fd);
}

/* A connection of a socket that it does not have: it answers that it did not take it, and closes
 * the fd. */
static int ping(crib_worker *worker, uint64_t seq)
{
    struct buf text = {0};
    int ends[2], r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    r = say(worker, &text, node_say_connection(&text, (int64_t)seq, PING_KEY), ends[1]);
    fd_close(&ends[0]);
    fd_close(&ends[1]);
    return r;
}

static int leave(crib_worker *worker)
{
    struct buf text = {0};

    return say(worker, &text, node_say_disconnect(&text, (int64_t)++worker->seq), -1);
}

const struct talk talk_node = {.id_variable = "NODE_UNIQUE_ID",
                               .message = on_message,
                               .answer = answer,
                               .give = give,
                               .ping = ping,
                               .leave = leave,
                               .sharing = CRIB_SHARE_ROUND_ROBIN};
