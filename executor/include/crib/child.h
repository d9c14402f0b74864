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

/* Return: the fd to watch for reading (and for writing while crib_child_pending() is not 0); it is a
 * blocking one. */
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

/* The same without waiting: 0 all is sent; 1 accepted, and crib_child_flush() sends the rest. While
 * the socket is full this only collects, and tries again after some 4 KiB more. */
CRIB_API int crib_child_try_send(crib_child *child, const char *type, const void *data, size_t len,
                                 const int *fds, size_t nfds);

/* Return: 0 nothing is queued any more; -EAGAIN; -EPIPE. */
CRIB_API int crib_child_flush(crib_child *child);

/* Return: bytes queued. */
CRIB_API size_t crib_child_pending(const crib_child *child);

/* Tell the parent that nothing more will be sent; receiving goes on. Return: 0; -EPIPE. */
CRIB_API int crib_child_disconnect(crib_child *child);

/*
 * For workers of a cluster (crib/cluster.h): programs that find their number in CRIB_WORKER_ID,
 * which crib_child_open() takes as it takes CRIB_CHANNEL_FD, and then tells the primary that the
 * worker is there. What belongs to the cluster passes through the receiving functions above without
 * being seen: pings are answered there, and a worker that never receives answers none. So
 * crib_child_pending() may be other than 0 after a receive.
 */

/* Return: this worker's number, from 1 on; 0: it is no worker. */
CRIB_API unsigned crib_child_worker(const crib_child *child);

/* How the workers share an address; crib/cluster.h has what each means. */
enum crib_child_sharing {
    CRIB_CHILD_SHARE_ANY = 0, /* as the primary decides */
    CRIB_CHILD_SHARE_SOCKET,
    CRIB_CHILD_SHARE_REUSEPORT,
    CRIB_CHILD_SHARE_ROUND_ROBIN,
};

/**
 * crib_child_listen() - Have the primary bind an address, and take part in serving it
 * @address:    `tcp:127.0.0.1:8080`, `tcp:[::1]:0`, `tcp:*:80`, `unix:/run/app.sock`: the host's;
 *              at most 255 bytes
 * @timeout_ms: -1: for ever
 * @ret_fd:     listens already; readable when a connection waits for crib_child_accept(). CLOEXEC
 *              and non-blocking: with a shared socket the connection may be gone to another worker
 *              by then. Closing it ends this worker's part
 *
 * Messages that come meanwhile are kept for the receiving functions, in their order, and
 * crib_child_fd() is not readable for them: a program that polls calls crib_child_try_receive()
 * until -EAGAIN before it waits again. As a receive does, this ends what the last message lent.
 *
 * An answer that comes after -ETIMEDOUT is dropped, its socket closed.
 *
 * Return: 0; -EACCES the address is not allowed; -EADDRINUSE and other errors of bind(2); -EMFILE
 *         too many; -ENOTCONN it is no worker, or the primary is gone; -ETIMEDOUT; -EINVAL;
 *         -EPROTO no socket came with the answer, or what is none; -ENOMEM; errors of receiving
 */
CRIB_API int crib_child_listen(crib_child *child, const char *address,
                               enum crib_child_sharing sharing, int timeout_ms, int *ret_fd,
                               struct crib_error *err);

/**
 * crib_child_accept() - Take a connection from what crib_child_listen() gave, whoever accepts
 * @fd: blocking or not; any other socket that listens will do, an inherited one too
 *
 * Return: the connection's fd, CLOEXEC and blocking; -EAGAIN none, and @fd is not blocking;
 *         -ECONNABORTED nothing is to be had any more; -EPROTO the primary sent something else,
 *         and it is closed; other negative errno as accept(2)
 */
CRIB_API int crib_child_accept(int fd);

/* Tell the primary, once, that this worker leaves of its own will: nothing new is given to it, and
 * another is started for it. Finish, and exit. Return: 0; -ENOTCONN; -ENOMEM. */
CRIB_API int crib_child_leave(crib_child *child);

#ifdef __cplusplus
}
#endif
#endif
