/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways in which bench programs start a program, all with the same stdio: an empty memfd, but
 * for stdout, which the caller may choose. No /dev/null: runc and crun would take it for their
 * own, and change its owner.
 *
 * Runs in: bench programs; ends the program when something fails that a bench cannot go on without.
 */
#ifndef BENCH_LAUNCH_H
#define BENCH_LAUNCH_H

#include <crib/crib.h>

#define LAUNCH_FILTER_FD 9 /* where a command finds the filter: bubblewrap reads its own there */

/* What all starts of a bench program share. */
struct launch {
    uv_loop_t loop;
    int stdio[3];       /* fds */
    const char *filter; /* opened anew as fd LAUNCH_FILTER_FD of each command; NULL: none */
};

/* Which executor, or which command. */
struct launch_way {
    char **command; /* NULL: crib */
    crib *ex;
    const char *policy; /* NULL: default */
    const char *line;   /* crib_exec of this, instead of a program */
    const char *why;    /* not NULL: it cannot be had here, and why */
    bool prepared;      /* the executor needs a moment between starts */
    bool counted;       /* and tells how many wait */
    struct launch *shared;
};

/* What came of one start. */
struct launch_end {
    double begun, ended, gone; /* microseconds: asked for, end known, nothing is left of it */
    bool done, failed;
    struct crib_error error;
    void (*then)(struct launch_end *end); /* when it is gone; may be NULL */
    void *data;
};

void launch_init(struct launch *shared, const char *filter);
void launch_done(struct launch *shared);

/* An executor here (@address NULL) or under a daemon. `-` for an address: there is none. */
void launch_open(struct launch *shared, struct launch_way *way, const char *address);

/* The same, with @most sandboxes kept prepared in this process. */
void launch_open_prepared(struct launch *shared, struct launch_way *way, unsigned most);

void launch_close(struct launch *shared, struct launch_way *way);

/* Starts @way's command. Return: its pid; negative errno. */
pid_t launch_command(struct launch_way *way);

/* Starts @program by crib; @end is kept until it is done. Return: 0; negative errno. */
int launch_crib(struct launch_way *way, const char *program, struct launch_end *end);

/* Runs @program, or @way's command, to its end. Return: 0: it went well. */
int launch_run(struct launch_way *way, const char *program, struct launch_end *end);

/* Lets sandboxes be prepared, for so long. */
void launch_rest(struct launch *shared, unsigned ms);

/* Until a sandbox waits; under a daemon, which does not tell, not at all. */
void launch_await(struct launch_way *way);

#endif
