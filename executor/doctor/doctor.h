/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `crib doctor`: what this host can enforce, and what to do about what it cannot.
 *
 * Theory of operation: the survey tries what crib will need, each thing in a process of its own
 * (tries.c), and reads a few files of /proc and /etc; that is a Survey. What is said of it is pure:
 * the same Survey gives the same Diagnosis. Whether a policy can be enforced is not concluded from
 * that, but seen: a task is started under it, and its receipt read (rehearsal.c). Both run in a
 * child process until a deadline (apart.h), since a mount that hangs would hold up whoever looks.
 * Nothing of the host is changed.
 *
 * Runs in: cli.
 * Owns: nothing; messages live in the caller's arena.
 */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "crib/crib.h"
#include "doctor.pb-c.h"

#define DOCTOR_PATIENCE_US 15000000 /* that the look and the task may take together */

/**
 * doctor_diagnose() - Look, start a task, and say what there is to say
 * @options: borrows; policy_message, whose name is `policy`, and vars are used
 * @ret:     in @arena
 *
 * Starts processes: the caller has one thread.
 *
 * Return: 0, whatever is found; -ENOMEM; negative errno where no process can be started
 */
int doctor_diagnose(const struct crib_options *options, struct arena *arena, Crib__Diagnosis **ret,
                    struct crib_error *err);

/* Appends a finding for each thing that was looked at. Pure. Return: 0; -ENOMEM. */
int doctor_findings(const Crib__Survey *survey, struct arena *arena, Crib__Diagnosis *diagnosis);

/* Return: whether a receipt's line says that the host could not do what was asked. What was used is
 * counted, not asked: that line is none. Pure. */
bool doctor_falls_short(const Crib__Receipt *line, const Crib__Diagnosis *diagnosis);

/* Concludes from `refused` and `receipt`: sets `enforceable`, and appends the findings of the task.
 * Pure. Return: 0; -ENOMEM. */
int doctor_conclude(struct arena *arena, Crib__Diagnosis *diagnosis);

/* Appends the diagnosis as lines for people. Pure. Return: 0; -ENOMEM. */
int doctor_show(const Crib__Diagnosis *diagnosis, struct buf *out);

#endif
