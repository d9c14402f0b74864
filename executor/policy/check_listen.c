/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "policy/check.h"
#include "policy/listen.h"

#define PATH_BYTES 32 /* hold `listen[N]` */

int policy_check_listen(const struct policy_check *check)
{
    const Crib__Policy *policy = check->policy;

    if (policy->n_listen > LISTEN_MAX)
        return policy_refuse(check, "listen", -E2BIG, "%zu addresses, at most %d may be",
                             policy->n_listen, LISTEN_MAX);
    for (size_t i = 0; i < policy->n_listen; i++) {
        struct crib_error found = {.index = -1};
        struct listen_address address;
        char path[PATH_BYTES];

        if (listen_parse(policy->listen[i], true, &address, &found) == 0)
            continue;
        snprintf(path, sizeof(path), "listen[%zu]", i);
        return policy_refuse(check, path, -EINVAL, "'%s': %s", found.subject, found.detail);
    }
    return 0;
}

static bool has(char *const *list, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

int policy_lay_listen(const struct policy_check *check, Crib__Policy *own, const Crib__Policy *onto,
                      struct arena *arena)
{
    const Crib__Policy *policy = check->policy;

    own->listen = NULL;
    own->n_listen = 0;
    for (size_t i = 0; i < policy->n_listen; i++) {
        struct listen_address address;
        char text[LISTEN_TEXT], *kept;

        if (listen_parse(policy->listen[i], true, &address, NULL) < 0)
            return -EINVAL; /* policy_check() has refused it */
        listen_text(&address, text);
        if (has(onto->listen, onto->n_listen, text) || has(own->listen, own->n_listen, text))
            continue;
        kept = arena_text(arena, text);
        if (!kept || arena_push(arena, &own->listen, &own->n_listen, kept) < 0)
            return fail_sys(check->err, -ENOMEM, "policy", -1, check->name, NULL);
    }
    if (own->n_listen + onto->n_listen > LISTEN_MAX)
        return policy_refuse(check, "listen", -E2BIG,
                             "at most %d addresses, those of its bases too", LISTEN_MAX);
    return 0;
}
