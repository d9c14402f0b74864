/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal of the task's own: a pty pair of a devpts that nobody else has. Its first pty is
 * number 0. Where the mounts are the host's, nothing may be mounted: the pair is then of a devpts
 * that is nowhere to be seen, and has no name inside.
 */
#include "plan/plan.h"

#include <errno.h>
#include <stdbool.h>

#include "plan/mounts.h"
#include "plan/view.h"

#define ROWS    24 /* of a terminal whose size nobody knows, since the VT100 */
#define COLUMNS 80
#define MOST    65535 /* struct winsize has 16 bits */

static bool wanted(const Crib__Program *program)
{
    for (size_t i = 0; i < program->n_stdio; i++)
        if (program->stdio[i]->kind == CRIB__STDIO__KIND__pty)
            return true;
    return false;
}

static int set_size(struct planning *p, Crib__Terminal *plan)
{
    const Crib__Terminal *asked = p->task->terminal;

    plan->has_rows = plan->has_columns = true;
    plan->rows = asked && asked->has_rows && asked->rows ? asked->rows : ROWS;
    plan->columns = asked && asked->has_columns && asked->columns ? asked->columns : COLUMNS;
    if (plan->rows > MOST || plan->columns > MOST)
        return fail_text(p->err, -EINVAL, "terminal", -1, NULL,
                         "%u rows and %u columns, at most %d are allowed", plan->rows,
                         plan->columns, MOST);
    return 0;
}

static struct making start(struct planning *p, const char *target)
{
    return (struct making){.p = p,
                           .asked = {.from_task = true, .step = "terminal", .index = -1},
                           .type = CRIB__MOUNT__TYPE__tmpfs,
                           .target = arena_text(p->arena, target)};
}

static int add_devpts(struct planning *p)
{
    struct making m = start(p, "/dev/pts");
    Crib__MountPlan *plan;
    int r = m.target ? making_follow(&m) : -ENOMEM;

    if (r < 0)
        return m.target ? r : making_no_memory(&m);
    plan = mounts_add(p, CRIB__MOUNT_PLAN__TYPE__devpts, m.target, "terminal");
    if (!plan)
        return making_no_memory(&m);
    plan->has_write = plan->has_dev = plan->has_mode = true;
    plan->write = plan->dev = true;
    plan->mode = 0600;
    return 0;
}

/* A node of the host's there finds our devpts beside it by itself, since Linux 4.7. */
static int add_ptmx(struct planning *p)
{
    struct making m = start(p, "/dev/ptmx");
    const Crib__MountPlan *over;
    char *text = arena_text(p->arena, "pts/ptmx");
    int r = m.target && text ? making_follow_parent(&m) : -ENOMEM;

    if (r < 0)
        return m.target && text ? r : making_no_memory(&m);
    over = view_over(p->plan, m.target, NULL);
    if ((over && over->type == CRIB__MOUNT_PLAN__TYPE__bind) || view_at(p->plan, m.target))
        return 0;
    return make_link(&m, text);
}

static int receipt(struct planning *p, const Crib__Terminal *plan)
{
    char *asked = arena_printf(p->arena, "%u rows, %u columns", plan->rows, plan->columns);

    if (!asked)
        return plan_no_memory(p, "terminal");
    return plan_receipt(p, "terminal", asked,
                        p->plan->namespaces->mount
                            ? "a pty of its own, /dev/pts/0"
                            : "a pty of its own, without a name: the mounts are the host's");
}

int plan_terminal(struct planning *p)
{
    Crib__Program *program = p->plan->program;
    int r;

    if (p->task->terminal && !wanted(program))
        return fail_text(p->err, -EINVAL, "terminal", -1, NULL,
                         "it has a size, but none of fds 0 to 2 is a pty");
    if (!wanted(program))
        return 0;
    program->terminal = ARENA_NEW(p->arena, crib__terminal, Crib__Terminal);
    if (!program->terminal)
        return plan_no_memory(p, "terminal");
    r = set_size(p, program->terminal);
    if (r == 0 && p->plan->namespaces->mount)
        r = add_devpts(p);
    if (r == 0 && p->plan->namespaces->mount)
        r = add_ptmx(p);
    return r < 0 ? r : receipt(p, program->terminal);
}
