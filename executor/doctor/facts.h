/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts that are read from files, each on its own so that it can be tested against made-up trees.
 *
 * Runs in: cli.
 * Owns: nothing; what is found lives in the arena.
 */
#ifndef DOCTOR_FACTS_H
#define DOCTOR_FACTS_H

#include <stddef.h>

#include "base/arena.h"
#include "doctor.pb-c.h"

/* @root everywhere: what stands for `/`, without a slash at its end; the host's is "". */

/**
 * facts_covers() - What is mounted over parts of /proc
 * @survey: its covers and proc are filled
 *
 * Mounts on directories that are always empty, as /proc/sys/fs/binfmt_misc, uncover nothing and are
 * left out, as the kernel does.
 *
 * Return: 0, also where nothing can be read; -ENOMEM
 * Source: proc_pid_mountinfo(5); mount_too_revealing() of the kernel
 */
int facts_covers(const char *root, struct arena *arena, Crib__Survey *survey);

/**
 * facts_places() - What we are inside of
 * @env:    borrows; as environ; may be NULL
 * @survey: its places are filled, the innermost first
 *
 * Return: 0; -ENOMEM
 * Source: https://systemd.io/CONTAINER_INTERFACE/
 */
int facts_places(const char *root, char *const *env, struct arena *arena, Crib__Survey *survey);

/**
 * facts_switches() - The rest: a filter around us, no_new_privs, security modules, memfd_noexec,
 * core_pattern; what cannot be read stays unset
 */
void facts_switches(const char *root, struct arena *arena, Crib__Survey *survey);

/* Reads a file whole, or its first @max bytes. Return: the text in @arena; NULL: none, or no
 * memory.
 */
char *facts_text(const char *root, const char *name, size_t max, struct arena *arena);

#endif
