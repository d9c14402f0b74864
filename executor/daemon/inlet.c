/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client writes to a task's stdin.
 */
#include <errno.h>

#include "daemon/connection.h"
#include "daemon/daemon.h"
#include "daemon/outlet.h"

#define INLET_MAX (1024 * 1024) /* bytes of one Write */

static void uncharge(struct entry *entry, size_t left)
{
    struct inlet *inlet = &entry->inlet;

    if (inlet->charged > left)
        quota_release(entry->daemon->quota, entry->uid, QUOTA_BYTES, inlet->charged - left);
    inlet->charged = left;
}

void inlet_ended(struct entry *entry)
{
    uncharge(entry, 0);
    entry->inlet.stream = NULL;
}

static void on_written(crib_stream *stream, int status, void *user)
{
    struct entry *entry = user;

    if (status < 0)
        inlet_ended(entry);
    else
        uncharge(entry, stream->queued);
    call_wake(entry, ON_INPUT);
}

int inlet_write(struct entry *entry, uint64_t offset, const void *data, size_t len)
{
    struct inlet *inlet = &entry->inlet;
    size_t skip;
    int r;

    if (!inlet->stream || inlet->closed)
        return -EPIPE;
    if (offset > inlet->taken)
        return -ERANGE;
    if (inlet->taken - offset >= len)
        return 0;
    skip = (size_t)(inlet->taken - offset);
    r = daemon_charge(entry->daemon, entry->uid, len - skip);
    if (r < 0)
        return r;
    inlet->charged += len - skip;
    r = crib_stream_write(inlet->stream, (const char *)data + skip, len - skip, on_written, entry);
    if (r < 0)
        uncharge(entry, inlet->charged - (len - skip));
    else
        inlet->taken += len - skip;
    return r;
}

static void fail_write(struct call *call, struct entry *entry, int r)
{
    if (r == -ERANGE)
        call_fail_text(call, CODE_OUT_OF_RANGE, r, "stdin", "%llu bytes were taken so far",
                       (unsigned long long)entry->inlet.taken);
    else
        call_fail_text(call, status_of(r), r, "stdin",
                       entry->inlet.had ? "it is closed" : "the task's is no pipe");
}

static bool attempt_write(struct call *call, bool last)
{
    const Crib__WriteRequest *request = (const Crib__WriteRequest *)call->request;
    struct entry *entry = call_entry(call, request->task);
    Crib__WriteResponse response = CRIB__WRITE_RESPONSE__INIT;
    bool full;
    int r = 0;

    if (!entry)
        return true;
    if (entry->state == CRIB__TASK_STATE__STARTING && !last)
        return false;
    full = entry->inlet.stream && entry->inlet.stream->queued > STREAM_HIGH_WATER;
    if (full && !last)
        return false;
    if (!full && entry->state != CRIB__TASK_STATE__STARTING)
        r = inlet_write(entry, request->offset, request->data.data, request->data.len);
    if (r < 0) {
        fail_write(call, entry, r);
        return true;
    }
    response.offset = entry->inlet.taken;
    call_respond(call, &response.base);
    return true;
}

void inlet_take(struct call *call, struct entry *entry, const Crib__WriteRequest *request)
{
    if (request->data.len > INLET_MAX)
        call_fail_text(call, CODE_INVALID_ARGUMENT, -EMSGSIZE, "stdin", "more than 1 MiB at once");
    else
        call_wait(call, entry, ON_INPUT | ON_EVENT, request->wait, attempt_write);
}

static bool attempt_close(struct call *call, bool last)
{
    const Crib__CloseStdinRequest *request = (const Crib__CloseStdinRequest *)call->request;
    Crib__CloseStdinResponse response = CRIB__CLOSE_STDIN_RESPONSE__INIT;
    struct entry *entry = call_entry(call, request->task);

    if (!entry)
        return true;
    if (entry->state == CRIB__TASK_STATE__STARTING && !last)
        return false;
    if (request->offset != entry->inlet.taken && entry->inlet.stream) {
        fail_write(call, entry, -ERANGE);
        return true;
    }
    if (entry->inlet.stream && !entry->inlet.closed)
        crib_stream_close(entry->inlet.stream);
    entry->inlet.closed = true;
    call_respond(call, &response.base);
    return true;
}

/* A task that is being set up runs soon, or never: both end the wait. */
void inlet_close(struct call *call, struct entry *entry, const Crib__CloseStdinRequest *request)
{
    (void)request;
    call_wait(call, entry, ON_EVENT, TASK_SETUP_MS, attempt_close);
}
