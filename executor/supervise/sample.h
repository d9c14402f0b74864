/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processes of a tree use, added up from /proc.
 *
 * It is less than a cgroup counts: what lives between two looks is not seen, nor is the time of
 * processes whose parent wants to hear of none (SIGCHLD ignored); times come in clock ticks. And it
 * is more: pages that processes share count for each of them.
 *
 * Runs in: library.
 * Owns: nothing.
 * Source: proc_pid_stat(5)
 */
#ifndef SUPERVISE_SAMPLE_H
#define SUPERVISE_SAMPLE_H

#include <stdint.h>
#include <sys/types.h>

#define SAMPLE_MOST 32768 /* processes looked at */

struct sample {
    uint64_t memory; /* bytes resident, each process for itself */
    uint64_t cpu_us; /* of those that live, and of those that they have waited for */
    uint64_t processes;
};

/* The file /proc/PID/stat of one process. */
struct sample_stat {
    pid_t pid, parent;
    uint64_t ticks; /* user and system, with those of children waited for */
    uint64_t pages; /* resident */
};

/* Return: 0; -EINVAL. */
int sample_read_stat(const char *text, struct sample_stat *ret);

/**
 * sample_tree() - Add up a process and its descendants
 * @root: in our pid namespace
 *
 * Return: 0; -ESRCH it is gone; negative errno of /proc
 */
int sample_tree(pid_t root, struct sample *ret);

#endif
