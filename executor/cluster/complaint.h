/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told of a worker that does wrong again and again: each thing once, of each kind a few,
 * however much it does. No loop, no clock.
 *
 * Runs in: library.
 */
#ifndef CLUSTER_COMPLAINT_H
#define CLUSTER_COMPLAINT_H

#include <stdbool.h>
#include <stdint.h>

#include "crib/error.h"

#define COMPLAINT_KINDS 16 /* errnos; more are not told */
#define COMPLAINT_MOST  8  /* of one kind */

/* Zeroed: nothing was told yet. */
struct complaints {
    struct {
        int code;
        unsigned told;
        uint32_t last; /* of which thing */
    } kinds[COMPLAINT_KINDS];
};

/* Return: whether it is to be told. */
bool complaint_counts(struct complaints *complaints, const struct crib_error *error);

#endif
