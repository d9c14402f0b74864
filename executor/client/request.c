/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a caller asked, as the daemon takes it: the same Task that a local start makes, with the
 * caller's directory and environment beside it, and the names of its fds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/policies.h"
#include "api/policy.h"
#include "client/remote.h"

extern char **environ;

static int no_memory(struct crib_error *err)
{
    return fail_sys(err, -ENOMEM, "request", -1, NULL, NULL);
}

/* The effective policy, or the daemon's name of one. */
static int get_policy(struct remote_request *ask, Crib__Policy **ret, Crib__Origins **ret_origins,
                      struct crib_error *err)
{
    const struct crib_options *options = &ask->request->options;
    const char *name = options->policy ? options->policy : "default";

    *ret = NULL;
    *ret_origins = NULL;
    if (options->policy_message) {
        *ret = options->policy_message->policy;
        *ret_origins = options->policy_message->origins;
        return 0;
    }
    if (policies_is_path(name))
        return policies_get(ask->policies, name, ask->arena, ret, ret_origins, err);
    ask->message->policy = arena_text(ask->arena, name);
    return ask->message->policy ? policies_check_name(name, err) : no_memory(err);
}

static int add_surroundings(struct remote_request *ask, struct crib_error *err)
{
    Crib__SpawnRequest *message = ask->message;
    char *cwd = getcwd(NULL, 0);

    /* The kernel says `(unreachable)…` of a directory outside of the root. */
    if (cwd && cwd[0] == '/')
        message->cwd = arena_bytes(ask->arena, cwd, strlen(cwd));
    free(cwd);
    if (message->task->clear_env)
        return 0;
    for (char **entry = environ; entry && *entry; entry++) {
        ProtobufCBinaryData value = {strlen(*entry), (uint8_t *)*entry};

        if (arena_push_value(ask->arena, &message->env, &message->n_env, &value, sizeof(value)) < 0)
            return no_memory(err);
    }
    return 0;
}

/* Return: what it is that has its other end in the caller; NULL: nothing. */
static const char *other_end(Crib__Stdio__Kind kind)
{
    switch (kind) {
    case CRIB__STDIO__KIND__pipe:
        return "pipe";
    case CRIB__STDIO__KIND__channel:
        return "channel";
    case CRIB__STDIO__KIND__pty:
        return "terminal";
    default:
        return NULL;
    }
}

/* As plan/life.c has it for tasks of this process: the ends are here, whoever the parent is. */
static int check_detached(const struct remote_request *ask, struct crib_error *err)
{
    const Crib__Task *task = ask->message->task;

    for (size_t i = 0; ask->message->detached && i < task->n_stdio; i++) {
        const char *other = other_end(task->stdio[i]->kind);

        if (other)
            return fail_text(err, -EINVAL, "detached", -1, NULL,
                             "a detached task cannot have a %s (fd %zu): its parent may be gone",
                             other, i);
    }
    return 0;
}

int remote_request_fill(struct remote_request *ask, struct crib_error *err)
{
    Crib__SpawnRequest *message = ARENA_NEW(ask->arena, crib__spawn_request, Crib__SpawnRequest);
    Crib__Policy *policy;
    Crib__Origins *origins;
    int r;

    if (!message)
        return no_memory(err);
    ask->message = message;
    r = get_policy(ask, &policy, &origins, err);
    if (r == 0)
        r = request_task(ask->request, policy, ask->arena, &message->task, err);
    if (r < 0)
        return r;
    message->task->origins = origins;
    message->detached = ask->request->options.detached;
    message->task->has_detached = message->task->detached = false;
    r = check_detached(ask, err);
    return r < 0 ? r : add_surroundings(ask, err);
}

/* Whether the daemon is to give the task this fd of ours. */
static bool is_given(const struct remote_request *ask, const Crib__Stdio *entry,
                     const struct stdio_end *end)
{
    if (entry->kind == CRIB__STDIO__KIND__null || end->theirs < 0)
        return false;
    return !end->own || !ask->planned;
}

int remote_request_fds(struct remote_request *ask, struct rpc_fds *side,
                       const struct stdio_set *set, char ***ret_names, size_t *ret_count,
                       struct crib_error *err)
{
    Crib__Task *task = ask->message->task;
    int fds[PLAN_MAX_STDIO];
    size_t count = 0;
    int r;

    for (size_t i = 0; i < set->count; i++)
        if (is_given(ask, task->stdio[i], &set->end[i]))
            fds[count++] = set->end[i].theirs;
    r = rpc_fds_register(side, fds, count, ask->arena, ret_names, err);
    if (r < 0)
        return r;
    *ret_count = count;
    count = 0;
    for (size_t i = 0; i < set->count; i++) {
        Crib__Stdio *entry = task->stdio[i];

        if (!is_given(ask, entry, &set->end[i]))
            continue;
        if (entry->kind != CRIB__STDIO__KIND__channel)
            entry->kind = CRIB__STDIO__KIND__given;
        entry->has_from = false;
        entry->name = (*ret_names)[count++];
    }
    return 0;
}
