/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls by number, with arguments that the kernel would refuse: EPERM and ENOSYS are then
 * the filter's word, EBADF, EFAULT and EINVAL the kernel's.
 */
#include "probe/probe.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long call(long nr, const long *arg)
{
    return syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

static void print_result(long nr, long result)
{
    if (result < 0)
        printf("%ld %s\n", nr, errno_name(errno));
    else
        printf("%ld ok\n", nr);
    fflush(stdout);
}

/* syscall NR [ARG...]: missing arguments are -1. */
static int verb_syscall(int argc, char **argv)
{
    long arg[6] = {-1, -1, -1, -1, -1, -1}, nr = number(argv[1]), result;

    for (int i = 2; i < argc && i < 8; i++)
        arg[i - 2] = number(argv[i]);
    result = call(nr, arg);
    print_result(nr, result);
    return result < 0;
}

static int must_not_be_swept(long nr)
{
    /* 335 and 336, uretprobe and uprobe, end whoever calls them from where no probe is. */
    static const long list[] = {335,
                                336,
                                SYS_exit,
                                SYS_exit_group,
                                SYS_fork,
                                SYS_vfork,
                                SYS_pause,
                                SYS_rt_sigreturn,
                                SYS_restart_syscall,
                                SYS_sync,
                                SYS_rt_sigtimedwait,
                                SYS_munmap,
                                SYS_setsid};

    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        if (list[i] == nr)
            return 1;
    return 0;
}

/* sweep FROM TO: each number with six times -1, in a process of its own where there may be one. */
static int verb_sweep(int argc, char **argv)
{
    const long arg[6] = {-1, -1, -1, -1, -1, -1};

    (void)argc;
    for (long nr = number(argv[1]); nr <= number(argv[2]); nr++) {
        pid_t pid;
        int status;

        if (must_not_be_swept(nr))
            continue;
        fflush(stdout);
        pid = fork();
        if (pid == 0) {
            alarm(5);
            print_result(nr, call(nr, arg));
            _exit(0);
        }
        if (pid < 0)
            print_result(nr, call(nr, arg));
        else if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status))
            printf("%ld SIG%s\n", nr, sigabbrev_np(WTERMSIG(status)));
    }
    return 0;
}

/* Says how a child ended: `WHAT exited N` or `WHAT SIGSYS`. */
static int report_child(const char *what, pid_t pid)
{
    int status;

    if (pid < 0)
        return !say("fork", -1);
    if (waitpid(pid, &status, 0) != pid)
        return !say("waitpid", -1);
    if (WIFSIGNALED(status))
        printf("%s SIG%s\n", what, sigabbrev_np(WTERMSIG(status)));
    else
        printf("%s exited %d\n", what, WEXITSTATUS(status));
    return 0;
}

static long i386(long nr)
{
    long result;

    __asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(0L), "c"(0L), "d"(0L) : "memory");
    return result;
}

/* i386 NR: through the 32-bit gate. `i386 exited 0` means that the call was carried out. */
static int verb_i386(int argc, char **argv)
{
    long nr = number(argv[1]);
    pid_t pid;

    (void)argc;
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        long result = i386(nr);

        _exit(result >= 0 ? 0 : result == -ENOSYS ? 38 : 1);
    }
    return report_child("i386", pid);
}

/* x32 NR: with the bit that means the x32 table. */
static int verb_x32(int argc, char **argv)
{
    const long arg[6] = {0};
    long nr = number(argv[1]);

    (void)argc;
    return !say("x32", call(nr | 0x40000000L, arg));
}

/* clone FLAGS: a child that ends at once. */
static int verb_clone(int argc, char **argv)
{
    long pid = syscall(SYS_clone, (unsigned long)number(argv[1]) | SIGCHLD, 0, 0, 0, 0);

    (void)argc;
    if (pid == 0)
        _exit(0);
    say("clone", pid);
    if (pid > 0)
        waitpid((pid_t)pid, NULL, __WALL);
    return pid < 0;
}

/* clone3 FLAGS: with a right structure, so that the kernel would do it. */
static int verb_clone3(int argc, char **argv)
{
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } args = {.flags = (uint64_t)number(argv[1]), .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &args, sizeof(args));

    (void)argc;
    if (pid == 0)
        _exit(0);
    say("clone3", pid);
    if (pid > 0)
        waitpid((pid_t)pid, NULL, __WALL);
    return pid < 0;
}

/* repeat COUNT NR: the same call again and again; `repeat ERRNO` of the last, and how many agreed.
 */
static int verb_repeat(int argc, char **argv)
{
    const long arg[6] = {-1, -1, -1, -1, -1, -1};
    long count = number(argv[1]), nr = number(argv[2]), same = 0;
    int code = 0;

    (void)argc;
    for (long i = 0; i < count; i++) {
        int now = call(nr, arg) < 0 ? errno : 0;

        if (i == 0)
            code = now;
        same += now == code;
    }
    printf("repeat %s %ld\n", code ? errno_name(code) : "ok", same);
    return 0;
}

/* swarm PROCESSES COUNT NR: repeat in many processes at once; `swarm` and how many ended well. */
static int verb_swarm(int argc, char **argv)
{
    const long arg[6] = {-1, -1, -1, -1, -1, -1};
    long processes = number(argv[1]), count = number(argv[2]), nr = number(argv[3]), well = 0;
    int status;

    (void)argc;
    fflush(stdout);
    for (long i = 0; i < processes; i++)
        if (fork() == 0) {
            for (long j = 0; j < count; j++)
                call(nr, arg);
            _exit(0);
        }
    while (wait(&status) > 0)
        well += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    printf("swarm %ld\n", well);
    return 0;
}

struct storm {
    long count;
    int argc;
    char **argv; /* the calls */
};

/* The calls in turn, each time with another argument. */
static void *rage(void *data)
{
    const struct storm *storm = data;

    for (long i = 0; i < storm->count; i++) {
        const long arg[6] = {-1, -i, i, -1, -1, -1};

        call(number(storm->argv[i % storm->argc]), arg);
    }
    return NULL;
}

/* storm PROCESSES COUNT NR...: in each two threads, which make COUNT calls each; as swarm. */
static int verb_storm(int argc, char **argv)
{
    struct storm storm = {number(argv[2]), argc - 3, argv + 3};
    long processes = number(argv[1]), well = 0;
    int status;

    fflush(stdout);
    for (long i = 0; i < processes; i++)
        if (fork() == 0) {
            pthread_t other;
            int r = pthread_create(&other, NULL, rage, &storm);

            rage(&storm);
            _exit(r != 0 || pthread_join(other, NULL) != 0);
        }
    while (wait(&status) > 0)
        well += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    printf("storm %ld\n", well);
    return 0;
}

/* midway ROUNDS NR: a child is killed while its call is on its way to whoever answers it. */
static int verb_midway(int argc, char **argv)
{
    const long arg[6] = {-1, -1, -1, -1, -1, -1};
    long rounds = number(argv[1]), nr = number(argv[2]);

    (void)argc;
    fflush(stdout);
    for (long i = 0; i < rounds; i++) {
        pid_t pid = fork();

        if (pid == 0)
            for (;;)
                call(nr, arg);
        if (pid < 0)
            return !say("fork", -1);
        if (i % 4)
            usleep((useconds_t)(i % 4) * 50);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    printf("midway %ld\n", rounds);
    return 0;
}

const struct verb call_verbs[] = {
    {"syscall", verb_syscall, 1}, {"sweep", verb_sweep, 2}, {"i386", verb_i386, 1},
    {"x32", verb_x32, 1},         {"clone", verb_clone, 1}, {"clone3", verb_clone3, 1},
    {"repeat", verb_repeat, 2},   {"swarm", verb_swarm, 3}, {"midway", verb_midway, 2},
    {"storm", verb_storm, 4},     {NULL, NULL, 0},
};
