/* SPDX-License-Identifier: Apache-2.0 */
#include "api/request.h"
#include "api/script.h"

#include <errno.h>
#include <string.h>

/* Puts the channel behind what is there, unless it is among that already. */
static int add_channel(struct request *request, struct crib_stdio *list, struct crib_error *err)
{
    size_t count = request->stdio_count;

    for (size_t i = 0; i < count; i++)
        if (request->stdio[i].kind == CRIB_CHANNEL)
            return 0;
    if (count < 3)
        count = 3;
    if (count >= PLAN_MAX_STDIO)
        return fail_text(err, -E2BIG, "stdio", -1, NULL,
                         "%zu entries leave no room for the channel, %d are allowed", count,
                         PLAN_MAX_STDIO);
    memset(list, 0, PLAN_MAX_STDIO * sizeof(*list)); /* what is not named below 3 is /dev/null */
    memcpy(list, request->stdio, request->stdio_count * sizeof(*list));
    list[count].kind = CRIB_CHANNEL;
    request->stdio = list;
    request->stdio_count = count + 1;
    return 0;
}

static int fork_program(crib *ex, const char *module, const char *const *args,
                        const struct crib_options *options, crib_task **ret, struct crib_error *err)
{
    static const struct crib_stdio inherited[] = {{CRIB_INHERIT}, {CRIB_INHERIT}, {CRIB_INHERIT}};
    struct crib_stdio list[PLAN_MAX_STDIO];
    struct request request;
    crib_task *task;
    int r = request_init(&request, module, args, options, inherited, 3, err);

    if (r == 0)
        r = add_channel(&request, list, err);
    if (r == 0)
        r = request_start(ex, ex->loop, &request, &task, err);
    request_done(&request);
    if (r == 0 && ret)
        *ret = task;
    return r;
}

int crib_fork(crib *ex, const char *module, const char *const *args,
              const struct crib_options *options, crib_task **ret, struct crib_error *err)
{
    struct script script;
    int r;

    if (!script_is(module))
        return fork_program(ex, module, args, options, ret, err);
    r = script_init(&script, module, args, options, err);
    if (r == 0)
        r = fork_program(ex, "node", script.args, &script.options, ret, err);
    script_done(&script);
    return r;
}
