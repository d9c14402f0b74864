/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/dialect.h"

#include <errno.h>

#include "node/peer.h"

enum dialect_kind dialect_of(Crib__Task__Channel channel)
{
    switch (channel) {
    case CRIB__TASK__CHANNEL__node:
        return DIALECT_NODE;
    case CRIB__TASK__CHANNEL__node_advanced:
        return DIALECT_NODE_ADVANCED;
    default:
        return DIALECT_CRIB;
    }
}

int dialect_init(struct dialect *dialect, struct dialect_want want)
{
    *dialect = (struct dialect){0};
    if (want.kind != DIALECT_CRIB) {
        dialect->peer = node_peer_new(want.max, want.kind == DIALECT_NODE_ADVANCED);
        return dialect->peer ? 0 : -ENOMEM;
    }
    dialect->reader = frame_reader_new(want.max);
    dialect->writer = frame_writer_new(want.max);
    if (dialect->reader && dialect->writer)
        return 0;
    dialect_done(dialect);
    return -ENOMEM;
}

void dialect_done(struct dialect *dialect)
{
    frame_reader_free(dialect->reader);
    frame_writer_free(dialect->writer);
    node_peer_free(dialect->peer);
    *dialect = (struct dialect){0};
}

long dialect_fill(struct dialect *dialect, int sock, struct crib_error *err)
{
    if (dialect->peer)
        return node_peer_fill(dialect->peer, sock, err);
    return frame_reader_fill(dialect->reader, sock, err);
}

int dialect_next(struct dialect *dialect, struct frame **ret, struct crib_error *err)
{
    if (dialect->peer)
        return node_peer_next(dialect->peer, ret, err);
    return frame_reader_next(dialect->reader, ret, err);
}

void dialect_look(struct dialect *dialect,
                  int (*look)(void *owner, size_t held, int *fds, size_t nfds), void *owner)
{
    if (dialect->peer)
        node_peer_look(dialect->peer, look, owner);
    else
        frame_reader_look(dialect->reader, look, owner);
}

int dialect_add(struct dialect *dialect, const char *type, const void *payload, size_t len,
                const int *fds, size_t nfds)
{
    if (dialect->peer)
        return node_peer_add(dialect->peer, type, payload, len, fds, nfds);
    return frame_writer_add(dialect->writer, type, payload, len, fds, nfds);
}

int dialect_add_disconnect(struct dialect *dialect)
{
    if (dialect->peer)
        return node_peer_add_disconnect(dialect->peer);
    return frame_writer_add_disconnect(dialect->writer);
}

int dialect_flush(struct dialect *dialect, int sock)
{
    if (dialect->peer)
        return node_peer_flush(dialect->peer, sock);
    return frame_writer_flush(dialect->writer, sock);
}

size_t dialect_pending(const struct dialect *dialect)
{
    if (dialect->peer)
        return node_peer_pending(dialect->peer);
    return frame_writer_pending(dialect->writer);
}
