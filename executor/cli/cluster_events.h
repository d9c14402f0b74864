/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to a cluster, told as it happens: to people by a line on standard error, to programs
 * by one of JSON. docs/cluster.md lists the events and their members.
 *
 * Runs in: cli.
 * Owns: what waits to be written.
 */
#ifndef CLI_CLUSTER_EVENTS_H
#define CLI_CLUSTER_EVENTS_H

#include "cli/cluster_options.h"
#include "cli/cluster_status.h"
#include "cli/denials.h"
#include "cli/lines.h"

#define CLUSTER_DENIALS 64 /* kinds of denied calls that are told */

struct cluster_events {
    bool json, quiet;
    const crib_cluster *cluster; /* NULL before its start and after its end */
    struct lines lines;
    uint64_t start_us;
    struct denials denials;
    uint64_t kinds[CLUSTER_DENIALS]; /* of calls that were denied: told once of all workers */
    unsigned kind_count;
    uint64_t denied; /* calls of all workers that have ended */
    struct cluster_status status;
    /* JSON can no longer be written, called once, from within any call or the loop. */
    void (*broken)(struct cluster_events *events, int code);
    void *data;
};

/* @events: zeroed but for broken and data. Return: 0; negative errno. */
int cluster_events_open(struct cluster_events *events, uv_loop_t *loop,
                        const struct cluster_options *options);

void cluster_events_fork(struct cluster_events *events, crib_worker *worker);
void cluster_events_online(struct cluster_events *events, crib_worker *worker);
void cluster_events_listening(struct cluster_events *events, crib_worker *worker,
                              const char *address);
void cluster_events_message(struct cluster_events *events, crib_worker *worker,
                            const struct crib_message *message);
void cluster_events_disconnect(struct cluster_events *events, crib_worker *worker);
void cluster_events_denied(struct cluster_events *events, crib_worker *worker,
                           const struct crib_denial *denial);
void cluster_events_exit(struct cluster_events *events, crib_worker *worker,
                         const struct crib_result *result);

/* @worker: NULL: of the whole cluster. */
void cluster_events_error(struct cluster_events *events, crib_worker *worker,
                          const struct crib_error *error);

/* What the caller of crib wants, by a signal: `restart`, `scale`, `stop`; and `restarted`. @text:
 * of it, for people. */
void cluster_events_own(struct cluster_events *events, const char *event, const char *text);

/* Writes what waits, if somebody takes it. What is said from now on goes to stderr as ever. Needs a
 * further turn of the loop. */
void cluster_events_close(struct cluster_events *events);

#endif
