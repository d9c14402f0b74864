/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The streams of a task whose pipes end in the daemon; Read, Write and CloseStdin.
 *
 * Theory of operation: a stream is read while fewer than `buffer` bytes are kept, and a client's
 * Read says what need not be kept any more: so a client that does not read makes the task wait, as
 * if it had the pipe itself. A detached task never waits: its oldest bytes make room, and are
 * counted as lost. The bytes kept are charged to the uid; over its quota a stream is not read, and
 * a detached one keeps less.
 *
 * What an attached client can take at once is read straight into the frame that goes to it.
 *
 * Runs in: daemon.
 * Owns: what is kept; the frame that is being read into.
 */
#ifndef DAEMON_OUTLET_H
#define DAEMON_OUTLET_H

#include "crib/crib.h"
#include "daemon/call.h"
#include "daemon/ring.h"
#include "executor.pb-c.h"
#include "wire/ttrpc.h"

#define OUTLET_BUFFER          (64 * 1024)
#define OUTLET_BUFFER_DETACHED (1024 * 1024)
#define OUTLET_BUFFER_MAX      (16 * 1024 * 1024)
#define OUTLET_READ_MAX        (1024 * 1024) /* bytes of one answer */

struct outlet {
    struct outlet *next;
    struct entry *entry;
    crib_stream *stream; /* NULL: it has ended */
    int number;
    int master; /* of a terminal that nobody had read or taken when its program ended; -1 */
    struct ring ring;
    bool reading;
    bool end;                  /* nothing comes behind what is kept */
    struct ttrpc_piece *piece; /* attach.c: of the client that is read for */
};

/* What is written to stdin. */
struct inlet {
    crib_stream *stream; /* NULL: none, or ended */
    uint64_t taken;      /* bytes, from the first */
    size_t charged;      /* of these, not yet in the pipe */
    bool closed;
    bool had; /* there was one */
};

/* The task runs: its streams are watched. Return: 0; -ENOMEM. */
int outlets_open(struct entry *entry);

/* The program has ended: what it wrote to its terminal is kept for whoever reads or takes that. */
void outlets_keep_terminal(struct entry *entry);

/* The task's streams are gone; what is kept stays. */
void outlets_ended(struct entry *entry);

void outlets_done(struct entry *entry);

/* The master of the task's terminal, for the client. Return: an fd for a new owner; -ENOTTY; -EBUSY
 * it was read or written here; -EOPNOTSUPP its output is counted here; -EMFILE. */
int outlets_take_terminal(struct entry *entry);

/* Return: the stream of that number; NULL. */
struct outlet *outlet_find(const struct entry *entry, uint32_t number);

/* Everything before @offset has arrived: forgets it, and reads on. */
void outlet_ack(struct outlet *outlet, uint64_t offset);

/* Return: 0; 1 the queue is full now; -EPIPE there is no stdin (any more); -ERANGE @offset is
 * ahead; -ENOMEM */
int inlet_write(struct entry *entry, uint64_t offset, const void *data, size_t len);

/* The task is gone, or reads no more. */
void inlet_ended(struct entry *entry);

/* The methods. */
void outlet_read(struct call *call, struct entry *entry, const Crib__ReadRequest *request);
void inlet_take(struct call *call, struct entry *entry, const Crib__WriteRequest *request);
void inlet_close(struct call *call, struct entry *entry, const Crib__CloseStdinRequest *request);

#endif
