/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task in a sandbox, from its start to its end, with everything that can be known about it: what
 * every test in this folder asserts on.
 *
 *     struct sandbox box;
 *
 *     sandbox_init(&box);
 *     box.options.policy = "strict";
 *     sandbox_probe(&box, "write /tmp/x hello , cat /tmp/x");
 *     assert_string_equal(box.out, "/tmp/x ok\nhello");
 *     sandbox_done(&box);
 *
 * Runs in: tests.
 * Owns: a struct sandbox owns the texts in it.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include "support/support.h"

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "crib/crib.h"

struct sandbox {
    /* Asked. sandbox_init() sets the defaults. */
    struct crib_options options; /* the callbacks and data are the fixture's */
    const char *rules;           /* text of a policy; beats options.policy */
    const char *input;           /* for stdin, then its end; NULL: only the end */
    bool fork;                   /* start it by crib_fork: with a channel */
    unsigned patience_ms;        /* the task is killed and the test fails after it; 0: 60000 */
    void (*before)(void);        /* starve.h: called first in the other process */
    void (*around)(struct sandbox *box, bool start); /* before the start, and after the end */
    void (*meanwhile)(struct sandbox *box);          /* called once when the program runs */
    void *user;                                      /* for these two */

    /* Got. */
    int code;                  /* what crib_spawn returned */
    struct crib_error error;   /* of crib_spawn, or of `error`; code 0: none */
    struct crib_result result; /* of `exit`, or of `close` after a failed set-up */
    bool spawned, exited, closed;
    pid_t pid;       /* init's */
    crib_task *task; /* good between spawn and close */
    char *out, *err; /* NUL-terminated */
    size_t out_len, err_len;
    char *denied;   /* a line each: `TEXT ANSWER COUNT` */
    char *json;     /* the result with its receipt */
    bool impatient; /* patience ran out */

    struct buf out_buf, err_buf, denied_buf; /* the fixture's own */
};

void sandbox_init(struct sandbox *box);
void sandbox_done(struct sandbox *box);

/* Runs a program to its end, whatever comes of it. @args without argv[0], ended by NULL, or NULL.
 */
void sandbox_run(struct sandbox *box, const char *file, const char *const *args);

/* The same with the probe; @verbs are split at spaces. */
void sandbox_probe(struct sandbox *box, const char *verbs);

/* The same, and fails the test unless the probe ran and exited with @status. */
void sandbox_expect(struct sandbox *box, const char *verbs, int status);

/* A whole run under a policy of the given name (NULL: default). Return: stdout; the caller frees.
 */
char *sandbox_output(const char *policy, const char *verbs);

/**
 * sandbox_line() - What follows `KEY ` in the line of @text that starts so
 *
 * Return: the rest of the line, good until the 16th call after this; NULL when there is none
 */
const char *sandbox_line(const char *text, const char *key);

/* Fails the test, showing @text, unless the line KEY says @value. */
void sandbox_says(const char *text, const char *key, const char *value);

/* Fails unless the line KEY says one of the names in @values (`EPERM EACCES`). */
void sandbox_says_one(const char *text, const char *key, const char *values);

/* Where the tasks of these tests run: CRIB_TEST_ADDRESS, or NULL: under this process. For
 * crib_open(). */
const char *sandbox_address(void);

/* Where CRIB_TEST_PREPARED names a file (prepared.sh), has a sandbox prepared for a task like this
 * and waits a while for it; else does nothing. Before the start. @fork: it will be by crib_fork(). */
void sandbox_prepare(crib *ex, const char *file, const char *const *args,
                     const struct crib_options *options, bool fork);

/* At its `close`: leaves a mark in that file where the task was started in a prepared sandbox. */
void sandbox_mark_prepared(crib_task *task);

/* The path of the probe; static. */
const char *sandbox_probe_path(void);
const char *sandbox_dynamic_path(void);

/* Return: whether the caller is root, so that tasks get an id of their own. */
bool sandbox_privileged(void);

/* Skips what is about this process as the parent of its tasks, where they run elsewhere. */
void sandbox_only_here(const char *why);

/* Skips what only the other kind of caller can do; `make test` runs the suite as both. */
void sandbox_only_privileged(bool privileged);

/* For sandbox.before: an ordinary user without groups, as after a login. */
void sandbox_become_ordinary(void);

/* The shipped policies that can run here: of an ordinary caller's cgroups nothing is known, so not
 * `judge`. Ended by NULL; static. */
const char *const *sandbox_policies(void);

/* The id that a task has by default here. */
unsigned sandbox_task_uid(void);
unsigned sandbox_task_gid(void);

/* A copy of the probe that every id may read and execute. Return: its path; the caller frees. */
char *sandbox_public_probe(void);

/* Return: how many processes of this host have @word as a whole argument. */
int sandbox_processes_with(const char *word);

/* test_run() after one run that opens what a process keeps open: the loop's pipe, init's image. */
#define sandbox_test_run(tests) (sandbox_warm(), test_run(tests))
void sandbox_warm(void);

#endif
