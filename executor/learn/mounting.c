/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/mounting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "learn/spot.h"

#define EVERYBODY 01777

static Crib__Mount__Type type_of(const Crib__Mount *mount)
{
    return mount->has_type ? mount->type : CRIB__MOUNT__TYPE__bind;
}

static bool is_bind(const Crib__Mount *mount)
{
    return type_of(mount) == CRIB__MOUNT__TYPE__bind || type_of(mount) == CRIB__MOUNT__TYPE__host;
}

/* A host's file or directory at its own place. */
static bool is_own(const Crib__Mount *mount)
{
    return is_bind(mount) && !mount->has_source;
}

bool mounting_is_learnt(const struct need_mount *mount)
{
    Crib__Mount__Type type = type_of(mount->mount);

    if (mount->need.remark)
        return false;
    return is_own(mount->mount) || type == CRIB__MOUNT__TYPE__dir ||
           type == CRIB__MOUNT__TYPE__tmpfs || type == CRIB__MOUNT__TYPE__proc;
}

const char *mounting_target(const Crib__Mount *mount, struct arena *arena)
{
    return arena_copy(arena, mount->target.data, mount->target.len);
}

static int compare_targets(const ProtobufCBinaryData *a, const ProtobufCBinaryData *b)
{
    /* `/` before all else, so that what is in a directory follows it */
    for (size_t i = 0; i < a->len && i < b->len; i++) {
        int x = a->data[i] == '/' ? 0 : a->data[i] + 1, y = b->data[i] == '/' ? 0 : b->data[i] + 1;

        if (x != y)
            return x < y ? -1 : 1;
    }
    return (a->len > b->len) - (a->len < b->len);
}

/* Return: whether @inner is @outer or below it. */
static bool is_below(const ProtobufCBinaryData *inner, const ProtobufCBinaryData *outer)
{
    return inner->len >= outer->len && memcmp(inner->data, outer->data, outer->len) == 0 &&
           (inner->len == outer->len || inner->data[outer->len] == '/');
}

static bool flag(protobuf_c_boolean has, protobuf_c_boolean value)
{
    return has && value;
}

/* Return: whether all that @inner shows is shown by @outer. */
static bool shows(const Crib__Mount *outer, const Crib__Mount *inner)
{
    bool read = !outer->has_exec || outer->exec || flag(inner->has_exec, !inner->exec);

    if (!is_own(outer) || !is_below(&inner->target, &outer->target) || !read)
        return false;
    if (type_of(inner) == CRIB__MOUNT__TYPE__dir)
        return inner->target.len > outer->target.len || is_bind(outer);
    if (!is_own(inner) ||
        (inner->target.len == outer->target.len && type_of(inner) == CRIB__MOUNT__TYPE__host &&
         type_of(outer) != CRIB__MOUNT__TYPE__host))
        return false;
    return (!flag(inner->has_write, inner->write) || flag(outer->has_write, outer->write)) &&
           (!flag(inner->has_dev, inner->dev) || flag(outer->has_dev, outer->dev));
}

static Crib__Mount *make(struct needs *needs, enum mounting kind, const char *target)
{
    static const Crib__Mount__Type types[] = {
        [MOUNTING_EMPTY] = CRIB__MOUNT__TYPE__dir,    [MOUNTING_READ] = CRIB__MOUNT__TYPE__bind,
        [MOUNTING_WRITE] = CRIB__MOUNT__TYPE__bind,   [MOUNTING_HOST] = CRIB__MOUNT__TYPE__host,
        [MOUNTING_DEVICE] = CRIB__MOUNT__TYPE__bind,  [MOUNTING_PROC] = CRIB__MOUNT__TYPE__proc,
        [MOUNTING_MEMORY] = CRIB__MOUNT__TYPE__tmpfs,
    };
    Crib__Mount *mount = ARENA_NEW(needs->arena, crib__mount, Crib__Mount);

    if (!mount)
        return NULL;
    mount->has_target = true;
    mount->target = arena_bytes(needs->arena, target, strlen(target));
    mount->has_type = types[kind] != CRIB__MOUNT__TYPE__bind;
    mount->type = types[kind];
    mount->has_write = mount->write = kind == MOUNTING_WRITE || kind == MOUNTING_DEVICE;
    mount->has_dev = mount->dev = kind == MOUNTING_DEVICE;
    mount->has_mode = kind == MOUNTING_MEMORY;
    mount->mode = EVERYBODY;
    return mount->target.data ? mount : NULL;
}

/* Makes an own bind or an empty directory show what another at the same place shows as well. */
static void widen(Crib__Mount *mount, const Crib__Mount *by)
{
    if (type_of(mount) == CRIB__MOUNT__TYPE__dir || type_of(by) == CRIB__MOUNT__TYPE__host) {
        mount->has_type = by->has_type;
        mount->type = by->type;
        mount->has_mode = by->has_mode;
        mount->mode = by->mode;
    }
    if (flag(by->has_write, by->write))
        mount->has_write = mount->write = true;
    if (flag(by->has_dev, by->dev))
        mount->has_dev = mount->dev = true;
}

static bool may_widen(const struct need_mount *mount, const Crib__Mount *by)
{
    if (!mounting_is_learnt(mount) || compare_targets(&mount->mount->target, &by->target) != 0)
        return false;
    return type_of(mount->mount) == CRIB__MOUNT__TYPE__dir || (is_own(mount->mount) && is_own(by));
}

/* Return: whether a mount is as good as another of the same kind, or better. */
static bool serves(const Crib__Mount *mount, const Crib__Mount *wanted)
{
    bool same = compare_targets(&mount->target, &wanted->target) == 0;

    if (shows(mount, wanted))
        return true;
    if (!same || is_bind(wanted))
        return false;
    return type_of(wanted) == type_of(mount) || type_of(wanted) == CRIB__MOUNT__TYPE__dir;
}

int mounting_add(struct needs *needs, unsigned run, enum mounting kind, const char *target)
{
    Crib__Mount *wanted = make(needs, kind, target);
    uint64_t bit = (uint64_t)1 << (run - 1);
    struct need_mount *new;

    if (!wanted)
        return -ENOMEM;
    for (size_t i = 0; i < needs->mount_count; i++)
        if (serves(needs->mounts[i].mount, wanted)) {
            needs->mounts[i].need.runs |= bit;
            return 0;
        }
    for (size_t i = 0; i < needs->mount_count; i++)
        if (may_widen(&needs->mounts[i], wanted)) {
            widen(needs->mounts[i].mount, wanted);
            needs->mounts[i].need.runs |= bit;
            return 0;
        }
    new = needs_add_mount(needs, wanted);
    if (new)
        new->need.runs = bit;
    return new ? 0 : -ENOMEM;
}

static int by_target(const void *a, const void *b)
{
    const struct need_mount *x = a, *y = b;

    return compare_targets(&x->mount->target, &y->mount->target);
}

/* Return: whether a mount can be left out for another, and by which. */
static bool is_covered(const struct needs *needs, size_t index, size_t *ret_by)
{
    const struct need_mount *mount = &needs->mounts[index];
    bool empty = type_of(mount->mount) == CRIB__MOUNT__TYPE__dir;

    for (size_t i = 0; mounting_is_learnt(mount) && i < needs->mount_count; i++) {
        const Crib__Mount *other = needs->mounts[i].mount;
        /* what is in it makes the directory */
        bool inside = empty && is_below(&other->target, &mount->mount->target);

        if (i == index || !(inside || shows(other, mount->mount)))
            continue;
        *ret_by = i;
        return true;
    }
    return false;
}

static void leave_out_covered(struct needs *needs)
{
    size_t by;

    for (size_t i = 0; i < needs->mount_count;) {
        if (!is_covered(needs, i, &by)) {
            i++;
            continue;
        }
        needs->mounts[by].need.runs |= needs->mounts[i].need.runs;
        memmove(&needs->mounts[i], &needs->mounts[i + 1],
                (needs->mount_count - i - 1) * sizeof(*needs->mounts));
        needs->mount_count--;
    }
}

/* Return: the directory of a learnt file, when it may be shown whole; NULL. */
static const char *dir_of(struct needs *needs, size_t index, const char *home)
{
    const struct need_mount *mount = &needs->mounts[index];
    const char *target = mounting_target(mount->mount, needs->arena);
    const char *slash = target ? strrchr(target, '/') : NULL;
    char *dir;

    if (!slash || !mounting_is_learnt(mount) || !is_own(mount->mount) ||
        type_of(mount->mount) == CRIB__MOUNT__TYPE__host || flag(mount->mount->has_dev, true))
        return NULL;
    dir = arena_copy(needs->arena, target, (size_t)(slash - target));
    return dir && dir[0] && !spot_is_wide(dir, home) ? dir : NULL;
}

/* The directory with most of the files, in the place of them. Return: 0; -E2BIG none has two. */
static int widen_one(struct needs *needs, const char *home)
{
    const char *best = NULL;
    size_t most = 1;
    struct need need = {0};
    bool write = false;
    struct need_mount *new;

    for (size_t i = 0; i < needs->mount_count; i++) {
        const char *dir = dir_of(needs, i, home);
        ProtobufCBinaryData in = {dir ? strlen(dir) : 0, (uint8_t *)dir};
        size_t count = 0;

        for (size_t k = 0; dir && k < needs->mount_count; k++)
            count += is_below(&needs->mounts[k].mount->target, &in);
        best = count > most ? dir : best;
        most = count > most ? count : most;
    }
    if (!best)
        return -E2BIG;
    for (size_t i = 0; i < needs->mount_count; i++) {
        ProtobufCBinaryData in = {strlen(best), (uint8_t *)best};

        if (!is_below(&needs->mounts[i].mount->target, &in))
            continue;
        need.runs |= needs->mounts[i].need.runs;
        write = write || flag(needs->mounts[i].mount->has_write, needs->mounts[i].mount->write);
    }
    new = needs_add_mount(needs, make(needs, write ? MOUNTING_WRITE : MOUNTING_READ, best));
    if (!new || !new->mount)
        return -ENOMEM;
    new->need = need;
    leave_out_covered(needs);
    return 0;
}

int mounting_tidy(struct needs *needs, const char *home, struct crib_error *err)
{
    int r = 0;

    leave_out_covered(needs);
    while (r == 0 && needs->mount_count > NEEDS_MOUNTS)
        r = widen_one(needs, home);
    if (r == -E2BIG)
        return fail_text(err, r, NULL, -1, NULL,
                         "%zu files are needed, of directories too wide to be shown; at most %d",
                         needs->mount_count, NEEDS_MOUNTS);
    if (r < 0)
        return fail_sys(err, r, NULL, -1, NULL, NULL);
    if (needs->mount_count)
        qsort(needs->mounts, needs->mount_count, sizeof(*needs->mounts), by_target);
    return 0;
}
