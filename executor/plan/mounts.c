/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the policy's mounts in order, then the task's, each checked and added to
 * the plan, with its target led through the symlinks planned before it, since init follows none.
 * Masks come last, so that nothing that is mounted later covers one.
 * Whatever init makes (directories, files, symlinks) it makes in its own tmpfs, never inside a
 * bind, where it would come to be on the host: an entry there is refused, a mount point must be
 * there already.
 */
#include "plan/mounts.h"

#include <errno.h>
#include <string.h>

#include "plan/view.h"
#include "policy/origins.h"
#include "text/utf8.h"

int making_refuse(const struct making *m, int code, const char *text)
{
    return fail_text(m->p->err, code, m->asked.step, m->asked.index, m->target, "%s", text);
}

int making_no_memory(const struct making *m)
{
    return plan_no_memory(m->p, m->asked.step);
}

Crib__MountPlan *mounts_add(struct planning *p, Crib__MountPlan__Type type, char *target,
                            const char *from)
{
    Crib__MountPlan *plan = ARENA_NEW(p->arena, crib__mount_plan, Crib__MountPlan);

    if (!plan || arena_push(p->arena, &p->plan->mounts, &p->plan->n_mounts, plan) < 0)
        return NULL;
    plan->has_type = plan->has_target = true;
    plan->type = type;
    plan->target = bytes_of(target);
    plan->from = (char *)from;
    return plan;
}

/* The origins come with the task: they need not fit, and may say anything. */
char *making_rule(const struct making *m)
{
    const Crib__Origins__Place *place = origins_mount(m->p->task->origins, (size_t)m->asked.index);
    char *rule;

    if (m->asked.from_task)
        return m->type == CRIB__MOUNT__TYPE__tmpfs     ? "--tmpfs"
               : m->type == CRIB__MOUNT__TYPE__overlay ? "--overlay"
               : m->type == CRIB__MOUNT__TYPE__mask    ? "--mask"
                                                       : "--bind";
    rule = place && place->at ? arena_text(m->p->arena, place->at) : NULL;
    return rule ? utf8_tame(rule) : NULL;
}

#define BIT(type)  (1u << CRIB__MOUNT__TYPE__##type)
#define BINDS      (BIT(bind) | BIT(host))
#define SHOWS_HOST (BINDS | BIT(overlay))
#define IN_MEMORY  (BIT(tmpfs) | BIT(overlay))

/* Fields that would be silently without effect are refused instead. */
static int check_fields(const struct making *m)
{
    const Crib__Mount *mount = m->asked.mount;
    const struct {
        bool set;
        unsigned types;
        const char *text;
    } fields[] = {
        {mount->has_source, SHOWS_HOST | BIT(symlink), "`source` has no meaning for this type"},
        {mount->has_write && mount->write, BINDS | BIT(tmpfs) | BIT(proc),
         "`write` has no meaning for this type: the root is read-only"},
        {mount->has_exec && mount->exec, SHOWS_HOST | BIT(tmpfs),
         "`exec` has no meaning for this type"},
        {mount->has_dev && mount->dev, BINDS, "`dev` has no meaning for this type"},
        {mount->has_optional && mount->optional, SHOWS_HOST,
         "`optional` has no meaning for this type"},
        {mount->has_size, IN_MEMORY, "`size` has no meaning for this type"},
        {mount->has_inodes, IN_MEMORY, "`inodes` has no meaning for this type"},
        {mount->has_mode, BIT(tmpfs) | BIT(dir) | BIT(file), "`mode` has no meaning for this type"},
        {mount->has_content, BIT(file), "`content` has no meaning for this type"},
        {mount->has_names, BIT(file), "`names` has no meaning for this type"},
        {mount->has_keep, BIT(overlay), "`keep` has no meaning for this type"},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (fields[i].set && !(fields[i].types & 1u << m->type))
            return making_refuse(m, -EINVAL, fields[i].text);
    if (mount->has_mode && mount->mode & ~01777u)
        return making_refuse(m, -EINVAL, "`mode` is more than the permission bits 0 to 01777");
    return 0;
}

/* A task's bind may leave it out: the host's own path. */
static int read_target(struct making *m)
{
    char *text;
    int r;

    if (!m->asked.mount->has_target && m->asked.from_task &&
        (m->type == CRIB__MOUNT__TYPE__bind || m->type == CRIB__MOUNT__TYPE__overlay))
        return mount_source(m->p, &m->asked, &m->target);
    if (!m->asked.mount->has_target)
        return making_refuse(m, -EINVAL, "it has no target");
    r = bytes_path(m->p, &m->asked.mount->target, m->asked.step, m->asked.index, "the target",
                   &text);
    if (r < 0)
        return r;
    m->target = text;
    if (text[0] != '/')
        return making_refuse(m, -EINVAL, "the target is not an absolute path");
    if (path_climbs(text))
        return making_refuse(m, -EINVAL, "the target has a `..` in it");
    m->target = path_clean(m->p->arena, "/", text);
    return m->target ? 0 : making_no_memory(m);
}

/* Over-mounts below a proc make the kernel refuse every further proc. */
static int check_target(const struct making *m)
{
    const char *below_proc = path_below(m->target, "/proc");
    const Crib__MountPlan *over = view_over(m->p->plan, m->target, NULL);

    if (strcmp(m->target, "/") == 0)
        return making_refuse(m, -EINVAL, "the root itself cannot be a target");
    if (strlen(m->target) >= PATH_MAX)
        return making_refuse(m, -ENAMETOOLONG, "the target leads to a path that is too long");
    if (over && over->type == CRIB__MOUNT_PLAN__TYPE__proc && m->type != CRIB__MOUNT__TYPE__proc)
        return making_refuse(m, -EINVAL, "nothing may be mounted over a proc or inside it");
    if (below_proc && *below_proc)
        return making_refuse(m, -EINVAL, "nothing may be mounted inside /proc");
    return 0;
}

/* A mount at /bin, where /bin is a planned symlink, goes to its end. */
static int lead(struct making *m)
{
    char *target;
    int r = view_rewrite(m->p, m->target, &target);

    if (r == -ELOOP)
        return making_refuse(m, r, "its symlinks lead around in a circle");
    if (r < 0)
        return making_no_memory(m);
    m->target = target;
    return 0;
}

int making_follow(struct making *m)
{
    int r = lead(m);

    return r < 0 ? r : check_target(m);
}

int making_follow_parent(struct making *m)
{
    size_t dir = (size_t)(strrchr(m->target, '/') - m->target);
    char *name = m->target + dir, *parent;
    int r;

    if (dir == 0)
        return check_target(m);
    parent = arena_copy(m->p->arena, m->target, dir);
    if (!parent)
        return making_no_memory(m);
    m->target = parent;
    r = lead(m);
    if (r < 0)
        return r;
    m->target = arena_printf(m->p->arena, "%s%s", strcmp(m->target, "/") ? m->target : "", name);
    return m->target ? check_target(m) : making_no_memory(m);
}

static int (*const makers[])(struct making *m) = {
    [CRIB__MOUNT__TYPE__bind] = make_bind,       [CRIB__MOUNT__TYPE__host] = make_bind,
    [CRIB__MOUNT__TYPE__tmpfs] = make_tmpfs,     [CRIB__MOUNT__TYPE__proc] = make_proc,
    [CRIB__MOUNT__TYPE__symlink] = make_symlink, [CRIB__MOUNT__TYPE__file] = make_file,
    [CRIB__MOUNT__TYPE__dir] = make_dir,         [CRIB__MOUNT__TYPE__overlay] = make_overlay,
    [CRIB__MOUNT__TYPE__mask] = make_mask,
};

static Crib__Mount__Type type_of(const Crib__Mount *mount)
{
    return mount->has_type ? mount->type : CRIB__MOUNT__TYPE__bind;
}

static int plan_one(struct planning *p, size_t n)
{
    struct making m = {.p = p, .asked = mount_asked(p, n)};
    int r;

    m.type = type_of(m.asked.mount);
    if ((int)m.type < CRIB__MOUNT__TYPE__bind || m.type > CRIB__MOUNT__TYPE__mask)
        return making_refuse(&m, -EINVAL, "no type that is known");
    r = read_target(&m);
    if (r == 0 && !p->plan->namespaces->mount)
        return making_refuse(&m, -EINVAL, "`namespaces.mount: host` leaves no room for mounts");
    if (r == 0)
        r = check_fields(&m);
    return r < 0 ? r : makers[m.type](&m);
}

static int plan_those(struct planning *p, bool masks)
{
    int r = 0;

    for (size_t n = 0; r == 0 && n < mounts_asked(p); n++)
        if ((type_of(mount_asked(p, n).mount) == CRIB__MOUNT__TYPE__mask) == masks)
            r = plan_one(p, n);
    return r;
}

int plan_mounts(struct planning *p)
{
    int r;

    if (mounts_asked(p) > PLAN_MAX_MOUNTS)
        return fail_text(p->err, -E2BIG, "mounts", -1, NULL, "%zu mounts, at most %d are allowed",
                         mounts_asked(p), PLAN_MAX_MOUNTS);
    r = plan_those(p, false);
    if (r == 0)
        r = plan_those(p, true);
    if (r < 0)
        return r;
    return plan_receipt(p, "mounts", p->plan->namespaces->mount ? "own root" : "the host's",
                        p->plan->namespaces->mount ? "a root built from nothing" : "the host's");
}
