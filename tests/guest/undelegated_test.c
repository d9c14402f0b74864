/* SPDX-License-Identifier: Apache-2.0 */
/* An ordinary user whose group is root's, as after a plain login: no limit of the whole task can be
 * held, and the remedy is a delegated group. */
#include "guest/refusal.h"

static void test_required_is_refused_with_the_remedy(void **state)
{
    (void)state;
    refused("extends: [default]\nlimits: {memory: 64M}\n", "limits", "Delegate=yes");
    refused("extends: [default]\nlimits: {pids: 20}\n", "limits", "Delegate=yes");
    refused("extends: [default]\nlimits: {cpus: 0.5}\n", "limits", "Delegate=yes");
    refused("extends: [default]\nlimits: {cpuset: '0'}\n", "limits", "Delegate=yes");
    refused("extends: [default]\nlimits: {io_weight: 50}\n", "limits", "Delegate=yes");
}

static void test_preferred_runs_and_says_so(void **state)
{
    (void)state;
    reported("extends: [default]\nlimits: {memory: 64M, preferred: [memory]}\n", "limits.memory");
    reported("extends: [default]\nlimits: {pids: 20, preferred: [pids]}\n", "limits.pids");
    reported("extends: [default]\nlimits: {cpus: 0.5, preferred: [cpus]}\n", "limits.cpus");
    reported("extends: [default]\nlimits: {cpuset: '0', preferred: [cpuset]}\n", "limits.cpuset");
    reported("extends: [default]\nlimits: {io_weight: 50, preferred: [io_weight]}\n",
             "limits.io_weight");
}

/* Without groups memory is looked at now and then, which is enough for one that stays. */
static void test_preferred_memory_is_still_looked_at(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nlimits: {memory: 64M, preferred: [memory]}\n";
    sandbox_probe(&box, "hog 200 , sleep 60000");
    assert_int_equal(box.result.verdict, CRIB_MEMORY);
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_required_is_refused_with_the_remedy),
        cmocka_unit_test(test_preferred_runs_and_says_so),
        cmocka_unit_test(test_preferred_memory_is_still_looked_at),
    };

    return sandbox_test_run(tests);
}
