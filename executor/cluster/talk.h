/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two languages in which a primary and its workers speak: cluster.proto, and Node's notes.
 *
 * Runs in: library, on the loop's thread.
 */
#ifndef CLUSTER_TALK_H
#define CLUSTER_TALK_H

#include "cluster/cluster.h"

struct talk {
    const char *id_variable; /* of the environment: the worker's number */

    /* Takes a message. Return: false: it is the user's. */
    bool (*message)(crib_worker *worker, const struct crib_message *message);

    /* Answers an ask. @part: NULL: there is none, because of @why. @fd: borrowed; -1.
     * Return: 0; negative errno. */
    int (*answer)(crib_worker *worker, const struct ask *ask, struct part *part, int fd,
                  const struct crib_error *why);

    /* Hands a connection over. Return: 0; negative errno. */
    int (*give)(struct part *part, const struct connection *connection);

    /* Return: 0; negative errno. */
    int (*ping)(crib_worker *worker, uint64_t seq);

    /* Tells it to leave. Return: 0; negative errno. */
    int (*leave)(crib_worker *worker);

    bool pairs;                /* connections come over a pair of sockets, not over the channel */
    enum crib_sharing sharing; /* where nobody says */
};

extern const struct talk talk_crib, talk_node;

#endif
