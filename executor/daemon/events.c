/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/events.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/connection.h"
#include "daemon/daemon.h"

static struct events_kept *slot(struct events *events, uint64_t number)
{
    if (number == 1)
        return &events->first;
    if (!events->ring)
        events->ring = calloc(EVENTS_KEPT, sizeof(*events->ring));
    return events->ring ? &events->ring[number % EVENTS_KEPT] : NULL;
}

void events_add(struct events *events, const Crib__Event *event)
{
    struct events_kept *kept = slot(events, ++events->last);

    if (!kept)
        return;
    free(kept->data);
    kept->len = crib__event__get_packed_size(event);
    kept->data = malloc(kept->len + 1);
    if (kept->data)
        crib__event__pack(event, kept->data);
}

void events_done(struct events *events)
{
    free(events->first.data);
    for (size_t i = 0; events->ring && i < EVENTS_KEPT; i++)
        free(events->ring[i].data);
    free(events->ring);
}

static const struct events_kept *find(const struct events *events, uint64_t number)
{
    if (number == 1)
        return events->first.data ? &events->first : NULL;
    if (!events->ring || number + EVENTS_KEPT <= events->last)
        return NULL;
    return events->ring[number % EVENTS_KEPT].data ? &events->ring[number % EVENTS_KEPT] : NULL;
}

static int add(struct arena *arena, const struct events_kept *kept, uint64_t number,
               Crib__WaitResponse *response)
{
    Crib__TaskEvent *item = ARENA_NEW(arena, crib__task_event, Crib__TaskEvent);

    if (!item)
        return -ENOMEM;
    item->number = number;
    item->event = crib__event__unpack(&arena->pb, kept->len, kept->data);
    if (!item->event)
        return -ENOMEM;
    return arena_push(arena, &response->events, &response->n_events, item);
}

/* Return: false when more events are left than one answer holds. */
static bool fill(struct call *call, const struct events *events, uint64_t after,
                 Crib__WaitResponse *response)
{
    for (uint64_t n = after; n < events->last;) {
        const struct events_kept *kept = find(events, ++n);
        uint64_t oldest = events->last > EVENTS_KEPT ? events->last - EVENTS_KEPT + 1 : 1;

        if (!kept && n > 1 && n < oldest) { /* not one by one: there may be millions */
            response->lost += oldest - n;
            n = oldest - 1;
            continue;
        }

        if (response->n_events == EVENTS_AT_ONCE)
            return false;
        if (!kept || add(&call->arena, kept, n, response) < 0)
            response->lost++;
    }
    return true;
}

static bool ready(const struct entry *entry, const Crib__WaitRequest *request)
{
    uint64_t last = entry->events.last, fresh = last > request->after ? last - request->after : 0;

    if (entry->state == CRIB__TASK_STATE__ENDED || fresh >= EVENTS_AT_ONCE)
        return true;
    return request->until ? entry->state >= request->until : fresh > 0;
}

/* A state is told with the events that led to it, never before them. */
static void answer(struct call *call, struct entry *entry, const Crib__WaitRequest *request)
{
    Crib__WaitResponse response = CRIB__WAIT_RESPONSE__INIT;

    response.pid = entry->pid;
    if (fill(call, &entry->events, request->after, &response)) {
        response.state = entry->state;
        response.result = entry->result;
    } else {
        response.state = CRIB__TASK_STATE__RUNNING;
    }
    call_respond(call, &response.base);
    /* Last: it may be forgotten by that. */
    if (response.state >= CRIB__TASK_STATE__ENDING)
        entry_told(entry);
}

static bool attempt(struct call *call, bool last)
{
    const Crib__WaitRequest *request = (const Crib__WaitRequest *)call->request;
    struct entry *entry = call_entry(call, request->task);

    if (!entry)
        return true;
    if (!last && !ready(entry, request))
        return false;
    answer(call, entry, request);
    return true;
}

void events_wait(struct call *call, struct entry *entry, const Crib__WaitRequest *request)
{
    call_wait(call, entry, ON_EVENT, request->wait, attempt);
}
