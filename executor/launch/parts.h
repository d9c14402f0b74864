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

extern struct image init_image; /* crib-init */

/**
 * clone_init() - Clone into new namespaces and execute the image
 * @image:   borrows; crib-init
 * @control: borrows; becomes init's fd 0
 *
 * Suspends the calling thread until the exec.
 *
 * Return: 0 and the pid and pidfd; negative errno
 */
int clone_init(const Crib__NamespacesPlan *plan, int image, int control, pid_t *ret_pid,
               int *ret_pidfd, struct crib_error *err);

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
