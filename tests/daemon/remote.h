/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An executor of a scripted daemon (fake.h), with what happened to its one task, and what scripts
 * say about tasks.
 *
 * Runs in: tests.
 */
#ifndef DAEMON_REMOTE_H
#define DAEMON_REMOTE_H

#include "daemon/fake.h"

#include <signal.h>

#include "client/remote.h"

struct fixture {
    struct fake fake;
    uv_loop_t loop;
    uv_timer_t patience;
    crib *ex;
    crib_task *task;
    struct crib_options options;
    char log[512];
    struct crib_result result;
    struct crib_error error;
    char *json;
    int closed; /* executors */
    int at;     /* how far the script is, where it says so */
    void (*then)(struct fixture *f, const char *word);
};

static inline void note(struct fixture *f, const char *word)
{
    size_t used = strlen(f->log);

    snprintf(f->log + used, sizeof(f->log) - used, "%s ", word);
    if (f->then)
        f->then(f, word);
}

static inline void on_spawn(crib_task *task, void *data)
{
    (void)task;
    note(data, "spawn");
}

static inline void on_denied(crib_task *task, const struct crib_denial *denial, void *data)
{
    (void)task;
    assert_true(denial->call && denial->text && denial->answer);
    note(data, "denied");
}

static inline void on_error(crib_task *task, const struct crib_error *error, void *data)
{
    struct fixture *f = data;

    (void)task;
    assert_true(error->code < 0);
    f->error = *error;
    note(f, "error");
}

static inline void on_exit_event(crib_task *task, const struct crib_result *result, void *data)
{
    (void)task;
    (void)result;
    note(data, "exit");
}

static inline void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    struct fixture *f = data;

    f->result = *result;
    f->task = NULL;
    free(f->json);
    if (crib_task_result_json(task, &f->json) < 0)
        f->json = NULL;
    note(f, "close");
}

static inline void on_ex_closed(void *data)
{
    ((struct fixture *)data)->closed++;
}

static inline void on_impatience(uv_timer_t *timer)
{
    fail_msg("still waiting; so far: %s", ((struct fixture *)timer->data)->log);
}

static inline void set_up(struct fixture *f, void (*script)(struct fake_talk *talk))
{
    char address[600];

    memset(f, 0, sizeof(*f));
    f->fake.user = f;
    fake_start(&f->fake, script);
    crib_options_init(&f->options);
    f->options.data = f;
    f->options.on = (struct crib_events){.spawn = on_spawn,
                                         .denied = on_denied,
                                         .error = on_error,
                                         .exit = on_exit_event,
                                         .close = on_close};
    assert_int_equal(uv_loop_init(&f->loop), 0);
    uv_timer_init(&f->loop, &f->patience);
    f->patience.data = f;
    uv_timer_start(&f->patience, on_impatience, 20000, 0);
    uv_unref((uv_handle_t *)&f->patience);
    snprintf(address, sizeof(address), "unix:%s", f->fake.path);
    assert_int_equal(crib_open(&f->ex, &f->loop, address, &f->error), 0);
    ((struct remote *)f->ex->remote)->deadline_ms = 300;
    ((struct remote *)f->ex->remote)->link->deadline_ms = 300;
}

static inline void tear_down(struct fixture *f)
{
    crib_close(f->ex, on_ex_closed, f);
    uv_close((uv_handle_t *)&f->patience, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->closed, 1);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    fake_stop(&f->fake);
    free(f->json);
}

static inline int spawn(struct fixture *f)
{
    return crib_spawn(f->ex, "/bin/true", NULL, &f->options, &f->task, &f->error);
}

/* --- what scripts say --- */

static inline void say_spawned(struct fake_talk *talk, uint64_t number)
{
    Crib__SpawnResponse response = CRIB__SPAWN_RESPONSE__INIT;

    response.task = number;
    response.pid = 4711;
    fake_answer(talk, &response.base);
}

static inline void say_state(struct fake_talk *talk, Crib__TaskState state, uint64_t number,
                             Crib__Event *event)
{
    Crib__WaitResponse response = CRIB__WAIT_RESPONSE__INIT;
    Crib__TaskEvent item = CRIB__TASK_EVENT__INIT, *items[] = {&item};

    response.state = state;
    item.number = number;
    item.event = event;
    if (event) {
        response.events = items;
        response.n_events = 1;
    }
    fake_answer(talk, &response.base);
}

static inline void say_started(struct fake_talk *talk)
{
    Crib__Event event = CRIB__EVENT__INIT;

    event.has_started = event.started = true;
    say_state(talk, CRIB__TASK_STATE__RUNNING, 1, &event);
}

static inline void say_result(struct fake_talk *talk, uint64_t number, Crib__Result *result)
{
    Crib__Event event = CRIB__EVENT__INIT;

    event.result = result;
    say_state(talk, CRIB__TASK_STATE__ENDING, number, &event);
}

static inline void say_exited(struct fake_talk *talk, uint64_t number, int status)
{
    Crib__Result result = CRIB__RESULT__INIT;

    result.has_verdict = result.has_status = true;
    result.verdict = CRIB__RESULT__VERDICT__exited;
    result.status = status;
    say_result(talk, number, &result);
}

static inline void say_over(struct fake_talk *talk)
{
    say_state(talk, CRIB__TASK_STATE__ENDED, 0, NULL);
}

/* A task that runs and ends; what else is asked is answered with nothing. */
static inline void behave(struct fake_talk *talk)
{
    Crib__WaitRequest *wait;

    while (fake_next(talk)) {
        if (fake_is(talk, "Spawn")) {
            say_spawned(talk, 7);
            continue;
        }
        wait = fake_is(talk, "Wait") ? fake_message(talk, &crib__wait_request__descriptor) : NULL;
        if (!wait)
            fake_answer(talk, NULL);
        else if (wait->task != 7)
            fake_refuse(talk, 5, "no such task", NULL);
        else if (wait->until == CRIB__TASK_STATE__ENDED)
            say_over(talk);
        else if (wait->after == 0)
            say_started(talk);
        else
            say_exited(talk, 2, 3);
    }
}

static inline void close_at_spawn(struct fixture *f, const char *word)
{
    if (strcmp(word, "spawn") != 0)
        return;
    crib_close(f->ex, on_ex_closed, f);
    f->ex = NULL;
}

/* What main() does. */
#define remote_test_run(tests) (warm(), test_run(tests))
static inline void warm(void)
{
    uv_loop_t loop;

    uv_loop_init(&loop); /* the first one opens what stays open */
    uv_loop_close(&loop);
}

#endif
