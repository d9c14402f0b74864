/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include <errno.h>
#include <stdlib.h>

static void start(struct fixture *f)
{
    fixture_start(f);
    f->policy->env = ARENA_NEW(&f->arena, crib__env, Crib__Env);
}

static void host_has(struct fixture *f, const char *entry)
{
    push_bytes(f, &f->host->env, &f->host->n_env, entry);
}

static void pass(struct fixture *f, const char *name)
{
    push_text(f, &f->policy->env->pass, &f->policy->env->n_pass, name);
}

static void set(struct fixture *f, const char *entry)
{
    push_bytes(f, &f->policy->env->set, &f->policy->env->n_set, entry);
}

static void give(struct fixture *f, const char *entry)
{
    push_bytes(f, &f->task->env, &f->task->n_env, entry);
}

static const char *env_of(struct fixture *f)
{
    const char *text = "";

    for (size_t i = 0; i < f->plan->program->n_env; i++)
        text = arena_printf(&f->arena, "%s%s%s", text, i ? " " : "",
                            (char *)f->plan->program->env[i].data);
    return text;
}

static void test_nothing_passes_unless_named(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    host_has(&f, "SECRET=1");
    must_build(&f);
    assert_string_equal(env_of(&f), "");
    fixture_done(&f);
}

static void test_patterns_end_in_a_star(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    host_has(&f, "PATH=/bin");
    host_has(&f, "PATHOS=1");
    host_has(&f, "LC_ALL=C");
    host_has(&f, "LC_=x");
    host_has(&f, "no sign");
    host_has(&f, "=nameless");
    pass(&f, "PATH");
    pass(&f, "LC_*");
    must_build(&f);
    assert_string_equal(env_of(&f), "PATH=/bin LC_ALL=C LC_=x");
    pass(&f, "*");
    must_build(&f);
    assert_string_equal(env_of(&f), "PATH=/bin PATHOS=1 LC_ALL=C LC_=x");
    fixture_done(&f);
}

static void test_the_task_beats_the_policy_beats_the_caller(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    host_has(&f, "A=host");
    host_has(&f, "B=host");
    host_has(&f, "C=host");
    host_has(&f, "C=again");
    pass(&f, "*");
    set(&f, "B=policy");
    set(&f, "D=policy");
    give(&f, "D=task");
    give(&f, "E=");
    must_build(&f);
    assert_string_equal(env_of(&f), "A=host B=policy C=host D=task E=");
    f.task->has_clear_env = f.task->clear_env = true;
    must_build(&f);
    assert_string_equal(env_of(&f), "D=task E=");
    fixture_done(&f);
}

static void test_channel_is_told_and_an_outer_one_is_not(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    host_has(&f, "CRIB_CHANNEL_FD=9");
    pass(&f, "*");
    must_build(&f);
    assert_string_equal(env_of(&f), "");
    give(&f, "CRIB_CHANNEL_FD=77");
    add_stdio(&f, 5, CRIB__STDIO__KIND__channel);
    must_build(&f);
    assert_string_equal(env_of(&f), "CRIB_CHANNEL_FD=5");
    f.task->has_clear_env = f.task->clear_env = true;
    must_build(&f);
    assert_string_equal(env_of(&f), "CRIB_CHANNEL_FD=5");
    fixture_done(&f);
}

/* Node's child looks for its own names, and takes the channel over as Node's parent would give it.
 */
static void test_nodes_channel_is_told_by_nodes_names(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    host_has(&f, "NODE_CHANNEL_FD=9");
    host_has(&f, "NODE_CHANNEL_SERIALIZATION_MODE=advanced");
    host_has(&f, "NODE_UNIQUE_ID=3");
    host_has(&f, "NODE_ENV=test");
    pass(&f, "NODE_*");
    must_build(&f);
    assert_string_equal(env_of(&f), "NODE_ENV=test");
    f.task->has_channel = true;
    f.task->channel = CRIB__TASK__CHANNEL__node;
    must_build(&f);
    assert_string_equal(env_of(&f), "NODE_ENV=test NODE_CHANNEL_FD=3 "
                                    "NODE_CHANNEL_SERIALIZATION_MODE=json");
    fixture_done(&f);
}

static void test_what_was_handed_to_the_caller_does_not_pass(void **state)
{
    static const char *const own[] = {"LISTEN_FDS=2",     "LISTEN_PID=1", "LISTEN_FDNAMES=a:b",
                                      "LISTEN_PIDFDID=5", "LISTEN=1",     "CRIB_WORKER_ID=3"};
    struct fixture f;

    (void)state;
    start(&f);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        host_has(&f, own[i]);
    pass(&f, "*");
    pass(&f, "LISTEN_FDS");
    pass(&f, "LISTEN_*");
    must_build(&f);
    assert_string_equal(env_of(&f), "LISTEN=1");
    assert_false(f.plan->program->has_listen_fds);
    set(&f, "LISTEN_FDNAMES=mine"); /* who writes it means it */
    give(&f, "LISTEN_FDS=0");
    must_build(&f);
    assert_string_equal(env_of(&f), "LISTEN=1 LISTEN_FDNAMES=mine LISTEN_FDS=0");
    fixture_done(&f);
}

/* The pid is written by init, over as many digits as a pid may have. */
static void test_sockets_that_listen_are_told_of(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    host_has(&f, "LISTEN_FDS=9");
    pass(&f, "*");
    add_stdio(&f, 3, CRIB__STDIO__KIND__inherit);
    add_stdio(&f, 4, CRIB__STDIO__KIND__given)->has_from = true;
    f.task->has_listen_fds = true;
    f.task->listen_fds = 2;
    f.task->has_channel = true;
    f.task->channel = CRIB__TASK__CHANNEL__crib;
    must_build(&f);
    assert_string_equal(env_of(&f), "CRIB_CHANNEL_FD=5 LISTEN_FDS=2 LISTEN_PID=0000000000");
    assert_int_equal(f.plan->program->listen_fds, 2);
    f.task->listen_fds = 1;
    set(&f, "LISTEN_PID=1");
    give(&f, "LISTEN_FDS=x");
    give(&f, "LISTEN_FDNAMES=web");
    must_build(&f);
    assert_string_equal(env_of(&f), "LISTEN_PID=0000000000 LISTEN_FDS=1 LISTEN_FDNAMES=web "
                                    "CRIB_CHANNEL_FD=5");
    f.task->has_clear_env = f.task->clear_env = true;
    f.task->n_env = 0;
    must_build(&f);
    assert_string_equal(env_of(&f), "CRIB_CHANNEL_FD=5 LISTEN_FDS=1 LISTEN_PID=0000000000");
    fixture_done(&f);
}

static void test_bad_entries(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    give(&f, "A=1");
    give(&f, "NAME");
    must_refuse(&f, -EINVAL, "env[1]: no = in it: it must read NAME=VALUE");
    f.task->env[1] = bytes("=value");
    must_refuse(&f, -EINVAL, "env[1]: no name before the =");
    f.task->env[1] = (ProtobufCBinaryData){.len = 0};
    must_refuse(&f, -EINVAL, "env[1]: no = in it: it must read NAME=VALUE");
    f.task->env[1] = (ProtobufCBinaryData){.len = 5, .data = (uint8_t *)"A=1\0x"};
    must_refuse(&f, -EINVAL, "env[1]: a NUL byte inside");
    f.task->n_env = 1;
    set(&f, "x");
    must_refuse(&f, -EINVAL, "env.set[0]: no = in it: it must read NAME=VALUE");
    fixture_done(&f);
}

static void test_bad_patterns(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    pass(&f, "A");
    pass(&f, "L*C");
    must_refuse(&f, -EINVAL, "env.pass[1] L*C: a * may only stand at the end");
    f.policy->env->pass[1] = "A=1";
    must_refuse(&f, -EINVAL, "env.pass[1] A=1: no name of a variable");
    f.policy->env->pass[1] = "";
    must_refuse(&f, -EINVAL, "env.pass[1]: no name of a variable");
    fixture_done(&f);
}

/* One name after another must not be compared with all before it. */
static void test_many_entries_are_quick(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    for (int i = 0; i < 100000; i++)
        give(&f, arena_printf(&f.arena, "N%d=", i));
    must_build(&f);
    assert_int_equal(f.plan->program->n_env, 100000);
    for (int i = 0; i < 40000; i++)
        give(&f, "N1=");
    must_refuse(&f, -E2BIG, "env[131072]: more than 131072 environment entries");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_passes_unless_named),
        cmocka_unit_test(test_patterns_end_in_a_star),
        cmocka_unit_test(test_the_task_beats_the_policy_beats_the_caller),
        cmocka_unit_test(test_channel_is_told_and_an_outer_one_is_not),
        cmocka_unit_test(test_nodes_channel_is_told_by_nodes_names),
        cmocka_unit_test(test_what_was_handed_to_the_caller_does_not_pass),
        cmocka_unit_test(test_sockets_that_listen_are_told_of),
        cmocka_unit_test(test_bad_entries),
        cmocka_unit_test(test_bad_patterns),
        cmocka_unit_test(test_many_entries_are_quick),
    };

    return test_run(tests);
}
