/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a forked task finds at its start: the fd that CRIB_CHANNEL_FD names, and of a worker its
 * number in CRIB_WORKER_ID.
 *
 * Runs in: the task.
 */
#ifndef CHILD_INHERIT_H
#define CHILD_INHERIT_H

#include "base/error.h"

/**
 * inherit_channel() - Take the channel over from the environment
 * @ret_fd: set to the fd, now CLOEXEC and blocking; both variables are gone
 *
 * Return: 0; -ENOTCONN no such variable, or it names no socket of a channel
 */
int inherit_channel(int *ret_fd, struct crib_error *err);

/* To be asked before inherit_channel(). Return: the number, from 1 on; 0: it is no worker, or what
 * is said there is no such number. */
unsigned inherit_worker(void);

#endif
