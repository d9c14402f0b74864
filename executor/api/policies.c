/* SPDX-License-Identifier: Apache-2.0 */
#include "api/policies.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/find.h"
#include "policy/load.h"

const char *const policies_dirs[] = {POLICIES_DIR, NULL};

struct policies_entry {
    struct policies_entry *next;
    struct arena arena;
    Crib__Policy *policy;
    Crib__Origins *origins;
    char name[];
};

static struct policies_entry *find(const struct policies *policies, const char *name)
{
    struct policies_entry *entry = policies->first;

    while (entry && strcmp(entry->name, name) != 0)
        entry = entry->next;
    return entry;
}

static bool is_shipped(const char *name)
{
    for (const char *const *shipped = policy_shipped(); *shipped; shipped++)
        if (strcmp(*shipped, name) == 0)
            return access(POLICIES_DIR, F_OK) < 0 && errno == ENOENT;
    return false;
}

static void entry_free(struct policies_entry *entry)
{
    arena_done(&entry->arena);
    free(entry);
}

static int load(const char *name, struct policies_entry **ret, struct crib_error *err)
{
    size_t size = strlen(name) + 1;
    struct policies_entry *entry = calloc(1, sizeof(*entry) + size);
    int r;

    if (!entry)
        return fail_sys(err, -ENOMEM, "policy", -1, name, NULL);
    memcpy(entry->name, name, size);
    arena_init(&entry->arena, 0);
    r = policy_load(name, NULL, &entry->arena, &entry->policy, &entry->origins, err);
    if (r < 0) {
        entry_free(entry);
        return r;
    }
    *ret = entry;
    return 0;
}

int policies_get(struct policies *policies, const char *name, struct arena *arena,
                 Crib__Policy **ret, Crib__Origins **ret_origins, struct crib_error *err)
{
    struct policies_entry *entry;
    int r;

    if (!is_shipped(name))
        return policy_load(name, policies_dirs, arena, ret, ret_origins, err);
    entry = find(policies, name);
    if (!entry) {
        r = load(name, &entry, err);
        if (r < 0)
            return r;
        entry->next = policies->first;
        policies->first = entry;
    }
    *ret = entry->policy;
    *ret_origins = entry->origins;
    return 0;
}

bool policies_is_path(const char *name)
{
    return policy_is_path(name);
}

int policies_check_name(const char *name, struct crib_error *err)
{
    return policy_name_check(name, err);
}

void policies_done(struct policies *policies)
{
    while (policies->first) {
        struct policies_entry *next = policies->first->next;

        entry_free(policies->first);
        policies->first = next;
    }
}
