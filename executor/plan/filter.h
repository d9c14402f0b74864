/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From rules to a filter program, in steps that each can be tested alone.
 *
 * Theory of operation: a list of rules is compiled into sections, programs that say only whether
 * one of the rules fits (section.c; compiler/ does it). Sections are chained into one program: each
 * either answers or hands on to the next, the last answers for all that is left (chain.c). What
 * that comes to is written anew, with a search tree over ranges of numbers (shorten.c). The
 * program is then run by an evaluator of our own on the boundary values of its rules, and must say
 * what the rules say when they are read directly (prove.c). Only a proven program is ever loaded.
 *
 * There are two programs of the same rules. With a listener every call that is not simply allowed
 * is a notification, and init answers it. The fallback answers by itself, in the order deny, kill,
 * log, allow.
 *
 * Runs in: library.
 * Owns: nothing; all lives in the caller's arena.
 * Source: seccomp(2), seccomp_unotify(2), the kernel's Documentation/networking/filter
 */
#ifndef PLAN_FILTER_H
#define PLAN_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "compiler.pb-c.h"
#include "plan.pb-c.h"
#include "policy/rule.h"

#define FILTER_MAX 4096 /* instructions; the kernel's BPF_MAXINSNS */

#define FILTER_CONDITIONS                                                                          \
    512 /* rules with a condition; libseccomp's time grows with their square */
#define FILTER_PIECES     2048    /* what those come to */
#define FILTER_CALL_RULES 128     /* rules with a condition on one call; the proof's time does */
#define FILTER_RUNS       2000000 /* calls that a proof may take */

/* By strength: a call that fits several is treated as the first says. */
enum filter_list_name { FILTER_DENY, FILTER_KILL, FILTER_LOG, FILTER_ALLOW, FILTER_LISTS };

struct filter_list {
    struct rule *rules;
    size_t count;
};

struct filter_rules {
    struct filter_list list[FILTER_LISTS]; /* of deny, the first rule that fits names the errno */
    int otherwise;                         /* errno for what no list names; 0: EPERM */
};

/* A program; compiled or chained. */
struct filter_code {
    struct sock_filter *code;
    size_t len; /* instructions */
};

struct filter_section {
    struct filter_code
        program;  /* returns COMPILER_… (compiler/compiler.h); chaining replaces them */
    uint32_t hit; /* SECCOMP_RET_… where a rule fits */
    bool skips;   /* where a rule fits, the next section is passed over instead */
    Crib__Compilation__Section *asked;
};

struct filter_sections {
    struct filter_section *list;
    size_t count;
};

/**
 * filter_deal() - Add the sections of a list, yet to be compiled
 * @hit: SECCOMP_RET_… where one of the rules fits
 * @ret: appended to; in @arena
 *
 * Several, where one would be too much for libseccomp: its time grows beyond all bounds with rules
 * that look at different arguments of one call. None for an empty list. A rule with exceptions
 * (pieces.h) has two sections, the first of which passes over the second.
 *
 * Return: 0; -ENOMEM
 */
int filter_deal(const struct filter_list *list, uint32_t hit, struct arena *arena,
                struct filter_sections *ret, struct crib_error *err);

/**
 * filter_compile() - Have all sections compiled, in one process that ends with it
 * @sets: their `program` is filled; what it does is not to be believed
 *
 * Return: 0; as compiler_ask()
 */
int filter_compile(struct filter_sections *const sets[], size_t count, struct arena *arena,
                   struct crib_error *err);

/* Both programs of the same rules, short and proven. */
struct filter_programs {
    struct filter_code listening, fallback;
    struct filter_code chained[2]; /* by listener: what they were before they were made short */
    size_t listening_sections, fallback_sections;
};

/**
 * filter_make() - Compile, chain, make short and prove
 * @ret: in @arena
 *
 * Return: 0; as filter_compile(), filter_chain() and filter_prove()
 */
int filter_make(const struct filter_rules *rules, struct arena *arena, struct filter_programs *ret,
                struct crib_error *err);

/* What the programs of a plan's rules depend on: their texts, one after the other, and a NUL.
 * Return: 0; -ENOMEM. */
int filter_key(const Crib__SyscallsPlan *plan, struct buf *ret);

/* Reads the texts of a plan back into rules. Return: 0; -EINVAL; -ENOMEM. */
int filter_read(const Crib__SyscallsPlan *plan, struct arena *arena, struct filter_rules *ret,
                struct crib_error *err);

/* Return: the errno of a rule of `deny`. */
int filter_code_of(const struct rule *rule);

/* Return: whether the rules name clone3, which is otherwise unknown like a call without a name. */
bool filter_names_clone3(const struct filter_rules *rules);

/* Return: the rule that decides about a call of ours, and its list; NULL: none names it. */
const struct rule *filter_rule(const struct filter_rules *rules, const struct seccomp_data *call,
                               enum filter_list_name *ret_list);

/**
 * filter_decide() - What the rules say of a call, read directly
 *
 * Return: SECCOMP_RET_… with its data
 */
uint32_t filter_decide(const struct filter_rules *rules, bool listener,
                       const struct seccomp_data *call);

/**
 * filter_chain() - Put the prefix and the sections together
 * @otherwise: what is answered where no section does
 *
 * Return: 0; -E2BIG over FILTER_MAX; -EPROTO a section is not what a compiler makes; -ENOMEM
 */
int filter_chain(const struct filter_rules *rules, const struct filter_section *sections,
                 size_t count, uint32_t otherwise, struct arena *arena, struct filter_code *ret,
                 struct crib_error *err);

/**
 * filter_shorten() - Make a chained program short, and quick for every call number
 * @program: replaced by one in @arena that says the same; or left as it is, where that would not be
 *           shorter, takes too much work or memory, or where the program is not what filter_chain()
 *           makes. What comes of it is not to be believed before it is proven.
 *
 * Return: whether it is another one
 */
bool filter_shorten(struct filter_code *program, struct arena *arena);

/**
 * filter_run() - Run a program as the kernel would
 *
 * Return: 0 and its answer; -EPROTO it does what no filter of ours does
 */
int filter_run(const struct filter_code *program, const struct seccomp_data *call,
               uint32_t *ret_answer);

/**
 * filter_entry() - Where a program first looks at an argument of one call
 * @program: filter_stays_inside() it
 *
 * All calls of that number come there, or to the answer that is there; what they have passed by
 * then cannot be told from their arguments. filter_run_from() goes on from there.
 *
 * Return: the position; 0 is always right
 */
size_t filter_entry(const struct filter_code *program, uint32_t arch, uint32_t number);
int filter_run_from(const struct filter_code *program, size_t entry,
                    const struct seccomp_data *call, uint32_t *ret_answer);

/* Return: whether a program ends in an answer, and no jump leads behind that. */
bool filter_stays_inside(const struct filter_code *program);

/* A constant that a program compares one half of an argument with. */
struct filter_constant {
    unsigned arg;
    bool high;    /* the upper half */
    bool ordered; /* with more or less, too */
    uint32_t k;
};

/**
 * filter_constants() - What a program compares the arguments of one call with
 * @program: filter_stays_inside() it
 * @ret:     room for one for each instruction
 *
 * Return: how many
 */
size_t filter_constants(const struct filter_code *program, uint32_t arch, uint32_t number,
                        struct filter_constant *ret);

/* A constant that a program compares the number of a call with, or its architecture. */
struct filter_edge {
    uint32_t k;
    bool arch;
};

/**
 * filter_edges() - Where a program tells numbers, and architectures, apart
 * @program: filter_stays_inside() it
 * @ret:     room for two for each instruction
 *
 * All calls between two edges are one to the program as far as it looks at no argument.
 *
 * Return: how many; -EPROTO it looks at them otherwise than by `==`, `>` or `>=`
 */
int filter_edges(const struct filter_code *program, struct filter_edge *ret);

struct planning;

/* Writes the plan's answers for what deny, kill and log name. Return: 0; -ENOMEM; -E2BIG. */
int plan_answers(struct planning *p, const struct filter_rules *rules);

/* Moves the rules of what is traced from `allow` to `log`. Return: 0; -ENOMEM. */
int plan_trace(struct planning *p, struct filter_rules *rules);

/* Where a trace is asked for: says in the receipt why there is none. Return: 0; -ENOMEM. */
int plan_untraced(struct planning *p, const char *why);

/* Fills in which bits of a traced call's arguments tell two of them apart. Return: 0; -ENOMEM. */
int plan_differs(struct planning *p, const struct call *call, Crib__SyscallsPlan__Answer *answer);

/* How much a proof has looked at. */
struct filter_checked {
    uint64_t calls;   /* that a kernel could be asked, run through the program and the rules */
    uint64_t values;  /* of them, with one argument at a boundary of a rule or of the program */
    uint64_t numbers; /* call numbers of ours */
    uint64_t unknown; /* numbers that no call of ours has */
    uint64_t x32;     /* numbers of x32 */
    uint64_t foreign; /* numbers of other architectures */
};

/**
 * filter_prove() - Hold a program against its rules
 * @ret: filled; may be NULL
 * @err: subject is the call; detail the first difference: the arguments, what the program answers,
 *       what the rules say, and which rule that is
 *
 * Return: 0; -EPROTO they differ; -E2BIG over FILTER_CALL_RULES; -ENOMEM
 */
int filter_prove(const struct filter_code *program, const struct filter_rules *rules, bool listener,
                 struct filter_checked *ret, struct crib_error *err);

#endif
