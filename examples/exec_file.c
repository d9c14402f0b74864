/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same without a shell, so that arguments need no quoting: Node's child_process.execFile().
 *
 *     exec_file FILE [ARG...]
 */
#include <crib/crib.h>
#include <stdio.h>
#include <stdlib.h>

static void on_done(crib_task *task, const struct crib_error *error, const char *out,
                    size_t out_len, const char *err, size_t err_len, void *data)
{
    const struct crib_result *result = crib_task_result(task);
    int *status = data;
    char text[512];

    fwrite(out, 1, out_len, stdout);
    fwrite(err, 1, err_len, stderr);
    *status = result->status < 0 ? EXIT_FAILURE : result->status;
    if (error && result->verdict != CRIB_EXITED)
        fprintf(stderr, "exec_file: %s\n", crib_error_text(error, text, sizeof(text)));
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    struct crib_error error = {0};
    struct crib_options options;
    int status = EXIT_FAILURE, r;
    char text[512];
    crib *ex;

    if (argc < 2) {
        fprintf(stderr, "usage: exec_file FILE [ARG...]\n");
        return EXIT_FAILURE;
    }
    crib_options_init(&options);
    options.policy = "strict"; /* compute only */
    options.timeout_ms = 10 * 1000;
    options.max_buffer = 64 * 1024;
    options.data = &status;

    r = crib_open(&ex, loop, NULL, &error);
    if (r == 0)
        r = crib_exec_file(ex, argv[1], (const char *const *)argv + 2, &options, on_done, NULL,
                           &error);
    if (r < 0) {
        fprintf(stderr, "exec_file: %s\n", crib_error_text(&error, text, sizeof(text)));
        return EXIT_FAILURE;
    }
    uv_run(loop, UV_RUN_DEFAULT);

    crib_close(ex, NULL, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) < 0 ? EXIT_FAILURE : status;
}
