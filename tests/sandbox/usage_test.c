/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task has used: of its whole tree where there are cgroups, of what was reaped elsewhere,
 * and the receipt says which.
 */
#include "sandbox/sandbox.h"

#include <stdlib.h>
#include <string.h>

#define MIB 1048576ull

/* Runs under a limit that brings a group of @name with it. Return: whether the figure is the
 * tree's; false where that cannot be held here. */
static bool run_limited(struct sandbox *box, const char *name, const char *limits,
                        const char *verbs)
{
    static char rules[256];
    char tree[64];
    const char *usage;

    snprintf(rules, sizeof(rules), "extends: [default]\nlimits: {%s, preferred: [%s]}\n", limits,
             name);
    box->rules = rules;
    sandbox_expect(box, verbs, 0);
    usage = strstr(box->json, "\"usage\",\"asked\":\"tree\",\"applied\":\"by cgroups: ");
    if (!usage)
        return false;
    snprintf(tree, sizeof(tree), "%.*s", (int)strcspn(usage, ";}"), usage);
    return true;
}

static void near(uint64_t value, uint64_t wanted, uint64_t by)
{
    if (value + by < wanted || value > wanted + by)
        fail_msg("%llu, and not about %llu", (unsigned long long)value, (unsigned long long)wanted);
}

/* Two processes at once have touched 40 MiB each. */
static void test_peak_memory(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    if (run_limited(&box, "memory", "memory: 1G", "hogs 2 40"))
        near(box.result.peak_memory, 80 * MIB, 12 * MIB);
    else
        near(box.result.peak_memory, 40 * MIB, 8 * MIB);
    sandbox_done(&box);
}

static void test_peak_pids(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    if (run_limited(&box, "pids", "pids: 50", "forkbomb 20"))
        assert_int_equal(box.result.peak_pids, 21);
    else
        assert_int_equal(box.result.peak_pids, 0);
    sandbox_done(&box);
}

/* A child that nobody waits for has used it. */
static void test_processor_time(void **state)
{
    struct sandbox box;
    uint64_t used;

    (void)state;
    sandbox_init(&box);
    run_limited(&box, "cpu_time", "cpu_time: 60s", "forked busy 300");
    used = box.result.user_us + box.result.system_us;
    assert_in_range(used, 250000, 20000000);
    assert_true(box.result.wall_us > 0);
    sandbox_done(&box);
}

static void test_switches_and_disks(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "forked sleep 1 , forked sleep 1 , forked sleep 1", 0);
    assert_in_range(box.result.switches, 3, 1000000);
    assert_true(box.result.preempted <= box.result.switches);
    test_contains(box.json, "\"switches\":");
    test_contains(box.json, "\"written_bytes\":");
    sandbox_done(&box);
}

static void test_bytes_of_streams(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "spam 1 12345 , spam 2 100", 0);
    test_contains(box.json, "\"streams\":[{\"fd\":1,\"bytes\":12345},{\"fd\":2,\"bytes\":100}]");
    sandbox_done(&box);
}

/* Init had no time to report, and the figures are there all the same. */
static void test_of_a_task_that_was_killed(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\n"
                "limits: {cpu_time: 200ms, memory: 1G, preferred: [cpu_time, memory]}\n";
    sandbox_probe(&box, "hog 30 , busy 60000");
    assert_int_equal(box.result.verdict, CRIB_CPU_TIMEOUT);
    assert_true(box.result.wall_us > 0);
    if (strstr(box.json, "by cgroups: times")) {
        assert_in_range(box.result.user_us + box.result.system_us, 190000, 20000000);
        near(box.result.peak_memory, 32 * MIB, 8 * MIB);
    }
    sandbox_done(&box);
}

/* The receipt says what the figures are of, whatever it is. */
static void test_the_receipt_says_of_what(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "echo ran", 0);
    test_contains(box.json, "{\"mechanism\":\"usage\",\"asked\":\"tree\",\"applied\":\"");
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peak_memory),
        cmocka_unit_test(test_peak_pids),
        cmocka_unit_test(test_processor_time),
        cmocka_unit_test(test_switches_and_disks),
        cmocka_unit_test(test_bytes_of_streams),
        cmocka_unit_test(test_of_a_task_that_was_killed),
        cmocka_unit_test(test_the_receipt_says_of_what),
    };

    return sandbox_test_run(tests);
}
