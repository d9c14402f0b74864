/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "cli/command.h"
#include "cli/outcome.h"
#include "cli/remote.h"
#include "cli/say.h"

static int closed_loop(uv_loop_t *loop)
{
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop);
}

int command_plan(struct request *request)
{
    const char *const *args = (const char *const *)request->operands + 1;
    struct crib_error err = {0};
    AUTO_FREE char *text = NULL;
    const char *address;
    uv_loop_t loop;
    crib *ex = NULL;
    int r = uv_loop_init(&loop);

    if (r < 0) {
        say("event loop: %s", strerror(-r));
        return STATUS_FAILED;
    }
    r = remote_address(request, &address, &err);
    if (r == 0)
        r = crib_open(&ex, &loop, address, &err);
    if (r == 0)
        r = crib_plan_text(ex, request->operands[0], args, &request->options, &text, &err);
    if (r < 0)
        say_error(&err);
    if (ex)
        crib_close(ex, NULL, NULL);
    closed_loop(&loop);
    if (r < 0)
        return outcome_of_error(&err);
    return say_out(text, strlen(text)) < 0 ? STATUS_FAILED : 0;
}
