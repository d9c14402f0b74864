/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The list may be longer than the guess, never longer than the kernel lets a process have. */
static int read_groups(int sock, struct peer *peer)
{
    socklen_t size = 64 * sizeof(gid_t);

    for (;;) {
        gid_t *groups = malloc(size);

        if (!groups)
            return -ENOMEM;
        if (getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0) {
            peer->groups = groups;
            peer->n_groups = size / sizeof(gid_t);
            return 0;
        }
        free(groups);
        if (errno != ERANGE || size > PEER_MAX_GROUPS * sizeof(gid_t))
            return -errno;
    }
}

int peer_read(int sock, struct peer *ret)
{
    struct ucred cred;
    socklen_t size = sizeof(cred);
    struct peer peer = {0};
    int r;

    if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
        return -errno;
    if (cred.uid == (uid_t)-1) /* nobody has connected yet */
        return -ENOTCONN;
    peer.pid = cred.pid;
    peer.uid = cred.uid;
    peer.gid = cred.gid;
    r = read_groups(sock, &peer);
    if (r < 0)
        return r;
    *ret = peer;
    return 0;
}

int peer_copy(const struct peer *from, struct peer *ret)
{
    struct peer copy = *from;

    copy.groups = malloc((from->n_groups ? from->n_groups : 1) * sizeof(gid_t));
    if (!copy.groups)
        return -ENOMEM;
    if (from->n_groups)
        memcpy(copy.groups, from->groups, from->n_groups * sizeof(gid_t));
    *ret = copy;
    return 0;
}

bool peer_same(const struct peer *one, const struct peer *other)
{
    return one->uid == other->uid && one->gid == other->gid && one->n_groups == other->n_groups &&
           (one->n_groups == 0 ||
            memcmp(one->groups, other->groups, one->n_groups * sizeof(gid_t)) == 0);
}

uint64_t peer_owner(const struct peer *peer)
{
    return peer->inside ? peer->inside | (uint64_t)1 << 63 : peer->uid;
}

void peer_done(struct peer *peer)
{
    free(peer->groups);
    *peer = (struct peer){0};
}
