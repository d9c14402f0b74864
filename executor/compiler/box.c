/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A box for the compiler itself. Its input comes from policies, which may be anybody's, and goes
 * through much code that is not ours; so it holds nothing but one socket, has no rights that an
 * ordinary user has not, and can neither keep a processor nor fill the memory. None of these is the
 * only wall: what cannot be had is left out. It has no filter of its own: to load one interrupts
 * every processor, which took longer than all the rest.
 */
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compiler/compiler.h"

#define MEMORY (256ul * 1024 * 1024)  /* address space, bytes */
#define FILES  2                      /* fds: the socket and a memory file */
#define ALARM  (2 * COMPILER_SECONDS) /* the caller ends us long before, if it lives */

/* Whatever the caller ignored or blocked. The raw call, since the C library keeps two signals to
 * itself. */
static void reset_signals(void)
{
    static const struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        unsigned long mask;
    } plain; /* of the kernel, SIG_DFL */
    unsigned long none = 0;

    for (int signo = 1; signo <= 64; signo++)
        syscall(SYS_rt_sigaction, signo, &plain, NULL, sizeof(plain.mask));
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
    signal(SIGXFSZ, SIG_IGN); /* told as an error */
}

/* Lowers only: where the caller has less, that stays. */
static void lower(int resource, rlim_t most)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) < 0)
        return;
    if (limit.rlim_max > most)
        limit.rlim_max = most;
    if (limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    setrlimit(resource, &limit);
}

/* An ordinary user, whoever the caller is; it cannot become more. */
static void drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    syscall(SYS_capset, &head, none);
}

void compiler_box(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    reset_signals();
    alarm(ALARM);
    lower(RLIMIT_CPU, ALARM);
    lower(RLIMIT_AS, MEMORY);
    lower(RLIMIT_NOFILE, FILES);
    lower(RLIMIT_FSIZE, COMPILER_TOLD);
    lower(RLIMIT_CORE, 1); /* 0 does not stop a core that goes to a pipe */
    drop_capabilities();
}
