/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "samples.h"

extern char **environ;

static void must(bool well, const char *what)
{
    if (well)
        return;
    fprintf(stderr, "output: %s\n", what);
    exit(EXIT_FAILURE);
}

double output_speed(const struct output *output)
{
    must(output->got == strtoull(output->bytes, NULL, 10), "bytes were lost");
    return (double)output->got / (1 << 20) / ((samples_clock() - output->first) / 1e6);
}

double output_bare(struct output *output)
{
    static char data[65536];
    char way[] = "write", *argv[] = {(char *)output->child, way, (char *)output->bytes, NULL};
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
    for (output->got = 0; (n = read(ends[0], data, sizeof(data))) > 0; output->got += (size_t)n)
        if (output->got == 0)
            output->first = samples_clock();
    speed = output_speed(output);
    close(ends[0]);
    waitpid(pid, NULL, 0);
    return speed;
}

static void on_data(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    struct output *output = user;

    (void)stream;
    if (data && output->got == 0)
        output->first = samples_clock();
    output->got += data ? (size_t)len : 0;
}

static void on_error(crib_task *task, const struct crib_error *error, void *user)
{
    char text[512];

    (void)task;
    (void)user;
    must(false, crib_error_text(error, text, sizeof(text)));
}

double output_crib(struct output *output, crib *ex, uv_loop_t *loop)
{
    static const struct crib_stdio stdio[3] = {
        {.kind = CRIB_NULL}, {.kind = CRIB_PIPE}, {.kind = CRIB_INHERIT}};
    const char *const args[] = {"write", output->bytes, NULL};
    struct crib_options options;
    struct crib_error error = {0};
    crib_task *task;
    char text[512];

    crib_options_init(&options);
    options.stdio = stdio;
    options.stdio_count = 3;
    options.data = output;
    options.on.error = on_error;
    output->got = 0;
    must(crib_spawn(ex, output->child, args, &options, &task, &error) == 0,
         crib_error_text(&error, text, sizeof(text)));
    crib_stream_read_start(crib_task_stream(task, 1), on_data, output);
    uv_run(loop, UV_RUN_DEFAULT);
    return output_speed(output);
}
