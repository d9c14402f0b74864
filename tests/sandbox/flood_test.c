/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refused calls as fast as the kernel lets several threads and processes make them, in turn and
 * with changing arguments: counted to the last, told in few messages, in nobody's way.
 */
#include "sandbox/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* reboot, mount, ptrace, swapon, kexec_load: 8 threads make 12,500 of them each. */
#define STORM   "storm 4 12500 169 165 101 167 246"
#define ENDLESS "storm 4 1000000000 169 165 101 167 246"
#define CALLS   100000

static uint64_t sum_of_counts(const char *denied, unsigned *ret_lines)
{
    uint64_t sum = 0;

    *ret_lines = 0;
    for (const char *line = denied; *line; line = strchr(line, '\n') + 1, ++*ret_lines) {
        const char *count = strstr(line, " EPERM ");

        assert_non_null(count);
        sum += strtoull(count + 7, NULL, 10);
    }
    return sum;
}

static void test_every_call_is_counted(void **state)
{
    uint64_t start = clock_us(), seconds;
    struct sandbox box;
    unsigned lines;

    (void)state;
    sandbox_init(&box);
    box.patience_ms = 150000;
    sandbox_expect(&box, STORM, 0);
    seconds = (clock_us() - start) / 1000000;
    sandbox_says(box.out, "storm", "4");
    assert_int_equal(box.result.denials, CALLS);
    assert_true(sum_of_counts(box.denied, &lines) <= CALLS);
    assert_in_range(lines, 5, 200 * (seconds + 2) + 512);
    if (!sandbox_address()) /* a daemon may tell fewer, when it has much to tell */
        assert_int_equal(sum_of_counts(box.denied, &lines), CALLS);
    sandbox_done(&box);
}

/* Another task of the same caller begins and ends while the flood goes on. */
static void run_another(struct sandbox *box)
{
    char *out = sandbox_output(NULL, "repeat 10 169 , echo well");

    test_contains(out, "well\n");
    free(out);
    crib_task_kill(box->task, SIGKILL);
}

static void test_other_tasks_go_on(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.patience_ms = 150000;
    box.meanwhile = run_another;
    sandbox_probe(&box, ENDLESS);
    assert_int_equal(box.result.verdict, CRIB_KILLED);
    sandbox_done(&box);
}

/* What init is asked in the midst of it is done. */
static void terminate(struct sandbox *box)
{
    crib_task_kill(box->task, SIGTERM);
}

static void test_a_signal_gets_through(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.patience_ms = 150000;
    box.meanwhile = terminate;
    sandbox_probe(&box, ENDLESS);
    assert_int_equal(box.result.signal, SIGTERM);
    sandbox_done(&box);
}

static void test_a_timeout_ends_it(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.patience_ms = 150000;
    box.options.timeout_ms = 1000;
    sandbox_probe(&box, ENDLESS);
    assert_int_equal(box.result.verdict, CRIB_WALL_TIMEOUT);
    assert_true(box.result.denials > 0);
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call_is_counted),
        cmocka_unit_test(test_other_tasks_go_on),
        cmocka_unit_test(test_a_signal_gets_through),
        cmocka_unit_test(test_a_timeout_ends_it),
    };

    return sandbox_test_run(tests);
}
