/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child's output read to its end: by a bare pipe, and by a crib stream.
 *
 * Runs in: bench programs; ends the program when a byte is lost.
 */
#ifndef BENCH_OUTPUT_H
#define BENCH_OUTPUT_H

#include <crib/crib.h>

struct output {
    const char *child; /* bench_child */
    const char *bytes; /* how many, as it takes it */
    unsigned long long got;
    double first; /* when the first came: the start is not to be measured here */
};

/* Return: MiB a second since `first`, when all bytes have come. */
double output_speed(const struct output *output);

/* Return: the same of a posix_spawn and read(2) with 64 KiB. */
double output_bare(struct output *output);

/* Return: the same of a task of @ex, whose loop runs until it is over. */
double output_crib(struct output *output, crib *ex, uv_loop_t *loop);

#endif
