/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a start, in the order in which launch.c calls them.
 *
 * Runs in: library.
 */
#ifndef LAUNCH_PARTS_H
#define LAUNCH_PARTS_H

#include "base/image.h"
#include "launch/halves.h"
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
 * @image:   borrows; crib-init
 * @control: borrows; becomes init's fd 0
 * @launch:  its groups and its net are there, where it is to have any; its pid and pidfd are filled
 *
 * Suspends the calling thread until the exec.
 *
 * Return: 0; negative errno
 */
int clone_init(const Crib__NamespacesPlan *plan, int image, int control, struct launch *launch,
               struct crib_error *err);

#define PLAN_TREES 160 /* more than a plan has mounts */

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

/* Trees for one half of a plan; the caller closes them. */
struct trees {
    int fd[PLAN_TREES];
    size_t count;
};

/**
 * make_trees() - Detached trees for the mounts that want one
 * @first: the first mount to be looked at
 * @end:   behind the last
 * @from:  number of the first tree
 *
 * Return: 0; negative errno, @ret is empty
 */
int make_trees(const Crib__Plan *plan, size_t first, size_t end, size_t from,
               const struct host_fds *paths, struct trees *ret, struct crib_error *err);

/* How many of the mounts before @end want a tree. */
size_t count_trees(const Crib__Plan *plan, size_t end);

void trees_done(struct trees *trees);

/**
 * begin() - Clone, id maps, and the first half of the plan handed over
 * @what:   borrows; paths of the mounts of the first half; stdio where the plan is whole, else NULL
 * @halves: borrows; of the plan; whole, or split
 *
 * Return: as launch_start(); on an error nothing is left behind
 */
int begin(const struct launching *what, const struct halves *halves, struct launch *ret,
          struct crib_error *err);

/* Hands over the second half. Return: as begin(); the caller ends @launch on an error. */
int complete(const struct launching *what, const struct halves *halves, struct launch *launch,
             struct crib_error *err);

/* What goes in one packet. */
struct sending {
    const Crib__Plan *half;
    const int *stdio; /* NULL: no program is in it */
    int own;          /* the lock of the task's own id; 0: none */
    const struct trees *trees;
    bool first; /* with a pidfd of this process */
};

/* Return: 0; negative errno. */
int send_half(int control, const struct sending *sending, struct crib_error *err);

#endif
