/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks whose daemon goes, falls silent, or says nonsense about them: an end for each, and no other
 * than the events allow.
 */
#include "daemon/remote.h"

/* --- the daemon goes --- */

/* Goes when the script has come to f->at: 0 after Spawn, 1 after started, 2 after the result. */
static void go_away(struct fake_talk *talk)
{
    struct fixture *f = talk->fake->user;

    for (int n = -1; fake_next(talk); n++) {
        if (fake_is(talk, "Spawn"))
            say_spawned(talk, 7);
        else if (n == f->at)
            return;
        else if (n == 0)
            say_started(talk);
        else
            say_exited(talk, 2, 3);
    }
}

static const char *const after_going[] = {
    "error close ",
    "spawn error exit close ",
    "spawn exit close ",
};

static void a_lost_daemon_is_an_end(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct fixture f;

        set_up(&f, go_away);
        f.at = i;
        assert_int_equal(spawn(&f), 0);
        uv_run(&f.loop, UV_RUN_DEFAULT);
        assert_string_equal(f.log, after_going[i]);
        if (i < 2) {
            assert_int_equal(f.error.code, -ECONNRESET);
            assert_string_equal(f.error.step, "daemon");
        }
        if (i == 1) {
            assert_int_equal(f.result.verdict, CRIB_KILLED);
            assert_int_equal(f.result.signal, SIGKILL);
        }
        tear_down(&f);
    }
}

static void the_next_start_connects_anew(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, behave);
    assert_int_equal(spawn(&f), 0);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    fake_halt(&f.fake); /* and the loop has had no turn since */
    fake_start(&f.fake, behave);
    f.log[0] = '\0';
    assert_int_equal(spawn(&f), 0);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_string_equal(f.log, "spawn exit close ");
    fake_halt(&f.fake);
    assert_true(spawn(&f) < 0);
    fake_start(&f.fake, behave);
    tear_down(&f);
}

/* Starts tasks, and then says nothing more. */
static void fall_silent(struct fake_talk *talk)
{
    for (int waits = 0; fake_next(talk);) {
        if (fake_is(talk, "Spawn"))
            say_spawned(talk, 7);
        else if (fake_is(talk, "Wait") && waits++ == 0)
            say_started(talk);
    }
}

static void closing_does_not_wait_for_the_silent(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, fall_silent);
    f.then = close_at_spawn;
    assert_int_equal(spawn(&f), 0);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_string_equal(f.log, "spawn error exit close ");
    assert_int_equal(f.error.code, -ETIMEDOUT);
    assert_int_equal(f.closed, 1);
    tear_down(&f);
}

/* --- nonsense --- */

static void say_again_and_again(struct fake_talk *talk)
{
    while (fake_next(talk)) {
        if (fake_is(talk, "Spawn"))
            say_spawned(talk, 7);
        else
            say_started(talk);
    }
}

static void say_no_event(struct fake_talk *talk)
{
    while (fake_next(talk)) {
        if (fake_is(talk, "Spawn"))
            say_spawned(talk, 7);
        else
            say_state(talk, CRIB__TASK_STATE__STARTING, 0, NULL);
    }
}

static void say_over_at_once(struct fake_talk *talk)
{
    while (fake_next(talk)) {
        if (fake_is(talk, "Spawn"))
            say_spawned(talk, 7);
        else
            say_over(talk);
    }
}

/* Results that cannot be: n-th Wait, n-th of them. */
static void say_odd_result(struct fake_talk *talk)
{
    struct fixture *f = talk->fake->user;
    Crib__Result result = CRIB__RESULT__INIT;
    int waits = 0;

    while (fake_next(talk)) {
        if (fake_is(talk, "Spawn")) {
            say_spawned(talk, 7);
        } else if (!fake_is(talk, "Wait")) {
            fake_answer(talk, NULL);
        } else if (waits++ == 0) {
            say_started(talk);
        } else {
            result.has_verdict = f->at != 0;
            result.verdict = f->at == 1   ? (Crib__Result__Verdict)99
                             : f->at == 2 ? (Crib__Result__Verdict)-1
                                          : CRIB__RESULT__VERDICT__setup_failed;
            say_result(talk, 2, &result);
        }
    }
}

static void forget_the_task(struct fake_talk *talk)
{
    while (fake_next(talk)) {
        if (fake_is(talk, "Spawn"))
            say_spawned(talk, 7);
        else
            fake_refuse(talk, 5, "there is no such task", NULL);
    }
}

static void nonsense_about_a_task_ends_it(void **state)
{
    static const struct {
        void (*script)(struct fake_talk *talk);
        int at;
        const char *log;
    } cases[] = {
        {say_again_and_again, 0, "spawn error exit close "},
        {say_no_event, 0, "error close "},
        {say_over_at_once, 0, "error close "},
        {say_odd_result, 0, "spawn error exit close "},
        {say_odd_result, 1, "spawn error exit close "},
        {say_odd_result, 2, "spawn error exit close "},
        {say_odd_result, 3, "spawn error exit close "},
        {forget_the_task, 0, "error close "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;

        set_up(&f, cases[i].script);
        f.at = cases[i].at;
        assert_int_equal(spawn(&f), 0);
        uv_run(&f.loop, UV_RUN_DEFAULT);
        if (strcmp(f.log, cases[i].log) != 0)
            fail_msg("%zu: %s", i, f.log);
        tear_down(&f);
    }
}

/* What the result lists is listed: another denial behind it changes nothing. */
static void go_on_after_the_result(struct fake_talk *talk)
{
    Crib__Denial denial = CRIB__DENIAL__INIT, *denials[] = {&denial, &denial, &denial};
    Crib__Result result = CRIB__RESULT__INIT;
    Crib__Event event = CRIB__EVENT__INIT;

    denial.has_count = true;
    denial.count = 2;
    denial.call = denial.text = denial.answer = (char *)"EPERM";
    event.denied = &denial;
    event.result = &result;
    event.has_started = event.started = true;
    result.has_verdict = true;
    result.verdict = CRIB__RESULT__VERDICT__exited;
    result.denials = denials;
    result.n_denials = 3;
    for (uint64_t number = 0; fake_next(talk);) {
        if (fake_is(talk, "Spawn"))
            say_spawned(talk, 7);
        else if (!fake_is(talk, "Wait"))
            fake_answer(talk, NULL);
        else if (++number < 40)
            say_state(talk, CRIB__TASK_STATE__ENDING, number, &event);
        else
            say_over(talk);
    }
}

static void nothing_is_added_to_a_result(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, go_on_after_the_result);
    assert_int_equal(spawn(&f), 0);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_string_equal(f.log, "spawn denied exit close ");
    assert_int_equal(f.result.denials, 6);
    tear_down(&f);
}

/* The terminal of a task is fetched before it is told to run; without it there is no task. */
static void a_terminal_that_does_not_come_is_an_end(void **state)
{
    struct crib_stdio terminal[3] = {{CRIB_PTY}, {CRIB_PTY}, {CRIB_PTY}};
    struct fixture f;

    (void)state;
    set_up(&f, behave);
    f.options.stdio = terminal;
    f.options.stdio_count = 3;
    assert_int_equal(spawn(&f), 0);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_string_equal(f.log, "error close ");
    assert_int_equal(f.error.code, -ENOENT);
    assert_int_equal(f.fake.registered, 0);
    tear_down(&f);
}

/* A denial that names nothing, a result with everything missing or absurd. */
static void say_hollow_things(struct fake_talk *talk)
{
    Crib__Denial denial = CRIB__DENIAL__INIT, *denials[] = {&denial};
    Crib__Receipt line = CRIB__RECEIPT__INIT, *receipt[] = {&line};
    Crib__Result result = CRIB__RESULT__INIT;
    Crib__Event event = CRIB__EVENT__INIT;

    denial.has_count = true;
    denial.count = UINT64_MAX;
    event.denied = &denial;
    result.has_verdict = result.has_signal = true;
    result.verdict = CRIB__RESULT__VERDICT__signaled;
    result.signal = -7;
    result.denials = denials;
    result.receipt = receipt;
    result.n_denials = result.n_receipt = 1;
    for (int waits = 0; fake_next(talk);) {
        if (fake_is(talk, "Spawn"))
            say_spawned(talk, 7);
        else if (!fake_is(talk, "Wait"))
            fake_answer(talk, NULL);
        else if (waits++ == 0)
            say_started(talk);
        else if (waits == 2)
            say_state(talk, CRIB__TASK_STATE__RUNNING, 2, &event);
        else if (waits == 3)
            say_result(talk, 3, &result);
        else
            say_over(talk);
    }
}

static void hollow_words_do_no_harm(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, say_hollow_things);
    assert_int_equal(spawn(&f), 0);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_string_equal(f.log, "spawn denied exit close ");
    assert_int_equal(f.result.verdict, CRIB_SIGNALED);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_daemon_is_an_end),
        cmocka_unit_test(the_next_start_connects_anew),
        cmocka_unit_test(closing_does_not_wait_for_the_silent),
        cmocka_unit_test(nonsense_about_a_task_ends_it),
        cmocka_unit_test(nothing_is_added_to_a_result),
        cmocka_unit_test(a_terminal_that_does_not_come_is_an_end),
        cmocka_unit_test(hollow_words_do_no_harm),
    };

    return remote_test_run(tests);
}
