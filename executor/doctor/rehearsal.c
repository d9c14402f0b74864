/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task: a program that does nothing, under the policy, to its end.
 */
#include <errno.h>
#include <unistd.h>
#include <uv.h>

#include "api/result.h"
#include "doctor/doctor.h"
#include "doctor/survey.h"

/* One of them is on every host, and both are in the default policy's view. */
static const char *program(void)
{
    return access("/bin/true", X_OK) == 0 ? "/bin/true" : "/usr/bin/true";
}

struct rehearsal {
    struct arena *arena;
    Crib__Result *result;
    int code;
};

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    struct rehearsal *rehearsal = data;

    (void)result;
    rehearsal->code = result_message(task, rehearsal->arena, &rehearsal->result);
}

static int refuse(const struct crib_error *err, struct arena *arena, Crib__Diagnosis *diagnosis)
{
    Crib__Error *error = ARENA_NEW(arena, crib__error, Crib__Error);
    char text[1024];

    if (!error)
        return -ENOMEM;
    error->has_code = true;
    error->code = err->code;
    error->step = err->step ? arena_text(arena, err->step) : NULL;
    error->subject = err->subject[0] ? arena_text(arena, err->subject) : NULL;
    error->text = arena_text(arena, crib_error_text(err, text, sizeof(text)));
    diagnosis->refused = error;
    return error->text ? 0 : -ENOMEM;
}

/* Return: 0; -ECANCELED with @err: it could not be started. */
static int run(const struct crib_options *wanted, struct rehearsal *rehearsal,
               struct crib_error *err)
{
    static const struct crib_stdio nowhere[3] = {{CRIB_NULL}, {CRIB_NULL}, {CRIB_NULL}};
    struct crib_options options = *wanted;
    uv_loop_t loop;
    crib *ex = NULL;
    int r = uv_loop_init(&loop);

    if (r < 0)
        return r;
    options.stdio = nowhere;
    options.stdio_count = 3;
    options.on.close = on_close;
    options.data = rehearsal;
    r = crib_open(&ex, &loop, NULL, err);
    if (r == 0)
        r = crib_spawn(ex, program(), NULL, &options, NULL, err);
    if (r == 0)
        uv_run(&loop, UV_RUN_DEFAULT);
    crib_close(ex, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
    return r < 0 ? -ECANCELED : rehearsal->code;
}

/* The arena of the result is ours: its parts may be handed on. */
static void take(Crib__Result *result, Crib__Diagnosis *diagnosis)
{
    if (result->has_verdict && result->verdict == CRIB__RESULT__VERDICT__setup_failed) {
        diagnosis->refused = result->error;
        return;
    }
    diagnosis->receipt = result->receipt;
    diagnosis->n_receipt = result->n_receipt;
}

int rehearsal_body(void *arg, struct arena *arena, ProtobufCMessage **ret)
{
    Crib__Diagnosis *diagnosis = ARENA_NEW(arena, crib__diagnosis, Crib__Diagnosis);
    struct rehearsal rehearsal = {.arena = arena};
    struct crib_error err = {0};
    int r;

    if (!diagnosis)
        return -ENOMEM;
    r = run(arg, &rehearsal, &err);
    if (r == -ECANCELED)
        r = refuse(&err, arena, diagnosis);
    else if (r == 0)
        take(rehearsal.result, diagnosis);
    *ret = &diagnosis->base;
    return r;
}
