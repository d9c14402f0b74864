/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a new process has from its maker, beside what a plan says: a sandbox that was prepared in
 * others is of no use.
 *
 * Runs in: library.
 */
#ifndef LAUNCH_SURROUNDINGS_H
#define LAUNCH_SURROUNDINGS_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define SURROUNDINGS_GROUPS 64 /* who is in more has no sandboxes prepared */

struct surroundings {
    pid_t pid; /* a fork has none of ours */
    uid_t uid;
    gid_t gid;
    uint32_t caps[6];
    int group_count, nice;
    int given_up[3]; /* whether filtered, without new privileges, secure bits */
    int schedule[2]; /* of processors and of disks */
    gid_t groups[SURROUNDINGS_GROUPS];
    struct rlimit limits[RLIM_NLIMITS];
    cpu_set_t cpus;
    dev_t root_dev, mounts_dev;
    ino_t root_ino, mounts_ino; /* of / and of the mount namespace */
    ino_t net_ino;              /* of the network, which a policy may share */
};

/* Those of the calling thread. Return: whether they could all be told. */
bool surroundings_look(struct surroundings *ret);

#endif
