/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked on the fd side, and what comes of it. No loop, no socket.
 *
 * Runs in: daemon.
 */
#ifndef DAEMON_FDSIDE_REQUEST_H
#define DAEMON_FDSIDE_REQUEST_H

#include "daemon/fdside_names.h"
#include "wire/frame.h"

#define FDSIDE_MAX_PAYLOAD 8192 /* bytes: FRAME_MAX_FDS names, and some */

/* Who asks, and with what he may do it. */
struct fdside_asker {
    const struct fdside_asks *asks;
    void *data;
    struct names *names;
    const struct peer *peer;
    struct named **list; /* of what this connection has brought */
};

struct fdside_reply {
    int code;        /* of gRPC */
    const char *why; /* static; NULL */
    int *fds;        /* malloced; all the receiver's */
    size_t nfds;
};

/* @frame: its fds are taken where they are registered. */
void fdside_request(const struct fdside_asker *asker, struct frame *frame,
                    struct fdside_reply *ret);

/* Gives back what one connection has brought, all of it. */
void fdside_forget(const struct fdside_asker *asker);

#endif
