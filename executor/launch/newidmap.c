/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Id maps that the caller may not write itself: newuidmap and newgidmap write them, programs of
 * root's that read /etc/subuid and /etc/subgid.
 *
 * Theory of operation: each is executed from its one place, with no environment, no fd but init's
 * directory of /proc, and a time limit. It is told `fd:0`, so that it acts on the very process
 * that we hold; one that is too old for that (shadow before 4.14) is told the pid. What it says is
 * not believed: the map is read afterwards, through the same directory, and the caller kills init
 * when it is another. Source: newuidmap(1), user_namespaces(7)
 */
#include "launch/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"

#define PATIENCE 5000 /* ms; names of users may come from elsewhere */
#define WORDS    (2 + 3 * IDMAP_MOST + 1)

/* Return: whether it has ended in time; it is killed otherwise. */
static bool wait_end(const struct image_process *process, int *ret_status)
{
    struct pollfd gone = {.fd = process->pidfd, .events = POLLIN};
    uint64_t end = clock_us() + PATIENCE * 1000ull, now;
    siginfo_t info = {0};

    while ((now = clock_us()) < end && !(gone.revents & POLLIN))
        poll(&gone, 1, (int)((end - now) / 1000) + 1);
    if (!(gone.revents & POLLIN)) {
        syscall(SYS_pidfd_send_signal, process->pidfd, SIGKILL, NULL, 0);
        poll(&gone, 1, 1000);
    }
    /* A host's own waitpid(-1) may have been faster. */
    if (waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG) == 0)
        *ret_status = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
    return now < end;
}

/* @target: `fd:0` or a pid. Return: 0, whatever it did; -ETIMEDOUT; other negative errno. */
static int run(const char *program, int proc, const char *target, const struct idmap *map,
               int *ret_status)
{
    AUTO_FD int low = open(program, O_PATH | O_CLOEXEC), image = -1;
    char numbers[IDMAP_MOST][12];
    const char *words[WORDS] = {program, target};
    struct image_start start = {.name = program, .args = words, .fd0 = proc};
    struct image_process process;
    size_t n = 2;
    bool in_time;
    int r;

    if (low < 0)
        return -errno;
    start.image = image = fd_copy(low, 3);
    if (image < 0)
        return image;
    for (size_t i = 0; i < map->count; i++) {
        snprintf(numbers[i], sizeof(numbers[i]), "%u", map->id[i]);
        words[n++] = numbers[i];
        words[n++] = numbers[i];
        words[n++] = "1";
    }
    r = image_start(&start, &process);
    if (r < 0 || process.failed < 0)
        return r < 0 ? r : process.failed;
    in_time = wait_end(&process, ret_status);
    fd_close(&process.pidfd);
    return in_time ? 0 : -ETIMEDOUT;
}

/* Whether the map is what was asked for, and nothing else. */
static bool is_written(int proc, const char *name, const struct idmap *map)
{
    AUTO_FD int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
    char text[1024], *at = text;
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    unsigned inside, outside, count;
    int used;

    if (len <= 0)
        return false;
    text[len] = '\0';
    for (size_t i = 0; i < map->count; i++) {
        if (sscanf(at, "%u %u %u%n", &inside, &outside, &count, &used) != 3)
            return false;
        if (inside != map->id[i] || outside != map->id[i] || count != 1)
            return false;
        at += used;
    }
    return at[strspn(at, " \n")] == '\0';
}

/* Whether the programs here know no `fd:0`; found by trying, once. */
static atomic_bool by_pid;

int newidmap(const char *program, const char *name, int proc, pid_t pid, const struct idmap *map,
             struct crib_error *err)
{
    char number[16];
    const char *const targets[] = {"fd:0", number};
    int status = 0, r = 0;

    snprintf(number, sizeof(number), "%d", (int)pid);
    for (size_t i = by_pid ? 1 : 0; i < 2 && r == 0; i++) {
        r = run(program, proc, targets[i], map, &status);
        if (r < 0 || !is_written(proc, name, map))
            continue;
        by_pid = i > 0;
        return 0;
    }
    if (r < 0)
        return fail_sys(err, r, "maps", -1, program, "run it");
    return fail_text(err, -EPERM, "maps", -1, program,
                     "it has not mapped %u (exit status %d): see that /etc/subuid and "
                     "/etc/subgid still give it to this user",
                     map->id[0], status);
}
