/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making in the source what a task has changed in its overlay.
 *
 * Theory of operation: the source is the directory that was opened when the task was started, and
 * everything is reached beneath it, through no symlink and into no other file system: whoever swaps
 * parts of a path meanwhile gets an error for that change, and nothing outside is touched. A file
 * or symlink is made under a name of its own beside the place, and renamed onto it; it is never
 * written through what stands there. Devices, FIFOs, sockets and set-id bits are refused, one by
 * one. Hard links become copies. All contents together are no more than the overlay could hold;
 * holes stay holes. Directories get their modes at last.
 *
 * Runs in: library, on any thread, with the rights it has (rights.h).
 * Owns: nothing.
 */
#ifndef SUPERVISE_COMMIT_H
#define SUPERVISE_COMMIT_H

#include "supervise/changes.h"

/**
 * commit_changes() - Make them
 * @upper, @source: as changes_find()
 * @size:    bytes of contents in all
 * @changes: each gets its code
 *
 * Return: how many could not be made
 */
size_t commit_changes(int upper, int source, uint64_t size, struct changes *changes);

#endif
