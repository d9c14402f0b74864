/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib-compiler, which turns rules into programs by libseccomp, and how it is asked.
 *
 * Theory of operation: libseccomp can be busy for ever with three rules, so it is no part of the
 * library but of a small static program, which the library carries inside it (base/image.h). Each
 * question is a new process: it gets one stream socket and nothing else, bounds its own time and
 * memory, gives up whatever it could do to the host, reads one Compilation, writes one Compiled,
 * and ends (main.c, box.c, translate.c). The library waits for the answer up to a deadline, kills
 * the process, and believes nothing of what it said: numbers and sizes are checked here, what the
 * programs do is proven by plan/ (ask.c).
 *
 * Runs in: library, and crib-compiler.
 * Owns: nothing.
 */
#ifndef COMPILER_COMPILER_H
#define COMPILER_COMPILER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/image.h"
#include "compiler.pb-c.h"

#define COMPILER_SECONDS 5    /* the library waits */
#define COMPILER_LONGEST 4096 /* instructions of a program; the kernel's BPF_MAXINSNS */
#define COMPILER_ASKED   (4u * 1024 * 1024) /* bytes of a question */
#define COMPILER_TOLD    (1024u * 1024)     /* bytes of an answer */

/* What the programs return; no kernel knows them. */
#define COMPILER_MISS 0x7ff00001u /* SECCOMP_RET_TRACE | 1: none of the calls */
#define COMPILER_HIT  0x7ff00002u
#define COMPILER_ARCH 0x7ff00003u /* another architecture */

extern struct image compiler_image; /* tests put others in its place */

/**
 * compiler_ask() - Have sections compiled
 * @asked: borrows
 * @ret:   in @arena; as many programs as sections, each of 1 to COMPILER_LONGEST instructions.
 *         Nothing else of it is certain
 *
 * Any thread; suspends it for up to COMPILER_SECONDS. Works where the host's fds 0 to 2 are closed,
 * SIGCHLD is ignored, or somebody waits for any child.
 *
 * Return: 0; -ETIMEDOUT; -E2BIG; -EPROTO no honest answer; -ENOMEM; what libseccomp, a clone or an
 *         exec say
 */
int compiler_ask(const Crib__Compilation *asked, struct arena *arena, Crib__Compiled **ret,
                 struct crib_error *err);

/* In crib-compiler: the answer to a question. Return: in @arena; NULL when out of memory. */
Crib__Compiled *compiler_translate(const Crib__Compilation *asked, struct arena *arena);

/* In crib-compiler: bounds time and memory, and gives up all rights but an ordinary user's. */
void compiler_box(void);

#endif
