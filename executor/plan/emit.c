/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the program is written from its end, so that where a jump leads is known
 * when it is written. A node comes after all that it leads to. A conditional jump reaches 255
 * instructions: what is farther is reached over another jump, and an answer is written again.
 *
 * A comparison is `load, mask, jump`; whoever comes with the word loaded, or masked too, enters
 * behind that.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/auto.h"
#include "plan/shorten.h"

#define REACH  250 /* conditional jumps reach 255; others may come in between */
#define ABSENT UINT32_MAX

/* Where one comes into a comparison. */
enum entry { AT_JUMP, AT_MASK, AT_LOAD, ENTRIES };

struct emission {
    const struct graph *graph;
    struct sock_filter *code; /* the last instruction first */
    size_t len, room;
    uint32_t (*at)[ENTRIES]; /* of each node: positions in `code` */
    uint8_t *wanted;         /* which of them, as bits */
};

static bool is_answer(const struct node *node)
{
    return !node->mask;
}

/* Whether a masked comparison is a test of bits, which leaves the accumulator as it is. */
static bool tests_bits(const struct node *node)
{
    bool one = (node->mask & (node->mask - 1)) == 0;

    return node->mask != UINT32_MAX && (node->ordered ? one : !node->k || one);
}

static bool is_masked(const struct node *node)
{
    return node->mask != UINT32_MAX && !tests_bits(node);
}

/* Which bits of the word whoever has passed a comparison holds. */
static uint32_t held(const struct node *node)
{
    return is_masked(node) ? node->mask : UINT32_MAX;
}

static enum entry entry_of(const struct node *from, const struct node *to)
{
    if (is_answer(to))
        return AT_JUMP;
    if (to->offset != from->offset)
        return AT_LOAD;
    if (held(to) == held(from))
        return AT_JUMP;
    return held(from) == UINT32_MAX ? AT_MASK : AT_LOAD;
}

static void want(struct emission *out, uint32_t index, enum entry entry)
{
    out->wanted[index] |= (uint8_t)(1 << entry);
}

/* Goes through the nodes from the root down, and notes where each is come into. */
static void want_all(struct emission *out, uint32_t root)
{
    const struct node *nodes = out->graph->nodes;

    want(out, root, AT_LOAD);
    for (uint32_t i = root + 1; i-- > 0;) {
        if (!out->wanted[i] || is_answer(&nodes[i]))
            continue;
        want(out, nodes[i].yes, entry_of(&nodes[i], &nodes[nodes[i].yes]));
        want(out, nodes[i].no, entry_of(&nodes[i], &nodes[nodes[i].no]));
    }
}

/* Return: its position; past `room`, nothing is written. */
static uint32_t put(struct emission *out, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
    if (out->len < out->room)
        out->code[out->len] = (struct sock_filter){code, jt, jf, k};
    return (uint32_t)out->len++;
}

/* How far a jump leads that would be written now. */
static uint32_t distance(const struct emission *out, uint32_t position)
{
    return (uint32_t)out->len - position - 1;
}

/* Return: the position of a node's entry, or of a jump to it that is near enough. */
static uint32_t near(struct emission *out, const struct node *from, uint32_t index)
{
    const struct node *to = &out->graph->nodes[index];
    uint32_t *at = &out->at[index][entry_of(from, to)];

    if ((uint32_t)out->len - *at > REACH) {
        if (is_answer(to))
            *at = put(out, BPF_RET | BPF_K, 0, 0, to->k);
        else
            *at = put(out, BPF_JMP | BPF_JA, 0, 0, distance(out, *at));
    }
    return *at;
}

static void put_test(struct emission *out, uint32_t index)
{
    const struct node *node = &out->graph->nodes[index];
    uint32_t *at = out->at[index];
    uint32_t yes = near(out, node, node->yes), no = near(out, node, node->no), k = node->k;
    uint16_t code = node->ordered ? BPF_JGE : BPF_JEQ;

    if (tests_bits(node)) {
        code = BPF_JSET;
        if (!k) { /* none of them */
            uint32_t other = yes;

            yes = no;
            no = other;
        }
        k = node->mask;
    }
    at[AT_JUMP] = put(out, BPF_JMP | BPF_K | code, (uint8_t)distance(out, yes),
                      (uint8_t)distance(out, no), k);
    if (is_masked(node) && out->wanted[index] >> AT_MASK)
        at[AT_MASK] = put(out, BPF_ALU | BPF_AND | BPF_K, 0, 0, node->mask);
    if (out->wanted[index] >> AT_LOAD)
        at[AT_LOAD] = put(out, BPF_LD | BPF_W | BPF_ABS, 0, 0, node->offset);
}

/* Each node after both that it leads to; `yes` directly behind it, where that is not yet written.
 * @stack: room for all nodes */
static void put_all(struct emission *out, uint32_t root, uint32_t *stack)
{
    size_t depth = 0;

    stack[depth++] = root;
    while (depth) {
        uint32_t index = stack[depth - 1];
        const struct node *node = &out->graph->nodes[index];

        if (out->at[index][AT_JUMP] != ABSENT) {
            depth--;
        } else if (is_answer(node)) {
            out->at[index][AT_JUMP] = put(out, BPF_RET | BPF_K, 0, 0, node->k);
        } else if (out->at[node->no][AT_JUMP] == ABSENT) {
            stack[depth++] = node->no;
        } else if (out->at[node->yes][AT_JUMP] == ABSENT) {
            stack[depth++] = node->yes;
        } else {
            put_test(out, index);
        }
    }
}

int graph_emit(const struct graph *graph, uint32_t root, const struct filter_code *head,
               struct filter_code *ret)
{
    AUTO_FREE uint32_t(*at)[ENTRIES] = malloc(graph->count * sizeof(*at));
    AUTO_FREE uint8_t *wanted = calloc(graph->count, sizeof(*wanted));
    AUTO_FREE uint32_t *stack = malloc(graph->count * sizeof(*stack));
    AUTO_FREE struct sock_filter *code = malloc(ret->len * sizeof(*code));
    struct emission out = {
        .graph = graph, .code = code, .room = ret->len, .at = at, .wanted = wanted};

    if (!at || !wanted || !stack || !code)
        return -ENOMEM;
    for (size_t i = 0; i < graph->count; i++)
        for (int entry = 0; entry < ENTRIES; entry++)
            at[i][entry] = ABSENT;
    want_all(&out, root);
    put_all(&out, root, stack);
    for (size_t i = head->len; i-- > 0;)
        put(&out, head->code[i].code, head->code[i].jt, head->code[i].jf, head->code[i].k);
    if (out.len > out.room)
        return -E2BIG;
    for (size_t i = 0; i < out.len; i++)
        ret->code[i] = code[out.len - i - 1];
    ret->len = out.len;
    return 0;
}
