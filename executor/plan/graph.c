/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "plan/shorten.h"

void graph_done(struct graph *graph)
{
    free(graph->nodes);
    free(graph->slots);
}

static size_t hash_of(const struct node *node)
{
    const uint32_t words[] = {node->offset << 1 | node->ordered, node->mask, node->k, node->yes,
                              node->no};
    uint64_t hash = 0;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15u, hash ^= hash >> 29;
    return (size_t)hash;
}

static bool is_same(const struct node *a, const struct node *b)
{
    return a->offset == b->offset && a->mask == b->mask && a->ordered == b->ordered &&
           a->k == b->k && a->yes == b->yes && a->no == b->no;
}

/* Return: the slot of a node, or the empty one where it belongs. */
static uint32_t *slot_of(const struct graph *graph, const struct node *node)
{
    size_t at = hash_of(node);

    for (;; at++) {
        uint32_t *slot = &graph->slots[at & (graph->n_slots - 1)];

        if (!*slot || is_same(&graph->nodes[*slot - 1], node))
            return slot;
    }
}

/* Return: whether there is room for one more. */
static bool grow(struct graph *graph)
{
    size_t room = graph->room ? 2 * graph->room : 512;
    struct node *nodes;
    uint32_t *slots;

    if (graph->count < graph->room)
        return true;
    if (room > GRAPH_MAX)
        return false;
    nodes = realloc(graph->nodes, room * sizeof(*nodes));
    if (!nodes)
        return false;
    graph->nodes = nodes;
    slots = calloc(2 * room, sizeof(*slots));
    if (!slots)
        return false;
    free(graph->slots);
    graph->slots = slots;
    graph->n_slots = 2 * room;
    graph->room = room;
    for (size_t i = 0; i < graph->count; i++)
        *slot_of(graph, &nodes[i]) = (uint32_t)i + 1;
    return true;
}

static uint32_t add(struct graph *graph, const struct node *node)
{
    uint32_t *slot;

    if (!grow(graph))
        return GRAPH_NONE;
    slot = slot_of(graph, node);
    if (!*slot) {
        graph->nodes[graph->count++] = *node;
        *slot = (uint32_t)graph->count;
    }
    return *slot - 1;
}

uint32_t graph_answer(struct graph *graph, uint32_t answer)
{
    return add(graph, &(struct node){.k = answer, .yes = GRAPH_NONE, .no = GRAPH_NONE});
}

uint32_t graph_test(struct graph *graph, struct node test)
{
    if (test.yes == GRAPH_NONE || test.no == GRAPH_NONE)
        return GRAPH_NONE;
    if (test.yes == test.no || (test.ordered && test.k == 0))
        return test.yes;
    if (test.ordered ? test.k > test.mask : (test.k & ~test.mask) != 0)
        return test.no;
    if (!test.mask) /* 0 == 0 */
        return test.yes;
    return add(graph, &test);
}
