/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/arrivals.h"

#include <errno.h>
#include <string.h>

#include "wire/rights.h"

int arrivals_add(struct arrivals *arrivals, uint64_t from, uint64_t to, const int *fds, size_t nfds)
{
    struct arrival *arrival;

    if (arrivals->count == ARRIVALS_MAX)
        return -EPROTO;
    arrival = &arrivals->list[arrivals->count++];
    arrival->from = from;
    arrival->to = to;
    arrival->nfds = nfds;
    memcpy(arrival->fds, fds, nfds * sizeof(int));
    return 0;
}

int arrivals_take(struct arrivals *arrivals, uint64_t at, int *ret_fds, size_t nfds)
{
    const struct arrival *oldest = arrivals->list;

    if (arrivals->count == 0 || at < oldest->from || at >= oldest->to || nfds != oldest->nfds)
        return -EPROTO;
    memcpy(ret_fds, oldest->fds, nfds * sizeof(int));
    arrivals->count--;
    memmove(arrivals->list, arrivals->list + 1, arrivals->count * sizeof(*oldest));
    return 0;
}

bool arrivals_stale(const struct arrivals *arrivals, uint64_t at)
{
    return arrivals->count > 0 && arrivals->list[0].to <= at;
}

void arrivals_done(struct arrivals *arrivals)
{
    for (size_t i = 0; i < arrivals->count; i++)
        rights_close(arrivals->list[i].fds, arrivals->list[i].nfds);
    arrivals->count = 0;
}
