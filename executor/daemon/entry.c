/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/result.h"
#include "base/clock.h"
#include "daemon/connection.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "daemon/slim.h"

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void entries_open(struct entries *entries)
{
    memset(entries, 0, sizeof(*entries));
    entries->last_all = &entries->all;
    entries->newest = &entries->oldest;
}

static void link_entry(struct entries *entries, struct entry *entry)
{
    struct entry **bucket = &entries->bucket[entry->id % ENTRIES_BUCKETS];

    entry->next = *bucket;
    entry->link = bucket;
    if (entry->next)
        entry->next->link = &entry->next;
    *bucket = entry;
    entry->link_all = entries->last_all;
    *entries->last_all = entry;
    entries->last_all = &entry->next_all;
    entries->count++;
}

static void unlink_entry(struct entries *entries, struct entry *entry)
{
    *entry->link = entry->next;
    if (entry->next)
        entry->next->link = entry->link;
    *entry->link_all = entry->next_all;
    if (entry->next_all)
        entry->next_all->link_all = entry->link_all;
    else
        entries->last_all = entry->link_all;
    entries->count--;
}

static void bind_to(struct entry *entry, struct connection *connection)
{
    entry->connection = connection;
    entry->next_of = connection->entries;
    entry->link_of = &connection->entries;
    if (entry->next_of)
        entry->next_of->link_of = &entry->next_of;
    connection->entries = entry;
}

static void unbind(struct entry *entry)
{
    if (!entry->connection)
        return;
    *entry->link_of = entry->next_of;
    if (entry->next_of)
        entry->next_of->link_of = entry->link_of;
    entry->connection = NULL;
}

static void uncharge(struct entry *entry)
{
    if (entry->charged)
        quota_release(entry->daemon->quota, entry->uid, QUOTA_TASKS, 1);
    entry->charged = false;
}

int entry_new(struct daemon *daemon, struct connection *connection, bool detached,
              struct entry **ret)
{
    struct entry *entry;
    int r = quota_charge(daemon->quota, connection->peer.uid, QUOTA_TASKS, 1);

    if (r < 0)
        return r;
    entry = calloc(1, sizeof(*entry));
    if (!entry) {
        quota_release(daemon->quota, connection->peer.uid, QUOTA_TASKS, 1);
        return -ENOMEM;
    }
    entry->id = ++daemon->entries.last;
    entry->daemon = daemon;
    entry->uid = connection->peer.uid;
    entry->inside = connection->peer.inside;
    entry->detached = detached;
    entry->charged = true;
    entry->asked_us = clock_us();
    entry->started_ms = now_ms();
    arena_init(&entry->arena, 0);
    arena_init(&entry->result_arena, 0);
    link_entry(&daemon->entries, entry);
    daemon->entries.living++;
    daemon->metrics.tasks++;
    if (!detached)
        bind_to(entry, connection);
    *ret = entry;
    return 0;
}

static void unlink_ended(struct entry *entry)
{
    if (!entry->link_ended)
        return;
    *entry->link_ended = entry->newer;
    if (entry->newer)
        entry->newer->link_ended = entry->link_ended;
    else
        entry->daemon->entries.newest = entry->link_ended;
    entry->link_ended = NULL;
}

int entry_charge(struct entry *entry, size_t bytes)
{
    size_t heavy = bytes > ENTRY_SPARE ? bytes : 0;
    int r = 0;

    if (heavy > entry->heavy)
        r = daemon_charge(entry->daemon, entry->uid, heavy - entry->heavy);
    else
        quota_release(entry->daemon->quota, entry->uid, QUOTA_BYTES, entry->heavy - heavy);
    if (r == 0)
        entry->heavy = heavy;
    return r;
}

void entry_settled(struct entry *entry)
{
    if (entry->setup)
        arena_done(entry->setup);
    free(entry->setup);
    daemon_drop_site(entry->daemon, entry->held);
    entry->setup = NULL;
    entry->held = NULL;
    /* Less than with it. */
    (void)entry_charge(entry, entry->copying + entry->arena.used + 2 * entry->result_arena.used +
                                  (entry->task ? entry->task->arena.used : 0));
}

/* Where there is no memory for that, the whole plan stays. */
static void slim(struct entry *entry)
{
    crib_task *task = entry->task;
    Crib__Plan *copy = slim_plan(task->plan, &task->arena);

    if (!copy)
        return;
    task->plan = copy;
    entry_settled(entry);
}

/* Nothing of the task is left, and nobody may ask for it any more. */
static void free_entry(struct entry *entry)
{
    struct daemon *daemon = entry->daemon;

    outlets_done(entry);
    mailbox_done(entry);
    events_done(&entry->events);
    entry_settled(entry);
    (void)entry_charge(entry, 0);
    arena_done(&entry->result_arena);
    arena_done(&entry->arena);
    free(entry);
    daemon_settle(daemon);
}

static void doom(struct entry *entry)
{
    entry->doomed = true;
    unlink_entry(&entry->daemon->entries, entry);
    unlink_ended(entry);
    unbind(entry);
    call_wake_last(entry);
}

void entry_forget(struct entry *entry)
{
    if (entry->doomed)
        return;
    doom(entry);
    if (entry->task) {
        task_stop(entry->task);
        return;
    }
    uncharge(entry);
    free_entry(entry);
}

void entry_discard(struct entry *entry)
{
    doom(entry);
    uncharge(entry);
    entry->daemon->entries.living--;
    entry->daemon->metrics.tasks--;
    free_entry(entry);
}

/* Of one uid only so many told ends are remembered. */
static void forget_oldest(struct daemon *daemon, uid_t uid)
{
    struct entry *oldest = NULL;
    size_t count = 0;

    for (struct entry *entry = daemon->entries.oldest; entry; entry = entry->newer) {
        if (entry->uid != uid || !entry->told)
            continue;
        oldest = oldest ? oldest : entry;
        count++;
    }
    if (count > ENTRIES_KEPT)
        entry_forget(oldest);
}

void entry_told(struct entry *entry)
{
    bool was_told = entry->told && !entry->charged;

    entry->told = true;
    if (was_told || entry->state != CRIB__TASK_STATE__ENDED)
        return;
    uncharge(entry);
    forget_oldest(entry->daemon, entry->uid);
}

void entries_sweep(struct daemon *daemon)
{
    uint64_t now = now_ms();
    struct entry *next;

    for (struct entry *entry = daemon->entries.oldest; entry; entry = next) {
        next = entry->newer;
        if (entry->detached && now - entry->ended_ms > ENTRIES_KEPT_MS)
            entry_forget(entry);
    }
}

static struct entry *find(const struct daemon *daemon, uint64_t id)
{
    struct entry *entry = daemon->entries.bucket[id % ENTRIES_BUCKETS];

    while (entry && entry->id != id)
        entry = entry->next;
    return entry;
}

/* Numbers grow: whoever asked for a task has a lower one. */
static bool is_below(const struct entry *entry, uint64_t id)
{
    while (entry && entry->inside > id)
        entry = find(entry->daemon, entry->inside);
    return entry && entry->inside == id;
}

bool entry_is_of(const struct entry *entry, const struct peer *peer)
{
    if (peer->inside)
        return is_below(entry, peer->inside);
    return peer->uid == 0 || entry->uid == peer->uid;
}

struct entry *entry_find(struct daemon *daemon, const struct peer *peer, uint64_t id)
{
    struct entry *entry = find(daemon, id);

    return entry && entry_is_of(entry, peer) ? entry : NULL;
}

static void on_spawn(crib_task *task, void *data)
{
    struct entry *entry = data;
    Crib__Event event = CRIB__EVENT__INIT;

    (void)task;
    slim(entry);
    entry->state = CRIB__TASK_STATE__RUNNING;
    entry->daemon->metrics.started++;
    metrics_latency(&entry->daemon->metrics, clock_us() - entry->asked_us);
    event.has_started = event.started = true;
    events_add(&entry->events, &event);
    if (outlets_open(entry) < 0)
        crib_task_kill(entry->task, 9);
    call_wake(entry, ON_ANY);
}

static void on_message(crib_task *task, struct crib_message *message, void *data)
{
    (void)task;
    mailbox_message(data, message);
    call_wake(data, ON_MESSAGE);
}

static void on_drain(crib_task *task, void *data)
{
    struct entry *entry = data;

    (void)task;
    mailbox_drained(entry);
    call_wake(entry, ON_DRAIN);
}

static void on_disconnect(crib_task *task, void *data)
{
    struct entry *entry = data;
    Crib__Event event = CRIB__EVENT__INIT;

    (void)task;
    mailbox_ended(entry);
    event.has_disconnected = event.disconnected = true;
    events_add(&entry->events, &event);
    call_wake(entry, ON_EVENT | ON_MESSAGE | ON_DRAIN);
}

static ProtobufCBinaryData bytes_of_text(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
}

/* As it is: what a client may know of it, the client must find out (supervise/hidden.h). */
static void on_denied(crib_task *task, const struct crib_denial *denial, void *data)
{
    struct entry *entry = data;
    Crib__Event event = CRIB__EVENT__INIT;
    Crib__Denial message = CRIB__DENIAL__INIT;

    (void)task;
    message.has_pid = message.has_count = message.has_by = message.has_number = true;
    message.pid = denial->pid;
    message.call = (char *)denial->call;
    message.text = (char *)denial->text;
    message.answer = (char *)denial->answer;
    message.count = denial->count;
    message.by = (Crib__Denial__By)(denial->by + CRIB__DENIAL__BY__filter);
    message.has_program = denial->program[0] != '\0';
    message.program = bytes_of_text(denial->program);
    message.has_object = denial->object[0] != '\0';
    message.object = bytes_of_text(denial->object);
    message.rule = (char *)denial->rule;
    message.edit = (char *)denial->edit;
    message.number = denial->number;
    message.n_args = 6;
    message.args = (uint64_t *)denial->args;
    event.denied = &message;
    events_add(&entry->events, &event);
    call_wake(entry, ON_EVENT);
}

static void on_error(crib_task *task, const struct crib_error *error, void *data)
{
    struct entry *entry = data;
    Crib__Event event = CRIB__EVENT__INIT;
    struct arena arena;

    (void)task;
    arena_init(&arena, 0);
    event.error = status_error(error, &arena);
    events_add(&entry->events, &event);
    arena_done(&arena);
    call_wake(entry, ON_EVENT);
}

/* With what was copied out, and what changed in overlays: that is known only now. */
static void complete_result(struct entry *entry)
{
    Crib__Result *whole;

    entry->copying = 0;
    if ((entry->task->n_copied || entry->task->overlaid) && entry->result &&
        result_message(entry->task, &entry->result_arena, &whole) == 0)
        entry->result = whole;
}

/* The result, once: at `exit`, or at `close` where the program never ran. */
static void keep_result(struct entry *entry)
{
    Crib__Event event = CRIB__EVENT__INIT;

    if (entry->result)
        return;
    if (result_message(entry->task, &entry->result_arena, &entry->result) < 0)
        entry->result = NULL;
    entry->state = CRIB__TASK_STATE__ENDING;
    entry->ended_ms = now_ms();
    event.result = entry->result;
    events_add(&entry->events, &event);
}

static void on_program_end(crib_task *task, const struct crib_result *result, void *data)
{
    (void)task;
    (void)result;
    outlets_keep_terminal(data);
    keep_result(data);
    call_wake(data, ON_ANY);
}

static void log_end(const struct entry *entry, const struct crib_result *result)
{
    const ProtobufCEnumValue *verdict = protobuf_c_enum_descriptor_get_value(
        &crib__result__verdict__descriptor, (int)result->verdict);

    log_line(LOG_INFO, "end",
             (struct log_field[]){LOG_N("task", entry->id), LOG_N("uid", entry->uid),
                                  LOG_T("verdict", verdict ? verdict->name : NULL),
                                  LOG_N("status", result->status), LOG_N("signal", result->signal),
                                  LOG_N("wall_us", result->wall_us),
                                  LOG_N("denials", result->denials), LOG_END});
}

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    struct entry *entry = data;
    struct entries *entries = &entry->daemon->entries;

    (void)task;
    keep_result(entry);
    complete_result(entry);
    log_end(entry, result);
    entry->daemon->metrics.ended[result->verdict % METRICS_VERDICTS]++;
    entry->daemon->metrics.tasks--;
    entries->living--;
    entry->task = NULL;
    entry->state = CRIB__TASK_STATE__ENDED;
    outlets_ended(entry);
    if (entry->doomed) {
        uncharge(entry);
        free_entry(entry);
        return;
    }
    entry->link_ended = entries->newest;
    *entries->newest = entry;
    entries->newest = &entry->newer;
    entry_settled(entry); /* where the program never ran; as large as its request */
    if (entry->told)
        entry_told(entry);
    call_wake(entry, ON_ANY);
    daemon_settle(entry->daemon);
}

const struct crib_events entry_events = {
    .spawn = on_spawn,
    .message = on_message,
    .drain = on_drain,
    .disconnect = on_disconnect,
    .denied = on_denied,
    .error = on_error,
    .exit = on_program_end,
    .close = on_close,
};

static Crib__Result *short_result(const struct entry *entry, struct arena *arena)
{
    Crib__Result *result = ARENA_NEW(arena, crib__result, Crib__Result);

    if (!result)
        return NULL;
    result->has_verdict = entry->result->has_verdict;
    result->verdict = entry->result->verdict;
    result->has_status = entry->result->has_status;
    result->status = entry->result->status;
    result->has_signal = entry->result->has_signal;
    result->signal = entry->result->signal;
    return result;
}

void entry_info(const struct entry *entry, Crib__TaskInfo *info, struct arena *arena)
{
    info->task = entry->id;
    info->state = entry->state;
    info->pid = entry->pid;
    info->uid = entry->uid;
    info->policy = (char *)entry->policy;
    info->file = entry->file;
    info->args = entry->args;
    info->n_args = entry->n_args;
    info->label = (char *)entry->label;
    info->detached = entry->detached;
    info->terminal = entry->terminal;
    info->started = entry->started_ms;
    info->ended = entry->ended_ms;
    if (entry->result)
        info->result = arena ? short_result(entry, arena) : entry->result;
}
