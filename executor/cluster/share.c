/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/share.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/fd.h"
#include "cluster/socket.h"
#include "cluster/talk.h"
#include "cluster/watch.h"
#include "cluster/worker.h"

#define AHEAD 2  /* so many more untaken ones than another worker nobody is given */
#define BATCH 64 /* done before the loop does something else */

static void put(struct queue *queue, struct connection *connection)
{
    if (!queue->first)
        queue->last = &queue->first;
    connection->next = NULL;
    *queue->last = connection;
    queue->last = &connection->next;
}

static void put_back(struct queue *queue, struct connection *connection)
{
    connection->next = queue->first;
    if (!queue->first)
        queue->last = &connection->next;
    queue->first = connection;
}

static struct connection *take(struct queue *queue)
{
    struct connection *connection = queue->first;

    if (connection)
        queue->first = connection->next;
    return connection;
}

static void drop(struct connection *connection)
{
    fd_close(&connection->fd);
    free(connection);
}

/* --- whose turn it is --- */

static bool takes_turns(const struct part *part)
{
    return part->turns && worker_serves(part->worker);
}

/* Return: how many untaken ones a part may have, to be given another. */
static unsigned room(const struct bound *bound)
{
    unsigned least = CLUSTER_MAX_GIVEN;

    for (const struct part *part = bound->parts; part && least > 0; part = part->next_there)
        if (takes_turns(part) && part->n_given < least)
            least = part->n_given;
    return least + AHEAD < CLUSTER_MAX_GIVEN ? least + AHEAD : CLUSTER_MAX_GIVEN;
}

static bool has_refused(const struct part *part, const struct connection *connection)
{
    for (unsigned i = 0; i < connection->tries; i++)
        if (connection->refused[i] == part->number)
            return true;
    return false;
}

/* Return: whether somebody else may yet take what a part has refused, when he has room. */
static bool another_may(const struct bound *bound, const struct connection *connection)
{
    for (const struct part *part = bound->parts; part; part = part->next_there)
        if (takes_turns(part) && !has_refused(part, connection))
            return true;
    return false;
}

/* @connection: NULL: any one. Return: the part whose turn it is; NULL: nobody has room. The turn
 * goes on with @connection. */
static struct part *whose_turn(struct bound *bound, const struct connection *connection)
{
    bool choose = connection && another_may(bound, connection);
    struct part *start = bound->turn ? bound->turn : bound->parts, *part = start;
    unsigned most = room(bound);

    while (part) {
        struct part *next = part->next_there ? part->next_there : bound->parts;

        if (takes_turns(part) && part->n_given < most &&
            !(choose && has_refused(part, connection))) {
            if (connection)
                bound->turn = next;
            return part;
        }
        part = next == start ? NULL : next;
    }
    return NULL;
}

/* Whether it is this process that has run out of something, and not the worker. */
static bool passes(int code)
{
    return code == -EMFILE || code == -ENFILE || code == -ENOBUFS || code == -ENOMEM ||
           code == -ETOOMANYREFS || code == -EAGAIN;
}

/* Return: whether somebody got it. */
static bool give(struct bound *bound, struct connection *connection)
{
    struct part *part;

    while ((part = whose_turn(bound, connection))) {
        int r;

        connection->seq = ++part->worker->seq;
        connection->byte = ++part->byte;
        r = part->worker->talk->give(part, connection);
        if (r == 0) {
            put(&part->given, connection);
            part->n_given++;
            bound->cluster->want.code = 0;
            bound->cluster->want.told = false;
            return true;
        }
        if (passes(r)) {
            cluster_pause(bound->cluster, r);
            return false;
        }
        part->turns = false; /* nothing reaches it any more */
    }
    return false;
}

/* --- accepting --- */

/* Return: whether there may be more. */
static bool accept_one(struct bound *bound)
{
    int fd = accept4(bound->fd, NULL, NULL, SOCK_CLOEXEC), code = -errno;
    struct connection *connection;

    if (fd < 0) {
        if (passes(code) && code != -EAGAIN)
            cluster_pause(bound->cluster, code);
        return code == -EINTR || code == -ECONNABORTED;
    }
    connection = calloc(1, sizeof(*connection));
    if (!connection) {
        fd_close(&fd);
        cluster_pause(bound->cluster, -ENOMEM);
        return false;
    }
    connection->fd = fd;
    if (!give(bound, connection))
        put(&bound->waiting, connection);
    return true;
}

/* Return: whether all that waited were given out. */
static bool give_waiting(struct bound *bound)
{
    struct connection *connection;

    while ((connection = take(&bound->waiting)))
        if (!give(bound, connection)) {
            put_back(&bound->waiting, connection);
            return false;
        }
    return true;
}

void share_serve(struct bound *bound)
{
    const struct want *want = &bound->cluster->want;
    bool more;

    if (!bound->watch)
        return;
    more = give_waiting(bound);
    for (int i = 0; i < BATCH && more && !want->end_ms; i++)
        more = whose_turn(bound, NULL) && accept_one(bound);
    watch_set(bound->watch, !want->end_ms && !bound->waiting.first && whose_turn(bound, NULL));
}

static void on_readable(void *owner)
{
    share_serve(owner);
}

int share_open(struct bound *bound)
{
    return bound->watch ? 0
                        : watch_new(bound->cluster, bound->fd, on_readable, bound, &bound->watch);
}

void share_close(struct bound *bound)
{
    struct connection *connection;

    watch_close(bound->watch);
    bound->watch = NULL;
    while ((connection = take(&bound->waiting)))
        drop(connection);
}

/* --- answers --- */

/* Return: it, no more the part's. */
static struct connection *answered(struct part *part, struct connection **at)
{
    struct connection *connection = *at;

    *at = connection->next;
    if (!*at)
        part->given.last = at;
    part->n_given--;
    return connection;
}

bool share_taken(struct part *part, uint64_t seq, bool accepted)
{
    struct connection **at = &part->given.first, *connection;

    while (*at && (*at)->seq != seq)
        at = &(*at)->next;
    if (!*at)
        return false;
    connection = answered(part, at);
    if (!accepted)
        connection->refused[connection->tries++] = part->number;
    if (accepted || connection->tries >= CLUSTER_TRIES)
        drop(connection);
    else
        put(&part->bound->waiting, connection);
    share_serve(part->bound);
    return true;
}

void share_return(struct part *part)
{
    struct connection *connection;

    while ((connection = take(&part->given)))
        put(&part->bound->waiting, connection);
    part->n_given = 0;
}

/* --- pairs --- */

/* Return: whether it was given that one. */
static bool took(struct part *part, unsigned char byte)
{
    struct connection **at = &part->given.first;

    while (*at && (*at)->byte != byte)
        at = &(*at)->next;
    if (!*at)
        return false;
    drop(answered(part, at));
    return true;
}

/* A byte for each connection that the worker has taken: the one that came with it. */
int share_hear(struct part *part)
{
    for (int i = 0; i < BATCH; i++) {
        unsigned char byte;
        ssize_t n = recv(part->pair_fd, &byte, 1, MSG_DONTWAIT);

        if (n == 0)
            return -EPIPE;
        if (n > 0 && !took(part, byte))
            return -EPROTO;
        if (n < 0 && errno == EAGAIN)
            return 0;
        /* ECONNRESET is told once: what it has left unread. What it has said is still there. */
        if (n < 0 && errno != EINTR && errno != ECONNRESET)
            return -errno;
    }
    return 0;
}

static void on_pair(void *owner)
{
    struct part *part = owner;
    struct crib_error error;
    int r = share_hear(part);

    if (r == 0) {
        share_serve(part->bound);
    } else if (r != -EPROTO) {
        part_shut(part);
    } else {
        fail_text(&error, r, "worker", (int)part->worker->id, NULL,
                  "it says that it took a connection that it was not given");
        worker_complain(part->worker, &error);
        part_leave(part, worker_serves(part->worker));
    }
}

int share_pair(struct part *part)
{
    int ends[2], r;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    r = watch_new(part->worker->cluster, ends[0], on_pair, part, &part->pair);
    if (r < 0) {
        fd_close(&ends[0]);
        fd_close(&ends[1]);
        return r;
    }
    part->pair_fd = ends[0];
    watch_set(part->pair, true);
    return ends[1];
}

void share_pair_close(struct part *part)
{
    watch_close(part->pair);
    part->pair = NULL;
    fd_close(&part->pair_fd);
}
