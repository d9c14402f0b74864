/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "policy/vars.h"
#include "policy/within_parts.h"

#define TMPFS_SIZE   (64u << 20) /* bytes; as plan/made.c has it */
#define TMPFS_INODES 65536u

const char *place_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);

    if (n == 1)
        return path[1] ? path : "";
    if (strncmp(path, dir, n) != 0 || (path[n] && path[n] != '/'))
        return NULL;
    return path + n;
}

bool place_shows_host(const struct place *place)
{
    return place->type == CRIB__MOUNT__TYPE__bind || place->type == CRIB__MOUNT__TYPE__host ||
           place->type == CRIB__MOUNT__TYPE__overlay;
}

bool place_takes_writes(const struct place *place)
{
    return place->write || place->type == CRIB__MOUNT__TYPE__overlay;
}

/* What of the host can be changed through it, or a file system in memory be filled. */
static bool grants_write(const struct place *place)
{
    if (place->type == CRIB__MOUNT__TYPE__overlay)
        return place->mount->has_keep && place->mount->keep == CRIB__MOUNT__KEEP__commit;
    if (place->mount->has_write)
        return place->mount->write;
    return place->type == CRIB__MOUNT__TYPE__tmpfs;
}

/* Without double slashes and `.`; NULL where the path is not absolute, climbs or holds a NUL, or
 * memory ran out: what cannot be compared is not granted. */
static const char *clean(struct arena *arena, const ProtobufCBinaryData *path)
{
    const char *at = (const char *)path->data, *end = at + path->len;
    char *text;
    size_t len = 0;

    if (!path->len || at[0] != '/' || memchr(at, '\0', path->len))
        return NULL;
    text = arena_alloc(arena, path->len + 2);
    while (text && at < end) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        size_t n = (size_t)((slash ? slash : end) - at);

        if (n == 2 && at[0] == '.' && at[1] == '.')
            return NULL;
        if (n && !(n == 1 && at[0] == '.')) {
            text[len++] = '/';
            memcpy(text + len, at, n);
            len += n;
        }
        at += n + 1;
    }
    if (text && len == 0)
        text[len] = '/';
    return text;
}

/* Before variables are replaced: a source is the same only where it is written the same, and a
 * target may lie anywhere. */
static const char *clean_source(struct arena *arena, const ProtobufCBinaryData *path)
{
    if (!vars_in(path))
        return clean(arena, path);
    return memchr(path->data, '\0', path->len) ? NULL : arena_copy(arena, path->data, path->len);
}

static const char *clean_target(struct arena *arena, const ProtobufCBinaryData *path)
{
    return vars_in(path) ? NULL : clean(arena, path);
}

static void read_place(struct arena *arena, const Crib__Mount *mount, struct place *ret)
{
    bool tmpfs;

    ret->mount = mount;
    ret->type = mount->has_type ? mount->type : CRIB__MOUNT__TYPE__bind;
    tmpfs = ret->type == CRIB__MOUNT__TYPE__tmpfs;
    ret->target = mount->has_target ? clean_target(arena, &mount->target) : NULL;
    if (place_shows_host(ret))
        ret->source = mount->has_source   ? clean_source(arena, &mount->source)
                      : mount->has_target ? clean_source(arena, &mount->target)
                                          : NULL;
    if (!mount->has_target)
        ret->target = ret->source;
    ret->write = grants_write(ret);
    ret->exec = mount->has_exec ? mount->exec : tmpfs || place_shows_host(ret);
    ret->dev = mount->has_dev && mount->dev;
    ret->size = mount->has_size ? mount->size : TMPFS_SIZE;
    ret->inodes = mount->has_inodes ? mount->inodes : TMPFS_INODES;
}

/* A mount of type host is a symlink where the host has one. */
static bool may_be_link(const struct place *place)
{
    return place->type == CRIB__MOUNT__TYPE__symlink || place->type == CRIB__MOUNT__TYPE__host;
}

/* Bases that share a base's mount have it twice, and it is still one. */
static bool is_repeat(const struct place *one, const struct place *other)
{
    return one->type == CRIB__MOUNT__TYPE__host && other->type == one->type && one->source &&
           other->source && strcmp(one->source, other->source) == 0 &&
           strcmp(one->target, other->target) == 0;
}

static bool is_unclear(const struct places *places, size_t n)
{
    const struct place *place = &places->list[n];

    if (!place->target)
        return true;
    for (size_t i = 0; i < places->count; i++) {
        const struct place *other = &places->list[i];

        if (i == n || !may_be_link(other))
            continue;
        if (!other->target ||
            (place_below(place->target, other->target) && !is_repeat(place, other)))
            return true;
    }
    return false;
}

int places_read(struct within *w, Crib__Mount *const *first, size_t n_first,
                Crib__Mount *const *second, size_t n_second, struct places *ret)
{
    ret->count = n_first + n_second;
    ret->list = arena_alloc(w->arena, (ret->count + 1) * sizeof(*ret->list));
    if (!ret->list)
        return fail_sys(w->err, -ENOMEM, "mounts", -1, NULL, NULL);
    for (size_t i = 0; i < ret->count; i++)
        read_place(w->arena, i < n_first ? first[i] : second[i - n_first], &ret->list[i]);
    for (size_t i = 0; i < ret->count; i++)
        ret->list[i].unclear = is_unclear(ret, i);
    return 0;
}
