/* SPDX-License-Identifier: Apache-2.0 */
/* spawner MODULE: runs `true`, then forks MODULE, asks it something and expects the answer back. */
#include <crib/crib.h>
#include <stdio.h>
#include <string.h>

struct outcome {
    int exits;   /* tasks that ended with 0 */
    int answers; /* right answers of the module */
};

static void on_error(crib_task *task, const struct crib_error *error, void *data)
{
    char text[1024];

    (void)task;
    (void)data;
    fprintf(stderr, "spawner: %s\n", crib_error_text(error, text, sizeof(text)));
}

static void on_spawn(crib_task *task, void *data)
{
    (void)data;
    if (crib_task_connected(task))
        crib_task_send(task, "question", "20", 2, NULL, 0);
}

static void on_message(crib_task *task, struct crib_message *message, void *data)
{
    struct outcome *outcome = data;

    if (strcmp(message->type, "answer") == 0 && message->len == 2 &&
        memcmp(message->data, "20", 2) == 0)
        outcome->answers++;
    crib_task_disconnect(task);
}

static void on_exit(crib_task *task, const struct crib_result *result, void *data)
{
    struct outcome *outcome = data;

    (void)task;
    if (result->verdict == CRIB_EXITED && result->status == 0)
        outcome->exits++;
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    struct outcome outcome = {0};
    struct crib_options options;
    struct crib_error error = {0};
    crib_task *task;
    crib *ex;

    if (argc != 2 || crib_open(&ex, loop, NULL, &error) < 0)
        return 2;
    crib_options_init(&options);
    options.on.error = on_error;
    options.on.spawn = on_spawn;
    options.on.message = on_message;
    options.on.exit = on_exit;
    options.data = &outcome;
    if (crib_spawn(ex, "true", NULL, &options, &task, &error) < 0 ||
        crib_fork(ex, argv[1], NULL, &options, &task, &error) < 0) {
        on_error(NULL, &error, NULL);
        return 2;
    }
    uv_run(loop, UV_RUN_DEFAULT);
    crib_close(ex, NULL, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    printf("%s: %d exits, %d answers\n", crib_version(), outcome.exits, outcome.answers);
    return outcome.exits == 2 && outcome.answers == 1 ? 0 : 1;
}
