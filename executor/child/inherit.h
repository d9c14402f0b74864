/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fd that a forked task finds at its start, named by CRIB_CHANNEL_FD.
 *
 * Runs in: the task.
 */
#ifndef CHILD_INHERIT_H
#define CHILD_INHERIT_H

#include "base/error.h"

/**
 * inherit_channel() - Take the channel over from the environment
 * @ret_fd: set to the fd, now CLOEXEC and non-blocking; the variable is gone
 *
 * Return: 0; -ENOTCONN no such variable, or it names no socket of a channel
 */
int inherit_channel(int *ret_fd, struct crib_error *err);

#endif
