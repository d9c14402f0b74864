/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cluster does, told.
 */
#include <string.h>

#include "api/result.h"
#include "base/error.h"
#include "primary/running.h"

/* Bytes told and not taken, above which no more messages are taken from workers; and below which
 * they are again. */
#define HIGH (1024 * 1024)
#define LOW  (256 * 1024)

#define KIND(word) CRIB__CLUSTER_EVENT__KIND__##word

static void fill(Crib__ClusterEvent *event, Crib__ClusterEvent__Kind kind,
                 const crib_worker *worker)
{
    crib__cluster_event__init(event);
    event->has_kind = true;
    event->kind = kind;
    if (!worker)
        return;
    event->has_worker = event->has_pid = true;
    event->worker = crib_worker_id(worker);
    event->pid = (uint32_t)crib_task_pid(crib_worker_task(worker));
}

static void tell(struct primary *primary, Crib__ClusterEvent__Kind kind, const crib_worker *worker)
{
    Crib__ClusterEvent event;

    fill(&event, kind, worker);
    primary_put(primary, &event.base, TTRPC_DATA);
}

void event_started(struct primary *primary)
{
    tell(primary, KIND(started), NULL);
}

void event_ended(struct primary *primary)
{
    tell(primary, KIND(ended), NULL);
}

static void put_error(struct primary *primary, Crib__ClusterEvent *event,
                      const struct crib_error *error)
{
    Crib__Error message;
    char text[1024];

    primary_error(error, text, &message);
    event->why = &message;
    primary_put(primary, &event->base, TTRPC_DATA);
}

void event_error(struct primary *primary, unsigned worker, const struct crib_error *error)
{
    Crib__ClusterEvent event;

    fill(&event, KIND(error), NULL);
    event.has_worker = worker != 0;
    event.worker = worker;
    put_error(primary, &event, error);
}

/* --- messages, of which there may be more than the client takes --- */

static void pause_worker(const crib_worker *worker, bool paused)
{
    const crib_task *task = crib_worker_task(worker);

    if (task->channel && !task->channel->ended && task->channel->paused != paused)
        channel_pause(task->channel, paused);
}

static void hold(struct primary *primary, bool held)
{
    crib_worker *worker = NULL;

    primary->held = held;
    while ((worker = crib_cluster_next(primary->cluster, worker)))
        pause_worker(worker, held);
}

void event_room(struct primary *primary)
{
    if (primary->held && primary->cluster && ttrpc_writer_pending(primary->writer) < LOW)
        hold(primary, false);
}

static void on_message(crib_worker *worker, struct crib_message *message, void *data)
{
    struct primary *primary = data;
    Crib__ClusterEvent event;
    size_t at = 0;

    if (!primary->messages)
        return;
    fill(&event, KIND(message), worker);
    event.type = (char *)message->type;
    do {
        size_t len = message->len - at < PRIMARY_CHUNK ? message->len - at : PRIMARY_CHUNK;

        event.has_data = true;
        event.data = (ProtobufCBinaryData){len, (uint8_t *)message->data + at};
        at += len;
        event.has_more = event.more = at < message->len;
        primary_put(primary, &event.base, TTRPC_DATA);
        event.type = NULL;
    } while (at < message->len);
    if (!primary->held && ttrpc_writer_pending(primary->writer) > HIGH)
        hold(primary, true);
}

/* --- the others --- */

static void on_fork(crib_worker *worker, void *data)
{
    struct primary *primary = data;

    if (primary->held)
        pause_worker(worker, true);
    tell(primary, KIND(fork), worker);
}

static void on_online(crib_worker *worker, void *data)
{
    tell(data, KIND(online), worker);
}

static void on_listening(crib_worker *worker, const char *address, void *data)
{
    Crib__ClusterEvent event;

    fill(&event, KIND(listening), worker);
    event.address = (char *)address;
    primary_put(data, &event.base, TTRPC_DATA);
}

static void on_disconnect(crib_worker *worker, void *data)
{
    tell(data, KIND(disconnect), worker);
}

static void on_denied(crib_worker *worker, const struct crib_denial *denial, void *data)
{
    Crib__ClusterEvent event;
    Crib__Denial message = CRIB__DENIAL__INIT;

    fill(&event, KIND(denied), worker);
    message.has_pid = message.has_count = message.has_by = message.has_number = true;
    message.pid = denial->pid;
    message.count = denial->count;
    message.by = denial->by == CRIB_BY_FILES   ? CRIB__DENIAL__BY__files
                 : denial->by == CRIB_BY_LIMIT ? CRIB__DENIAL__BY__limit
                                               : CRIB__DENIAL__BY__filter;
    message.number = denial->number;
    message.call = (char *)denial->call;
    message.text = (char *)denial->text;
    message.answer = (char *)denial->answer;
    message.rule = (char *)denial->rule;
    message.edit = (char *)denial->edit;
    message.has_program = message.has_object = true;
    message.program = (ProtobufCBinaryData){strlen(denial->program), (uint8_t *)denial->program};
    message.object = (ProtobufCBinaryData){strlen(denial->object), (uint8_t *)denial->object};
    message.args = (uint64_t *)denial->args;
    message.n_args = sizeof(denial->args) / sizeof(denial->args[0]);
    event.denial = &message;
    primary_put(data, &event.base, TTRPC_DATA);
}

/* How it ended and what it used; the rest was told as it happened, or is long. */
static void on_exit(crib_worker *worker, const struct crib_result *result, void *data)
{
    struct primary *primary = data;
    Crib__ClusterEvent event;
    Crib__Result *message = NULL;
    struct arena arena;

    (void)result;
    arena_init(&arena, 0);
    fill(&event, KIND(exit), worker);
    event.has_left = true;
    event.left = crib_worker_left(worker);
    if (result_message(crib_worker_task(worker), &arena, &message) == 0) {
        message->n_receipt = message->n_denials = message->n_changes = message->n_copied = 0;
        event.result = message;
    }
    primary_put(primary, &event.base, TTRPC_DATA);
    arena_done(&arena);
}

static void on_error(crib_cluster *cluster, crib_worker *worker, const struct crib_error *error,
                     void *data)
{
    Crib__ClusterEvent event;

    (void)cluster;
    fill(&event, KIND(error), worker);
    put_error(data, &event, error);
}

static void on_restarted(crib_cluster *cluster, void *data)
{
    (void)cluster;
    tell(data, KIND(restarted), NULL);
}

/* Where it gave up the client may still have it begin anew. */
static void on_ended(crib_cluster *cluster, void *data)
{
    struct primary *primary = data;

    (void)cluster;
    if (primary->stopping)
        primary_ended(primary);
    else
        tell(primary, KIND(gave_up), NULL);
}

const struct crib_cluster_events primary_events = {.fork = on_fork,
                                                   .online = on_online,
                                                   .listening = on_listening,
                                                   .message = on_message,
                                                   .disconnect = on_disconnect,
                                                   .denied = on_denied,
                                                   .exit = on_exit,
                                                   .error = on_error,
                                                   .restarted = on_restarted,
                                                   .ended = on_ended};
