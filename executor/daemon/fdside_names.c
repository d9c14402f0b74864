/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fdside_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/foreign.h"

int names_open(struct names *names)
{
    memset(names->bucket, 0, sizeof(names->bucket));
    if (getrandom(&names->seed, sizeof(names->seed), 0) != (ssize_t)sizeof(names->seed))
        return -EIO;
    return 0;
}

bool name_valid(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strspn(name, allowed);

    return len > 0 && len <= FDSIDE_MAX_NAME && name[len] == '\0';
}

/* FNV-1a with the seed mixed in before and after each byte's turn. */
static size_t bucket_of(const struct names *names, uint64_t owner, const char *name)
{
    uint64_t hash = names->seed ^ owner * 0x9e3779b97f4a7c15u;

    for (; *name; name++) {
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
        hash ^= hash >> 29 ^ names->seed;
    }
    return (size_t)(hash ^ hash >> 32) % NAMES_BUCKETS;
}

struct named *names_find(const struct names *names, uint64_t owner, const char *name)
{
    struct named *named = names->bucket[bucket_of(names, owner, name)];

    while (named && (named->owner != owner || strcmp(named->name, name) != 0))
        named = named->next;
    return named;
}

struct named *names_add(struct names *names, uint64_t owner, const char *name, int fd,
                        struct named **list)
{
    struct named **bucket = &names->bucket[bucket_of(names, owner, name)];
    struct named *named = calloc(1, sizeof(*named));

    if (!named)
        return NULL;
    named->owner = owner;
    named->fd = fd;
    memcpy(named->name, name, strnlen(name, FDSIDE_MAX_NAME));
    named->next = *bucket;
    named->link = bucket;
    if (named->next)
        named->next->link = &named->next;
    *bucket = named;
    named->next_of = *list;
    named->link_of = list;
    if (named->next_of)
        named->next_of->link_of = &named->next_of;
    *list = named;
    return named;
}

void names_remove(struct named *named)
{
    *named->link = named->next;
    if (named->next)
        named->next->link = named->link;
    *named->link_of = named->next_of;
    if (named->next_of)
        named->next_of->link_of = named->link_of;
    foreign_close(&named->fd);
    free(named);
}
