/* SPDX-License-Identifier: Apache-2.0 */
#include "client/answer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "supervise/hidden.h"
#include "supervise/task.h"
#include "ttrpc.pb-c.h"

#define MAX_STEPS 256
#define MAX_STEP  48

/*
 * A step is a static string wherever an error goes, and so is what a daemon calls one: each name is
 * kept once, for good, so many at most. Past that an error has no step.
 */
static const char *step_of(const char *name)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static char steps[MAX_STEPS][MAX_STEP];
    static size_t count;
    const char *found = NULL;

    if (!name || !name[0] || strlen(name) >= MAX_STEP)
        return NULL;
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < count && !found; i++)
        if (strcmp(steps[i], name) == 0)
            found = steps[i];
    if (!found && count < MAX_STEPS) {
        memcpy(steps[count], name, strlen(name) + 1);
        found = steps[count++];
    }
    pthread_mutex_unlock(&mutex);
    return found;
}

int answer_code(int code)
{
    static const int codes[] = {
        0,           -ECANCELED, -EREMOTEIO, -EINVAL,    -ETIMEDOUT, -ENOENT,
        -EEXIST,     -EACCES,    -EDQUOT,    -EBUSY,     -ECANCELED, -ERANGE,
        -EOPNOTSUPP, -EREMOTEIO, -ESHUTDOWN, -EREMOTEIO, -EACCES,
    };

    if (code < 0 || (size_t)code >= sizeof(codes) / sizeof(codes[0]))
        return -EREMOTEIO;
    return codes[code];
}

static bool is_errno(int code)
{
    return code < 0 && code > -4096;
}

void answer_error(const Crib__Error *message, struct crib_error *ret)
{
    bool parts = message->detail || message->subject || message->has_sys;
    int code = is_errno(message->code) ? message->code : -EREMOTEIO;

    memset(ret, 0, sizeof(*ret));
    ret->code = code;
    ret->index = message->has_index && message->index >= 0 ? message->index : -1;
    if (!parts) { /* the sentence begins with the step */
        snprintf(ret->detail, sizeof(ret->detail), "%s", message->text ? message->text : "");
        return;
    }
    ret->step = step_of(message->step);
    ret->sys = message->sys > 0 && message->sys < 4096 ? message->sys : 0;
    if (message->subject)
        snprintf(ret->subject, sizeof(ret->subject), "%s", message->subject);
    if (message->detail)
        snprintf(ret->detail, sizeof(ret->detail), "%s", message->detail);
}

static bool is_error(const Crib__Ttrpc__Any *any)
{
    const char *name = any->type_url ? strrchr(any->type_url, '/') : NULL;

    return name && strcmp(name, "/crib.Error") == 0;
}

static int read_status(const Crib__Ttrpc__Status *status, struct arena *arena,
                       struct crib_error *err)
{
    Crib__Error *message = NULL;
    struct crib_error error;

    for (size_t i = 0; i < status->n_details && !message; i++)
        if (is_error(status->details[i]))
            message = crib__error__unpack(&arena->pb, status->details[i]->value.len,
                                          status->details[i]->value.data);
    if (!message)
        return fail_text(err, answer_code(status->code), "daemon", -1, NULL, "%.300s",
                         status->message);
    answer_error(message, &error);
    if (err)
        *err = error;
    return error.code;
}

int answer_read(enum rpc_method method, const void *payload, size_t len, struct arena *arena,
                ProtobufCMessage **ret, struct crib_error *err)
{
    const ProtobufCMethodDescriptor *type = &crib__executor__descriptor.methods[method];
    Crib__Ttrpc__Response *response = crib__ttrpc__response__unpack(&arena->pb, len, payload);

    if (!response)
        return fail_text(err, -EPROTO, "daemon", -1, NULL, "its answer to %s is no Response",
                         type->name);
    if (response->status && response->status->code != 0)
        return read_status(response->status, arena, err);
    *ret = protobuf_c_message_unpack(type->output, &arena->pb, response->payload.len,
                                     response->payload.data);
    if (!*ret)
        return fail_text(err, -EPROTO, "daemon", -1, NULL, "its answer to %s is no %s", type->name,
                         type->output->short_name);
    return 0;
}

bool answer_stands(const Crib__Denial *denial)
{
    return hidden_stands(denial);
}

void answer_denial(const Crib__Denial *message, struct arena *arena, struct crib_denial *ret)
{
    denial_event(message, arena, ret);
}
