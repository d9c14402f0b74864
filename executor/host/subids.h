/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids that tasks may have for their own: of an ordinary caller its ranges in /etc/subuid and
 * /etc/subgid, which newuidmap(1) and newgidmap(1) map; of a privileged caller the configured one.
 *
 * Runs in: library.
 * Owns: nothing.
 * Source: subuid(5), newuidmap(1), docs/decisions/0008-own-ids.md
 */
#ifndef HOST_SUBIDS_H
#define HOST_SUBIDS_H

#include <stdbool.h>

#include "base/arena.h"
#include "plan.pb-c.h"

#define SUBIDS_MOST 65536u /* ids that are looked at, of all ranges together */

/* Where things are. Tests make them up. */
struct subids_places {
    const char *uids, *gids;           /* /etc/subuid, /etc/subgid */
    const char *newuidmap, *newgidmap; /* absolute, never from PATH */
    const char *proc;                  /* /proc */
};

extern const struct subids_places subids_here;

/**
 * subids_look() - Find the ids that tasks of this caller may have
 * @name: the caller's in passwd; NULL: it has none
 * @host: borrows uid, gid and privileged; sub_ids are filled, or sub_ids_why
 *
 * Ranges are in order, apart from one another, and without the ids that are somebody's everywhere.
 *
 * Return: 0, also where there are none; -ENOMEM
 */
int subids_look(const struct subids_places *at, const char *name, struct arena *arena,
                Crib__Host *host);

/* As subids_look() of this host. */
int host_sub_ids(struct arena *arena, Crib__Host *host);

/* Return: whether there is a @n-th pair of a uid and a gid in @host->sub_ids, and which. */
bool subids_pair(const Crib__Host *host, uint32_t n, uint32_t *ret_uid, uint32_t *ret_gid);

/* Return: how many pairs there are, at most SUBIDS_MOST. */
uint32_t subids_pairs(const Crib__Host *host);

#endif
