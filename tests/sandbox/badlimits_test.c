/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits at the ends of their ranges and beyond: each is held exactly, or refused before the
 * program starts, with the reason.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_PROCESSOR 90000 /* ms for a task that gets a thousandth of one */

static void run(struct sandbox *box, const char *limits, const char *verbs)
{
    static char rules[512];

    snprintf(rules, sizeof(rules), "extends: [default]\nlimits: {%s}\n", limits);
    box->rules = rules;
    sandbox_probe(box, verbs);
}

/* Runs the probe under `limits: {LIMITS}`. @words: a part of the refusal; NULL: it must run. */
static void start(struct sandbox *box, const char *limits, const char *verbs, const char *words)
{
    char text[1024];

    run(box, limits, verbs);
    crib_error_text(&box->error, text, sizeof(text));
    if (!words && box->error.code)
        fail_msg("{%s}: %s", limits, text);
    if (!words)
        return;
    if (!box->error.code)
        fail_msg("{%s} ran", limits);
    assert_false(box->spawned);
    if (!strstr(text, words))
        fail_msg("{%s}: '%s' is not in '%s'", limits, words, text);
}

/* What no host can hold, or nobody can have meant. The same for every caller. */
static void test_refused_on_every_host(void **state)
{
    static const char *const rows[][2] = {
        {"memory: 0", "0 would end every task"},
        {"memory: -1", "'-1' must not be negative"},
        {"memory: 18446744073709551616", "is too large"},
        {"memory: 1", "is too little"},
        {"memory: 4095", "is too little"},
        {"swap: -1", "'-1' must not be negative"},
        {"pids: 0", "0 would end every task"},
        {"pids: -1", "'-1' must not be negative"},
        {"pids: 18446744073709551614", "is more than a kernel has"},
        {"cpus: 0", "0 would let nothing run"},
        {"cpus: -1", "'-1' must not be negative"},
        {"cpus: 0.0001", "more than three decimals"},
        {"cpus: 18446744073709551.614", "is more than any host has"},
        {"cpuset: ''", "is not a list of processors"},
        {"cpuset: '-1'", "is not a list of processors"},
        {"cpuset: '1,0'", "write 0-1"},
        {"cpuset: 8191", "processor 8191 is not there"},
        {"io_weight: 0", "a weight is 1 to 10000"},
        {"io_weight: 10001", "10001 is too much"},
        {"cpu_time: 0s", "0 would end every task"},
        {"cpu_time: -1s", "'-1s' must not be negative"},
        {"wall_time: 0s", "0 would end every task"},
        {"wall_time: -1s", "'-1s' must not be negative"},
        {"wall_time: 1", "needs a unit"},
        {"output: 0", "0 would end the task with the first byte"},
        {"output: -1", "'-1' must not be negative"},
        {"output_total: 0", "0 would end the task with the first byte"},
        {"file_size: -1", "'-1' must not be negative"},
        {"open_files: -1", "'-1' must not be negative"},
        {"open_files: 0", "open_files: 0 is too little: the task gets fd 2"},
        {"open_files: 5", "open_files: 5 is too little: the task gets 3 fds"},
        {"stack: 0", "stack: 0 is too little"},
        {"stack: 131071", "stack: 131071 is too little"},
        {"address_space: 0", "address_space: 0 is too little"},
        {"tmpfs_size: 0", "the kernel reads 0 as no limit"},
        {"tmpfs_size: 1", "tmpfs_size: 1 is too little"},
        {"tmpfs_size: 4095, preferred: [tmpfs_size]", "tmpfs_size: 4095 is too little"},
        {"tmpfs_size: 67108863", "/tmp: `size` 67108864 is over limits.tmpfs_size, 67108863"},
        {"tmpfs_inodes: 0", "the kernel reads 0 as no limit"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sandbox box;

        sandbox_init(&box);
        start(&box, rows[i][0], "echo ran", rows[i][1]);
        sandbox_done(&box);
    }
}

/* No limit at all needs nobody to hold it; one that nothing can reach needs no more than a clock.
 */
static void test_the_largest_run_on_every_host(void **state)
{
    static const char *const rows[] = {
        "memory: unlimited, swap: unlimited, pids: unlimited, cpus: unlimited",
        "memory: 18446744073709551615, pids: 18446744073709551615, swap: 0xffffffffffffffff",
        "cpu_time: unlimited, wall_time: unlimited, output: unlimited, output_total: unlimited",
        "tmpfs_size: unlimited, tmpfs_inodes: unlimited",
        "wall_time: 18446744073709551614ms",
        "output: 18446744073709551614, output_total: 18446744073709551614",
        "tmpfs_size: 18446744073709551614, tmpfs_inodes: 18446744073709551614",
        "file_size: 9223372036854775807",
        "swap: unlimited",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sandbox box;

        sandbox_init(&box);
        start(&box, rows[i], "echo ran", NULL);
        if (box.result.verdict != CRIB_EXITED || strcmp(box.out, "ran\n") != 0)
            fail_msg("{%s}: verdict %d, %s", rows[i], box.result.verdict, box.out);
        sandbox_done(&box);
    }
}

/* Over what the host has: as good as no limit, and no failure. What needs a cgroup is refused by
 * name where there is none. */
static void test_larger_than_the_host(void **state)
{
    static const char *const rows[][2] = {
        {"memory: 16777215T", "memory"},
        {"memory: 18446744073709551614", "memory"},
        {"memory: 64M, swap: 18446744073709551614, preferred: [swap]", "memory"},
        {"pids: 4194302", "pids"},
        {"cpus: 8192", "cpus"},
        {"cpu_time: 18446744073709551614ms", "cpu_time"},
        {"cpu_time: 18446744073709552ms", "cpu_time"}, /* just over 2^64 microseconds */
    };
    static const char *const busy = "busy 50 , echo ran";

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sandbox box;
        char text[1024];

        sandbox_init(&box);
        run(&box, rows[i][0], busy);
        crib_error_text(&box.error, text, sizeof(text));
        if (box.error.code && sandbox_privileged())
            fail_msg("{%s}: %s", rows[i][0], text);
        if (box.error.code)
            test_contains(text, rows[i][1]);
        else
            assert_string_equal(box.out, "ran\n");
        sandbox_done(&box);
    }
}

static void test_one_millisecond(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    start(&box, "wall_time: 1ms", "sleep 60000", NULL);
    assert_int_equal(box.result.verdict, CRIB_WALL_TIMEOUT);
    assert_string_equal(box.result.limit, "wall_time");
    sandbox_done(&box);
    sandbox_init(&box);
    start(&box, "cpu_time: 1ms, preferred: [cpu_time]", "busy 60000", NULL);
    assert_int_equal(box.result.verdict, CRIB_CPU_TIMEOUT);
    assert_string_equal(box.result.limit, "cpu_time");
    sandbox_done(&box);
}

/* The program is the one process that it may have. */
static void test_one_pid(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_only_privileged(true);
    sandbox_init(&box);
    start(&box, "pids: 1", "echo ran", NULL);
    assert_int_equal(box.result.verdict, CRIB_EXITED);
    assert_string_equal(box.out, "ran\n");
    sandbox_done(&box);
    sandbox_init(&box);
    start(&box, "pids: 1", "threads 1", NULL);
    assert_int_equal(box.result.verdict, CRIB_PIDS);
    sandbox_done(&box);
    sandbox_init(&box);
    start(&box, "pids: 2", "threads 1", NULL);
    assert_int_equal(box.result.verdict, CRIB_EXITED);
    assert_string_equal(box.out, "threads 1 ok\n");
    sandbox_done(&box);
}

/* Less than init and a program need: it never runs unlimited, and whoever ran it learns why. */
static void test_hardly_any_memory(void **state)
{
    static const char *const rows[] = {"2M", "2097153", "3M", "4M"};

    (void)state;
    sandbox_only_privileged(true);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sandbox box;
        char limits[64];

        sandbox_init(&box);
        snprintf(limits, sizeof(limits), "memory: %s", rows[i]);
        start(&box, limits, "echo ran , hog 8 , echo past", NULL);
        assert_int_equal(box.result.verdict, CRIB_MEMORY);
        assert_string_equal(box.result.limit, "memory");
        assert_null(strstr(box.out, "past"));
        sandbox_done(&box);
    }
}

static void test_a_thousandth_of_a_processor(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_only_privileged(true);
    sandbox_init(&box);
    box.patience_ms = LEAST_PROCESSOR;
    start(&box, "cpus: 0.001", "echo ran", NULL);
    assert_int_equal(box.result.verdict, CRIB_EXITED);
    assert_string_equal(box.out, "ran\n");
    sandbox_done(&box);
}

static void test_one_byte_of_output(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    start(&box, "output: 1", "spam 1 1", NULL);
    assert_int_equal(box.result.verdict, CRIB_EXITED);
    assert_string_equal(box.out, "x");
    sandbox_done(&box);
    sandbox_init(&box);
    start(&box, "output: 1", "spam 1 2 , sleep 60000", NULL);
    assert_int_equal(box.result.verdict, CRIB_OUTPUT);
    assert_string_equal(box.result.limit, "output");
    assert_string_equal(box.out, "x");
    sandbox_done(&box);
    /* each stream for itself; together they are one too many */
    sandbox_init(&box);
    start(&box, "output: 1, output_total: 1", "spam 1 1 , spam 2 1 , sleep 60000", NULL);
    assert_int_equal(box.result.verdict, CRIB_OUTPUT);
    assert_string_equal(box.result.limit, "output_total");
    assert_int_equal(box.out_len + box.err_len, 1);
    sandbox_done(&box);
}

static void test_files_of_nothing(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    start(&box, "file_size: 0", "ignore 25 , fill /tmp/x 1", NULL);
    sandbox_says(box.out, "fill", "EFBIG");
    sandbox_says(box.out, "wrote", "0");
    sandbox_done(&box);
}

static void test_the_smallest_file_systems(void **state)
{
    static const struct {
        const char *size;
        const char *wrote;
    } rows[] = {{"4096", "4096"}, {"10000", "8192"}, {"1M", "1048576"}};
    struct sandbox box;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char limits[96];

        sandbox_init(&box);
        snprintf(limits, sizeof(limits), "tmpfs_size: %s, preferred: [tmpfs_size]", rows[i].size);
        start(&box, limits, "fill /tmp/x 4000000", NULL);
        sandbox_says(box.out, "fill", "ENOSPC");
        sandbox_says(box.out, "wrote", rows[i].wrote);
        test_contains(box.json, "by limits.tmpfs_size");
        sandbox_done(&box);
    }
    /* the file system's own root is one; the probe may be below /tmp */
    sandbox_init(&box);
    start(&box, "tmpfs_inodes: 16", "inodes /dev/shm 100", NULL);
    sandbox_says(box.out, "inodes", "ENOSPC");
    sandbox_says(box.out, "made", "15");
    sandbox_done(&box);
}

static void test_a_file_system_without_files(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nlimits: {tmpfs_inodes: 16}\n"
                "mounts: [{type: tmpfs, target: /one, inodes: 1, mode: 01777}]\n";
    sandbox_expect(&box, "inodes /one 1", 0);
    sandbox_says(box.out, "inodes", "ENOSPC");
    sandbox_says(box.out, "made", "0");
    sandbox_done(&box);
}

static void test_a_small_stack_and_few_files(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    start(&box, "stack: 128K, open_files: 6", "limits", NULL);
    sandbox_says(box.out, "stack", "131072 131072");
    sandbox_says(box.out, "nofile", "6 6");
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_on_every_host),
        cmocka_unit_test(test_the_largest_run_on_every_host),
        cmocka_unit_test(test_larger_than_the_host),
        cmocka_unit_test(test_one_millisecond),
        cmocka_unit_test(test_one_pid),
        cmocka_unit_test(test_hardly_any_memory),
        cmocka_unit_test(test_a_thousandth_of_a_processor),
        cmocka_unit_test(test_one_byte_of_output),
        cmocka_unit_test(test_files_of_nothing),
        cmocka_unit_test(test_the_smallest_file_systems),
        cmocka_unit_test(test_a_file_system_without_files),
        cmocka_unit_test(test_a_small_stack_and_few_files),
    };

    return sandbox_test_run(tests);
}
