/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a run is told: to a person, as TAP, as JUnit's XML. Cases are told in the order of the files,
 * whichever ends first.
 *
 * Runs in: crib.
 * Owns: nothing; text goes to a buffer, which the caller empties.
 * Source: TAP version 14 (testanything.org); JUnit's XML as its readers take it
 */
#ifndef HARNESS_REPORT_H
#define HARNESS_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/suite.h"

/* How one case ended. */
struct told {
    const struct item *item;
    bool over, passed;
    uint64_t wall_us; /* of its task */
    char *why;        /* lines, each ended by a newline; owned; NULL when it passed */
};

struct summary {
    size_t cases, passed, failed;
    uint64_t wall_us; /* of the run */
    bool interrupted; /* the rest was not run */
};

/* One way to tell it; each function appends to @out. Return: as buf_append(). */
struct report {
    int (*begin)(struct buf *out, size_t cases);
    int (*one)(struct buf *out, const struct told *told, size_t number); /* number from 1 */
    int (*end)(struct buf *out, const struct told *told, const struct summary *summary);
};

extern const struct report report_people, report_tap;

/* The whole XML document. */
int report_junit(struct buf *out, const struct told *told, const struct summary *summary);

/* `[57/200] 2 failed: name`, without a newline, for a terminal. @longest: what has been running for
 * the longest time; NULL: nothing runs. */
int report_progress(struct buf *out, const struct summary *so_far, const struct item *longest);

#endif
