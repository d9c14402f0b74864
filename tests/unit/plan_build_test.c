/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include <errno.h>

static void test_a_task_needs_a_policy(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.task->policy = NULL;
    must_refuse(&f, -EINVAL, "policy: the task has no policy");
    fixture_done(&f);
}

static void test_nobody_need_listen_to_errors(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.task->has_uid = true;
    assert_int_equal(plan_build(f.task, f.host, &f.arena, &f.plan, NULL), -EINVAL);
    f.task->has_uid = false;
    push_text(&f, &f.policy->syscalls->allow, &f.policy->syscalls->n_allow, "raed");
    assert_int_equal(plan_build(f.task, f.host, &f.arena, &f.plan, NULL), -EINVAL);
    fixture_done(&f);
}

/* A request in which every word has something to do. */
static void start_rich(struct fixture *f)
{
    Crib__Syscalls *calls;
    Crib__Limits *limits;

    fixture_start(f);
    add_path(f, "/usr", CRIB__HOST_PATH__KIND__dir);
    add_path(f, "/missing", CRIB__HOST_PATH__KIND__missing);
    add_link(f, "/bin", "usr/bin", "/usr/bin", CRIB__HOST_PATH__KIND__dir);
    add_path(f, "/home/user/prog", CRIB__HOST_PATH__KIND__file);
    add_mount(f, CRIB__MOUNT__TYPE__host, NULL, "/usr");
    add_mount(f, CRIB__MOUNT__TYPE__host, NULL, "/bin");
    add_mount(f, CRIB__MOUNT__TYPE__host, NULL, "/missing")->has_optional = true;
    f->policy->mounts[2]->optional = true;
    add_mount(f, CRIB__MOUNT__TYPE__file, NULL, "/etc/passwd")->has_names = true;
    f->policy->mounts[3]->names = CRIB__MOUNT__NAMES__users;
    add_mount(f, CRIB__MOUNT__TYPE__tmpfs, NULL, "/tmp");
    add_mount(f, CRIB__MOUNT__TYPE__proc, NULL, "/proc");
    f->policy->has_landlock = true;
    f->policy->landlock = CRIB__NEED__preferred;
    f->policy->limits = limits = ARENA_NEW(&f->arena, crib__limits, Crib__Limits);
    limits->has_open_files = limits->has_cpu_time = limits->has_wall_time = true;
    limits->open_files = limits->cpu_time = limits->wall_time = 5000;
    add_controller(f, "cpuacct", 2, "/sys/fs/cgroup");
    f->policy->caps = ARENA_NEW(&f->arena, crib__caps, Crib__Caps);
    push_text(f, &f->policy->caps->keep, &f->policy->caps->n_keep, "CAP_CHOWN");
    calls = f->policy->syscalls;
    push_text(f, &calls->allow, &calls->n_allow, "@basic-io");
    push_text(f, &calls->allow, &calls->n_allow, "socket(domain == AF_UNIX)");
    push_text(f, &calls->deny, &calls->n_deny, "read(fd == 9)");
    push_bytes(f, &f->task->env, &f->task->n_env, "A=B");
    push_bytes(f, &f->task->args, &f->task->n_args, "one");
    add_stdio(f, 5, CRIB__STDIO__KIND__channel);
    f->task->file = bytes("./prog");
}

/* However little memory there is: the plan is whole, or there is none and nothing breaks. */
static void test_memory_may_end_anywhere(void **state)
{
    struct fixture f;
    size_t refused = 0, limit = 0;
    int r = -ENOMEM;

    (void)state;
    start_rich(&f);
    for (; r < 0; limit += 208) {
        struct arena arena;

        assert_true(limit < 1000000);
        arena_init(&arena, limit ? limit : 16);
        r = plan_build(f.task, f.host, &arena, &f.plan, &f.err);
        if (r < 0) {
            assert_int_equal(r, -ENOMEM);
            assert_int_equal(f.err.code, -ENOMEM);
            refused++;
        }
        arena_done(&arena);
    }
    assert_true(refused > 20);
    must_build(&f);
    fixture_done(&f);
}

static void test_compiling_may_run_out_of_memory_too(void **state)
{
    struct fixture f;
    size_t limit = 64;
    int r = -ENOMEM;

    (void)state;
    start_rich(&f);
    must_build(&f);
    for (; r < 0; limit *= 2) {
        struct arena arena;

        assert_true(limit < 1000000);
        arena_init(&arena, limit);
        r = plan_compile(f.plan, &arena, &f.err);
        assert_true(r == 0 || r == -ENOMEM);
        arena_done(&arena);
    }
    fixture_done(&f);
}

/* One for each, and not two: who reads a receipt looks for a mechanism by its name. */
static void test_the_receipt_has_a_line_for_each_word(void **state)
{
    static const char *const words[] = {"namespaces",
                                        "ids",
                                        "ids.groups",
                                        "limits.cpu_time",
                                        "limits.core",
                                        "limits.wall_time",
                                        "mounts",
                                        "mounts[2]",
                                        "program",
                                        "net.loopback",
                                        "caps",
                                        "syscalls",
                                        "landlock",
                                        "net.abstract_sockets",
                                        "env",
                                        "init",
                                        "session",
                                        "privileges",
                                        "syscalls.reasons",
                                        "limits.open_files"};
    struct fixture f;

    (void)state;
    start_rich(&f);
    must_build(&f);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_string_not_equal(receipt_of(&f, words[i]), "nothing");
    assert_int_equal(f.plan->n_receipt, sizeof(words) / sizeof(words[0]));
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_task_needs_a_policy),
        cmocka_unit_test(test_nobody_need_listen_to_errors),
        cmocka_unit_test(test_memory_may_end_anywhere),
        cmocka_unit_test(test_compiling_may_run_out_of_memory_too),
        cmocka_unit_test(test_the_receipt_has_a_line_for_each_word),
    };

    return test_run(tests);
}
