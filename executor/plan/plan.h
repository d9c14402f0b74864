/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request + policy + facts about the host -> plan. Pure: no system call is made here, and the same
 * input gives the same plan, byte for byte.
 *
 * Theory of operation: one file a mechanism (ids.c, mounts.c, …); its plan_WORD() fills its part of
 * the plan or refuses, and notes in the receipt what was asked and will be applied. build.c calls
 * them in order.
 *
 * Runs in: library.
 * Owns: nothing; the plan lives in the caller's arena.
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/laps.h"
#include "plan.pb-c.h"

#define PLAN_MAX_STDIO  64  /* stdio entries of a task */
#define PLAN_MAX_FD     255 /* highest fd number inside */
#define PLAN_MAX_MOUNTS 128
#define PLAN_MAX_ARGS   131072 /* arguments, and environment entries */
#define PLAN_MAX_ARG    131071 /* bytes of one, without its NUL: the kernel's MAX_ARG_STRLEN */
#define PLAN_INIT_ID    65533u /* init's, of a privileged caller; 65532 where the task has this */

#ifndef CRIB_TASK_ID
#define CRIB_TASK_ID 65534u /* plan/ is built with the configured one */
#endif
#define PLAN_TASK_ID CRIB_TASK_ID /* what a privileged caller's task runs as */

/* What the words share while a plan is made. */
struct planning {
    const Crib__Task *task;     /* its policy is effective and checked */
    const Crib__Policy *policy; /* task->policy, never NULL */
    const Crib__Host *host;
    struct arena *arena;
    Crib__Plan *plan;
    struct crib_error *err;
};

/**
 * plan_paths() - Which host paths the plan will ask about
 * @host: as host_look() filled it (cwd is used)
 * @ret:  absolute paths in @arena: bind sources of the policy and the task, and the program's file
 *
 * Return: 0; -EINVAL; -ENOMEM
 */
int plan_paths(const Crib__Task *task, const Crib__Host *host, struct arena *arena,
               const char *const **ret, size_t *ret_count, struct crib_error *err);

/**
 * plan_build() - Decide everything
 * @task: borrows; policy set
 * @host: borrows; paths filled for plan_paths()
 * @ret:  set to a plan in @arena, syscalls.program not yet compiled
 * @err:  step is the mechanism's word, index the position in its list
 *
 * Return: 0; -EINVAL bad request, -EPERM, -ENOENT, -EOPNOTSUPP the host cannot (with remedy),
 * -ENOMEM
 */
int plan_build(const Crib__Task *task, const Crib__Host *host, struct arena *arena,
               Crib__Plan **ret, struct crib_error *err);

/**
 * plan_compile() - Turn the plan's rules into a filter program
 *
 * Fills syscalls.program, fallback and instructions. Programs are kept by the text of their rules,
 * so that the next plan with the same rules costs nothing, also in another process; guarded by a
 * mutex. Not pure: it starts crib-compiler, and looks at files (filter_file.h).
 *
 * Return: 0, also without a filter; -E2BIG over 4096 instructions; -EPROTO the program is not what
 *         the rules say (filter_prove()); -ENOMEM
 */
int plan_compile(Crib__Plan *plan, struct arena *arena, struct crib_error *err);

/* The same, and marks whether the program was kept or had to be made. */
int plan_compile_laps(Crib__Plan *plan, struct arena *arena, struct laps *laps,
                      struct crib_error *err);

/* From now on plan_compile() neither believes nor writes files: for a process that works for
 * others. */
void plan_keep_no_files(void);

/* Are Task.listen_fds there, and given? Return: 0; -EINVAL. */
int plan_check_listening(const Crib__Task *task, struct crib_error *err);

/* Return: whether the plan will ask which cgroup controllers there are (host_controllers()). */
bool plan_wants_controllers(const Crib__Policy *policy);

/* Adds a line to the receipt. Return: 0; -ENOMEM. */
int plan_receipt(struct planning *p, const char *mechanism, const char *asked, const char *applied);

/* The words; each fills its part. Return: as plan_build(). */
int plan_namespaces(struct planning *p);
int plan_ids(struct planning *p);
int plan_mounts(struct planning *p);
int plan_terminal(struct planning *p);
int plan_net(struct planning *p);
int plan_net_again(struct planning *p);
int plan_limits(struct planning *p);
int plan_caps(struct planning *p);
int plan_syscalls(struct planning *p);
int plan_landlock(struct planning *p);
int plan_stdio(struct planning *p);
int plan_env(struct planning *p);
int plan_room(struct planning *p);    /* of file systems in memory */
int plan_program(struct planning *p); /* file, argv, cwd */
int plan_files(struct planning *p);   /* copied in and out */
int plan_life(struct planning *p);    /* timeout, kill signal, detached */
int plan_output(struct planning *p);  /* how much may be written, and by which way it goes */
int plan_bounds(struct planning *p);  /* what is said of limits that are reached */
int plan_always(struct planning *p);  /* the receipt's lines that no policy can change */
int plan_cgroup(struct planning *p);  /* limits on the whole task */

/**
 * plan_denial() - Say a refused call in words
 * @plan:    borrows; what the task runs by; NULL: no reason can be given
 * @refused: borrows; as init reported it
 * @ret:     a Denial in @arena
 *
 * Return: 0; -ENOMEM
 */
int plan_denial(const Crib__Plan *plan, const Crib__Report__Refused *refused, struct arena *arena,
                Crib__Denial **ret);

/**
 * plan_why() - Say why a call on a file cannot do what it wants
 * @refused: borrows; of a traced call, with `file`
 * @ret:     a Denial in @arena, by files; NULL: it comes out well, as far as can be said, or it
 *           fails in a way that no policy has a part in
 *
 * That the host has what is hidden (ENOENT) is not known here: see plan_why_place().
 *
 * Return: 0; -ENOMEM
 */
int plan_why(const Crib__Plan *plan, const Crib__Report__Refused *refused, struct arena *arena,
             Crib__Denial **ret);

/* Return: whether the denial is one only where the host has what the task did not find. */
bool plan_why_hidden(const Crib__Denial *denial);

/* Return: what the host must have for that: the object, or the directory in which it would be made;
 * absolute, hostile. NULL: nothing that could be looked for, or no memory. */
const char *plan_why_place(const Crib__Denial *denial, struct arena *arena);

#endif
