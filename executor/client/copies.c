/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files copied into a task under a daemon and out of it: opened and made here, by the caller
 * itself; the daemon gets fds. What was made for a file that does not come is removed here too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/remote.h"

/* What only this process can know of a source. */
static void set_mode(Crib__CopyIn *in, int fd)
{
    struct stat st;

    if (in->has_mode || !in->has_source || fstat(fd, &st) < 0)
        return;
    in->has_mode = true;
    in->mode = FILES_MODE | (st.st_mode & 0111);
}

static void name_in(Crib__CopyIn *in, char *name)
{
    in->has_content = in->has_source = in->has_from = false;
    in->name = name;
}

static void name_out(Crib__CopyOut *out, char *name)
{
    out->has_target = out->has_to = false;
    out->name = name;
}

void remote_copies_plan(Crib__Task *task)
{
    static char none[] = "-";

    for (size_t i = 0; i < task->n_copy_in; i++)
        name_in(task->copy_in[i], none);
    for (size_t i = 0; i < task->n_copy_out; i++)
        if (!files_is_content(task->copy_out[i]))
            name_out(task->copy_out[i], none);
}

static int name_sources(struct remote_request *ask, struct rpc_fds *side, struct remote_copies *c,
                        struct crib_error *err)
{
    Crib__Task *task = ask->message->task;
    int r = rpc_fds_register(side, c->open.in, c->open.n_in, ask->arena, &c->in, err);

    if (r < 0)
        return r;
    c->n_in = c->open.n_in;
    for (size_t i = 0; i < c->n_in; i++) {
        set_mode(task->copy_in[i], c->open.in[i]);
        name_in(task->copy_in[i], c->in[i]);
    }
    return 0;
}

static int name_targets(struct remote_request *ask, struct rpc_fds *side, struct remote_copies *c,
                        struct crib_error *err)
{
    Crib__Task *task = ask->message->task;
    int fds[FILES_MAX], r;
    size_t count = 0;

    for (size_t i = 0; i < c->open.n_out; i++)
        if (c->open.out[i].to.fd >= 0)
            fds[count++] = c->open.out[i].to.fd;
    r = rpc_fds_register(side, fds, count, ask->arena, &c->out, err);
    if (r < 0)
        return r;
    c->n_out = count;
    count = 0;
    for (size_t i = 0; i < c->open.n_out; i++)
        if (c->open.out[i].to.fd >= 0)
            name_out(task->copy_out[i], c->out[count++]);
    return 0;
}

int remote_copies_open(struct remote_request *ask, struct rpc_fds *side, struct remote_copies *ret,
                       struct crib_error *err)
{
    int r = copies_open(&ask->request->options, &ret->open, err);

    if (r == 0)
        r = name_sources(ask, side, ret, err);
    return r < 0 ? r : name_targets(ask, side, ret, err);
}

void remote_copies_done(struct rpc_fds *side, struct remote_copies *copies)
{
    (void)rpc_fds_release(side, copies->in, copies->n_in);
    (void)rpc_fds_release(side, copies->out, copies->n_out);
    copies_done(&copies->open);
}
