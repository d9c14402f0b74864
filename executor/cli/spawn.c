/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/spawn.h"

#include <errno.h>

#include "client/remote.h"

/* Asked for as /dev/null, since the daemon's pipes are no ends of ours. */
static void set_stdio(Crib__Task *task, bool pty)
{
    for (size_t i = 0; i < task->n_stdio; i++)
        task->stdio[i]->kind = pty ? CRIB__STDIO__KIND__pty : CRIB__STDIO__KIND__pipe;
}

static int fill(const struct request *request, struct arena *arena, Crib__SpawnRequest **ret,
                struct crib_error *err)
{
    struct policies policies = {0};
    struct remote_request ask = {.request = request, .arena = arena, .policies = &policies};
    int r = remote_request_fill(&ask, err);

    policies_done(&policies);
    *ret = ask.message;
    return r;
}

int spawn_message(const char *file, const char *const *args, const struct crib_options *options,
                  bool pty, const char *label, struct arena *arena, Crib__SpawnRequest **ret,
                  struct crib_error *err)
{
    const struct crib_stdio null[3] = {
        {.kind = CRIB_NULL}, {.kind = CRIB_NULL}, {.kind = CRIB_NULL}};
    struct crib_options changed = *options;
    struct request request;
    int r;

    changed.stdio = null;
    changed.stdio_count = 3;
    r = request_init(&request, file, args, &changed, null, 3, err);
    if (r == 0)
        r = fill(&request, arena, ret, err);
    if (r == 0) {
        (*ret)->detached = true; /* the daemon's word: our own kind has no timeout */
        set_stdio((*ret)->task, pty);
        (*ret)->label = label ? arena_text(arena, label) : (*ret)->label;
        if (!(*ret)->label)
            r = fail_sys(err, -ENOMEM, "request", -1, NULL, NULL);
    }
    request_done(&request);
    return r;
}
