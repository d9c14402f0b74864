/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a site: its file, its policies, who may use them.
 *
 * Runs in: daemon, on the loop's thread.
 */
#ifndef DAEMON_SITE_PARTS_H
#define DAEMON_SITE_PARTS_H

#include "daemon/site.h"
#include "policy/check.h"
#include "site.pb-c.h"

/* A policy that has been read. */
struct site_entry {
    struct site_entry *next;
    struct arena arena;
    Crib__Policy *policy;
    Crib__Origins *origins;
    char name[];
};

/* The policies there are, and those of them that have been read. */
struct site_shelf {
    const char *dirs[2];      /* ended by NULL */
    const char *const *names; /* sorted, ended by NULL */
    struct site_entry *first;
};

struct site_rule {
    const Crib__Site__Rule *message;
    bool any;                   /* its policies: every name */
    const char *const *names;   /* otherwise these; sorted, ended by NULL */
    const char *widest;         /* a name, SITE_ANY, or "" */
    const Crib__Policy *policy; /* the widest; NULL: none, or no bound */
    struct site_quota quota;
};

struct site {
    struct arena arena; /* of all but the shelf's entries */
    const Crib__Site *message;
    struct site_rule *rules;
    size_t count;
    struct site_shelf *shelf;
};

/* Return: the first rule that fits; NULL. */
const struct site_rule *site_rule_of(const struct site *site, uid_t uid);

/**
 * site_read_file() - Read a file that nobody else can change
 * @ret: a text in @arena
 *
 * Return: 0; -EPERM; -EISDIR, -EINVAL, -EFBIG; negative errno
 */
int site_read_file(const char *path, struct arena *arena, const char **ret, size_t *ret_len,
                   struct crib_error *err);

/* Return: whether a name can be one of a policy, and is no path. */
bool site_is_name(const char *name);

/* Sorts a list of texts, and leaves out repeats. */
void site_sort(const char **names, size_t *count);

/**
 * site_shelf_open() - List what there is
 * @dir: borrows; NULL: the shipped policies alone
 *
 * Return: 0; -EPERM somebody else could change the directory; negative errno
 */
int site_shelf_open(struct site_shelf *shelf, const char *dir, struct arena *arena,
                    struct crib_error *err);

/* Frees the entries. */
void site_shelf_done(struct site_shelf *shelf);

/* The policy of a name, read once. Return: 0; as policy_load(). */
int site_shelf_get(struct site_shelf *shelf, const char *name, const Crib__Policy **ret,
                   struct crib_error *err);

/* Return: where the parts of a policy that has been read were written; NULL: none of that name has.
 */
const Crib__Origins *site_shelf_origins(const struct site_shelf *shelf, const char *name);

#endif
