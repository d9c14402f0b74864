/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task on a terminal of its own, with the test at the other end: what is typed, what appears.
 *
 *     struct terminal t;
 *
 *     terminal_open(&t);
 *     terminal_shell(&t, "read line; echo got $line");
 *     terminal_type(&t, "hello\n");
 *     terminal_shows(&t, "got hello");
 *     terminal_close(&t);
 *
 * Runs in: tests.
 */
#ifndef SANDBOX_TERMINAL_H
#define SANDBOX_TERMINAL_H

#include "sandbox/live.h"

struct terminal {
    struct live live;
    struct live_task task;
    size_t seen; /* bytes of task.out that were looked at */
};

static const struct crib_stdio terminal_stdio[] = {{CRIB_PTY}, {CRIB_PTY}, {CRIB_PTY}};

static inline void terminal_open(struct terminal *t)
{
    live_open(&t->live);
    live_task(&t->task);
    t->task.options.stdio = terminal_stdio;
    t->task.options.stdio_count = 3;
    t->seen = 0;
}

/* Starts a program; what appears is kept. */
static inline void terminal_start(struct terminal *t, const char *file, const char *const *args)
{
    struct crib_error error;

    live_started(&t->task,
                 crib_spawn(t->live.ex, file, args, &t->task.options, &t->task.task, &error),
                 &error);
    assert_int_equal(
        crib_stream_read_start(crib_task_stream(t->task.task, 1), live_on_data, &t->task), 0);
}

static inline void terminal_shell(struct terminal *t, const char *line)
{
    const char *const args[] = {"-c", line, NULL};

    terminal_start(t, "/bin/sh", args);
}

static inline void terminal_type(struct terminal *t, const char *text)
{
    assert_true(
        crib_stream_write(crib_task_stream(t->task.task, 0), text, strlen(text), NULL, NULL) >= 0);
}

/* Return: whether @text appeared after what was waited for before; then that is all seen. */
static inline bool terminal_saw(struct terminal *t, const char *text)
{
    size_t left = t->task.out.len - t->seen;
    const char *from = (const char *)t->task.out.data + t->seen;
    const char *at = left ? memmem(from, left, text, strlen(text)) : NULL;

    if (at)
        t->seen += (size_t)(at - from) + strlen(text);
    return at;
}

/* Waits until it does. */
static inline void terminal_shows(struct terminal *t, const char *text)
{
    bool seen;

    uv_timer_start(&t->live.patience, live_on_impatience, LIVE_PATIENCE_MS, 0);
    while (!(seen = terminal_saw(t, text)) && !t->live.impatient && !strstr(t->task.log, "close"))
        uv_run(&t->live.loop, UV_RUN_ONCE);
    uv_timer_stop(&t->live.patience);
    if (!seen)
        fail_msg("'%s' did not appear; %s\n%.*s", text, t->task.log, (int)t->task.out.len,
                 t->task.out.len ? (const char *)t->task.out.data : "");
}

/* To the end of the task. */
static inline void terminal_end(struct terminal *t)
{
    live_run(&t->live);
    assert_true(t->task.ends == 1);
}

static inline void terminal_close(struct terminal *t)
{
    buf_done(&t->task.out);
    buf_done(&t->task.err);
    live_close(&t->live);
}

/* What appeared, the carriage returns taken out, after the end. Return: text in the terminal. */
static inline const char *terminal_text(struct terminal *t)
{
    size_t kept = 0;

    buf_append(&t->task.out, "", 1);
    for (size_t i = 0; i < t->task.out.len; i++)
        if (t->task.out.data[i] != '\r')
            t->task.out.data[kept++] = t->task.out.data[i];
    return (const char *)t->task.out.data;
}

/* Runs the probe on a terminal to its end. Return: as terminal_text(). */
static inline const char *terminal_probe(struct terminal *t, const char *const *verbs)
{
    terminal_start(t, sandbox_probe_path(), verbs);
    terminal_end(t);
    if (t->task.result.verdict != CRIB_EXITED || t->task.result.status != 0)
        fail_msg("verdict %d, status %d, signal %d, %s: %s: %s", (int)t->task.result.verdict,
                 t->task.result.status, t->task.result.signal, t->task.result.error.step,
                 t->task.result.error.detail, terminal_text(t));
    return terminal_text(t);
}
#define TERMINAL_PROBE(t, ...) terminal_probe(t, (const char *const[]){__VA_ARGS__, NULL})

#endif
