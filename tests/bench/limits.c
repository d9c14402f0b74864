/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What limits on a whole task cost, and how well they and the figures of use are met. All rows of a
 * table in turn in each round, so that all see the same machine.
 *
 *     bench_limits ROUNDS PROCESSES TRUE USE
 */
#include <crib/crib.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "samples.h"

#define WARM_UP 2 /* rounds that are not counted */

struct bench {
    uv_loop_t loop;
    crib *ex;
    const char *nothing, *use; /* programs */
    /* of the last run */
    crib_task *task;
    bool kill_when_told;
    struct crib_result result;
    struct crib_error error;
    char told[8];
    size_t told_bytes;
    double killed, closed; /* when */
};

/* A row: a task under some limits, and what of its run is measured. */
struct row {
    const char *name, *limits, *args[3];
    double (*value)(const struct bench *bench, const struct row *row);
    double goal;               /* what the value is held against */
    enum crib_verdict verdict; /* that must come of it */
    crib_policy *policy;
    struct samples samples;
};

static double told(const struct bench *bench)
{
    uint64_t value;

    memcpy(&value, bench->told, sizeof(value));
    return (double)value;
}

static void on_data(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    struct bench *bench = user;

    (void)stream;
    for (ssize_t i = 0; data && i < len; i++)
        bench->told[bench->told_bytes++ % 8] = data[i];
    if (!bench->kill_when_told || bench->told_bytes != 8 || bench->killed > 0)
        return;
    bench->killed = samples_clock();
    crib_task_kill(bench->task, SIGKILL);
}

static void on_error(crib_task *task, const struct crib_error *error, void *data)
{
    (void)task;
    ((struct bench *)data)->error = *error;
}

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    struct bench *bench = data;

    (void)task;
    bench->closed = samples_clock();
    bench->result = *result;
}

static int run(struct bench *bench, const struct row *row, double *ret_start)
{
    static const struct crib_stdio stdio[3] = {
        {.kind = CRIB_NULL}, {.kind = CRIB_PIPE}, {.kind = CRIB_INHERIT}};
    struct crib_options options;
    int r;

    crib_options_init(&options);
    options.policy_message = row->policy;
    options.cwd = "/";
    options.stdio = stdio;
    options.stdio_count = 3;
    options.data = bench;
    options.on.error = on_error;
    options.on.close = on_close;
    bench->told_bytes = 0;
    bench->killed = 0;
    bench->error = (struct crib_error){0};
    bench->kill_when_told = row->verdict == CRIB_KILLED;
    *ret_start = samples_clock();
    r = crib_spawn(bench->ex, row->args[0] ? bench->use : bench->nothing,
                   row->args[0] ? row->args : NULL, &options, &bench->task, &bench->error);
    if (r < 0)
        return r;
    crib_stream_read_start(crib_task_stream(bench->task, 1), on_data, bench);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    return bench->error.code;
}

static void run_row(struct bench *bench, struct row *row, bool counted)
{
    double start;
    int r = run(bench, row, &start);

    if (r < 0)
        row->samples.why = strdup(crib_error_text(&bench->error, (char[512]){0}, 512));
    else if (bench->result.verdict != row->verdict)
        row->samples.why = "it ended otherwise";
    else if (counted)
        samples_add(&row->samples, row->value ? row->value(bench, row) : bench->closed - start);
}

/* Rounds of all rows of a table, in turns. */
static void run_rows(struct bench *bench, struct row *rows, size_t count, int rounds)
{
    for (size_t i = 0; i < count; i++) {
        char text[512];
        int len =
            snprintf(text, sizeof(text), "extends: [default]\nlimits: {%s}\n", rows[i].limits);

        rows[i].samples.name = rows[i].name;
        if (crib_policy_parse("bench.yaml", text, (size_t)len, &rows[i].policy, &bench->error) < 0)
            rows[i].samples.why = strdup(crib_error_text(&bench->error, (char[512]){0}, 512));
    }
    for (int round = -WARM_UP; round < rounds; round++)
        for (size_t i = 0; i < count; i++)
            if (!rows[i].samples.why)
                run_row(bench, &rows[i], round >= 0);
}

static void free_rows(struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        crib_policy_free(rows[i].policy);
        samples_done(&rows[i].samples);
    }
}

/* Of each row its own goal, and by how much the median is beside it. */
static void print_goals(const char *what, const char *unit, struct row *rows, size_t count)
{
    printf("\n%s, %s\n%-32s %10s %10s %10s %10s %8s %6s\n", what, unit, "", "goal", "minimum",
           "median", "maximum", "beside", "runs");
    for (size_t i = 0; i < count; i++) {
        struct samples *samples = &rows[i].samples;
        double median = samples_at(samples, 0.5);

        if (samples->why)
            printf("%-32s not measured: %s\n", rows[i].name, samples->why);
        else
            printf("%-32s %10.1f %10.1f %10.1f %10.1f %+7.2f%% %6zu\n", rows[i].name, rows[i].goal,
                   samples_at(samples, 0), median, samples_at(samples, 1),
                   100 * (median - rows[i].goal) / rows[i].goal, samples->count);
    }
    fflush(stdout);
}

static void measure_cost(struct bench *bench, int rounds)
{
    struct row rows[] = {
        {.name = "no limits", .limits = "", .verdict = CRIB_EXITED},
        {.name = "memory, pids, cpu_time",
         .limits = "memory: 256M, pids: 64, cpu_time: 10s",
         .verdict = CRIB_EXITED},
        {.name = "these, cpus and cpuset",
         .limits = "memory: 256M, pids: 64, cpu_time: 10s, cpus: 4, cpuset: 0",
         .verdict = CRIB_EXITED},
        {.name = "limits without groups",
         .limits = "file_size: 1M, open_files: 64, wall_time: 10s, output: 1M",
         .verdict = CRIB_EXITED},
    };
    struct samples samples[4];

    run_rows(bench, rows, 4, rounds);
    for (size_t i = 0; i < 4; i++)
        samples[i] = rows[i].samples;
    samples_table("A program that does nothing, from start until its groups are gone",
                  "microseconds", samples, 4);
    free_rows(rows, 4);
}

static double counted_cpu(const struct bench *bench, const struct row *row)
{
    (void)row;
    return (double)(bench->result.user_us + bench->result.system_us) / 1e3;
}

static double counted_wall(const struct bench *bench, const struct row *row)
{
    (void)row;
    return (double)bench->result.wall_us / 1e3;
}

static double told_ms(const struct bench *bench, const struct row *row)
{
    (void)row;
    return told(bench) / 1e3;
}

static void measure_times(struct bench *bench, int rounds)
{
    struct row rows[] = {
        {"cpu_time 100ms, as counted",
         "cpu_time: 100ms",
         {"burn", "1"},
         counted_cpu,
         100,
         CRIB_CPU_TIMEOUT,
         NULL,
         {0}},
        {"cpu_time 1s, as counted",
         "cpu_time: 1s",
         {"burn", "1"},
         counted_cpu,
         1000,
         CRIB_CPU_TIMEOUT,
         NULL,
         {0}},
        {"cpu_time 1s, the program's clock",
         "cpu_time: 1s",
         {"burn", "1"},
         told_ms,
         1000,
         CRIB_CPU_TIMEOUT,
         NULL,
         {0}},
        {"cpu_time 1s, four threads",
         "cpu_time: 1s",
         {"burn", "4"},
         counted_cpu,
         1000,
         CRIB_CPU_TIMEOUT,
         NULL,
         {0}},
        {"wall_time 100ms, as counted",
         "wall_time: 100ms",
         {"wait"},
         counted_wall,
         100,
         CRIB_WALL_TIMEOUT,
         NULL,
         {0}},
        {"wall_time 1s, as counted",
         "wall_time: 1s",
         {"wait"},
         counted_wall,
         1000,
         CRIB_WALL_TIMEOUT,
         NULL,
         {0}},
        {"wall_time 1s, the program's clock",
         "wall_time: 1s",
         {"wait"},
         told_ms,
         1000,
         CRIB_WALL_TIMEOUT,
         NULL,
         {0}},
    };

    run_rows(bench, rows, 7, rounds);
    print_goals("Where a limit on time ends a program", "milliseconds", rows, 7);
    free_rows(rows, 7);
}

static double peak(const struct bench *bench, const struct row *row)
{
    (void)row;
    return (double)bench->result.peak_memory / (1 << 20);
}

static void measure_peak(struct bench *bench, int rounds)
{
    struct row rows[] = {
        {"nothing", "memory: 1G", {"touch", "0"}, peak, 0, CRIB_EXITED, NULL, {0}},
        {"16 MiB", "memory: 1G", {"touch", "16"}, peak, 16, CRIB_EXITED, NULL, {0}},
        {"64 MiB", "memory: 1G", {"touch", "64"}, peak, 64, CRIB_EXITED, NULL, {0}},
        {"256 MiB", "memory: 1G", {"touch", "256"}, peak, 256, CRIB_EXITED, NULL, {0}},
    };

    run_rows(bench, rows, 4, rounds);
    printf("\nA program that touches nothing, and crib-init: %.2f MiB; in what follows too\n",
           samples_at(&rows[0].samples, 0.5));
    print_goals("Peak memory of a program that touches so much", "MiB", rows + 1, 3);
    free_rows(rows, 4);
}

static double gone(const struct bench *bench, const struct row *row)
{
    (void)row;
    return bench->closed - bench->killed;
}

static void measure_kill(struct bench *bench, const char *processes, int rounds)
{
    struct row rows[] = {
        {"no limits", "", {"tree", processes}, gone, 0, CRIB_KILLED, NULL, {0}},
        {"pids, memory",
         "pids: 32768, memory: 1G",
         {"tree", processes},
         gone,
         0,
         CRIB_KILLED,
         NULL,
         {0}},
    };
    struct samples samples[2];
    char what[96];

    run_rows(bench, rows, 2, rounds);
    samples[0] = rows[0].samples;
    samples[1] = rows[1].samples;
    snprintf(what, sizeof(what), "From the kill of a tree of %s processes until all are gone",
             processes);
    samples_table(what, "microseconds", samples, 2);
    free_rows(rows, 2);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    int rounds = argc == 5 ? atoi(argv[1]) : 0;

    if (rounds <= 0) {
        fprintf(stderr, "usage: bench_limits ROUNDS PROCESSES TRUE USE\n");
        return EXIT_FAILURE;
    }
    bench.nothing = argv[3];
    bench.use = argv[4];
    uv_loop_init(&bench.loop);
    if (crib_open(&bench.ex, &bench.loop, NULL, &bench.error) < 0)
        return EXIT_FAILURE;
    measure_cost(&bench, rounds);
    measure_times(&bench, rounds < 10 ? rounds : 10);
    measure_peak(&bench, rounds < 10 ? rounds : 10);
    measure_kill(&bench, argv[2], rounds < 10 ? rounds : 10);
    crib_close(bench.ex, NULL, NULL);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    return uv_loop_close(&bench.loop) < 0;
}
