/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "plan/bytes.h"

static Crib__Stdio *find(const Crib__Program *program, uint32_t fd)
{
    for (size_t i = 0; i < program->n_stdio; i++)
        if (program->stdio[i]->fd == fd)
            return program->stdio[i];
    return NULL;
}

static int add(struct planning *p, uint32_t fd, Crib__Stdio__Kind kind, int from)
{
    Crib__Program *program = p->plan->program;
    Crib__Stdio *entry = ARENA_NEW(p->arena, crib__stdio, Crib__Stdio);

    if (!entry)
        return plan_no_memory(p, "stdio");
    entry->has_fd = entry->has_kind = true;
    entry->fd = fd;
    entry->kind = kind;
    entry->has_from = kind == CRIB__STDIO__KIND__inherit || kind == CRIB__STDIO__KIND__given;
    entry->from = entry->has_from ? from : 0;
    if (arena_push(p->arena, &program->stdio, &program->n_stdio, entry) < 0)
        return plan_no_memory(p, "stdio");
    return 0;
}

static int check(struct planning *p, const Crib__Stdio *entry, int i)
{
    if (!entry->has_fd || entry->fd > PLAN_MAX_FD)
        return fail_text(p->err, -EINVAL, "stdio", i, NULL, "no fd number of 0 to %d", PLAN_MAX_FD);
    if (!entry->has_kind || entry->kind < CRIB__STDIO__KIND__null ||
        entry->kind > CRIB__STDIO__KIND__pty)
        return fail_text(p->err, -EINVAL, "stdio", i, NULL, "fd %u: no kind that is known",
                         entry->fd);
    if (entry->kind == CRIB__STDIO__KIND__given && (!entry->has_from || entry->from < 0))
        return fail_text(p->err, -EBADF, "stdio", i, NULL,
                         "fd %u: the caller's fd number is missing or negative", entry->fd);
    if (entry->kind == CRIB__STDIO__KIND__pty && entry->fd > 2)
        return fail_text(p->err, -EINVAL, "stdio", i, NULL,
                         "fd %u: only 0, 1 and 2 can be the terminal", entry->fd);
    if (find(p->plan->program, entry->fd))
        return fail_text(p->err, -EINVAL, "stdio", i, NULL, "fd %u is named twice", entry->fd);
    return 0;
}

static int add_asked(struct planning *p, unsigned *ret_channels)
{
    if (p->task->n_stdio > PLAN_MAX_STDIO)
        return fail_text(p->err, -E2BIG, "stdio", -1, NULL, "%zu entries, at most %d are allowed",
                         p->task->n_stdio, PLAN_MAX_STDIO);
    for (size_t i = 0; i < p->task->n_stdio; i++) {
        const Crib__Stdio *entry = p->task->stdio[i];
        int r = check(p, entry, (int)i);

        if (r < 0)
            return r;
        if (entry->kind == CRIB__STDIO__KIND__channel && ++*ret_channels > 1)
            return fail_text(p->err, -EINVAL, "stdio", (int)i, NULL,
                             "fd %u: a second channel, and a task has one", entry->fd);
        r = add(p, entry->fd, entry->kind,
                entry->kind == CRIB__STDIO__KIND__inherit ? (int)entry->fd : entry->from);
        if (r < 0)
            return r;
    }
    return 0;
}

/* A closed 0, 1 or 2 would be taken by the first file that the program opens. */
static int add_standard(struct planning *p)
{
    for (uint32_t fd = 0; fd < 3; fd++) {
        int r = find(p->plan->program, fd) ? 0 : add(p, fd, CRIB__STDIO__KIND__null, 0);

        if (r < 0)
            return r;
    }
    return 0;
}

/* Behind all others, where the caller has not said. */
static int add_channel(struct planning *p)
{
    const Crib__Program *program = p->plan->program;
    uint32_t fd = 3;

    for (size_t i = 0; i < program->n_stdio; i++)
        if (program->stdio[i]->fd >= fd)
            fd = program->stdio[i]->fd + 1;
    if (fd > PLAN_MAX_FD)
        return fail_text(p->err, -EINVAL, "stdio", -1, NULL,
                         "no fd number is left for the channel behind %d", PLAN_MAX_FD);
    return add(p, fd, CRIB__STDIO__KIND__channel, 0);
}

static int by_fd(const void *a, const void *b)
{
    const Crib__Stdio *const *x = a, *const *y = b;

    return ((*x)->fd > (*y)->fd) - ((*x)->fd < (*y)->fd);
}

static bool is_given(const Crib__Task *task, uint32_t fd)
{
    for (size_t i = 0; i < task->n_stdio; i++)
        if (task->stdio[i]->fd == fd)
            return task->stdio[i]->kind == CRIB__STDIO__KIND__inherit ||
                   task->stdio[i]->kind == CRIB__STDIO__KIND__given;
    return false;
}

int plan_check_listening(const Crib__Task *task, struct crib_error *err)
{
    for (uint32_t i = 0; i < task->listen_fds; i++)
        if (!is_given(task, 3 + i))
            return fail_text(err, -EINVAL, "listen_fds", -1, NULL,
                             "%u sockets from fd 3 on, but fd %u is none that is handed over",
                             task->listen_fds, 3 + i);
    return 0;
}

int plan_stdio(struct planning *p)
{
    Crib__Program *program = p->plan->program;
    unsigned channels = 0;
    int r;

    r = add_asked(p, &channels);
    if (r == 0)
        r = plan_check_listening(p->task, p->err);
    if (r == 0)
        r = add_standard(p);
    if (r == 0 && channels == 0 && p->task->has_channel &&
        p->task->channel != CRIB__TASK__CHANNEL__none)
        r = add_channel(p);
    if (r < 0)
        return r;
    if (program->n_stdio > PLAN_MAX_STDIO)
        return fail_text(p->err, -E2BIG, "stdio", -1, NULL,
                         "%zu entries with 0 to 2 and the channel, at most %d are allowed",
                         program->n_stdio, PLAN_MAX_STDIO);
    qsort(program->stdio, program->n_stdio, sizeof(program->stdio[0]), by_fd);
    return 0;
}
