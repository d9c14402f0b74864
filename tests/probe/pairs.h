/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of pairs.c.
 *
 * Runs in: the task.
 */
#ifndef PROBE_PAIRS_H
#define PROBE_PAIRS_H

struct pair {
    const char *kind;
    int (*offer)(long number, const char *where); /* 0; -1 and errno */
    int (*reach)(long number, const char *where); /* 1 reached; 0 nothing there; -1 and errno */
    void (*again)(const char *where);             /* called now and then while offering */
    void (*end)(long number, const char *where);  /* takes back what would stay */
};

/* Each ended by a NULL kind. */
extern const struct pair object_pairs[], process_pairs[], file_pairs[], counted_pairs[];

#endif
