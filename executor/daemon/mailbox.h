/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of a task whose channel ends in the daemon; Send and Receive.
 *
 * Theory of operation: messages that have come wait in order; a client that asks for number n has
 * all before it. While more than MAILBOX_FULL bytes wait, the channel is not read, and the task
 * waits. A message to the task is put together from its chunks, and sent with the last.
 *
 * A message that is half here is charged too. Over the uid's quota its channel is not read until
 * there is room again; but one of each uid may go on, or messages that are all half here would wait
 * for each other. An fd whose file another process may serve comes as one of /dev/null: holding it
 * is enough to be held up (foreign.h).
 *
 * Runs in: daemon.
 * Owns: the messages that wait, with their fds; the chunks so far.
 */
#ifndef DAEMON_MAILBOX_H
#define DAEMON_MAILBOX_H

#include "base/buf.h"
#include "crib/crib.h"
#include "daemon/call.h"
#include "executor.pb-c.h"

#define MAILBOX_FULL  (256 * 1024)  /* bytes that wait to be received */
#define MAILBOX_CHUNK (1024 * 1024) /* bytes of one answer */

struct letter {
    struct letter *next;
    char *type;
    size_t len;
    int fds[CRIB_MAX_FDS]; /* -1: fetched */
    size_t nfds;
    uint8_t data[];
};

struct mailbox {
    bool open;                    /* there is a channel here */
    bool ended;                   /* and no message comes any more */
    struct letter *first, **last; /* received */
    uint64_t number;              /* of the first; 1 before any came */
    uint64_t received;            /* number of the last */
    size_t bytes;                 /* that wait, charged to the uid */
    size_t partial;               /* bytes of the one that is half here, charged */
    bool starved;                 /* paused for want of room for it */
    bool exempt;                  /* it may go on */
    bool paused;
    uint64_t sent;     /* number of the last message sent */
    struct buf chunks; /* of the next; charged */
    char *type;
    bool full;     /* the channel asked to wait for its drain */
    size_t queued; /* bytes sent that wait in the channel till then, charged */
};

/* The task has a channel here. */
void mailbox_open(struct entry *entry);
void mailbox_done(struct entry *entry);

/* The task's callbacks. */
void mailbox_message(struct entry *entry, struct crib_message *message);
void mailbox_drained(struct entry *entry);
void mailbox_ended(struct entry *entry);

/* Those that wait for room look again. Return: whether one still waits. */
bool mailboxes_retry(struct daemon *daemon);

/* Fds of a message that waits, for FdTake; *ret is malloced, all is the caller's. Return: 0;
 * -ENOENT. */
int mailbox_take_fds(struct entry *entry, uint64_t number, int **ret, size_t *ret_count);

/* Our end of the channel for a client that will speak for itself, while nothing was received or
 * sent by it. Return: 0; -EBUSY it was used; -ENOTCONN. */
int mailbox_take_channel(struct entry *entry, int **ret, size_t *ret_count);

/* The methods. */
void mailbox_send(struct call *call, struct entry *entry, const Crib__SendRequest *request);
void mailbox_receive(struct call *call, struct entry *entry, const Crib__ReceiveRequest *request);

#endif
