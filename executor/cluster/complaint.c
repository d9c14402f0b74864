/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/complaint.h"

#include <stddef.h>

/* FNV-1a */
static uint32_t add(uint32_t hash, const char *text)
{
    while (*text)
        hash = (hash ^ (unsigned char)*text++) * 16777619u;
    return hash;
}

bool complaint_counts(struct complaints *complaints, const struct crib_error *error)
{
    uint32_t thing = add(add(2166136261u, error->subject), error->detail);

    for (size_t i = 0; i < COMPLAINT_KINDS; i++) {
        if (complaints->kinds[i].told == 0)
            complaints->kinds[i].code = error->code;
        else if (complaints->kinds[i].code != error->code)
            continue;
        else if (complaints->kinds[i].last == thing || complaints->kinds[i].told >= COMPLAINT_MOST)
            return false;
        complaints->kinds[i].last = thing;
        complaints->kinds[i].told++;
        return true;
    }
    return false;
}
