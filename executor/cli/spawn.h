/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options as a request to a daemon. A file of its own, since here "request" means the library's.
 *
 * Runs in: cli.
 */
#ifndef CLI_SPAWN_H
#define CLI_SPAWN_H

#include <stdbool.h>

#include "base/arena.h"
#include "crib/crib.h"
#include "executor.pb-c.h"

/**
 * spawn_message() - A detached task, whose stdin, stdout and stderr the daemon keeps
 * @options: borrows; their stdio is not used
 * @pty:     its stdio is a terminal, not three pipes
 * @label:   borrows; may be NULL
 * @ret:     in @arena
 *
 * Our working directory and environment go along. A policy's file is read here, a name is the
 * daemon's to know.
 *
 * Return: 0; as crib_spawn()
 */
int spawn_message(const char *file, const char *const *args, const struct crib_options *options,
                  bool pty, const char *label, struct arena *arena, Crib__SpawnRequest **ret,
                  struct crib_error *err);

#endif
