/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "cli/running.h"

/* Not crib_exec(), which collects the output: here it goes straight to where crib's own goes. */
static int start(struct running *running, struct crib_error *err)
{
    const char *const args[] = {"-c", running->request->operands[0], NULL};

    return crib_spawn(running->ex, "/bin/sh", args, &running->request->options, &running->task,
                      err);
}

int command_exec(struct request *request)
{
    struct running running = {.request = request};

    return running_task(&running, start);
}
