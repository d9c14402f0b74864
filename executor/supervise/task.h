/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One task's life on the loop: from a plan to the last event.
 *
 * Theory of operation: the states, and who may do what in them.
 *
 *     NEW ─▶ STARTING ─▶ RUNNING ─▶ ENDING ─▶ ENDED
 *      └─────────┴───────────────────▲           every move goes through task_move()
 *
 * NEW
 *   Open:     nothing of the task; the parent's ends of its pipes and channel, held.
 *   May:      task_add_stream(), task_add_channel(), task_start(), task_discard().
 *   Left by:  task_start().
 * STARTING
 *   Open:     what its place watches (init's control socket and pidfd); the timer is the set-up's
 *             deadline.
 *   May:      everything public; a signal waits in the control socket until the program runs.
 *   Must not: tell anything of streams and messages; they stay held.
 *   Left by:  init's `started` (`spawn`); its failure, its silent end, the deadline (`error`);
 *             its end by our own signal (`exit`).
 * RUNNING
 *   Open:     the same; streams and channel are released; the timer is the wall time's.
 *   May:      everything public.
 *   Left by:  init's end report, or its end without one (`exit`).
 * ENDING
 *   Open:     what is left in streams and channel; init, until its pidfd fires. The program has
 *             ended and the kernel ends its tree; once the pidfd fires nothing of it is left.
 *   May:      everything of streams and channel. A signal is -ESRCH.
 *   Left by:  init reaped, all streams and the channel ended (`disconnect`).
 * ENDED
 *   Open:     our own loop handles, being closed. Then `close`, and the task is freed.
 *
 * What ends a task before its time is an escalation: kill_signal at once, SIGKILL to init a second
 * later. Its first cause stays the verdict. Exactly one `exit` or one `error` is emitted by the
 * move to ENDING; errors of a running task come besides.
 *
 * Where the sandbox is, under this process or under a daemon, is the business of its place: local.c
 * here, client/ for a daemon. It calls the task_… functions below when it hears of something.
 *
 * Runs in: library, on the loop's thread.
 * Owns: its plan's arena, its place, streams and channel; itself from task_start() on.
 */
#ifndef SUPERVISE_TASK_H
#define SUPERVISE_TASK_H

#include <sys/ioctl.h>

#include "base/arena.h"
#include "base/laps.h"
#include "crib/crib.h"
#include "launch/launch.h"
#include "supervise/channel.h"
#include "supervise/ending.h"
#include "supervise/relay.h"
#include "supervise/stream.h"

#define TASK_GRACE_MS    1000  /* between kill_signal and SIGKILL; as docker stop has it, shorter */
#define TASK_LEAVE_MS    7000  /* for init to end a task whose files are wanted; its own is 5 s */
#define TASK_SETUP_MS    10000 /* when the plan does not say */
#define TASK_MAX_DENIALS 64    /* kept for the result; more are counted */

enum task_state { TASK_NEW, TASK_STARTING, TASK_RUNNING, TASK_ENDING, TASK_ENDED };

/* What a task asks of the place where its sandbox is. */
struct task_place {
    /* SIGKILL ends everything. Return: 0; -ESRCH it has ended; -EINVAL. */
    int (*signal)(crib_task *task, int signo);
    /* Takes in what has been said already. Return: whether there may be more at once. */
    bool (*catch_up)(crib_task *task);
    /* No more of its callbacks. */
    void (*quiet)(crib_task *task);
    /* Closes all it has; each uv handle counted in task->handles ends in task_handle_closed(). The
     * sandbox goes on only where it is a detached one that runs. */
    void (*close)(crib_task *task);
    /* Nobody waits for what the ended program wrote and no reader takes. Return: 0; -ESRCH there is
     * none, or none that is known of here. */
    int (*give_up)(crib_task *task);
    /* As task_resize(), the numbers checked; NULL: no terminal is to be had there. */
    int (*resize)(crib_task *task, unsigned rows, unsigned columns);
};

struct crib_task {
    enum task_state state;
    uv_loop_t *loop;
    struct crib_events on;
    void *data;

    struct arena arena; /* request, plan, receipt and denials */
    Crib__Plan *plan;
    const struct task_place *place; /* NULL: not started */
    struct launch launch;           /* local.c: with the two polls */
    struct pool *pool;              /* borrows; NULL: its sandbox is made when it starts */
    uv_poll_t control, gone;        /* init's control socket and pidfd */
    void *remote;                   /* client/: its own */
    pid_t pid;                      /* init's, also when it is gone */
    uv_timer_t timer; /* set-up deadline, then wall time, or the grace of an escalation */
    int handles;      /* timer, control, gone: how many exist */
    bool silent;      /* its start failed: no events */
    bool may_look;    /* this process is the caller's: hidden.h */
    bool stopping;    /* its executor is being closed */

    crib_stream *streams;
    struct channel *channel;
    bool has_master;       /* terminal.c: its streams are on the pty's master by now */
    struct winsize window; /* terminal.c: asked last; ws_row 0: never */

    enum crib_verdict cause;    /* why we began to end it; 0: we did not */
    const char *limit;          /* behind that, static; NULL: none */
    const char *killing;        /* in the arena; the call that met a kill rule; NULL: none known */
    struct meter *meter;        /* in the arena; NULL: nothing is measured while it runs */
    struct output_meter output; /* output.h */
    struct relay *relays;       /* of fds whose output is counted on its way */
    Crib__Usage__Stream **counted; /* in the arena; by a daemon */
    size_t n_counted;
    uint64_t signals; /* bit n-1: the caller has sent signal n */
    bool killed;      /* by our own SIGKILL to init */
    bool aborted;
    bool control_ended;  /* init will report no more */
    bool reaped;         /* init is gone, and with it everything inside */
    int init_status;     /* as waitpid gives it; SIGKILL where another waitpid was faster */
    uint64_t started_us; /* clock_us() of `started`, or of the start before it */

    struct crib_result result;
    Crib__Denial **denials; /* in the arena; the plan's receipt is the result's */
    size_t n_denials;
    uint64_t denials_lost;
    struct once *told; /* in the arena; NULL: none of files yet */
    struct left *left; /* left.h; NULL: no file is wanted */
    bool spared;       /* init was told to end the program alone, for the sake of what it leaves */
    Crib__CopiedOut **copied; /* in the arena; as the task's copy_out */
    size_t n_copied;
    struct overlays *overlays;         /* overlays.h; NULL: none is kept */
    bool overlaid;                     /* there was one that is */
    struct placeholders *placeholders; /* placeholders.h; NULL: none */
    Crib__Change **changes;            /* in the arena; of overlays */
    size_t n_changes;
    uint64_t changes_lost;
    struct laps *laps;   /* in the arena; NULL: nobody asked for timing */
    struct laps *inside; /* in the arena; init's; NULL: it has not told */
    Crib__Span **spans;  /* in the arena; a daemon's */
    size_t n_spans;

    size_t max_buffer;                              /* bytes; for the error's sentence */
    void (*on_closed)(crib_task *task, void *data); /* after `close`; may be NULL */
    void *closed_data;
    void (*on_freed)(crib_task *task, void *owner); /* the last thing */
    void *owner;
    crib_task *next, **link; /* the owner's list */
};

/* Return: a NEW task with no events; NULL when out of memory. */
crib_task *task_new(uv_loop_t *loop);

/* Return: whether the machine has this move. */
bool task_may_move(enum task_state from, enum task_state to);

/* Asserts that it has. Emits nothing. */
void task_move(crib_task *task, enum task_state to);

/* The parent's end of a pipe; @fd is taken on success. Return: 0; -ENOMEM. */
int task_add_stream(crib_task *task, int number, int fd, bool writes);

/**
 * task_add_terminal() - The two streams of a terminal whose master is still to come
 * @writer: number of the stream that writes to it; -1: none
 * @reader: number of the stream that reads from it
 *
 * Return: 0; -ENOMEM; -EMFILE
 */
int task_add_terminal(crib_task *task, int writer, int reader);

/* The master has come; borrows. Before task_started(), which lets the loop watch the streams.
 * Return: 0; -EALREADY too late, or the second; negative errno. */
int task_take_master(crib_task *task, int master);

/* The parent's end of the channel; @sock is taken on success. Return: 0; negative errno. */
int task_add_channel(crib_task *task, int sock, struct dialect_want want);

/**
 * task_start() - NEW to STARTING
 * @paths, @stdio: borrows; as launch_start()
 *
 * task->plan is set. On an error nothing has been moved: call task_discard().
 *
 * Return: 0; as launch_start(); negative errno of the loop
 */
int task_start(crib_task *task, const struct host_fds *paths, const int *stdio,
               struct crib_error *err);

/* The second half of it: @launch is taken, whatever is returned. */
int task_adopt(crib_task *task, struct launch launch, struct crib_error *err);

/**
 * task_resize() - Set the size of the task's terminal
 *
 * Before `spawn`, as soon as there is a pty. Its foreground processes get SIGWINCH when the size is
 * another.
 *
 * Return: 0; -ENOTTY it has none, or both its streams are closed; -EINVAL not 1 to 65535
 */
int task_resize(crib_task *task, unsigned rows, unsigned columns);

/* The same for a terminal whose master is here; for a place. */
int task_set_window(crib_task *task, unsigned rows, unsigned columns);

/* Return: the master of the task's terminal, borrowed until its streams are closed; non-blocking.
 * -1: there is none, not yet or no more. */
int task_terminal(const crib_task *task);

/* Gives up a task that could not be started, without any event; freed by the loop if need be. */
void task_discard(crib_task *task);

/* Its executor is being closed: kills it, or leaves a detached one; drops what nobody reads. */
void task_stop(crib_task *task);

/* From NEW, for a place: opens the timer; task->place, plan and pid are set. */
void task_begin(crib_task *task);

/* For a place's close(): a uv handle is closed; at the last one the task is freed. */
void task_handle_closed(uv_handle_t *handle);

/* A call was denied: keeps it, counts it and emits `denied`. @denial borrows. */
void task_denied(crib_task *task, const Crib__Denial *denial, bool refused);

/* denial.c: a denial as callbacks have it; its texts are @denial's or in @arena. */
void denial_event(const Crib__Denial *denial, struct arena *arena, struct crib_denial *ret);

/* denial.c: init has told of a refused or traced call. */
void task_refused(crib_task *task, const Crib__Report__Refused *refused, struct arena *scratch);

/* denial.c: the result is known; where a limit of the policy is behind it, it is told as a denial.
 */
void task_limit_reached(crib_task *task);

/* A line of the receipt came about differently from the plan. */
void task_receipt(crib_task *task, const Crib__Receipt *line);

/* stopped.c: the program never ran: the receipt tells how far the start came. @step: of init, where
 * that is where it failed; NULL. @error: NULL where it was killed. The first call counts. */
void task_stopped(crib_task *task, const char *step, const struct crib_error *error);

/* The program has ended and task->result is filled: emits `exit`. */
void task_ended(crib_task *task);

/* Nothing of the sandbox is left: what is in pipes and channel is the last. */
void task_gone(crib_task *task);

/* local.c: reads what init has said. Return: as task_place.catch_up. */
bool task_read_reports(crib_task *task);

/* report.c: what init has said, with all that follows from it. */
void task_report(crib_task *task, const Crib__Report *report, struct arena *scratch);

/* report.c: init reported the program's end, or is gone without (@end NULL). */
void task_program_ended(crib_task *task, const Crib__Report__End *end);

/* The set-up failed: emits `error`. */
void task_failed(crib_task *task, const struct crib_error *error);

/* The program runs: emits `spawn`. */
void task_started(crib_task *task);

/* Emits `error` beside the states. */
void task_emit_error(crib_task *task, const struct crib_error *error);

/* Moves to ENDED when everything has ended; may be called at any time. */
void task_settle(crib_task *task);

#endif
