/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines: one line of JSON each, on standard error (journald keeps it), or nothing.
 *
 *     {"time":"2026-01-02T03:04:05.678Z","level":"info","event":"spawn","task":7,"uid":1000}
 *
 * Values of the arguments and the environment of a task are redacted unless the site asks for them:
 * {"count":3,"first":"PATH="} tells how many there are and how the first begins.
 *
 * A line has at most PIPE_BUF bytes: a text is cut after 1,000, a field without room is left out,
 * and the line then says "cut":true. It is written by one write(2); when nobody reads it is dropped
 * and counted, and the next line says "dropped":N.
 *
 * Runs in: daemon, where SIGPIPE is ignored.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* @fd: borrows; a file, pipe, socket or terminal, which need not be non-blocking; -1: no log.
 * @values: write argv and env as they are. */
void log_open(int fd, enum log_level most, bool values);

/* Fields of a line; the last one has no name. */
struct log_field {
    const char *name;
    enum { LOG_TEXT, LOG_NUMBER, LOG_WORDS } kind;
    const char *text; /* LOG_TEXT; NULL: the field is left out */
    int64_t number;   /* LOG_NUMBER */
    /* LOG_WORDS: argv, argv[0] included, or env; ended by NULL; NULL: left out */
    const char *const *words;
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
