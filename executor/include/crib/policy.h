/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies as values: read once, used for many tasks, checked and shown.
 *
 * Runs in: the user's program.
 * Owns: a crib_policy owns everything in it.
 */
#ifndef CRIB_POLICY_H
#define CRIB_POLICY_H

#include <stddef.h>

#include "crib/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crib_policy crib_policy;

/**
 * crib_policy_load() - Read a policy by name or path, with its bases, and check it
 * @err: "file:line:column: unknown key 'limits.memroy', did you mean 'memory'?"
 *
 * Return: 0; -ENOENT; -EINVAL; -EISDIR; -EFBIG; -ELOOP; -E2BIG too many bases or entries; -ENOMEM;
 *         what opening and reading a file may give
 */
CRIB_API int crib_policy_load(const char *name, crib_policy **ret, struct crib_error *err);

/* The same from YAML or JSON text; @name is for errors, and where relative bases start. */
CRIB_API int crib_policy_parse(const char *name, const void *text, size_t len, crib_policy **ret,
                               struct crib_error *err);

/**
 * crib_policy_decode() - The same from a packed policy.proto message
 *
 * Return: as above; -EPROTO not such a message, or a field number that this crib does not know
 */
CRIB_API int crib_policy_decode(const void *data, size_t len, crib_policy **ret,
                                struct crib_error *err);

/* The effective policy as YAML; the caller frees *ret_text. Return: 0; -ENOMEM. */
CRIB_API int crib_policy_text(const crib_policy *policy, char **ret_text);

CRIB_API void crib_policy_free(crib_policy *policy);

/* Return: the names of the shipped policies, ended by NULL; static. */
CRIB_API const char *const *crib_policy_names(void);

#ifdef __cplusplus
}
#endif
#endif
