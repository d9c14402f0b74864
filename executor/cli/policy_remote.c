/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib policy, asking a daemon: what it lets us use, and what its names mean there.
 */
#include "cli/policy_remote.h"

#include <string.h>

#include "api/policies.h"
#include "base/buf.h"
#include "cli/command.h"
#include "cli/remote.h"
#include "cli/say.h"
#include "client/answer.h"
#include "policy/load.h"

/* A file is read here, with its bases; a name is the daemon's. */
static int fill(const char *name, struct arena *arena, Crib__PolicyCheckRequest *check)
{
    struct crib_error err = {0};
    int r;

    if (!policies_is_path(name)) {
        check->name = (char *)name;
        return 0;
    }
    r = policy_load(name, policies_dirs, arena, &check->policy, NULL, &err);
    if (r < 0)
        say_error(&err);
    return r;
}

/* Return: the answer; NULL when we may not use it, and the person has been told. */
static const Crib__PolicyCheckResponse *ask(struct asked *asked, const char *name)
{
    Crib__PolicyCheckRequest check = CRIB__POLICY_CHECK_REQUEST__INIT;
    const Crib__PolicyCheckResponse *answer = NULL;
    struct crib_error err = {0};

    if (fill(name, &asked->arena, &check) == 0)
        answer = remote_ask(asked, RPC_POLICY_CHECK, &check);
    if (!answer || answer->ok)
        return answer;
    if (answer->error) {
        answer_error(answer->error, &err);
        say_error(&err);
    } else {
        say("%s: the daemon refuses it", name);
    }
    return NULL;
}

static int check(struct asked *asked, char *const *names)
{
    int status = 0;

    for (; *names; names++)
        if (!ask(asked, *names))
            status = STATUS_INVALID;
    return status;
}

static int show(struct asked *asked, const char *name)
{
    const Crib__PolicyCheckResponse *answer = ask(asked, name);

    return answer && answer->effective ? remote_show(answer->effective, false) : STATUS_FAILED;
}

static int list(struct asked *asked)
{
    Crib__InfoRequest info = CRIB__INFO_REQUEST__INIT;
    const Crib__InfoResponse *answer = remote_ask(asked, RPC_INFO, &info);
    struct buf out = {0};
    int r = answer ? 0 : -1;

    for (size_t i = 0; r == 0 && i < answer->n_policies; i++)
        r = buf_printf(&out, "%s\n", answer->policies[i]);
    if (r == 0)
        r = say_out((const char *)out.data, out.len);
    buf_done(&out);
    return r < 0 ? STATUS_FAILED : 0;
}

int policy_remote(struct request *request, enum policy_remote what, char *const *words)
{
    struct asked asked;
    int status = STATUS_FAILED;

    if (remote_open(&asked, request, NULL, NULL, NULL) == 0) {
        if (what == POLICY_CHECK)
            status = check(&asked, words);
        else if (what == POLICY_SHOW)
            status = show(&asked, words[0]);
        else
            status = list(&asked);
    }
    remote_close(&asked);
    return status;
}
