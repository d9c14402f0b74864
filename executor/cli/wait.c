/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "cli/receipt.h"
#include "cli/remote.h"

/* Return: the last answer; NULL, and the person has been told. */
static const Crib__WaitResponse *wait_for_end(struct asked *asked, uint64_t task, bool quiet)
{
    Crib__WaitRequest wait = CRIB__WAIT_REQUEST__INIT;
    const Crib__WaitResponse *answer;

    wait.task = task;
    wait.until = CRIB__TASK_STATE__ENDED;
    wait.wait = REMOTE_POLL_MS;
    do {
        arena_done(&asked->arena);
        answer = remote_ask(asked, RPC_WAIT, &wait);
        if (answer)
            wait.after = remote_events(answer, wait.after, quiet);
    } while (answer && answer->state < CRIB__TASK_STATE__ENDED);
    return answer;
}

static int wait_and_forget(struct asked *asked, uint64_t task, const struct request *request)
{
    const Crib__WaitResponse *answer = wait_for_end(asked, task, request->quiet);
    Crib__ForgetRequest forget = CRIB__FORGET_REQUEST__INIT;
    int status = answer ? remote_outcome(answer->result) : STATUS_FAILED;

    if (answer && request->receipt && receipt_show(answer->result) < 0)
        status = STATUS_FAILED;
    forget.task = task;
    if (answer && request->forget && !remote_ask(asked, RPC_FORGET, &forget))
        status = STATUS_FAILED;
    return status;
}

int command_wait(struct request *request)
{
    struct asked asked;
    int status = STATUS_FAILED;
    uint64_t task;

    if (remote_task(request->operands[0], &task) < 0)
        return STATUS_FAILED;
    if (remote_open(&asked, request, NULL, NULL, NULL) == 0)
        status = wait_and_forget(&asked, task, request);
    remote_close(&asked);
    return status;
}
