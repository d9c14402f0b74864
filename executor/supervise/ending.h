/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ended a task, told apart: pure, from what is known when init has reported the end, or is
 * gone without a report.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef SUPERVISE_ENDING_H
#define SUPERVISE_ENDING_H

#include <stdbool.h>

#include "crib/crib.h"
#include "plan.pb-c.h"

struct ending {
    const Crib__Report__End *report; /* NULL: init is gone without one */
    enum crib_verdict cause;         /* why crib itself began to end it; 0: it did not */
    bool killed;      /* by our own SIGKILL: then there is no report, or it was too late */
    uint64_t signals; /* bit n-1: the caller has sent signal n */
    int init_status;  /* of init, as waitpid gives it; counts without a report */
    uint64_t wall_us; /* as measured here; counts without a report */
};

/**
 * ending_verdict() - Fill verdict, status, signal and times of a result
 *
 * A kill rule of the filter comes first: the program was dead before anything else could end it.
 * Then what crib began (the first cause wins, whatever the program made of it), then the caller's
 * own signal if that is what the program died of. Init's report is the truth about the program;
 * init ends without one only when it is killed from outside, and everything in the sandbox with it.
 */
void ending_verdict(const struct ending *ending, struct crib_result *ret_result);

/**
 * ending_error() - The result as crib_exec_cb has it
 * @max_buffer: for the sentence
 *
 * Return: true and an error; false for a program that exited with 0
 */
bool ending_error(const struct crib_result *result, bool aborted, size_t max_buffer,
                  struct crib_error *ret_error);

#endif
