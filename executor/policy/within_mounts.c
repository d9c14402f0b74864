/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: each mount of the policy that shows something of the host is held against
 * those of the widest with the same source. Targets may differ, but for two things that hang on
 * them:
 *
 *   covers    What the widest mounts over a part of a bind hides that part; a policy that binds the
 *             same must hide it too, by a mount at the same place of the bind.
 *   Landlock  keeps devices, FIFOs and sockets on a read-only mount from being written, which the
 * mount alone does not; but its rights add up from the root down. So a read-only bind may not lie
 * inside a mount that can be written, where the widest has Landlock.
 *
 * Where symlinks among the mounts may lead a target elsewhere, it is taken for the worse.
 */
#include <string.h>

#include "policy/within_parts.h"

/* The mounts of two policies while they are compared. */
struct mounting {
    struct within *w;
    struct places asked, most;
    size_t first;     /* of those that are asked about */
    const char *step; /* for errors, in which the first has index 0 */
    bool landlock;    /* the widest has it */
};

/* Why a bind is not covered by one of the widest's; the furthest that one came. */
enum reason { NOT_SHOWN, LESS, HIDDEN, NESTED, COVERED };

static const char nested[] = "a read-only bind inside a mount that can be written, where Landlock "
                             "cannot keep devices and FIFOs on it from being written";

static int index_in(const struct mounting *m, size_t n)
{
    return (int)(n - m->first);
}

/* Whether it can hide what is below it. */
static bool is_tree(const struct place *place)
{
    return place_shows_host(place) || place->type == CRIB__MOUNT__TYPE__tmpfs ||
           place->type == CRIB__MOUNT__TYPE__proc || place->type == CRIB__MOUNT__TYPE__mask;
}

/* Whether @other is made later than the place @n; masks are the last, wherever they stand. */
static bool is_later(const struct places *places, size_t n, size_t other)
{
    bool mask = places->list[other].type == CRIB__MOUNT__TYPE__mask;

    return other != n && (other > n || mask) &&
           (mask || places->list[n].type != CRIB__MOUNT__TYPE__mask);
}

/* What a bind of the widest lacks; NULL: nothing. */
static const char *lacking(const struct place *asked, const struct place *most)
{
    if (asked->write && !most->write)
        return "read-only";
    if (asked->exec && !most->exec)
        return "without `exec`";
    if (asked->dev && !most->dev)
        return "without `dev`";
    if (asked->type != CRIB__MOUNT__TYPE__host && most->type == CRIB__MOUNT__TYPE__host)
        return "as `type: host`, where a symlink is not followed";
    if (asked->type != most->type && most->type == CRIB__MOUNT__TYPE__overlay && asked->write)
        return "as an overlay, which takes in no devices, FIFOs and set-uid bits";
    return NULL;
}

/* Whether the directories on the way to it cannot be renamed, as init has it: with them what hides
 * a name would be moved away, and the name made anew. */
static bool is_pinned(const struct place *place)
{
    return place->type == CRIB__MOUNT__TYPE__mask || !place_takes_writes(place);
}

/* Whether the policy hides the part @rest of its bind @n, as fast as @most does. */
static bool hides(const struct places *asked, size_t n, const char *rest, const struct place *most)
{
    const struct place *bind = &asked->list[n];

    for (size_t k = 0; !bind->unclear && k < asked->count; k++) {
        const struct place *over = &asked->list[k];
        const char *part;

        if (!is_later(asked, n, k) || !is_tree(over) || over->unclear || over->mount->optional)
            continue;
        if (is_pinned(most) && bind->write && !is_pinned(over))
            continue;
        part = place_below(over->target, bind->target);
        if (part && strcmp(part, rest) == 0)
            return true;
    }
    return false;
}

/* Whether the widest's bind @i is all there at the end, but for what the policy's bind @n hides
 * too. */
static bool as_hidden(const struct mounting *m, size_t n, size_t i)
{
    const struct place *bind = &m->most.list[i];

    for (size_t j = 0; j < m->most.count; j++) {
        const struct place *over = &m->most.list[j];
        const char *part;

        if (!is_later(&m->most, i, j) || !is_tree(over))
            continue;
        if (bind->unclear || over->unclear)
            return false;
        part = place_below(over->target, bind->target);
        if (part ? !hides(&m->asked, n, part, over)
                 : place_below(bind->target, over->target) != NULL)
            return false;
    }
    return true;
}

/* Whether no mount that can be written, from @from on, lies around a place. */
static bool stands_apart(const struct places *places, size_t n, size_t from, size_t end)
{
    const struct place *place = &places->list[n];

    for (size_t k = from; k < end; k++) {
        const struct place *other = &places->list[k];

        if (k == n || !is_tree(other) || !place_takes_writes(other))
            continue;
        if (other->unclear || place->unclear || place_below(place->target, other->target))
            return false;
    }
    return true;
}

static enum reason compare(const struct mounting *m, size_t n, size_t i)
{
    const struct place *asked = &m->asked.list[n], *most = &m->most.list[i];

    if (!place_shows_host(most) || !most->source || strcmp(asked->source, most->source) != 0)
        return NOT_SHOWN;
    if (lacking(asked, most))
        return LESS;
    if (!as_hidden(m, n, i))
        return HIDDEN;
    if (m->landlock && !most->write && !stands_apart(&m->asked, n, 0, m->asked.count))
        return NESTED;
    return COVERED;
}

static int refuse_bind(const struct mounting *m, size_t n, enum reason reason, size_t i)
{
    const struct place *asked = &m->asked.list[n];
    const char *source = asked->source ? asked->source : "source";

    switch (reason) {
    case LESS:
        return WIDER(m->w, m->step, index_in(m, n), source, "the widest policy shows it %s",
                     lacking(asked, &m->most.list[i]));
    case HIDDEN:
        return WIDER(m->w, m->step, index_in(m, n), source,
                     "the widest policy covers it, or a part of it, by its mounts[%zu] or a later "
                     "one: cover the same part",
                     i + 1);
    case NESTED:
        return WIDER(m->w, m->step, index_in(m, n), source, "%s, as the widest policy has it",
                     nested);
    default:
        if (asked->dev && (asked->write ? m->w->own_write : m->w->own_read))
            return WIDER(m->w, m->step, index_in(m, n), source,
                         "device nodes work only on what the widest policy shows with `dev`");
        return WIDER(m->w, m->step, index_in(m, n), source,
                     "the widest policy does not show this source; of a source that it shows, a "
                     "part cannot be shown alone");
    }
}

static int check_bind(const struct mounting *m, size_t n)
{
    const struct place *asked = &m->asked.list[n];
    enum reason best = NOT_SHOWN;
    size_t which = 0;

    if (!asked->dev && (asked->write ? m->w->own_write : m->w->own_read))
        return 0;
    for (size_t i = 0; asked->source && i < m->most.count; i++) {
        enum reason reason = compare(m, n, i);

        if (reason == COVERED)
            return 0;
        if (reason > best) {
            best = reason;
            which = i;
        }
    }
    return refuse_bind(m, n, best, which);
}

/* Whether a mount of the widest is surely there at the end. */
static bool is_shown(const struct places *places, size_t n)
{
    const struct place *place = &places->list[n];

    for (size_t k = 0; k < places->count; k++) {
        const struct place *over = &places->list[k];

        if (is_later(places, n, k) && is_tree(over) &&
            (place->unclear || over->unclear || place_below(place->target, over->target)))
            return false;
    }
    return true;
}

static bool can_fill(const struct place *place)
{
    return place->type == CRIB__MOUNT__TYPE__overlay ||
           (place->type == CRIB__MOUNT__TYPE__tmpfs && place->write);
}

/* What is written to an overlay and to a tmpfs is the same: the task's own files in memory. */
static bool shows_alike(const struct mounting *m, const struct place *asked)
{
    for (size_t i = 0; i < m->most.count; i++) {
        const struct place *most = &m->most.list[i];
        bool alike = can_fill(asked) ? can_fill(most)
                                     : most->type == asked->type && most->write >= asked->write;

        if (alike && most->exec >= asked->exec && is_shown(&m->most, i))
            return true;
    }
    return false;
}

static int check_made(const struct mounting *m, size_t n)
{
    const struct place *asked = &m->asked.list[n];
    const char *target = asked->target ? asked->target : "target";

    if (asked->type == CRIB__MOUNT__TYPE__proc && !shows_alike(m, asked))
        return WIDER(m->w, m->step, index_in(m, n), target, "the widest policy shows no %sproc",
                     asked->write ? "writable " : "");
    if (!can_fill(asked))
        return 0;
    if (asked->size == 0 || asked->inodes == 0)
        return WIDER(m->w, m->step, index_in(m, n), target,
                     "a tmpfs of `size: 0` or `inodes: 0` would have no limit");
    if (!shows_alike(m, asked))
        return WIDER(m->w, m->step, index_in(m, n), target,
                     "the widest policy has no tmpfs that can be written%s",
                     asked->exec ? " and executed from" : "");
    return 0;
}

static void add(uint64_t *sum, uint64_t n)
{
    if (__builtin_add_overflow(*sum, n, sum))
        *sum = UINT64_MAX;
}

/* At one place the last one counts, and the earlier ones are out of reach; which is the last, a
 * policy may try to hide: the largest is counted. */
static bool is_outdone(const struct places *places, size_t n, bool inodes)
{
    const struct place *one = &places->list[n];

    for (size_t k = 0; k < places->count; k++) {
        const struct place *other = &places->list[k];
        uint64_t mine = inodes ? one->inodes : one->size;
        uint64_t its = inodes ? other->inodes : other->size;

        if (k != n && can_fill(other) && !one->unclear && !other->unclear &&
            strcmp(one->target, other->target) == 0 && (its > mine || (its == mine && k < n)))
            return true;
    }
    return false;
}

/* All tmpfs together: what one cannot hold, a hundred can. */
static int check_room(const struct mounting *m)
{
    uint64_t size = 0, inodes = 0, most_size = 0, most_inodes = 0;
    size_t last = 0;

    for (size_t i = 0; i < m->most.count; i++) {
        const struct place *place = &m->most.list[i];

        if (can_fill(place) && is_shown(&m->most, i)) {
            add(&most_size, place->size);
            add(&most_inodes, place->inodes);
        }
    }
    for (size_t n = 0; n < m->asked.count; n++) {
        if (!can_fill(&m->asked.list[n]))
            continue;
        add(&size, is_outdone(&m->asked, n, false) ? 0 : m->asked.list[n].size);
        add(&inodes, is_outdone(&m->asked, n, true) ? 0 : m->asked.list[n].inodes);
        last = n >= m->first ? n : last;
    }
    if (last < m->first || (size <= most_size && inodes <= most_inodes))
        return 0;
    return WIDER(m->w, m->step, index_in(m, last), m->asked.list[last].target,
                 "all tmpfs together hold %llu bytes in %llu files, those of the widest policy "
                 "%llu in %llu",
                 (unsigned long long)size, (unsigned long long)inodes,
                 (unsigned long long)most_size, (unsigned long long)most_inodes);
}

static int check_all(const struct mounting *m)
{
    int r = 0;

    for (size_t n = m->first; r == 0 && n < m->asked.count; n++) {
        if (place_shows_host(&m->asked.list[n]))
            r = check_bind(m, n);
        if (r == 0)
            r = check_made(m, n);
    }
    return r < 0 ? r : check_room(m);
}

static bool shows_all(const Crib__Policy *policy)
{
    return policy->namespaces && policy->namespaces->has_mount &&
           policy->namespaces->mount == CRIB__NAMESPACES__SPACE__host;
}

static bool has_landlock(const Crib__Policy *policy)
{
    return policy->has_landlock && policy->landlock != CRIB__NEED__off;
}

/* Return: 1: there is something to compare; 0; negative errno. */
static int read(struct mounting *m, Crib__Mount *const *added, size_t count)
{
    const Crib__Policy *policy = m->w->policy, *widest = m->w->widest;
    int r;

    if (shows_all(widest))
        return 0;
    if (count > WITHIN_MAX_MOUNTS || policy->n_mounts + count > WITHIN_MAX_MOUNTS ||
        widest->n_mounts > WITHIN_MAX_MOUNTS)
        return WIDER(m->w, m->step, -1, NULL, "more than %d mounts cannot be compared",
                     WITHIN_MAX_MOUNTS);
    m->landlock = has_landlock(widest);
    r = places_read(m->w, policy->mounts, policy->n_mounts, added, count, &m->asked);
    if (r == 0)
        r = places_read(m->w, widest->mounts, widest->n_mounts, NULL, 0, &m->most);
    return r < 0 ? r : 1;
}

static bool same_mount(struct arena *arena, const Crib__Mount *one, const Crib__Mount *other)
{
    size_t len = crib__mount__get_packed_size(one);
    uint8_t *packed;

    if (crib__mount__get_packed_size(other) != len)
        return false;
    packed = arena_alloc(arena, 2 * len + 1);
    if (!packed)
        return false;
    crib__mount__pack(one, packed);
    crib__mount__pack(other, packed + len);
    return memcmp(packed, packed + len, len) == 0;
}

/* The usual case, and the only one where nothing can be lost in comparing. */
static bool are_same(struct within *w)
{
    if (w->policy->n_mounts != w->widest->n_mounts)
        return false;
    for (size_t i = 0; i < w->policy->n_mounts; i++)
        if (!same_mount(w->arena, w->policy->mounts[i], w->widest->mounts[i]))
            return false;
    return true;
}

int within_mounts(struct within *w)
{
    struct mounting m = {.w = w, .step = "mounts"};
    int r = are_same(w) ? 0 : read(&m, NULL, 0);

    return r <= 0 ? r : check_all(&m);
}

/* A mount that is added may take away what Landlock holds of the policy's own. */
static int check_held(const struct mounting *m)
{
    for (size_t n = 0; n < m->first; n++) {
        const struct place *place = &m->asked.list[n];

        if (place_shows_host(place) && !place_takes_writes(place) &&
            stands_apart(&m->asked, n, 0, m->first) &&
            !stands_apart(&m->asked, n, m->first, m->asked.count))
            return WIDER(m->w, m->step, -1, place->target, "it would make this %s", nested);
    }
    return 0;
}

int within_added(struct within *w, Crib__Mount *const *mounts, size_t count)
{
    struct mounting m = {.w = w, .step = "task.mounts", .first = w->policy->n_mounts};
    int r = read(&m, mounts, count);

    if (r <= 0)
        return r;
    r = check_all(&m);
    return r < 0 || !has_landlock(w->policy) ? r : check_held(&m);
}
