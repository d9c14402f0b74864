/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error value of crib: filled once where it happens, turned to text once where it is shown.
 *
 * Runs in: the user's program, and every crib program.
 * Owns: nothing; plain data, copied by value.
 */
#ifndef CRIB_ERROR_H
#define CRIB_ERROR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CRIB_API __attribute__((visibility("default")))

/**
 * struct crib_error - What went wrong, where, with which thing
 * @code:    negative errno, as the failing function returned it; 0: no error
 * @sys:     errno of the system call behind it, appended as text; 0: none, @detail says it all
 * @index:   position in a list of the policy or task (mounts[2]); -1: none
 * @step:    static string, the mechanism or step ("mounts", "cwd", "exec"); NULL: none
 * @subject: the thing concerned, mostly a path or "file:line:column"
 * @detail:  what was being done with it, or the whole sentence
 */
struct crib_error {
    int code;
    int sys;
    int index;
    const char *step;
    char subject[320];
    char detail[320];
};

/**
 * crib_error_text() - The sentence a person reads
 * @error: borrows
 * @text:  filled, always ended by NUL; cut when too small
 * @size:  bytes at @text
 *
 * `mounts[2] /data: bind source: No such file or directory`
 *
 * Return: @text
 */
CRIB_API char *crib_error_text(const struct crib_error *error, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
