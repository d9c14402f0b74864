/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what a client asks to a cluster that runs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/script.h"
#include "base/error.h"
#include "client/answer.h"
#include "client/rpc.h"
#include "primary/running.h"

#define ADDRESSES_MOST 64
#define ANSWER_MS      30000 /* for the daemon to say what a policy has */

extern char **environ;

/* --- what a policy lets workers serve --- */

/* The daemon's policies are its own: it is asked, not the files that this process may see. */
static int ask(const char *path, const char *name, struct arena *arena, Crib__Policy **ret,
               struct crib_error *err)
{
    Crib__PolicyCheckRequest request = CRIB__POLICY_CHECK_REQUEST__INIT;
    const Crib__PolicyCheckResponse *response;
    ProtobufCMessage *answer;
    struct rpc *rpc;
    int r = rpc_open(NULL, path, NULL, NULL, &rpc, err);

    if (r < 0)
        return r;
    request.name = (char *)name;
    r = rpc_wait(rpc, RPC_POLICY_CHECK, &request.base, ANSWER_MS, arena, &answer, err);
    rpc_close(rpc, NULL, NULL);
    if (r < 0)
        return r;
    response = (const Crib__PolicyCheckResponse *)answer;
    if (response->effective) {
        *ret = response->effective;
        return 0;
    }
    if (!response->error)
        return fail_text(err, -EPROTO, "policy", -1, name, "the daemon does not say what it has");
    answer_error(response->error, err);
    return err->code;
}

int begin_allowed(struct primary *primary, struct crib_error *err)
{
    struct start *start = &primary->start;
    Crib__Policy *policy = NULL, *copy;
    struct arena arena, old = start->allowed.arena;
    uint8_t *packed;
    int r;

    if (!start->name)
        return 0;
    arena_init(&arena, 0);
    r = ask(primary->path, start->name, &arena, &policy, err);
    packed = r == 0 ? malloc(crib__policy__get_packed_size(policy) + 1) : NULL;
    if (packed) {
        arena_init(&start->allowed.arena, 0);
        copy = crib__policy__unpack(&start->allowed.arena.pb, crib__policy__pack(policy, packed),
                                    packed);
        if (copy) {
            start->allowed.policy = copy;
            arena_done(&old);
        } else {
            arena_done(&start->allowed.arena);
            start->allowed.arena = old;
            r = fail_sys(err, -ENOMEM, "policy", -1, NULL, NULL);
        }
    } else if (r == 0) {
        r = fail_sys(err, -ENOMEM, "policy", -1, NULL, NULL);
    }
    free(packed);
    arena_done(&arena);
    return r;
}

/* The workers' policy is the daemon's to look up; what stood in its place said what may be served.
 */
static void on_prepare(crib_cluster *cluster, unsigned id, struct crib_options *options, void *data)
{
    const struct primary *primary = data;

    (void)cluster;
    (void)id;
    if (!primary->start.name)
        return;
    options->policy = primary->start.name;
    options->policy_message = NULL;
}

static int set_policy(struct primary *primary, const char *name, struct crib_error *err)
{
    struct start *start = &primary->start;
    bool node = script_is(start->module) || start->worker.channel == CRIB_CHANNEL_NODE;

    if (start->policy) {
        if (name && name[0])
            return fail_text(err, -EINVAL, "policy", -1, NULL, "one by name and one inline");
        start->worker.policy_message = start->policy;
        return 0;
    }
    if (name && strchr(name, '/'))
        return fail_text(err, -EINVAL, "policy", -1, name, "this is a path, and no name");
    start->name = name && name[0] ? arena_text(&start->arena, name) : node ? "node" : "worker";
    if (!start->name)
        return fail_sys(err, -ENOMEM, "policy", -1, NULL, NULL);
    start->worker.policy_message = &start->allowed;
    return begin_allowed(primary, err);
}

/* --- the rest --- */

char *begin_text(struct start *start, ProtobufCBinaryData bytes, const char *step,
                 struct crib_error *err)
{
    char *text = arena_copy(&start->arena, bytes.data, bytes.len);

    if (!text)
        fail_sys(err, -ENOMEM, step, -1, NULL, NULL);
    else if (strlen(text) != bytes.len)
        fail_text(err, -EINVAL, step, -1, NULL, "a NUL in it");
    else
        return text;
    return NULL;
}

const char **begin_texts(struct start *start, const ProtobufCBinaryData *list, size_t count,
                         const char *step, struct crib_error *err)
{
    const char **texts = arena_alloc(&start->arena, (count + 1) * sizeof(*texts));

    if (!texts)
        fail_sys(err, -ENOMEM, step, -1, NULL, NULL);
    for (size_t i = 0; texts && i < count; i++) {
        texts[i] = begin_text(start, list[i], step, err);
        if (!texts[i])
            return NULL;
    }
    return texts;
}

static int set_listen(struct start *start, const Crib__ClusterInput__Start *message,
                      struct crib_error *err)
{
    static const enum crib_sharing ways[] = {
        [CRIB__SHARING__socket] = CRIB_SHARE_SOCKET,
        [CRIB__SHARING__reuseport] = CRIB_SHARE_REUSEPORT,
        [CRIB__SHARING__round_robin] = CRIB_SHARE_ROUND_ROBIN,
    };
    struct crib_listen *list;

    if (message->n_listen > ADDRESSES_MOST)
        return fail_text(err, -EINVAL, "listen", -1, NULL, "%d addresses at most", ADDRESSES_MOST);
    list = arena_alloc(&start->arena, (message->n_listen + 1) * sizeof(*list));
    if (!list)
        return fail_sys(err, -ENOMEM, "listen", -1, NULL, NULL);
    for (size_t i = 0; i < message->n_listen; i++) {
        const Crib__ClusterInput__Address *address = message->listen[i];

        list[i].address = arena_text(&start->arena, address->address ? address->address : "");
        list[i].sharing = address->has_sharing ? ways[address->sharing] : CRIB_SHARE_ANY;
        list[i].hand = address->hand;
        if (!list[i].address)
            return fail_sys(err, -ENOMEM, "listen", -1, NULL, NULL);
    }
    start->options.listen = list;
    start->options.listen_count = message->n_listen;
    return 0;
}

static void set_numbers(struct start *start, const Crib__ClusterInput__Start *message)
{
    struct crib_cluster_options *options = &start->options;

    options->workers = message->workers;
    options->ping_ms = message->ping;
    options->pong_ms = message->pong;
    options->ready_ms = message->ready;
    options->grace_ms = message->grace;
    options->back_off_ms = message->back_off;
    options->back_off_max_ms = message->back_off_max;
    options->crash_limit = message->crash_limit;
    options->crash_window_ms = message->crash_window;
}

/* The caller's directory and environment become this process's: workers are asked for from there.
 */
static int settle(struct start *start, const Crib__ClusterInput__Start *message,
                  struct crib_error *err)
{
    const char *cwd = message->has_cwd ? begin_text(start, message->cwd, "cwd", err) : "/";
    const char **env = begin_texts(start, message->env, message->n_env, "env", err);

    if (!cwd || !env)
        return err->code;
    if (cwd[0] != '/')
        return fail_text(err, -EINVAL, "cwd", -1, NULL, "the caller's is not absolute");
    if (chdir(cwd) < 0)
        return fail_sys(err, -errno, "cwd", -1, cwd, NULL);
    environ = (char **)env;
    return 0;
}

static int open_all(struct primary *primary, struct crib_error *err)
{
    struct start *start = &primary->start;
    char *address = arena_printf(&start->arena, "unix:%s", primary->path);
    int r = address ? crib_open(&primary->ex, &primary->loop, address, err)
                    : fail_sys(err, -ENOMEM, "daemon", -1, NULL, NULL);

    return r < 0 ? r
                 : crib_cluster_open(primary->ex, start->module, start->args, &start->options,
                                     &primary->cluster, err);
}

int begin_cluster(struct primary *primary, const Crib__ClusterInput__Start *message,
                  struct crib_error *err)
{
    struct start *start = &primary->start;
    int r;

    crib_options_init(&start->worker);
    crib_cluster_options_init(&start->options);
    start->options.worker = &start->worker;
    start->options.prepare = on_prepare;
    start->options.on = primary_events;
    start->options.data = primary;
    primary->messages = message->messages;
    if (!message->task)
        return fail_text(err, -EINVAL, "task", -1, NULL, "there is none");
    set_numbers(start, message);
    r = settle(start, message, err);
    if (r == 0)
        r = begin_task(start, message->task, err);
    if (r == 0)
        r = set_listen(start, message, err);
    if (r == 0)
        r = set_policy(primary, message->policy, err);
    if (r == 0)
        r = open_all(primary, err);
    if (r == 0)
        event_started(primary);
    return r;
}
