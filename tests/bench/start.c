/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the start of a program to its end being known: posix_spawn, crib, and commands that the
 * caller names, one after the other in each round, so that all see the same machine.
 *
 *     bench_start ROUNDS TRUE FILTER [NAME COMMAND... [::: NAME COMMAND...]...]
 *
 * FILTER is opened anew as fd 9 of each command: bubblewrap reads its filter from there.
 */
#include <crib/crib.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "samples.h"

#define MOST_ROWS 16
#define SEPARATOR ":::"
#define FILTER_FD 9
#define WARM_UP   3 /* rounds that are not counted */

extern char **environ;

struct row {
    struct samples samples;
    char **command;     /* NULL: crib */
    const char *policy; /* crib */
};

struct bench {
    uv_loop_t loop;
    crib *ex;
    const char *program, *filter;
    struct row rows[MOST_ROWS];
    size_t count;
    struct crib_error error;
    bool failed;
};

static int run_command(const struct bench *bench, char **command)
{
    posix_spawn_file_actions_t actions;
    int r, status = -1;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    for (int fd = 0; fd <= 2; fd++)
        posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_addopen(&actions, FILTER_FD, bench->filter, O_RDONLY, 0);
    r = posix_spawnp(&pid, command[0], &actions, NULL, command, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (r == 0)
        waitpid(pid, &status, 0);
    return r ? r : status;
}

static void on_error(crib_task *task, const struct crib_error *error, void *data)
{
    struct bench *bench = data;

    (void)task;
    bench->error = *error;
    bench->failed = true;
}

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    struct bench *bench = data;

    (void)task;
    bench->failed |= result->verdict != CRIB_EXITED || result->status != 0;
}

static int run_crib(struct bench *bench, const char *policy)
{
    static const struct crib_stdio stdio[3] = {
        {.kind = CRIB_NULL}, {.kind = CRIB_NULL}, {.kind = CRIB_NULL}};
    struct crib_options options;
    crib_task *task;

    crib_options_init(&options);
    options.policy = policy;
    options.cwd = "/"; /* there under each policy, and open to each id */
    options.stdio = stdio;
    options.stdio_count = 3;
    options.data = bench;
    options.on.error = on_error;
    options.on.close = on_close;
    bench->failed = false;
    if (crib_spawn(bench->ex, bench->program, NULL, &options, &task, &bench->error) < 0)
        return -1;
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    return bench->failed ? -1 : 0;
}

static void run_row(struct bench *bench, struct row *row, bool counted)
{
    double start = samples_clock();
    int r = row->command ? run_command(bench, row->command) : run_crib(bench, row->policy);

    if (r == 0 && counted)
        samples_add(&row->samples, samples_clock() - start);
    if (r == 0)
        return;
    row->samples.why = "it failed here";
    if (!row->command)
        row->samples.why = strdup(crib_error_text(&bench->error, (char[512]){0}, 512));
}

static struct row *add_row(struct bench *bench, const char *name)
{
    struct row *row = &bench->rows[bench->count];

    if (bench->count == MOST_ROWS) {
        fprintf(stderr, "bench_start: too many commands\n");
        exit(EXIT_FAILURE);
    }
    bench->count++;
    row->samples.name = name;
    return row;
}

static void add_rows(struct bench *bench, char **words)
{
    static char *plain[2];

    plain[0] = (char *)bench->program;
    add_row(bench, "posix_spawn")->command = plain;
    add_row(bench, "crib, default")->policy = "default";
    add_row(bench, "crib, strict")->policy = "strict";
    add_row(bench, "crib, open")->policy = "open";
    while (words[0] && words[1]) {
        add_row(bench, words[0])->command = words + 1;
        for (words++; *words && strcmp(*words, SEPARATOR) != 0;)
            words++;
        if (*words)
            *words++ = NULL;
    }
}

static void print_table(struct bench *bench)
{
    struct samples rows[MOST_ROWS];

    for (size_t i = 0; i < bench->count; i++)
        rows[i] = bench->rows[i].samples;
    samples_table("A program that does nothing, from start to known end", "microseconds", rows,
                  bench->count);
    for (size_t i = 0; i < bench->count; i++)
        samples_done(&rows[i]);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    int rounds = argc > 3 ? atoi(argv[1]) : 0;

    if (rounds <= 0) {
        fprintf(stderr, "usage: bench_start ROUNDS TRUE FILTER [NAME COMMAND... [::: ...]]\n");
        return EXIT_FAILURE;
    }
    bench.program = argv[2];
    bench.filter = argv[3];
    uv_loop_init(&bench.loop);
    if (crib_open(&bench.ex, &bench.loop, NULL, &bench.error) < 0)
        return EXIT_FAILURE;
    add_rows(&bench, argv + 4);
    for (int round = -WARM_UP; round < rounds; round++)
        for (size_t i = 0; i < bench.count; i++)
            if (!bench.rows[i].samples.why)
                run_row(&bench, &bench.rows[i], round >= 0);
    print_table(&bench);
    crib_close(bench.ex, NULL, NULL);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    return uv_loop_close(&bench.loop) < 0;
}
