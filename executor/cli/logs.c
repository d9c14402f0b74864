/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/detached.h"
#include "cli/follow.h"
#include "cli/say.h"

static void ended(struct follow *follow)
{
    uv_stop(follow->data);
}

static int show(struct asked *asked, uv_loop_t *loop, uint64_t task, bool to_end)
{
    const Crib__InspectResponse *about = detached_inspect(asked, task);
    struct follow follow = {
        .rpc = asked->rpc, .task = task, .to_end = to_end, .ended = ended, .data = loop};
    int r = about ? follow_start(&follow, about) : -EINVAL;

    if (r > 0)
        uv_run(loop, UV_RUN_DEFAULT);
    return r < 0 || follow.failed ? STATUS_FAILED : 0;
}

int command_logs(struct request *request)
{
    struct asked asked;
    int status = STATUS_FAILED;
    uv_loop_t loop;
    uint64_t task;
    int r = uv_loop_init(&loop);

    if (r < 0) {
        say("event loop: %s", strerror(-r));
        return STATUS_FAILED;
    }
    if (remote_task(request->operands[0], &task) == 0 &&
        remote_open(&asked, request, &loop, NULL, NULL) == 0) {
        status = show(&asked, &loop, task, request->follow);
        remote_close(&asked);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
    return status;
}
