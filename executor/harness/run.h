/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `crib test`: runs cases, so many at once, and tells what came of them.
 *
 * Theory of operation: everything is on one loop. Cases are started in their order, as many as
 * there are jobs; what ends makes room for the next. Results wait until all before them are there,
 * so that what is told does not depend on which was quicker. SIGINT, SIGTERM and SIGHUP kill what
 * runs, and the rest is not run.
 *
 * Runs in: crib.
 * Owns: for the time of the call the loop, an executor and the cases' directories.
 */
#ifndef HARNESS_RUN_H
#define HARNESS_RUN_H

#include "harness/report.h"

#define RUN_MAX_JOBS 256

struct run_options {
    unsigned jobs;               /* at once; 0: as many as there are processors */
    const char *filter;          /* a glob over names; NULL: all */
    const struct report *report; /* how it is told */
    /* Takes the report's text, as it comes. Return: 0; negative errno ends the run. */
    int (*say)(void *data, const char *text, size_t len);
    /* Shows how far it is; NULL text: nothing any more. May be NULL. */
    void (*progress)(void *data, const char *text, size_t len);
    void *data;
};

struct run_result {
    struct summary summary;
    struct told *told; /* in the order of the files; summary.cases of them */
};

/**
 * run_cases() - Run what was read
 * @suites: borrows; must outlive @ret
 * @ret:    run_done() in any case
 *
 * Return: 0 all were run, or it was interrupted; -ENOENT no case fits the filter; negative errno
 */
int run_cases(const struct suites *suites, const struct run_options *options,
              struct run_result *ret, struct crib_error *err);

/* Accepts a zeroed one. */
void run_done(struct run_result *result);

#endif
