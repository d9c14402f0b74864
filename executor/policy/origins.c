/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/origins.h"

#include <errno.h>
#include <string.h>

#include "policy/groups.h"
#include "text/utf8.h"

#define LONGEST 1024 /* bytes of a place from elsewhere */

char *const *syscalls_entries(const Crib__Syscalls *syscalls, enum syscalls_list list,
                              size_t *ret_count)
{
    *ret_count = 0;
    if (!syscalls)
        return NULL;
    switch (list) {
    case LIST_DENY:
        *ret_count = syscalls->n_deny;
        return syscalls->deny;
    case LIST_KILL:
        *ret_count = syscalls->n_kill;
        return syscalls->kill;
    case LIST_LOG:
        *ret_count = syscalls->n_log;
        return syscalls->log;
    default:
        *ret_count = syscalls->n_allow;
        return syscalls->allow;
    }
}

const char *syscalls_path(enum syscalls_list list)
{
    static const char *const paths[] = {
        [LIST_DENY] = "syscalls.deny",
        [LIST_KILL] = "syscalls.kill",
        [LIST_LOG] = "syscalls.log",
        [LIST_ALLOW] = "syscalls.allow",
    };

    return paths[list];
}

/* The places of a list, and how many there are. */
struct places {
    Crib__Origins__Place ***list;
    size_t *count;
};

static struct places places_of(Crib__Origins *origins, enum syscalls_list list)
{
    switch (list) {
    case LIST_DENY:
        return (struct places){&origins->deny, &origins->n_deny};
    case LIST_KILL:
        return (struct places){&origins->kill, &origins->n_kill};
    case LIST_LOG:
        return (struct places){&origins->log, &origins->n_log};
    default:
        return (struct places){&origins->allow, &origins->n_allow};
    }
}

int origins_add(Crib__Origins *origins, enum syscalls_list list, Crib__Origins__Place *place,
                struct arena *arena)
{
    struct places places = places_of(origins, list);

    return arena_push(arena, places.list, places.count, place);
}

const Crib__Origins__Place *origins_entry(const Crib__Origins *origins, enum syscalls_list list,
                                          size_t index)
{
    struct places places;

    if (!origins)
        return NULL;
    places = places_of((Crib__Origins *)origins, list);
    return index < *places.count ? (*places.list)[index] : NULL;
}

const Crib__Origins__Place *origins_mount(const Crib__Origins *origins, size_t index)
{
    return origins && index < origins->n_mounts ? origins->mounts[index] : NULL;
}

const Crib__Origins__Place *origins_limit(const Crib__Origins *origins, const char *name)
{
    const Crib__Origins__Place *place = NULL;

    for (size_t i = 0; origins && i < origins->n_limits; i++)
        if (origins->limits[i]->name && strcmp(origins->limits[i]->name, name) == 0)
            place = origins->limits[i]->place;
    return place;
}

/* A client may have sent the place: control characters and what is no UTF-8 go no further. */
static const char *text_with(const Crib__Origins__Place *place, const char *group,
                             struct arena *arena)
{
    bool through = place && place->through && place->through[0];
    char *text;

    if (!place || !place->at)
        return arena_text(arena, "");
    text = arena_printf(arena, "%s%s%s%s", place->at, group, through ? ", extended by " : "",
                        through ? place->through : "");
    return text ? utf8_tame(text) : NULL;
}

const char *origins_text(const Crib__Origins__Place *place, struct arena *arena)
{
    return text_with(place, "", arena);
}

const char *origins_rule_text(const Crib__Origins *origins, enum syscalls_list list,
                              const struct rule *rule, struct arena *arena)
{
    const char *group = "";

    if (rule->group)
        group = arena_printf(arena, ", in @%s (groups/%s.yaml:%u)", rule->group->name,
                             rule->group->name, rule->line);
    return group ? text_with(origins_entry(origins, list, rule->entry), group, arena) : NULL;
}

static bool is_short(const Crib__Origins__Place *place)
{
    return (!place->at || strlen(place->at) <= LONGEST) &&
           (!place->through || strlen(place->through) <= LONGEST);
}

static bool are_short(Crib__Origins__Place *const *places, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_short(places[i]))
            return false;
    return true;
}

static bool limits_are_short(const Crib__Origins *origins)
{
    for (size_t i = 0; i < origins->n_limits; i++)
        if (origins->limits[i]->place && !is_short(origins->limits[i]->place))
            return false;
    return true;
}

bool origins_fit(const Crib__Origins *origins, const Crib__Policy *policy)
{
    for (int list = 0; list < LISTS_OF_CALLS; list++) {
        struct places places = places_of((Crib__Origins *)origins, (enum syscalls_list)list);
        size_t count;

        syscalls_entries(policy->syscalls, (enum syscalls_list)list, &count);
        if (*places.count != count || !are_short(*places.list, count))
            return false;
    }
    return (!origins->name || strlen(origins->name) <= LONGEST) &&
           origins->n_mounts == policy->n_mounts && are_short(origins->mounts, origins->n_mounts) &&
           limits_are_short(origins);
}
