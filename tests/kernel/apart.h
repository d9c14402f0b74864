/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of kernel claims share: bodies that run in a process of their own, where they may
 * change ids, namespaces and filters as they like, and ordinary rights for those who have more.
 *
 * Runs in: tests.
 */
#ifndef KERNEL_APART_H
#define KERNEL_APART_H

#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ORDINARY_ID 65534 /* what root becomes where a claim is about ordinary users */

typedef int apart_body(void *arg);

/* In a body: where @condition does not hold, say so and return 1. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            dprintf(STDERR_FILENO, "%s:%d: %s (errno: %s)\n", __FILE__, __LINE__, #condition,      \
                    strerror(errno));                                                              \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

/* The same for a call that has to fail with one errno. */
#define CHECK_FAILS(call, code)                                                                    \
    do {                                                                                           \
        errno = 0;                                                                                 \
        CHECK((call) == -1);                                                                       \
        CHECK(errno == (code));                                                                    \
    } while (0)

/* Starts @body in a process that never outlives this one. */
static inline pid_t apart_start(apart_body *body, void *arg)
{
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(body(arg));
    }
    return pid;
}

/* Return: 0 when the body returned 0. */
static inline int apart_end(pid_t pid)
{
    int status = -1;

    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}

static inline int apart(apart_body *body, void *arg)
{
    return apart_end(apart_start(body, arg));
}

/* Gives up what root has beyond others, supplementary groups 1 and 2 excepted. */
static inline int be_ordinary(void)
{
    const gid_t groups[] = {1, 2};

    if (geteuid() != 0)
        return 0;
    if (setgroups(2, groups) < 0 || setresgid(ORDINARY_ID, ORDINARY_ID, ORDINARY_ID) < 0 ||
        setresuid(ORDINARY_ID, ORDINARY_ID, ORDINARY_ID) < 0)
        return -1;
    return prctl(PR_SET_DUMPABLE, 1);
}

struct apart_call {
    apart_body *body;
    void *arg;
};

static inline int apart_as_ordinary(void *arg)
{
    struct apart_call *call = arg;

    CHECK(be_ordinary() == 0);
    return call->body(call->arg);
}

/* Runs the body with ordinary rights. */
static inline int apart_ordinary(apart_body *body, void *arg)
{
    struct apart_call call = {body, arg};

    return apart(apart_as_ordinary, &call);
}

/* Runs the body with ordinary rights, and for root with root's too. */
static inline int apart_both(apart_body *body, void *arg)
{
    if (geteuid() == 0 && apart(body, arg) != 0)
        return 1;
    return apart_ordinary(body, arg);
}

/* Return: 0; -1 and errno. */
static inline int write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC), kept;
    ssize_t n;

    if (fd < 0)
        return -1;
    n = write(fd, text, strlen(text));
    kept = errno;
    close(fd);
    errno = kept;
    return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* Maps one uid and gid to themselves in the new user namespace of @pid ("self" or a number). */
static inline int map_ids(const char *pid, uid_t uid, gid_t gid)
{
    char path[64], text[64];

    snprintf(path, sizeof(path), "/proc/%s/setgroups", pid);
    if (write_text(path, "deny") < 0)
        return -1;
    snprintf(path, sizeof(path), "/proc/%s/uid_map", pid);
    snprintf(text, sizeof(text), "%u %u 1", uid, uid);
    if (write_text(path, text) < 0)
        return -1;
    snprintf(path, sizeof(path), "/proc/%s/gid_map", pid);
    snprintf(text, sizeof(text), "%u %u 1", gid, gid);
    return write_text(path, text);
}

/* Enters a new user namespace, own ids mapped to themselves, and what else @flags name. */
static inline int enter_new(int flags)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();

    if (unshare(CLONE_NEWUSER | flags) < 0)
        return -1;
    return map_ids("self", uid, gid);
}

static inline int try_new_user(void *arg)
{
    (void)arg;
    return enter_new(0) == 0 ? 0 : 1;
}

/* Where there are no user namespaces to be had, crib does not work at all. */
static inline void need_user_namespaces(void)
{
    if (apart_ordinary(try_new_user, NULL) != 0)
        test_skip("this host gives ordinary users no user namespaces");
}

/* Return: an fd of the running program, to be executed by stages of a test; -1. */
static inline int own_program(void)
{
    return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
}

/* Executes it with one argument, which main() hands to the test's stage. */
static inline void exec_stage(int program, const char *stage)
{
    const char *const argv[] = {"stage", stage, NULL};

    syscall(SYS_execveat, program, "", argv, environ, AT_EMPTY_PATH);
}

#endif
