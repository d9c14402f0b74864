/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "policy/intersect_parts.h"

/* Adds an address to the result, unless it has it already. */
static int add(struct intersecting *x, const struct listen_address *address)
{
    Crib__Policy *result = x->result;
    char text[LISTEN_TEXT], *kept;

    listen_text(address, text);
    for (size_t i = 0; i < result->n_listen; i++)
        if (strcmp(result->listen[i], text) == 0)
            return 0;
    if (result->n_listen == LISTEN_MAX)
        return fail_text(x->w.err, -E2BIG, "listen", -1, NULL,
                         "together with the ceiling it comes to more than %d addresses",
                         LISTEN_MAX);
    kept = arena_text(x->arena, text);
    if (!kept || arena_push(x->arena, &result->listen, &result->n_listen, kept) < 0)
        return intersect_no_memory(x);
    return 0;
}

int intersect_listen(struct intersecting *x)
{
    struct listen_address *asked, *most, common;
    int r = within_addresses(&x->w, x->w.policy, &asked);

    if (r == 0)
        r = within_addresses(&x->w, x->w.widest, &most);
    x->result->listen = NULL;
    x->result->n_listen = 0;
    for (size_t i = 0; r == 0 && i < x->w.policy->n_listen; i++)
        for (size_t n = 0; r == 0 && n < x->w.widest->n_listen; n++)
            if (listen_common(&asked[i], &most[n], &common))
                r = add(x, &common);
    return r;
}
