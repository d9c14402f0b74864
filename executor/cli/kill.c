/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "cli/remote.h"

static int kill_task(struct asked *asked, uint64_t task, const struct request *request)
{
    Crib__KillRequest kill = CRIB__KILL_REQUEST__INIT;

    kill.task = task;
    kill.signal = (uint32_t)request->signal;
    return remote_ask(asked, RPC_KILL, &kill) ? 0 : -1;
}

int command_kill(struct request *request)
{
    return remote_each(request, kill_task);
}
