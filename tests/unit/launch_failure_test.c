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
    char text[256];

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
    check("loopback", -EPERM, -1, "net: bring lo up: Operation not permitted");
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
        cmocka_unit_test_setup_teardown(test_failure_survives_nonsense, setup, teardown),
    };

    return test_run(tests);
}
