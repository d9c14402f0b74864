/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's options, looked at once: what is wrong in them by itself is refused here, what the
 * policy or the host has a say in is refused by the plan.
 *
 * Runs in: library.
 */
#ifndef API_OPTIONS_H
#define API_OPTIONS_H

#include "crib/crib.h"

/**
 * options_read() - Check and copy
 * @options: borrows; NULL: the defaults
 * @ret:     a copy with the defaults of max_buffer and max_message filled in
 *
 * A struct of a newer crib is taken when what we do not know of it is zero.
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP
 */
int options_read(const struct crib_options *options, struct crib_options *ret,
                 struct crib_error *err);

#endif
