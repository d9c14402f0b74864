/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child that doubles even numbers: Node's child_process.fork(), with typed protobuf messages
 * (doubler.proto). The child is doubler_child, beside this program.
 *
 *     fork_doubler [NUMBER...]
 */
#include <crib/crib.h>
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doubler.pb-c.h"

struct dialogue {
    const char *const *numbers; /* still to be asked */
};

/* {cmd: double, number: N} for the next number; {cmd: done} behind the last. */
static void ask(crib_task *task, struct dialogue *dialogue)
{
    Doubler__Ask message = DOUBLER__ASK__INIT;
    uint8_t packed[64];
    size_t len;
    int r;

    message.cmd = DOUBLER__ASK__CMD__done;
    if (*dialogue->numbers) {
        message.cmd = DOUBLER__ASK__CMD__double;
        message.has_number = 1;
        message.number = strtoll(*dialogue->numbers++, NULL, 10);
        printf("parent: double %" PRId64 "\n", message.number);
    } else {
        printf("parent: done\n");
    }
    len = doubler__ask__pack(&message, packed);
    r = crib_task_send(task, "Ask", packed, len, NULL, 0);
    if (r < 0)
        fprintf(stderr, "fork_doubler: send: %s\n", strerror(-r));
}

static void on_spawn(crib_task *task, void *data)
{
    ask(task, data);
}

/* What comes from a child is to be distrusted: its type, and whether it can be read at all. */
static void on_message(crib_task *task, struct crib_message *message, void *data)
{
    Doubler__Answer *answer = NULL;

    if (strcmp(message->type, "Answer") == 0)
        answer = doubler__answer__unpack(NULL, message->len, message->data);
    if (!answer) {
        fprintf(stderr, "fork_doubler: the child talks nonsense\n");
        crib_task_kill(task, SIGKILL);
        return;
    }
    if (answer->has_answer)
        printf("child: answer %" PRId64 "\n", answer->answer);
    if (answer->error)
        printf("child: error: %s\n", answer->error);
    doubler__answer__free_unpacked(answer, NULL);
    ask(task, data);
}

static void on_error(crib_task *task, const struct crib_error *error, void *data)
{
    char text[512];

    (void)task;
    (void)data;
    fprintf(stderr, "fork_doubler: %s\n", crib_error_text(error, text, sizeof(text)));
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

    snprintf(path, sizeof(path), "%s/doubler_child", copy ? dirname(copy) : ".");
    free(copy);
    return path;
}

int main(int argc, char **argv)
{
    static const char *const numbers[] = {"20", "21", NULL};
    struct dialogue dialogue = {argc > 1 ? (const char *const *)argv + 1 : numbers};
    uv_loop_t *loop = uv_default_loop();
    struct crib_error error = {0};
    struct crib_options options;
    char text[512];
    crib_task *task;
    crib *ex;
    int r;

    crib_options_init(&options);
    options.on.spawn = on_spawn;
    options.on.message = on_message;
    options.on.error = on_error;
    options.on.exit = on_exit_event;
    options.data = &dialogue;

    r = crib_open(&ex, loop, NULL, &error);
    if (r == 0)
        r = crib_fork(ex, module(argv[0]), NULL, &options, &task, &error);
    if (r < 0) {
        fprintf(stderr, "fork_doubler: %s\n", crib_error_text(&error, text, sizeof(text)));
        return EXIT_FAILURE;
    }
    uv_run(loop, UV_RUN_DEFAULT);

    crib_close(ex, NULL, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
