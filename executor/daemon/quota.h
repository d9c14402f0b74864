/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much one uid, and all together, may have of what there is not without end.
 *
 * Theory of operation: a table of uids, each with what is charged to it now and what it may have,
 * as the site says (site_quota_of()). Charging is all or nothing, first against the uid's own, then
 * against the limit of all: one uid can fill up its own, never another's; all together can fill up
 * the total, and then everybody waits for somebody to give back.
 *
 * Runs in: daemon.
 * Owns: its table of uids: an entry lives while anything is charged to it.
 */
#ifndef DAEMON_QUOTA_H
#define DAEMON_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/site.h"

enum quota_kind {
#define QUOTA(kind, field, name, each, total) QUOTA_##kind,
#include "daemon/quota.def"
#undef QUOTA
    QUOTA_KINDS
};

struct quota;

/* Return: NULL when out of memory. @site: borrowed until quota_site() or quota_free(). */
struct quota *quota_new(const struct site *site);

/* Accepts NULL. */
void quota_free(struct quota *quota);

/* The site was read anew, and the old one is not looked at any more. What is charged stays, even
 * where it is more than there may be now: it is only not added to. */
void quota_site(struct quota *quota, const struct site *site);

/* Return: 0; -EDQUOT over the uid's own, or -ENOSPC over the limit of all: nothing is charged;
 * -ENOMEM. Nothing (@n is 0) can always be charged. */
int quota_charge(struct quota *quota, uid_t uid, enum quota_kind kind, size_t n);

/* Charges what is there already, whatever the limits. */
void quota_force(struct quota *quota, uid_t uid, enum quota_kind kind, size_t n);

/* Gives back; asserts that it was charged. */
void quota_release(struct quota *quota, uid_t uid, enum quota_kind kind, size_t n);

/* Return: whether not even one more could be charged. */
bool quota_full(const struct quota *quota, uid_t uid, enum quota_kind kind);

/* Return: what is charged now, to a uid or in all. */
uint64_t quota_used(const struct quota *quota, uid_t uid, enum quota_kind kind);
uint64_t quota_used_in_all(const struct quota *quota, enum quota_kind kind);

/* Return: its name in messages: `tasks`, `connections`, `queued bytes`, `fds`, `requests in
 * flight`, `clusters`. */
const char *quota_name(enum quota_kind kind);

#endif
