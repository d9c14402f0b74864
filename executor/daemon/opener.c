/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is served by which process, and when.
 *
 * Theory of operation
 *
 * Requests wait in the line of their identity. A process takes the first of its identity's line,
 * and the next one when it has answered. A second process is started when the first has been at one
 * request for OPENER_PATIENCE_MS, so that one path on a file system that hangs does not hold up the
 * others. Without room for another process (OPENER_MAX in all, OPENER_MAX_OF_UID) a line waits, and
 * whichever process is free next makes room for it.
 *
 * A request has OPENER_DEADLINE_MS in its line, and the same again from when a process takes it.
 * What is answered is answered from the loop, after everything here is in order again: the receiver
 * may ask and cancel as it likes.
 */
#include "daemon/opener.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "daemon/opener_lines.h"

#define CLOSE_MS 1000 /* how long openers_close() waits for what it has killed */

static const struct opener_process_events events;

static void serve_all(struct openers *openers);

int openers_new(uv_loop_t *loop, struct openers **ret)
{
    struct openers *openers = calloc(1, sizeof(*openers));
    int r = openers ? lines_open(openers) : -ENOMEM;

    if (r < 0) {
        if (openers)
            peer_done(&openers->self);
        free(openers);
        return r;
    }
    openers->loop = loop;
    openers_times(openers, OPENER_DEADLINE_MS, OPENER_PATIENCE_MS);
    uv_timer_init(loop, &openers->timer);
    openers->timer.data = openers;
    *ret = openers;
    return 0;
}

void openers_times(struct openers *openers, uint64_t deadline_ms, uint64_t patience_ms)
{
    openers->deadline_ms = deadline_ms;
    openers->patience_ms = patience_ms;
}

static void on_closed_all(uv_handle_t *handle)
{
    struct openers *openers = handle->data;

    openers->closed(openers->data);
    peer_done(&openers->self);
    free(openers);
}

static void part_gone(struct openers *openers)
{
    openers->parts--;
    if (openers->closing && openers->parts == 0)
        uv_close((uv_handle_t *)&openers->timer, on_closed_all);
}

static void on_request_closed(uv_handle_t *handle)
{
    struct opener_request *request = handle->data;
    struct openers *openers = request->openers;

    free(request);
    part_gone(openers);
}

/* The end of a request that no process is at. */
static void finish(struct opener_request *request)
{
    struct opener_answer answer = {0};

    if (request->answer)
        answer = opener_talk_answer(&request->talk);
    request_unlist(request);
    opener_talk_done(&request->talk);
    uv_close((uv_handle_t *)&request->timer, on_request_closed);
    if (request->answer)
        request->answer(&answer, request->data);
}

static void fail(struct opener_request *request, int code)
{
    /* The arena of a cancelled one may be gone. */
    if (request->answer)
        opener_talk_fail(&request->talk, code);
    finish(request);
}

static void end_worker(struct worker *worker)
{
    if (!worker->process->living)
        return;
    opener_process_kill(worker->process);
    worker->identity->openers->living--;
}

static void on_deadline(uv_timer_t *timer)
{
    struct opener_request *request = timer->data;
    struct openers *openers = request->openers;
    struct worker *worker = request->worker;

    if (worker) {
        worker->request = NULL;
        request->worker = NULL;
        end_worker(worker);
    }
    fail(request, request->failed ? request->failed : -ETIMEDOUT);
    serve_all(openers);
}

/* Answered from the loop, soon. */
static void fail_later(struct opener_request *request, int code)
{
    line_remove(request);
    request->failed = code;
    uv_timer_start(&request->timer, on_deadline, 0, 0);
}

/* Processes that are at something, or killed and still there. */
static size_t count_of_uid(const struct openers *openers, uid_t uid)
{
    size_t n = 0;

    for (const struct identity *i = openers->identities; i; i = i->next)
        for (const struct worker *w = i->peer.uid == uid ? i->workers : NULL; w; w = w->next)
            n += w->request || !w->process->living;
    return n;
}

/* Ends a process that has nothing to do. Return: whether there was one. */
static bool end_idle(struct openers *openers)
{
    for (const struct identity *i = openers->identities; i; i = i->next)
        for (struct worker *w = i->workers; w; w = w->next)
            if (w->process->living && !w->request) {
                end_worker(w);
                return true;
            }
    return false;
}

/* Return: 0; -EBUSY there is no room for another; negative errno. */
static int start_worker(struct identity *identity, struct worker **ret)
{
    struct openers *openers = identity->openers;
    struct worker *worker;
    int r;

    if (count_of_uid(openers, identity->peer.uid) >= OPENER_MAX_OF_UID)
        return -EBUSY;
    if (openers->living >= OPENER_MAX && !end_idle(openers))
        return -EBUSY;
    worker = calloc(1, sizeof(*worker));
    if (!worker)
        return -ENOMEM;
    r = opener_process_start(openers->loop, &identity->peer, openers->privileged, &events, worker,
                             &worker->process);
    if (r < 0) {
        free(worker);
        return r;
    }
    worker->identity = identity;
    worker->next = identity->workers;
    worker->link = &identity->workers;
    if (worker->next)
        worker->next->link = &worker->next;
    identity->workers = worker;
    openers->living++;
    openers->parts++;
    *ret = worker;
    return 0;
}

static void ask(struct worker *worker)
{
    struct openers *openers = worker->identity->openers;
    size_t len = opener_talk_ask(&worker->request->talk, openers->packet);

    opener_process_send(worker->process, openers->packet, len);
}

static void give(struct worker *worker, struct opener_request *request)
{
    struct openers *openers = request->openers;

    line_remove(request);
    request->worker = worker;
    worker->request = request;
    worker->slow = false;
    if (!request->retried)
        uv_timer_start(&request->timer, on_deadline, openers->deadline_ms, 0);
    opener_process_alarm(worker->process, openers->patience_ms);
    ask(worker);
}

/* Return: an idle process; NULL. @ret_patience: whether another one is expected to be idle soon. */
static struct worker *find_idle(const struct identity *identity, bool *ret_patience)
{
    *ret_patience = false;
    for (struct worker *worker = identity->workers; worker; worker = worker->next) {
        if (worker->process->living && !worker->request)
            return worker;
        *ret_patience |= worker->process->living && !worker->slow;
    }
    return NULL;
}

/* Gives processes to a line. Return: 0; negative errno of a process that could not be started. */
static int serve(struct identity *identity)
{
    while (identity->first) {
        bool patience;
        struct worker *worker = find_idle(identity, &patience);
        int r = 0;

        if (!worker && patience)
            return 0;
        if (!worker)
            r = start_worker(identity, &worker);
        if (r < 0)
            return r == -EBUSY ? 0 : r;
        give(worker, identity->first);
    }
    return 0;
}

static void serve_all(struct openers *openers)
{
    for (struct identity *i = openers->identities; i && !openers->closing; i = i->next) {
        int r = serve(i);

        while (r < 0 && i->first)
            fail_later(i->first, r);
    }
}

/* Is there a line without any process, and no room for one? */
static bool is_crowded(const struct openers *openers)
{
    if (openers->living < OPENER_MAX)
        return false;
    for (const struct identity *i = openers->identities; i; i = i->next) {
        bool patience;

        if (i->first && !find_idle(i, &patience) && !patience)
            return true;
    }
    return false;
}

/* A process has answered: it takes the next in line, or makes room for others, or waits. */
static void rest(struct worker *worker)
{
    struct openers *openers = worker->identity->openers;

    worker->request->worker = NULL;
    worker->request = NULL;
    worker->slow = false;
    opener_process_alarm(worker->process, OPENER_IDLE_MS);
    if (is_crowded(openers)) {
        end_worker(worker);
        serve_all(openers);
    } else if (serve(worker->identity) < 0) {
        serve_all(openers);
    }
}

/* A process is no more, and not because we wanted it: its request gets one more. */
static void lose(struct worker *worker)
{
    struct opener_request *request = worker->request;
    struct openers *openers = worker->identity->openers;

    worker->request = NULL;
    if (request) {
        bool again = request->answer && !request->retried;

        request->worker = NULL;
        request->retried = true;
        if (again)
            line_add(request->identity, request, true);
        else
            fail(request, -ECONNRESET);
    }
    serve_all(openers);
}

static void on_lost(struct opener_process *process)
{
    struct worker *worker = process->owner;

    worker->identity->openers->living--;
    lose(worker);
}

/* Nothing that could be right: as if the process had gone. */
static void distrust(struct worker *worker)
{
    end_worker(worker);
    lose(worker);
}

/* Return: bytes; 0 nothing is there yet; negative errno */
static long receive(struct worker *worker, int *fds, size_t *nfds)
{
    uint8_t *packet = worker->identity->openers->packet;
    long n;

    /* Without room for fds, none are let in. */
    if (!worker->request || !worker->request->answer) {
        n = recv(worker->process->sock, packet, PACKET_MAX_BYTES, MSG_DONTWAIT);
        n = n < 0 ? -errno : n;
    } else {
        n = packet_receive(worker->process->sock, packet, PACKET_MAX_BYTES, fds, nfds);
    }
    return n == 0 ? -ECONNRESET : n == -EAGAIN || n == -EINTR ? 0 : n;
}

static void on_readable(struct opener_process *process)
{
    struct worker *worker = process->owner;
    struct opener_request *request = worker->request;
    int fds[PACKET_MAX_FDS], r;
    size_t nfds = PACKET_MAX_FDS;
    long n = receive(worker, fds, &nfds);

    if (n == 0)
        return;
    if (!request || (n < 0 && n != -EMFILE)) {
        distrust(worker);
        return;
    }
    if (!request->answer) {
        rest(worker);
        finish(request);
        return;
    }
    r = n < 0 ? (int)n
              : opener_talk_take(&request->talk, worker->identity->openers->packet, (size_t)n, fds,
                                 nfds);
    if (r == -EPROTO) {
        distrust(worker);
    } else if (r == 0) {
        ask(worker);
    } else {
        rest(worker);
        if (r < 0)
            fail(request, r);
        else
            finish(request);
    }
}

static void on_alarm(struct opener_process *process)
{
    struct worker *worker = process->owner;

    if (!worker->request) {
        end_worker(worker);
        return;
    }
    worker->slow = true;
    serve_all(worker->identity->openers);
}

static void on_gone(struct opener_process *process)
{
    struct worker *worker = process->owner;
    struct identity *identity = worker->identity;
    struct openers *openers = identity->openers;

    *worker->link = worker->next;
    if (worker->next)
        worker->next->link = worker->link;
    free(worker);
    identity_settle(identity);
    serve_all(openers);
    part_gone(openers);
}

static const struct opener_process_events events = {on_readable, on_lost, on_alarm, on_gone};

/* Return: 0; negative errno, and the request is in no list. */
static int enqueue(struct openers *openers, const struct peer *peer, struct opener_request *request)
{
    struct identity *identity = identity_find(openers, peer);
    int r;

    if (!identity)
        return -ENOMEM;
    request_list(request, identity);
    r = serve(identity);
    if (r == 0 || request->worker)
        return 0;
    request_unlist(request);
    return r;
}

static int new_request(struct openers *openers, const struct peer *peer,
                       struct opener_request **ret, struct crib_error *err)
{
    if (openers->closing)
        return fail_sys(err, -ECANCELED, "opener", -1, NULL, NULL);
    if (!lines_may_serve(openers, peer))
        return fail_text(err, -EPERM, "opener", -1, NULL,
                         "a daemon without privileges serves its own user alone");
    *ret = calloc(1, sizeof(**ret));
    if (!*ret)
        return fail_sys(err, -ENOMEM, "opener", -1, NULL, NULL);
    (*ret)->openers = openers;
    return 0;
}

int opener_ask(struct openers *openers, const struct peer *peer, const char *const *paths,
               size_t count, struct arena *arena, Crib__Host *host, const struct opener_file *files,
               size_t n_files, void (*answer)(struct opener_answer *answer, void *data), void *data,
               struct opener_request **ret, struct crib_error *err)
{
    struct opener_request *request;
    int r = new_request(openers, peer, &request, err);

    if (r < 0)
        return r;
    r = opener_talk_init(&request->talk, paths, count, files, n_files, arena, host, err);
    if (r < 0) {
        opener_talk_done(&request->talk);
        free(request);
        return r;
    }
    request->answer = answer;
    request->data = data;
    openers->parts++;
    uv_timer_init(openers->loop, &request->timer);
    request->timer.data = request;
    uv_timer_start(&request->timer, on_deadline, openers->deadline_ms, 0);
    r = enqueue(openers, peer, request);
    if (r < 0) {
        opener_talk_done(&request->talk);
        uv_close((uv_handle_t *)&request->timer, on_request_closed);
        return fail_sys(err, r, "opener", -1, NULL, "start a process");
    }
    *ret = request;
    return 0;
}

void opener_cancel(struct opener_request *request)
{
    request->answer = NULL;
    if (!request->worker)
        finish(request);
}

static void on_patience_over(uv_timer_t *timer)
{
    struct openers *openers = timer->data;

    for (struct identity *i = openers->identities; i; i = i->next)
        for (struct worker *w = i->workers; w; w = w->next)
            opener_process_abandon(w->process);
}

void openers_close(struct openers *openers, void (*closed)(void *data), void *data)
{
    struct opener_request *request;

    openers->closing = true;
    openers->closed = closed;
    openers->data = data;
    openers->parts++; /* this call */
    while ((request = openers->requests)) {
        if (request->worker)
            request->worker->request = NULL;
        request->worker = NULL;
        fail(request, -ECANCELED);
    }
    for (struct identity *i = openers->identities; i; i = i->next)
        for (struct worker *w = i->workers; w; w = w->next)
            end_worker(w);
    uv_timer_start(&openers->timer, on_patience_over, CLOSE_MS, 0);
    part_gone(openers);
}
