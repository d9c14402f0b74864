/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task's process: ours until its exec, sharing memory and fd table, while we are suspended.
 */
#include "init/init.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/look.h"

static int start_session(struct init *init)
{
    sigset_t none;

    sigemptyset(&none);
    if (setsid() < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
        return failed(init, STEP_session, -errno, -1);
    if (getsid(0) != getpid())
        return untrue(init, STEP_session, -1);
    umask(init->umask);
    return 0;
}

static int (*const steps[])(struct init *) = {
    start_session, drop_bounding, make_mounts,   receive_rest, finish_mounts, copy_files,
    open_terminal, place_stdio,   prepare_exec,  tell_pid,     take_terminal, set_limits,
    set_task_ids,  drop_caps,     enter_cwd,     load_filter,  exec_program,
};

/* Of those before load_filter(): once there is a filter, not even the time may be asked. */
static const char *const names[] = {
    "task.session",  "task.bounding", "mounts",       "rest",   "finish",
    "copies",        "terminal",      "stdio",        "task.strings", "task.pid",
    "task.terminal", "task.limits",   "task.ids",     "task.caps",    "task.cwd",
};
#define MARKED (sizeof(names) / sizeof(names[0]))

static int task_main(void *data)
{
    const struct init *init = data;

    laps_mark(init->laps, "clone");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i](data) < 0)
            break;
        laps_mark(i < MARKED ? init->laps : NULL, i < MARKED ? names[i] : NULL);
    }
    _exit(1);
}

/* Our copies of the task's fds would keep its pipes open, and the listener must not be among them.
 */
static int part_tables(struct init *init)
{
    int listener = init->listener;

    if (listener >= 0 && listener < init->lowest) {
        init->listener = fd_copy(listener, init->lowest);
        if (init->listener < 0)
            return failed(init, STEP_filter, init->listener, -1);
    }
    close_range(0, (unsigned)init->lowest - 1, 0);
    return 0;
}

/* A limit on processes has room for our thread: it must be there before the task could take it. */
static int take_room(struct init *init)
{
    const Crib__CgroupPlan *cgroup = init->plan->cgroup;
    int r;

    if (!cgroup || cgroup->own_pids < 2)
        return 0;
    init->look = look_new(init);
    r = init->look ? look_start(init->look) : -ENOMEM;
    return r < 0 ? failed(init, STEP_thread, r, -1) : 0;
}

int spawn_task(struct init *init)
{
    static char stack[128 * 1024] __attribute__((aligned(16)));
    int r = take_room(init);

    if (r < 0)
        return r;
    laps_mark(init->laps, "prepare");
    init->task = clone(task_main, stack + sizeof(stack),
                       CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, init);
    laps_mark(init->laps, init->failed ? "task.refused" : "task.exec");
    if (init->task < 0)
        return failed(init, STEP_spawn, -errno, -1);
    /* A filter around crib may kill for a call. */
    if (!init->failed && !init->unwanted && !init->ready)
        failed(init, STEP_killed, -ECONNRESET, -1);
    if (init->failed || init->unwanted) {
        waitpid(init->task, NULL, 0);
        explain_exec(init);
        return init->unwanted ? -ESRCH : init->code;
    }
    return part_tables(init);
}
