/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File descriptors: -1 is none, every one is CLOEXEC from birth.
 *
 * Runs in: any process.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stddef.h>
#include <sys/types.h>

/* Closes *fd unless it is -1, and makes it -1; keeps errno. Fits __attribute__((cleanup)). */
void fd_close(int *fd);

/* Return: the fd for a new owner; *fd becomes -1. */
int fd_take(int *fd);

/* Return: a CLOEXEC copy at or above @lowest; negative errno. */
int fd_copy(int fd, int lowest);

/* Moves *fd to @lowest or above, where it is below. Return: 0; negative errno, and it stays. */
int fd_above(int *fd, int lowest);

/*
 * Fds that are held for long leave the numbers below alone, where they can: a child that needs only
 * those gets a small table, however many files are open (base/image.h).
 */
#define FD_LASTING 64

/* Moves *fd there; where no such number is to be had, it stays. */
void fd_last(int *fd);

/**
 * fd_write_all() - Write every byte, waiting where the fd would block
 *
 * Return: 0; negative errno
 */
int fd_write_all(int fd, const void *data, size_t len);

/* The same, where the caller's limit on the size of files must not end the process by its signal.
 * Return: also -EFBIG. */
int fd_write_within(int fd, const void *data, size_t len);

/**
 * fd_read_file() - Read a regular file whole
 * @fd:   borrows; its offset moves
 * @max:  more bytes than this is -EFBIG
 * @data: set to memory that the caller frees; a NUL follows the last byte
 *
 * Return: 0; -EISDIR, -EINVAL for other kinds that are no regular file; -EFBIG; negative errno
 */
int fd_read_file(int fd, size_t max, char **data, size_t *len);

#endif
