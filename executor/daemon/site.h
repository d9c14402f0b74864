/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the site allows: the file of `--config`, YAML text of one Site message (proto/site.proto),
 * and the policies of `--policies`, all read at the start and again on SIGHUP.
 *
 * Theory of operation: the first rule that fits a peer's uid is the peer's; without one it may do
 * nothing. A policy is named by a peer, never by a path. What the file names is read and checked at
 * once; what `*` allows besides is read when it is first asked for. Either is kept until the site
 * is read anew, so that a file changed meanwhile changes nothing.
 *
 * Without a file: a peer of the daemon's own uid, and root, may do everything; others may use
 * `default` and `strict`, and nothing wider than `default`.
 *
 * Runs in: daemon, on the loop's thread.
 * Owns: all it has read; what it returns is good until site_free().
 */
#ifndef DAEMON_SITE_H
#define DAEMON_SITE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "policy.pb-c.h"
#include "task.pb-c.h"

#define SITE_ANY "*" /* as a policy: every name; as the widest: no bound */

/* Limits; the site's, where it says none those of quota.def. 0: nothing may be had. */
struct site_quota {
    uint64_t tasks, connections, queued_bytes, fds, in_flight, clusters;
};

struct site;

/**
 * site_load() - Read
 * @config:   a file; NULL: none
 * @policies: a directory, in which names are looked up before the shipped ones; NULL: none
 *
 * Every policy that the file names is read and checked, so that a bad one is found now. File and
 * directory must belong to root or to the daemon's own user, and be writable by nobody else.
 *
 * Return: 0; -EPERM somebody else could change it; -ENOMEM; other negative errno; where a text is
 * wrong with file:line:column
 */
int site_load(const char *config, const char *policies, struct site **ret, struct crib_error *err);

/* Accepts NULL. */
void site_free(struct site *site);

struct site_quota site_quota_total(const struct site *site);

/* A uid that no rule fits may have nothing. */
struct site_quota site_quota_of(const struct site *site, uid_t uid);

/* What the file says of itself; never NULL but where said. */
const char *site_metrics(const struct site *site);   /* "unix:…", "file:…"; NULL */
const char *site_log_level(const struct site *site); /* `error`, `warning`, `info`, `debug` */
bool site_log_values(const struct site *site);
unsigned site_grace_ms(const struct site *site); /* between SIGTERM and killing what runs; 5000 */
unsigned site_prepared(const struct site *site); /* sandboxes kept ready; 0 */

/* Return: whether a rule fits: whoever has none is a stranger. */
bool site_knows(const struct site *site, uid_t uid);

/**
 * site_policy() - The effective policy of a name, for a peer
 *
 * Return: 0; -EACCES the peer may not use it, whether it is there or not, or it is a path; -ENOENT,
 * and other errors of policy_load()
 */
int site_policy(const struct site *site, uid_t uid, const char *name, const Crib__Policy **ret,
                struct crib_error *err);

/* Return: where the parts of the policy that site_policy() gave were written. */
const Crib__Origins *site_origins(const struct site *site, const char *name);

/**
 * site_inline() - The effective policy of an inline one, for a peer
 * @policy: borrows; as decoded; its bases may be any policy that the peer may use, by name
 * @arena:  where the result lives
 *
 * Return: 0; -EACCES it is wider than the peer's widest policy: err names the field and why; or a
 * base is not the peer's, or is a path; or the peer may use no inline policy; errors of
 * policy_resolve(), unknown fields and enum values among them
 */
int site_inline(const struct site *site, uid_t uid, const Crib__Policy *policy, struct arena *arena,
                Crib__Policy **ret, struct crib_error *err);

/* What a client asks for beside its policy, and what came of it. */
struct site_inline {
    const ProtobufCBinaryData *vars; /* `NAME=VALUE` */
    size_t n_vars;
    const char *ceiling; /* set: the name of the widest policy where it is a ceiling; NULL */
    bool cut;            /* set: the ceiling took something away */
};

/* As site_inline(), with variables. Where the peer's widest policy says `ceiling`, the result is
 * cut down to it, and refused only where that cannot be: see policy_intersect(). */
int site_inline_with(const struct site *site, uid_t uid, const Crib__Policy *policy,
                     struct site_inline *with, struct arena *arena, Crib__Policy **ret,
                     struct crib_error *err);

/**
 * site_cut() - Cut a policy down to another, where it is wider
 * @policy:  changed; effective, variables replaced
 * @ret_cut: set where something was taken away; may be NULL
 *
 * Return: 0; as policy_intersect()
 */
int site_cut(Crib__Policy **policy, const Crib__Policy *ceiling, bool own_binds_ro,
             bool own_binds_rw, struct arena *arena, bool *ret_cut, struct crib_error *err);

/**
 * site_mounts() - May a peer put these mounts on top of a policy?
 * @effective: borrows; what site_policy() or site_inline() gave
 * @mounts:    borrows; those of the task; sources absolute
 *
 * What the policy itself, or the peer's widest, shows already may be shown, and so may what the
 * peer can open itself where its rule has `binds`: see policy_within_added().
 *
 * Return: 0; -EACCES, with err; -ENOMEM
 */
int site_mounts(const struct site *site, uid_t uid, const Crib__Policy *effective,
                Crib__Mount *const *mounts, size_t count, struct crib_error *err);

/* May the peer add its own binds (opened with its own rights)? @write: writable ones. */
bool site_binds(const struct site *site, uid_t uid, bool write);

/* Names the peer may use, sorted, ended by NULL; never NULL. And its widest policy's name, SITE_ANY
 * or "" for none. */
const char *const *site_policies(const struct site *site, uid_t uid);
const char *site_widest(const struct site *site, uid_t uid);

#endif
