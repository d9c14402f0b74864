/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/turns.h"

#include <errno.h>
#include <stdlib.h>

/* The work of one uid, in the order in which it came. */
struct turn_line {
    struct turn_line *next; /* the ring is open: lines are few */
    uid_t uid;
    struct turn *first, **last;
};

static void drop_line(struct turns *turns, struct turn_line *line)
{
    struct turn_line **link = &turns->first;

    while (*link != line)
        link = &(*link)->next;
    *link = line->next;
    free(line);
    if (!turns->first)
        uv_idle_stop(&turns->idle);
}

/* Whose turn it was comes last now. */
static void rotate(struct turns *turns)
{
    struct turn_line *line = turns->first, **end = &turns->first;

    turns->first = line->next;
    while (*end)
        end = &(*end)->next;
    *end = line;
    line->next = NULL;
}

static void on_idle(uv_idle_t *idle)
{
    struct turns *turns = idle->data;
    struct turn_line *line = turns->first;
    struct turn *turn = line->first;

    rotate(turns);
    turn_cancel(turns, turn);
    turn->run(turn);
}

void turns_open(struct turns *turns, uv_loop_t *loop)
{
    uv_idle_init(loop, &turns->idle);
    turns->idle.data = turns;
    turns->first = NULL;
}

void turns_close(struct turns *turns, void (*closed)(uv_handle_t *handle))
{
    uv_close((uv_handle_t *)&turns->idle, closed);
}

static struct turn_line *line_of(struct turns *turns, uid_t uid)
{
    struct turn_line **link = &turns->first;

    while (*link && (*link)->uid != uid)
        link = &(*link)->next;
    if (!*link) {
        *link = calloc(1, sizeof(**link));
        if (!*link)
            return NULL;
        (*link)->uid = uid;
        (*link)->last = &(*link)->first;
    }
    return *link;
}

int turn_wait(struct turns *turns, uid_t uid, struct turn *turn, void (*run)(struct turn *turn))
{
    struct turn_line *line = line_of(turns, uid);

    if (!line)
        return -ENOMEM;
    *turn = (struct turn){.line = line, .run = run};
    *line->last = turn;
    line->last = &turn->next;
    uv_idle_start(&turns->idle, on_idle);
    return 0;
}

void turn_cancel(struct turns *turns, struct turn *turn)
{
    struct turn_line *line = turn->line;
    struct turn **link;

    if (!line)
        return;
    link = &line->first;
    while (*link != turn)
        link = &(*link)->next;
    *link = turn->next;
    if (line->last == &turn->next)
        line->last = link;
    turn->line = NULL;
    if (!line->first)
        drop_line(turns, line);
}
