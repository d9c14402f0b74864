/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "cli/remote.h"

static int inspect(struct asked *asked, uint64_t task, const struct request *request)
{
    Crib__InspectRequest inspect = CRIB__INSPECT_REQUEST__INIT;
    const void *answer;

    (void)request;
    inspect.task = task;
    answer = remote_ask(asked, RPC_INSPECT, &inspect);
    return answer && remote_show(answer, true) == 0 ? 0 : -1;
}

int command_inspect(struct request *request)
{
    return remote_each(request, inspect);
}
