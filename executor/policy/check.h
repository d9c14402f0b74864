/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy says that is wrong whatever the host: found while file, line and column are known.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_CHECK_H
#define POLICY_CHECK_H

#include <stdbool.h>

#include "base/error.h"
#include "policy.pb-c.h"
#include "text/text.h"

#define POLICY_MAX_ENTRIES 4096 /* of one list of one policy */

/* A policy as written, and where its fields stood. */
struct policy_check {
    const Crib__Policy *policy;
    const char *name;               /* the file's, for errors */
    const struct text_marks *marks; /* NULL: a message from elsewhere, the fields' paths are told */
    struct crib_error *err;
    bool replaced; /* it has no variables any more: a path begins with a slash */
};

/**
 * policy_check() - Check one policy as written, bases not merged
 *
 * Return: 0; -EINVAL; -E2BIG a list too long; -ENOMEM
 */
int policy_check(const struct policy_check *check);

/**
 * policy_refuse() - Record what is wrong with a field
 * @path: borrows; the field's, `mounts[2].target`
 *
 * Return: @code
 */
int policy_refuse(const struct policy_check *check, const char *path, int code, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

/* Parts of policy_check(). */
int policy_check_mounts(const struct policy_check *check);
int policy_check_limits(const struct policy_check *check);
int policy_check_listen(const struct policy_check *check);

/**
 * policy_lay_listen() - Make ready to lay the addresses of a policy over those of its bases
 * @own:   the policy; its list is replaced by what the bases have not, in canonical text
 * @onto:  borrows; the bases, merged
 *
 * Return: 0; -E2BIG; -ENOMEM
 */
int policy_lay_listen(const struct policy_check *check, Crib__Policy *own, const Crib__Policy *onto,
                      struct arena *arena);

#endif
