/* SPDX-License-Identifier: Apache-2.0 */
#include "api/policies.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "policy/find.h"
#include "policy/load.h"

const char *const policies_dirs[] = {POLICIES_DIR, NULL};

struct policies_entry {
    struct policies_entry *next;
    unsigned holders; /* the list, and arenas of tasks */
    struct arena arena;
    Crib__Policy *policy;
    Crib__Origins *origins;
    struct policy_seen *seen;
    size_t n_seen;
    char name[];
};

static void release(void *data)
{
    struct policies_entry *entry = data;

    if (--entry->holders > 0)
        return;
    arena_done(&entry->arena);
    free(entry);
}

/* Takes an entry out of the list, and the list's hold of it. */
static struct policies_entry *take(struct policies *policies, const char *name)
{
    struct policies_entry **link = &policies->first, *entry;

    while (*link && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    entry = *link;
    if (entry)
        *link = entry->next;
    return entry;
}

static void put(struct policies *policies, struct policies_entry *entry)
{
    struct policies_entry **link = &policies->first;

    entry->next = policies->first;
    policies->first = entry;
    for (int i = 0; i < POLICIES_KEPT && *link; i++)
        link = &(*link)->next;
    while ((entry = *link)) {
        *link = entry->next;
        release(entry);
    }
}

static int load(const char *name, struct policies_entry **ret, struct crib_error *err)
{
    size_t size = strlen(name) + 1;
    struct policies_entry *entry = calloc(1, sizeof(*entry) + size);
    int r;

    if (!entry)
        return fail_sys(err, -ENOMEM, "policy", -1, name, NULL);
    entry->holders = 1;
    memcpy(entry->name, name, size);
    arena_init(&entry->arena, 0);
    r = policy_load_seen(name, policies_dirs, &entry->arena, &entry->policy, &entry->origins,
                         &entry->seen, &entry->n_seen, err);
    if (r < 0) {
        release(entry);
        return r;
    }
    *ret = entry;
    return 0;
}

int policies_get(struct policies *policies, const char *name, struct arena *arena,
                 Crib__Policy **ret, Crib__Origins **ret_origins, struct crib_error *err)
{
    struct policies_entry *entry = take(policies, name);
    int r;

    if (entry && !policy_seen_again(entry->seen, entry->n_seen, policies_dirs)) {
        release(entry);
        entry = NULL;
    }
    r = entry ? 0 : load(name, &entry, err);
    if (r < 0)
        return r;
    put(policies, entry);
    r = arena_hold(arena, release, entry);
    if (r < 0)
        return fail_sys(err, r, "policy", -1, name, NULL);
    entry->holders++;
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

        release(policies->first);
        policies->first = next;
    }
}
