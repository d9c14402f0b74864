/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits on a whole task that no process of it can be asked to keep: memory, pids, processor
 * time. Looked at while it runs, and ended by us when one is reached.
 *
 * Theory of operation: the kernel counts, in the task's groups (launch/groups.h), and holds memory
 * and pids by itself; what is left to us is to end the whole task once one process of it was killed
 * or denied a fork, and to hold processor time, which has no limit in the kernel.
 *
 *   memory    an eventfd of version 1 says that some process will be killed; version 2 kills all.
 *   pids      an event where the kernel has one, else asked for every METER_PIDS_MS.
 *   cpu_time  asked for when it can first be used up: after what is left, shared by all processors.
 *             Each look comes closer, and the last ones are METER_LEAST_MS apart. A task that uses
 *             nothing meanwhile is asked less and less often, as far as METER_IDLE_MS.
 *   sampled   where there are no groups, the processes of the tree are added up from /proc
 *             (sample.h) every METER_SAMPLE_MS: what lives shorter is not seen.
 *
 * Of one look memory comes first, then pids, then processor time.
 *
 * Runs in: library, on the loop's thread.
 * Owns: its handles; in the task's arena.
 */
#ifndef SUPERVISE_METER_H
#define SUPERVISE_METER_H

#include "supervise/task.h"

#define METER_LEAST_MS  2
#define METER_IDLE_MS   8
#define METER_PIDS_MS   25
#define METER_SAMPLE_MS 60

/* The program runs: begins to look, where its plan has something to look for. Where that cannot be
 * had the task is ended, and told why. */
void meter_start(crib_task *task);

/* Looks now; may end the task. Nothing is told by it. */
void meter_look(crib_task *task);

/* The program has ended: no more looks. */
void meter_stop(crib_task *task);

/* Closes the handles; each ends in task_handle_closed(). Before the groups go. */
void meter_close(crib_task *task);

/**
 * meter_wait() - Milliseconds to the next look at processor time
 * @used, @before: microseconds used by now, and at the last look
 * @limit:         microseconds, more than @used
 * @last:          how long the last wait was, milliseconds; 0: there was none
 * @processors:    that can be used at once
 */
uint64_t meter_wait(uint64_t used, uint64_t before, uint64_t limit, uint64_t last,
                    unsigned processors);

#endif
