/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening what a client names, with the client's uid, gid and groups and never with the daemon's,
 * in a process of its own: a path on a file system that hangs must hang nobody else.
 *
 * Theory of operation: docs/architecture.md, "Opening for a client".
 *
 * Runs in: daemon, on the loop's thread; the opener itself in a forked process.
 * Owns: its processes. A process serves one identity, one request after the other; it is ended when
 *       it has been idle for OPENER_IDLE_MS, and killed when a request is past its deadline: then
 *       the requests behind it go to a new one. No process outlives the daemon, but one that the
 *       kernel cannot end yet, since a file system has not answered it.
 */
#ifndef DAEMON_OPENER_H
#define DAEMON_OPENER_H

#include <uv.h>

#include "base/arena.h"
#include "base/error.h"
#include "daemon/peer.h"
#include "host/host.h"

#define OPENER_DEADLINE_MS 5000 /* of a request: in its line, and again with a process */
#define OPENER_IDLE_MS     2000
#define OPENER_PATIENCE_MS 100  /* after which one that is busy is not waited for */
#define OPENER_MAX         64   /* processes in all; more wait for one to be free */
#define OPENER_MAX_OF_UID  8    /* those among them that were killed and do not go */
#define OPENER_MAX_PATHS   2048 /* of a request */
#define OPENER_MAX_FILES   64

struct openers; /* all of a daemon */

/* A file to open besides, for stdio. */
struct opener_file {
    const char *path; /* absolute */
    int flags;        /* O_RDONLY, with O_NOFOLLOW or without; O_WRONLY with O_CREAT|O_TRUNC or
                         O_CREAT|O_APPEND; mode 0666, umask 022
                       */
};

/* Told once for each request, from the loop. */
struct opener_answer {
    int code; /* 0; -ETIMEDOUT; -ECONNRESET the process was lost; -ENOMEM, -EMFILE, … */
    struct host_fds fds; /* of the paths, in order; the receiver's */
    int *files;          /* opened, CLOEXEC, above 2; the receiver's: fds and the array (malloc) */
    size_t n_files;
    int failed_file; /* index of the first file that could not be opened, its errno in code; -1 */
};

struct opener_request;

/* Return: 0; -ENOMEM. @loop: keeps. */
int openers_new(uv_loop_t *loop, struct openers **ret);

/* Instead of OPENER_DEADLINE_MS and OPENER_PATIENCE_MS, for requests to come. */
void openers_times(struct openers *openers, uint64_t deadline_ms, uint64_t patience_ms);

/* Kills every process and frees; requests still under way are answered with -ECANCELED first. */
void openers_close(struct openers *openers, void (*closed)(void *data), void *data);

/**
 * opener_ask() - Look at paths and open files as a client
 * @peer:   borrows; copied
 * @paths:  borrows; absolute; looked at as host_paths() does
 * @host:   keeps until the answer: its paths are appended to, in @arena, which must live as long
 * @files:  borrows; may be NULL; regular files, pipes and terminals may be opened, never a
 *          directory (-EISDIR), nothing in the opener's own folder of proc (-EACCES), and no file
 *          that another process stands behind (-EOPNOTSUPP, foreign.h); opening never waits for a
 *          FIFO's other end
 * @answer: called once, from the loop, never out of this call
 * @ret:    for opener_cancel()
 *
 * Without the capabilities to become anybody, a daemon serves the peer alone that has its own uid
 * and gid and all of its groups.
 *
 * Return: 0; negative errno, and @answer will not be called: -EPERM as above; -E2BIG over
 * OPENER_MAX_PATHS or OPENER_MAX_FILES; -EINVAL; -ENAMETOOLONG; -ECANCELED after openers_close()
 */
int opener_ask(struct openers *openers, const struct peer *peer, const char *const *paths,
               size_t count, struct arena *arena, Crib__Host *host, const struct opener_file *files,
               size_t n_files, void (*answer)(struct opener_answer *answer, void *data), void *data,
               struct opener_request **ret, struct crib_error *err);

/* The answer is not wanted any more and will not come; what it brings is closed. */
void opener_cancel(struct opener_request *request);

#endif
