/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fds that came from a client or a task: which of them may be kept, and closing without waiting.
 *
 * Theory of operation
 *
 * close(2) of a regular file asks its file system to flush, and waits for the answer; so does the
 * closing of every copy, in a fork and at an exec. Whoever serves a file system of his own (FUSE)
 * could so stop the daemon, and every sandbox that it starts meanwhile. A file that such a file
 * system may stand behind is therefore refused, and closed by a process of its own that shares our
 * table of fds. Nothing here asks a file system for anything: what is known is the mount of a file,
 * and the mounts that the daemon itself sees were made by those it trusts, but for FUSE.
 *
 * Runs in: daemon; opener.
 * Source: fuse(4), statx(2), openat2(2) on RESOLVE_CACHED, proc(5) on mountinfo
 */
#ifndef DAEMON_FOREIGN_H
#define DAEMON_FOREIGN_H

#include <stdbool.h>
#include <sys/types.h>

#define FOREIGN_MOUNTS 8

/* Mounts of fds that have been checked, and are still open. Zeroed: none. */
struct foreign_mounts {
    unsigned long long id[FOREIGN_MOUNTS];
    int n;
};

/**
 * foreign_look() - Whether an fd is of a kind that may be kept
 *
 * Return: 0: a pipe, socket, terminal, regular file and the like; -EISDIR; -EINVAL it is O_PATH;
 *         other negative errno
 */
int foreign_look(int fd);

/**
 * foreign_check() - Whether an fd may be kept
 * @known: of other fds that came with it, so that the mounts are not read for each; may be NULL
 *
 * Return: 0: foreign_look() says so, and a regular file is there without anybody's help;
 *         -EOPNOTSUPP another process may stand behind it; as foreign_look()
 */
int foreign_check(int fd, struct foreign_mounts *known);

/* The same for what comes from a task: the mounts of its sandbox are known too, which nobody inside
 * can add to. @pid: of its init. */
int foreign_check_task(int fd, struct foreign_mounts *known, pid_t pid);

/* A TCP socket could have been told to wait for its peer when it is closed: not any more. To be
 * called where an fd comes in. */
void foreign_calm(int fd);

/* Closes *fd, unless it is -1, and makes it -1, as fd_close(); waits for no file system, no peer.
 */
void foreign_close(int *fd);

#endif
