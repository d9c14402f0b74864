/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts that show something of the host. */
#include "plan/mounts.h"

#include <errno.h>
#include <string.h>

/* A privileged parent clones the trees, in the order of the plan; others leave it to init. */
static int next_tree(const struct planning *p)
{
    int tree = 0;

    if (!p->host->privileged)
        return -1;
    for (size_t i = 0; i < p->plan->n_mounts; i++)
        tree += p->plan->mounts[i]->type == CRIB__MOUNT_PLAN__TYPE__bind ||
                p->plan->mounts[i]->type == CRIB__MOUNT_PLAN__TYPE__overlay;
    return tree;
}

static Crib__MountPlan *add_shown(struct planning *p, Crib__MountPlan__Type type,
                                  const Crib__HostPath *path, uint32_t index, char *target,
                                  const char *from)
{
    int tree = next_tree(p);
    char *real = arena_copy(p->arena, path->real.data, path->real.len);
    Crib__MountPlan *plan = real ? mounts_add(p, type, target, from) : NULL;

    if (!plan)
        return NULL;
    plan->has_source = plan->has_is_dir = plan->has_device = plan->has_inode = true;
    plan->source = bytes_of(real);
    plan->is_dir = host_path_end(path) == CRIB__HOST_PATH__KIND__dir;
    plan->device = path->dev;
    plan->inode = path->ino;
    plan->has_host_path = plan->has_tree = true;
    plan->host_path = index;
    plan->tree = tree;
    plan->has_write = plan->has_exec = plan->has_dev = true;
    plan->exec = true;
    return plan;
}

Crib__MountPlan *mounts_add_bind(struct planning *p, const Crib__HostPath *path, uint32_t index,
                                 char *target, const char *from)
{
    return add_shown(p, CRIB__MOUNT_PLAN__TYPE__bind, path, index, target, from);
}

static int note_skipped(const struct making *m, const char *why)
{
    char *name = arena_printf(m->p->arena, "%s[%d]", m->asked.step, m->asked.index);
    char *wish = arena_printf(m->p->arena, "%s, optional", m->target);

    if (!name || !wish)
        return making_no_memory(m);
    return plan_receipt(m->p, name, wish, why);
}

/* What a source may not be, whoever asks. */
static int check_source(const struct making *m, const Crib__HostPath *path)
{
    const Crib__Mount *mount = m->asked.mount;
    char *real = arena_copy(m->p->arena, path->real.data, path->real.len);

    if (!real)
        return making_no_memory(m);
    if (path_below(real, "/proc") || strcmp(real, "/") == 0)
        return making_refuse(m, -EINVAL,
                             "the host's /proc is never shown: use `type: proc`, and bind "
                             "parts of the host instead of all of it");
    switch ((int)host_path_end(path)) {
    case CRIB__HOST_PATH__KIND__dir:
    case CRIB__HOST_PATH__KIND__file:
        return 0;
    case CRIB__HOST_PATH__KIND__device:
        if (mount->has_dev && mount->dev)
            return 0;
        return making_refuse(m, -EINVAL, "the source is a device node: say `dev: true` to show it");
    case CRIB__HOST_PATH__KIND__other:
        if (mount->has_write && mount->write)
            return 0;
        return making_refuse(m, -EINVAL,
                             "the source is a socket or FIFO, whose other end is outside: "
                             "say `write: true` to let the task talk to it");
    default:
        return making_refuse(m, -EINVAL, "the source is of a kind that cannot be shown");
    }
}

/* What the host has at the source. Return: 1; 0: to be skipped, the receipt says so. */
static int find_source(struct making *m, const Crib__HostPath **ret, uint32_t *ret_index)
{
    const Crib__Mount *mount = m->asked.mount;
    char *source;
    int r = mount_source(m->p, &m->asked, &source);

    if (r < 0)
        return r;
    *ret = host_path_find(m->p->host, source, ret_index);
    if (!*ret)
        return fail_text(m->p->err, -EINVAL, m->asked.step, m->asked.index, source,
                         "the host was not asked about this source");
    if (m->type == CRIB__MOUNT__TYPE__host && (*ret)->kind == CRIB__HOST_PATH__KIND__link)
        return 1;
    if (host_path_end(*ret) == CRIB__HOST_PATH__KIND__missing && mount->optional) {
        r = note_skipped(m, "skipped: missing");
        return r;
    }
    if (host_path_end(*ret) == CRIB__HOST_PATH__KIND__missing ||
        host_path_end(*ret) == CRIB__HOST_PATH__KIND__unreadable)
        return host_path_fail(m->p, *ret, m->asked.step, m->asked.index, source, "bind source");
    return 1;
}

static int show(struct making *m, const Crib__HostPath *path, uint32_t index)
{
    const Crib__Mount *mount = m->asked.mount;
    Crib__MountPlan *plan;
    int r = check_source(m, path);

    if (r < 0)
        return r;
    plan = mounts_add_bind(m->p, path, index, m->target, m->asked.from_task ? "task" : "policy");
    if (!plan)
        return making_no_memory(m);
    plan->rule = making_rule(m);
    plan->write = mount->has_write && mount->write;
    plan->exec = !mount->has_exec || mount->exec;
    plan->dev = mount->has_dev && mount->dev;
    return 0;
}

int make_bind(struct making *m)
{
    const Crib__HostPath *path;
    bool is_link;
    uint32_t index;
    char *text;
    int r = find_source(m, &path, &index);

    if (r <= 0)
        return r;
    is_link = m->type == CRIB__MOUNT__TYPE__host && path->kind == CRIB__HOST_PATH__KIND__link;
    r = is_link ? making_follow_parent(m) : making_follow(m);
    if (r < 0 || !is_link)
        return r < 0 ? r : show(m, path, index);
    r = bytes_path(m->p, &path->text, m->asked.step, m->asked.index, "the symlink's text", &text);
    return r < 0 ? r : make_link(m, text);
}

static const char *const keeps[] = {
    [CRIB__MOUNT__KEEP__discard] = "discard",
    [CRIB__MOUNT__KEEP__list] = "list",
    [CRIB__MOUNT__KEEP__commit] = "commit",
};

/* The line that tells at the end what became of them: supervise/overlays.c. */
static int note_overlay(const struct making *m, const Crib__MountPlan *plan)
{
    char *name = arena_printf(m->p->arena, "overlay %s", m->target);

    if (!name)
        return making_no_memory(m);
    return plan_receipt(m->p, name, keeps[plan->keep], "changes go to memory");
}

static int overlay(struct making *m, const Crib__HostPath *path, uint32_t index)
{
    const Crib__Mount *mount = m->asked.mount;
    Crib__Mount__Keep keep = mount->has_keep ? mount->keep : CRIB__MOUNT__KEEP__discard;
    Crib__MountPlan *plan;
    int r;

    if (host_path_end(path) != CRIB__HOST_PATH__KIND__dir)
        return making_refuse(m, -ENOTDIR, "the source of an overlay is a directory");
    if ((int)keep < CRIB__MOUNT__KEEP__discard || keep > CRIB__MOUNT__KEEP__commit)
        return making_refuse(m, -EINVAL, "no `keep` that is known");
    if (keep != CRIB__MOUNT__KEEP__discard && m->p->task->detached)
        return making_refuse(m, -EINVAL,
                             "nobody is there to be told what a detached task changes: `keep: "
                             "discard`");
    plan = add_shown(m->p, CRIB__MOUNT_PLAN__TYPE__overlay, path, index, m->target,
                     m->asked.from_task ? "task" : "policy");
    if (!plan)
        return making_no_memory(m);
    plan->rule = making_rule(m);
    plan->write = true;
    plan->exec = !mount->has_exec || mount->exec;
    plan->has_keep = true;
    plan->keep = keep;
    r = making_set_room(m, plan);
    return r < 0 ? r : note_overlay(m, plan);
}

int make_overlay(struct making *m)
{
    const Crib__HostPath *path;
    uint32_t index;
    int r = find_source(m, &path, &index);

    if (r <= 0)
        return r;
    r = making_follow(m);
    if (r == 0)
        r = check_source(m, path);
    return r < 0 ? r : overlay(m, path, index);
}
