/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run a command line in a sandbox and get its whole output: Node's child_process.exec().
 */
#include <crib/crib.h>
#include <stdio.h>

static void on_done(crib_task *task, const struct crib_error *error, const char *out,
                    size_t out_len, const char *err, size_t err_len, void *data)
{
    char text[512];

    (void)task;
    (void)out_len;
    (void)data;
    if (error)
        printf("error: %s\n", crib_error_text(error, text, sizeof(text)));
    printf("stdout: %s", out);
    if (err_len)
        printf("stderr: %s", err);
}

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    struct crib_error error = {0};
    crib_task *task;
    char text[512];
    crib *ex;
    int r;

    r = crib_open(&ex, loop, NULL, &error);
    if (r == 0)
        r = crib_exec(ex, "uptime", NULL, on_done, &task, &error);
    if (r < 0) {
        fprintf(stderr, "exec_uptime: %s\n", crib_error_text(&error, text, sizeof(text)));
        return 1;
    }
    printf("pid: %d\n", (int)crib_task_pid(task));
    uv_run(loop, UV_RUN_DEFAULT);

    crib_close(ex, NULL, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) < 0;
}
