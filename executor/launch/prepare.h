/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sandbox made ahead, from the first half of a plan alone.
 *
 * Runs in: library, on the pool's thread.
 */
#ifndef LAUNCH_PREPARE_H
#define LAUNCH_PREPARE_H

#include <stddef.h>
#include <stdint.h>

#include "launch/launch.h"

/**
 * prepare_sandbox() - Make a sandbox that waits for its program
 * @data: borrows; the first half of a plan, packed
 * @ret:  filled; the caller's
 *
 * What is bound is opened by its path, and has to be the very object that the plan was made of.
 * Blocks until init has said that it waits.
 *
 * Return: 0; negative errno, nothing is left behind
 */
int prepare_sandbox(const uint8_t *data, size_t len, struct launch *ret);

#endif
