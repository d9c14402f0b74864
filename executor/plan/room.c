/* SPDX-License-Identifier: Apache-2.0 */
/* What file systems in memory may hold: as the mount asks, or as is usual; at most what the limits
 * of the policy leave each of them. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include "plan/limits.h"
#include "plan/mounts.h"

#define SIZE_UNSET   (64u << 20) /* bytes */
#define INODES_UNSET 65536u
#define PAGE         4096u              /* bytes; the kernel counts in these, and rounds up */
#define INODES_MOST  (UINT64_MAX >> 10) /* more are EINVAL, mm/shmem.c */

static uint64_t whole_pages(uint64_t bytes)
{
    return bytes / PAGE * PAGE;
}

/* One of the two numbers of a mount, and the limit on it. */
struct room {
    const char *limit, *field; /* `tmpfs_size`, `size` */
    bool asked, limited;
    uint64_t value, most, held; /* as asked or usual; the limit, and what of it can be held */
};

static int note_cut(const struct making *m, const struct room *room)
{
    struct arena *arena = m->p->arena;
    char *name = arena_printf(arena, "%s[%d]", m->asked.step, m->asked.index);
    char *wish = arena_printf(arena, "%s %llu at %s", room->field, (unsigned long long)room->value,
                              m->target);
    char *applied =
        arena_printf(arena, "%llu, by limits.%s", (unsigned long long)room->held, room->limit);

    if (!name || !wish || !applied)
        return making_no_memory(m);
    return plan_receipt(m->p, name, wish, applied);
}

/* Sets @ret to what the mount gets. What nobody asked for is lowered without a word. */
static int cap(const struct making *m, const struct room *room, uint64_t *ret)
{
    char said[160];

    *ret = room->value;
    if (!room->limited || room->value <= room->held)
        return 0;
    *ret = room->held;
    if (!room->asked || room->value <= room->most)
        return 0;
    if (limit_preferred(m->p->policy->limits, room->limit))
        return note_cut(m, room);
    snprintf(said, sizeof(said),
             "`%s` %llu is over limits.%s, %llu: ask for less, or name %s in limits.preferred, and "
             "it is cut",
             room->field, (unsigned long long)room->value, room->limit,
             (unsigned long long)room->most, room->limit);
    return making_refuse(m, -EINVAL, said);
}

static struct room room_size(const struct making *m)
{
    const Crib__Limits *limits = m->p->policy->limits;
    struct room room = {"tmpfs_size", "size", m->asked.mount->has_size, false, SIZE_UNSET, 0, 0};

    if (room.asked)
        room.value = m->asked.mount->size;
    if (limits && limits->has_tmpfs_size) {
        room.limited = limits->tmpfs_size != UINT64_MAX;
        room.most = limits->tmpfs_size;
        room.held = whole_pages(limits->tmpfs_size);
    }
    return room;
}

static struct room room_inodes(const struct making *m)
{
    const Crib__Limits *limits = m->p->policy->limits;
    struct room room = {
        "tmpfs_inodes", "inodes", m->asked.mount->has_inodes, false, INODES_UNSET, 0, 0};

    if (room.asked)
        room.value = m->asked.mount->inodes;
    if (limits && limits->has_tmpfs_inodes) {
        room.limited = limits->tmpfs_inodes != UINT64_MAX;
        room.most = room.held = limits->tmpfs_inodes;
    }
    return room;
}

int making_set_room(const struct making *m, Crib__MountPlan *plan)
{
    struct room size = room_size(m), inodes = room_inodes(m);
    int r;

    if (size.value == 0 || inodes.value == 0)
        return making_refuse(m, -EINVAL,
                             "a tmpfs of `size: 0` or `inodes: 0` would have no limit at all");
    if (size.value > INT64_MAX || inodes.value > INODES_MOST)
        return making_refuse(m, -EINVAL,
                             size.value > INT64_MAX ? "`size` is more than the kernel can count"
                                                    : "`inodes` is more than the kernel can count");
    plan->has_size = plan->has_inodes = true;
    r = cap(m, &size, &plan->size);
    return r < 0 ? r : cap(m, &inodes, &plan->inodes);
}

static int receipt(struct planning *p, const char *mechanism, uint64_t asked, uint64_t held,
                   const char *of)
{
    char *wish = arena_printf(p->arena, "%llu", (unsigned long long)asked);
    char *applied =
        arena_printf(p->arena, "%llu%s, each file system in memory", (unsigned long long)held, of);

    if (!wish || !applied)
        return plan_no_memory(p, "limits");
    return asked == UINT64_MAX ? plan_receipt(p, mechanism, "unlimited", "unlimited")
                               : plan_receipt(p, mechanism, wish, applied);
}

int plan_room(struct planning *p)
{
    const Crib__Limits *limits = p->policy->limits;
    uint64_t size = limits && limits->has_tmpfs_size ? limits->tmpfs_size : UINT64_MAX;
    int r = 0;

    if (size < PAGE)
        return fail_text(p->err, -EINVAL, "limits", -1, "tmpfs_size",
                         "%llu is too little: file systems in memory count in pages of %u bytes",
                         (unsigned long long)size, PAGE);
    if (limits && limits->has_tmpfs_inodes && limits->tmpfs_inodes == 0)
        return fail_text(p->err, -EINVAL, "limits", -1, "tmpfs_inodes",
                         "the kernel reads 0 as no limit: leave it out, or ask for more");
    if (limits && limits->has_tmpfs_size)
        r = receipt(p, "limits.tmpfs_size", size, whole_pages(size), " bytes");
    if (r == 0 && limits && limits->has_tmpfs_inodes)
        r = receipt(p, "limits.tmpfs_inodes", limits->tmpfs_inodes, limits->tmpfs_inodes, "");
    return r;
}
