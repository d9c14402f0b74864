/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several tasks on one loop, with what happened to each: for the tests of the public API, where
 * sandbox.h is for one task at a time.
 *
 *     struct live live;
 *     struct live_task task;
 *
 *     live_open(&live);
 *     live_task(&task);
 *     assert_int_equal(crib_spawn(live.ex, "/bin/sh", args, &task.options, &task.task, NULL), 0);
 *     live_run(&live);
 *     live_says(&task, "spawn exit close ");
 *     live_close(&live);
 *
 * Runs in: tests.
 */
#ifndef SANDBOX_LIVE_H
#define SANDBOX_LIVE_H

#include "sandbox/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

#define LIVE_PATIENCE_MS 60000

struct live {
    uv_loop_t loop;
    crib *ex;
    uv_timer_t patience;
    bool impatient, closed;
};

struct live_task {
    struct crib_options options; /* its events write the log */
    crib_task *task;             /* NULL after close */
    char log[4096];              /* a word for each event */
    struct crib_result result;
    struct crib_error error;                                /* the last one */
    struct buf out, err;                                    /* by live_read() */
    int ends;                                               /* streams that have told their end */
    void (*then)(struct live_task *task, const char *word); /* called with each word; may be NULL */
    void *user;
};

static inline void live_note(struct live_task *task, const char *word)
{
    size_t used = strlen(task->log);

    if (strstr(task->log, "close "))
        fail_msg("%s after close: %s", word, task->log);
    snprintf(task->log + used, sizeof(task->log) - used, "%s ", word);
    if (task->then)
        task->then(task, word);
}

static inline void live_on_spawn(crib_task *task, void *data)
{
    (void)task;
    live_note(data, "spawn");
}

static inline void live_on_message(crib_task *task, struct crib_message *message, void *data)
{
    (void)task;
    (void)message;
    live_note(data, "message");
}

static inline void live_on_drain(crib_task *task, void *data)
{
    (void)task;
    live_note(data, "drain");
}

static inline void live_on_disconnect(crib_task *task, void *data)
{
    (void)task;
    live_note(data, "disconnect");
}

static inline void live_on_denied(crib_task *task, const struct crib_denial *denial, void *data)
{
    (void)task;
    (void)denial;
    live_note(data, "denied");
}

static inline void live_on_error(crib_task *task, const struct crib_error *error, void *data)
{
    (void)task;
    ((struct live_task *)data)->error = *error;
    live_note(data, "error");
}

static inline void live_on_exit(crib_task *task, const struct crib_result *result, void *data)
{
    (void)task;
    ((struct live_task *)data)->result = *result;
    live_note(data, "exit");
}

static inline void live_on_close(crib_task *task, const struct crib_result *result, void *data)
{
    struct live_task *live = data;

    live->result = *result;
    sandbox_mark_prepared(task);
    live_note(live, "close");
    live->task = NULL;
}

/* A task that has not been started. */
static inline void live_task(struct live_task *task)
{
    memset(task, 0, sizeof(*task));
    crib_options_init(&task->options);
    task->options.data = task;
    task->options.on = (struct crib_events){.spawn = live_on_spawn,
                                            .message = live_on_message,
                                            .drain = live_on_drain,
                                            .disconnect = live_on_disconnect,
                                            .denied = live_on_denied,
                                            .error = live_on_error,
                                            .exit = live_on_exit,
                                            .close = live_on_close};
}

static inline void live_on_data(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    struct live_task *task = user;

    task->ends += !data;
    if (data && stream == crib_task_stream(task->task, 2))
        buf_append(&task->err, data, (size_t)len);
    else if (data)
        buf_append(&task->out, data, (size_t)len);
}

/* Keeps what comes at fds 1 and 2, and closes stdin, where those are pipes. */
static inline void live_read(struct live_task *task)
{
    for (int fd = 1; fd <= 2; fd++)
        if (crib_task_stream(task->task, fd))
            assert_int_equal(
                crib_stream_read_start(crib_task_stream(task->task, fd), live_on_data, task), 0);
    crib_stream_close(crib_task_stream(task->task, 0));
}

static inline void live_started(struct live_task *task, int code, const struct crib_error *error)
{
    char text[1024];

    if (code < 0)
        fail_msg("%s", crib_error_text(error, text, sizeof(text)));
    assert_non_null(task->task);
}

/* Starts `/bin/sh -c LINE`. */
static inline void live_shell(struct live *live, struct live_task *task, const char *line)
{
    const char *const args[] = {"-c", line, NULL};
    struct crib_error error;

    sandbox_prepare(live->ex, "/bin/sh", args, &task->options, false);
    live_started(task, crib_spawn(live->ex, "/bin/sh", args, &task->options, &task->task, &error),
                 &error);
}

static inline void live_says(const struct live_task *task, const char *words)
{
    char text[1024] = "";

    if (strcmp(task->log, words) != 0)
        fail_msg("\n  happened: %s\n  expected: %s\n  error:    %s", task->log, words,
                 task->error.code ? crib_error_text(&task->error, text, sizeof(text)) : "none");
}

/* Compares what was read at fd 1 and lets go of the buffers. */
static inline void live_wrote(struct live_task *task, const char *out)
{
    buf_append(&task->out, "", 1);
    assert_string_equal((char *)task->out.data, out);
    buf_done(&task->out);
    buf_done(&task->err);
}

static inline void live_on_impatience(uv_timer_t *timer)
{
    struct live *live = timer->data;

    live->impatient = true;
    uv_stop(&live->loop);
}

static inline void live_open(struct live *live)
{
    memset(live, 0, sizeof(*live));
    assert_int_equal(uv_loop_init(&live->loop), 0);
    assert_int_equal(crib_open(&live->ex, &live->loop, sandbox_address(), NULL), 0);
    uv_timer_init(&live->loop, &live->patience);
    live->patience.data = live;
    uv_unref((uv_handle_t *)&live->patience);
}

/* Until nothing is left to wait for. */
static inline void live_run(struct live *live)
{
    uv_timer_start(&live->patience, live_on_impatience, LIVE_PATIENCE_MS, 0);
    uv_run(&live->loop, UV_RUN_DEFAULT);
    uv_timer_stop(&live->patience);
    if (live->impatient)
        fail_msg("still waiting after %d s", LIVE_PATIENCE_MS / 1000);
}

/* Until @task has said @word, and no longer. */
static inline void live_until(struct live *live, const struct live_task *task, const char *word)
{
    uv_timer_start(&live->patience, live_on_impatience, LIVE_PATIENCE_MS, 0);
    while (!strstr(task->log, word) && !live->impatient)
        uv_run(&live->loop, UV_RUN_ONCE);
    uv_timer_stop(&live->patience);
    if (live->impatient)
        fail_msg("no '%s' after %d s: %s", word, LIVE_PATIENCE_MS / 1000, task->log);
}

static inline void live_on_closed(void *data)
{
    ((struct live *)data)->closed = true;
}

static inline void live_close(struct live *live)
{
    uv_close((uv_handle_t *)&live->patience, NULL);
    crib_close(live->ex, live_on_closed, live);
    uv_run(&live->loop, UV_RUN_DEFAULT);
    assert_true(live->closed);
    assert_int_equal(uv_loop_close(&live->loop), 0);
}

#endif
