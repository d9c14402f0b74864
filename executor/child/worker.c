/* SPDX-License-Identifier: Apache-2.0 */
#include "child/worker.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "child/child.h"
#include "wire/rights.h"

#define TYPE       "crib.cluster"
#define SAYS_MAX   4096 /* bytes of a message, either way; more is none of ours */
#define ARENA_MOST (64 * 1024)

int worker_say(crib_child *child, const Crib__WorkerSays *says)
{
    uint8_t data[SAYS_MAX];
    size_t len = crib__worker_says__get_packed_size(says);

    if (len > sizeof(data))
        return -EMSGSIZE;
    crib__worker_says__pack(says, data);
    return frame_writer_add(child->writer, TYPE, data, len, NULL, 0);
}

int worker_online(crib_child *child)
{
    Crib__WorkerSays says = CRIB__WORKER_SAYS__INIT;
    Crib__WorkerSays__Online online = CRIB__WORKER_SAYS__ONLINE__INIT;

    says.online = &online;
    return worker_say(child, &says);
}

bool worker_add_pong(crib_child *child)
{
    struct worker *worker = &child->worker;
    Crib__WorkerSays says = CRIB__WORKER_SAYS__INIT;
    Crib__WorkerSays__Pong pong = CRIB__WORKER_SAYS__PONG__INIT;

    if (!worker->pong_due || frame_writer_sent(child->writer) < worker->pong_end)
        return false;
    worker->pong_due = false;
    pong.has_seq = true;
    pong.seq = worker->pong;
    says.pong = &pong;
    if (worker_say(child, &says) < 0)
        return false; /* no memory, or nothing can be said any more */
    worker->pong_end = frame_writer_sent(child->writer) + frame_writer_pending(child->writer);
    return true;
}

static void answer_ping(crib_child *child, const Crib__PrimarySays__Ping *ping)
{
    child->worker.pong_due = true;
    child->worker.pong = ping->seq;
    (void)crib_child_flush(child); /* a failure shows at the next send */
}

bool worker_takes(crib_child *child, struct frame *frame)
{
    Crib__PrimarySays *says = NULL;
    struct arena arena;

    if (!child->worker.id || strcmp(frame->type, TYPE) != 0)
        return false;
    arena_init(&arena, ARENA_MOST);
    if (frame->len <= SAYS_MAX)
        says = crib__primary_says__unpack(&arena.pb, frame->len, frame->payload);
    if (says && says->ping)
        answer_ping(child, says->ping);
    if (says && says->socket)
        worker_answer(&child->worker, says->socket, frame);
    arena_done(&arena);
    rights_close(frame->fds, frame->nfds);
    frame->nfds = 0;
    return true;
}

unsigned crib_child_worker(const crib_child *child)
{
    return child->worker.id;
}

int crib_child_leave(crib_child *child)
{
    Crib__WorkerSays says = CRIB__WORKER_SAYS__INIT;
    Crib__WorkerSays__Leaving leaving = CRIB__WORKER_SAYS__LEAVING__INIT;
    int r = 0;

    if (!child->worker.id)
        return -ENOTCONN;
    says.leaving = &leaving;
    if (!child->worker.left)
        r = worker_say(child, &says);
    child->worker.left |= r == 0;
    if (r == 0)
        r = child_flush_all(child);
    return r == -EPIPE ? -ENOTCONN : r;
}
