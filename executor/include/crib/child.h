/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task's end of the message channel: for programs started by crib_fork(). Link with
 * libcrib-child; it needs no loop and fits any: an fd to watch, a blocking and a non-blocking
 * receive.
 *
 * Runs in: the task.
 * Owns: a channel owns its fd and what is queued. Not thread-safe; one thread at a time.
 */
#ifndef CRIB_CHILD_H
#define CRIB_CHILD_H

#include <stddef.h>

#include "crib/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crib_child crib_child;

/* A message from the parent. */
struct crib_child_message {
    const char *type;
    const void *data; /* good until the next receive */
    size_t len;
    int *fds; /* keep one by storing -1 in its place; the rest is closed at the next receive */
    size_t nfds;
};

/**
 * crib_child_open() - Open the channel named by CRIB_CHANNEL_FD
 *
 * The fd is made CLOEXEC and the variable removed, so that a grandchild does not get hold of it.
 *
 * Return: 0; -ENOTCONN no such variable, or it names no socket; -ENOMEM
 */
CRIB_API int crib_child_open(crib_child **ret, struct crib_error *err);

/* Closes the fd; the parent sees a disconnect. Accepts NULL. */
CRIB_API void crib_child_close(crib_child *child);

/* Return: the fd to watch for reading (and for writing while crib_child_pending() is not 0). */
CRIB_API int crib_child_fd(const crib_child *child);

/**
 * crib_child_receive() - Wait for a message
 * @timeout_ms: -1: for ever
 *
 * Return: 1 and a message; 0 the parent has disconnected; -ETIMEDOUT; -EPROTO, -EMSGSIZE; other
 * negative errno
 */
CRIB_API int crib_child_receive(crib_child *child, int timeout_ms, struct crib_child_message *ret,
                                struct crib_error *err);

/* The same without waiting: -EAGAIN when there is no whole message yet. */
CRIB_API int crib_child_try_receive(crib_child *child, struct crib_child_message *ret,
                                    struct crib_error *err);

/**
 * crib_child_send() - Send a message, waiting until the socket has taken it
 * @fds: borrows
 *
 * Return: 0; -EPIPE the parent is gone; -EMSGSIZE; -EMFILE; -EINVAL; other negative errno
 */
CRIB_API int crib_child_send(crib_child *child, const char *type, const void *data, size_t len,
                             const int *fds, size_t nfds);

/* The same without waiting: 0 all is sent; 1 accepted, and crib_child_flush() sends the rest. */
CRIB_API int crib_child_try_send(crib_child *child, const char *type, const void *data, size_t len,
                                 const int *fds, size_t nfds);

/* Return: 0 nothing is queued any more; -EAGAIN; -EPIPE. */
CRIB_API int crib_child_flush(crib_child *child);

/* Return: bytes queued. */
CRIB_API size_t crib_child_pending(const crib_child *child);

/* Tell the parent that nothing more will be sent; receiving goes on. Return: 0; -EPIPE. */
CRIB_API int crib_child_disconnect(crib_child *child);

#ifdef __cplusplus
}
#endif
#endif
