/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that the library carries inside it as bytes, and how a new process executes one.
 *
 * Theory of operation: an image becomes a sealed memfd, so that there is nothing on disk to find
 * and nothing that a task could overwrite; where the host forbids executable memfds, the installed
 * copy is opened. The new process is no fork: it shares our memory and suspends the calling thread
 * until its exec, so that nothing of ours is copied, however large we are; it runs on a stack of
 * its own with all signals blocked, which the image has to mend. Only one fd goes along.
 *
 * Runs in: library.
 * Owns: the fd that is kept for each image, until the process ends.
 * Source: memfd_create(2), clone(2), clone3(2) (CLONE_INTO_CGROUP), close_range(2)
 */
#ifndef BASE_IMAGE_H
#define BASE_IMAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct image {
    const char *name; /* of the process */
    const char *step; /* of errors */
    const char *data, *end;
    const char *installed; /* path of the copy */
    int kept;              /* -1 before it was asked for; guarded */
    dev_t device;          /* which file `kept` is */
    ino_t inode;
};

/**
 * image_fd() - An fd that the image can be executed by
 *
 * Any thread. A host program that closes fds which are not its own gets a new one, not an error.
 *
 * Return: an fd above 2 that stays the process's; negative errno
 */
int image_fd(struct image *image, struct crib_error *err);

/* Called in the new process before its exec. It shares our memory: it may neither allocate nor
 * lock, and may not call what changes ids, which would change *our* dumpable flag. Return: 0;
 * negative errno. @inside: it was born in the group of @into. */
typedef int image_before(const void *data, bool inside);

struct image_start {
    const char *name;        /* argv[0] */
    const char *const *args; /* argv, ended by NULL; NULL: the name alone */
    int image;               /* borrows; image_fd() */
    int fd0;                 /* borrows; becomes fd 0; no other goes along */
    int flags;               /* CLONE_NEW… */
    image_before *before;    /* NULL: nothing */
    const void *data;        /* for it */
    bool many; /* files are open here: the new process need not have a table of all of them first.
                * @before opens none then */
    int into;  /* borrows; a cgroup (version 2) to be born in, where the kernel can; 0: none */
};

/* A process that executes an image. */
struct image_process {
    pid_t pid;
    int pidfd;  /* above 2; -1 */
    int failed; /* negative errno of what came between clone and exec; it is gone then */
};

/**
 * image_start() - Execute an image in a new process
 * @ret: filled; the caller closes pidfd
 *
 * The environment is empty. Suspends the calling thread until the exec.
 *
 * Return: 0, and @ret->failed where it came to no exec; negative errno of the clone
 */
int image_start(const struct image_start *start, struct image_process *ret);

#endif
