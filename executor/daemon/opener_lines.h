/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests, the lines they wait in, and the processes that serve them: what opener.c moves about.
 *
 * Runs in: daemon.
 * Owns: an identity its peer; the lists own nothing.
 */
#ifndef DAEMON_OPENER_LINES_H
#define DAEMON_OPENER_LINES_H

#include "daemon/opener.h"
#include "daemon/opener_process.h"
#include "daemon/opener_talk.h"

struct opener_request {
    struct opener_request *next, **link;         /* of the line; link NULL: not in it */
    struct opener_request *next_all, **link_all; /* of the openers' */
    struct openers *openers;
    struct identity *identity;
    struct worker *worker; /* NULL: waits */
    struct opener_talk talk;
    uv_timer_t timer;
    void (*answer)(struct opener_answer *answer, void *data); /* NULL: cancelled */
    void *data;
    bool retried;
    int failed; /* negative errno: to be answered when the timer fires, at once */
};

struct worker {
    struct worker *next, **link; /* of its identity's */
    struct identity *identity;
    struct opener_process *process;
    struct opener_request *request; /* NULL: idle */
    bool slow;                      /* its request takes long: others do not wait for it */
};

struct identity {
    struct identity *next, **link; /* of all */
    struct openers *openers;
    struct peer peer;
    struct opener_request *first, **last; /* the line */
    struct worker *workers;               /* dying ones too */
    size_t requests;                      /* in the line or not */
};

struct openers {
    uv_loop_t *loop;
    uv_timer_t timer; /* of openers_close() */
    struct identity *identities;
    struct opener_request *requests;
    struct peer self;
    bool privileged;      /* can become anybody */
    uint64_t deadline_ms; /* OPENER_DEADLINE_MS */
    uint64_t patience_ms; /* OPENER_PATIENCE_MS */
    size_t living;        /* processes */
    size_t parts;         /* workers, and requests whose timer is not closed */
    bool closing;
    void (*closed)(void *data);
    void *data;
    uint8_t packet[PACKET_MAX_BYTES];
};

/* Who this process is, and whether it can become somebody else. Return: 0; negative errno. */
int lines_open(struct openers *openers);

/* Return: whether a process of ours can have just the rights of that peer. */
bool lines_may_serve(const struct openers *openers, const struct peer *peer);

/* Return: a new one where there is none; NULL: out of memory. */
struct identity *identity_find(struct openers *openers, const struct peer *peer);

/* Frees an identity that has nothing any more. */
void identity_settle(struct identity *identity);

/* @request: not in a line. */
void line_add(struct identity *identity, struct opener_request *request, bool front);

/* Accepts one that is in no line. */
void line_remove(struct opener_request *request);

/* Into every list that a new request is in. */
void request_list(struct opener_request *request, struct identity *identity);

/* Out of them: the last use of its identity, which may be freed. */
void request_unlist(struct opener_request *request);

#endif
