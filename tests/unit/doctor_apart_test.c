/* SPDX-License-Identifier: Apache-2.0 */
/* Looks that hang, die or talk nonsense do not hold up the doctor. */
#include "support/support.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "doctor/apart.h"
#include "doctor/tries.h"

#define AGES (clock_us() + 60000000) /* microseconds; longer than any of them takes */

static int say_something(void *arg, struct arena *arena, ProtobufCMessage **ret)
{
    Crib__Survey *survey = ARENA_NEW(arena, crib__survey, Crib__Survey);

    survey->lsm = arena_text(arena, arg);
    *ret = &survey->base;
    return 0;
}

static int give_up(void *arg, struct arena *arena, ProtobufCMessage **ret)
{
    (void)arg;
    (void)arena;
    (void)ret;
    return -EIO;
}

static int hang(void *arg, struct arena *arena, ProtobufCMessage **ret)
{
    for (;;)
        pause();
    return give_up(arg, arena, ret);
}

static int die(void *arg, struct arena *arena, ProtobufCMessage **ret)
{
    signal(SIGKILL, SIG_DFL);
    raise(SIGKILL);
    return give_up(arg, arena, ret);
}

/* A message of another type: its field 1 is no message. */
static int talk_nonsense(void *arg, struct arena *arena, ProtobufCMessage **ret)
{
    Crib__Finding *finding = ARENA_NEW(arena, crib__finding, Crib__Finding);

    finding->name = arg;
    *ret = &finding->base;
    return 0;
}

static int ask(apart_body *body, uint64_t until, struct arena *arena, Crib__Survey **ret)
{
    struct apart apart;

    assert_int_equal(apart_start(&apart, body, (void *)"\xff\xff\xff"), 0);
    return apart_end(&apart, until, &crib__survey__descriptor, arena, (ProtobufCMessage **)ret);
}

static void test_what_is_said_is_heard(void **state)
{
    Crib__Survey *survey;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(ask(say_something, AGES, &arena, &survey), 0);
    assert_string_equal(survey->lsm, "\xff\xff\xff");
    arena_done(&arena);
}

static void test_what_goes_wrong_is_told(void **state)
{
    Crib__Survey *survey;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(ask(give_up, AGES, &arena, &survey), -ECHILD);
    assert_int_equal(ask(die, AGES, &arena, &survey), -ECHILD);
    assert_int_equal(ask(talk_nonsense, AGES, &arena, &survey), -EPROTO);
    assert_int_equal(ask(hang, clock_us() + 20000, &arena, &survey), -ETIMEDOUT);
    assert_int_equal(ask(hang, 0, &arena, &survey), -ETIMEDOUT);
    arena_done(&arena);
}

static void test_who_is_dropped_is_gone(void **state)
{
    struct apart apart;

    (void)state;
    assert_int_equal(apart_start(&apart, hang, NULL), 0);
    apart_drop(&apart);
    assert_int_equal(apart.fd, -1);
    assert_int_equal(waitpid(apart.pid, NULL, WNOHANG), -1);
}

/* --- tries --- */

static void well(struct told *told)
{
    (void)told_failed(told, "open", 3);
}

static void refused(struct told *told)
{
    errno = ENODEV;
    if (!told_failed(told, "fsopen", -1))
        _exit(1);
}

static void killed(struct told *told)
{
    (void)told_failed(told, "mount", 0);
    raise(SIGKILL);
}

static const Crib__Survey__Attempt *try(try_body *body, struct arena *arena)
{
    Crib__Survey *survey = ARENA_NEW(arena, crib__survey, Crib__Survey);

    assert_int_equal(tries_one("it", 0, body, arena, survey), 0);
    assert_int_equal(survey->n_attempts, 1);
    assert_string_equal(survey->attempts[0]->name, "it");
    return survey->attempts[0];
}

static void test_tries_tell_the_call_and_its_errno(void **state)
{
    const Crib__Survey__Attempt *attempt;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    attempt = try(well, &arena);
    assert_true(attempt->code == 0 && attempt->signal == 0 && !attempt->call);
    attempt = try(refused, &arena);
    assert_true(attempt->code == -ENODEV && attempt->signal == 0);
    assert_string_equal(attempt->call, "fsopen");
    attempt = try(killed, &arena);
    assert_true(attempt->code == 0 && attempt->signal == SIGKILL);
    assert_string_equal(attempt->call, "mount");
    arena_done(&arena);
}

/* Whatever they find: they all end, and nothing of ours has changed. */
static void test_all_are_tried(void **state)
{
    Crib__Survey *some, *all;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    some = ARENA_NEW(&arena, crib__survey, Crib__Survey);
    all = ARENA_NEW(&arena, crib__survey, Crib__Survey);
    assert_int_equal(tries_make(false, &arena, some), 0);
    assert_int_equal(tries_make(true, &arena, all), 0);
    assert_true(some->n_attempts == 6);
    assert_true(all->n_attempts == 18);
    for (size_t i = 0; i < all->n_attempts; i++)
        if (all->attempts[i]->signal)
            fail_msg("%s: signal %u", all->attempts[i]->name, all->attempts[i]->signal);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_said_is_heard),
        cmocka_unit_test(test_what_goes_wrong_is_told),
        cmocka_unit_test(test_who_is_dropped_is_gone),
        cmocka_unit_test(test_tries_tell_the_call_and_its_errno),
        cmocka_unit_test(test_all_are_tried),
    };

    return test_run(tests);
}
