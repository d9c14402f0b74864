/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel that was told to do without the controllers memory and pids, and without Landlock:
 * `cgroup_disable=memory,pids lsm=lockdown,yama`. */
#include "guest/refusal.h"

static void test_limits_without_a_controller(void **state)
{
    (void)state;
    refused("extends: [default]\nlimits: {memory: 64M}\n", "limits", "memory");
    refused("extends: [default]\nlimits: {memory: 64M}\n", "limits", "boot");
    refused("extends: [default]\nlimits: {pids: 20}\n", "limits", "boot");
    reported("extends: [default]\nlimits: {memory: 64M, preferred: [memory]}\n", "limits.memory");
    reported("extends: [default]\nlimits: {pids: 20, preferred: [pids]}\n", "limits.pids");
}

/* The others are as good as ever. */
static void test_what_is_there_holds(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nlimits: {cpus: 0.5, cpuset: '0'}\n";
    sandbox_expect(&box, "echo ran", 0);
    assert_null(strstr(box.json, "not available: no mounted"));
    sandbox_done(&box);
}

static void test_landlock(void **state)
{
    (void)state;
    refused("extends: [default]\nlandlock: required\n", "landlock", "lsm=");
    reported("extends: [default]\nlandlock: preferred\n", "landlock");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_without_a_controller),
        cmocka_unit_test(test_what_is_there_holds),
        cmocka_unit_test(test_landlock),
    };

    return sandbox_test_run(tests);
}
