/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "policy/intersect_parts.h"

/* What an overlay may commit is less than what a bind may write. */
static bool lets_write(const struct place *asked, const struct place *most)
{
    return most->write && (most->type == asked->type || most->type != CRIB__MOUNT__TYPE__overlay);
}

/* How much of what is asked a mount of the ceiling lets be. */
static unsigned common(const struct place *asked, const struct place *most)
{
    return (unsigned)(asked->write && lets_write(asked, most)) +
           (unsigned)(asked->exec && most->exec) +
           (unsigned)(asked->dev && most->dev);
}

/* Return: the mount of the ceiling that shows the same source with the most of it; NULL. */
static const struct place *find(const struct place *asked, const struct places *most)
{
    const struct place *best = NULL;

    for (size_t i = 0; asked->source && i < most->count; i++) {
        const struct place *place = &most->list[i];

        if (!place_shows_host(place) || !place->source || strcmp(place->source, asked->source) != 0)
            continue;
        if (!best || common(asked, place) > common(asked, best))
            best = place;
    }
    return best;
}

/* Whether it may be shown because the one who asks could open it. */
static bool is_own(const struct within *w, const struct place *asked)
{
    return !asked->dev && (asked->write ? w->own_write : w->own_read);
}

static int cut_mount(struct intersecting *x, const struct place *asked, const struct place *most,
                     Crib__Mount **slot)
{
    Crib__Mount *mount;

    bool write = lets_write(asked, most);

    if ((asked->write <= write && asked->exec <= most->exec && asked->dev <= most->dev) ||
        is_own(&x->w, asked))
        return 0;
    mount = arena_alloc(x->arena, sizeof(*mount));
    if (!mount)
        return intersect_no_memory(x);
    *mount = **slot;
    if (asked->write && !write && asked->type == CRIB__MOUNT__TYPE__overlay)
        mount->keep = CRIB__MOUNT__KEEP__list;
    else if (asked->write && !write)
        mount->write = false;
    if (asked->dev && !most->dev)
        mount->dev = false;
    if (asked->exec && !most->exec) {
        mount->has_exec = true;
        mount->exec = false;
    }
    *slot = mount;
    return 0;
}

static bool shows_all(const Crib__Policy *policy)
{
    return policy->namespaces && policy->namespaces->has_mount &&
           policy->namespaces->mount == CRIB__NAMESPACES__SPACE__host;
}

int intersect_mounts(struct intersecting *x)
{
    const Crib__Policy *policy = x->w.policy, *ceiling = x->w.widest;
    struct places asked, most;
    Crib__Mount **list;
    int r;

    if (shows_all(ceiling))
        return 0;
    if (shows_all(policy)) {
        x->result->mounts = ceiling->mounts;
        x->result->n_mounts = ceiling->n_mounts;
        return 0;
    }
    if (policy->n_mounts > WITHIN_MAX_MOUNTS || ceiling->n_mounts > WITHIN_MAX_MOUNTS)
        return WIDER(&x->w, "mounts", -1, NULL, "more than %d mounts cannot be compared",
                     WITHIN_MAX_MOUNTS);
    r = places_read(&x->w, policy->mounts, policy->n_mounts, NULL, 0, &asked);
    if (r == 0)
        r = places_read(&x->w, ceiling->mounts, ceiling->n_mounts, NULL, 0, &most);
    list = arena_alloc(x->arena, (policy->n_mounts + 1) * sizeof(*list));
    if (r == 0 && !list)
        r = intersect_no_memory(x);
    for (size_t i = 0; r == 0 && i < policy->n_mounts; i++) {
        const struct place *place =
            place_shows_host(&asked.list[i]) ? find(&asked.list[i], &most) : NULL;

        list[i] = policy->mounts[i];
        if (place)
            r = cut_mount(x, &asked.list[i], place, &list[i]);
    }
    x->result->mounts = list;
    return r;
}
