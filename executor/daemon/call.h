/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request, from its frame to its answer.
 *
 * Theory of operation: a call is answered once, by call_respond() or call_fail(), which free it.
 * Until then it may wait for a change of a task (call_wait()), for its turn, or for work under way;
 * its deadline or the end of its connection can end it at any time, and then `cancel` is told.
 *
 * Runs in: daemon.
 * Owns: its arena, in which the request lives.
 */
#ifndef DAEMON_CALL_H
#define DAEMON_CALL_H

#include <uv.h>

#include "base/arena.h"
#include "daemon/status.h"
#include "daemon/turns.h"

#define CALL_ARENA                                                                                 \
    (16u << 20) /* bytes; decoding 4 MiB of empty messages wants more, and is refused */

#define CALL_SPARE (8u << 10) /* bytes of a decoded request that are not charged */

struct connection;
struct daemon;
struct entry;

/* What a waiting call waits for; bits. */
enum {
    ON_EVENT = 1,   /* events, state */
    ON_OUTPUT = 2,  /* a stream has data or its end */
    ON_INPUT = 4,   /* room for stdin */
    ON_MESSAGE = 8, /* a message, or the channel's end */
    ON_DRAIN = 16,  /* room for messages */
    ON_ANY = 31,
};

struct call {
    struct connection *connection;
    struct call *next, **link; /* of the connection's */
    uint32_t stream;
    unsigned method;
    struct arena arena;
    const ProtobufCMessage *request;
    uint64_t deadline, until; /* uv_now(); 0: none */
    uv_timer_t timer;
    bool timed; /* timer exists */

    struct entry *entry; /* whose change is waited for */
    struct call *next_waiting, **link_waiting;
    unsigned on;
    bool (*attempt)(struct call *call, bool last);

    size_t charged; /* bytes of its quota: the request, decoded */
    struct turn turn;
    void (*cancel)(struct call *call, void *work); /* gives up the work under way; may be NULL */
    void *work;
    struct attach *attach;   /* of a stream; attach.c's */
    struct cluster *cluster; /* the same of cluster_call.c */
};

/* Return: NULL when out of memory. In the connection's list. @timeout_nano: 0 or less: none. */
struct call *call_new(struct connection *connection, uint32_t stream, int64_t timeout_nano);

/* The request has been decoded: what it takes, and @more that hangs on it, is charged to the peer
 * until it is answered; less than CALL_SPARE is not. Return: 0; -EDQUOT, -ENOSPC over its quota. */
int call_charge(struct call *call, size_t more);

/* Answers; frees. */
void call_respond(struct call *call, const ProtobufCMessage *response);
/* Ends a stream in good order; frees. */
void call_finish(struct call *call);
void call_fail(struct call *call, enum status_code code, const struct crib_error *error);

/* The same with the code of the error, and with a sentence. */
void call_fail_error(struct call *call, const struct crib_error *error);
void call_fail_text(struct call *call, enum status_code code, int errno_code, const char *step,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Frees without an answer: its connection is gone. */
void call_drop(struct call *call);

/**
 * call_wait() - Answer now, or when it can be
 * @on:      what to wait for
 * @wait:    milliseconds; 0: answer at once; UINT64_MAX: there is no end, and never @last
 * @attempt: answers and returns true, or returns false; with @last it must answer
 */
void call_wait(struct call *call, struct entry *entry, unsigned on, uint64_t wait,
               bool (*attempt)(struct call *call, bool last));

/* Tries every call that waits for any of @on; they may answer, and so free themselves. */
void call_wake(struct entry *entry, unsigned on);

/* Every call that waits is answered: the task is forgotten. */
void call_wake_last(struct entry *entry);

/* Return: the task that a call names; NULL, and it has been answered. */
struct entry *call_entry(struct call *call, uint64_t id);

/* Return: the daemon of a call. */
struct daemon *call_daemon(const struct call *call);

#endif
