/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest seccomp filters, written by hand: one call gets one answer, all others are allowed.
 *
 * Runs in: tests.
 */
#ifndef KERNEL_FILTER_H
#define KERNEL_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Loads a program for this process. Return: as seccomp(2). */
static inline int filter_load(struct sock_filter *program, unsigned short count, unsigned flags)
{
    struct sock_fprog prog = {.len = count, .filter = program};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

/* Loads a filter in which the call @number gets @answer (SECCOMP_RET_…). */
static inline int filter_one(int number, unsigned answer, unsigned flags)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };

    return filter_load(program, sizeof(program) / sizeof(program[0]), flags);
}

/* The same, with a listener. Return: its fd; -1. */
static inline int filter_listen(int number)
{
    return filter_one(number, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

/* Takes one notification and answers it with an errno. Return: the call's number; -1. */
static inline int filter_answer(int listener, int code)
{
    struct seccomp_notif request = {0};
    struct seccomp_notif_resp response = {0};

    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
        return -1;
    response.id = request.id;
    response.error = -code;
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0)
        return -1;
    return request.data.nr;
}

#endif
