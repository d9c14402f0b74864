/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/detached.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/outcome.h"
#include "cli/say.h"
#include "cli/spawn.h"
#include "cli/terminal.h"

/* Return: the answer; NULL, and @err says why. */
static const Crib__SpawnResponse *spawn(struct asked *asked, const struct request *request,
                                        struct crib_error *err)
{
    const char *const *args = (const char *const *)request->operands + 1;
    struct crib_options options = request->options;
    Crib__SpawnRequest *message;
    ProtobufCMessage *answer;
    unsigned rows, columns;
    int r;

    /* Where there is no terminal here, there will be one of the usual size there. */
    if (request->terminal && terminal_look(&rows, &columns, NULL) == 0) {
        options.rows = (uint16_t)rows;
        options.columns = (uint16_t)columns;
    }
    r = spawn_message(request->operands[0], args, &options, request->terminal, request->label,
                      &asked->arena, &message, err);
    if (r == 0)
        r = rpc_wait(asked->rpc, RPC_SPAWN, &message->base, REMOTE_MS, &asked->arena, &answer, err);
    return r < 0 ? NULL : (const Crib__SpawnResponse *)answer;
}

int detached_run(struct request *request)
{
    const Crib__SpawnResponse *task;
    struct crib_error err = {0};
    struct asked asked;
    char line[32];
    int status;

    if (remote_open(&asked, request, NULL, NULL, NULL) < 0)
        return STATUS_FAILED;
    task = spawn(&asked, request, &err);
    if (task) {
        snprintf(line, sizeof(line), "%" PRIu64 "\n", task->task);
        status = say_out(line, strlen(line)) < 0 ? STATUS_FAILED : 0;
    } else {
        say_error(&err);
        status = outcome_of_error(&err);
    }
    remote_close(&asked);
    return status;
}

static const Crib__InspectResponse *inspect(struct asked *asked, uint64_t task)
{
    Crib__InspectRequest request = CRIB__INSPECT_REQUEST__INIT;

    request.task = task;
    return remote_ask(asked, RPC_INSPECT, &request);
}

/* Its streams are there when its program runs. Return: the same, known anew; NULL. */
static const Crib__InspectResponse *when_started(struct asked *asked,
                                                 const Crib__InspectResponse *about)
{
    Crib__WaitRequest wait = CRIB__WAIT_REQUEST__INIT;

    wait.task = about->info->task;
    wait.until = CRIB__TASK_STATE__RUNNING;
    wait.wait = REMOTE_POLL_MS;
    while (about && about->info && about->info->state == CRIB__TASK_STATE__STARTING)
        about = remote_ask(asked, RPC_WAIT, &wait) ? inspect(asked, wait.task) : NULL;
    return about;
}

const Crib__InspectResponse *detached_inspect(struct asked *asked, uint64_t task)
{
    const Crib__InspectResponse *about = inspect(asked, task);

    if (!about)
        return NULL;
    if (about->info && about->info->detached)
        return when_started(asked, about);
    say("task %" PRIu64 " is not detached: what it writes is for the client that started it", task);
    return NULL;
}
