/* SPDX-License-Identifier: Apache-2.0 */
#include "stub/end.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

struct end end_of(const struct crib_result *result)
{
    switch (result->verdict) {
    case CRIB_SETUP_FAILED:
        return (struct end){.status = END_NEVER_RAN};
    case CRIB_FILTER:
        return (struct end){.signal = result->signal ? result->signal : SIGSYS};
    case CRIB_EXITED:
        return (struct end){.status = result->status};
    default: /* a limit may have ended it without a signal that is known */
        if (!result->signal && result->status >= 0)
            return (struct end){.status = result->status};
        return (struct end){.signal = result->signal ? result->signal : SIGKILL};
    }
}

void end_as(struct end end)
{
    const struct rlimit none = {0, 0}; /* the stub's core would say nothing of the task */
    sigset_t set;

    if (end.signal) {
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(end.signal, SIG_DFL);
        sigemptyset(&set);
        sigaddset(&set, end.signal);
        (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
        (void)kill(getpid(), end.signal);
        (void)kill(getpid(), SIGKILL); /* that one ends nobody by default */
    }
    _exit(end.status);
}
