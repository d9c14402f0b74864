/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <string.h>

#include "launch/launch.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static Crib__Plan *make_plan(void)
{
    Crib__Plan *plan = ARENA_NEW(&arena, crib__plan, Crib__Plan);
    Crib__MountPlan *mount = ARENA_NEW(&arena, crib__mount_plan, Crib__MountPlan);

    plan->program = ARENA_NEW(&arena, crib__program, Crib__Program);
    plan->program->file = arena_bytes(&arena, "/bin/x", 6);
    plan->program->cwd = arena_bytes(&arena, "/work", 5);
    mount->target = arena_bytes(&arena, "/data", 5);
    arena_push(&arena, &plan->mounts, &plan->n_mounts, mount);
    return plan;
}

static void check(const char *step, int code, int index, const char *expected)
{
    Crib__Report__Failure failure = CRIB__REPORT__FAILURE__INIT;
    struct crib_error err;
    char text[700];

    failure.step = (char *)step;
    failure.code = code;
    failure.index = index;
    launch_failure(make_plan(), &failure, &err);
    assert_string_equal(crib_error_text(&err, text, sizeof(text)), expected);
}

static void test_failure_names_step_thing_and_cause(void **state)
{
    (void)state;
    check("source", -ENOENT, 0, "mounts[0] /data: bind source: No such file or directory");
    check("cwd", -ENOENT, -1, "cwd /work: No such file or directory");
    check("exec", -ENOENT, -1, "exec /bin/x: No such file or directory");
    check("loopback", -ENODEV, -1, "net: bring lo up: No such device");
}

static void test_failure_says_what_to_do(void **state)
{
    (void)state;
    check(
        "read_only", -ENOSYS, -1,
        "mounts: make the root read-only: Function not implemented: it takes mount_setattr (Linux "
        "5.12): a newer kernel, or a filter around crib, such as a container's, that lets it "
        "through");
    check("task_ids", -EBADE, -1,
          "ids: take the task's ids: it was answered as done and was not: something around crib, "
          "such as a container that only pretends to give root's rights, answers for the kernel; "
          "run crib outside of it");
    check("descriptor", -EMFILE, 2,
          "stdio[2]: place the descriptor: Too many open files: raise the limit on open files "
          "(`ulimit -n`)");
}

/* A receipt keeps a line only where all of its mechanism was behind the start. */
static void test_reached_is_what_is_behind(void **state)
{
    (void)state;
    assert_true(launch_reached("descriptor", "mounts"));
    assert_true(launch_reached("descriptor", "mounts[6]"));
    assert_true(launch_reached("loopback", "namespaces"));
    assert_false(launch_reached("loopback", "net.loopback"));
    assert_false(launch_reached("descriptor", "ids")); /* the task's come later */
    assert_false(launch_reached("descriptor", "ids.groups"));
    assert_true(launch_reached("exec", "ids.groups"));
    assert_false(launch_reached("landlock", "net.abstract_sockets"));
    assert_true(launch_reached("exec", "net.abstract_sockets"));
    assert_false(launch_reached("exec", "no such mechanism"));
    assert_false(launch_reached(NULL, "mounts"));
    assert_false(launch_reached("no such step", "mounts"));
}

/* The report comes from inside the sandbox: nothing in it is believed without a look. */
static void test_failure_survives_nonsense(void **state)
{
    (void)state;
    check("no such step", -EPERM, 7, "init: crib-init reported a step unknown here");
    check(NULL, 0, 0, "init: crib-init reported a step unknown here");
    check("source", -ENOENT, 99, "mounts[99]: bind source: No such file or directory");
    check("exec", 5, -2147483647 - 1, "exec /bin/x: Protocol error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_failure_names_step_thing_and_cause, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failure_says_what_to_do, setup, teardown),
        cmocka_unit_test(test_reached_is_what_is_behind),
        cmocka_unit_test_setup_teardown(test_failure_survives_nonsense, setup, teardown),
    };

    return test_run(tests);
}
