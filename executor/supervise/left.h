/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that a task leaves behind: from init's fds to where they are wanted.
 *
 * Theory of operation: where each goes was made or checked before the start, as the caller. When
 * the program has ended init sends an fd of each, or says what is wrong with it; nothing inside
 * runs any more. They are copied one after the other in a thread of the loop's pool, so that a
 * large file holds up neither the loop nor more than one thread; what is counted are the bytes
 * read, whatever a size said before. `close` waits for the last of them. Every file that was asked
 * for is told of: with its size, or with an error; also where init is gone without a word. A target
 * that was not filled whole is removed.
 *
 * Runs in: library, daemon; on the loop's thread, left_… of a copy in the pool's.
 * Owns: the targets, and the fds that init sent.
 */
#ifndef SUPERVISE_LEFT_H
#define SUPERVISE_LEFT_H

#include <stdbool.h>
#include <stdint.h>

#include "crib/crib.h"
#include "host/files.h"
#include "plan.pb-c.h"

/* One file that is wanted. */
struct left_want {
    const uint8_t *path; /* inside, as it was asked for; borrowed for left_new() */
    size_t path_len;
    uint64_t max; /* bytes */
    bool optional;
    struct host_target to; /* fd -1: its content is wanted; name NULL: the fd was given */
};

/**
 * left_new() - What a task is to leave
 * @wants: their targets are taken on success
 *
 * Return: 0, also for none; -ENOMEM
 */
int left_new(crib_task *task, struct left_want *wants, size_t count);

/* Init has told of one; @fd is taken, -1: none came. */
void left_take(crib_task *task, const Crib__Report__Left *report, int fd);

/* What has not come never will. @code: why not; 0: nothing is left of the sandbox. */
void left_gone(crib_task *task, int code);

/* For a task elsewhere: what became of them there; a message that lives as long as the task.
 * Return: 0; -EPROTO it is about other files; -ENOMEM. */
int left_told(crib_task *task, Crib__CopiedOut *const *copied, size_t count);

/* Return: whether one is still being copied. */
bool left_busy(const crib_task *task);

/* Removes what is not whole. Not while one is copied. */
void left_free(crib_task *task);

#endif
