/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/window.h"

#include <errno.h>
#include <stdlib.h>

/* Those of one uid. */
struct window {
    struct window *next;
    uid_t uid;
    unsigned inside;
    struct window_place *first, **last; /* who waits */
};

static struct window *window_of(struct windows *windows, uid_t uid)
{
    struct window *window = windows->first;

    while (window && window->uid != uid)
        window = window->next;
    if (window)
        return window;
    window = calloc(1, sizeof(*window));
    if (!window)
        return NULL;
    window->uid = uid;
    window->last = &window->first;
    window->next = windows->first;
    windows->first = window;
    return window;
}

int window_enter(struct windows *windows, uid_t uid, struct window_place *place,
                 void (*go)(struct window_place *place))
{
    struct window *window = window_of(windows, uid);

    if (!window)
        return -ENOMEM;
    *place = (struct window_place){.windows = windows, .window = window, .go = go};
    if (window->inside < WINDOW_MOST) {
        window->inside++;
        place->inside = true;
        return 1;
    }
    *window->last = place;
    window->last = &place->next;
    return 0;
}

static void unlink_place(struct window *window, struct window_place *place)
{
    struct window_place **link = &window->first;

    while (*link != place)
        link = &(*link)->next;
    *link = place->next;
    if (window->last == &place->next)
        window->last = link;
}

static void drop(struct windows *windows, struct window *window)
{
    struct window **link = &windows->first;

    while (*link != window)
        link = &(*link)->next;
    *link = window->next;
    free(window);
}

void window_leave(struct window_place *place)
{
    struct windows *windows = place->windows;
    struct window *window = place->window;
    struct window_place *next;

    if (!windows)
        return;
    if (place->inside)
        window->inside--;
    else
        unlink_place(window, place);
    *place = (struct window_place){0};
    next = window->inside < WINDOW_MOST ? window->first : NULL;
    if (next) {
        unlink_place(window, next);
        window->inside++;
        next->inside = true;
        next->go(next); /* last: it may leave at once, and the window be gone */
    } else if (window->inside == 0) {
        drop(windows, window);
    }
}
