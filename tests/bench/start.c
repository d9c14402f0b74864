/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a start costs, each way of starting in turn in each round, so that all see the same machine.
 *
 *     bench_start result ROUNDS PROGRAM FILTER DAEMON PREPARED [NAME COMMAND... [::: ...]...]
 *     bench_start first  ROUNDS PROGRAM FILTER DAEMON PREPARED [NAME COMMAND... [::: ...]...]
 *
 * `result`: from the request to the end being known. `first`: from the request to the first
 * instruction of PROGRAM, which is bench_first. FILTER is fd 9 of each command: bubblewrap reads
 * its filter from there. DAEMON and PREPARED are addresses of cribd, without and with sandboxes
 * kept prepared, or `-`.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launch.h"
#include "samples.h"

#define MOST_ROWS 24
#define SEPARATOR ":::"
#define WARM_UP   3  /* rounds that are not counted */
#define PREPARED  4  /* sandboxes */
#define REST_MS   20 /* after a prepared start: the next one shall find its sandbox */

struct row {
    struct samples samples; /* end known, or first instruction */
    struct samples gone;    /* without a name: the same moment */
    struct launch_way way;
};

struct bench {
    struct launch shared;
    const char *program;
    struct row rows[MOST_ROWS];
    size_t count;
    int told; /* `first`: where bench_first's moment is read; -1 */
};

static struct launch_way *add_row(struct bench *bench, const char *name, const char *gone)
{
    struct row *row = &bench->rows[bench->count];

    if (bench->count == MOST_ROWS) {
        fprintf(stderr, "bench_start: too many commands\n");
        exit(EXIT_FAILURE);
    }
    bench->count++;
    row->samples.name = name;
    row->gone.name = bench->told < 0 ? gone : NULL;
    row->way.shared = &bench->shared;
    return &row->way;
}

static void add_crib(struct bench *bench, char **addresses)
{
    struct launch *shared = &bench->shared;
    struct launch_way *way;

    launch_open(shared, add_row(bench, "crib, cold", "crib, cold, all gone"), NULL);
    launch_open_prepared(shared, add_row(bench, "crib, prepared", "crib, prepared, all gone"),
                         PREPARED);
    launch_open(shared, add_row(bench, "cribd, cold", "cribd, cold, all gone"), addresses[0]);
    way = add_row(bench, "cribd, prepared", "cribd, prepared, all gone");
    launch_open(shared, way, addresses[1]);
    way->prepared = true;
    if (bench->told >= 0)
        return;
    way = add_row(bench, "crib, policy strict", NULL);
    launch_open(shared, way, NULL);
    way->policy = "strict";
    way = add_row(bench, "crib, policy open", NULL);
    launch_open(shared, way, NULL);
    way->policy = "open";
    way = add_row(bench, "crib, exec of a shell", NULL);
    launch_open(shared, way, NULL);
    way->line = ":";
}

static void add_commands(struct bench *bench, char **words)
{
    while (words[0] && words[1]) {
        add_row(bench, words[0], NULL)->command = words + 1;
        for (words++; *words && strcmp(*words, SEPARATOR) != 0;)
            words++;
        if (*words)
            *words++ = NULL;
    }
}

static void run_row(struct bench *bench, struct row *row, bool counted)
{
    struct launch_end end = {0};
    uint64_t ns;
    int r;

    launch_await(&row->way);
    r = launch_run(&row->way, bench->program, &end);
    if (r == 0 && bench->told >= 0) {
        r = read(bench->told, &ns, sizeof(ns)) == sizeof(ns) ? 0 : -1;
        end.ended = (double)ns / 1e3;
    }
    if (r == 0 && counted) {
        samples_add(&row->samples, end.ended - end.begun);
        if (row->gone.name)
            samples_add(&row->gone, end.gone - end.begun);
    }
    if (row->way.prepared)
        launch_rest(&bench->shared, REST_MS);
    if (r == 0)
        return;
    row->way.why = "it failed here";
    if (end.error.code)
        row->way.why = strdup(crib_error_text(&end.error, (char[512]){0}, 512));
}

static void print_table(struct bench *bench)
{
    struct samples rows[2 * MOST_ROWS];
    size_t count = 0;

    for (size_t i = 0; i < bench->count; i++) {
        bench->rows[i].samples.why = bench->rows[i].gone.why = bench->rows[i].way.why;
        rows[count++] = bench->rows[i].samples;
        if (bench->rows[i].gone.name)
            rows[count++] = bench->rows[i].gone;
    }
    samples_table(bench->told < 0 ? "From the request to the known end of a program"
                                  : "From the request to a program's first instruction",
                  "microseconds", rows, count);
    for (size_t i = 0; i < count; i++)
        samples_done(&rows[i]);
}

/* bench_first writes into a pipe, all others into nothing. */
static void open_told(struct bench *bench)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        exit(EXIT_FAILURE);
    bench->told = ends[0];
    close(bench->shared.stdio[1]);
    bench->shared.stdio[1] = ends[1];
}

int main(int argc, char **argv)
{
    static struct bench bench = {.told = -1};
    static char *plain[2], *shell[] = {"sh", "-c", ":", NULL};
    int rounds = argc > 6 ? atoi(argv[2]) : 0;

    if (rounds <= 0) {
        fprintf(stderr, "usage: bench_start result|first ROUNDS PROGRAM FILTER DAEMON PREPARED "
                        "[NAME COMMAND... [::: ...]]\n");
        return EXIT_FAILURE;
    }
    bench.program = plain[0] = argv[3];
    launch_init(&bench.shared, argv[4]);
    if (strcmp(argv[1], "first") == 0)
        open_told(&bench);
    add_row(&bench, "posix_spawn", NULL)->command = plain;
    add_crib(&bench, argv + 5);
    if (bench.told < 0)
        add_row(&bench, "posix_spawn of a shell", NULL)->command = shell;
    add_commands(&bench, argv + 7);
    for (int round = -WARM_UP; round < rounds; round++)
        for (size_t i = 0; i < bench.count; i++)
            if (!bench.rows[i].way.why)
                run_row(&bench, &bench.rows[i], round >= 0);
    print_table(&bench);
    for (size_t i = 0; i < bench.count; i++)
        launch_close(&bench.shared, &bench.rows[i].way);
    launch_done(&bench.shared);
    return EXIT_SUCCESS;
}
