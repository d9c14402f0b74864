/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines: one line of JSON each, on standard error (journald keeps it), or nothing.
 *
 *     {"time":"2026-01-02T03:04:05.678Z","level":"info","event":"spawn","task":7,"uid":1000}
 *
 * Values of the arguments and the environment of a task are redacted unless the site asks for them.
 *
 * Runs in: daemon. A line is written by one write(2); when nobody reads it is dropped and counted.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* @fd: borrows; must be able not to block, or be a file. @values: write argv and env as they are.
 */
void log_open(int fd, enum log_level most, bool values);

/* Fields of a line; the last one has no name. */
struct log_field {
    const char *name;
    enum { LOG_TEXT, LOG_NUMBER, LOG_WORDS } kind;
    const char *text; /* LOG_TEXT; NULL: the field is left out */
    int64_t number;   /* LOG_NUMBER */
    const char *const
        *words; /* LOG_WORDS: argv or env, ended by NULL; redacted to its count and the first */
};

/* Return: a field; for initialisers. */
#define LOG_T(n, t)                                                                                \
    {                                                                                              \
        .name = (n), .kind = LOG_TEXT, .text = (t)                                                 \
    }
#define LOG_N(n, v)                                                                                \
    {                                                                                              \
        .name = (n), .kind = LOG_NUMBER, .number = (int64_t)(v)                                    \
    }
#define LOG_W(n, w)                                                                                \
    {                                                                                              \
        .name = (n), .kind = LOG_WORDS, .words = (w)                                               \
    }
#define LOG_END                                                                                    \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* Writes one line. log_line(LOG_INFO, "spawn", (struct log_field[]){LOG_N("task", 7), LOG_END}). */
void log_line(enum log_level level, const char *event, const struct log_field *fields);

/* Return: lines dropped so far. */
uint64_t log_dropped(void);

#endif
