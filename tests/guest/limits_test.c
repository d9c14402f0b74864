/* SPDX-License-Identifier: Apache-2.0 */
/* Limits in cgroups of version 2: what is asked is in the leaf, and holds against tasks that try.
 */
#include "sandbox/live.h"

#include <signal.h>

#include "guest/leaf.h"

#define PATIENCE_MS 60000 /* the machine is slow, and its host may be busy */

static void run(struct sandbox *box, const char *rules, const char *verbs)
{
    sandbox_init(box);
    box->rules = rules;
    box->patience_ms = PATIENCE_MS;
    sandbox_probe(box, verbs);
}

/* Runs `/bin/sh -c LINE`. */
static void run_shell(struct sandbox *box, const char *rules, const char *line)
{
    const char *const args[] = {"-c", line, NULL};

    sandbox_init(box);
    box->rules = rules;
    box->patience_ms = PATIENCE_MS;
    sandbox_run(box, "/bin/sh", args);
}

static void ended(const struct sandbox *box, enum crib_verdict verdict, const char *limit)
{
    char text[1024];

    if (box->result.verdict != verdict)
        fail_msg("verdict %d, expected %d: %s\n%s\n%s", box->result.verdict, verdict,
                 crib_error_text(&box->error, text, sizeof(text)), box->json, box->out);
    assert_string_equal(box->result.limit, limit);
}

static void look_at_settings(struct sandbox *box)
{
    char *pids = leaf_read("pids.max");

    (void)box;
    leaf_says("memory.max", "67108864");
    leaf_says("memory.swap.max", "0");
    leaf_says("memory.oom.group", "1");
    leaf_says("cpu.max", "50000 100000");
    leaf_says("cpuset.cpus", "1");
    leaf_says("io.weight", "default 50");
    assert_in_range(atoi(pids), 20, 22); /* and those of crib itself */
    free(pids);
}

static void test_settings_are_in_the_leaf(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\n"
                "limits: {memory: 64M, pids: 20, cpus: 0.5, cpuset: '1', io_weight: 50}\n";
    box.meanwhile = look_at_settings;
    sandbox_expect(&box, "sleep 1000", 0);
    for (const char *line = box.json; (line = strstr(line, "\"limits.")); line++)
        assert_memory_not_equal(strstr(line, "\"applied\":\""), "\"applied\":\"not", 14);
    test_contains(box.json, "whole task, cgroup v2");
    sandbox_done(&box);
}

static void test_memory_ends_the_task(void **state)
{
    struct sandbox box;

    (void)state;
    run(&box, "extends: [default]\nlimits: {memory: 64M}\n", "hog 256 , echo survived");
    ended(&box, CRIB_MEMORY, "memory");
    assert_string_equal(box.out, "");
    assert_in_range(box.result.peak_memory, 60 << 20, 66 << 20);
    sandbox_done(&box);
}

/* The kernel would take the largest process alone, and the others went on. */
static void test_the_whole_tree_is_killed(void **state)
{
    struct sandbox box;

    (void)state;
    run_shell(&box, "extends: [default]\nlimits: {memory: 48M}\n",
              "for i in 1 2 3 4; do (while :; do sleep 1; done) & done\n"
              "head -c 268435456 /dev/zero | tail -n 1 >/dev/null; echo survived");
    ended(&box, CRIB_MEMORY, "memory");
    assert_string_equal(box.out, "");
    sandbox_done(&box);
}

static void test_files_in_memory_count(void **state)
{
    struct sandbox box;

    (void)state;
    run(&box,
        "extends: [default]\nlimits: {memory: 24M}\n"
        "mounts: [{type: tmpfs, target: /big, size: 1G, mode: 01777}]\n",
        "fill /big/x 100000000 , echo survived");
    ended(&box, CRIB_MEMORY, "memory");
    assert_null(strstr(box.out, "survived"));
    sandbox_done(&box);
}

/* A task that stays below ends as it wants to, and the figure is its own. */
static void test_peak_memory_is_the_trees(void **state)
{
    struct sandbox box;

    (void)state;
    run(&box, "extends: [default]\nlimits: {memory: 256M}\n", "hog 48 , exit 3");
    ended(&box, CRIB_EXITED, "");
    assert_int_equal(box.result.status, 3);
    assert_in_range(box.result.peak_memory, 48 << 20, 56 << 20);
    sandbox_done(&box);
}

static void test_a_fork_bomb_ends_at_its_limit(void **state)
{
    struct sandbox box;

    (void)state;
    run(&box, "extends: [default]\nlimits: {pids: 12}\n", "forkbomb 1000 , sleep 60000");
    ended(&box, CRIB_PIDS, "pids");
    assert_in_range(box.result.peak_pids, 8, 12);
    sandbox_done(&box);
}

/* An upper bound: a busy host makes it less. */
static void test_a_quota_holds(void **state)
{
    struct sandbox box;
    uint64_t used;

    (void)state;
    run(&box, "extends: [default]\nlimits: {cpus: 0.1}\n", "busy 250");
    ended(&box, CRIB_EXITED, "");
    used = box.result.user_us + box.result.system_us;
    assert_true(used >= 250000);
    if (used > box.result.wall_us / 4)
        fail_msg("%llu µs in %llu µs", (unsigned long long)used,
                 (unsigned long long)box.result.wall_us);
    sandbox_done(&box);
}

/* Of all its processes together. */
static void test_processor_time_ends_the_task(void **state)
{
    struct sandbox box;

    (void)state;
    run_shell(&box, "extends: [default]\nlimits: {cpu_time: 900ms}\n",
              "while :; do :; done & while :; do :; done & while :; do :; done");
    ended(&box, CRIB_CPU_TIMEOUT, "cpu_time");
    sandbox_done(&box);
}

static void test_processors_are_those_asked_for(void **state)
{
    struct sandbox box;

    (void)state;
    run_shell(&box, "extends: [default]\nlimits: {cpuset: '1'}\n",
              "grep Cpus_allowed_list /proc/self/status");
    ended(&box, CRIB_EXITED, "");
    assert_string_equal(box.out, "Cpus_allowed_list:\t1\n");
    sandbox_done(&box);
}

static void test_processors_that_are_not_there_are_refused(void **state)
{
    struct sandbox box;

    (void)state;
    run(&box, "extends: [default]\nlimits: {cpuset: '0,63'}\n", "echo ran");
    assert_int_not_equal(box.error.code, 0);
    assert_false(box.spawned);
    sandbox_done(&box);
}

/* One that reaches its own limit takes nothing from another. */
static void test_neighbours_do_not_share(void **state)
{
    struct live live;
    struct live_task calm, wild;
    const char *rules = "extends: [default]\nlimits: {memory: 48M}\n";
    crib_policy *policy;

    (void)state;
    assert_int_equal(crib_policy_parse("rules.yaml", rules, strlen(rules), &policy, NULL), 0);
    live_open(&live);
    live_task(&calm);
    live_task(&wild);
    calm.options.policy_message = wild.options.policy_message = policy;
    live_shell(&live, &calm, "read line; echo $line");
    live_shell(&live, &wild, "head -c 268435456 /dev/zero | tail -n 1");
    live_read(&wild);
    live_until(&live, &wild, "close ");
    assert_int_equal(wild.result.verdict, CRIB_MEMORY);
    live_read(&calm);
    live_run(&live);
    assert_int_equal(calm.result.verdict, CRIB_EXITED);
    live_wrote(&calm, "\n");
    live_wrote(&wild, "");
    live_close(&live);
    crib_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_are_in_the_leaf),
        cmocka_unit_test(test_memory_ends_the_task),
        cmocka_unit_test(test_the_whole_tree_is_killed),
        cmocka_unit_test(test_files_in_memory_count),
        cmocka_unit_test(test_peak_memory_is_the_trees),
        cmocka_unit_test(test_a_fork_bomb_ends_at_its_limit),
        cmocka_unit_test(test_a_quota_holds),
        cmocka_unit_test(test_processor_time_ends_the_task),
        cmocka_unit_test(test_processors_are_those_asked_for),
        cmocka_unit_test(test_processors_that_are_not_there_are_refused),
        cmocka_unit_test(test_neighbours_do_not_share),
    };

    return sandbox_test_run(tests);
}
