/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing to a pipe without a SIGPIPE reaching the host program (decision 0003), and looking at
 * what is left in one.
 *
 * Runs in: library.
 */
#ifndef SUPERVISE_PIPE_H
#define SUPERVISE_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * pipe_write() - write(2), but a reader that is gone is only an error
 *
 * The signal mask of this thread is as before when it returns; nothing else of the process changes.
 *
 * Return: bytes written; -EPIPE; -EAGAIN; other negative errno
 */
ssize_t pipe_write(int fd, const void *data, size_t len);

/* Return: whether no byte waits to be read from a pipe or terminal; a socket's end counts as one.
 */
bool pipe_empty(int fd);

/* Return: how many bytes wait to be read; 0 where that cannot be known. */
size_t pipe_waiting(int fd);

#endif
