/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib-init: pid 1 of a sandbox. What its files share.
 *
 * Theory of operation: the parent has cloned us into new namespaces and executed us with the
 * control socket as fd 0 and our own image as fd 1. It writes the id maps and sends the plan with
 * all fds in one packet. Then main() is a straight list of steps; the first that fails is reported
 * and ends us, and with us the sandbox. The task is spawned early, and shares our memory and fd table
 * until its exec: so a failure is one store for us to read, and the filter's listener lands in our
 * table. It makes the mounts and all that follows. In a sandbox that is prepared ahead it waits, when
 * what needs no program is done, for the second half of the plan: then one wake-up leads to the exec.
 * Afterwards serve() is one poll(): it answers the listener, forwards signals, reaps, and watches
 * the parent. When the task ends we report, give what is wanted of what it leaves (left.c), and
 * leave; the kernel then ends whatever is left inside.
 *
 * Runs in: sandbox.
 * Owns: everything here, until the process ends; nothing is given back.
 */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/laps.h"
#include "plan.pb-c.h"

enum step {
    STEP_NONE,
#define STEP(name, ...) STEP_##name,
#include "init/steps.def"
#undef STEP
};

struct look;
struct sighting;

struct init {
    struct arena arena;
    Crib__Plan *plan;
    int control; /* to launch */
    int parent;  /* pidfd of the process that we live and die with */
    int *stdio;  /* received, in the order of plan->program->stdio */
    int *files;  /* received, by FilesPlan.In.fd */
    int *trees;  /* received detached trees, by MountPlan.tree */
    size_t stdio_count, file_count, tree_count;
    int lowest;       /* our own fds are at or above this, the task's below */
    int root;         /* the new root's mount, until it is read-only; -1 */
    size_t made;      /* mounts that were made ahead */
    bool inside;      /* the new root is ours already */
    bool unwanted;    /* the parent has no program for us */
    bool ready;       /* the task's process has come to its exec */
    int master;       /* of the task's terminal, until the parent has it; -1 */
    mode_t umask;     /* the caller's, for the task */
    struct look *look; /* made before the task; NULL: made when there is something to look at */
    pid_t task;       /* pid of the task's first process */
    uint64_t started; /* clock_us() of its exec */
    struct laps *laps; /* NULL: the plan does not ask for timing */

    /* Written by the task's process before its exec, read by us after it. */
    volatile int failed;      /* enum step; STEP_NONE: it runs */
    volatile int code;        /* negative errno of that step */
    volatile int index;       /* position in a list of the plan; -1: none */
    volatile int listener;    /* -1: none */
    volatile int no_reasons;  /* negative errno: why the filter's plain form had to be used */
    volatile int no_landlock; /* negative errno: why there is none, though preferred */
};

/* Notes where a start failed. Return: @code. */
int failed(struct init *init, enum step step, int code, int index);

/*
 * A filter around crib may answer a call with success, and the kernel never hears of it: so
 * containers without rights pretend to have root's. What makes up the walls is read back, and where
 * it cannot be, a call that must fail is made first.
 */

/* Notes that a step was answered with success and not done. Return: negative errno. */
int untrue(struct init *init, enum step step, int index);

/* Return: whether a call that must fail is said to have gone well. */
bool is_pretended(long number, long a, long b, long c, long d, long e);

/* Each step: 0, or negative errno with failed() called. */
int receive_plan(struct init *init);
int set_dumpable(struct init *init);
int set_init_ids(struct init *init);
int set_hostname(struct init *init);
int raise_loopback(struct init *init);
int spawn_task(struct init *init);

/* In the task's process, which shares our memory while we are suspended. */
int drop_bounding(struct init *init);
int make_mounts(struct init *init);
int receive_rest(struct init *init);
int finish_mounts(struct init *init);
int copy_files(struct init *init);
int open_terminal(struct init *init);
int place_stdio(struct init *init);
int prepare_exec(struct init *init);
int tell_pid(struct init *init);
int take_terminal(struct init *init);
int set_limits(struct init *init);
int set_task_ids(struct init *init);
int drop_caps(struct init *init);
int enter_cwd(struct init *init);
int restrict_files(struct init *init);
int load_filter(struct init *init);
int exec_program(struct init *init);

/* After an exec that found nothing: tells a missing program from a missing interpreter. */
void explain_exec(struct init *init);

/* A file system of our own, in which targets may be made; others are somebody's. */
void own_filesystem(int mount);
bool is_own_filesystem(int dir);

/* Where a mount goes; see target.c. Return: an fd of the made or found target; negative errno. */
int make_target(int root, const char *path, mode_t type, mode_t mode);
int make_parent(int root, const char *path, const char **ret_name);

/* Takes @lower, the detached tree beneath. Return: the overlay, not attached; negative errno with
 * failed() called. */
int mount_overlay(struct init *init, const Crib__MountPlan *mount, int lower, int index);
bool is_overlay(int dir);

/* Covers what is masked. As a step. */
int make_masks(struct init *init);

/* Makes that no directory on the way to @path can be renamed. Return: 0; negative errno. */
int pin_parents(struct init *init, const char *path);

/* Through no symlink, and never above @dir. Return: an O_PATH fd; negative errno. */
int open_beneath(int dir, const char *path, uint64_t flags);

/* A new devpts, not mounted anywhere. Return: its mount; negative errno. */
int make_devpts(const struct init *init, unsigned mode);

/* Opens a pty's master in it. As a step. */
int open_master(struct init *init, int devpts);

/* Reports; losing one because the parent does not read is noted, never waited for. */
int report_failure(struct init *init);
int report_prepared(struct init *init);
int report_terminal(struct init *init); /* with the master */
int report_upper(struct init *init, int index, int upper); /* with the directory */
int report_started(struct init *init);
int report_refused(struct init *init, const struct sighting *sighting, uint64_t count);
int report_end(struct init *init, int status, uint64_t lost, bool by_filter);

int report_left(struct init *init, const Crib__Report__Left *left, int fd); /* fd: -1: none */

/* The end is reported: what the plan wants of what is left goes to the parent. Ends all else. */
void leave_behind(struct init *init);

/* Ends all that is inside, and then us. */
_Noreturn void leave(void);

/* Until the task ends or the parent is gone. */
void serve(struct init *init);

#endif
