/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filter programs kept in files, for the next process of the same user.
 *
 * Theory of operation: /var/cache/crib for root; else $XDG_CACHE_HOME/crib, or ~/.cache/crib; or
 * the directory that $CRIB_FILTER_CACHE names, which may also say `off`. A program is proven when
 * it is made, and not again when it comes from a file, so a file counts for as much as the caller's
 * own memory, and must be as hard for others to write: the directory and the file belong to the
 * caller, nobody else may do anything with them, and no link leads there. Set-id programs and cribd
 * use no files at all (plan_keep_no_files()).
 *
 * A file has the digest of filter_key() and of this build (filter_stamp) as its name, and both in
 * full inside, which are compared; then the programs, and a sum over all. What is broken, cut short
 * or made by another build is as good as no file, and is written anew: beside, then renamed. Of
 * more than FILTER_FILES the oldest go. That nothing can be kept is no error.
 *
 * Runs in: library; any thread.
 * Owns: nothing.
 */
#ifndef PLAN_FILTER_FILE_H
#define PLAN_FILTER_FILE_H

#include <stdbool.h>

#include "plan/filter.h"

#define FILTER_FILES     64
#define FILTER_FILE_MAX  (1024 * 1024) /* bytes of one */
#define FILTER_FILE_MARK "cribflt1"    /* how each begins */

/* What programs depend on beside their rules: a digest of the compiler's image and of the sources
 * of plan/ and policy/; 64 digits. Made at build time. */
extern const char filter_stamp[];

/* Finds the programs of @key (filter_key()). @ret: in @arena. Return: whether there are. */
bool filter_file_read(const struct buf *key, struct arena *arena, struct filter_programs *ret);

/* Keeps proven programs. */
void filter_file_write(const struct buf *key, const struct filter_programs *programs);

#endif
