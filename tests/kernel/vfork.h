/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child on a stack of its own in this process's memory, as crib starts its init: this process
 * waits until it has executed a program or exited.
 *
 * Runs in: tests.
 */
#ifndef KERNEL_VFORK_H
#define KERNEL_VFORK_H

#include <sched.h>
#include <sys/mman.h>
#include <sys/types.h>

#define VFORK_STACK (256 * 1024)

/* Code that runs in such a child. */
#define IN_VFORK __attribute__((no_sanitize("address", "undefined")))

/* @ret_pidfd: with CLONE_PIDFD in @flags. Return: the pid; -1. */
static inline pid_t vfork_clone(int (*body)(void *), void *arg, int flags, int *ret_pidfd)
{
    char *stack = mmap(NULL, VFORK_STACK, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    pid_t pid;

    if (stack == MAP_FAILED)
        return -1;
    pid = clone(body, stack + VFORK_STACK, CLONE_VFORK | flags, arg, ret_pidfd);
    munmap(stack, VFORK_STACK);
    return pid;
}

#endif
