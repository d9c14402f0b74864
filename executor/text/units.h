/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as people write them: plain, with a unit, in octal.
 *
 * Runs in: library, cli.
 * Owns: nothing.
 */
#ifndef TEXT_UNITS_H
#define TEXT_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum unit {
    UNIT_COUNT,
    UNIT_BYTES,
    UNIT_MILLISECONDS,
    UNIT_OCTAL,
    UNIT_THOUSANDTHS, /* decimals, `1.5` is 1500 */
};

struct unit_row {
    const char *message; /* full name, `crib.Limits` */
    const char *field;
    enum unit unit;
    bool unlimited; /* 2^64-1 is written `unlimited` */
};

/* Every row in turn: unit_next(NULL) is the first, NULL ends it. */
const struct unit_row *unit_next(const struct unit_row *row);

/* Return: the row, static; NULL when the field has none. */
const struct unit_row *unit_find(const char *message, const char *field);

#define UNIT_TEXT 32  /* bytes that hold any number */
#define UNIT_WHY  160 /* bytes for the reason of a refusal */

/**
 * unit_read() - Read an unsigned number under its unit
 * @row: NULL: a plain number
 * @why: filled when refused: "'64Q' has an unknown unit, use K, M, G or T"
 *
 * Return: 0; -EINVAL
 */
int unit_read(const struct unit_row *row, const char *text, uint64_t *ret, char why[UNIT_WHY]);

/* Read a signed decimal number. Return: as unit_read(). */
int unit_read_signed(const char *text, int64_t *ret, char why[UNIT_WHY]);

/* Writes @value as unit_read() takes it, the shortest way. Return: @text. */
char *unit_write(const struct unit_row *row, uint64_t value, char text[UNIT_TEXT]);

#endif
