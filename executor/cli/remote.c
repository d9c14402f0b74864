/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/remote.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/command.h"
#include "cli/denials.h"
#include "cli/outcome.h"
#include "cli/say.h"
#include "client/answer.h"
#include "text/text.h"
#include "text/units.h"

#define SYSTEM_SOCKET "/run/crib.sock"

static const char *named(const struct request *request)
{
    return request->socket ? request->socket : getenv("CRIB_SOCKET");
}

const char *remote_path(const struct request *request)
{
    const char *path = named(request);

    return path && path[0] ? path : NULL;
}

int remote_address(struct request *request, const char **ret, struct crib_error *err)
{
    const char *path = remote_path(request);

    *ret = path ? arena_printf(&request->arena, "unix:%s", path) : NULL;
    return path && !*ret ? fail_sys(err, -ENOMEM, NULL, -1, NULL, NULL) : 0;
}

/* Where a daemon of this user's would listen, or else that of all. */
static const char *usual_path(struct arena *arena)
{
    const char *dir = getenv("XDG_RUNTIME_DIR");
    const char *own = dir && dir[0] == '/' ? arena_printf(arena, "%s/crib.sock", dir) : NULL;

    return own && access(own, F_OK) == 0 ? own : SYSTEM_SOCKET;
}

int remote_open(struct asked *asked, struct request *request, uv_loop_t *loop,
                void (*lost)(struct rpc *rpc, void *data), void *data)
{
    const char *path = named(request);
    struct crib_error err = {0};
    int r;

    *asked = (struct asked){0};
    arena_init(&asked->arena, 0);
    if (path && !path[0]) {
        say("%s asks a daemon: an empty socket is none", request->command->name);
        return -EINVAL;
    }
    asked->path = path ? path : usual_path(&request->arena);
    r = rpc_open(loop, asked->path, lost, data, &asked->rpc, &err);
    if (r < 0)
        say_error(&err);
    return r;
}

void remote_close(struct asked *asked)
{
    if (asked->rpc)
        rpc_close(asked->rpc, NULL, NULL);
    arena_done(&asked->arena);
}

const void *remote_ask(struct asked *asked, enum rpc_method method, const void *request)
{
    ProtobufCMessage *answer = NULL;
    struct crib_error err = {0};

    if (rpc_wait(asked->rpc, method, request, REMOTE_MS, &asked->arena, &answer, &err) == 0)
        return answer;
    say_error(&err);
    return NULL;
}

int remote_task(const char *word, uint64_t *ret)
{
    char why[UNIT_WHY];

    if (unit_read(NULL, word, ret, why) == 0 && *ret > 0)
        return 0;
    say("'%s' is no number of a task ('crib ps' shows them)", word);
    return -EINVAL;
}

int remote_each(struct request *request,
                int (*each)(struct asked *asked, uint64_t task, const struct request *request))
{
    struct asked asked;
    int status = 0;

    if (remote_open(&asked, request, NULL, NULL, NULL) < 0)
        status = STATUS_FAILED;
    for (char *const *word = request->operands; asked.rpc && *word; word++) {
        uint64_t task;

        if (remote_task(*word, &task) < 0 || each(&asked, task, request) < 0)
            status = STATUS_FAILED;
    }
    remote_close(&asked);
    return status;
}

int remote_outcome(const Crib__Result *result)
{
    struct crib_result local = {.status = -1};

    if (!result || !result->has_verdict) {
        say("the daemon does not say how the task ended");
        return STATUS_FAILED;
    }
    local.verdict = (enum crib_verdict)result->verdict;
    local.status = result->has_status ? result->status : -1;
    local.signal = result->has_signal ? result->signal : 0;
    if (result->error)
        answer_error(result->error, &local.error);
    return outcome_of_result(&local);
}

static void tell_error(const Crib__Error *message)
{
    struct crib_error error;

    answer_error(message, &error);
    say_error(&error);
}

static void tell_denial(const Crib__Denial *denied)
{
    struct denials once = {0};
    struct crib_denial local;
    struct arena arena;

    arena_init(&arena, 0);
    answer_denial(denied, &arena, &local);
    denials_show(&once, &local);
    arena_done(&arena);
}

uint64_t remote_events(const Crib__WaitResponse *response, uint64_t after, bool quiet)
{
    for (size_t i = 0; i < response->n_events; i++) {
        const Crib__Event *event = response->events[i]->event;

        if (response->events[i]->number > after)
            after = response->events[i]->number;
        if (event && event->error)
            tell_error(event->error);
        else if (event && event->denied && !quiet && answer_stands(event->denied))
            tell_denial(event->denied);
    }
    return after;
}

int remote_show(const void *message, bool json)
{
    struct buf out = {0};
    int r = json ? text_write_json(message, &out) : text_write_yaml(message, &out);

    if (r == 0 && json)
        r = buf_text(&out, "\n");
    if (r < 0)
        say("%s", strerror(-r));
    else
        r = say_out((const char *)out.data, out.len);
    buf_done(&out);
    return r < 0 ? STATUS_FAILED : 0;
}
