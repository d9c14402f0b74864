/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest conversation: the parent greets, the child answers and hands over a pipe's end, and
 * the parent reads from that what the child has written. The child is hello_child, beside this
 * program.
 */
#include <crib/crib.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_spawn(crib_task *task, void *data)
{
    (void)data;
    crib_task_send(task, "text", "hello, child", strlen("hello, child"), NULL, 0);
}

static void on_message(crib_task *task, struct crib_message *message, void *data)
{
    char text[64];
    ssize_t n;

    (void)data;
    printf("parent got (%s): %.*s\n", message->type, (int)message->len,
           (const char *)message->data);
    if (message->nfds == 1) {
        n = read(message->fds[0], text, sizeof(text));
        if (n > 0)
            printf("parent read from the pipe: %.*s\n", (int)n, text);
    }
    crib_task_disconnect(task); /* and the child leaves by itself */
}

static void on_error(crib_task *task, const struct crib_error *error, void *data)
{
    char text[512];

    (void)task;
    (void)data;
    fprintf(stderr, "fork_hello: %s\n", crib_error_text(error, text, sizeof(text)));
}

static void on_disconnect(crib_task *task, void *data)
{
    (void)task;
    (void)data;
    printf("disconnected\n");
}

static void on_exit_event(crib_task *task, const struct crib_result *result, void *data)
{
    (void)task;
    (void)data;
    printf("child exited with %d\n", result->status);
}

/* The module's path, beside this program. */
static const char *module(const char *program)
{
    static char path[4096];
    char *copy = strdup(program);

    snprintf(path, sizeof(path), "%s/hello_child", copy ? dirname(copy) : ".");
    free(copy);
    return path;
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    struct crib_error error = {0};
    struct crib_options options;
    char text[512];
    crib_task *task;
    crib *ex;
    int r;

    (void)argc;
    crib_options_init(&options);
    options.on.spawn = on_spawn;
    options.on.message = on_message;
    options.on.disconnect = on_disconnect;
    options.on.error = on_error;
    options.on.exit = on_exit_event;

    r = crib_open(&ex, loop, NULL, &error);
    if (r == 0)
        r = crib_fork(ex, module(argv[0]), NULL, &options, &task, &error);
    if (r < 0) {
        fprintf(stderr, "fork_hello: %s\n", crib_error_text(&error, text, sizeof(text)));
        return EXIT_FAILURE;
    }
    uv_run(loop, UV_RUN_DEFAULT);

    crib_close(ex, NULL, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
