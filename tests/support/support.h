/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every test shares: cmocka with its prerequisites, a runner that fails on leaked fds and
 * children, skips that CI does not accept.
 *
 * Runs in: tests.
 */
#ifndef SUPPORT_SUPPORT_H
#define SUPPORT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/types.h>

/**
 * test_run() - Run a group, as cmocka_run_group_tests(), with the checks of this project
 *
 * After each test this process must have as many fds as before, and no children.
 */
#define test_run(tests) test_run_group(#tests, tests, sizeof(tests) / sizeof((tests)[0]))
int test_run_group(const char *name, const struct CMUnitTest *tests, size_t count);

/* Skips the test with a reason; a failure where CRIB_TESTS_MUST_RUN=1. Does not return. */
void test_skip(const char *reason, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Return: a new empty directory below TMPDIR, removed at exit; the caller frees the text. */
char *test_dir(void);

/* Writes a file whole, making it executable when @mode says so. */
void test_write(const char *path, const void *data, size_t len, unsigned mode);

/* Return: the file whole, NUL-terminated; the caller frees it. Fails the test when it is not there.
 */
char *test_read(const char *path, size_t *ret_len);

/* Fails with both texts when @got does not contain @part. */
void test_contains(const char *got, const char *part);

/* Return: how many descriptors a process has open, but for those of networks that the library keeps
 * to use them again. */
int test_count_fds(pid_t pid);

/* Return: for how long a test of races is to race, in us: a minute under CRIB_TESTS_LONG=1. */
uint64_t test_race_us(void);

#endif
