/* SPDX-License-Identifier: Apache-2.0 */
#include "client/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void on_closed(void *data)
{
    struct remote_link *link = data;

    rpc_fds_close(link->fds);
    free(link->path);
    free(link);
}

static void close_if_done(struct remote_link *link)
{
    if (link->released && link->tasks == 0)
        rpc_close(link->rpc, on_closed, link);
}

void remote_link_release(struct remote_link *link)
{
    if (link->remote && link->remote->link == link)
        link->remote->link = NULL;
    link->remote = NULL;
    link->released = true;
    close_if_done(link);
}

/* Its tasks have heard already. */
static void on_lost(struct rpc *rpc, void *data)
{
    (void)rpc;
    if (!((struct remote_link *)data)->released)
        remote_link_release(data);
}

int remote_link_open(struct remote *remote, uv_loop_t *loop, struct remote_link **ret,
                     struct crib_error *err)
{
    struct remote_link *link = calloc(1, sizeof(*link));
    int r;

    if (!link || !(link->path = strdup(remote->path))) {
        free(link);
        return fail_sys(err, -ENOMEM, "daemon", -1, remote->path, NULL);
    }
    link->deadline_ms = remote->deadline_ms;
    r = rpc_open(loop, link->path, on_lost, link, &link->rpc, err);
    if (r < 0) {
        free(link->path);
        free(link);
        return r;
    }
    rpc_unref(link->rpc);
    *ret = link;
    return 0;
}

void remote_link_enter(struct remote_link *link, struct remote_task *remote_task)
{
    link->tasks++;
    remote_task->alive = true;
    if (link->alive++ == 0)
        rpc_ref(link->rpc);
}

void remote_link_silent(struct remote_task *remote_task)
{
    struct remote_link *link = remote_task->link;

    if (!remote_task->alive)
        return;
    remote_task->alive = false;
    if (--link->alive == 0)
        rpc_unref(link->rpc);
}

void remote_link_leave(struct remote_link *link, struct remote_task *remote_task)
{
    remote_link_silent(remote_task);
    link->tasks--;
    close_if_done(link);
}

int remote_link_fds(struct remote_link *link, struct rpc_fds **ret, struct crib_error *err)
{
    int r = 0;

    if (link->fds && rpc_fds_broken(link->fds)) {
        rpc_fds_close(link->fds);
        link->fds = NULL;
    }
    if (!link->fds)
        r = rpc_fds_open(link->path, &link->fds, err);
    if (r == 0)
        rpc_fds_patience(link->fds, link->deadline_ms + RPC_GRACE_MS);
    *ret = link->fds;
    return r;
}
