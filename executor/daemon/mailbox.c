/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "daemon/connection.h"
#include "daemon/daemon.h"
#include "daemon/foreign.h"

/* What a message weighs beside its payload: its memory, and descriptors, of which there are few. */
#define LETTER_WEIGHT 256
#define FD_WEIGHT     4096
#define PARTIAL_SPARE (64 * 1024) /* bytes that are half here and not charged */

static size_t weight(const struct letter *letter)
{
    return LETTER_WEIGHT + letter->len + letter->nfds * FD_WEIGHT;
}

static void set_partial(struct entry *entry, size_t size)
{
    struct quota *quota = entry->daemon->quota;

    if (size > entry->mailbox.partial)
        quota_force(quota, entry->uid, QUOTA_BYTES, size - entry->mailbox.partial);
    else
        quota_release(quota, entry->uid, QUOTA_BYTES, entry->mailbox.partial - size);
    entry->mailbox.partial = size;
}

/* What has just come on the channel. */
static int look(void *owner, size_t held, int *fds, size_t nfds)
{
    struct foreign_mounts known = {0};
    struct entry *entry = owner;
    struct mailbox *mailbox = &entry->mailbox;
    int r = 0;

    for (size_t i = 0; i < nfds; i++) {
        foreign_calm(fds[i]);
        if (foreign_check_task(fds[i], &known, (pid_t)entry->pid) != -EOPNOTSUPP)
            continue;
        foreign_close(&fds[i]);
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC); /* the message is to have as many */
        r = fds[i] < 0 ? -errno : r;
    }
    set_partial(entry, held > PARTIAL_SPARE ? held : 0);
    if (mailbox->partial && !mailbox->exempt && daemon_crowded(entry->daemon, entry->uid)) {
        mailbox->starved = mailbox->paused = true;
        channel_pause(entry->task->channel, true);
        daemon_retry(entry->daemon);
    }
    return r;
}

void mailbox_open(struct entry *entry)
{
    struct mailbox *mailbox = &entry->mailbox;

    mailbox->open = true;
    mailbox->last = &mailbox->first;
    mailbox->number = 1;
    mailbox->chunks.max = CRIB_MAX_MESSAGE;
    dialect_look(&entry->task->channel->dialect, look, entry);
}

static void close_fds(struct entry *entry, struct letter *letter)
{
    size_t held = 0;

    for (size_t i = 0; i < letter->nfds; i++) {
        held += letter->fds[i] >= 0;
        foreign_calm(letter->fds[i]);
        fd_close(&letter->fds[i]); /* checked when it came */
    }
    if (held)
        quota_release(entry->daemon->quota, entry->uid, QUOTA_FDS, held);
}

static void drop_first(struct entry *entry)
{
    struct mailbox *mailbox = &entry->mailbox;
    struct letter *letter = mailbox->first;

    mailbox->first = letter->next;
    if (!mailbox->first)
        mailbox->last = &mailbox->first;
    mailbox->number++;
    mailbox->bytes -= weight(letter);
    quota_release(entry->daemon->quota, entry->uid, QUOTA_BYTES, weight(letter));
    close_fds(entry, letter);
    free(letter->type);
    free(letter);
}

static void drop_chunks(struct entry *entry)
{
    struct mailbox *mailbox = &entry->mailbox;

    if (mailbox->chunks.len)
        quota_release(entry->daemon->quota, entry->uid, QUOTA_BYTES, mailbox->chunks.len);
    buf_done(&mailbox->chunks);
    mailbox->chunks.max = CRIB_MAX_MESSAGE;
    free(mailbox->type);
    mailbox->type = NULL;
}

void mailbox_done(struct entry *entry)
{
    while (entry->mailbox.first)
        drop_first(entry);
    drop_chunks(entry);
    mailbox_ended(entry);
}

/* Fds over the quota are closed: the message comes without them. */
static void take_fds(struct entry *entry, struct crib_message *message, struct letter *letter)
{
    if (!message->nfds ||
        quota_charge(entry->daemon->quota, entry->uid, QUOTA_FDS, message->nfds) < 0)
        return;
    for (size_t i = 0; i < message->nfds; i++)
        letter->fds[letter->nfds++] = fd_take(&message->fds[i]);
}

static struct letter *new_letter(struct entry *entry, struct crib_message *message)
{
    struct letter *letter = malloc(sizeof(*letter) + message->len);

    if (!letter)
        return NULL;
    *letter = (struct letter){.type = strdup(message->type), .len = message->len};
    if (!letter->type) {
        free(letter);
        return NULL;
    }
    if (message->len)
        memcpy(letter->data, message->data, message->len);
    take_fds(entry, message, letter);
    return letter;
}

void mailbox_message(struct entry *entry, struct crib_message *message)
{
    struct mailbox *mailbox = &entry->mailbox;
    struct letter *letter = new_letter(entry, message);

    set_partial(entry, 0);
    mailbox->exempt = false;
    if (!letter)
        return;
    *mailbox->last = letter;
    mailbox->last = &letter->next;
    mailbox->received++;
    mailbox->bytes += weight(letter);
    quota_force(entry->daemon->quota, entry->uid, QUOTA_BYTES, weight(letter));
    if (mailbox->bytes > MAILBOX_FULL || daemon_crowded(entry->daemon, entry->uid)) {
        mailbox->paused = true;
        channel_pause(entry->task->channel, true);
    }
}

void mailbox_drained(struct entry *entry)
{
    entry->mailbox.full = false;
    quota_release(entry->daemon->quota, entry->uid, QUOTA_BYTES, entry->mailbox.queued);
    entry->mailbox.queued = 0;
}

void mailbox_ended(struct entry *entry)
{
    entry->mailbox.ended = true;
    entry->mailbox.starved = entry->mailbox.exempt = false;
    set_partial(entry, 0);
    mailbox_drained(entry);
}

static void resume(struct entry *entry)
{
    struct mailbox *mailbox = &entry->mailbox;

    if (!mailbox->paused || mailbox->bytes > MAILBOX_FULL)
        return;
    if (mailbox->starved && !mailbox->exempt && daemon_crowded(entry->daemon, entry->uid))
        return;
    mailbox->paused = mailbox->starved = false;
    if (entry->task && entry->task->channel)
        channel_pause(entry->task->channel, false);
}

static bool has_exempt(const struct daemon *daemon, uid_t uid)
{
    const struct entry *entry = daemon->entries.all;

    while (entry && (entry->uid != uid || !entry->mailbox.exempt))
        entry = entry->next_all;
    return entry != NULL;
}

bool mailboxes_retry(struct daemon *daemon)
{
    bool waits = false;

    for (struct entry *entry = daemon->entries.all; entry; entry = entry->next_all) {
        struct mailbox *mailbox = &entry->mailbox;

        if (!mailbox->starved)
            continue;
        if (daemon_crowded(daemon, entry->uid))
            mailbox->exempt = !has_exempt(daemon, entry->uid);
        resume(entry);
        waits |= mailbox->starved;
    }
    return waits;
}

int mailbox_take_fds(struct entry *entry, uint64_t number, int **ret, size_t *ret_count)
{
    struct letter *letter = entry->mailbox.first;

    for (uint64_t n = entry->mailbox.number; letter && n < number; n++)
        letter = letter->next;
    if (!letter || number < entry->mailbox.number || !letter->nfds || letter->fds[0] < 0)
        return -ENOENT;
    *ret = malloc(letter->nfds * sizeof(**ret));
    if (!*ret)
        return -ENOMEM;
    *ret_count = letter->nfds;
    for (size_t i = 0; i < letter->nfds; i++)
        (*ret)[i] = fd_take(&letter->fds[i]);
    quota_release(entry->daemon->quota, entry->uid, QUOTA_FDS, letter->nfds);
    return 0;
}

static void answer_message(struct call *call, const struct mailbox *mailbox,
                           const Crib__ReceiveRequest *request)
{
    Crib__ReceiveResponse response = CRIB__RECEIVE_RESPONSE__INIT;
    struct letter *letter = mailbox->first;
    size_t max = request->max && request->max < MAILBOX_CHUNK ? request->max : MAILBOX_CHUNK;
    size_t room = connection_room(call->connection);

    if (request->offset > letter->len) {
        call_fail_text(call, CODE_OUT_OF_RANGE, -ERANGE, "message", "it has %zu bytes",
                       letter->len);
        return;
    }
    max = room < max ? room : max;
    response.message = mailbox->number;
    response.offset = request->offset;
    response.size = letter->len;
    response.type = letter->type;
    response.fds = (uint32_t)letter->nfds;
    response.data.data = letter->data + request->offset;
    response.data.len = letter->len - request->offset;
    response.last = response.data.len <= max;
    if (!response.last)
        response.data.len = max;
    call_respond(call, &response.base);
}

static bool attempt_receive(struct call *call, bool last)
{
    const Crib__ReceiveRequest *request = (const Crib__ReceiveRequest *)call->request;
    Crib__ReceiveResponse response = CRIB__RECEIVE_RESPONSE__INIT;
    struct entry *entry = call_entry(call, request->task);
    struct mailbox *mailbox;

    if (!entry)
        return true;
    mailbox = &entry->mailbox;
    if (!last && !connection_room(call->connection))
        return false;
    while (mailbox->first && mailbox->number < request->message)
        drop_first(entry);
    resume(entry);
    if (mailbox->first) {
        answer_message(call, mailbox, request);
        return true;
    }
    response.end = mailbox->ended || entry->state == CRIB__TASK_STATE__ENDED;
    if (!last && !response.end)
        return false;
    call_respond(call, &response.base);
    return true;
}

static bool has_channel(struct call *call, const struct entry *entry)
{
    if (!entry->mailbox.open)
        call_fail_text(call, CODE_FAILED_PRECONDITION, -ENOTCONN, "channel",
                       "the task has none here");
    return entry->mailbox.open;
}

void mailbox_receive(struct call *call, struct entry *entry, const Crib__ReceiveRequest *request)
{
    if (!has_channel(call, entry))
        return;
    if (request->message == 0 || request->message < entry->mailbox.number ||
        request->message > entry->mailbox.received + 1)
        call_fail_text(call, CODE_OUT_OF_RANGE, -ERANGE, "message", "the next one is number %llu",
                       (unsigned long long)entry->mailbox.number);
    else
        call_wait(call, entry, ON_MESSAGE | ON_EVENT, request->wait, attempt_receive);
}

/* Return: 0; -ERANGE there is a gap; -EDQUOT; as buf_append(). */
static int add_chunk(struct entry *entry, const Crib__SendRequest *request)
{
    struct mailbox *mailbox = &entry->mailbox;
    size_t have = mailbox->chunks.len, skip;
    int r;

    if (request->offset > have)
        return -ERANGE;
    skip = have - (size_t)request->offset;
    if (skip >= request->data.len)
        return 0;
    r = daemon_charge(entry->daemon, entry->uid, request->data.len - skip);
    if (r < 0)
        return r;
    r = buf_append(&mailbox->chunks, request->data.data + skip, request->data.len - skip);
    if (r < 0)
        quota_release(entry->daemon->quota, entry->uid, QUOTA_BYTES, request->data.len - skip);
    return r == -E2BIG ? -EMSGSIZE : r;
}

static int find_fds(struct entry *entry, uint64_t owner, const Crib__SendRequest *request, int *fds)
{
    for (size_t i = 0; i < request->n_fds; i++) {
        fds[i] = fdside_find(entry->daemon->fdside, owner, request->fds[i]);
        if (fds[i] < 0)
            return -EBADF;
    }
    return 0;
}

static int send_whole(struct entry *entry, uint64_t owner, const Crib__SendRequest *request)
{
    struct mailbox *mailbox = &entry->mailbox;
    int fds[CRIB_MAX_FDS], r;
    size_t len;

    if (request->n_fds > CRIB_MAX_FDS)
        return -EMFILE;
    r = find_fds(entry, owner, request, fds);
    if (r < 0)
        return r;
    r = crib_task_send(entry->task, mailbox->type, mailbox->chunks.data, mailbox->chunks.len, fds,
                       request->n_fds);
    if (r < 0)
        return r;
    mailbox->full = r == 1;
    mailbox->sent++;
    len = mailbox->chunks.len;
    drop_chunks(entry);
    if (r == 1) {
        quota_force(entry->daemon->quota, entry->uid, QUOTA_BYTES, len);
        mailbox->queued += len;
    }
    return 0;
}

/* @owner: whose the names of fds are. */
static int take_chunk(struct entry *entry, uint64_t owner, const Crib__SendRequest *request)
{
    struct mailbox *mailbox = &entry->mailbox;
    int r;

    if (!entry->task || !crib_task_connected(entry->task))
        return -ENOTCONN;
    if (request->disconnect)
        return crib_task_disconnect(entry->task);
    if (request->message <= mailbox->sent)
        return 0;
    if (request->message != mailbox->sent + 1)
        return -ERANGE;
    if (request->offset == 0 && !mailbox->type && !(mailbox->type = strdup(request->type)))
        return -ENOMEM;
    r = add_chunk(entry, request);
    if (r < 0)
        return r;
    return request->last ? send_whole(entry, owner, request) : 0;
}

static bool attempt_send(struct call *call, bool last)
{
    const Crib__SendRequest *request = (const Crib__SendRequest *)call->request;
    Crib__SendResponse response = CRIB__SEND_RESPONSE__INIT;
    struct entry *entry = call_entry(call, request->task);
    int r;

    if (!entry)
        return true;
    if (entry->mailbox.full && entry->state < CRIB__TASK_STATE__ENDING) {
        if (last)
            call_fail_text(call, CODE_UNAVAILABLE, -EAGAIN, "channel", "its queue is full");
        return last;
    }
    r = take_chunk(entry, peer_owner(&call->connection->peer), request);
    if (r == -ERANGE)
        call_fail_text(call, CODE_OUT_OF_RANGE, r, "channel", "message %llu, byte %zu is the next",
                       (unsigned long long)entry->mailbox.sent + 1, entry->mailbox.chunks.len);
    else if (r < 0)
        call_fail_text(call, status_of(r), r, "channel", "%s", strerror(-r));
    else
        call_respond(call, &response.base);
    return true;
}

void mailbox_send(struct call *call, struct entry *entry, const Crib__SendRequest *request)
{
    if (!has_channel(call, entry))
        return;
    if (request->data.len > MAILBOX_CHUNK)
        call_fail_text(call, CODE_INVALID_ARGUMENT, -EMSGSIZE, "message",
                       "more than 1 MiB in one chunk");
    else if (strlen(request->type) > FRAME_MAX_TYPE) /* it would be kept until the last chunk */
        call_fail_text(call, CODE_INVALID_ARGUMENT, -EINVAL, "message",
                       "a type of more than %d bytes", FRAME_MAX_TYPE);
    else
        call_wait(call, entry, ON_DRAIN | ON_EVENT, request->wait, attempt_send);
}

int mailbox_take_channel(struct entry *entry, int **ret, size_t *ret_count)
{
    struct mailbox *mailbox = &entry->mailbox;
    int sock;

    if (!mailbox->open || !entry->task || !entry->task->channel)
        return -ENOTCONN;
    if (mailbox->received || mailbox->sent)
        return -EBUSY;
    sock = channel_take(entry->task->channel);
    if (sock < 0)
        return sock;
    *ret = malloc(sizeof(**ret));
    if (!*ret) {
        fd_close(&sock);
        return -ENOMEM;
    }
    **ret = sock;
    *ret_count = 1;
    mailbox->open = false;
    return 0;
}
