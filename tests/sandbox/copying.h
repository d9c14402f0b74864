/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task with files copied in and out, and what came of each.
 *
 *     struct copying c;
 *
 *     copying_start(&c);
 *     copying_in(&c, "/tmp/in", "hello");
 *     copying_out(&c, "/tmp/out");
 *     copying_run(&c, "cat /tmp/in >/tmp/out");
 *     copying_got(&c, 0, "hello");
 *     copying_done(&c);
 *
 * Runs in: tests.
 * Owns: a struct copying owns what it got.
 */
#ifndef SANDBOX_COPYING_H
#define SANDBOX_COPYING_H

#include "sandbox/live.h"

#define COPYING_MOST  64
#define COPYING_WORDS 128

struct copying {
    struct live live;
    struct live_task task;
    struct crib_copy_in in[COPYING_MOST];
    struct crib_copy_out out[COPYING_MOST];
    size_t n_in, n_out;
    const char *rules;                  /* text of a policy; NULL: the default one */
    void (*spawned)(struct copying *c); /* when the program runs; may be NULL */
    void *user;

    int code; /* of the start */
    struct crib_error error;
    struct crib_copied copied[COPYING_MOST]; /* its data is a copy, ended by NUL */
    char *json;
    crib_policy *policy;
};

static inline void copying_start(struct copying *c)
{
    memset(c, 0, sizeof(*c));
    live_open(&c->live);
    live_task(&c->task);
    c->task.user = c;
}

static inline struct crib_copy_in *copying_in(struct copying *c, const char *path,
                                              const char *content)
{
    struct crib_copy_in *in = &c->in[c->n_in++];

    in->path = path;
    in->data = content;
    in->len = content ? strlen(content) : 0;
    return in;
}

static inline struct crib_copy_out *copying_out(struct copying *c, const char *path)
{
    struct crib_copy_out *out = &c->out[c->n_out++];

    out->path = path;
    return out;
}

static inline void copying_keep(struct copying *c)
{
    for (size_t i = 0; i < c->n_out; i++) {
        struct crib_copied *copied = &c->copied[i];
        char *data;

        assert_int_equal(crib_task_copied(c->task.task, i, copied), 0);
        if (!copied->data)
            continue;
        data = calloc(1, copied->size + 1);
        memcpy(data, copied->data, copied->size);
        copied->data = data;
    }
    assert_int_equal(crib_task_copied(c->task.task, c->n_out, &c->copied[0]), -ENOENT);
    assert_int_equal(crib_task_result_json(c->task.task, &c->json), 0);
}

static inline void copying_then(struct live_task *task, const char *word)
{
    struct copying *c = task->user;
    struct crib_copied none;

    if (strcmp(word, "spawn") == 0 && c->spawned)
        c->spawned(c);
    if (strcmp(word, "exit") == 0)
        assert_int_equal(crib_task_copied(task->task, 0, &none), -EBUSY);
    if (strcmp(word, "close") == 0)
        copying_keep(c);
}

/* Runs a program, whatever comes of it. */
static inline void copying_exec(struct copying *c, const char *file, const char *const *args)
{
    c->task.options.copy_in = c->in;
    c->task.options.copy_in_count = c->n_in;
    c->task.options.copy_out = c->out;
    c->task.options.copy_out_count = c->n_out;
    c->task.then = copying_then;
    if (c->rules) {
        assert_int_equal(
            crib_policy_parse("test.yaml", c->rules, strlen(c->rules), &c->policy, &c->error), 0);
        c->task.options.policy_message = c->policy;
    }
    c->code = crib_spawn(c->live.ex, file, args, &c->task.options, &c->task.task, &c->error);
    if (c->code < 0)
        return;
    live_read(&c->task);
    live_run(&c->live);
    if (c->task.error.code)
        c->error = c->task.error;
}

/* The same with `/bin/sh -c LINE`. */
static inline void copying_run(struct copying *c, const char *line)
{
    const char *const args[] = {"-c", line, NULL};

    copying_exec(c, "/bin/sh", args);
}

/* The same with the probe; @verbs are split at spaces. */
static inline void copying_probe(struct copying *c, const char *verbs)
{
    const char *args[COPYING_WORDS] = {NULL};
    char *words = strdup(verbs), *at = words;
    size_t n = 0;

    for (char *word; (word = strsep(&at, " ")) && n + 1 < COPYING_WORDS;)
        args[n++] = word;
    copying_exec(c, sandbox_probe_path(), args);
    free(words);
}

/* Fails unless file @i came, with this content. */
static inline void copying_got(const struct copying *c, size_t i, const char *content)
{
    char text[1024];

    if (!c->copied[i].there)
        fail_msg("copy_out[%zu]: %s; start: %d; stderr: %.*s", i,
                 crib_error_text(c->copied[i].error.code ? &c->copied[i].error : &c->error, text,
                                 sizeof(text)),
                 c->code, (int)c->task.err.len, (char *)c->task.err.data);
    assert_int_equal(c->copied[i].error.code, 0);
    if (!content)
        return;
    assert_int_equal(c->copied[i].size, strlen(content));
    assert_string_equal(c->copied[i].data, content);
}

/* Fails unless file @i did not come, by this error. */
static inline void copying_missed(const struct copying *c, size_t i, int code, const char *sentence)
{
    char text[1024];

    if (c->copied[i].there)
        fail_msg("copy_out[%zu] came: %.40s", i,
                 c->copied[i].data ? (const char *)c->copied[i].data : "");
    crib_error_text(&c->copied[i].error, text, sizeof(text));
    assert_string_equal(text, sentence);
    assert_int_equal(c->copied[i].error.code, code);
    assert_null(c->copied[i].data);
}

/* Fails unless the start was refused or failed by this error. */
static inline void copying_refused(const struct copying *c, int code, const char *part)
{
    char text[1024];

    crib_error_text(&c->error, text, sizeof(text));
    if (!strstr(text, part))
        fail_msg("'%s' is not in: %s (%s)", part, text, c->task.log);
    assert_int_equal(c->error.code, code);
    assert_null(strstr(c->task.log, "spawn"));
}

static inline void copying_done(struct copying *c)
{
    for (size_t i = 0; i < c->n_out; i++)
        free((void *)c->copied[i].data);
    free(c->json);
    buf_done(&c->task.out);
    buf_done(&c->task.err);
    live_close(&c->live);
    crib_policy_free(c->policy);
}

#endif
