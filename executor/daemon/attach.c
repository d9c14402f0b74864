/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/attach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/connection.h"
#include "daemon/daemon.h"
#include "plan/plan.h"
#include "text/text.h"

/* Bytes of the fields before the data: stream, offset, written, and the data's tag and length. */
#define PREFIX (1 + 2 + 1 + 10 + 1 + 10 + 1 + 5)

struct attach {
    uint64_t task;        /* 0: not named yet */
    uint64_t sent, acked; /* outputs */
    uint64_t written;     /* stdin bytes told as taken */
    uint64_t *offsets;    /* of each stream, by its number; grown to the highest */
    bool *ended;
    size_t n_offsets;
    uint8_t *pending; /* stdin that did not fit yet */
    size_t n_pending;
    uint64_t pending_offset;
    bool close_stdin;
};

static int open_attach(struct call *call)
{
    call->attach = calloc(1, sizeof(*call->attach));
    return call->attach ? 0 : -ENOMEM;
}

void attach_free(struct attach *attach)
{
    if (!attach)
        return;
    free(attach->offsets);
    free(attach->ended);
    free(attach->pending);
    free(attach);
}

static bool grow(struct attach *attach, size_t count)
{
    uint64_t *offsets;
    bool *ended;

    if (count <= attach->n_offsets)
        return true;
    offsets = calloc(count, sizeof(*offsets));
    ended = calloc(count, sizeof(*ended));
    if (!offsets || !ended) {
        free(offsets);
        free(ended);
        return false;
    }
    for (size_t i = 0; i < attach->n_offsets; i++) {
        offsets[i] = attach->offsets[i];
        ended[i] = attach->ended[i];
    }
    free(attach->offsets);
    free(attach->ended);
    attach->offsets = offsets;
    attach->ended = ended;
    attach->n_offsets = count;
    return true;
}

static void put(struct call *call, Crib__AttachOutput *output)
{
    call->attach->sent++;
    output->written = call->attach->written;
    connection_data(call->connection, call->stream, &output->base);
}

/* Return: whether a message was sent. */
static bool push_stream(struct call *call, struct outlet *outlet)
{
    struct attach *attach = call->attach;
    Crib__AttachOutput output = CRIB__ATTACH_OUTPUT__INIT;
    uint64_t *offset = &attach->offsets[outlet->number];
    uint8_t data[ATTACH_DATA];

    if (attach->ended[outlet->number])
        return false;
    outlet_ack(outlet, *offset);
    output.data.data = data;
    output.data.len = ring_copy(&outlet->ring, *offset, data, sizeof(data), &output.offset);
    output.stream = (uint32_t)outlet->number;
    output.lost = output.offset > *offset ? output.offset - *offset : 0;
    output.end = outlet->end && output.offset + output.data.len == outlet->ring.next;
    if (!output.data.len && !output.end)
        return false;
    *offset = output.offset + output.data.len;
    attach->ended[outlet->number] = output.end;
    put(call, &output);
    return true;
}

/* Return: whether every stream was sent to its end. */
static bool push_streams(struct call *call, struct entry *entry)
{
    struct attach *attach = call->attach;
    bool all = true, some = true;

    for (struct outlet *outlet = entry->outlets; outlet; outlet = outlet->next)
        if (!grow(attach, (size_t)outlet->number + 1))
            return false;
    while (some && attach->sent - attach->acked < ATTACH_CREDIT) {
        some = false;
        for (struct outlet *outlet = entry->outlets; outlet; outlet = outlet->next)
            if (attach->sent - attach->acked < ATTACH_CREDIT && connection_room(call->connection))
                some |= push_stream(call, outlet);
    }
    for (struct outlet *outlet = entry->outlets; outlet; outlet = outlet->next)
        all &= attach->ended[outlet->number];
    return all;
}

/* Return: 0; negative errno where the client must not go on like this: input would be lost. */
static int push_stdin(struct call *call, struct entry *entry)
{
    struct attach *attach = call->attach;
    struct inlet *inlet = &entry->inlet;
    int r = 0;

    if (entry->state == CRIB__TASK_STATE__STARTING)
        return 0;
    if (attach->n_pending && (!inlet->stream || inlet->stream->queued <= STREAM_HIGH_WATER)) {
        r = inlet_write(entry, attach->pending_offset, attach->pending, attach->n_pending);
        free(attach->pending);
        quota_release(entry->daemon->quota, call->connection->peer.uid, QUOTA_BYTES,
                      attach->n_pending);
        call->charged -= attach->n_pending;
        attach->pending = NULL;
        attach->n_pending = 0;
    }
    if (attach->close_stdin && !attach->n_pending && inlet->stream && !inlet->closed) {
        crib_stream_close(inlet->stream);
        inlet->closed = true;
    }
    return r < 0 && r != -EPIPE ? r : 0;
}

/* What has been written tells the client that it may write more; it costs no credit to be late. */
static void push_written(struct call *call, const struct entry *entry)
{
    Crib__AttachOutput output = CRIB__ATTACH_OUTPUT__INIT;

    if (entry->inlet.taken == call->attach->written ||
        call->attach->sent - call->attach->acked >= ATTACH_CREDIT)
        return;
    call->attach->written = entry->inlet.taken;
    put(call, &output);
}

/* Return: the stream of which the client says that it has more than has come; NULL. */
static const struct outlet *find_ahead(const struct attach *attach, const struct entry *entry)
{
    const struct outlet *outlet = entry->outlets;

    while (outlet && ((size_t)outlet->number >= attach->n_offsets ||
                      attach->offsets[outlet->number] <= outlet->ring.next))
        outlet = outlet->next;
    return outlet;
}

static bool push(struct call *call, bool last)
{
    Crib__AttachOutput output = CRIB__ATTACH_OUTPUT__INIT;
    struct entry *entry = call_entry(call, call->attach->task);
    const struct outlet *ahead;
    bool all;
    int r;

    (void)last;
    if (!entry)
        return true;
    ahead = find_ahead(call->attach, entry);
    if (ahead) {
        call_fail_text(call, CODE_OUT_OF_RANGE, -ERANGE, "stream", "%llu bytes have come so far",
                       (unsigned long long)ahead->ring.next);
        return true;
    }
    r = push_stdin(call, entry);
    if (r < 0) {
        call_fail_text(call, status_of(r), r, "stdin", "%llu bytes were taken so far",
                       (unsigned long long)entry->inlet.taken);
        return true;
    }
    push_written(call, entry);
    all = push_streams(call, entry);
    if (!all || call->attach->sent - call->attach->acked >= ATTACH_CREDIT ||
        entry->state < CRIB__TASK_STATE__ENDING || !entry->result ||
        (!entry->outlets && entry->state != CRIB__TASK_STATE__ENDED))
        return false;
    output.result = entry->result;
    put(call, &output);
    call_finish(call);
    return true;
}

/* Return: the one client that is attached and has all that came so far; NULL. */
static struct call *reader_of(const struct outlet *outlet)
{
    struct call *reader = NULL;

    if (outlet->entry->detached || outlet->ring.next != outlet->ring.first)
        return NULL;
    for (struct call *call = outlet->entry->waiting; call; call = call->next_waiting) {
        if (!call->attach && call->on & ON_OUTPUT)
            return NULL; /* a Read waits for it too */
        if (!call->attach)
            continue;
        if (reader || (size_t)outlet->number >= call->attach->n_offsets)
            return NULL;
        reader = call;
    }
    if (!reader || reader->attach->offsets[outlet->number] != outlet->ring.next ||
        reader->attach->sent - reader->attach->acked >= ATTACH_CREDIT ||
        !connection_room(reader->connection))
        return NULL;
    return reader;
}

char *attach_place(struct outlet *outlet, size_t *room)
{
    if (!reader_of(outlet))
        return NULL;
    if (!outlet->piece)
        outlet->piece = ttrpc_piece_new(PREFIX + ATTACH_DATA);
    *room = ATTACH_DATA;
    return outlet->piece ? (char *)outlet->piece->payload + PREFIX : NULL;
}

/* A varint of @size bytes, however small the number is. */
static uint8_t *put_number(uint8_t *to, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++, number >>= 7)
        *to++ = (uint8_t)((number & 0x7F) | (i + 1 < size ? 0x80 : 0));
    return to;
}

static void fill_prefix(uint8_t *to, const struct outlet *outlet, uint64_t written, size_t len)
{
    *to++ = 1 << 3;
    to = put_number(to, (uint64_t)outlet->number, 2);
    *to++ = 2 << 3;
    to = put_number(to, outlet->ring.next, 10);
    *to++ = 5 << 3;
    to = put_number(to, written, 10);
    *to++ = 15 << 3 | 2;
    put_number(to, len, 5);
}

bool attach_placed(struct outlet *outlet, const char *data, size_t len)
{
    struct ttrpc_piece *piece = outlet->piece;
    struct call *reader;

    if (!piece || data != (const char *)piece->payload + PREFIX)
        return false;
    reader = reader_of(outlet); /* as in attach_place(), just now */
    fill_prefix(piece->payload, outlet, reader->attach->written, len);
    outlet->piece = NULL;
    ring_skip(&outlet->ring, len);
    reader->attach->offsets[outlet->number] = outlet->ring.next;
    reader->attach->sent++;
    connection_put(reader->connection, piece, reader->stream, TTRPC_DATA, 0, PREFIX + len);
    return true;
}

void attach_push(struct call *call)
{
    if (call->attach->task)
        push(call, false);
}

static bool take_offsets(struct attach *attach, const Crib__AttachInput *input)
{
    for (size_t i = 0; i < input->n_streams; i++) {
        uint32_t number = input->streams[i]->stream;

        if (number > PLAN_MAX_FD || !grow(attach, number + 1))
            return false;
        attach->offsets[number] = input->streams[i]->offset;
    }
    return true;
}

/* One piece of stdin may wait; a client that sends more before it was told so breaks the rule. */
static bool take_stdin(struct call *call, const Crib__AttachInput *input)
{
    struct attach *attach = call->attach;

    attach->close_stdin |= input->close_stdin;
    if (!input->data.len)
        return true;
    if (attach->n_pending || input->data.len > ATTACH_DATA)
        return false;
    attach->pending = malloc(input->data.len);
    if (!attach->pending ||
        daemon_charge(call_daemon(call), call->connection->peer.uid, input->data.len) < 0)
        return false;
    call->charged += input->data.len;
    memcpy(attach->pending, input->data.data, input->data.len);
    attach->n_pending = input->data.len;
    attach->pending_offset = input->offset;
    return true;
}

static void take(struct call *call, const Crib__AttachInput *input)
{
    struct attach *attach = call->attach;
    bool first = attach->task == 0;

    if (input->ack > attach->sent || (first && !input->task) ||
        (first && !take_offsets(attach, input)) || !take_stdin(call, input)) {
        call_fail_text(call, CODE_INVALID_ARGUMENT, -EINVAL, "attach",
                       "no task, an acknowledgement of what was not sent, or more input than fits");
        return;
    }
    if (input->ack > attach->acked)
        attach->acked = input->ack;
    if (!first) {
        push(call, false);
        return;
    }
    attach->task = input->task;
    if (call_entry(call, input->task))
        call_wait(call, entry_find(call_daemon(call), &call->connection->peer, input->task),
                  ON_ANY, UINT64_MAX, push);
}

void attach_data(struct call *call, const struct ttrpc_frame *frame)
{
    Crib__AttachInput *input;
    struct crib_error error;
    struct arena arena;

    if (frame->flags & TTRPC_NO_DATA)
        return;
    arena_init(&arena, CALL_ARENA);
    input = crib__attach_input__unpack(&arena.pb, frame->len, frame->payload);
    if (!input)
        call_fail_text(call, CODE_INVALID_ARGUMENT, -EPROTO, "attach", "no AttachInput");
    else if (text_unknown(&input->base, &error) < 0)
        call_fail(call, CODE_INVALID_ARGUMENT, &error);
    else
        take(call, input);
    arena_done(&arena);
}

void attach_begin(struct call *call, const Crib__AttachInput *input)
{
    if (open_attach(call) < 0)
        call_fail_text(call, CODE_RESOURCE_EXHAUSTED, -ENOMEM, "attach", "out of memory");
    else if (input->task) /* a client may name the task with the request itself */
        take(call, input);
}
