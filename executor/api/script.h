/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module that is a script of Node's: what has to be asked for so that it runs as under Node's own
 * fork(). The program is `node`, the channel is Node's, the policy is `node` where the caller names
 * none, and the directory of the script can be read, at its own path: there its siblings and
 * packages are.
 *
 * Runs in: library.
 * Owns: what it adds.
 */
#ifndef API_SCRIPT_H
#define API_SCRIPT_H

#include "crib/crib.h"

struct script {
    struct crib_options options; /* the caller's, with what is added */
    const char **args;           /* the script, then the caller's */
    struct crib_bind *binds;
    char *path, *dir;
};

/* Return: whether a module of that name is one. */
bool script_is(const char *module);

/**
 * script_init() - What to run for a script
 * @args, @options: borrows, as long as @ret lives; may be NULL
 *
 * Return: 0; as options_read(); -ENOENT, other errors of its path; -ENOMEM. script_done() in any
 * case.
 */
int script_init(struct script *ret, const char *module, const char *const *args,
                const struct crib_options *options, struct crib_error *err);

void script_done(struct script *script);

#endif
