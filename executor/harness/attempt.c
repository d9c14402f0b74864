/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/attempt.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

#define PROBE_MS     2000 /* a call that does not come back has reached the kernel */
#define DEFAULT_AT   "/case"
#define DEFAULT_TYPE "json"

/* What is handed to libcrib for one task; lives in the findings's arena. */
struct ask {
    struct crib_options options;
    struct crib_stdio stdio[3];
    struct crib_bind bind;
    const char *file;
    const char **args; /* ended by NULL */
};

static void note_error(struct attempt *a, const struct crib_error *err)
{
    if (!a->findings.error[0])
        crib_error_text(err, a->findings.error, sizeof(a->findings.error));
}

void attempt_stop(struct attempt *a)
{
    if (a->task)
        (void)crib_task_kill(a->task, SIGKILL); /* it may have ended meanwhile */
}

static void stop_for_size(struct attempt *a)
{
    a->over = true;
    attempt_stop(a);
}

/* --- what comes from the task --- */

static void keep(struct attempt *a, struct buf *buf, const char *data, ssize_t len)
{
    if (!data || len <= 0 || a->over)
        return;
    if (buf_append(buf, data, (size_t)len) < 0) {
        if (buf->len < a->most_output)
            (void)buf_append(buf, data, a->most_output - buf->len);
        stop_for_size(a);
    }
}

static void on_out(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    struct attempt *a = user;

    (void)stream;
    keep(a, &a->findings.out, data, len);
}

static void on_err(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    struct attempt *a = user;

    (void)stream;
    keep(a, &a->findings.err, data, len);
}

static void on_message(crib_task *task, struct crib_message *message, void *data)
{
    struct attempt *a = data;
    struct findings *o = &a->findings;
    struct findings_message kept = {arena_text(&o->arena, message->type),
                                    arena_copy(&o->arena, message->data, message->len),
                                    message->len};

    (void)task;
    o->message_bytes += message->len;
    if (!kept.type || !kept.data || o->message_count == FINDINGS_MESSAGES ||
        o->message_bytes > FINDINGS_MESSAGE_BYTES ||
        arena_push_value(&o->arena, &o->messages, &o->message_count, &kept, sizeof(kept)) < 0)
        stop_for_size(a);
}

/* Sends until the queue is full, and then disconnects: on_drain() goes on. */
static void send_more(struct attempt *a)
{
    const Crib__Case *test = a->item->test;
    int r = 0;

    while (r == 0 && a->sent < test->n_send) {
        const Crib__Case__Message *message = test->send[a->sent];

        r = crib_task_send(a->task, message->type ? message->type : DEFAULT_TYPE,
                           message->data.data, message->data.len, NULL, 0);
        if (r >= 0)
            a->sent++;
    }
    if (r == 0)
        (void)crib_task_disconnect(a->task); /* the module may have done so before */
}

static void on_drain(crib_task *task, void *data)
{
    (void)task;
    send_more(data);
}

static void on_error(crib_task *task, const struct crib_error *err, void *data)
{
    (void)task;
    note_error(data, err);
}

static int read_result(struct attempt *a)
{
    struct findings *o = &a->findings;
    AUTO_FREE char *json = NULL;
    ProtobufCMessage *msg;
    int r = crib_task_result_json(a->task, &json);

    if (r == 0)
        r = text_read(&crib__result__descriptor, "result.json", json, strlen(json), &o->arena, NULL,
                      &msg, NULL);
    if (r == 0)
        o->result = (Crib__Result *)msg;
    return r;
}

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    struct attempt *a = data;
    struct findings *o = &a->findings;

    (void)task;
    o->verdict = a->over ? CRIB_OUTPUT : (int)result->verdict;
    o->status = result->status;
    o->signal = result->signal;
    o->wall_us = result->wall_us;
    o->cpu_us = result->user_us + result->system_us;
    o->peak_memory = result->peak_memory;
    if (result->error.code)
        note_error(a, &result->error);
    if (read_result(a) < 0 && !o->error[0])
        note_error(a, &(struct crib_error){.code = -ENOMEM, .sys = ENOMEM, .index = -1});
    a->task = NULL;
    a->done(a);
}

/* --- what is asked --- */

static const char **texts(struct arena *arena, const ProtobufCBinaryData *list, size_t count)
{
    const char **ret = arena_alloc(arena, (count + 1) * sizeof(*ret));

    for (size_t i = 0; ret && i < count; i++)
        ret[i] = (const char *)list[i].data;
    return ret;
}

/* A relative path starts at the case file; a bare name is searched inside. */
static const char *program(struct attempt *a, const char *name)
{
    if (name[0] == '/' || !strchr(name, '/'))
        return name;
    return arena_printf(&a->findings.arena, "%s/%s", a->item->suite->dir, name);
}

static int ask_command(struct attempt *a, struct ask *ask)
{
    const Crib__Case *test = a->item->test;
    const ProtobufCBinaryData *words = test->n_run ? test->run : test->fork;
    size_t count = test->n_run ? test->n_run : test->n_fork;

    if (test->has_exec) {
        ask->file = (const char *)test->exec.data;
        ask->options.shell = "/bin/sh";
        return 0;
    }
    ask->file = program(a, (const char *)words[0].data);
    ask->args = texts(&a->findings.arena, words + 1, count - 1);
    return ask->file && ask->args ? 0 : -ENOMEM;
}

static int ask_env(struct attempt *a, struct ask *ask)
{
    const Crib__Case *test = a->item->test;
    const char **env = texts(&a->findings.arena, test->env, test->n_env);
    const char **vars = texts(&a->findings.arena, test->vars, test->n_vars);

    ask->options.vars = vars;
    if (test->has_clear_env && test->clear_env)
        ask->options.env = env;
    else
        ask->options.env_add = env;
    return env && vars ? 0 : -ENOMEM;
}

static int ask_box(struct attempt *a, struct ask *ask, struct boxes *boxes, struct crib_error *err)
{
    const Crib__Case *test = a->item->test;
    int r;

    if (test->has_cwd)
        ask->options.cwd = (const char *)test->cwd.data;
    if (!test->n_files && !test->has_at && !(test->expect && test->expect->n_files))
        return 0;
    r = box_open(boxes, &a->box, test->files, test->n_files, err);
    if (r < 0)
        return r;
    a->findings.box = &a->box;
    ask->bind.source = a->box.path;
    ask->bind.target = test->has_at ? (const char *)test->at.data : DEFAULT_AT;
    ask->bind.write = true;
    ask->options.binds = &ask->bind;
    ask->options.bind_count = 1;
    if (!test->has_cwd)
        ask->options.cwd = ask->bind.target;
    return 0;
}

static void ask_all(struct attempt *a, struct ask *ask)
{
    crib_options_init(&ask->options);
    ask->options.policy_message = a->item->policy;
    ask->options.stdio = ask->stdio;
    ask->options.stdio_count = 3;
    ask->stdio[1].kind = ask->stdio[2].kind = CRIB_PIPE;
    ask->options.data = a;
    ask->options.on.error = on_error;
    ask->options.on.close = on_close;
}

static int ask_case(struct attempt *a, struct ask *ask, struct boxes *boxes, struct crib_error *err)
{
    const Crib__Case *test = a->item->test;
    int r = ask_command(a, ask);

    ask->options.timeout_ms = test->has_timeout ? test->timeout : SUITE_TIMEOUT_MS;
    if (test->has_stdin)
        ask->stdio[0].kind = CRIB_PIPE;
    if (test->n_fork) {
        ask->options.on.message = on_message;
        ask->options.on.drain = on_drain;
    }
    if (r == 0)
        r = ask_env(a, ask);
    if (r < 0)
        return fail_sys(err, r, NULL, -1, NULL, NULL);
    return ask_box(a, ask, boxes, err);
}

static int ask_probe(struct attempt *a, struct ask *ask, struct boxes *boxes,
                     struct crib_error *err)
{
    struct arena *arena = &a->findings.arena;
    const struct concrete_call *call = &a->item->call;
    bool complete = true;

    ask->args = arena_alloc(arena, (CALLS_ARGS + 2) * sizeof(*ask->args));
    if (!ask->args)
        return fail_sys(err, -ENOMEM, NULL, -1, NULL, NULL);
    ask->args[0] = arena_printf(arena, "%d", call->call->number);
    for (unsigned i = 0; i < CALLS_ARGS; i++) {
        ask->args[i + 1] = arena_printf(arena, "%" PRIu64, call->args[i]);
        complete = complete && ask->args[i + 1];
    }
    if (!complete || !ask->args[0])
        return fail_sys(err, -ENOMEM, NULL, -1, NULL, NULL);
    ask->options.timeout_ms = PROBE_MS;
    ask->options.cwd = "/"; /* the caller's own may be out of the task's reach */
    ask->options.kill_signal = SIGKILL;
    return boxes_prober(boxes, &ask->file, err);
}

static void read_streams(struct attempt *a)
{
    crib_stream *out = crib_task_stream(a->task, 1), *err = crib_task_stream(a->task, 2);

    if (out)
        (void)crib_stream_read_start(out, on_out, a);
    if (err)
        (void)crib_stream_read_start(err, on_err, a);
}

static void feed(struct attempt *a)
{
    const Crib__Case *test = a->item->test;
    crib_stream *in = test && test->has_stdin ? crib_task_stream(a->task, 0) : NULL;

    if (!in)
        return;
    if (test->stdin.len)
        (void)crib_stream_write(in, test->stdin.data, test->stdin.len, NULL, NULL);
    crib_stream_close(in);
}

static int start(struct attempt *a, crib *ex, const struct ask *ask, struct crib_error *err)
{
    bool fork = a->item->test && a->item->test->n_fork;
    int r = fork ? crib_fork(ex, ask->file, ask->args, &ask->options, &a->task, err)
                 : crib_spawn(ex, ask->file, ask->args, &ask->options, &a->task, err);

    if (r < 0)
        return r;
    read_streams(a);
    feed(a);
    if (fork)
        send_more(a);
    return 0;
}

int attempt_start(struct attempt *a, crib *ex, struct boxes *boxes)
{
    struct findings *o = &a->findings;
    struct crib_error err = {0};
    struct ask *ask;
    int r;

    arena_init(&o->arena, 0);
    a->box.dir = -1;
    a->most_output =
        a->item->test && a->item->test->has_max_output ? a->item->test->max_output : SUITE_OUTPUT;
    o->out.max = o->err.max = a->most_output;
    o->status = -1;
    ask = arena_alloc(&o->arena, sizeof(*ask));
    r = ask ? 0 : fail_sys(&err, -ENOMEM, NULL, -1, NULL, NULL);
    if (r == 0) {
        ask_all(a, ask);
        r = a->item->test ? ask_case(a, ask, boxes, &err) : ask_probe(a, ask, boxes, &err);
    }
    if (r == 0)
        r = start(a, ex, ask, &err);
    if (r == 0)
        return 0;
    o->verdict = CRIB_SETUP_FAILED;
    note_error(a, &err);
    return 1;
}

void attempt_end(struct attempt *a)
{
    box_close(&a->box);
    buf_done(&a->findings.out);
    buf_done(&a->findings.err);
    arena_done(&a->findings.arena);
}
