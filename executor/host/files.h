/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of the host that are copied into a task and out of it, opened with the caller's own rights.
 *
 * Theory of operation: what is at a path is looked at before it is opened, since opening a device
 * may do something, and a FIFO would have to be waited for; then it is opened through that very
 * look, so that nothing can be put in its place between the two. Directories on the way may be
 * symlinks, as in any path; the file itself may not, and magic links nowhere. A target is made,
 * never found: where anything has its name already it is refused.
 *
 * Runs in: library; daemon's clients.
 * Owns: a struct host_target owns its fds and its name.
 * Source: openat2(2)
 */
#ifndef HOST_FILES_H
#define HOST_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/**
 * host_source_open() - Open a file to be copied
 * @path: borrows; relative to the current directory
 * @max:  bytes
 * @step, @index: of the error
 *
 * Return: an fd above 2, read-only and regular; -ELOOP a symlink; -EISDIR, -EINVAL another kind;
 *         -EFBIG; -EACCES and other negative errno
 */
int host_source_open(const char *path, uint64_t max, const char *step, int index,
                     struct crib_error *err);

/**
 * host_source_check() - Whether an fd can be copied from its beginning
 * @name: of the error; may be NULL
 *
 * Return: 0; -EBADF not open, or not for reading; -EISDIR, -EINVAL not a regular file; -EFBIG
 */
int host_source_check(int fd, const char *name, uint64_t max, const char *step, int index,
                      struct crib_error *err);

/* As that, for an fd to be written to. */
int host_target_check(int fd, const char *name, const char *step, int index,
                      struct crib_error *err);

struct host_target {
    int fd;  /* for writing; -1: none, here and below */
    int dir; /* in which it was made */
    char *name;
    dev_t dev; /* of what was made */
    ino_t ino;
};

#define HOST_TARGET_NONE                                                                           \
    {                                                                                              \
        .fd = -1, .dir = -1                                                                        \
    }

/**
 * host_target_make() - Make an empty file to be copied to
 * @path: borrows; relative to the current directory; nothing may be there yet
 * @ret:  filled on success; host_target_done()
 *
 * Its mode is 0666 without the umask.
 *
 * Return: 0; -EEXIST; -EACCES and other negative errno
 */
int host_target_make(const char *path, struct host_target *ret, const char *step, int index,
                     struct crib_error *err);

/* Closes; and removes the file, if it is still what was made, unless @keep. */
void host_target_done(struct host_target *target, bool keep);

#endif
