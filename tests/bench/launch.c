/* SPDX-License-Identifier: Apache-2.0 */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "samples.h"

#define IDLE_MS  60000 /* of a prepared sandbox: longer than any pause here */
#define AWAIT_MS 1000  /* for one: the first start asks for the first */

extern char **environ;

static void must(bool well, const char *what)
{
    if (well)
        return;
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

void launch_init(struct launch *shared, const char *filter)
{
    *shared = (struct launch){.filter = filter};
    uv_loop_init(&shared->loop);
    for (int i = 0; i < 3; i++) {
        shared->stdio[i] = memfd_create("stdio", MFD_CLOEXEC);
        must(shared->stdio[i] >= 0, "memfd_create");
    }
}

void launch_done(struct launch *shared)
{
    for (int i = 0; i < 3; i++)
        close(shared->stdio[i]);
    uv_run(&shared->loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&shared->loop) == 0, "the loop");
}

void launch_open(struct launch *shared, struct launch_way *way, const char *address)
{
    struct crib_error error = {0};

    way->shared = shared;
    if (address && strcmp(address, "-") == 0)
        way->why = "no such daemon here";
    else if (crib_open(&way->ex, &shared->loop, address, &error) < 0)
        way->why = strdup(crib_error_text(&error, (char[512]){0}, 512));
}

void launch_open_prepared(struct launch *shared, struct launch_way *way, unsigned most)
{
    struct crib_error error = {0};

    launch_open(shared, way, NULL);
    way->prepared = way->counted = true;
    if (!way->why && crib_set_prepared(way->ex, most, IDLE_MS, &error) < 0)
        way->why = strdup(crib_error_text(&error, (char[512]){0}, 512));
}

void launch_close(struct launch *shared, struct launch_way *way)
{
    crib_close(way->ex, NULL, NULL);
    way->ex = NULL;
    uv_run(&shared->loop, UV_RUN_DEFAULT);
}

pid_t launch_command(struct launch_way *way)
{
    const struct launch *shared = way->shared;
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int r;

    posix_spawn_file_actions_init(&actions);
    for (int fd = 0; fd <= 2; fd++)
        posix_spawn_file_actions_adddup2(&actions, shared->stdio[fd], fd);
    if (shared->filter)
        posix_spawn_file_actions_addopen(&actions, LAUNCH_FILTER_FD, shared->filter, O_RDONLY, 0);
    r = posix_spawnp(&pid, way->command[0], &actions, NULL, way->command, environ);
    posix_spawn_file_actions_destroy(&actions);
    return r ? -r : pid;
}

static void on_error(crib_task *task, const struct crib_error *error, void *data)
{
    struct launch_end *end = data;

    (void)task;
    end->error = *error;
    end->failed = true;
}

static void on_exit_event(crib_task *task, const struct crib_result *result, void *data)
{
    (void)task;
    (void)result;
    ((struct launch_end *)data)->ended = samples_clock();
}

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    struct launch_end *end = data;

    (void)task;
    end->gone = samples_clock();
    end->done = true;
    end->failed |= result->verdict != CRIB_EXITED || result->status != 0;
    if (end->then)
        end->then(end);
}

int launch_crib(struct launch_way *way, const char *program, struct launch_end *end)
{
    struct crib_stdio stdio[3];
    struct crib_options options;

    for (int fd = 0; fd <= 2; fd++)
        stdio[fd] = (struct crib_stdio){.kind = CRIB_FD, .from = way->shared->stdio[fd]};
    crib_options_init(&options);
    options.policy = way->policy;
    options.cwd = "/"; /* there under each policy, and open to each id */
    options.data = end;
    options.on.error = on_error;
    options.on.exit = on_exit_event;
    options.on.close = on_close;
    end->done = end->failed = false;
    end->begun = samples_clock();
    if (way->line)
        return crib_exec(way->ex, way->line, &options, NULL, NULL, &end->error);
    options.stdio = stdio;
    options.stdio_count = 3;
    return crib_spawn(way->ex, program, NULL, &options, NULL, &end->error);
}

int launch_run(struct launch_way *way, const char *program, struct launch_end *end)
{
    int status = -1;
    pid_t pid;

    if (way->command) {
        end->begun = samples_clock();
        pid = launch_command(way);
        if (pid > 0)
            waitpid(pid, &status, 0);
        end->ended = end->gone = samples_clock();
        return status;
    }
    if (launch_crib(way, program, end) < 0)
        return -1;
    while (!end->done)
        uv_run(&way->shared->loop, UV_RUN_ONCE);
    return end->failed ? -1 : 0;
}

static void on_timer(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

void launch_rest(struct launch *shared, unsigned ms)
{
    bool over = false;
    uv_timer_t timer = {.data = &over};

    uv_timer_init(&shared->loop, &timer);
    uv_timer_start(&timer, on_timer, ms, 0);
    while (!over)
        uv_run(&shared->loop, UV_RUN_ONCE);
    over = false;
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&shared->loop, UV_RUN_NOWAIT);
}

void launch_await(struct launch_way *way)
{
    double end = samples_clock() + AWAIT_MS * 1e3;

    while (way->counted && !crib_prepared(way->ex) && samples_clock() < end)
        launch_rest(way->shared, 1);
}
