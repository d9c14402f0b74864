/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many Spawns and Plans of one uid are worked on at a time. Each holds open all the paths that
 * it depends on, so a client that asks for thousands at once must not have them all looked at at
 * once.
 *
 * Runs in: daemon.
 * Owns: a line for each uid that is at work; a place is its owner's.
 */
#ifndef DAEMON_WINDOW_H
#define DAEMON_WINDOW_H

#include <stdbool.h>
#include <sys/types.h>

#define WINDOW_MOST 16 /* of one uid */

struct windows {
    struct window *first; /* one for each uid; few */
};

/* Zeroed: of nobody. */
struct window_place {
    struct window_place *next;
    struct windows *windows; /* NULL: neither inside nor waiting */
    struct window *window;
    bool inside;
    void (*go)(struct window_place *place);
};

/**
 * window_enter() - Begin, or wait for others of the uid to be done
 * @place: zeroed; keeps until window_leave()
 * @go:    called when it may begin, out of the window_leave() of another, unless that is now
 *
 * Return: 1 begin now; 0 wait; -ENOMEM
 */
int window_enter(struct windows *windows, uid_t uid, struct window_place *place,
                 void (*go)(struct window_place *place));

/* It is done, or given up; accepts a zeroed one. */
void window_leave(struct window_place *place);

#endif
