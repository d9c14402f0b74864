/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/within_parts.h"

int within_addresses(struct within *w, const Crib__Policy *policy, struct listen_address **ret)
{
    struct listen_address *list;

    if (policy->n_listen > LISTEN_MAX)
        return fail_text(w->err, -E2BIG, "listen", -1, NULL,
                         "%zu addresses are too many to be compared", policy->n_listen);
    list = arena_alloc(w->arena, (policy->n_listen + 1) * sizeof(*list));
    if (!list)
        return fail_sys(w->err, -ENOMEM, "policy", -1, NULL, NULL);
    for (size_t i = 0; i < policy->n_listen; i++)
        if (listen_parse(policy->listen[i], true, &list[i], w->err) < 0)
            return -EINVAL;
    *ret = list;
    return 0;
}

static bool is_covered(const struct listen_address *asked, const struct listen_address *most,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (listen_covers(&most[i], asked))
            return true;
    return false;
}

int within_listen(struct within *w)
{
    size_t count = w->widest->n_listen;
    struct listen_address *asked, *most;
    int r = within_addresses(w, w->policy, &asked);

    if (r == 0)
        r = within_addresses(w, w->widest, &most);
    for (size_t i = 0; r == 0 && i < w->policy->n_listen; i++) {
        if (is_covered(&asked[i], most, count))
            continue;
        if (!count)
            return WIDER(w, "listen", (int)i, w->policy->listen[i],
                         "the widest policy has no address that may be served");
        return WIDER(w, "listen", (int)i, w->policy->listen[i],
                     "it is in none of the %zu of the widest policy, the first is %s", count,
                     w->widest->listen[0]);
    }
    return r;
}
