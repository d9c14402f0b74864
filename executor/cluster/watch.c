/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/watch.h"

#include <errno.h>
#include <stdlib.h>

struct watch {
    uv_poll_t poll;
    crib_cluster *cluster;
    void (*ready)(void *owner);
    void *owner;
    bool on;
};

int watch_new(crib_cluster *cluster, int fd, void (*ready)(void *owner), void *owner,
              struct watch **ret)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    int r = watch ? uv_poll_init(cluster->loop, &watch->poll, fd) : -ENOMEM;

    if (r < 0) {
        free(watch);
        return r;
    }
    watch->poll.data = watch;
    watch->cluster = cluster;
    watch->ready = ready;
    watch->owner = owner;
    cluster->handles++;
    *ret = watch;
    return 0;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;

    (void)status;
    (void)events;
    watch->ready(watch->owner);
}

void watch_set(struct watch *watch, bool on)
{
    if (on && !watch->on)
        uv_poll_start(&watch->poll, UV_READABLE, on_ready);
    else if (!on && watch->on)
        uv_poll_stop(&watch->poll);
    watch->on = on;
}

static void on_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    crib_cluster *cluster = watch->cluster;

    free(watch);
    cluster_handle_closed(cluster);
}

void watch_close(struct watch *watch)
{
    if (watch)
        uv_close((uv_handle_t *)&watch->poll, on_closed);
}
