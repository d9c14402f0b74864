/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times of many runs, and a table of them. Where CRIB_BENCH_DATA names a file, all that is printed
 * is appended to it with every value, for report.py.
 *
 * Runs in: bench programs.
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>

struct samples {
    const char *name;
    double *values; /* microseconds, or whatever the table is of */
    size_t count, room;
    const char *why; /* not NULL: not measured, and why */
};

/* Appends one; ends the program when memory is out. */
void samples_add(struct samples *samples, double value);

/* Return: the value below which @part (0 to 1) of them lie; sorts them. 0 when there are none. */
double samples_at(struct samples *samples, double part);

void samples_done(struct samples *samples);

/**
 * samples_table() - Print minimum, median, 90th percentile, and the ratio of medians to the first
 * @what: heading
 * @unit: of the values
 */
void samples_table(const char *what, const char *unit, struct samples *rows, size_t count);

/* Print one number that is no time of many runs. */
void samples_figure(const char *what, const char *name, const char *unit, double value);

/* Return: microseconds of a clock that only goes forward. */
double samples_clock(void);

#endif
