/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that are masked and not there yet, in directories of the host that the task may write.
 *
 * Theory of operation: a name can only be held by something that is there. So an empty file is made
 * on the host before the start, with the task's rights (rights.h), beneath the directory that was
 * checked and through no symlink; init mounts the mask on it, and it is removed at the end. It has
 * a mode that nobody else gives a file (changes.h), and each task that needs it holds it by a
 * shared flock(2): the last one, who gets the exclusive lock, removes it, if it is still the same
 * empty file. One that is left over, since its owner was killed, is taken by the next task with
 * that mask. Where the task could make nothing in the directory, nothing is made, and init is told
 * which directory that was.
 *
 * Runs in: library, on the loop's thread.
 * Owns: the files, and fds of them.
 */
#ifndef SUPERVISE_PLACEHOLDERS_H
#define SUPERVISE_PLACEHOLDERS_H

#include "base/error.h"
#include "host/host.h"
#include "plan.pb-c.h"

struct placeholders;

/**
 * placeholders_make() - Make what the plan's masks need
 * @plan:  its masks get device and inode: of the file, or of the directory in which nothing can be
 *         made
 * @paths: borrows
 * @ret:   NULL: none were needed
 *
 * Return: 0; negative errno, with nothing left behind
 */
int placeholders_make(Crib__Plan *plan, const struct host_fds *paths, struct placeholders **ret,
                      struct crib_error *err);

/* Nothing of the sandbox is left: removes what nobody else needs. Accepts NULL. */
void placeholders_remove(struct placeholders *placeholders);

#endif
