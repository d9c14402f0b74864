/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks of an executor whose daemon is a script: what its answers come to. Tasks under a real cribd
 * are the tests of tests/sandbox/, which run a second time as remote/NAME.
 */
#include "daemon/remote.h"

static void runs_to_the_end(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, behave);
    assert_int_equal(spawn(&f), 0);
    assert_int_equal(crib_task_pid(f.task), 4711);
    assert_string_equal(f.log, "");
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_string_equal(f.log, "spawn exit close ");
    assert_int_equal(f.result.verdict, CRIB_EXITED);
    assert_int_equal(f.result.status, 3);
    assert_int_equal(f.fake.registered, 3);
    test_contains(f.json, "\"status\":3");
    assert_int_equal(spawn(&f), 0); /* its register is answered behind the first one's release */
    assert_true(f.fake.released >= 1);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    tear_down(&f);
}

static void runs_many_one_after_the_other(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, behave);
    for (int i = 0; i < 200; i++) {
        f.log[0] = '\0';
        assert_int_equal(spawn(&f), 0);
        uv_run(&f.loop, UV_RUN_DEFAULT);
        assert_string_equal(f.log, "spawn exit close ");
    }
    assert_int_equal(f.fake.connections, 1);
    tear_down(&f);
}

static void runs_a_blocking_form_on_a_link_of_its_own(void **state)
{
    struct crib_sync sync;
    struct fixture f;

    (void)state;
    set_up(&f, behave);
    assert_int_equal(spawn(&f), 0);
    assert_int_equal(crib_spawn_sync(f.ex, "/bin/true", NULL, NULL, 0, NULL, &sync, &f.error), 0);
    assert_int_equal(sync.result.status, 3);
    assert_int_equal(f.fake.connections, 2);
    crib_sync_done(&sync);
    assert_string_equal(f.log, ""); /* its tasks stood still meanwhile */
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_string_equal(f.log, "spawn exit close ");
    tear_down(&f);
}

/* --- refusals --- */

static void refuse_spawn(struct fake_talk *talk)
{
    Crib__Error error = CRIB__ERROR__INIT;

    error.has_code = true;
    error.code = -EACCES;
    error.step = (char *)"policy";
    error.subject = (char *)"shell";
    error.detail = (char *)"not for this user";
    while (fake_next(talk))
        fake_refuse(talk, 7, "denied", &error);
}

static void a_refused_start_has_no_events(void **state)
{
    struct fixture f;
    char text[512];

    (void)state;
    set_up(&f, refuse_spawn);
    assert_int_equal(spawn(&f), -EACCES);
    assert_string_equal(crib_error_text(&f.error, text, sizeof(text)),
                        "policy shell: not for this user");
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_string_equal(f.log, "");
    tear_down(&f);
}

static void a_silent_daemon_starts_nothing(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, fake_mute);
    assert_int_equal(spawn(&f), -ETIMEDOUT);
    tear_down(&f);
    assert_string_equal(f.log, "");
}

static void a_silent_fd_side_starts_nothing(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, behave);
    f.fake.fds = fake_mute;
    assert_int_equal(spawn(&f), -ETIMEDOUT);
    f.fake.fds = NULL;
    assert_int_equal(spawn(&f), 0); /* by another one */
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_string_equal(f.log, "spawn exit close ");
    tear_down(&f);
}

/* --- set-ups that fail --- */

static void fail_set_up(struct fake_talk *talk)
{
    Crib__Result result = CRIB__RESULT__INIT;
    Crib__Event event = CRIB__EVENT__INIT;
    Crib__Error error = CRIB__ERROR__INIT;
    struct fixture *f = talk->fake->user;

    error.has_code = error.has_sys = true;
    error.code = -ENOENT;
    error.sys = ENOENT;
    error.step = (char *)"exec";
    error.detail = (char *)"run it";
    result.has_verdict = true;
    result.verdict = CRIB__RESULT__VERDICT__setup_failed;
    result.error = &error;
    while (fake_next(talk)) {
        if (fake_is(talk, "Spawn")) {
            say_spawned(talk, 7);
            f->at = f->at < 10 ? 0 : 11; /* from 10 on: without an event for the error */
        } else if (!fake_is(talk, "Wait")) {
            fake_answer(talk, NULL);
        } else if (f->at++ == 0) {
            event.error = &error;
            say_state(talk, CRIB__TASK_STATE__STARTING, 1, &event);
        } else if (f->at == 2 || f->at == 12) {
            say_result(talk, 2, &result);
        } else {
            say_over(talk);
        }
    }
}

static void a_failed_set_up_is_one_error(void **state)
{
    struct fixture f;
    char text[512];

    (void)state;
    set_up(&f, fail_set_up);
    for (int i = 0; i < 2; i++) {
        f.log[0] = '\0';
        f.at = i * 10;
        assert_int_equal(spawn(&f), 0);
        uv_run(&f.loop, UV_RUN_DEFAULT);
        assert_string_equal(f.log, "error close ");
        assert_string_equal(crib_error_text(&f.error, text, sizeof(text)),
                            "exec: run it: No such file or directory");
        assert_int_equal(f.result.verdict, CRIB_SETUP_FAILED);
        assert_int_equal(f.result.error.code, -ENOENT);
        test_contains(f.json, "\"setup_failed\"");
    }
    tear_down(&f);
}

static void abort_at_spawn(struct fixture *f, const char *word)
{
    if (strcmp(word, "spawn") == 0)
        assert_int_equal(crib_task_abort(f->task), 0);
}

/* An abort is our own cause, and stays the verdict whatever the daemon makes of it. */
static void our_own_cause_is_the_verdict(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, behave);
    f.then = abort_at_spawn;
    assert_int_equal(spawn(&f), 0);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_string_equal(f.log, "spawn error exit close ");
    assert_int_equal(f.error.code, -ECANCELED);
    assert_int_equal(f.result.verdict, CRIB_KILLED);
    assert_int_equal(f.result.status, 3);
    tear_down(&f);
}

/* --- detached ones --- */

static void count_kills(struct fake_talk *talk)
{
    struct fixture *f = talk->fake->user;

    for (int waits = 0; fake_next(talk);) {
        if (fake_is(talk, "Spawn")) {
            Crib__SpawnRequest *request = fake_message(talk, &crib__spawn_request__descriptor);

            f->at += request && request->detached && !request->task->has_detached ? 0 : 100;
            say_spawned(talk, 7);
        } else if (fake_is(talk, "Wait") && waits++ == 0) {
            say_started(talk);
        } else if (fake_is(talk, "Kill")) {
            f->at++;
        }
    }
}

static void a_detached_one_is_left(void **state)
{
    struct crib_stdio none[3] = {{CRIB_NULL}, {CRIB_NULL}, {CRIB_NULL}};
    struct fixture f;

    (void)state;
    set_up(&f, count_kills);
    f.options.detached = true;
    assert_int_equal(spawn(&f), -EINVAL);
    test_contains(f.error.detail, "pipe (fd 0)");
    f.options.stdio = none;
    f.options.stdio_count = 3;
    f.then = close_at_spawn;
    assert_int_equal(spawn(&f), 0);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_string_equal(f.log, "spawn close ");
    assert_int_equal(f.result.verdict, 0);
    assert_int_equal(f.fake.registered, 0);
    tear_down(&f);
    assert_int_equal(f.at, 0);
}

/* --- addresses --- */

static void refuses_other_addresses(void **state)
{
    static const char *const addresses[] = {"", "/run/crib.sock", "tcp:1.2.3.4", "unix", "UNIX:/x"};
    struct crib_error error;
    uv_loop_t loop;
    crib *ex;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        assert_int_equal(crib_open(&ex, &loop, addresses[i], &error), -EINVAL);
        test_contains(error.detail, "unix:PATH");
    }
    assert_int_equal(crib_open(&ex, &loop, "unix:", &error), -EINVAL);
    assert_int_equal(crib_open(&ex, NULL, "unix:/x", &error), -EINVAL);
    assert_int_equal(crib_open(&ex, &loop, "unix:/nowhere/at/all", &error), -ENOENT);
    test_contains(error.detail, "start cribd");
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_to_the_end),
        cmocka_unit_test(runs_many_one_after_the_other),
        cmocka_unit_test(runs_a_blocking_form_on_a_link_of_its_own),
        cmocka_unit_test(a_refused_start_has_no_events),
        cmocka_unit_test(a_silent_daemon_starts_nothing),
        cmocka_unit_test(a_silent_fd_side_starts_nothing),
        cmocka_unit_test(a_failed_set_up_is_one_error),
        cmocka_unit_test(our_own_cause_is_the_verdict),
        cmocka_unit_test(a_detached_one_is_left),
        cmocka_unit_test(refuses_other_addresses),
    };

    return remote_test_run(tests);
}
