/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes one system call after another, each in a process of its own, and shows what came of it: how
 * the filter that it runs under looks from inside. Static, so that it needs no files.
 *
 *     probe < ASKED        lines of `ID MS CALL [ARG...]`: numbers are hexadecimal but MS, the time
 *                          after which a call is taken to wait; CALL may be `i386:NUMBER`
 *
 * It writes `ID ANSWER` lines: an errno in decimal (0: none), `killed N` or `waits`.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS 6

struct asked {
    char id[64];
    int ms;
    int i386; /* by the gate of 32-bit programs */
    long number;
    unsigned long arg[ARGS];
};

/* Touches no memory afterwards: after vfork() that is the parent's. */
static inline __attribute__((always_inline, noreturn)) void leave(long number, long status)
{
    for (;;)
        __asm__ volatile("syscall" : : "a"(number), "D"(status) : "rcx", "r11", "memory");
}

static inline __attribute__((always_inline)) long call(const struct asked *a)
{
    register unsigned long r10 __asm__("r10") = a->arg[3], r8 __asm__("r8") = a->arg[4],
                               r9 __asm__("r9") = a->arg[5];
    long result;

    if (a->i386)
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(a->number), "b"(0L) : "memory");
    else
        __asm__ volatile("syscall"
                         : "=a"(result)
                         : "a"(a->number), "D"(a->arg[0]), "S"(a->arg[1]), "d"(a->arg[2]), "r"(r10),
                           "r"(r8), "r"(r9)
                         : "rcx", "r11", "memory");
    return result;
}

/* Whether the call comes back with 0 in a new process or thread as well. */
static int makes_a_child(long number)
{
    return number == SYS_fork || number == SYS_vfork || number == SYS_clone || number == SYS_clone3;
}

static __attribute__((noreturn, noinline)) void make(const struct asked *a)
{
    int child = makes_a_child(a->number);
    long result;

    for (int fd = 0; fd < 16; fd++)
        close(fd); /* what is asked about fd 0 is asked about none */
    result = call(a);
    if (child && result == 0)
        leave(SYS_exit, 0);
    leave(SYS_exit_group, result < 0 && result > -4096 ? -result & 0xff : 0);
}

/* Waits for the end of @pid, or kills it. Return: its status; -1 it waited. */
static int status_of(pid_t pid, int ms)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0), status = 0, late = 0;
    struct pollfd event = {.fd = fd, .events = POLLIN};

    if (fd < 0) {
        perror("probe: pidfd_open");
        exit(1);
    }
    late = poll(&event, 1, ms) == 0;
    if (late)
        kill(pid, SIGKILL);
    close(fd);
    do {
        while (waitpid(pid, &status, __WALL) < 0)
            if (errno != EINTR)
                return -1;
        if (WIFSTOPPED(status)) /* it has asked to be traced */
            kill(pid, SIGKILL);
    } while (WIFSTOPPED(status));
    return late ? -1 : status;
}

static void ask(const struct asked *a)
{
    pid_t pid = fork();
    int status;

    if (pid < 0) {
        perror("probe: fork");
        exit(1);
    }
    if (pid == 0)
        make(a);
    status = status_of(pid, a->ms);
    if (status < 0)
        printf("%s waits\n", a->id);
    else if (WIFSIGNALED(status))
        printf("%s killed %d\n", a->id, WTERMSIG(status));
    else
        printf("%s %d\n", a->id, WEXITSTATUS(status));
    fflush(stdout);
}

static int read_line(char *line, struct asked *a)
{
    char *save, *word = strtok_r(line, " \n", &save);

    memset(a, 0, sizeof(*a));
    if (!word)
        return 0;
    snprintf(a->id, sizeof(a->id), "%s", word);
    word = strtok_r(NULL, " \n", &save);
    a->ms = word ? atoi(word) : 0;
    word = strtok_r(NULL, " \n", &save);
    if (!word || a->ms <= 0)
        return -1;
    a->i386 = strncmp(word, "i386:", 5) == 0;
    a->number = (long)strtoul(word + (a->i386 ? 5 : 0), NULL, 16);
    for (int i = 0; i < ARGS && (word = strtok_r(NULL, " \n", &save)); i++)
        a->arg[i] = strtoul(word, NULL, 16);
    return 1;
}

int main(void)
{
    static struct asked asked[16384];
    size_t count = 0;
    char line[512];

    while (fgets(line, sizeof(line), stdin)) {
        int r = count < sizeof(asked) / sizeof(asked[0]) ? read_line(line, &asked[count]) : -1;

        if (r < 0) {
            fprintf(stderr, "probe: cannot read line %zu\n", count + 1);
            return 2;
        }
        count += (size_t)r;
    }
    for (size_t i = 0; i < count; i++)
        ask(&asked[i]);
    return 0;
}
