/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: an ordinary process with the same ids can neither trace a process that is not
 * dumpable, nor open its memory, its maps or its fds, nor take a copy of one of its fds.
 * Source: prctl(2) PR_SET_DUMPABLE, ptrace(2), proc(5), pidfd_getfd(2)
 * crib: init is not dumpable while a task runs, so that a task with the same ids cannot take
 * it over.
 */
#include <sys/ptrace.h>

#include "apart.h"

struct child {
    int dumpable;
    int ready[2]; /* a byte: the flag is set */
    int leave[2]; /* the end: it may go */
};

static int run_child(void *arg)
{
    struct child *child = arg;
    char byte;

    close(child->leave[1]);
    CHECK(prctl(PR_SET_DUMPABLE, child->dumpable) == 0);
    CHECK(write(child->ready[1], "r", 1) == 1);
    return read(child->leave[0], &byte, 1) == 0 ? 0 : 1;
}

/* Starts a child and waits until its flag is set. */
static pid_t start_child(struct child *child, int dumpable)
{
    pid_t pid;
    char byte;

    child->dumpable = dumpable;
    if (pipe(child->ready) < 0 || pipe(child->leave) < 0)
        return -1;
    pid = apart_start(run_child, child);
    return read(child->ready[0], &byte, 1) == 1 ? pid : -1;
}

static int try_open(pid_t pid, const char *name, int flags)
{
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    fd = open(path, flags | O_CLOEXEC);
    return fd < 0 ? -1 : close(fd);
}

static int body(void *arg)
{
    struct child open_child, closed_child;
    pid_t open_one = start_child(&open_child, 1), closed_one = start_child(&closed_child, 0);
    int pidfd;

    (void)arg;
    CHECK(open_one > 0 && closed_one > 0);
    CHECK(try_open(open_one, "mem", O_RDWR) == 0 && try_open(open_one, "fd", O_RDONLY) == 0);
    CHECK_FAILS(try_open(closed_one, "mem", O_RDWR), EACCES);
    CHECK_FAILS(try_open(closed_one, "maps", O_RDONLY), EACCES);
    CHECK_FAILS(try_open(closed_one, "fd", O_RDONLY), EACCES);
    CHECK_FAILS(ptrace(PTRACE_SEIZE, closed_one, 0, 0), EPERM);
    pidfd = (int)syscall(SYS_pidfd_open, closed_one, 0);
    CHECK(pidfd >= 0);
    CHECK_FAILS(syscall(SYS_pidfd_getfd, pidfd, 0, 0), EPERM);
    close(open_child.leave[1]);
    close(closed_child.leave[1]);
    return apart_end(open_one) | apart_end(closed_one);
}

static void test_same_ids_do_not_help(void **state)
{
    (void)state;
    assert_int_equal(apart_ordinary(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_ids_do_not_help),
    };

    return test_run(tests);
}
