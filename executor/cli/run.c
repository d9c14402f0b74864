/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "cli/detached.h"
#include "cli/running.h"

static int start(struct running *running, struct crib_error *err)
{
    const struct request *request = running->request;

    return crib_spawn(running->ex, request->operands[0], (const char *const *)request->operands + 1,
                      &request->options, &running->task, err);
}

int command_run(struct request *request)
{
    struct running running = {.request = request};

    if (request->detach)
        return detached_run(request);
    return running_task(&running, start);
}
