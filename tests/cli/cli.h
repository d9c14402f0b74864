/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the crib program, as a shell would, and keeps what it said.
 *
 * Runs in: tests.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "support/support.h"

#include <stdbool.h>
#include <sys/types.h>

#define CLI_RESULT_FD 9 /* where --result-fd leads when `result` is wanted */

struct cli {
    /* Asked for; zero means: crib, /dev/null as stdin, nothing special. */
    const char *program;     /* another program's path */
    const char *input;       /* stdin, by a pipe */
    const char *input_file;  /* stdin, opened read-only */
    const char *output_file; /* stdout, opened for writing; `out` is empty then */
    unsigned closed;         /* bits of fds 0 to 2 that are closed */
    bool want_result;        /* fd 9 is open, its text is in `result` */
    bool large_args;         /* raise the limit on arguments first */
    int (*before)(void);     /* in the new process, before it is crib; anything but 0 is 249 */
    /* While it runs; signals may be sent to pid. */
    void (*meanwhile)(struct cli *cli);
    unsigned pause_us; /* for meanwhile */
    pid_t pid;
    int out_fd, err_fd, result_fd; /* memory files that stdout, stderr and fd 9 go to */
    /* What came of it. */
    int status; /* exit status; 1000 + n when crib itself was ended by signal n */
    char *out, *err, *result;
};

/* Zeroed but for what is asked for. Words are what follows `crib`, ended by NULL. Fails the test
 * when it takes over 60 s. */
void cli_run(struct cli *cli, const char *const *words);
#define CLI(cli, ...) cli_run(cli, (const char *const[]){__VA_ARGS__, NULL})

/* Frees the texts and forgets the pid; what is asked for stays. */
void cli_done(struct cli *cli);

/* Runs, and fails with all that was said when the status is not @status. The texts stay. */
#define CLI_EXPECT(cli, expected, ...)                                                             \
    do {                                                                                           \
        CLI(cli, __VA_ARGS__);                                                                     \
        cli_status(cli, expected, __FILE__, __LINE__);                                             \
    } while (0)
void cli_status(const struct cli *cli, int expected, const char *file, int line);

/* Return: the path of a program of this suite (`crib`, `module`, `worker`); static. */
const char *cli_program(const char *name);

/* Waits until stdout holds @text. */
void cli_wait_for(struct cli *cli, const char *text);

/* Return: how many lines of @text begin with @start. */
unsigned cli_lines(const char *text, const char *start);

/* Return: a new directory that tasks may read and enter, whatever id they have; the caller frees.
 */
char *cli_dir(void);

#endif
