/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a call on a file cannot do what it wants: what is found out of it, and how it is put.
 *
 * Runs in: library.
 * Owns: nothing; texts live in the caller's arena.
 */
#ifndef PLAN_WHY_H
#define PLAN_WHY_H

#include <stdbool.h>

#include "plan/plan.h"

enum reason {
    REASON_NONE,
    REASON_HIDDEN,    /* nothing shows it; whether the host has it is not known here */
    REASON_READ_ONLY, /* its mount */
    REASON_NO_EXEC,
    REASON_NO_DEV,
    REASON_LANDLOCK, /* lets nothing be written */
    REASON_MODE,     /* permission bits of the file, or of the directory that it would be made in */
    REASON_SEARCH,   /* permission bits of a directory on the way */
    REASON_DIR,      /* the directory of a name that is to go does not let the task */
    REASON_OWNER,    /* only its owner may change it */
};

struct why {
    const Crib__Plan *plan;
    const Crib__Report__Refused *refused;
    const Crib__Report__File *file;
    const char *path;             /* clean */
    const char *dir;              /* the one it is in, clean */
    const char *there;            /* the last directory that is there; `path` where all of it is */
    const char *call;             /* its name */
    uint32_t wants;               /* WANT_… */
    const Crib__MountPlan *mount; /* that decides; NULL: the root, which is crib's own */
    enum reason reason;
    struct arena *arena;
};

/* Return: what was found to stand in the way, as `why->reason` is to be. */
enum reason why_reason(const struct why *why);

/* why_words.c. Return: the denial's text, rule and edit, in the arena or static; NULL out of
 * memory.
 */
char *why_text(const struct why *why);
char *why_head(const struct why *why); /* the text's beginning: the call, the path, what for */
char *why_rule(const struct why *why);
char *why_edit(const struct why *why);

#endif
