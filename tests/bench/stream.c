/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child's output read to its end: a crib stream, against a bare pipe; in turn in each round.
 *
 *     bench_stream ROUNDS MEBIBYTES CHILD
 */
#include <crib/crib.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include "samples.h"

extern char **environ;

struct bench {
    uv_loop_t loop;
    crib *ex;
    const char *child;
    char bytes[32]; /* how many, as the child takes it */
    unsigned long long expected, got;
    double first; /* when the first came: the start is not to be measured here */
};

static void must(bool well, const char *what)
{
    if (well)
        return;
    fprintf(stderr, "bench_stream: %s\n", what);
    exit(EXIT_FAILURE);
}

static double mebibytes_per_second(const struct bench *bench)
{
    must(bench->got == bench->expected, "bytes were lost");
    return (double)bench->got / (1 << 20) / ((samples_clock() - bench->first) / 1e6);
}

static double bare(struct bench *bench)
{
    static char data[65536];
    char way[] = "write", *argv[] = {(char *)bench->child, way, bench->bytes, NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];
    double speed;
    ssize_t n;
    pid_t pid;

    must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    must(posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) == 0, argv[0]);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    for (bench->got = 0; (n = read(ends[0], data, sizeof(data))) > 0; bench->got += (size_t)n)
        if (bench->got == 0)
            bench->first = samples_clock();
    speed = mebibytes_per_second(bench);
    close(ends[0]);
    waitpid(pid, NULL, 0);
    return speed;
}

static void on_data(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    struct bench *bench = user;

    (void)stream;
    if (!data)
        return;
    if (bench->got == 0)
        bench->first = samples_clock();
    bench->got += (size_t)len;
}

static void on_error(crib_task *task, const struct crib_error *error, void *user)
{
    char text[512];

    (void)task;
    (void)user;
    must(false, crib_error_text(error, text, sizeof(text)));
}

static double through_crib(struct bench *bench)
{
    static const struct crib_stdio stdio[3] = {
        {.kind = CRIB_NULL}, {.kind = CRIB_PIPE}, {.kind = CRIB_INHERIT}};
    const char *const args[] = {"write", bench->bytes, NULL};
    struct crib_options options;
    struct crib_error error = {0};
    crib_task *task;
    char text[512];

    crib_options_init(&options);
    options.stdio = stdio;
    options.stdio_count = 3;
    options.data = bench;
    options.on.error = on_error;
    bench->got = 0;
    must(crib_spawn(bench->ex, bench->child, args, &options, &task, &error) == 0,
         crib_error_text(&error, text, sizeof(text)));
    crib_stream_read_start(crib_task_stream(task, 1), on_data, bench);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    return mebibytes_per_second(bench);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct samples rows[2] = {{.name = "bare pipe"}, {.name = "crib, spawn"}};
    int rounds = argc == 4 ? atoi(argv[1]) : 0;

    if (rounds <= 0 || atoi(argv[2]) <= 0) {
        fprintf(stderr, "usage: bench_stream ROUNDS MEBIBYTES CHILD\n");
        return EXIT_FAILURE;
    }
    bench.expected = strtoull(argv[2], NULL, 10) << 20;
    snprintf(bench.bytes, sizeof(bench.bytes), "%llu", bench.expected);
    bench.child = argv[3];
    uv_loop_init(&bench.loop);
    must(crib_open(&bench.ex, &bench.loop, NULL, NULL) == 0, "open");
    for (int round = 0; round < rounds; round++) {
        samples_add(&rows[0], bare(&bench));
        samples_add(&rows[1], through_crib(&bench));
    }
    samples_table("Output streamed to the parent", "MiB a second", rows, 2);
    samples_done(&rows[0]);
    samples_done(&rows[1]);
    crib_close(bench.ex, NULL, NULL);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    return uv_loop_close(&bench.loop) < 0;
}
