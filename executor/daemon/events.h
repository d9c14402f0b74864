/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has happened to a task, numbered from 1, until it is forgotten; and Wait.
 *
 * Runs in: daemon.
 * Owns: the packed events: the first one, and the last EVENTS_KEPT.
 */
#ifndef DAEMON_EVENTS_H
#define DAEMON_EVENTS_H

#include "daemon/call.h"
#include "executor.pb-c.h"

#define EVENTS_KEPT    256
#define EVENTS_AT_ONCE 64 /* in one answer */

struct events_kept {
    uint8_t *data; /* a packed crib.Event */
    size_t len;
};

struct events {
    struct events_kept first;
    struct events_kept
        *ring;     /* of EVENTS_KEPT, event n at n % EVENTS_KEPT; NULL: none but the first */
    uint64_t last; /* number of the newest; 0: none */
};

/* Without memory an event is counted as lost. */
void events_add(struct events *events, const Crib__Event *event);

/* Accepts a zeroed one. */
void events_done(struct events *events);

/* The method. */
void events_wait(struct call *call, struct entry *entry, const Crib__WaitRequest *request);

#endif
