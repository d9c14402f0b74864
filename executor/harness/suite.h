/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Case files, read and checked: what there is to be run.
 *
 * Theory of operation: a file with `cases` or `defaults` is a Suite of harness.proto; any other is
 * a policy, and each line of its `expect` is a case. Everything that can be wrong with a file is
 * found here, before anything runs, while file, line and column are known: policies are loaded,
 * regular expressions compiled, files to compare with read.
 *
 * Runs in: crib.
 * Owns: everything read, until suites_done().
 */
#ifndef HARNESS_SUITE_H
#define HARNESS_SUITE_H

#include <stdbool.h>

#include "crib/policy.h"
#include "harness.pb-c.h"
#include "harness/call.h"
#include "harness/filtered.h"
#include "harness/find.h"
#include "text/text.h"

#define SUITE_MAX_NAME   200                /* bytes of a case's name */
#define SUITE_MAX_CASES  4096               /* of one file */
#define SUITE_MAX_OUTPUT (64 * 1024 * 1024) /* bytes: the most that `max_output` may say */
#define SUITE_OUTPUT     (1024 * 1024)      /* bytes: what it is when nothing is said */
#define SUITE_TIMEOUT_MS 30000
#define SUITE_LONGEST_MS (60 * 60 * 1000)

/* One file. */
struct suite {
    const char *path; /* as the person called it */
    const char *dir;  /* where relative paths start */
    struct arena arena;
    struct text_marks marks;
    Crib__Suite *message;     /* NULL: a policy */
    crib_policy *policy;      /* then: effective */
    struct filtered filtered; /* then */
};

/* One thing to be run. */
struct item {
    const struct suite *suite;
    const char *name;
    unsigned line, column;
    Crib__Case *test;    /* the defaults laid under; NULL: a line of `expect` */
    crib_policy *policy; /* borrowed */
    bool allow;          /* of a line: what the policy is to say */
    struct concrete_call call;
};

struct suite_policy {
    const char *name;
    crib_policy *policy;
};

struct suites {
    struct arena arena;
    struct suite **list;
    size_t count;
    struct item *items; /* in the order of the files and lines */
    size_t item_count;
    struct suite_policy *policies; /* named by cases; each is loaded once */
    size_t policy_count;
};

/**
 * suites_read() - Read all that some paths stand for
 * @paths: borrows; ended by NULL
 * @err:   "file:line:column: …"
 *
 * Return: 0; negative errno. suites_done() in any case.
 */
int suites_read(struct suites *suites, char *const *paths, struct crib_error *err);

/**
 * suites_add() - Add what the text of one file says
 * @suites: zeroed, or used before
 * @path:   borrows; its name, and where relative paths start
 * @named:  without a case it is an error
 *
 * Return: 0; negative errno
 */
int suites_add(struct suites *suites, const char *path, const char *data, size_t len, bool named,
               struct crib_error *err);

/* suites_add() for a text that is a policy, with `expect` or without. Return: 0; negative errno. */
int suites_add_policy(struct suites *suites, const char *path, const char *data, size_t len,
                      struct crib_error *err);

/* Accepts a zeroed one. */
void suites_done(struct suites *suites);

/* --- the parts --- */

/**
 * suite_refuse() - Record what is wrong with a field
 * @path: borrows; `cases[2].run`
 *
 * Return: -EINVAL
 */
int suite_refuse(const struct suite *suite, struct crib_error *err, const char *path,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/**
 * suite_path() - A path of the file's as it is to be opened
 *
 * Return: @path where it is absolute, else below the file's directory, in the arena; NULL
 */
const char *suite_path(struct suite *suite, const char *path);

/* check.c: holds case @index to the rules; reads `file`s into `exact`. Return: 0; negative errno.
 */
int suite_check_case(struct suite *suite, Crib__Case *test, size_t index, struct crib_error *err);

/* own_policy.c: finds the case's policy. Return: 0; negative errno. */
int suite_policy(struct suites *suites, struct suite *suite, Crib__Case *test, size_t index,
                 crib_policy **ret, struct crib_error *err);

#endif
