/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are copied in before a task starts, and out when it has ended: what may be asked.
 *
 * Theory of operation: both lie in a file system in memory that the policy gives the task to write
 * in. What is bound is the host's, and on the host already; the root holds nothing of the task's.
 *
 * Runs in: library, daemon.
 * Owns: nothing.
 */
#ifndef PLAN_FILES_H
#define PLAN_FILES_H

#include "plan/plan.h"

#define FILES_MAX       64                   /* copied in; as many out */
#define FILES_SIZE      ((uint64_t)64 << 20) /* bytes of one, where nothing else is said */
#define FILES_CONTENT   ((uint64_t)1 << 20)  /* bytes of one whose content is in the result */
#define FILES_CONTENTS  (2 * FILES_CONTENT)  /* and of all of a task together */
#define FILES_MODE_MOST 0777u
#define FILES_MODE      0644u /* of what says nothing else */

/* Return: how many bytes a file may have, as asked or by default; 0: it was asked for nonsense. */
uint64_t files_in_max(const Crib__CopyIn *in);
uint64_t files_out_max(const Crib__CopyOut *out);

/* Return: whether the file's content is to be in the result. */
bool files_is_content(const Crib__CopyOut *out);

#endif
