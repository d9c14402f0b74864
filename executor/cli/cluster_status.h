/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last line of a terminal: how the cluster is.
 *
 *     crib: 4 workers, 4 listening, tcp:127.0.0.1:8080, 2 restarts, 0 crashes
 *
 * Runs in: cli.
 */
#ifndef CLI_CLUSTER_STATUS_H
#define CLI_CLUSTER_STATUS_H

#include "cli/lines.h"
#include "crib/cluster.h"
#include "policy/listen.h"

#define STATUS_ADDRESSES 16 /* that are told from one another */

struct cluster_status {
    struct lines *lines; /* that lead to the terminal; NULL: there is no such line */
    const crib_cluster *cluster;
    uv_timer_t timer;
    bool shown;
    unsigned restarts, crashes;
    char addresses[STATUS_ADDRESSES][LISTEN_TEXT];
    unsigned address_count;
};

/* Where standard error, which @lines leads to, is a terminal. Return: 0; negative errno. */
int cluster_status_open(struct cluster_status *status, uv_loop_t *loop, struct lines *lines);

/* Something is told: takes the line away, and shows it again a little later. */
void cluster_status_clear(struct cluster_status *status);

/* Somebody serves it. */
void cluster_status_address(struct cluster_status *status, const char *address);

/* Needs a further turn of the loop. */
void cluster_status_close(struct cluster_status *status);

/* Return: how many workers there are, without those that leave or have gone. */
unsigned cluster_status_running(const crib_cluster *cluster);

#endif
