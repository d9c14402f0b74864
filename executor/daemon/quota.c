/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/quota.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define ROOM_FIRST 64 /* buckets; a power of two */

struct user {
    struct user *next; /* of its bucket */
    uid_t uid;
    uint64_t used[QUOTA_KINDS], most[QUOTA_KINDS];
};

struct quota {
    const struct site *site;
    struct user **buckets;
    size_t room, count; /* buckets; users */
    uint64_t used[QUOTA_KINDS], most[QUOTA_KINDS];
};

static void read_limits(struct site_quota from, uint64_t most[QUOTA_KINDS])
{
#define QUOTA(kind, field, name, each, total) most[QUOTA_##kind] = from.field;
#include "daemon/quota.def"
#undef QUOTA
}

static size_t bucket_of(uid_t uid, size_t room)
{
    return (uid * 2654435761u >> 8) & (room - 1);
}

static struct user **find(const struct quota *quota, uid_t uid)
{
    struct user **at = &quota->buckets[bucket_of(uid, quota->room)];

    while (*at && (*at)->uid != uid)
        at = &(*at)->next;
    return at;
}

struct quota *quota_new(const struct site *site)
{
    struct quota *quota = calloc(1, sizeof(*quota));

    if (!quota)
        return NULL;
    quota->room = ROOM_FIRST;
    quota->buckets = calloc(quota->room, sizeof(struct user *));
    if (!quota->buckets) {
        free(quota);
        return NULL;
    }
    quota_site(quota, site);
    return quota;
}

void quota_free(struct quota *quota)
{
    for (size_t i = 0; quota && i < quota->room; i++)
        while (quota->buckets[i]) {
            struct user *user = quota->buckets[i];

            quota->buckets[i] = user->next;
            free(user);
        }
    if (quota)
        free(quota->buckets);
    free(quota);
}

void quota_site(struct quota *quota, const struct site *site)
{
    quota->site = site;
    read_limits(site_quota_total(site), quota->most);
    for (size_t i = 0; i < quota->room; i++)
        for (struct user *user = quota->buckets[i]; user; user = user->next)
            read_limits(site_quota_of(site, user->uid), user->most);
}

/* Without memory for it the old table serves on, only slower. */
static void grow(struct quota *quota)
{
    size_t room = quota->room * 2;
    struct user **buckets = calloc(room, sizeof(struct user *));

    for (size_t i = 0; buckets && i < quota->room; i++)
        while (quota->buckets[i]) {
            struct user *user = quota->buckets[i];

            quota->buckets[i] = user->next;
            user->next = buckets[bucket_of(user->uid, room)];
            buckets[bucket_of(user->uid, room)] = user;
        }
    if (!buckets)
        return;
    free(quota->buckets);
    quota->buckets = buckets;
    quota->room = room;
}

static struct user *add_user(struct quota *quota, uid_t uid)
{
    struct user *user = calloc(1, sizeof(*user)), **at;

    if (!user)
        return NULL;
    user->uid = uid;
    read_limits(site_quota_of(quota->site, uid), user->most);
    if (quota->count >= quota->room)
        grow(quota);
    at = find(quota, uid);
    *at = user;
    quota->count++;
    return user;
}

/* Frees a user to whom nothing is charged. */
static void settle(struct quota *quota, struct user **at)
{
    struct user *user = *at;

    for (int kind = 0; kind < QUOTA_KINDS; kind++)
        if (user->used[kind])
            return;
    *at = user->next;
    quota->count--;
    free(user);
}

/* What is charged may be over the limit, after the site was read anew. */
static bool fits(uint64_t used, uint64_t most, size_t n)
{
    return used <= most && n <= most - used;
}

int quota_charge(struct quota *quota, uid_t uid, enum quota_kind kind, size_t n)
{
    struct user **at = find(quota, uid), *user = *at ? *at : n ? add_user(quota, uid) : NULL;
    int r = 0;

    if (!user)
        return n ? -ENOMEM : 0;
    if (n && !fits(user->used[kind], user->most[kind], n))
        r = -EDQUOT;
    else if (n && !fits(quota->used[kind], quota->most[kind], n))
        r = -ENOSPC;
    if (r == 0) {
        user->used[kind] += n;
        quota->used[kind] += n;
    }
    settle(quota, find(quota, uid));
    return r;
}

void quota_force(struct quota *quota, uid_t uid, enum quota_kind kind, size_t n)
{
    struct user *user = *find(quota, uid);

    if (!user && n)
        user = add_user(quota, uid);
    assert(user || !n);
    if (user) {
        user->used[kind] += n;
        quota->used[kind] += n;
    }
}

void quota_release(struct quota *quota, uid_t uid, enum quota_kind kind, size_t n)
{
    struct user **at = find(quota, uid);

    if (n == 0)
        return;
    assert(*at && (*at)->used[kind] >= n && quota->used[kind] >= n);
    (*at)->used[kind] -= n;
    quota->used[kind] -= n;
    settle(quota, at);
}

bool quota_full(const struct quota *quota, uid_t uid, enum quota_kind kind)
{
    const struct user *user = *find(quota, uid);
    uint64_t most[QUOTA_KINDS];

    if (quota->used[kind] >= quota->most[kind])
        return true;
    if (user)
        return user->used[kind] >= user->most[kind];
    read_limits(site_quota_of(quota->site, uid), most);
    return most[kind] == 0;
}

uint64_t quota_used(const struct quota *quota, uid_t uid, enum quota_kind kind)
{
    const struct user *user = *find(quota, uid);

    return user ? user->used[kind] : 0;
}

uint64_t quota_used_in_all(const struct quota *quota, enum quota_kind kind)
{
    return quota->used[kind];
}

const char *quota_name(enum quota_kind kind)
{
    static const char *const names[] = {
#define QUOTA(kind, field, name, each, total) [QUOTA_##kind] = (name),
#include "daemon/quota.def"
#undef QUOTA
    };

    return names[kind];
}
