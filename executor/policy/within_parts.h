/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of comparing two policies.
 *
 * Runs in: library.
 */
#ifndef POLICY_WITHIN_PARTS_H
#define POLICY_WITHIN_PARTS_H

#include <errno.h>
#include <stdint.h>

#include "base/arena.h"
#include "policy/listen.h"
#include "policy/within.h"

/* Two policies while they are compared. */
struct within {
    const Crib__Policy *policy, *widest;
    bool own_read, own_write;
    struct arena *arena; /* of the comparison; given back after it */
    struct crib_error *err;
};

/* Ends a comparison: what is wider. */
#define WIDER(w, step, index, subject, ...)                                                        \
    fail_text((w)->err, -EACCES, step, index, subject, __VA_ARGS__)

/* Each: 0; -EACCES; other negative errno. */
int within_limits(struct within *w);
int within_mounts(struct within *w);
int within_syscalls(struct within *w);
int within_listen(struct within *w);

/* Reads the addresses of a policy that was checked, into the arena. Return: 0; -E2BIG; -EINVAL;
 * -ENOMEM. */
int within_addresses(struct within *w, const Crib__Policy *policy, struct listen_address **ret);

/* As within_mounts(), for mounts on top of the policy's. */
int within_added(struct within *w, Crib__Mount *const *mounts, size_t count);

/* A mount as it is compared. */
struct place {
    const Crib__Mount *mount;
    Crib__Mount__Type type;
    const char *source; /* clean; NULL: shows nothing of the host, or is not to be compared */
    const char *target; /* clean; NULL: not to be compared */
    bool write, exec, dev; /* write: of an overlay, that its changes are committed */
    bool unclear;          /* a symlink may lead the target elsewhere */
    uint64_t size, inodes; /* what a tmpfs can hold */
};

struct places {
    struct place *list;
    size_t count;
};

/* Reads two lists, one behind the other. Return: 0; -ENOMEM. */
int places_read(struct within *w, Crib__Mount *const *first, size_t n_first,
                Crib__Mount *const *second, size_t n_second, struct places *ret);

/* Return: what follows @dir in @path, "" when they are the same; NULL when @path is not below. */
const char *place_below(const char *path, const char *dir);

/* Return: whether it shows something of the host. */
bool place_shows_host(const struct place *place);

/* Return: whether the task may write there, be it that an overlay takes it up. */
bool place_takes_writes(const struct place *place);

#endif
