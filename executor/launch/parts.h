/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a start, in the order in which launch.c calls them.
 *
 * Runs in: library.
 */
#ifndef LAUNCH_PARTS_H
#define LAUNCH_PARTS_H

#include "base/image.h"
#include "launch/launch.h"

/* Where a start came to a halt; as fail_sys(). */
struct stumble {
    const char *step;
    int index;
    const char *subject, *what; /* may be NULL */
    const char *takes;          /* the calls, as a person would name them; NULL: no remedy for EPERM */
};

/* Fills @err with the sentence, and with what to do about it where that is known. Return: @code. */
int launch_fail(struct crib_error *err, int code, const struct stumble *at);

extern struct image init_image; /* crib-init */

/**
 * clone_init() - Clone into new namespaces and execute the image
 * @groups:  borrows; the task's, which it joins; NULL: none
 * @image:   borrows; crib-init
 * @control: borrows; becomes init's fd 0
 *
 * Suspends the calling thread until the exec.
 *
 * Return: 0 and the pid and pidfd; negative errno
 */
int clone_init(const Crib__NamespacesPlan *plan, const struct groups *groups, int image,
               int control, pid_t *ret_pid, int *ret_pidfd, struct crib_error *err);

#define IDMAP_MOST 3

/* Ids that are mapped to themselves; no one twice. */
struct idmap {
    uint32_t id[IDMAP_MOST];
    size_t count;
};

/**
 * newidmap() - Have a map written by newuidmap or newgidmap
 * @program: its absolute path
 * @name:    of the map: `uid_map`, `gid_map`
 * @proc:    borrows; init's directory of /proc, known to be its; above 2
 *
 * Waits for the program, for a few seconds at most. On an error the process must not go on.
 *
 * Return: 0, and the map is what was asked for; negative errno
 */
int newidmap(const char *program, const char *name, int proc, pid_t pid, const struct idmap *map,
             struct crib_error *err);

/* Write the id maps of init's new user namespace. Return: 0; negative errno. */
int write_maps(const Crib__IdsPlan *plan, pid_t pid, int pidfd, struct crib_error *err);

/* Detached trees for the mounts that want one; the caller closes them. Return: how many; negative
 * errno. */
int make_trees(const Crib__Plan *plan, const struct host_fds *paths, int *ret_trees,
               struct crib_error *err);

/* Hand everything over. Return: 0; negative errno. */
int send_plan(const Crib__Plan *plan, int control, const int *stdio, const int *trees,
              size_t tree_count, struct crib_error *err);

#endif
