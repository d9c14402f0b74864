/* SPDX-License-Identifier: Apache-2.0 */
/* How processes end, what they leave behind, and how much they take. */
#include "probe/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int verb_exit(int argc, char **argv)
{
    (void)argc;
    exit((int)number(argv[1]));
}

static int verb_raise(int argc, char **argv)
{
    (void)argc;
    fflush(stdout);
    raise((int)number(argv[1]));
    return 98;
}

/* sleep MILLISECONDS */
static int verb_sleep(int argc, char **argv)
{
    long ms = number(argv[1]);
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};

    (void)argc;
    fflush(stdout);
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
    return 0;
}

/* ignore SIGNAL...: from now on. */
static int verb_ignore(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        signal((int)number(argv[i]), SIG_IGN);
    return 0;
}

/* spam FD BYTES: so many x. */
static int verb_spam(int argc, char **argv)
{
    static char block[65536];
    int fd = (int)number(argv[1]);
    long left = number(argv[2]);

    (void)argc;
    memset(block, 'x', sizeof(block));
    while (left > 0) {
        ssize_t n = write(fd, block, left < (long)sizeof(block) ? (size_t)left : sizeof(block));

        if (n < 0)
            return !say("spam", -1);
        left -= n;
    }
    return 0;
}

static int verb_echo(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        printf("%s%s", i > 1 ? " " : "", argv[i]);
    putchar('\n');
    return 0;
}

/* hog MIB: memory that is really there. */
static int verb_hog(int argc, char **argv)
{
    size_t size = (size_t)number(argv[1]) << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)argc;
    if (memory == MAP_FAILED)
        return !say("hog", -1);
    memset(memory, 1, size);
    return !say("hog", 0);
}

/* hogs N MIB: so many children at once, each with memory that is really there. */
static int verb_hogs(int argc, char **argv)
{
    long count = number(argv[1]), there = 0;
    char *args[] = {"hog", argv[2], NULL}, done;
    int ends[2];

    (void)argc;
    fflush(stdout);
    if (pipe(ends) < 0)
        return !say("hogs", -1);
    signal(SIGTERM, SIG_IGN);
    for (long i = 0; i < count; i++)
        if (fork() == 0) {
            signal(SIGTERM, SIG_DFL);
            verb_hog(2, args);
            if (write(ends[1], "x", 1) == 1)
                for (;;)
                    pause();
            _exit(1);
        }
    while (there < count && read(ends[0], &done, 1) == 1)
        there++;
    kill(0, SIGTERM); /* not us */
    while (wait(NULL) > 0)
        ;
    return !say("hogs", 0);
}

/* stack KIB: deep into the stack. */
static int verb_stack(int argc, char **argv)
{
    long kib = number(argv[1]);

    (void)argc;
    for (long i = 0; i < kib; i++) {
        char *page = __builtin_alloca(1024);

        *(volatile char *)page = 1;
    }
    return !say("stack", 0);
}

/* busy MILLISECONDS of processor time. */
static int verb_busy(int argc, char **argv)
{
    long ms = number(argv[1]);
    volatile unsigned long spin = 0;

    (void)argc;
    for (;;) {
        struct rusage usage;

        for (int i = 0; i < 100000; i++)
            spin += (unsigned long)i;
        getrusage(RUSAGE_SELF, &usage);
        if (usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000 >= ms)
            return 0;
    }
}

static int verb_crash(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    fflush(stdout);
    *(volatile int *)8 = 1;
    return 98;
}

/* Opens descriptors until there are no more: `opened N`. */
static int verb_openmany(int argc, char **argv)
{
    long want = number(argv[1]), count = 0;
    int code = 0;

    (void)argc;
    for (; count < want; count++)
        if (dup(0) < 0) {
            code = errno;
            break;
        }
    syscall(SYS_close_range, 3, ~0U, 0);
    printf("opened %ld %s\n", count, code ? errno_name(code) : "ok");
    return 0;
}

/* A forked child closes all it has and goes on; its parent says how that ended. */
static int verb_closeall(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    fflush(stdout);
    syscall(SYS_close_range, 0, ~0U, 0);
    for (int fd = 0; fd < 1024; fd++)
        close(fd);
    usleep(50000);
    _exit(7);
}

/* Says who it is when it is alone, then waits. Text goes straight out: there is no exit handler. */
static void stay(const char *path, unsigned seconds)
{
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644) : -1;

    if (fd >= 0)
        close(fd);
    for (unsigned i = 0; i < seconds * 10; i++)
        usleep(100000);
    _exit(0);
}

/* orphan SECONDS: a grandchild in a session of its own that outlives everyone, holding stdout. */
static int verb_orphan(int argc, char **argv)
{
    unsigned seconds = (unsigned)number(argv[1]);
    pid_t pid;

    (void)argc;
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        setsid();
        signal(SIGHUP, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        if (fork() == 0)
            stay(NULL, seconds);
        _exit(0);
    }
    if (pid < 0)
        return !say("fork", -1);
    waitpid(pid, NULL, 0);
    say("orphan", 0);
    return 0;
}

/* daemon SECONDS: the same, and it lets go of every fd. */
static int verb_daemon(int argc, char **argv)
{
    unsigned seconds = (unsigned)number(argv[1]);
    pid_t pid;

    (void)argc;
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        setsid();
        syscall(SYS_close_range, 0, ~0U, 0);
        if (fork() == 0)
            stay(NULL, seconds);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    return !say("daemon", pid);
}

/* reparent COUNT: orphans that end, then how many zombies there are once init had its time. */
static int verb_reparent(int argc, char **argv)
{
    long count = number(argv[1]);

    (void)argc;
    fflush(stdout);
    for (long i = 0; i < count; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            if (fork() == 0) {
                usleep(1000);
                _exit(0);
            }
            _exit(0);
        }
        if (pid < 0)
            return !say("fork", -1);
        waitpid(pid, NULL, 0);
    }
    usleep(200000);
    printf("reparent %ld\n", count);
    return 0;
}

/* forkbomb MOST: children that stay until their parent ends; `forked N`. */
static int verb_forkbomb(int argc, char **argv)
{
    long most = number(argv[1]), made = 0;
    int code = 0;

    (void)argc;
    fflush(stdout);
    for (; made < most; made++) {
        pid_t pid = fork();

        if (pid == 0)
            for (;;)
                pause();
        if (pid < 0) {
            code = errno;
            break;
        }
    }
    printf("forked %ld %s\n", made, code ? errno_name(code) : "ok");
    return 0;
}

static void *wait_forever(void *arg)
{
    for (;;)
        pause();
    return arg;
}

static int verb_threads(int argc, char **argv)
{
    long want = number(argv[1]), made = 0;
    pthread_attr_t attr;
    int r = 0;

    (void)argc;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 65536);
    for (; made < want && r == 0; made += r == 0) {
        pthread_t thread;

        r = pthread_create(&thread, &attr, wait_forever, NULL);
    }
    pthread_attr_destroy(&attr);
    printf("threads %ld %s\n", made, r ? errno_name(r) : "ok");
    return r != 0;
}

static void *exit_later(void *arg)
{
    usleep(50000);
    exit(5);
    return arg;
}

/* The main thread ends, another goes on and exits with 5. */
static int verb_mainless(int argc, char **argv)
{
    pthread_t thread;

    (void)argc;
    (void)argv;
    if (pthread_create(&thread, NULL, exit_later, NULL) != 0)
        return 98;
    pthread_exit(NULL);
}

/* Stops, and says so once it is continued. */
static int verb_stopself(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    fflush(stdout);
    raise(SIGSTOP);
    printf("went on\n");
    return 0;
}

const struct verb life_verbs[] = {
    {"exit", verb_exit, 1},         {"raise", verb_raise, 1},       {"sleep", verb_sleep, 1},
    {"ignore", verb_ignore, 1},     {"spam", verb_spam, 2},         {"echo", verb_echo, 0},
    {"hogs", verb_hogs, 2},         {"hog", verb_hog, 1},           {"stack", verb_stack, 1},
    {"busy", verb_busy, 1},         {"crash", verb_crash, 0},       {"openmany", verb_openmany, 1},
    {"closeall", verb_closeall, 0}, {"orphan", verb_orphan, 1},     {"daemon", verb_daemon, 1},
    {"reparent", verb_reparent, 1}, {"forkbomb", verb_forkbomb, 1}, {"threads", verb_threads, 1},
    {"mainless", verb_mainless, 0}, {"stopself", verb_stopself, 0}, {NULL, NULL, 0},
};
