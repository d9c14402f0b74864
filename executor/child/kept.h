/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that came while something else was awaited, whole copies, for whoever receives next.
 *
 * Runs in: the task.
 * Owns: the messages, and their fds.
 */
#ifndef CHILD_KEPT_H
#define CHILD_KEPT_H

#include <stdbool.h>

#include "crib/child.h"
#include "wire/frame.h"

struct kept;

/* Zeroed: empty. */
struct kept_list {
    struct kept *first, *last;
    struct kept *shown; /* what kept_show() gave last: no longer in the list */
};

/* Puts a message behind the others. Return: 0, and its fds are taken; -ENOMEM. */
int kept_add(struct kept_list *list, struct frame *frame);

/* Frees what was shown before, and closes those of its fds that nobody took. Return: whether there
 * is one more: @ret borrows it until the next call. */
bool kept_show(struct kept_list *list, struct crib_child_message *ret);

/* Frees everything, leaving an empty list. */
void kept_done(struct kept_list *list);

#endif
