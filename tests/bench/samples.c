/* SPDX-License-Identifier: Apache-2.0 */
#include "samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void samples_add(struct samples *samples, double value)
{
    if (samples->count == samples->room) {
        size_t room = samples->room ? 2 * samples->room : 256;
        double *values = realloc(samples->values, room * sizeof(*values));

        if (!values)
            abort();
        samples->values = values;
        samples->room = room;
    }
    samples->values[samples->count++] = value;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double samples_at(struct samples *samples, double part)
{
    size_t index = (size_t)(part * (double)samples->count);

    if (samples->count == 0)
        return 0;
    qsort(samples->values, samples->count, sizeof(samples->values[0]), by_value);
    return samples->values[index < samples->count ? index : samples->count - 1];
}

void samples_done(struct samples *samples)
{
    free(samples->values);
    *samples = (struct samples){0};
}

/* One line a row, for tests/bench/report.py: what, name and unit, then the values or why there are
 * none, between tabs. */
static void write_data(const char *what, const char *unit, const struct samples *rows, size_t count)
{
    const char *path = getenv("CRIB_BENCH_DATA");
    FILE *file;

    if (!path)
        return;
    file = fopen(path, "ae");
    if (!file) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    for (size_t i = 0; i < count; i++) {
        fprintf(file, "%s\t%s\t%s\t%s", what, rows[i].name, unit, rows[i].why ? "!" : "");
        if (rows[i].why)
            fputs(rows[i].why, file);
        for (size_t k = 0; !rows[i].why && k < rows[i].count; k++)
            fprintf(file, "%s%.6g", k ? " " : "", rows[i].values[k]);
        fputc('\n', file);
    }
    fclose(file);
}

void samples_figure(const char *what, const char *name, const char *unit, double value)
{
    struct samples row = {.name = name, .values = &value, .count = 1};

    printf("%s, %s: %.1f %s\n", what, name, value, unit);
    write_data(what, unit, &row, 1);
}

void samples_table(const char *what, const char *unit, struct samples *rows, size_t count)
{
    double first = samples_at(&rows[0], 0.5);

    printf("\n%s, %s\n", what, unit);
    printf("%-28s %10s %10s %10s %8s %6s\n", "", "minimum", "median", "90 %", "ratio", "runs");
    for (size_t i = 0; i < count; i++) {
        double median = samples_at(&rows[i], 0.5);

        if (rows[i].why) {
            printf("%-28s not measured: %s\n", rows[i].name, rows[i].why);
            continue;
        }
        printf("%-28s %10.1f %10.1f %10.1f %8.2f %6zu\n", rows[i].name, samples_at(&rows[i], 0),
               median, samples_at(&rows[i], 0.9), first > 0 ? median / first : 0, rows[i].count);
    }
    fflush(stdout);
    write_data(what, unit, rows, count);
}

double samples_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}
