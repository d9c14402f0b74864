/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share of a channel; crib/child.h is what programs see of it.
 *
 * Runs in: the task.
 * Owns: a child owns its fd, what is queued and what is kept.
 */
#ifndef CHILD_CHILD_H
#define CHILD_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "child/kept.h"
#include "child/worker.h"
#include "crib/child.h"
#include "wire/frame.h"

struct crib_child {
    int fd; /* blocking: what may wait does so in the call itself, the rest says MSG_DONTWAIT */
    struct frame_reader *reader;
    struct frame_writer *writer;
    bool gone;             /* the parent has disconnected */
    struct kept_list kept; /* to be received before what the channel has */
    struct frame *left; /* the reader's last, for which there was no memory to keep it, or NULL */
    struct worker worker;
    size_t retry; /* bytes queued at which crib_child_try_send() tries a full socket again; 0 */
};

struct deadline {
    bool never;
    uint64_t at; /* microseconds of clock_us() */
};

/* @timeout_ms: negative: never */
struct deadline child_deadline(int timeout_ms);

bool child_is_late(const struct deadline *deadline);

/* Waits for the channel, and sends what is queued meanwhile: the parent may be waiting for it.
 * @events: of poll(2). Return: 0; -ETIMEDOUT. */
int child_wait(crib_child *child, short events, const struct deadline *deadline);

/* Waits until everything queued is sent. Return: 0; -EPIPE; other negative errno. */
int child_flush_all(crib_child *child);

/* What may be returned beside 1, 0 and negative errnos: there may be more at once. */
#define CHILD_MORE 2

/**
 * child_keep() - Take one step in reading the channel, without waiting; messages are kept
 *
 * Return: 0 the parent is gone; CHILD_MORE; -EAGAIN; -ENOMEM, and nothing is lost; as
 * crib_child_try_receive()
 */
int child_keep(crib_child *child, struct crib_error *err);

#endif
