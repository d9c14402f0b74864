/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib attach: a detached task's streams on our own, until it ends.
 *
 * Theory of operation: three things are under way at once, each of them one request at a time: the
 * task's output (follow.c), our input (feed.c), and the wait for its end. It is over when the end
 * is known and all output has come, when the daemon is lost, or when we are told to leave: by
 * SIGINT, or, where the task has a terminal, by two keys, since all other keys are the task's.
 * Nothing of ours is the task's: however attach ends, the task goes on.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/detached.h"
#include "cli/feed.h"
#include "cli/follow.h"
#include "cli/say.h"
#include "cli/terminal.h"

#define ROWS    24 /* where nobody knows */
#define COLUMNS 80
#define SIGNALS 3

struct attached {
    struct request *request;
    struct asked asked;
    uv_loop_t loop;
    uint64_t task;
    struct follow follow;
    struct feed feed;
    struct terminal terminal;
    uv_signal_t signals[SIGNALS];
    bool watched[SIGNALS];
    bool reading;   /* its output */
    uint64_t after; /* the last event known */
    bool ended, left, failed;
    int status;
    int signal; /* that ended us; 0 */
};

static void settle(struct attached *a)
{
    if (a->failed || a->left || a->signal || (a->ended && !a->reading))
        uv_stop(&a->loop);
}

static void fail(struct attached *a)
{
    a->failed = true;
    settle(a);
}

/* --- its end --- */

static void ask_wait(struct attached *a);

static void on_wait(struct rpc *rpc, const ProtobufCMessage *message,
                    const struct crib_error *error, void *data)
{
    const Crib__WaitResponse *response = (const Crib__WaitResponse *)message;
    struct attached *a = data;

    (void)rpc;
    terminal_pause(&a->terminal);
    if (error)
        say_error(error);
    else
        a->after = remote_events(response, a->after, a->request->quiet);
    terminal_resume(&a->terminal);
    if (error) {
        fail(a);
    } else if (response->state < CRIB__TASK_STATE__ENDED) {
        ask_wait(a);
    } else {
        a->ended = true;
        a->status = remote_outcome(response->result);
        settle(a);
    }
}

static void ask_wait(struct attached *a)
{
    Crib__WaitRequest wait = CRIB__WAIT_REQUEST__INIT;
    int r;

    wait.task = a->task;
    wait.after = a->after;
    wait.wait = REMOTE_POLL_MS;
    r = rpc_call(a->asked.rpc, RPC_WAIT, &wait.base, REMOTE_MS, on_wait, a);
    if (r < 0) {
        say("wait: %s", strerror(-r));
        fail(a);
    }
}

static void on_follow_end(struct follow *follow)
{
    struct attached *a = follow->data;

    a->reading = false;
    a->failed |= follow->failed;
    settle(a);
}

/* --- terminals --- */

static void on_left(struct feed *feed)
{
    struct attached *a = feed->data;

    a->left = true;
    settle(a);
}

static void fill_resize(const struct attached *a, unsigned rows, unsigned columns,
                        Crib__ResizeRequest *resize)
{
    crib__resize_request__init(resize);
    resize->task = a->task;
    resize->rows = rows ? rows : ROWS;
    resize->columns = columns ? columns : COLUMNS;
}

static void on_size(struct terminal *terminal, unsigned rows, unsigned columns)
{
    struct attached *a = terminal->data;
    Crib__ResizeRequest resize;

    fill_resize(a, rows, columns, &resize);
    (void)rpc_call(a->asked.rpc, RPC_RESIZE, &resize.base, REMOTE_MS, NULL, NULL);
}

/* Return: whether both the task and we have one; then the task's has the size of ours by now. */
static bool has_terminal(struct attached *a, const Crib__TaskInfo *info)
{
    unsigned rows, columns;

    if (!info->terminal || terminal_look(&rows, &columns, NULL) < 0)
        return false;
    a->terminal.data = a;
    on_size(&a->terminal, rows, columns);
    return true;
}

/* Our terminal has to be put right before we go. */
static void on_signal(uv_signal_t *handle, int signo)
{
    struct attached *a = handle->data;

    a->signal = signo;
    settle(a);
}

static void watch_signals(struct attached *a)
{
    static const int list[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action;

    for (int i = 0; i < SIGNALS; i++) {
        if (sigaction(list[i], NULL, &action) < 0 || action.sa_handler == SIG_IGN ||
            uv_signal_init(&a->loop, &a->signals[i]) < 0)
            continue;
        a->watched[i] = true;
        a->signals[i].data = a;
        (void)uv_signal_start(&a->signals[i], on_signal, list[i]);
    }
}

/* Return: 0; negative errno, and the person has been told. */
static int join(struct attached *a)
{
    int r;

    a->terminal.size = on_size;
    a->terminal.data = a;
    watch_signals(a);
    r = terminal_raw(&a->terminal, &a->loop);
    if (r < 0)
        say("terminal: %s", strerror(-r));
    return r;
}

/* --- */

/* The input of a terminal has no end that could be told. */
static void open_feed(struct attached *a, const Crib__InspectResponse *about)
{
    int r;

    a->feed.rpc = a->asked.rpc;
    a->feed.task = a->task;
    a->feed.written = about->written;
    a->feed.endless = about->info->terminal;
    a->feed.keys = a->terminal.open;
    a->feed.left = on_left;
    a->feed.data = a;
    r = feed_open(&a->feed, &a->loop);
    if (r < 0) /* there may be none */
        say("stdin: %s", strerror(-r));
}

static int begin(struct attached *a)
{
    const Crib__InspectResponse *about = detached_inspect(&a->asked, a->task);
    int r = about ? 0 : -EINVAL;

    if (r == 0 && about->info->state < CRIB__TASK_STATE__ENDING && has_terminal(a, about->info))
        r = join(a);
    if (r < 0)
        return r;
    a->follow = (struct follow){
        .rpc = a->asked.rpc, .task = a->task, .to_end = true, .ended = on_follow_end, .data = a};
    r = follow_start(&a->follow, about);
    if (r < 0)
        return r;
    a->reading = r > 0;
    ask_wait(a);
    if (about->info->state < CRIB__TASK_STATE__ENDING)
        open_feed(a, about);
    return 0;
}

static void end(struct attached *a)
{
    feed_close(&a->feed);
    terminal_close(&a->terminal);
    for (int i = 0; i < SIGNALS; i++)
        if (a->watched[i])
            uv_close((uv_handle_t *)&a->signals[i], NULL);
    remote_close(&a->asked);
    uv_run(&a->loop, UV_RUN_DEFAULT);
}

static int attach(struct attached *a)
{
    if (remote_open(&a->asked, a->request, &a->loop, NULL, NULL) < 0)
        return STATUS_FAILED;
    if (begin(a) < 0)
        a->failed = true;
    else if (!a->failed)
        uv_run(&a->loop, UV_RUN_DEFAULT);
    end(a);
    if (a->signal) {
        signal(a->signal, SIG_DFL);
        raise(a->signal);
    }
    if (a->left)
        say("left task %" PRIu64 ", which goes on", a->task);
    return a->failed ? STATUS_FAILED : a->status;
}

int command_attach(struct request *request)
{
    struct attached a = {.request = request};
    int status = STATUS_FAILED, r = uv_loop_init(&a.loop);

    if (r < 0) {
        say("event loop: %s", strerror(-r));
        return STATUS_FAILED;
    }
    if (remote_task(request->operands[0], &a.task) == 0)
        status = attach(&a);
    (void)uv_loop_close(&a.loop);
    return status;
}
