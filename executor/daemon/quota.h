/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much one uid, and all together, may have of what there is not without end.
 *
 * Runs in: daemon.
 * Owns: its table of uids: an entry lives while anything is charged to it.
 */
#ifndef DAEMON_QUOTA_H
#define DAEMON_QUOTA_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/site.h"

enum quota_kind {
    QUOTA_TASKS,
    QUOTA_CONNECTIONS,
    QUOTA_BYTES,
    QUOTA_FDS,
    QUOTA_IN_FLIGHT,
    QUOTA_KINDS
};

struct quota;

/* Return: NULL when out of memory. @site: borrowed until quota_site() or quota_free(). */
struct quota *quota_new(const struct site *site);
void quota_free(struct quota *quota);

/* The site was read anew: what is charged stays. */
void quota_site(struct quota *quota, const struct site *site);

/* Return: 0; -EDQUOT over the uid's own, or -ENOSPC over the limit of all: nothing is charged;
 * -ENOMEM. */
int quota_charge(struct quota *quota, uid_t uid, enum quota_kind kind, size_t n);

/* Gives back; asserts that it was charged. */
void quota_release(struct quota *quota, uid_t uid, enum quota_kind kind, size_t n);

/* Return: what is charged now, to a uid or in all. */
uint64_t quota_used(const struct quota *quota, uid_t uid, enum quota_kind kind);
uint64_t quota_used_in_all(const struct quota *quota, enum quota_kind kind);

/* Return: its name in messages: `tasks`, `connections`, `queued bytes`, `fds`, `requests in
 * flight`. */
const char *quota_name(enum quota_kind kind);

#endif
