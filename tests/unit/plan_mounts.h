/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for the tests of mounts.
 *
 * Runs in: tests.
 * Owns: nothing.
 */
#ifndef UNIT_PLAN_MOUNTS_H
#define UNIT_PLAN_MOUNTS_H

#include "plan_fixture.h"

#define BIND    CRIB__MOUNT__TYPE__bind
#define HOST    CRIB__MOUNT__TYPE__host
#define TMPFS   CRIB__MOUNT__TYPE__tmpfs
#define PROC    CRIB__MOUNT__TYPE__proc
#define SYMLINK CRIB__MOUNT__TYPE__symlink
#define FILE_   CRIB__MOUNT__TYPE__file
#define DIR_    CRIB__MOUNT__TYPE__dir

#define A_DIR  CRIB__HOST_PATH__KIND__dir
#define A_FILE CRIB__HOST_PATH__KIND__file

/* The plan's mounts, one a line: `bind /usr -> /usr`. */
static inline const char *mounts_of(struct fixture *f)
{
    const char *text = "";

    for (size_t i = 0; i < f->plan->n_mounts; i++) {
        const Crib__MountPlan *mount = f->plan->mounts[i];
        const char *type =
            protobuf_c_enum_descriptor_get_value(&crib__mount_plan__type__descriptor, mount->type)
                ->name;

        text = arena_printf(&f->arena, "%s%s%s %s%s%s", text, i ? "\n" : "", type,
                            mount->has_source ? (char *)mount->source.data : "",
                            mount->has_source ? " -> " : "", (char *)mount->target.data);
    }
    return text;
}

/* Makes the last mount of the policy the task's. */
static inline Crib__Mount *move_to_task(struct fixture *f)
{
    Crib__Mount *mount = f->policy->mounts[--f->policy->n_mounts];

    arena_push(&f->arena, &f->task->mounts, &f->task->n_mounts, mount);
    return mount;
}

#endif
