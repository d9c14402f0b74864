/* SPDX-License-Identifier: Apache-2.0 */
/* When the main task ends, whatever it started ends too; what it left behind meanwhile is reaped.
 */
#include "sandbox/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* A word of this test's own, to know its processes by on the host. */
static const char *marker(void)
{
    static char text[64];

    snprintf(text, sizeof(text), "tree-%d-%llu", (int)getpid(), (unsigned long long)clock_us());
    return text;
}

static void assert_tree_ends(const char *verb, const char *rules)
{
    const char *word = marker();
    uint64_t start = clock_us();
    char verbs[256];
    struct sandbox box;

    snprintf(verbs, sizeof(verbs), "echo %s , %s , exit 4", word, verb);
    sandbox_init(&box);
    box.rules = rules;
    sandbox_expect(&box, verbs, 4);
    /* The stream's end came too, though a grandchild held the pipe. */
    assert_true(clock_us() - start < 10 * 1000000);
    assert_int_equal(sandbox_processes_with(word), 0);
    sandbox_done(&box);
}

static void test_grandchildren_end_with_the_main_task(void **state)
{
    (void)state;
    assert_tree_ends("orphan 60", NULL);
    assert_tree_ends("daemon 60", NULL);
    assert_tree_ends("forkbomb 200", NULL);
    assert_tree_ends("threads 20", NULL);
    /* Many that ignore what can be ignored. */
    assert_tree_ends("ignore 1 2 3 15 , forkbomb 50 , orphan 60", NULL);
}

static void test_they_end_under_the_open_policy_too(void **state)
{
    const char *word = marker();
    char verbs[256];
    struct sandbox box;

    (void)state;
    snprintf(verbs, sizeof(verbs), "echo %s , orphan 60 , daemon 60 , exit 4", word);
    sandbox_init(&box);
    box.options.policy = "open";
    sandbox_expect(&box, verbs, 4);
    assert_int_equal(sandbox_processes_with(word), 0);
    sandbox_done(&box);
}

static void test_orphans_are_reaped(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "reparent 100 , pids", 0);
    sandbox_says(box.out, "reparent", "100");
    assert_null(strstr(box.out, " Z "));
    sandbox_done(&box);
}

/* The end of the first thread alone is not the end of the task. */
static void test_another_thread_may_go_on(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "mainless", 5);
    sandbox_done(&box);
}

/* A task that lets go of everything still has an end that is told. */
static void test_a_task_without_descriptors_ends(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "closeall", 7);
    sandbox_done(&box);
}

static void test_how_it_ended_is_told(void **state)
{
    static const int signals[] = {1, 2, 3, 4, 6, 8, 9, 10, 11, 13, 14, 15, 31, 34, 64};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    for (int status = 0; status < 256; status += 51) {
        char verbs[32];

        snprintf(verbs, sizeof(verbs), "exit %d", status);
        sandbox_expect(&box, verbs, status);
        assert_int_equal(box.result.signal, 0);
    }
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        char verbs[32];

        snprintf(verbs, sizeof(verbs), "raise %d", signals[i]);
        sandbox_probe(&box, verbs);
        assert_int_equal(box.result.verdict, CRIB_SIGNALED);
        assert_int_equal(box.result.signal, signals[i]);
        assert_int_equal(box.result.status, -1);
    }
    sandbox_done(&box);
}

static void test_the_usage_is_the_tasks(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "hog 64 , busy 300", 0);
    assert_in_range(box.result.user_us + box.result.system_us, 290000, 3000000);
    assert_in_range(box.result.wall_us, 290000, 20000000);
    assert_in_range(box.result.peak_memory, 64u << 20, 200u << 20);
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grandchildren_end_with_the_main_task),
        cmocka_unit_test(test_they_end_under_the_open_policy_too),
        cmocka_unit_test(test_orphans_are_reaped),
        cmocka_unit_test(test_another_thread_may_go_on),
        cmocka_unit_test(test_a_task_without_descriptors_ends),
        cmocka_unit_test(test_how_it_ended_is_told),
        cmocka_unit_test(test_the_usage_is_the_tasks),
    };

    return sandbox_test_run(tests);
}
