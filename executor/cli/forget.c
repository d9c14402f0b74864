/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "cli/remote.h"

static int forget(struct asked *asked, uint64_t task, const struct request *request)
{
    Crib__ForgetRequest forget = CRIB__FORGET_REQUEST__INIT;

    (void)request;
    forget.task = task;
    return remote_ask(asked, RPC_FORGET, &forget) ? 0 : -1;
}

int command_forget(struct request *request)
{
    return remote_each(request, forget);
}
