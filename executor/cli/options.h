/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of the command line: one table, options.def, makes the parser and the help.
 *
 * Runs in: cli.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/error.h"

enum option_id {
#define OPTION(id, ...) OPTION_##id,
#include "cli/options.def"
#undef OPTION
    OPTION_COUNT,
};

struct option_row {
    const char *name;     /* without the dashes */
    char letter;          /* 0: none */
    const char *argument; /* what to call it in the help; NULL: takes none */
    unsigned commands;    /* bits of command.h */
    const char *help;
};

extern const struct option_row option_rows[OPTION_COUNT];

/* Return: 0; -EINVAL with the complaint in @err. @value is NULL where the row has no argument. */
typedef int (*option_take)(void *to, enum option_id id, const char *value, struct crib_error *err);

/**
 * cli_options_read() - Read options up to the first word that is none, or behind `--`
 * @words:    borrows; ended by NULL
 * @commands: bit of the command at hand; rows without it are unknown
 * @take:     called for each option in turn
 *
 * `--name VALUE`, `--name=VALUE`, `-n VALUE`, `-nVALUE`; a value may begin with a dash. Letters
 * without an argument may be joined. Names are not abbreviated.
 *
 * Return: how many words were read; -EINVAL, or as @take
 */
int cli_options_read(char *const *words, unsigned commands, option_take take, void *to,
                     struct crib_error *err);

/* `--name 'VALUE': WANTED`. Return: -EINVAL. */
int bad_value(struct crib_error *err, enum option_id id, const char *value, const char *wanted);

/* Reads the number of an fd that is open for writing and above 2. @taken: what to say of those up
 * to 2. Return: 0; -EINVAL. */
int take_fd(int *ret, enum option_id id, const char *value, const char *taken,
            struct crib_error *err);

#endif
