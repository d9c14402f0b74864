/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may use the processor next: work that takes milliseconds (policies, filters, clones) is done
 * one piece a turn of the loop, uid after uid, so that one who asks for much slows only himself.
 *
 * Runs in: daemon.
 * Owns: its idle handle; a piece of work is its owner's.
 */
#ifndef DAEMON_TURNS_H
#define DAEMON_TURNS_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

/* A piece of work that waits. Zeroed: waits for nothing. */
struct turn {
    struct turn *next;
    struct turn_line *line; /* of its uid; NULL: does not wait */
    void (*run)(struct turn *turn);
};

struct turns {
    uv_idle_t idle;
    struct turn_line *first; /* whose turn it is; a ring in order */
};

void turns_open(struct turns *turns, uv_loop_t *loop);
void turns_close(struct turns *turns, void (*closed)(uv_handle_t *handle));

/* @turn: keeps until run() or turn_cancel(). Return: 0; -ENOMEM. */
int turn_wait(struct turns *turns, uid_t uid, struct turn *turn, void (*run)(struct turn *turn));

/* Accepts one that does not wait. */
void turn_cancel(struct turns *turns, struct turn *turn);

#endif
