/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of `crib`: a table of them in main.c, each in a file of its own.
 *
 * Runs in: cli.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli/request.h"

/* Exit statuses that are crib's own; otherwise the task's, and 128+n when signal n ended it. */
enum status {
    STATUS_INVALID = 1,      /* policy check: one file at least is wrong */
    STATUS_LACKING = 1,      /* doctor: the policy cannot be enforced in full */
    STATUS_TEST_FAILED = 1,  /* test: one case at least */
    STATUS_TEST_USAGE = 2,   /* test: bad usage, or a file that cannot be read */
    STATUS_TIMEOUT = 124,    /* wall or processor time */
    STATUS_FAILED = 125,     /* crib itself: bad usage, a sandbox that cannot be set up */
    STATUS_UNRUNNABLE = 126, /* the program is there, but cannot be executed */
    STATUS_NOT_FOUND = 127,  /* no such program */
    STATUS_SIGNAL = 128,
};

/* Bits for the column `commands` of options.def. */
enum {
    IN_RUN = 1,
    IN_EXEC = 2,
    IN_FORK = 4,
    IN_PLAN = 8,
    IN_OTHER = 16,
    IN_ASK = 32, /* of a daemon: has no option of its own */
    IN_WAIT = 64,
    IN_KILL = 128,
    IN_LOGS = 256,
    IN_ATTACH = 512,
    IN_TEST = 1024,
    IN_LEARN = 2048, /* policy learn */
    IN_DOCTOR = 4096,
    IN_CLUSTER = 8192,
    IN_DAEMON = IN_ASK | IN_WAIT | IN_KILL | IN_LOGS | IN_ATTACH,
    IN_TASKS = IN_RUN | IN_EXEC | IN_FORK,
    IN_STARTS = IN_TASKS | IN_PLAN,
    IN_ALL = IN_STARTS | IN_DAEMON | IN_OTHER,
};

struct command {
    const char *name;
    unsigned bit;
    const char *operands; /* as in the usage line */
    int least, most;      /* how many operands; -1: any number */
    const char *about;    /* one line */
    const char *more;     /* further lines of its help; NULL: none */
    /* @request is read and checked for the number of operands. Return: the exit status. */
    int (*run)(struct request *request);
};

/* Return: every command, the last has no name; static. */
const struct command *commands(void);

/* Return: the command of that name; NULL. */
const struct command *command_find(const char *name);

int command_run(struct request *request);
int command_exec(struct request *request);
int command_fork(struct request *request);
int command_cluster(struct request *request);
int command_plan(struct request *request);
int command_policy(struct request *request);
int command_ps(struct request *request);
int command_wait(struct request *request);
int command_kill(struct request *request);
int command_logs(struct request *request);
int command_attach(struct request *request);
int command_inspect(struct request *request);
int command_forget(struct request *request);
int command_info(struct request *request);
int command_test(struct request *request);
int command_doctor(struct request *request);
int command_version(struct request *request);
int command_help(struct request *request);

/* Shows the help of one command, or the overview for NULL, on stdout. Return: the exit status. */
int help_show(const struct command *command);

/* Complains of an unknown command, with the nearest known one. Return: STATUS_FAILED. */
int help_unknown(const char *name);

#endif
