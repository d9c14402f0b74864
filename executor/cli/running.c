/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/running.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "api/result.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/fd.h"
#include "cli/command.h"
#include "cli/copying.h"
#include "cli/outcome.h"
#include "cli/changes.h"
#include "cli/receipt.h"
#include "cli/remote.h"
#include "cli/say.h"
#include "cli/timing.h"
#include "task.pb-c.h"
#include "text/text.h"

static const int passed_on[RUNNING_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

static void on_signal(uv_signal_t *handle, int signo)
{
    struct running *running = handle->data;

    if (crib_task_kill(running->task, signo) == -ESRCH)
        uv_stop(&running->loop); /* it has ended: what waits yet, for a reader, is us */
}

/* What the caller has us ignore (nohup, a shell's background job) stays ignored. */
static bool is_ignored(int signo)
{
    struct sigaction action;

    return sigaction(signo, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void watch_signals(struct running *running)
{
    for (int i = 0; i < RUNNING_SIGNALS; i++) {
        uv_signal_t *handle = &running->signals[i];

        if (is_ignored(passed_on[i]) || uv_signal_init(&running->loop, handle) < 0)
            continue;
        running->watched[i] = true;
        handle->data = running;
        (void)uv_signal_start(handle, on_signal, passed_on[i]);
        uv_unref((uv_handle_t *)handle);
    }
}

static void unwatch_signals(struct running *running)
{
    for (int i = 0; i < RUNNING_SIGNALS; i++)
        if (running->watched[i])
            uv_close((uv_handle_t *)&running->signals[i], NULL);
}

static void write_result(struct running *running, const char *json, size_t len)
{
    int fd = running->request->result_fd;
    int r = fd_write_all(fd, json, len);

    if (r == 0)
        r = fd_write_all(fd, "\n", 1);
    if (r < 0) {
        say("result: fd %d: %s", fd, strerror(-r));
        running->failed = true;
    }
}

static void write_task_result(struct running *running)
{
    char *json = NULL;
    int r = crib_task_result_json(running->task, &json);

    if (r < 0) {
        say("result: %s", strerror(-r));
        running->failed = true;
        return;
    }
    write_result(running, json, strlen(json));
    free(json);
}

/* The result of a task that was never made. */
static void write_error_result(struct running *running, const struct crib_error *err,
                               const Crib__Result *timing)
{
    Crib__Result result = CRIB__RESULT__INIT;
    Crib__Error error = CRIB__ERROR__INIT;
    struct buf out = {0};
    char text[1024];

    result.has_verdict = true;
    result.verdict = CRIB__RESULT__VERDICT__setup_failed;
    result.error = &error;
    result.timing = timing->timing;
    result.n_timing = timing->n_timing;
    error.has_code = true;
    error.code = err->code;
    error.step = (char *)err->step;
    error.text = crib_error_text(err, text, sizeof(text));
    if (text_write_json(&result.base, &out) == 0)
        write_result(running, (const char *)out.data, out.len);
    buf_done(&out);
}

static void on_denied(crib_task *task, const struct crib_denial *denial, void *data)
{
    struct running *running = data;

    (void)task;
    if (running->request->quiet)
        return;
    terminal_pause(&running->joined.terminal);
    denials_show(&running->denials, denial);
    terminal_resume(&running->joined.terminal);
}

static void on_spawn(crib_task *task, void *data)
{
    struct running *running = data;

    (void)task;
    if (running->request->terminal)
        joined_run(&running->joined, &running->loop);
}

static void on_error(crib_task *task, const struct crib_error *err, void *data)
{
    (void)task;
    (void)data;
    say_error(err);
}

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    struct running *running = data;

    joined_close(&running->joined);
    running->status = outcome_of_result(result);
    if (result->verdict == CRIB_MEMORY && strcmp(result->limit, "host") == 0)
        say("killed: the host had no memory for it");
    if (!running->request->quiet)
        denials_end(&running->denials, result->denials);
    if (copying_show_task(task, &running->request->options) > 0 && running->status == 0)
        running->status = STATUS_FAILED;
    if (changes_show_task(task) != 0)
        running->failed = true;
    if (running->request->receipt && receipt_show_task(task) < 0)
        running->failed = true;
    if (timing_show_task(running->request, task) < 0)
        running->failed = true;
    if (running->request->json)
        write_task_result(running);
    uv_stop(&running->loop);
}

/* There is no task that could tell. */
static void show_refused(struct running *running, const struct crib_error *err)
{
    AUTO(arena_done) struct arena arena;
    Crib__Result timing = CRIB__RESULT__INIT;

    arena_init(&arena, 0);
    (void)result_refused(running->ex, &arena, &timing);
    if (running->request->receipt)
        (void)receipt_show(NULL);
    if (timing_show(running->request, &timing) < 0)
        running->failed = true;
    if (running->request->json)
        write_error_result(running, err, &timing);
}

static int start_task(struct running *running,
                      int (*start)(struct running *running, struct crib_error *err))
{
    struct crib_options *options = &running->request->options;
    struct crib_error err = {0};
    const char *address;
    int r;

    options->data = running;
    options->on.spawn = on_spawn;
    options->on.denied = on_denied;
    options->on.error = on_error;
    options->on.close = on_close;
    r = running->request->terminal ? joined_ask(options, &err) : 0;
    if (r == 0)
        r = remote_address(running->request, &address, &err);
    if (r == 0)
        r = crib_open(&running->ex, &running->loop, address, &err);
    if (r == 0)
        r = start(running, &err);
    if (r == 0 && running->request->terminal)
        r = joined_show(&running->joined, running->task, &err);
    if (r == 0)
        return 0;
    say_error(&err);
    running->status = outcome_of_error(&err);
    show_refused(running, &err);
    return r;
}

int running_task(struct running *running,
                 int (*start)(struct running *running, struct crib_error *err))
{
    int r = uv_loop_init(&running->loop);

    if (r < 0) {
        say("event loop: %s", strerror(-r));
        return STATUS_FAILED;
    }
    running->status = STATUS_FAILED;
    watch_signals(running);
    if (start_task(running, start) == 0)
        uv_run(&running->loop, UV_RUN_DEFAULT);
    joined_close(&running->joined);
    if (running->ended)
        running->ended(running);
    unwatch_signals(running);
    if (running->ex)
        crib_close(running->ex, NULL, NULL);
    while (uv_run(&running->loop, UV_RUN_DEFAULT))
        ; /* a task that only now tells its close stops the loop again */
    (void)uv_loop_close(&running->loop);
    return running->failed ? STATUS_FAILED : running->status;
}
