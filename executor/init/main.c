/* SPDX-License-Identifier: Apache-2.0 */
#include "init/init.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

static int (*const steps[])(struct init *) = {
    receive_plan, set_dumpable, set_init_ids, set_hostname, raise_loopback, spawn_task,
};

/* What each is called where timing is asked; spawn_task() has laps of its own before. */
static const char *const names[] = {
    "receive", "dumpable", "ids", "hostname", "loopback", "spawned",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == sizeof(steps) / sizeof(steps[0]),
               "a name for each step");

/*
 * Whatever the caller ignored or blocked, init starts plain; serve() reads signals as data. The raw
 * call, since the C library keeps two signals to itself, and leaves them ignored.
 */
static void reset_signals(void)
{
    static const struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        unsigned long mask;
    } plain; /* of the kernel, SIG_DFL */
    sigset_t all;

    for (int signo = 1; signo <= 64; signo++)
        syscall(SYS_rt_sigaction, signo, &plain, NULL, sizeof(plain.mask));
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
}

int main(void)
{
    static struct init init = {.parent = -1, .root = -1, .master = -1, .listener = -1, .index = -1};
    static struct laps laps;

    laps_begin(&laps);
    init.laps = &laps; /* until the plan is there */
    reset_signals();
    setsid(); /* a terminal's signals are the caller's to forward */
    init.umask = umask(0);
    init.control = 0;
    arena_init(&init.arena, 0);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        int r = steps[i](&init);

        laps_mark(init.laps, names[i]);
        if (r < 0) {
            if (!init.unwanted)
                report_failure(&init);
            return 1;
        }
    }
    report_started(&init);
    serve(&init);
    return 0;
}
