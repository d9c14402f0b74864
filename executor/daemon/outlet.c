/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/outlet.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/attach.h"
#include "daemon/connection.h"
#include "daemon/daemon.h"

static void release(struct outlet *outlet, uint64_t before)
{
    uint64_t now = outlet->ring.next - outlet->ring.first;

    if (before > now)
        quota_release(outlet->entry->daemon->quota, outlet->entry->uid, QUOTA_BYTES,
                      (size_t)(before - now));
}

static void forget(struct outlet *outlet, uint64_t offset)
{
    uint64_t before = outlet->ring.next - outlet->ring.first;

    ring_forget(&outlet->ring, offset);
    release(outlet, before);
}

/* Makes room in the quota for what a detached task says, out of what it said before. */
static bool charge(struct outlet *outlet, size_t len)
{
    struct daemon *daemon = outlet->entry->daemon;
    uid_t uid = outlet->entry->uid;

    if (daemon_charge(daemon, uid, len) == 0)
        return true;
    if (!outlet->entry->detached)
        return false;
    forget(outlet, outlet->ring.first + len);
    return daemon_charge(daemon, uid, len) == 0;
}

static void hold(struct outlet *outlet)
{
    if (outlet->stream && outlet->reading)
        crib_stream_read_stop(outlet->stream);
    outlet->reading = false;
}

/* Bytes kept, and those that one more reading may bring, stay within the ring. */
static bool wants_more(const struct outlet *outlet)
{
    return outlet->entry->detached || ring_room(&outlet->ring) >= STREAM_READ_SIZE;
}

static void take(struct outlet *outlet, const char *data, size_t len)
{
    struct metrics *metrics = &outlet->entry->daemon->metrics;
    size_t room = ring_room(&outlet->ring), kept;

    metrics->stream_bytes += len;
    if (room < len) {
        metrics->lost_bytes += len - room;
        forget(outlet, outlet->ring.first + (len - room));
    }
    /* A quota that is full costs one reading at most: then this stream waits until it is not. */
    if (!charge(outlet, len))
        quota_force(outlet->entry->daemon->quota, outlet->entry->uid, QUOTA_BYTES, len);
    kept = (size_t)(outlet->ring.next - outlet->ring.first);
    if (ring_add(&outlet->ring, data, len) < 0)
        quota_release(outlet->entry->daemon->quota, outlet->entry->uid, QUOTA_BYTES, kept + len);
    if (!wants_more(outlet) ||
        (!outlet->entry->detached && daemon_crowded(outlet->entry->daemon, outlet->entry->uid)))
        hold(outlet);
}

static void on_data(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    struct outlet *outlet = user;

    (void)stream;
    if (!data) {
        outlet->stream = NULL;
        outlet->end = true;
    } else if (outlet->entry->doomed) {
        return; /* nobody will ask for it; held back, it would keep the task from its end */
    } else if (attach_placed(outlet, data, (size_t)len)) {
        outlet->entry->daemon->metrics.stream_bytes += (size_t)len;
        return;
    } else {
        take(outlet, data, (size_t)len);
    }
    call_wake(outlet->entry, ON_OUTPUT);
}

static char *place(crib_stream *stream, size_t *room, void *user)
{
    (void)stream;
    return attach_place(user, room);
}

/* What is left in a terminal whose program has ended, as far as there is room. */
static void drain(struct outlet *outlet)
{
    char data[4096];
    ssize_t n = 1;

    while (n > 0 && ring_room(&outlet->ring) >= sizeof(data)) {
        n = read(outlet->master, data, sizeof(data));
        if (n > 0)
            take(outlet, data, (size_t)n);
    }
    if (n > 0)
        return;
    fd_close(&outlet->master);
    outlet->end = true;
}

static void resume(struct outlet *outlet)
{
    bool keeps = outlet->ring.next > outlet->ring.first;

    if (outlet->master >= 0 && !outlet->stream)
        drain(outlet);
    if (!outlet->stream || outlet->reading || !wants_more(outlet))
        return;
    if (keeps && !outlet->entry->detached &&
        daemon_crowded(outlet->entry->daemon, outlet->entry->uid))
        return;
    outlet->stream->place = place;
    outlet->reading = crib_stream_read_start(outlet->stream, on_data, outlet) == 0;
}

static int add(struct entry *entry, crib_stream *stream)
{
    struct outlet *outlet = calloc(1, sizeof(*outlet));

    if (!outlet)
        return -ENOMEM;
    outlet->entry = entry;
    outlet->stream = stream;
    outlet->number = stream->number;
    outlet->master = -1;
    ring_init(&outlet->ring, entry->buffer);
    outlet->next = entry->outlets;
    entry->outlets = outlet;
    /* A terminal may be taken by its client, as long as nothing of it was read. */
    if (!stream->terminal || entry->detached)
        resume(outlet);
    return 0;
}

int outlets_open(struct entry *entry)
{
    for (crib_stream *stream = entry->task->streams; stream; stream = stream->next) {
        int r = 0;

        if (stream->writes)
            entry->inlet = (struct inlet){.stream = stream, .had = true};
        else
            r = add(entry, stream);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_untouched(const struct outlet *outlet)
{
    return outlet->stream && outlet->stream->terminal && !outlet->reading && !outlet->ring.next;
}

void outlets_keep_terminal(struct entry *entry)
{
    int master = task_terminal(entry->task);

    for (struct outlet *outlet = entry->outlets; outlet && master >= 0; outlet = outlet->next)
        if (is_untouched(outlet) && outlet->master < 0)
            outlet->master = fd_copy(master, 3);
}

static int take_kept(struct entry *entry)
{
    for (struct outlet *outlet = entry->outlets; outlet; outlet = outlet->next)
        if (outlet->master >= 0 && !outlet->ring.next) {
            outlet->end = true;
            return fd_take(&outlet->master);
        }
    return -ENOTTY;
}

int outlets_take_terminal(struct entry *entry)
{
    int master = entry->task ? task_terminal(entry->task) : -1, copy;

    if (master < 0)
        return take_kept(entry);
    for (struct outlet *outlet = entry->outlets; outlet; outlet = outlet->next)
        if (outlet->stream && outlet->stream->terminal &&
            (outlet->reading || outlet->ring.next || outlet->stream->meter))
            return outlet->stream->meter ? -EOPNOTSUPP : -EBUSY;
    copy = fd_copy(master, 3);
    if (copy < 0)
        return copy;
    /* From now on the client's is the only one: when that is closed, the task is hung up. */
    for (struct outlet *outlet = entry->outlets; outlet; outlet = outlet->next)
        if (outlet->stream && outlet->stream->terminal) {
            stream_drop(outlet->stream);
            fd_close(&outlet->master);
            outlet->stream = NULL;
            outlet->end = true;
        }
    if (entry->inlet.stream && entry->inlet.stream->terminal) {
        stream_drop(entry->inlet.stream);
        inlet_ended(entry);
    }
    call_wake(entry, ON_OUTPUT | ON_INPUT);
    return copy;
}

void outlets_ended(struct entry *entry)
{
    for (struct outlet *outlet = entry->outlets; outlet; outlet = outlet->next) {
        outlet->stream = NULL;
        outlet->end = outlet->master < 0;
    }
    inlet_ended(entry);
}

void outlets_done(struct entry *entry)
{
    while (entry->outlets) {
        struct outlet *outlet = entry->outlets;

        entry->outlets = outlet->next;
        forget(outlet, outlet->ring.next);
        fd_close(&outlet->master);
        ring_done(&outlet->ring);
        ttrpc_piece_free(outlet->piece);
        free(outlet);
    }
}

struct outlet *outlet_find(const struct entry *entry, uint32_t number)
{
    struct outlet *outlet = entry->outlets;

    while (outlet && outlet->number != (int)number)
        outlet = outlet->next;
    return outlet;
}

void outlet_ack(struct outlet *outlet, uint64_t offset)
{
    if (!outlet->entry->detached)
        forget(outlet, offset < outlet->ring.next ? offset : outlet->ring.next);
    resume(outlet);
}

static void answer(struct call *call, struct outlet *outlet, const Crib__ReadRequest *request)
{
    Crib__ReadResponse response = CRIB__READ_RESPONSE__INIT;
    size_t max = request->max && request->max < OUTLET_READ_MAX ? request->max : OUTLET_READ_MAX;
    size_t room = connection_room(call->connection);
    uint64_t kept = outlet->ring.next - outlet->ring.first;

    max = room < max ? room : max;
    response.offset = request->offset;
    response.data.data = arena_alloc(&call->arena, (kept < max ? kept : max) + 1);
    if (response.data.data)
        response.data.len = ring_copy(&outlet->ring, request->offset, response.data.data,
                                      kept < max ? kept : max, &response.offset);
    response.lost = response.offset - request->offset;
    response.end = outlet->end && response.offset + response.data.len == outlet->ring.next;
    call_respond(call, &response.base);
}

/* A task that runs or has run without this stream. */
static bool no_stream(struct call *call, struct entry *entry, uint32_t number)
{
    Crib__ReadResponse response = CRIB__READ_RESPONSE__INIT;

    if (entry->outlets || entry->state == CRIB__TASK_STATE__RUNNING) {
        call_fail_text(call, CODE_NOT_FOUND, -EBADF, "stream", "the task has no stream %u", number);
    } else { /* it never ran */
        response.end = true;
        call_respond(call, &response.base);
    }
    return true;
}

static bool attempt_read(struct call *call, bool last)
{
    const Crib__ReadRequest *request = (const Crib__ReadRequest *)call->request;
    struct entry *entry = call_entry(call, request->task);
    struct outlet *outlet;

    if (!entry)
        return true;
    if (!last && !connection_room(call->connection))
        return false;
    if (entry->state == CRIB__TASK_STATE__STARTING && !last)
        return false;
    outlet = outlet_find(entry, request->stream);
    if (!outlet)
        return no_stream(call, entry, request->stream);
    if (request->offset > outlet->ring.next) {
        call_fail_text(call, CODE_OUT_OF_RANGE, -ERANGE, "stream", "%llu bytes have come so far",
                       (unsigned long long)outlet->ring.next);
        return true;
    }
    outlet_ack(outlet, request->offset);
    if (request->offset == outlet->ring.next && !outlet->end && !last)
        return false;
    answer(call, outlet, request);
    return true;
}

void outlet_read(struct call *call, struct entry *entry, const Crib__ReadRequest *request)
{
    call_wait(call, entry, ON_OUTPUT | ON_EVENT, request->wait, attempt_read);
}
