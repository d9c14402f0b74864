/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task as the daemon keeps it: whose it is, what it has said, and who waits for it.
 *
 * Theory of operation
 *
 *     STARTING ─▶ RUNNING ─▶ ENDING ─▶ ENDED ─▶ (told) ─▶ forgotten
 *
 * The states are those of executor.proto. The crib_task is there until ENDED; what it said stays.
 * An entry is forgotten when its client says so; with its connection, unless it is detached; when
 * its end has been told and ENTRIES_KEPT newer ones of the same uid have ended since; a detached
 * one ENTRIES_KEPT_MS after its end. Forgetting one that runs kills it.
 *
 * Runs in: daemon.
 * Owns: its outlets, inlet, mailbox and events; not the task, which frees itself.
 */
#ifndef DAEMON_ENTRY_H
#define DAEMON_ENTRY_H

#include "crib/crib.h"
#include "daemon/call.h"
#include "daemon/events.h"
#include "daemon/mailbox.h"
#include "daemon/outlet.h"
#include "daemon/peer.h"
#include "executor.pb-c.h"

#define ENTRIES_BUCKETS 4096
#define ENTRIES_KEPT    64           /* told ends of a uid that are remembered */
#define ENTRIES_KEPT_MS 3600000      /* of a detached task, whether told or not */
#define ENTRY_SPARE     (256u << 10) /* bytes of its request and plan that are not charged */

struct entry {
    uint64_t id;
    struct daemon *daemon;
    uid_t uid;
    uint64_t inside;                    /* task whose client asked for it; 0: of no task */
    ino_t space;                        /* its pid namespace; 0: not known */
    struct connection *connection;      /* with which it ends; NULL: detached, or being ended */
    struct entry *next, **link;         /* of its bucket */
    struct entry *next_all, **link_all; /* of all, in the order of their numbers */
    struct entry *next_of, **link_of;   /* of the connection's */
    struct entry *newer, **link_ended;  /* of the ended ones, the oldest first */
    crib_task *task;                    /* NULL: nothing of it is left */
    Crib__TaskState state;
    uint32_t pid;
    bool detached;
    bool terminal; /* it has a pty */
    bool charged;  /* to the quota of tasks */
    bool told;     /* a Wait was answered with its result */
    bool doomed;   /* to be freed when the task has closed */
    size_t heavy;  /* bytes charged of its request and plan */
    size_t copying; /* bytes that files may come to take in its result; 0 from ENDED on */

    struct arena *setup;           /* what the start needed: request and plan; NULL once it runs */
    struct held_site *held;        /* with it */
    uint64_t asked_us;             /* when Spawn came, for the histogram */
    uint64_t started_ms, ended_ms; /* since 1970 */
    struct arena arena;            /* of these: */
    const char *policy, *label;
    ProtobufCBinaryData file, *args;
    size_t n_args;
    ProtobufCBinaryData ceiling; /* its effective policy, packed, with its own mounts */
    Crib__Result *result;        /* from ENDING on; in result_arena */
    struct arena result_arena;

    struct events events;
    struct outlet *outlets;
    size_t buffer; /* bytes kept of each */
    struct inlet inlet;
    struct mailbox mailbox;
    struct call *waiting; /* call::next_waiting */
};

struct entries {
    struct entry *bucket[ENTRIES_BUCKETS];
    struct entry *all, **last_all;
    struct entry *oldest, **newest; /* ended ones */
    uint64_t last;                  /* number given */
    size_t count;
    size_t living; /* not ENDED */
};

void entries_open(struct entries *entries);

/**
 * entry_new() - A task about to be started
 * @connection: whose client asks; with which it ends, unless @detached
 *
 * The quota of tasks is charged.
 *
 * Return: 0; -EDQUOT, -ENOSPC, -ENOMEM
 */
int entry_new(struct daemon *daemon, struct connection *connection, bool detached,
              struct entry **ret);

/* The task's callbacks: their data is the entry. */
extern const struct crib_events entry_events;

/* Return: whether a peer may know of it: of its uid's, and root of all; inside a task of those
 * alone that were asked for there, or further down. */
bool entry_is_of(const struct entry *entry, const struct peer *peer);

/* Return: the task of that number if @peer may know of it; NULL. */
struct entry *entry_find(struct daemon *daemon, const struct peer *peer, uint64_t id);

/* So many bytes it takes, of which no more than ENTRY_SPARE are not charged. Return: 0; -EDQUOT,
 * -ENOSPC, -ENOMEM: as before. */
int entry_charge(struct entry *entry, size_t bytes);

/* What the start needed is not needed any more. */
void entry_settled(struct entry *entry);

/* The task could not be started: no event of it ever comes. */
void entry_discard(struct entry *entry);

/* Ends it if it runs, and frees it as soon as nothing of it is left. */
void entry_forget(struct entry *entry);

/* Its result was told to its client: once nothing is left of it, it is no more charged. */
void entry_told(struct entry *entry);

/* Forgets detached tasks that ended long ago. */
void entries_sweep(struct daemon *daemon);

/* Fills @info; strings are borrowed from the entry. @arena: only verdict, status and signal of the
 * result, there; NULL: all of it. */
void entry_info(const struct entry *entry, Crib__TaskInfo *info, struct arena *arena);

#endif
