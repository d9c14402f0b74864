/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib_open: where an executor's tasks run.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/remote.h"

static void free_remote(struct remote *remote)
{
    free(remote->path);
    free(remote);
}

/* The tasks are closed, and a link that was lost has gone with them. */
static void close_remote(crib *ex)
{
    struct remote *remote = ex->remote;

    if (remote->link)
        remote_link_release(remote->link);
    free_remote(remote);
    executor_closed(ex);
}

static const struct executor_way executor_remote = {remote_start, remote_plan, close_remote};

static int open_remote(crib **ret, uv_loop_t *loop, const char *path, struct crib_error *err)
{
    struct remote *remote = calloc(1, sizeof(*remote));
    int r;

    if (!remote || !(remote->path = strdup(path))) {
        free(remote);
        return fail_sys(err, -ENOMEM, "daemon", -1, path, NULL);
    }
    remote->deadline_ms = REMOTE_DEADLINE_MS;
    r = remote_link_open(remote, loop, &remote->link, err);
    if (r < 0) {
        free_remote(remote);
        return r;
    }
    remote->link->remote = remote;
    r = executor_new(ret, loop, &executor_remote, err);
    if (r < 0) {
        remote_link_release(remote->link);
        free_remote(remote);
        return r;
    }
    (*ret)->remote = remote;
    return 0;
}

int crib_open(crib **ret, uv_loop_t *loop, const char *address, struct crib_error *err)
{
    static const char prefix[] = "unix:";

    if (!address)
        return executor_new(ret, loop, &executor_here, err);
    if (!loop)
        return fail_text(err, -EINVAL, "loop", -1, NULL, "there is none");
    if (strncmp(address, prefix, sizeof(prefix) - 1) != 0)
        return fail_text(err, -EINVAL, "address", -1, address,
                         "it must read unix:PATH, with the path of a daemon's socket");
    return open_remote(ret, loop, address + sizeof(prefix) - 1, err);
}
