/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to a task under a daemon: one long poll after the other, each answered with the
 * events since the last, until nothing of the task is left.
 *
 * A callback may close the executor, and with it let go of a detached task: after each event the
 * task may be quiet, and then nothing more is told.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "client/answer.h"
#include "client/remote.h"
#include "plan/plan.h"
#include "wire/frame.h"
#include "wire/rights.h"

#define WAIT_MS     600000 /* of one poll that nothing ends */
#define MAX_EMPTIES 100    /* polls in a row that are ended by nothing, long before that */

static void lose(struct remote_task *to, int code, const char *why)
{
    struct crib_error error;

    fail_text(&error, code, "daemon", -1, NULL, "%s", why);
    remote_task_lost(to, &error);
}

static void take_denied(struct remote_task *to, const Crib__Denial *said)
{
    const char *answer = said->answer ? said->answer : "";
    bool by_filter = !said->has_by || said->by == CRIB__DENIAL__BY__filter;

    if (!plan_why_hidden(said)) /* not in the daemon's list */
        to->heard += said->count;
    task_denied(to->task, said, by_filter && strcmp(answer, "let through") != 0);
}

/* Before the program ran it is the set-up's, and the result that follows says no more. */
static void take_error(struct remote_task *to, const Crib__Error *said)
{
    struct crib_error error;

    answer_error(said, &error);
    if (to->task->state == TASK_STARTING)
        task_failed(to->task, &error);
    else if (to->task->state == TASK_RUNNING)
        task_emit_error(to->task, &error);
}

static void take_result(struct remote_task *to, const Crib__Result *result)
{
    crib_task *task = to->task;
    int r = remote_result(to, result);

    if (r < 0)
        lose(to, r, r == -ENOMEM ? "no memory for the result" : "the result is nonsense");
    else if (task->state == TASK_ENDING)
        return; /* it failed to start, and what was added is its receipt */
    else if (task->result.verdict == CRIB_SETUP_FAILED && task->state == TASK_STARTING) {
        struct crib_error error = task->result.error;

        task_failed(task, &error);
    } else {
        task_ended(task);
    }
}

static bool has_terminal(const crib_task *task)
{
    const crib_stream *stream = task->streams;

    while (stream && !stream->terminal)
        stream = stream->next;
    return stream != NULL;
}

/* Its bytes do not pass the daemon either. */
static int take_master(struct remote_task *to, struct crib_error *err)
{
    Crib__FdTake take = CRIB__FD_TAKE__INIT;
    int fds[FRAME_MAX_FDS];
    struct rpc_fds *side;
    int r = remote_link_fds(to->link, &side, err), count;

    if (r < 0)
        return r;
    take.task = to->number;
    take.what = CRIB__FD_TAKE__WHAT__PTY;
    count = rpc_fds_take(side, &take, fds, err);
    if (count <= 0)
        return count < 0 ? count : fail_text(err, -EPROTO, "daemon", -1, NULL, "no terminal came");
    r = task_take_master(to->task, fds[0]);
    rights_close(fds, (size_t)count);
    return r < 0 ? fail_sys(err, r, "daemon", -1, NULL, "take the terminal") : 0;
}

static void take_started(struct remote_task *to)
{
    struct crib_error error;

    if (to->task->state != TASK_STARTING)
        return;
    if (has_terminal(to->task) && take_master(to, &error) < 0) {
        (void)remote_place.signal(to->task, SIGKILL);
        remote_task_lost(to, &error);
        return;
    }
    task_started(to->task);
}

static void take_event(struct remote_task *to, const Crib__Event *event)
{
    if (event->started)
        take_started(to);
    if (event->denied && to->alive && !to->ended) /* the result has the whole list */
        take_denied(to, event->denied);
    if (event->error && to->alive)
        take_error(to, event->error);
    if (event->result && to->alive && !to->ended) {
        to->ended = true;
        take_result(to, event->result);
    }
}

/* Return: whether events are still to be told. */
static bool take_events(struct remote_task *to, const Crib__WaitResponse *response)
{
    for (size_t i = 0; i < response->n_events; i++) {
        const Crib__TaskEvent *event = response->events[i];

        if (!event->event || event->number <= to->after) {
            lose(to, -EPROTO, "its events are out of order");
            return false;
        }
        to->after = event->number;
        take_event(to, event->event);
        if (!to->alive)
            return false;
    }
    return true;
}

static bool too_many_empties(struct remote_task *to, const Crib__WaitResponse *response)
{
    to->empties = response->n_events ? 0 : to->empties + 1;
    return to->empties > MAX_EMPTIES;
}

/* What was copied out, and what changed, is known last of all. */
static void take_last(struct remote_task *to, const Crib__Result *result)
{
    int r = result ? remote_last_result(to, result) : 0;

    if (r == 0)
        return;
    left_gone(to->task, r);
    to->task->changes_lost++;
}

static void over(struct remote_task *to, const Crib__Result *result)
{
    if (to->task->state < TASK_ENDING) {
        lose(to, -EPROTO, "the task is over without a result");
        return;
    }
    to->over = true;
    take_last(to, result);
    remote_link_silent(to);
    task_gone(to->task);
}

static void on_answer(struct rpc *rpc, const ProtobufCMessage *answer,
                      const struct crib_error *error, void *data)
{
    const Crib__WaitResponse *response = (const Crib__WaitResponse *)answer;
    struct remote_task *to = data;
    int r;

    (void)rpc;
    if (error) {
        remote_task_lost(to, error);
        return;
    }
    if (!take_events(to, response))
        return;
    if (response->state == CRIB__TASK_STATE__ENDED) {
        over(to, response->result);
        return;
    }
    if (too_many_empties(to, response)) {
        lose(to, -EPROTO, "it answers without having anything to tell");
        return;
    }
    r = remote_task_ask(to);
    if (r < 0)
        lose(to, r == -ENOTCONN ? -ECONNRESET : r, "it cannot be asked for events any more");
}

int remote_task_ask(struct remote_task *to)
{
    Crib__WaitRequest request = CRIB__WAIT_REQUEST__INIT;

    request.task = to->number;
    request.after = to->after;
    request.until = to->ended ? CRIB__TASK_STATE__ENDED : CRIB__TASK_STATE__STARTING;
    request.wait = WAIT_MS;
    return rpc_call(to->link->rpc, RPC_WAIT, &request.base, 0, on_answer, to);
}
