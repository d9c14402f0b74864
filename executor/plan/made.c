/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts that show nothing of the host: what init makes itself. */
#include "plan/mounts.h"

#include <errno.h>
#include <string.h>

#include "plan/view.h"

/* For what init makes itself. Return: 0; 1: the same is there already; -EEXIST; -EINVAL. */
static int check_room(const struct making *m, Crib__MountPlan__Type type)
{
    const Crib__MountPlan *over = view_over(m->p->plan, m->target, NULL);
    const Crib__MountPlan *there = view_at(m->p->plan, m->target);

    if (over && over->type == CRIB__MOUNT_PLAN__TYPE__bind)
        return making_refuse(
            m, -EINVAL,
            "it would have to be made inside a bind, and so on the host, where crib "
            "writes nothing");
    if (over && over->type == CRIB__MOUNT_PLAN__TYPE__overlay)
        return making_refuse(m, -EINVAL,
                             "it would have to be made inside an overlay, and so be one of the "
                             "task's changes");
    if (!there)
        return 0;
    if (there->type != type)
        return making_refuse(m, -EEXIST, "an earlier mount has put something else there");
    return 1;
}

static Crib__MountPlan *add(struct making *m, Crib__MountPlan__Type type)
{
    Crib__MountPlan *plan =
        mounts_add(m->p, type, m->target, m->asked.from_task ? "task" : "policy");

    if (plan)
        plan->rule = making_rule(m);
    return plan;
}

int make_link(struct making *m, char *text)
{
    Crib__MountPlan *there, *plan;
    int r = check_room(m, CRIB__MOUNT_PLAN__TYPE__symlink);

    if (r < 0)
        return r;
    there = view_at(m->p->plan, m->target);
    if (there && strcmp(bytes_string(&there->source), text) == 0)
        return 0;
    if (there)
        return making_refuse(m, -EEXIST, "an earlier mount has put another symlink there");
    plan = add(m, CRIB__MOUNT_PLAN__TYPE__symlink);
    if (!plan)
        return making_no_memory(m);
    plan->has_source = true;
    plan->source = bytes_of(text);
    return 0;
}

int make_symlink(struct making *m)
{
    char *text;
    int r;

    if (!m->asked.mount->has_source)
        return making_refuse(m, -EINVAL, "a symlink needs a `source`: what it points to");
    r = bytes_path(m->p, &m->asked.mount->source, m->asked.step, m->asked.index, "the source",
                   &text);
    if (r == 0)
        r = making_follow_parent(m);
    return r < 0 ? r : make_link(m, text);
}

int make_tmpfs(struct making *m)
{
    const Crib__Mount *mount = m->asked.mount;
    Crib__MountPlan *plan;
    int r = making_follow(m);

    if (r < 0)
        return r;
    plan = add(m, CRIB__MOUNT_PLAN__TYPE__tmpfs);
    if (!plan)
        return making_no_memory(m);
    plan->has_mode = plan->has_write = plan->has_exec = true;
    plan->mode = mount->has_mode ? mount->mode : 0755;
    plan->write = !mount->has_write || mount->write;
    plan->exec = !mount->has_exec || mount->exec;
    return making_set_room(m, plan);
}

int make_mask(struct making *m)
{
    int r = making_follow(m);

    if (r < 0)
        return r;
    return add(m, CRIB__MOUNT_PLAN__TYPE__mask) ? 0 : making_no_memory(m);
}

/* Bases that share a proc have it twice, and the last that says `write` is right. */
static int repeat_proc(const struct making *m, Crib__MountPlan *there)
{
    if (strcmp(bytes_string(&there->target), m->target) != 0)
        return making_refuse(m, -EINVAL, "nothing may be mounted over a proc or inside it");
    if (!m->asked.mount->has_write)
        return 0;
    there->write = m->asked.mount->write;
    there->from = (char *)(m->asked.from_task ? "task" : "policy");
    there->rule = making_rule(m);
    return 0;
}

int make_proc(struct making *m)
{
    const Crib__MountPlan *there;
    Crib__MountPlan *plan;
    int index = -1;
    int r = making_follow(m);

    if (r < 0)
        return r;
    there = view_over(m->p->plan, m->target, &index);
    if (there && there->type == CRIB__MOUNT_PLAN__TYPE__proc)
        return repeat_proc(m, m->p->plan->mounts[index]);
    plan = add(m, CRIB__MOUNT_PLAN__TYPE__proc);
    if (!plan)
        return making_no_memory(m);
    plan->has_write = true;
    plan->write = m->asked.mount->has_write && m->asked.mount->write;
    return 0;
}

/* The line that tells the task its own name; empty where the content has one for that id. */
static const char *own_line(struct making *m, const char *content)
{
    const Crib__IdsPlan *ids = m->p->plan->ids;
    bool users = m->asked.mount->names == CRIB__MOUNT__NAMES__users;
    unsigned id = users ? ids->uid : ids->gid;
    const char *known = arena_printf(m->p->arena, ":x:%u:", id);

    if (!known)
        return NULL;
    if (strstr(content, known))
        return "";
    return users ? arena_printf(m->p->arena, "task:x:%u:%u:task:/tmp:/bin/sh\n", id, ids->gid)
                 : arena_printf(m->p->arena, "task:x:%u:\n", id);
}

/* Return: what is to be in the file; data NULL: out of memory. */
static ProtobufCBinaryData file_content(struct making *m)
{
    const Crib__Mount *mount = m->asked.mount;
    const ProtobufCBinaryData *asked = &mount->content;
    char *content = arena_copy(m->p->arena, asked->data, asked->len);
    const char *line = content ? own_line(m, content) : NULL;
    char *all;

    if (!mount->has_names)
        return arena_bytes(m->p->arena, asked->data, asked->len);
    all = line ? arena_printf(m->p->arena, "%s%s%s", content,
                              asked->len && asked->data[asked->len - 1] != '\n' ? "\n" : "", line)
               : NULL;
    return all ? bytes_of(all) : (ProtobufCBinaryData){0};
}

/* A later file replaces an earlier one, so that a policy can override its base's. */
int make_file(struct making *m)
{
    const Crib__Mount *mount = m->asked.mount;
    Crib__MountPlan *plan;
    int r = making_follow_parent(m);

    if (r == 0)
        r = check_room(m, CRIB__MOUNT_PLAN__TYPE__file);
    if (r < 0)
        return r;
    plan = r ? view_at(m->p->plan, m->target) : add(m, CRIB__MOUNT_PLAN__TYPE__file);
    if (!plan)
        return making_no_memory(m);
    plan->has_mode = plan->has_content = true;
    plan->mode = mount->has_mode ? mount->mode : 0444;
    plan->content = file_content(m);
    plan->from = (char *)(m->asked.from_task ? "task" : "policy");
    plan->rule = making_rule(m);
    return plan->content.data ? 0 : making_no_memory(m);
}

int make_dir(struct making *m)
{
    const Crib__Mount *mount = m->asked.mount;
    Crib__MountPlan *plan;
    int r = making_follow_parent(m);

    if (r == 0)
        r = check_room(m, CRIB__MOUNT_PLAN__TYPE__dir);
    if (r < 0)
        return r;
    plan = r ? view_at(m->p->plan, m->target) : add(m, CRIB__MOUNT_PLAN__TYPE__dir);
    if (!plan)
        return making_no_memory(m);
    plan->has_mode = true;
    plan->mode = mount->has_mode ? mount->mode : 0755;
    plan->rule = making_rule(m);
    return 0;
}
