/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/ceiling.h"

#include <stdio.h>
#include <string.h>

#include "policy/listen.h"
#include "policy/origins.h"
#include "policy/within.h"

#define PATH_BYTES 96

/* How many entries of a list came from the bases: those of the policy itself stand behind them. */
static size_t inherited(const struct policy_check *check, const Crib__Policy *merged,
                        const char *step)
{
    if (strcmp(step, "mounts") == 0)
        return merged->n_mounts - check->policy->n_mounts;
    for (int list = 0; list < LISTS_OF_CALLS; list++) {
        size_t all, own;

        if (strcmp(step, syscalls_path((enum syscalls_list)list)) != 0)
            continue;
        syscalls_entries(merged->syscalls, (enum syscalls_list)list, &all);
        syscalls_entries(check->policy->syscalls, (enum syscalls_list)list, &own);
        return all - own;
    }
    return 0;
}

static bool is_marked(const struct policy_check *check, const char *path)
{
    for (size_t i = 0; check->marks && i < check->marks->count; i++)
        if (strcmp(check->marks->list[i].path, path) == 0)
            return true;
    return false;
}

/* Of an address the bases may have had the same. Return: which of the policy's own is meant; -1. */
static int own_address(const struct policy_check *check, const char *text)
{
    for (size_t i = 0; i < check->policy->n_listen; i++) {
        struct listen_address address;
        char own[LISTEN_TEXT];

        if (listen_parse(check->policy->listen[i], true, &address, NULL) < 0)
            continue;
        listen_text(&address, own);
        if (strcmp(own, text) == 0)
            return (int)i;
    }
    return -1;
}

/* Return: the position of an entry among the policy's own; -1: a base's, or no entry. */
static int own_index(const struct policy_check *check, const Crib__Policy *merged,
                     const struct crib_error *found)
{
    size_t before = inherited(check, merged, found->step ? found->step : "");

    if (found->index < 0)
        return -1;
    if (found->step && strcmp(found->step, "listen") == 0)
        return own_address(check, merged->listen[found->index]);
    return (size_t)found->index >= before ? found->index - (int)before : -1;
}

/* Where the policy itself says it; what another base says, where that base is named. */
static void find_place(const struct policy_check *check, const Crib__Policy *merged,
                       const struct crib_error *found, char path[PATH_BYTES])
{
    const char *step = found->step ? found->step : "";
    int index = own_index(check, merged, found);

    snprintf(path, PATH_BYTES, "%s", step);
    if (index >= 0)
        snprintf(path, PATH_BYTES, "%s[%d]", step, index);
    else if (strcmp(step, "listen") == 0)
        snprintf(path, PATH_BYTES, "extends");
    if (check->marks && !is_marked(check, path))
        snprintf(path, PATH_BYTES, "extends");
}

int ceilings_check(const struct policy_check *check, const struct ceiling *ceilings,
                   const Crib__Policy *merged)
{
    for (; ceilings; ceilings = ceilings->next) {
        struct crib_error found = {.index = -1};
        char path[PATH_BYTES], said[sizeof(found.detail) + 256];
        int r = policy_within(merged, ceilings->policy, false, false, &found);

        if (r == 0)
            continue;
        find_place(check, merged, &found, path);
        found.index = -1;
        crib_error_text(&found, said, sizeof(said));
        return policy_refuse(check, path, r, "wider than its ceiling, %.80s: %s", ceilings->name,
                             said);
    }
    return 0;
}
