/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs in the two child processes of `crib doctor`.
 *
 * Runs in: cli.
 * Owns: nothing.
 */
#ifndef DOCTOR_SURVEY_H
#define DOCTOR_SURVEY_H

#include "doctor/apart.h"

/* @arg: the Host as the parent sees it. Says a Survey; of its host only what ids are to be had. */
apart_body survey_body;

/* @arg: a struct crib_options. Starts a task; says a Diagnosis with `refused` or `receipt`. */
apart_body rehearsal_body;

#endif
