/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's end of a task's message channel: frames of ours or Node's lines (dialect.h) on a
 * non-blocking socket pair, on the loop.
 *
 * Theory of operation:
 *
 *     OPEN ─▶ PARTING ─▶ ENDED
 *        └───────────────▲      failure, end of the stream, drop
 *
 * OPEN     Messages go both ways. Left by our channel_disconnect() or by the peer's.
 * PARTING  Nothing new can be sent. What is queued is still sent, then our disconnect frame, then
 *          our half of the socket is shut. What the peer still says is delivered, until it has
 *          parted too or its end is closed.
 * ENDED    The fd is closed; on_ended has been or is about to be called from the loop, once.
 *
 * Batches: one receive takes what the socket has, up to 64 KiB, and every whole frame in it is
 * delivered before the loop goes on, but no more than so many in one turn, whatever the peer sends:
 * the rest comes in the next turn. A send goes out at once, unless something is queued or it is
 * made within `message` or `drain`: then it goes out with all the others when those have been
 * called, or when enough of it is queued. An idle handle is active while there is something to do
 * without waiting for the socket.
 *
 * A frame over the cap, a broken one or too many fds is told by on_failed, and ends the channel at
 * once. While the task has not started the channel is held: frames are queued, no callback comes.
 *
 * Runs in: library, on the loop's thread.
 * Owns: its socket and dialect. A frame's fds are the dialect's until taken.
 */
#ifndef SUPERVISE_CHANNEL_H
#define SUPERVISE_CHANNEL_H

#include <stdbool.h>
#include <uv.h>

#include "supervise/dialect.h"

#define CHANNEL_HIGH_WATER (64 * 1024) /* bytes queued, above which a sender should wait */

struct channel;

struct channel_events {
    void (*message)(struct channel *channel, struct frame *frame, void *owner);
    void (*drain)(struct channel *channel, void *owner);
    void (*failed)(struct channel *channel, const struct crib_error *error, void *owner);
    void (*ended)(struct channel *channel, void *owner); /* the last one */
};

struct channel {
    uv_poll_t poll;
    uv_idle_t idle;
    int handles; /* of the two, that are not closed */
    int sock;    /* -1 once ended */
    struct dialect dialect;
    const struct channel_events *on;
    void *owner;
    bool held;        /* the task does not run yet */
    bool paused;      /* the owner wants no message now */
    bool used;        /* a byte went one way or the other */
    bool nudged;      /* what was received and not delivered has to be, in the next turn */
    bool calling;     /* `message` or `drain`: what is sent meanwhile goes out afterwards */
    bool blocked;     /* the socket is full */
    bool hurried;     /* the program has ended: what is left is delivered, paused or not */
    bool parting;     /* our disconnect is queued or sent */
    bool shut;        /* our half is shut */
    bool peer_parted; /* the peer will send no more */
    int watching;     /* events asked of the loop */
    bool wants_drain; /* a sender was told to wait */
    bool ended;       /* on_ended was called: may be freed */
};

/**
 * channel_new() - A held channel on one end of a socket pair
 * @sock: takes, on success
 * @on:   keeps
 *
 * Return: 0; negative errno
 */
int channel_new(uv_loop_t *loop, int sock, struct dialect_want want,
                const struct channel_events *on, void *owner, struct channel **ret);

/* Frees an ended channel. Accepts NULL. */
void channel_free(struct channel *channel);

/* The task runs, or has ended without: callbacks may come. */
void channel_release(struct channel *channel);

/* Return: 0; 1 accepted, over the high-water mark; -ENOTCONN; as frame_writer_add(). */
int channel_send(struct channel *channel, const char *type, const void *data, size_t len,
                 const int *fds, size_t nfds);

/* Return: 0; -ENOTCONN it is parting or has ended. */
int channel_disconnect(struct channel *channel);

/* Return: whether messages can be sent. */
bool channel_open(const struct channel *channel);

/* While paused nothing is read, and the peer waits; not once the program has ended. */
void channel_pause(struct channel *channel, bool paused);

/* Delivers at once what has been received already. */
void channel_catch_up(struct channel *channel);

/* Nothing of the task runs any more: delivers what is left, then ends. */
void channel_dead(struct channel *channel);

/* The socket for a new owner, while no byte went either way; the channel ends, and `ended` is told.
 * Return: the fd; -EBUSY; -ENOTCONN. */
int channel_take(struct channel *channel);

/* Ends at once, delivering nothing. */
void channel_drop(struct channel *channel);

#endif
