/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be found out about a call that waits for its answer: the caller's name, the path or
 * address that its memory names, and where a path leads. All of it is for people to read; nothing
 * is decided on it.
 *
 * Runs in: sandbox.
 * Owns: a thread of init's, made at the first look.
 */
#ifndef INIT_LOOK_H
#define INIT_LOOK_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "init/told.h"

enum look_kind { LOOK_PATH = 1, LOOK_ADDRESS = 2 }; /* as Report.Object.Kind */

enum look_want {
    LOOK_NONE,
    LOOK_READ,
    LOOK_WRITE,
    LOOK_CHANGE,
    LOOK_EXEC,
    LOOK_ENTER,
    LOOK_ACCESS,
    LOOK_MAKE,
    LOOK_REMOVE,
    LOOK_CREATE,
    LOOK_OPEN,
    LOOK_HOW,
};

/* How: also where a path leads; and where the caller must not be kept for long. */
#define LOOK_RESOLVE 1u
#define LOOK_BRIEFLY 2u

#define LOOK_FOLLOW (-1)
#define LOOK_STAY   (-2)

/* A row of looks.def. */
struct look_row {
    int number;
    enum look_kind kind;
    int arg, second;
    enum look_want want;
    int last;
};

/* Return: the rows of a call, NULL for none; *ret_count of them. */
const struct look_row *look_rows(int number, size_t *ret_count);

struct init;
struct look;

/* Return: NULL without memory. The thread comes with the first look_at(). */
struct look *look_new(const struct init *init);

/* Makes the thread now. Return: 0; negative errno. */
int look_start(struct look *look);

/* Ends the thread; where it hangs, gives up on it and its memory. */
void look_free(struct look *look);

/**
 * look_at() - Find out about one call
 * @request: borrows; not answered yet
 * @row:     NULL: the caller's name alone
 * @how:     LOOK_RESOLVE, LOOK_BRIEFLY
 * @out:     filled as far as things can be known
 *
 * Waits for what it looks at, but not for ever and not longer than the parent lives.
 *
 * Return: whether the call, as far as can be seen, does not come out well; needs LOOK_RESOLVE
 */
bool look_at(struct look *look, const struct seccomp_notif *request, const struct look_row *row,
             unsigned how, struct sighting *out);

/* For the thread's parts. */

/* The caller, as the thread sees it. */
struct looker {
    const struct init *init;
    int proc;   /* a /proc of our own, mounted nowhere; -1 */
    bool tried; /* to have one */
};

/* Reads at most @size bytes of a process, fewer where its memory ends. Return: how many. */
size_t look_read(uint32_t pid, uint64_t address, void *data, size_t size);

/* Where @path leads a caller. Fills @file. Return: as look_at(). resolve.c */
bool look_resolve(const struct looker *looker, const struct seccomp_notif *request,
                  const struct look_row *row, const char *path, struct sighting_file *file);

#endif
