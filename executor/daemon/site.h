/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the site allows: the file of `--config`, YAML text of one Site message (proto/site.proto),
 * and the policies of `--policies`, all read at the start and again on SIGHUP.
 *
 * Without a file: a peer of the daemon's own uid, and root, may do everything; others may use
 * `default` and `strict`, and nothing wider than `default`.
 *
 * Runs in: daemon.
 * Owns: all it has read; what it returns is good until site_free().
 */
#ifndef DAEMON_SITE_H
#define DAEMON_SITE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "policy.pb-c.h"

/* Quotas; 0 where the file says none gets the default of quota.def. */
struct site_quota {
    uint64_t tasks, connections, queued_bytes, fds, in_flight;
};

struct site;

/**
 * site_load() - Read
 * @config:   a file; NULL: none
 * @policies: a directory, in which names are looked up before the shipped ones; NULL: none
 *
 * Every policy that the file names is read and checked, so that a bad one is found now.
 *
 * Return: 0; negative errno, with file:line:column
 */
int site_load(const char *config, const char *policies, struct site **ret, struct crib_error *err);

void site_free(struct site *site);

struct site_quota site_quota_total(const struct site *site);
struct site_quota site_quota_of(const struct site *site, uid_t uid);

/* What the file says of itself; never NULL but where said. */
const char *site_metrics(const struct site *site);   /* "unix:…", "file:…"; NULL */
const char *site_log_level(const struct site *site); /* NULL: info */
bool site_log_values(const struct site *site);
unsigned site_grace_ms(const struct site *site); /* between SIGTERM and killing what runs; 5000 */

/**
 * site_policy() - The effective policy of a name, for a peer
 *
 * Return: 0; -EACCES the peer may not use it; -ENOENT, and other errors of policy_load()
 */
int site_policy(const struct site *site, uid_t uid, const char *name, const Crib__Policy **ret,
                struct crib_error *err);

/**
 * site_inline() - The effective policy of an inline one, for a peer
 * @policy: borrows; as decoded; its bases may be any policy that the peer may use
 * @arena:  where the result lives
 *
 * Return: 0; -EACCES it is wider than the peer's widest policy: err names the field and why; errors
 * of policy_resolve(), unknown fields and enum values among them
 */
int site_inline(const struct site *site, uid_t uid, const Crib__Policy *policy, struct arena *arena,
                Crib__Policy **ret, struct crib_error *err);

/* May the peer add its own binds (opened with its own rights)? @write: writable ones. */
bool site_binds(const struct site *site, uid_t uid, bool write);

/* Names the peer may use, ended by NULL; and its widest policy's name. */
const char *const *site_policies(const struct site *site, uid_t uid);
const char *site_widest(const struct site *site, uid_t uid);

#endif
