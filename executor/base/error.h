/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling struct crib_error, always in one line where the failure is.
 *
 * Runs in: any process.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "crib/error.h"

/**
 * fail_sys() - Record that a system call failed
 * @err:     filled; may be NULL
 * @code:    negative errno; its text is appended
 * @step:    static string
 * @index:   position in a list, or -1
 * @subject: may be NULL; copied, cut when too long
 * @detail:  printf format of what was tried, e.g. "bind source"; may be NULL
 *
 * Return: @code, so that `return fail_sys(...)` reads well
 */
int fail_sys(struct crib_error *err, int code, const char *step, int index, const char *subject,
             const char *detail, ...) __attribute__((format(printf, 6, 7)));

/**
 * fail_text() - Record a failure that the sentence @detail tells in full
 *
 * As fail_sys(), but no errno text is appended.
 */
int fail_text(struct crib_error *err, int code, const char *step, int index, const char *subject,
              const char *detail, ...) __attribute__((format(printf, 6, 7)));

#endif
