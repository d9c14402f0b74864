/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/ready.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONGEST 512 /* bytes of a path that is tried */

static int no_memory(const char *name, struct crib_error *err)
{
    return fail_sys(err, -ENOMEM, "policy", -1, name, NULL);
}

static const struct ready_policy *find(const char *name)
{
    for (size_t i = 0; i < ready_policies_count; i++)
        if (strcmp(ready_policies[i].name, name) == 0)
            return &ready_policies[i];
    return NULL;
}

/* Whether a directory has none of the names, as far as can be said. */
static bool has_none(const char *dir, const char *names)
{
    struct stat st;

    if (access(dir, F_OK) < 0 && errno == ENOENT)
        return true;
    for (; *names; names += strlen(names) + 1) {
        char path[LONGEST];
        int n = snprintf(path, sizeof(path), "%s/%s.yaml", dir, names);

        if (n < 0 || (size_t)n >= sizeof(path) || lstat(path, &st) == 0 ||
            (errno != ENOENT && errno != ENOTDIR))
            return false;
    }
    return true;
}

int ready_load(const char *name, const char *const *dirs, struct arena *arena, Crib__Policy **ret,
               Crib__Origins **ret_origins, const char **ret_made_of, struct crib_error *err)
{
    const struct ready_policy *ready = find(name);
    Crib__Policy *policy;

    for (; ready && dirs && *dirs; dirs++)
        if (!has_none(*dirs, ready->made_of))
            return 0;
    if (!ready)
        return 0;
    policy = crib__policy__unpack(&arena->pb, ready->policy.len, ready->policy.data);
    if (!policy)
        return no_memory(name, err);
    if (ret_origins)
        *ret_origins = crib__origins__unpack(&arena->pb, ready->origins.len, ready->origins.data);
    if (ret_origins && !*ret_origins)
        return no_memory(name, err);
    *ret = policy;
    *ret_made_of = ready->made_of;
    return 1;
}

static int fill_entry(const struct ready_group *ready, const struct ready_entry *from,
                      const struct groups *groups, struct arena *arena, struct group_entry *to,
                      struct crib_error *err)
{
    to->line = from->line;
    if (from->group != READY_NONE)
        to->inner = &groups->list[from->group];
    else if (from->call != READY_NONE)
        to->rule.call = call_by_number(from->call);
    else
        return rule_parse(ready->texts + from->text, arena, &to->rule, err);
    return 0;
}

int ready_groups_read(struct arena *arena, struct groups *ret, struct crib_error *err)
{
    memset(ret, 0, sizeof(*ret));
    if (!ready_groups_count)
        return 0;
    for (; ret->count < ready_groups_count; ret->count++) {
        const struct ready_group *ready = &ready_groups[ret->count];
        struct group *group = &ret->list[ret->count];

        group->name = shipped_groups[ret->count].name;
        group->about = ready->about;
        group->entries = arena_alloc(arena, ready->count * sizeof(*group->entries));
        if (!group->entries)
            return no_memory(group->name, err);
        for (; group->count < ready->count; group->count++) {
            int r = fill_entry(ready, &ready->entries[group->count], ret, arena,
                               &group->entries[group->count], err);

            if (r < 0)
                return r;
        }
    }
    return 1;
}
