/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of shortening a program: a graph of its decisions (graph.c), search trees over ranges
 * of a word (ranges.c), reading a program into a graph (shorten.c), and writing it out again
 * (emit.c).
 *
 * Theory of operation: a node is an answer, or one comparison of a word of struct seccomp_data with
 * what follows on either side. Equal nodes are one node, so what two calls or two sections decide
 * alike is in the graph once. What a node leads to has a lower index than itself.
 *
 * Runs in: library.
 * Owns: struct graph its nodes.
 */
#ifndef PLAN_SHORTEN_H
#define PLAN_SHORTEN_H

#include "plan/filter.h"

#define GRAPH_MAX  16384      /* nodes; a program that comes to more stays as it was */
#define GRAPH_NONE UINT32_MAX /* no node: it did not fit */

/* A comparison; of an answer, `mask` is 0 and `k` is SECCOMP_RET_…. */
struct node {
    uint32_t offset, mask; /* which word, and which of its bits */
    bool ordered;          /* at least @k; else equal to it */
    uint32_t k;
    uint32_t yes, no; /* nodes */
};

struct graph {
    struct node *nodes;
    size_t count, room;
    uint32_t *slots; /* by hash, index + 1 */
    size_t n_slots;  /* a power of two */
};

void graph_done(struct graph *graph);

/* Return: the node; GRAPH_NONE when there is no memory or the graph is full. */
uint32_t graph_answer(struct graph *graph, uint32_t answer);

/* As graph_answer(). What is always so, or makes no difference, becomes no node of its own. */
uint32_t graph_test(struct graph *graph, struct node test);

/* Values of a word from @first up to the next range's have one outcome. */
struct range {
    uint32_t first;
    uint32_t node;
    uint32_t weight; /* how often this is asked, beside the others */
};

#define RANGES_LAST UINT32_MAX /* the last value; one more behind the last range is 2^32 */

/**
 * ranges_tree() - Add the comparisons that find a word's range
 * @ranges: the first begins at 0; changed. Neighbours with one outcome are made one.
 *
 * Return: the node to begin at; GRAPH_NONE
 */
uint32_t ranges_tree(struct graph *graph, uint32_t offset, struct range *ranges, size_t count);

/**
 * graph_emit() - Write a graph as a program
 * @head: instructions that come first; they jump nowhere but to each other or behind themselves
 * @ret:  room for @ret_len instructions
 *
 * Return: 0; -E2BIG more than there is room for; -ENOMEM
 */
int graph_emit(const struct graph *graph, uint32_t root, const struct filter_code *head,
               struct filter_code *ret);

#endif
