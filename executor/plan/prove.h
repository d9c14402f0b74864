/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a proof: prove.c goes through the numbers, prove_args.c through the arguments of one
 * call.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef PLAN_PROVE_H
#define PLAN_PROVE_H

#include "plan/filter.h"

/* One proof, at one call. */
struct proof {
    const struct filter_code *program;
    const struct filter_rules *rules;
    bool listener;
    struct crib_error *err;
    struct filter_checked checked;
    size_t entry;             /* into the program, of the number that is tried */
    struct filter_rules here; /* the rules of the call alone, so that each reading is quick */
    struct rule *sorted[FILTER_LISTS];            /* all rules, by call */
    uint32_t start[FILTER_LISTS][CALLS_LAST + 2]; /* of each call's, in those */
    const struct rule *conditional[FILTER_CALL_RULES];
    struct pieces *pieces;             /* of those */
    size_t count;                      /* of both */
    struct filter_constant *constants; /* of the program, where it comes to with this call */
    size_t n_constants;
    struct filter_edge *edges; /* of the program, between numbers and between architectures */
    size_t n_edges;
};

/* A call of this number; every argument is @args. */
struct seccomp_data prove_call_of(uint32_t arch, uint32_t number, uint64_t args);

/* Runs one call through program and rules. Return: 0; -EPROTO they differ, and that is told; -E2BIG
 * over FILTER_RUNS. */
int prove_run(struct proof *proof, const struct seccomp_data *call);

/* Tells that program and rules differ. Return: -EPROTO. */
int prove_differs(const struct proof *proof, const struct seccomp_data *call, uint32_t answer);

/* Goes through the arguments of a call that has conditions. Return: as prove_run(); -ENOMEM. */
int prove_args(struct proof *proof, uint32_t number);

/* Return: whether a rule looks at an argument. */
bool prove_looks_at(const struct rule *rule, unsigned arg);

#endif
