/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ended a task, told apart: pure, from what is known when init has reported the end, or is
 * gone without a report.
 *
 * Theory of operation: evidence, in the order in which it is believed. The first that applies is
 * the verdict, so every race has one winner.
 *
 *   1. init reports that a kill rule of the filter was met   filter: everything was dead by that
 *   2. what crib itself began first (its cause)              that; whatever the program made of it
 *   3. our SIGKILL, and init did not report before it        killed
 *   4. the kernel has killed a process for want of memory    memory
 *   5. a fork was denied by the limit on pids                pids
 *   6. SIGXCPU or SIGKILL, and as much time was used as the
 *      rlimit on it allows                                   cpu_timeout
 *   7. the signal that it died of was sent by the caller     killed
 *   8. nothing of these                                      signaled, or exited
 *
 * A cause is begun only after a look at what the kernel has counted by then (meter.h), and after
 * the reports that have come: what was there before comes before. So
 *   - a time-out against an end: the end, if init has reported it; the time-out otherwise;
 *   - the kernel's kill against the caller's: memory, if it was counted when the caller's word
 *     came, or if the program had ended by it and init could still say so; killed otherwise;
 *   - processor time against wall time: whichever was seen first, and of one look memory, then
 *     pids, then processor time;
 *   - output against an end: output, if what lies in the pipes at the end is too much already.
 * No exit status and no signal says anything by its number alone: a program that exits with 124,
 * 137 or 159, or kills itself, has done just that.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef SUPERVISE_ENDING_H
#define SUPERVISE_ENDING_H

#include <stdbool.h>

#include "crib/crib.h"
#include "launch/groups.h"
#include "plan.pb-c.h"

struct ending {
    const Crib__Report__End *report;  /* NULL: init is gone without one */
    const struct groups_facts *facts; /* at the end; NULL: it had no groups */
    enum crib_verdict cause;          /* why crib itself began to end it; 0: it did not */
    const char *limit;                /* behind the cause, static; NULL: none */
    bool killed;         /* by our own SIGKILL: then there is no report, or it was too late */
    bool bounds_pids;    /* a denied fork ends it */
    uint64_t cpu_time_s; /* the soft rlimit on processor time, seconds; 0: none */
    uint64_t signals;    /* bit n-1: the caller has sent signal n */
    int init_status;     /* of init, as waitpid gives it; counts without a report */
    uint64_t wall_us;    /* as measured here; counts without a report */
    const char *call;    /* that a kill rule was met by, kept by the caller; NULL: not known */
};

/**
 * ending_verdict() - Fill verdict, status, signal, limit, call and usage of a result
 *
 * Init's report is the truth about the program; init ends without one only when it is killed from
 * outside, and everything in the sandbox with it. Usage is the groups' where they counted it, and
 * init's, of what was reaped, where not.
 */
void ending_verdict(const struct ending *ending, struct crib_result *ret_result);

/* Return: the name of a limit as a result has it, static; "" for any other text. */
const char *ending_limit(const char *name);

/**
 * ending_usage() - What the figures are of, for the receipt
 * @facts: NULL: it had no groups
 * @ret:   at least ENDING_USAGE bytes
 */
#define ENDING_USAGE 160
void ending_usage(const struct groups_facts *facts, char ret[ENDING_USAGE]);

/**
 * ending_error() - The result as crib_exec_cb has it
 * @max_buffer: for the sentence
 *
 * Return: true and an error; false for a program that exited with 0
 */
bool ending_error(const struct crib_result *result, bool aborted, size_t max_buffer,
                  struct crib_error *ret_error);

#endif
