/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the cheapest tree over some neighbouring ranges is found for all stretches
 * of them, the short ones first. A stretch is cut in two by `at least`, or, where all of it has one
 * outcome but for single values, each of these is compared with in turn. An instruction costs
 * INSTRUCTION, since it is checked, translated and kept; passing one costs 1 for each call that
 * does.
 */
#include <stdlib.h>

#include "base/auto.h"
#include "plan/shorten.h"

#define INSTRUCTION 64 /* what one costs beside being passed once */
#define STRETCH     64 /* ranges; more are halved first, since the time grows with their cube */

/* The cheapest tree for ranges @i to @j is at i * count + j. */
struct tree {
    struct graph *graph;
    uint32_t offset;
    const struct range *ranges;
    size_t count;
    uint32_t *cost;
    uint16_t *cut; /* first range of the upper half; 0: single values in turn */
};

static bool is_single(const struct tree *tree, size_t i)
{
    return i + 1 < tree->count ? tree->ranges[i + 1].first == tree->ranges[i].first + 1
                               : tree->ranges[i].first == RANGES_LAST;
}

static size_t cell(const struct tree *tree, size_t i, size_t j)
{
    return i * tree->count + j;
}

/* Return: the range whose outcome all but single values have, from @i to @j; SIZE_MAX: none is. */
static size_t common(const struct tree *tree, size_t i, size_t j)
{
    size_t base = i;

    while (base < j && is_single(tree, base))
        base++;
    for (size_t n = base; n <= j; n++)
        if (tree->ranges[n].node != tree->ranges[base].node && !is_single(tree, n))
            return SIZE_MAX;
    return base;
}

static uint32_t weight(const struct tree *tree, size_t i, size_t j)
{
    uint32_t sum = 0;

    for (; i <= j; i++)
        sum += tree->ranges[i].weight;
    return sum;
}

/* What it costs to compare with the single values of a stretch in turn. */
static uint32_t in_turn(const struct tree *tree, size_t i, size_t j, size_t base)
{
    uint32_t left = weight(tree, i, j), cost = 0;

    for (; i <= j; i++) {
        if (tree->ranges[i].node == tree->ranges[base].node)
            continue;
        cost += INSTRUCTION + left;
        left -= tree->ranges[i].weight;
    }
    return cost;
}

static void find_cheapest(struct tree *tree, size_t i, size_t j)
{
    size_t at = cell(tree, i, j), base = common(tree, i, j);
    uint32_t passed = INSTRUCTION + weight(tree, i, j);

    tree->cost[at] = base == SIZE_MAX ? UINT32_MAX : in_turn(tree, i, j, base);
    tree->cut[at] = 0;
    for (size_t cut = i + 1; cut <= j; cut++) {
        uint32_t cost =
            passed + tree->cost[cell(tree, i, cut - 1)] + tree->cost[cell(tree, cut, j)];

        if (cost >= tree->cost[at])
            continue;
        tree->cost[at] = cost;
        tree->cut[at] = (uint16_t)cut;
    }
}

static uint32_t compare(const struct tree *tree, bool ordered, uint32_t k, uint32_t yes,
                        uint32_t no)
{
    return graph_test(tree->graph, (struct node){.offset = tree->offset,
                                                 .mask = UINT32_MAX,
                                                 .ordered = ordered,
                                                 .k = k,
                                                 .yes = yes,
                                                 .no = no});
}

static uint32_t build_in_turn(const struct tree *tree, size_t i, size_t j)
{
    size_t base = common(tree, i, j);
    uint32_t node = tree->ranges[base].node;

    for (size_t n = j + 1; n-- > i;) /* the last is asked for last */
        if (tree->ranges[n].node != tree->ranges[base].node)
            node = compare(tree, false, tree->ranges[n].first, tree->ranges[n].node, node);
    return node;
}

/* As deep as the tree is: at most STRETCH. */
static uint32_t build(const struct tree *tree, size_t i, size_t j)
{
    size_t cut = tree->cut[cell(tree, i, j)];

    if (!cut)
        return build_in_turn(tree, i, j);
    return compare(tree, true, tree->ranges[cut].first, build(tree, cut, j),
                   build(tree, i, cut - 1));
}

static uint32_t cheapest(struct tree *tree)
{
    AUTO_FREE uint32_t *cost = calloc(tree->count * tree->count, sizeof(*cost));
    AUTO_FREE uint16_t *cut = calloc(tree->count * tree->count, sizeof(*cut));

    if (!cost || !cut)
        return GRAPH_NONE;
    tree->cost = cost;
    tree->cut = cut;
    for (size_t len = 2; len <= tree->count; len++)
        for (size_t i = 0; i + len <= tree->count; i++)
            find_cheapest(tree, i, i + len - 1);
    return build(tree, 0, tree->count - 1);
}

/* Halved until each part is small enough to look at all of its trees; as deep as that takes. */
static uint32_t part(struct graph *graph, uint32_t offset, const struct range *ranges, size_t count)
{
    struct tree tree = {.graph = graph, .offset = offset, .ranges = ranges, .count = count};
    uint32_t upper, lower;

    if (count <= STRETCH)
        return cheapest(&tree);
    lower = part(graph, offset, ranges, count / 2);
    upper = part(graph, offset, ranges + count / 2, count - count / 2);
    return compare(&tree, true, ranges[count / 2].first, upper, lower);
}

uint32_t ranges_tree(struct graph *graph, uint32_t offset, struct range *ranges, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (ranges[i].node == GRAPH_NONE)
            return GRAPH_NONE;
        if (kept && ranges[kept - 1].node == ranges[i].node)
            ranges[kept - 1].weight += ranges[i].weight;
        else
            ranges[kept++] = ranges[i];
    }
    return part(graph, offset, ranges, kept);
}
