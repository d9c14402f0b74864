/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program is not allowed, and how the parent learns why: a policy of a few lines on top of a
 * shipped one, and a program that tries what it forbids.
 */
#include <crib/crib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char rules[] = "about: whoever runs under this may make no directories\n"
                            "extends: [default]\n"
                            "syscalls:\n"
                            "  deny: [mkdir, mkdirat]\n";

static void on_denied(crib_task *task, const struct crib_denial *denial, void *data)
{
    (void)task;
    (void)data;
    printf("denied: %s: %s\n", denial->text, denial->answer);
}

static void on_error(crib_task *task, const struct crib_error *error, void *data)
{
    char text[512];

    (void)task;
    (void)data;
    fprintf(stderr, "denied: %s\n", crib_error_text(error, text, sizeof(text)));
}

/* The receipt: what each mechanism was asked and what came about, as one line of JSON. */
static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    char *json = NULL;

    (void)data;
    printf("exit status %d, %" PRIu64 " calls denied\n", result->status, result->denials);
    if (crib_task_result_json(task, &json) == 0)
        printf("%s\n", json);
    free(json);
}

static int start(crib *ex, crib_policy **ret_policy, struct crib_error *error)
{
    static const char *const args[] = {"/tmp/new", NULL};
    static const struct crib_stdio stdio[] = {
        {.kind = CRIB_NULL}, {.kind = CRIB_INHERIT}, {.kind = CRIB_INHERIT}};
    struct crib_options options;
    crib_task *task;
    int r = crib_policy_parse("no-directories.yaml", rules, strlen(rules), ret_policy, error);

    if (r < 0)
        return r;
    crib_options_init(&options);
    options.policy_message = *ret_policy;
    options.stdio = stdio;
    options.stdio_count = 3;
    options.on.denied = on_denied;
    options.on.error = on_error;
    options.on.close = on_close;
    return crib_spawn(ex, "mkdir", args, &options, &task, error);
}

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    struct crib_error error = {0};
    crib_policy *policy = NULL;
    char text[512];
    crib *ex;
    int r;

    r = crib_open(&ex, loop, NULL, &error);
    if (r == 0)
        r = start(ex, &policy, &error);
    if (r < 0) {
        fprintf(stderr, "denied: %s\n", crib_error_text(&error, text, sizeof(text)));
        return EXIT_FAILURE;
    }
    uv_run(loop, UV_RUN_DEFAULT);

    crib_policy_free(policy);
    crib_close(ex, NULL, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
