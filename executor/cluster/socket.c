/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/fd.h"
#include "cluster/address.h"
#include "cluster/share.h"
#include "cluster/talk.h"
#include "cluster/worker.h"

/* --- sockets --- */

static bool is_same(const struct listen_address *a, const struct listen_address *b)
{
    return listen_covers(a, b) && listen_covers(b, a);
}

/* One with the port that was found is the same, too. */
static struct bound *find(const crib_cluster *cluster, const struct ask *ask)
{
    for (struct bound *bound = cluster->sockets; bound; bound = bound->next) {
        bool any_port = ask->address.kind != LISTEN_UNIX && ask->address.first == 0;

        if (is_same(&bound->asked, &ask->address) && (!any_port || bound->index == ask->index))
            return bound;
        if (is_same(&bound->address, &ask->address))
            return bound;
    }
    return NULL;
}

/* What the caller says of that address beats what the worker wants. */
static enum crib_sharing sharing_of(const crib_cluster *cluster, const struct ask *ask,
                                    enum crib_sharing otherwise)
{
    enum crib_sharing sharing = ask->sharing ? ask->sharing : otherwise;

    for (size_t i = 0; i < cluster->options.listen_count; i++) {
        const struct crib_listen *listen = &cluster->options.listen[i];
        struct listen_address address;

        if (listen->sharing && listen_parse(listen->address, true, &address, NULL) == 0 &&
            listen_covers(&address, &ask->address))
            sharing = listen->sharing;
    }
    if (ask->address.kind == LISTEN_UDP ||
        (sharing == CRIB_SHARE_REUSEPORT && ask->address.kind != LISTEN_TCP))
        return CRIB_SHARE_SOCKET;
    return sharing;
}

static int listen_on(int fd, const struct listen_address *address, int backlog,
                     struct crib_error *err)
{
    char text[LISTEN_TEXT];

    if (address->kind == LISTEN_UDP || listen(fd, backlog) == 0)
        return 0;
    listen_text(address, text);
    return fail_sys(err, -errno, "listen", -1, text, NULL);
}

static void bound_free(struct bound *bound)
{
    share_close(bound);
    address_unlink(&bound->address, &bound->file);
    fd_close(&bound->fd);
    buf_done(&bound->data);
    free(bound);
}

static void bound_close(struct bound *bound)
{
    struct bound **at = &bound->cluster->sockets;

    while (*at != bound)
        at = &(*at)->next;
    *at = bound->next;
    bound->cluster->n_sockets--;
    bound_free(bound);
}

/* Return: 0; negative errno. */
static int open_it(struct bound *bound, const struct ask *ask, struct crib_error *err)
{
    bool template = bound->sharing == CRIB_SHARE_REUSEPORT;
    int r = 0;

    bound->fd = address_bind(&bound->address, template, err);
    if (bound->fd < 0)
        return bound->fd;
    bound->file = address_file(&bound->address);
    if (!template)
        r = listen_on(bound->fd, &bound->address, ask->backlog, err);
    if (r == 0 && bound->sharing == CRIB_SHARE_ROUND_ROBIN)
        r = share_open(bound);
    if (r == 0 && buf_append(&bound->data, ask->data, ask->data_len) < 0)
        r = -ENOMEM;
    return r;
}

/* Closes the oldest that no worker serves any more. Return: whether there was one. */
static bool make_room(crib_cluster *cluster)
{
    struct bound *oldest = NULL;

    for (struct bound *bound = cluster->sockets; bound; bound = bound->next)
        if (!bound->parts && !bound->hand)
            oldest = bound; /* the newest is the first in the list */
    if (oldest)
        bound_close(oldest);
    return oldest;
}

static int bound_new(crib_cluster *cluster, const struct ask *ask, enum crib_sharing sharing,
                     struct bound **ret, struct crib_error *err)
{
    struct bound *bound;
    int r;

    if (cluster->n_sockets >= CLUSTER_MAX_SOCKETS && !make_room(cluster))
        return fail_text(err, -EMFILE, "listen", -1, NULL, "a cluster has %d sockets at most",
                         CLUSTER_MAX_SOCKETS);
    bound = calloc(1, sizeof(*bound));
    if (!bound)
        return fail_sys(err, -ENOMEM, "listen", -1, NULL, NULL);
    bound->cluster = cluster;
    bound->asked = bound->address = ask->address;
    bound->index = ask->index;
    bound->sharing = sharing;
    bound->fd = -1;
    r = open_it(bound, ask, err);
    if (r < 0) {
        bound_free(bound);
        return r;
    }
    bound->next = cluster->sockets;
    cluster->sockets = bound;
    cluster->n_sockets++;
    *ret = bound;
    return 0;
}

void socket_close_all(crib_cluster *cluster)
{
    while (cluster->sockets)
        bound_close(cluster->sockets);
}

/* --- what is inherited --- */

int socket_hand(crib_cluster *cluster, const struct crib_listen *listen, struct crib_error *err)
{
    struct ask ask = {.backlog = CLUSTER_BACKLOG};
    struct bound *bound;
    int r = listen_parse(listen->address, false, &ask.address, err);

    if (r == 0)
        r = bound_new(cluster, &ask, CRIB_SHARE_SOCKET, &bound, err);
    if (r < 0)
        return r;
    bound->hand = true;
    /* Programs that know systemd's convention expect one that blocks. */
    fcntl(bound->fd, F_SETFL, fcntl(bound->fd, F_GETFL) & ~O_NONBLOCK);
    return 0;
}

size_t socket_handed(const crib_cluster *cluster, int fds[CLUSTER_MAX_HAND])
{
    size_t count = 0, at;

    for (const struct bound *bound = cluster->sockets; bound; bound = bound->next)
        count += bound->hand;
    at = count; /* the newest is the first in the list */
    for (const struct bound *bound = cluster->sockets; bound; bound = bound->next)
        if (bound->hand)
            fds[--at] = bound->fd;
    return count;
}

/* --- parts --- */

static void part_link(struct part *part, struct bound *bound)
{
    struct part **at = &bound->parts;

    while (*at)
        at = &(*at)->next_there;
    *at = part;
    part->bound = bound;
    part->next = part->worker->parts;
    part->worker->parts = part;
    part->worker->n_parts++;
}

static void part_unlink(struct part *part)
{
    struct part **at = &part->bound->parts;

    while (*at != part)
        at = &(*at)->next_there;
    *at = part->next_there;
    if (part->bound->turn == part)
        part->bound->turn = part->next_there;
    for (at = &part->worker->parts; *at != part;)
        at = &(*at)->next;
    *at = part->next;
    part->worker->n_parts--;
}

void part_leave(struct part *part, bool lives)
{
    struct bound *bound = part->bound;

    cluster_wake(bound->cluster); /* a restart may have waited for somebody to serve it, too */
    bound->cluster->n_shut -= part->shut_ms != 0;
    part_unlink(part);
    share_return(part);
    share_pair_close(part);
    free(part);
    if (lives && !bound->parts && !bound->hand)
        bound_close(bound);
    else
        share_serve(bound);
}

void part_shut(struct part *part)
{
    part->turns = false;
    part->shut_ms = cluster_now(part->worker->cluster);
    part->worker->cluster->n_shut++;
    share_pair_close(part);
    share_return(part);
    share_serve(part->bound);
    cluster_wake(part->worker->cluster); /* whose timer sweeps */
}

/* A worker that is dead has closed its channel, too: that is known only when the loop has looked
 * again after the while, however long it was kept from that. */
static void sweep(crib_worker *worker)
{
    uint64_t now = cluster_now(worker->cluster);

    for (struct part *part = worker->parts, *next; part; part = next) {
        next = part->next;
        if (part->due)
            part_leave(part, worker_serves(worker));
        else
            part->due = part->shut_ms && now - part->shut_ms >= CLUSTER_SWEEP_MS;
    }
}

void socket_sweep(crib_cluster *cluster)
{
    for (crib_worker *worker = cluster->workers; worker && cluster->n_shut; worker = worker->next)
        sweep(worker);
}

void part_rest(struct part *part)
{
    part->turns = false;
    if (part->pair_fd >= 0)
        shutdown(part->pair_fd, SHUT_WR); /* closing would lose what it has not taken */
    share_serve(part->bound);
}

/* A socket of its own beside the others of that address. Return: an fd; negative errno. */
static int open_beside(const struct bound *bound, const struct ask *ask, struct crib_error *err)
{
    struct listen_address address = bound->address;
    int fd = address_bind(&address, true, err), r;

    if (fd < 0)
        return fd;
    r = listen_on(fd, &address, ask->backlog, err);
    if (r < 0)
        fd_close(&fd);
    return r < 0 ? r : fd;
}

/* What the worker gets. Return: an fd; -ENODATA none, connections come over the channel; other
 * negative errno. */
static int hand_out(struct part *part, const struct ask *ask, struct crib_error *err)
{
    int fd;

    switch (part->bound->sharing) {
    case CRIB_SHARE_ROUND_ROBIN:
        part->turns = true;
        if (!part->worker->talk->pairs)
            return -ENODATA;
        fd = share_pair(part);
        break;
    case CRIB_SHARE_REUSEPORT:
        return open_beside(part->bound, ask, err);
    default:
        fd = fd_copy(part->bound->fd, 3);
        break;
    }
    return fd < 0 ? fail_sys(err, fd, "listen", -1, NULL, "hand over") : fd;
}

/* --- asking --- */

/* Its parts of which the other end is closed, whether that was heard of or not: they are over. */
static void forget_shut(crib_worker *worker)
{
    for (struct part *part = worker->parts, *next; part; part = next) {
        next = part->next;
        if (part->shut_ms || (part->pair && share_hear(part) < 0))
            part_leave(part, false);
        else
            share_serve(part->bound); /* of what it had taken nobody else will hear */
    }
}

static struct part *part_in(const crib_worker *worker, const struct bound *bound)
{
    struct part *part = worker->parts;

    while (part && part->bound != bound)
        part = part->next;
    return part;
}

/* Port 0, asked for once more, is another free one; the others' second time is the same. Node's
 * workers count by themselves. */
static int64_t next_index(const crib_worker *worker, const struct listen_address *address)
{
    int64_t index = 0;

    if (address->kind == LISTEN_UNIX || address->first != 0)
        return 0;
    for (const struct part *part = worker->parts; part;) {
        if (is_same(&part->bound->asked, address) && part->bound->index == index) {
            index++;
            part = worker->parts;
        } else {
            part = part->next;
        }
    }
    return index;
}

static int part_new(crib_worker *worker, const struct ask *ask, struct bound *bound,
                    struct part **ret, struct crib_error *err)
{
    struct part *part;

    if (worker->n_parts >= CLUSTER_MAX_PARTS)
        return fail_text(err, -EMFILE, "listen", -1, NULL, "a worker has %d sockets at most",
                         CLUSTER_MAX_PARTS);
    part = calloc(1, sizeof(*part));
    if (!part)
        return fail_sys(err, -ENOMEM, "listen", -1, NULL, NULL);
    part->worker = worker;
    part->number = ++worker->cluster->next_part;
    part->seq = ask->seq;
    part->pair_fd = -1;
    part_link(part, bound);
    *ret = part;
    return 0;
}

/* Return: 0 and the worker's part in what is bound; negative errno. */
static int join(crib_worker *worker, const struct ask *ask, struct bound *bound, struct part **ret,
                struct crib_error *err)
{
    char text[LISTEN_TEXT];

    *ret = part_in(worker, bound);
    if (!*ret)
        return part_new(worker, ask, bound, ret, err);
    /* It may have closed its copy: nobody hears of that. */
    if (worker->talk->pairs && bound->sharing != CRIB_SHARE_ROUND_ROBIN)
        return 0;
    listen_text(&ask->address, text);
    return fail_text(err, -EADDRINUSE, "listen", -1, text, "this worker serves it already");
}

/* The same of what is to be bound. */
static int bind_and_join(crib_worker *worker, const struct ask *ask, struct part **ret,
                         struct crib_error *err)
{
    crib_cluster *cluster = worker->cluster;
    struct bound *bound;
    int r = bound_new(cluster, ask, sharing_of(cluster, ask, worker->talk->sharing), &bound, err);

    if (r < 0)
        return r;
    r = part_new(worker, ask, bound, ret, err);
    if (r < 0)
        bound_close(bound);
    return r;
}

int socket_join(crib_worker *worker, const struct ask *ask, struct part **ret, int *ret_fd,
                struct crib_error *err)
{
    const struct allowed *allowed = worker->has_own ? &worker->own : &worker->cluster->allowed;
    struct ask narrowed = *ask;
    struct bound *bound;
    struct part *part;
    size_t parts;
    int r = address_allowed(allowed->list, allowed->count, &narrowed.address, err);

    if (r < 0)
        return r;
    forget_shut(worker);
    parts = worker->n_parts;
    if (worker->talk->pairs)
        narrowed.index = next_index(worker, &narrowed.address);
    bound = find(worker->cluster, &narrowed);
    r = bound ? join(worker, &narrowed, bound, &part, err)
              : bind_and_join(worker, &narrowed, &part, err);
    if (r < 0)
        return r;
    r = hand_out(part, &narrowed, err);
    if (r < 0 && r != -ENODATA) {
        if (worker->n_parts > parts) /* what was there before stays */
            part_leave(part, !bound);
        return r;
    }
    *ret = part;
    *ret_fd = r < 0 ? -1 : r;
    return 0;
}
