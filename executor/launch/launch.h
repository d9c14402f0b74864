/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's half of a start: clone, id maps, plan and fds handed over. Nothing here waits for
 * the task; init's reports arrive on the control socket.
 *
 * Theory of operation: docs/architecture.md, "A start".
 *
 * Runs in: library.
 * Owns: struct launch owns its fds until launch_done().
 */
#ifndef LAUNCH_LAUNCH_H
#define LAUNCH_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/laps.h"
#include "host/host.h"
#include "plan.pb-c.h"

struct groups;
struct net;
struct pool;

struct launch {
    pid_t pid;   /* init's, in this pid namespace */
    int pidfd;   /* init's; readable when it is gone */
    int control; /* SOCK_SEQPACKET to init, non-blocking; closing it ends the task, unless detached
                  */
    bool terminal;         /* init has still to send the master of the task's terminal */
    bool ended;            /* it has reported the program's end */
    unsigned left, lefts;  /* files it has sent since, and is to send */
    unsigned uppers;       /* directories of overlays that it has still to send */
    struct groups *groups; /* launch/groups.h; NULL: none */
    struct laps *laps;     /* NULL: nobody asked for timing */
    int own;               /* the lock of the task's own id, above 2; 0: none */
    struct net *net;       /* launch/nets.h; NULL: it has its own, or the host's */
    bool gone;             /* init is, and so is all that was inside */
    bool prepared;         /* its sandbox was made ahead */
};

/* What is to be started; all borrowed. */
struct launching {
    const Crib__Plan *plan; /* compiled */
    const struct host_fds *paths; /* what MountPlan.host_path points into */
    const int *stdio; /* one fd for each plan->program->stdio, then one for each plan->files->in, in
                       * order; may be closed afterwards */
    struct pool *pool; /* where a sandbox may be ready; NULL: none */
    struct laps *laps; /* for as long as the launch; NULL: nobody asked for timing */
};

/**
 * launch_start() - Start a sandbox
 * @ret: filled on success
 *
 * Blocks for a clone and an exec, where none is ready. On an error nothing is left behind.
 *
 * Return: 0; negative errno, err->step is `namespaces`, `clone`, `cgroup`, `caps`, `init`,
 * `maps`, `mounts` or `plan`
 */
int launch_start(const struct launching *what, struct launch *ret, struct crib_error *err);

/**
 * launch_receive() - The next report of init
 * @report: set to a message in @arena
 * @ret_fd: set to the fd that the report is of, which the caller owns; -1: none
 *
 * The master of a terminal comes once, before `started`, and only where the plan has one; so do the
 * directories with the changes of overlays, where they are kept; what the
 * task leaves behind comes after `end`, files each in its turn. Whatever else comes with a report
 * is closed.
 *
 * Return: 1; 0 init will send no more; -EAGAIN; -EPROTO no report, or not at this place; -EMFILE no
 *         more fds to be had here; other negative errno
 */
int launch_receive(struct launch *launch, struct arena *arena, Crib__Report **ret_report,
                   int *ret_fd);

/* Ask init to send @signo to the task; SIGKILL ends init itself, and so everything.
 * Return: 0; -ESRCH it has ended; -EINVAL. */
int launch_signal(struct launch *launch, int signo);

/* Ask init to kill the task's first process, and to go on to what it leaves behind. Return: as
 * launch_signal(). */
int launch_end(struct launch *launch);

/**
 * launch_reap() - Take init's exit status, if it is there and ours
 *
 * A host's own waitpid(-1) may have been faster: then there is none, and that is no error.
 *
 * Return: 1 and the status as waitpid gives it; 0 gone, status unknown; -EAGAIN still alive
 */
int launch_reap(struct launch *launch, int *ret_status);

/* Kills and reaps what still runs, closes the fds. Accepts a zeroed one. */
void launch_done(struct launch *launch);

/* Closes the fds and leaves a detached task to itself; one that is not detached ends by it. */
void launch_leave(struct launch *launch);

/* Return: whether all that concerns a mechanism of the receipt was behind a start that came to a halt
 * at @step of init; NULL: before init began. */
bool launch_reached(const char *step, const char *mechanism);

/* Turns init's failure report into an error, with the subject taken from the plan. */
void launch_failure(const Crib__Plan *plan, const Crib__Report__Failure *failure,
                    struct crib_error *ret_err);

#endif
