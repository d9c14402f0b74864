/* SPDX-License-Identifier: Apache-2.0 */
/* Laps of the library, of init and of a daemon as the spans of one result. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "supervise/timing.h"

struct fixture {
    crib_task task;
    Crib__Result result;
};

static void setup(struct fixture *f)
{
    struct laps laps = {.begun = 1000};

    memset(&f->task, 0, sizeof(f->task));
    crib__result__init(&f->result);
    arena_init(&f->task.arena, 0);
    laps_add(&laps, "api.request", 1100);
    laps_add(&laps, "launch.clone", 1300);
    assert_int_equal(timing_begin(&f->task, &laps), 0);
    laps_add(f->task.laps, "supervise.started", 2000);
}

static void teardown(struct fixture *f)
{
    arena_done(&f->task.arena);
}

/* Init's report with laps at these moments, the first its beginning. */
static void report(struct fixture *f, const char *const *names, const uint64_t *at, size_t count)
{
    Crib__Report report = CRIB__REPORT__INIT;
    Crib__Report__Lap laps[200], *list[200];

    assert_true(count <= 200);
    for (size_t i = 0; i < count; i++) {
        crib__report__lap__init(&laps[i]);
        laps[i].name = (char *)names[i];
        laps[i].has_at = true;
        laps[i].at = at[i];
        list[i] = &laps[i];
    }
    report.laps = list;
    report.n_laps = count;
    timing_take(&f->task, &report);
}

static void is_span(const struct fixture *f, size_t index, const char *room, const char *name,
                    uint64_t begin, uint64_t length)
{
    const Crib__Span *span = f->result.timing[index];

    assert_true(index < f->result.n_timing);
    assert_string_equal(span->room, room);
    assert_string_equal(span->name, name);
    assert_true(span->has_begin && span->begin == begin);
    assert_true(span->has_length && span->length == length);
}

static void test_by_their_begin_since_the_request(void **state)
{
    static const char *const names[] = {"", "mounts", "task.exec"};
    static const uint64_t at[] = {1250, 1500, 1900};
    struct fixture f;

    (void)state;
    setup(&f);
    report(&f, names, at, 3);
    assert_int_equal(timing_fill(&f.task, &f.task.arena, &f.result), 0);
    assert_int_equal(f.result.n_timing, 5);
    is_span(&f, 0, "api", "request", 0, 100);
    is_span(&f, 1, "launch", "clone", 100, 200);
    is_span(&f, 2, "init", "mounts", 250, 250);
    is_span(&f, 3, "supervise", "started", 300, 700);
    is_span(&f, 4, "task", "exec", 500, 400);
    teardown(&f);
}

/* An init that waited ready has done most of its work before anybody asked. */
static void test_what_was_before_the_request_does_not_count(void **state)
{
    static const char *const names[] = {"", "mounts", "wait", "task.exec"};
    static const uint64_t at[] = {100, 500, 1400, 1900};
    struct fixture f;

    (void)state;
    setup(&f);
    report(&f, names, at, 4);
    assert_int_equal(timing_fill(&f.task, &f.task.arena, &f.result), 0);
    assert_int_equal(f.result.n_timing, 5);
    is_span(&f, 1, "init", "wait", 0, 400);
    is_span(&f, 4, "task", "exec", 400, 500);
    teardown(&f);
}

/* Init is the sandbox: what it says need make no sense, and does no harm. */
static void test_init_talks_nonsense(void **state)
{
    const char *names[200];
    uint64_t at[200];
    struct fixture f;

    (void)state;
    setup(&f);
    for (size_t i = 0; i < 200; i++) {
        names[i] = i % 7 == 3 ? NULL : i % 5 == 0 ? "." : i % 3 == 0 ? "task." : ".exec";
        at[i] = i % 2 ? UINT64_MAX - i : 1000 + i;
    }
    report(&f, names, at, 200);
    report(&f, names, at, 200); /* the second is not heard */
    assert_int_equal(timing_fill(&f.task, &f.task.arena, &f.result), 0);
    assert_true(f.result.n_timing >= 3 && f.result.n_timing <= 3 + LAPS_MOST);
    for (size_t i = 0; i < f.result.n_timing; i++) {
        const Crib__Span *span = f.result.timing[i];

        assert_non_null(span->name);
        assert_non_null(span->room);
        assert_true(span->begin + span->length >= span->begin);
        assert_true(i == 0 || f.result.timing[i - 1]->begin <= span->begin);
    }
    teardown(&f);
}

static void test_a_daemons_part_lies_behind_the_request_to_it(void **state)
{
    Crib__Span launch = CRIB__SPAN__INIT, exec = CRIB__SPAN__INIT, bare = CRIB__SPAN__INIT;
    Crib__Span *list[] = {&launch, &exec, &bare};
    struct fixture f;

    (void)state;
    setup(&f);
    launch.room = (char *)"launch";
    launch.name = (char *)"clone";
    launch.begin = 10;
    launch.length = 20;
    exec.room = (char *)"task";
    exec.name = (char *)"exec";
    exec.begin = 30;
    timing_there(&f.task, list, 3, 150);
    assert_int_equal(timing_fill(&f.task, &f.task.arena, &f.result), 0);
    assert_int_equal(f.result.n_timing, 6);
    is_span(&f, 3, "cribd.launch", "clone", 160, 20);
    is_span(&f, 4, "task", "exec", 180, 0);
    assert_string_equal(f.result.timing[2]->room, "cribd.");
    teardown(&f);
}

static void test_nobody_asked(void **state)
{
    static const char *const names[] = {"", "mounts"};
    static const uint64_t at[] = {1250, 1500};
    Crib__Span span = CRIB__SPAN__INIT, *list[] = {&span};
    struct fixture f;

    (void)state;
    setup(&f);
    f.task.laps = NULL;
    report(&f, names, at, 2);
    timing_there(&f.task, list, 1, 0);
    assert_int_equal(timing_fill(&f.task, &f.task.arena, &f.result), 0);
    assert_int_equal(f.result.n_timing, 0);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_their_begin_since_the_request),
        cmocka_unit_test(test_what_was_before_the_request_does_not_count),
        cmocka_unit_test(test_init_talks_nonsense),
        cmocka_unit_test(test_a_daemons_part_lies_behind_the_request_to_it),
        cmocka_unit_test(test_nobody_asked),
    };

    return test_run(tests);
}
