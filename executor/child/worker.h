/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker of a cluster: what it and its primary say to each other (cluster.proto), beside the
 * program's messages and unseen by it.
 *
 * Runs in: the task.
 */
#ifndef CHILD_WORKER_H
#define CHILD_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "cluster.pb-c.h"
#include "crib/child.h"
#include "wire/frame.h"

struct answer;

struct worker {
    unsigned id;            /* 0: it is no worker, and nothing else counts */
    uint64_t asked;         /* how often it has asked for an address: the last seq */
    struct answer *awaited; /* the one to `asked`; NULL: nobody waits for it any more */
    bool pong_due;          /* one is to be sent, but another one is still queued */
    uint64_t pong;          /* its seq */
    uint64_t pong_end;      /* offset in the stream of where the last pong ends */
    bool left;              /* that it leaves has been said */
};

/* Queues a message for the primary. Return: 0; -ENOMEM; -EPIPE; -EMSGSIZE. */
int worker_say(crib_child *child, const Crib__WorkerSays *says);

/* Queues the first thing that the primary hears. Return: 0; -ENOMEM. */
int worker_online(crib_child *child);

/* Return: whether the message is the primary's to its worker: seen to, its fds are gone. */
bool worker_takes(crib_child *child, struct frame *frame);

/* Gives an answer of the primary to crib_child_listen(), if that waits for this one. What it takes
 * of the fds is -1 in @frame. */
void worker_answer(struct worker *worker, const Crib__PrimarySays__Socket *socket,
                   struct frame *frame);

/* Queues the pong that is due, once there is none before it. Return: whether one was queued. */
bool worker_add_pong(crib_child *child);

#endif
