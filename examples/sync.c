/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocking forms, for programs without a loop of their own to keep turning.
 */
#include <crib/crib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show(const char *what, int r, struct crib_sync *sync, const struct crib_error *error)
{
    char text[512];

    if (r < 0) {
        printf("%s: %s\n", what, crib_error_text(error, text, sizeof(text)));
        return;
    }
    printf("%s: status %d, stdout: %s", what, sync->result.status, sync->out);
    crib_sync_done(sync);
}

int main(void)
{
    static const char words[] = "pear\napple\nfig\n";
    static const char *const args[] = {"-r", NULL};
    uv_loop_t *loop = uv_default_loop();
    struct crib_error error = {0};
    struct crib_sync sync;
    char text[512];
    crib *ex;
    int r;

    if (crib_open(&ex, loop, NULL, &error) < 0) {
        fprintf(stderr, "sync: %s\n", crib_error_text(&error, text, sizeof(text)));
        return EXIT_FAILURE;
    }
    r = crib_exec_sync(ex, "echo $((6 * 7))", NULL, 0, NULL, &sync, &error);
    show("exec", r, &sync, &error);
    r = crib_exec_file_sync(ex, "sort", args, words, strlen(words), NULL, &sync, &error);
    show("sort", r, &sync, &error);
    r = crib_spawn_sync(ex, "no-such-program", NULL, NULL, 0, NULL, &sync, &error);
    if (r == 0 && sync.error.code)
        printf("spawn: %s\n", crib_error_text(&sync.error, text, sizeof(text)));
    if (r == 0)
        crib_sync_done(&sync);

    crib_close(ex, NULL, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
