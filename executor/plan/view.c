/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/view.h"

#include <errno.h>
#include <string.h>

#define MAX_LINKS 40 /* as many as the kernel follows */

static bool is_tree(const Crib__MountPlan *mount)
{
    return mount->type == CRIB__MOUNT_PLAN__TYPE__bind ||
           mount->type == CRIB__MOUNT_PLAN__TYPE__tmpfs ||
           mount->type == CRIB__MOUNT_PLAN__TYPE__proc ||
           mount->type == CRIB__MOUNT_PLAN__TYPE__devpts ||
           mount->type == CRIB__MOUNT_PLAN__TYPE__overlay ||
           mount->type == CRIB__MOUNT_PLAN__TYPE__mask;
}

const Crib__MountPlan *view_over(const Crib__Plan *plan, const char *path, int *ret_index)
{
    for (size_t i = plan->n_mounts; i-- > 0;) {
        const Crib__MountPlan *mount = plan->mounts[i];

        if (is_tree(mount) && path_below(path, bytes_string(&mount->target))) {
            if (ret_index)
                *ret_index = (int)i;
            return mount;
        }
    }
    return NULL;
}

const Crib__MountPlan *view_under(const Crib__Plan *plan, const char *path)
{
    for (size_t i = plan->n_mounts; i-- > 0;) {
        const Crib__MountPlan *mount = plan->mounts[i];

        if (is_tree(mount) && mount->type != CRIB__MOUNT_PLAN__TYPE__mask &&
            path_below(path, bytes_string(&mount->target)))
            return mount;
    }
    return NULL;
}

/* Whether a tree mounted after entry @i hides it. */
static bool covered(const Crib__Plan *plan, size_t i)
{
    const char *target = bytes_string(&plan->mounts[i]->target);

    for (size_t later = i + 1; later < plan->n_mounts; later++)
        if (is_tree(plan->mounts[later]) &&
            path_below(target, bytes_string(&plan->mounts[later]->target)))
            return true;
    return false;
}

Crib__MountPlan *view_at(const Crib__Plan *plan, const char *path)
{
    for (size_t i = plan->n_mounts; i-- > 0;)
        if (strcmp(bytes_string(&plan->mounts[i]->target), path) == 0 && !covered(plan, i))
            return plan->mounts[i];
    return NULL;
}

/* The planned symlink that stands on the way of @path, with what comes behind it. */
static const Crib__MountPlan *link_on_way(const Crib__Plan *plan, const char *path,
                                          const char **ret_rest)
{
    for (size_t i = 0; i < plan->n_mounts; i++) {
        const Crib__MountPlan *mount = plan->mounts[i];
        const char *rest;

        if (mount->type != CRIB__MOUNT_PLAN__TYPE__symlink)
            continue;
        rest = path_below(path, bytes_string(&mount->target));
        if (rest && !covered(plan, i)) {
            *ret_rest = rest;
            return mount;
        }
    }
    return NULL;
}

/* @path with the planned symlink @link followed. */
static char *through(struct arena *arena, const Crib__MountPlan *link, const char *rest)
{
    const char *target = bytes_string(&link->target);
    int dir = (int)(strrchr(target, '/') - target);
    const char *text = bytes_string(&link->source);
    char *path = text[0] == '/' ? arena_printf(arena, "%s%s", text, rest)
                                : arena_printf(arena, "%.*s/%s%s", dir, target, text, rest);

    return path ? path_clean(arena, "/", path) : NULL;
}

int view_rewrite(struct planning *p, const char *path, char **ret)
{
    char *now = arena_text(p->arena, path);

    for (int links = 0; now && links < MAX_LINKS; links++) {
        const char *rest;
        const Crib__MountPlan *link = link_on_way(p->plan, now, &rest);

        if (!link) {
            *ret = now;
            return 0;
        }
        now = through(p->arena, link, rest);
    }
    return now ? -ELOOP : -ENOMEM;
}

const Crib__MountPlan *view_shows(const struct planning *p, const char *path, int *ret_index)
{
    const Crib__MountPlan *mount = view_over(p->plan, path, ret_index);
    const char *target;
    const ProtobufCBinaryData *asked;

    if (!mount || (mount->type != CRIB__MOUNT_PLAN__TYPE__bind &&
                   mount->type != CRIB__MOUNT_PLAN__TYPE__overlay))
        return NULL;
    target = bytes_string(&mount->target);
    asked = &p->host->paths[mount->host_path]->path;
    if (strcmp(target, bytes_string(&mount->source)) == 0)
        return mount;
    return asked->len == strlen(target) && memcmp(asked->data, target, asked->len) == 0 ? mount
                                                                                        : NULL;
}
