/* SPDX-License-Identifier: Apache-2.0 */
/* A task's life, event by event. */
#include "unit/fake_init.h"

static Crib__Receipt *line(struct arena *arena, char *mechanism, char *asked, char *applied)
{
    Crib__Receipt *receipt = ARENA_NEW(arena, crib__receipt, Crib__Receipt);

    receipt->mechanism = mechanism;
    receipt->asked = asked;
    receipt->applied = applied;
    return receipt;
}

static void a_plain_life(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    adopt(&f);
    report_started(&f);
    report_refused(&f, 1);
    report_end(&f, 3 << 8);
    leave(&f);
    tear_down(&f, "spawn denied exit close ");
    assert_int_equal(f.result.verdict, CRIB_EXITED);
    assert_int_equal(f.result.status, 3);
    assert_int_equal(f.result.denials, 1);
}

static void a_failed_set_up(void **state)
{
    Crib__Report message = CRIB__REPORT__INIT;
    Crib__Report__Failure failure = CRIB__REPORT__FAILURE__INIT;
    struct fixture f;

    (void)state;
    set_up(&f);
    adopt(&f);
    failure.step = "loopback";
    failure.has_code = failure.has_index = true;
    failure.code = -EPERM;
    failure.index = -1;
    message.failure = &failure;
    report(&f, &message);
    turn(&f, 2);
    assert_int_equal(task_signal(f.task, SIGTERM), -ESRCH);
    leave(&f);
    tear_down(&f, "error close ");
    assert_int_equal(f.result.verdict, CRIB_SETUP_FAILED);
    assert_int_equal(f.result.error.code, -EPERM);
    assert_int_equal(f.error.code, -EPERM);
}

static void nothing_is_told_before_the_program_runs(void **state)
{
    struct fixture f;
    int fds[2];

    (void)state;
    set_up(&f);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(task_add_stream(f.task, 1, fds[0], false), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    close(fds[1]);
    adopt(&f);
    assert_int_equal(crib_stream_read_start(f.task->streams, on_data, &f), 0);
    turn(&f, 5);
    assert_int_equal(f.log.len, 0);
    report_started(&f);
    turn(&f, 5);
    report_end(&f, 0);
    leave(&f);
    tear_down(&f, "spawn data end exit close ");
}

static void what_was_said_before_the_end_comes_before_it(void **state)
{
    struct frame_writer *writer = frame_writer_new(0);
    struct fixture f;
    int pair[2];

    (void)state;
    set_up(&f);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(task_add_channel(f.task, pair[0], (struct dialect_want){.max = 1000}), 0);
    adopt(&f);
    report_started(&f);
    assert_int_equal(frame_writer_add(writer, "t", "1", 1, NULL, 0), 0);
    assert_int_equal(frame_writer_flush(writer, pair[1]), 0);
    report_end(&f, 0);
    turn(&f, 5); /* the control socket may well be looked at first */
    leave(&f);
    tear_down(&f, "spawn message exit disconnect close ");
    frame_writer_free(writer);
    close(pair[1]);
}

static void init_vanishes_before(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    adopt(&f);
    leave(&f);
    tear_down(&f, "error close ");
    assert_int_equal(f.result.verdict, CRIB_SETUP_FAILED);
    assert_int_equal(f.error.code, -ECONNRESET);
}

static void init_vanishes_later(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    adopt(&f);
    report_started(&f);
    turn(&f, 2);
    leave(&f);
    tear_down(&f, "spawn exit close ");
    assert_int_equal(f.result.verdict, CRIB_SIGNALED);
    assert_int_equal(f.result.signal, SIGKILL);
}

static void its_status_was_stolen(void **state)
{
    struct fixture f;
    int status;

    (void)state;
    set_up(&f);
    adopt(&f);
    report_started(&f);
    report_end(&f, 5 << 8);
    leave(&f);
    assert_int_equal(waitpid(-1, &status, 0), f.pid); /* as a careless host program does */
    tear_down(&f, "spawn exit close ");
    assert_int_equal(f.result.status, 5);
}

static void many_denials_are_counted_and_few_kept(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    f.task->on.denied = NULL;
    adopt(&f);
    report_started(&f);
    for (int i = 0; i < 10; i++) {
        report_refused(&f, 10);
        turn(&f, 2);
    }
    assert_int_equal(f.task->n_denials, TASK_MAX_DENIALS);
    assert_int_equal(f.task->denials_lost, 100 - TASK_MAX_DENIALS);
    report_end(&f, 0);
    leave(&f);
    tear_down(&f, "spawn exit close ");
    assert_int_equal(f.result.denials, 100);
}

static void inits_receipt_replaces_the_plans(void **state)
{
    Crib__Receipt changed = CRIB__RECEIPT__INIT, added = CRIB__RECEIPT__INIT;
    Crib__Receipt *lines[] = {&changed, &added};
    Crib__Report message = CRIB__REPORT__INIT;
    struct fixture f;
    Crib__Plan *plan;

    (void)state;
    set_up(&f);
    plan = f.task->plan;
    arena_push(&f.task->arena, &plan->receipt, &plan->n_receipt,
               line(&f.task->arena, "mounts", "/a", "yes"));
    arena_push(&f.task->arena, &plan->receipt, &plan->n_receipt,
               line(&f.task->arena, "mounts", "/b", "yes"));
    adopt(&f);
    changed.mechanism = added.mechanism = "mounts";
    changed.asked = "/b";
    changed.applied = "not available: gone";
    added.mechanism = "landlock";
    added.applied = "abi 6";
    message.has_started = message.started = true;
    message.receipt = lines;
    message.n_receipt = 2;
    report(&f, &message);
    turn(&f, 2);
    assert_int_equal(plan->n_receipt, 3);
    assert_string_equal(plan->receipt[0]->applied, "yes");
    assert_string_equal(plan->receipt[1]->applied, "not available: gone");
    assert_string_equal(plan->receipt[2]->mechanism, "landlock");
    report_end(&f, 0);
    leave(&f);
    tear_down(&f, "spawn exit close ");
}

static void add_line(struct fixture *f, char *mechanism, char *applied)
{
    arena_push(&f->task->arena, &f->task->plan->receipt, &f->task->plan->n_receipt,
               line(&f->task->arena, mechanism, "asked", applied));
}

/* What never was is not claimed: behind the step stays, the step says why, the rest was not
 * reached.
 */
static void a_refused_start_has_its_own_receipt(void **state)
{
    Crib__Report message = CRIB__REPORT__INIT;
    Crib__Report__Failure failure = CRIB__REPORT__FAILURE__INIT;
    Crib__Receipt **lines;
    struct fixture f;

    (void)state;
    set_up(&f);
    add_line(&f, "namespaces", "new");
    add_line(&f, "net.loopback", "up");
    add_line(&f, "caps", "none");
    adopt(&f);
    failure.step = "loopback";
    failure.has_code = true;
    failure.code = -ENODEV;
    message.failure = &failure;
    report(&f, &message);
    turn(&f, 2);
    lines = f.task->plan->receipt;
    assert_int_equal(f.task->plan->n_receipt, 3);
    assert_string_equal(lines[0]->applied, "new");
    assert_string_equal(lines[1]->applied, "refused: bring lo up: No such device");
    assert_string_equal(lines[2]->applied, "not reached");
    leave(&f);
    tear_down(&f, "error close ");
}

static void nonsense_from_init_ends_it(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    adopt(&f);
    report_started(&f);
    assert_int_equal(packet_send(f.init, "\xff\xff\xff", 3, NULL, 0), 0);
    tear_down(&f, "spawn exit close ");
    assert_int_equal(f.result.signal, SIGKILL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_life),
        cmocka_unit_test(a_failed_set_up),
        cmocka_unit_test(nothing_is_told_before_the_program_runs),
        cmocka_unit_test(what_was_said_before_the_end_comes_before_it),
        cmocka_unit_test(init_vanishes_before),
        cmocka_unit_test(init_vanishes_later),
        cmocka_unit_test(its_status_was_stolen),
        cmocka_unit_test(many_denials_are_counted_and_few_kept),
        cmocka_unit_test(inits_receipt_replaces_the_plans),
        cmocka_unit_test(a_refused_start_has_its_own_receipt),
        cmocka_unit_test(nonsense_from_init_ends_it),
    };

    return fake_init_test_run(tests);
}
