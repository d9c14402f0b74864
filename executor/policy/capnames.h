/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of capabilities, from a fixed table: nothing is parsed that a policy could craft.
 *
 * Runs in: library.
 * Owns: nothing.
 * Source: <linux/capability.h>, capabilities(7)
 */
#ifndef POLICY_CAPNAMES_H
#define POLICY_CAPNAMES_H

/* Return: the number of `CAP_…`; -1 unknown. */
int capname_number(const char *name);

/* Every name, by number, ended by NULL; static. */
const char *const *capnames(void);

#endif
