/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request to run something, whichever function it came through, and what is decided about it.
 *
 * Runs in: library.
 * Owns: nothing but what struct prepared says.
 */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include "api/executor.h"
#include "host/host.h"
#include "plan/plan.h"
#include "supervise/dialect.h"

struct request {
    const char *file;               /* borrowed, as all pointers here */
    const char *const *args;        /* NULL: none */
    struct crib_options options;    /* a checked copy */
    const struct crib_stdio *stdio; /* options.stdio, or the default of the function */
    size_t stdio_count;
    uint64_t begun;       /* clock_ns() of the call, where timing is asked */
    char *line;           /* owned: `file args…` for a shell; NULL */
    const char *shell[3]; /* -c LINE */
};

/**
 * request_init() - Read what a caller gave
 * @stdio: the default when the options have none
 *
 * With options.shell the file and the arguments become the line of a shell, joined by spaces.
 *
 * Return: 0; as options_read(); -EINVAL no file; -ENOMEM. request_done() in any case.
 */
int request_init(struct request *request, const char *file, const char *const *args,
                 const struct crib_options *options, const struct crib_stdio *stdio,
                 size_t stdio_count, struct crib_error *err);

/* The same for a line that is the shell's already. */
int request_init_line(struct request *request, const char *line, const struct crib_options *options,
                      const struct crib_stdio *stdio, size_t stdio_count, struct crib_error *err);

void request_done(struct request *request);

/* Return: what its channel is to be, where it has one. */
struct dialect_want request_channel(const struct request *request);

/**
 * request_task() - The request as a Task message
 * @policy: effective; may be NULL
 *
 * Return: 0; -EINVAL, -EBADF, -EISDIR, -ENOMEM
 */
int request_task(const struct request *request, Crib__Policy *policy, struct arena *arena,
                 Crib__Task **ret, struct crib_error *err);

/**
 * request_plan() - Decide everything: policy, host, plan, filter
 * @laps:      borrows; NULL: nobody asked for timing
 * @ret:       in @arena
 * @ret_paths: for launch_start(); close with host_fds_done()
 *
 * Return: 0; negative errno
 */
int request_plan(crib *ex, const struct request *request, struct arena *arena, struct laps *laps,
                 Crib__Plan **ret, struct host_fds *ret_paths, struct crib_error *err);

/**
 * request_start() - Start a task
 * @loop: on which it lives
 * @ret:  STARTING, its events set from the options
 *
 * Return: 0; negative errno, and no callback will come
 */
int request_start(crib *ex, uv_loop_t *loop, const struct request *request, crib_task **ret,
                  struct crib_error *err);

#endif
