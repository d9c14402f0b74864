/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: what a chained program does with a call number is read from it for one
 * number of each range in which it cannot tell numbers apart: a graph of the comparisons of
 * arguments that are left, mostly an answer. Equal ones are one node, so ranges of one outcome can
 * be joined. Then the number is looked for once, in a search tree, and chains that compare an
 * argument's word with value after value become such trees too.
 *
 * Nothing here is believed: the program that comes of it is the one that is proven (prove.c). Where
 * anything is out of the ordinary the program stays as it was.
 */
#include "plan/shorten.h"

#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

#define HEAD     3       /* instructions that answer other architectures */
#define WORK     4000000 /* steps; a program that takes more stays as it was */
#define OFTEN    8 /* numbers that are cached do not run the program, those with conditions do */
#define NUMBER   ((uint32_t)offsetof(struct seccomp_data, nr))
#define NUMBERS  (CALLS_LAST + 64) /* that a kernel looks at as it loads a program */
#define ANY_CALL (-1)

/* What is known of the accumulator before an instruction. */
struct known {
    enum { UNREACHED, VALUE, WORD, EITHER } kind;
    uint32_t offset; /* WORD: of struct seccomp_data */
    uint32_t bits;   /* WORD: those of it that are left; VALUE: the value */
};

/* Where the outcome of a comparison may change. An instruction comes to one node at most, whatever
 * the number, and what a node leads to was read for the same one: so there is room for two each,
 * and 0. */
struct points {
    uint32_t list[2 * FILTER_MAX + 1];
    size_t count;
};

struct shortening {
    const struct filter_code *program;
    struct graph graph;
    struct known known[FILTER_MAX]; /* by instruction */
    uint32_t node[FILTER_MAX];      /* what an instruction comes to, for the number that is read */
    struct points points;
    struct range ranges[2 * FILTER_MAX + 1]; /* of numbers */
    size_t n_ranges;
    struct range split[2 * FILTER_MAX + 1]; /* of one argument's word */
    uint32_t *shorter; /* of each node that is needed: the one in its place; else GRAPH_NONE */
    uint32_t *stack;   /* nodes */
    uint32_t *seen;    /* by node: the last look that came by */
    uint32_t look;
    size_t work;
};

static void shortening_done(struct shortening *s)
{
    graph_done(&s->graph);
    free(s->shorter);
    free(s->stack);
    free(s->seen);
}

static bool is_jump(const struct sock_filter *now)
{
    return BPF_CLASS(now->code) == BPF_JMP && now->code != (BPF_JMP | BPF_JA);
}

static void join(struct known *into, struct known from)
{
    if (into->kind == UNREACHED)
        *into = from;
    else if (into->kind != from.kind || into->offset != from.offset || into->bits != from.bits)
        *into = (struct known){.kind = EITHER};
}

static struct known loaded(uint32_t offset, int number)
{
    if (offset == offsetof(struct seccomp_data, arch))
        return (struct known){.kind = VALUE, .bits = AUDIT_ARCH_X86_64};
    if (offset == NUMBER && number != ANY_CALL)
        return (struct known){.kind = VALUE, .bits = (uint32_t)number};
    return (struct known){.kind = WORD, .offset = offset, .bits = UINT32_MAX};
}

/* A comparison as a node, which leads to instructions for the time being. Return: false: none. */
static bool comparison(const struct known *known, const struct sock_filter *now, uint32_t pc,
                       struct node *ret)
{
    *ret = (struct node){.offset = known->offset,
                         .mask = known->bits,
                         .k = now->k,
                         .yes = pc + 1 + now->jt,
                         .no = pc + 1 + now->jf};
    switch (BPF_OP(now->code)) {
    case BPF_JEQ:
        return BPF_SRC(now->code) == BPF_K;
    case BPF_JGT:
        if (now->k == UINT32_MAX) { /* never: no bit is equal to 1 */
            ret->mask = 0;
            ret->k = 1;
            return BPF_SRC(now->code) == BPF_K;
        }
        ret->k++;
        /* fallthrough */
    case BPF_JGE:
        ret->ordered = true;
        return BPF_SRC(now->code) == BPF_K;
    case BPF_JSET: /* those bits are not equal to 0 */
        ret->mask &= now->k;
        ret->k = 0;
        ret->yes = pc + 1 + now->jf;
        ret->no = pc + 1 + now->jt;
        return BPF_SRC(now->code) == BPF_K;
    default:
        return false;
    }
}

static bool holds(const struct node *test, uint32_t value)
{
    value &= test->mask;
    return test->ordered ? value >= test->k : value == test->k;
}

static void pass_jump(struct known *known, uint32_t pc, const struct node *test)
{
    if (known[pc].kind != VALUE || holds(test, known[pc].bits))
        join(&known[test->yes], known[pc]);
    if (known[pc].kind != VALUE || !holds(test, known[pc].bits))
        join(&known[test->no], known[pc]);
}

/* Finds what is known at each instruction from @entry on. Return: false: no program of ours. */
static bool pass(struct shortening *s, uint32_t entry, int number)
{
    struct known *known = s->known;

    memset(&known[entry], 0, (s->program->len - entry) * sizeof(*known));
    known[entry].kind = EITHER;
    for (uint32_t pc = entry; pc < s->program->len; pc++) {
        const struct sock_filter *now = &s->program->code[pc];
        struct known next = known[pc];
        struct node test;

        if (next.kind == UNREACHED || now->code == (BPF_RET | BPF_K))
            continue;
        if (is_jump(now)) {
            if (!comparison(&known[pc], now, pc, &test))
                return false;
            pass_jump(known, pc, &test);
            continue;
        }
        if (now->code == (BPF_LD | BPF_W | BPF_ABS))
            next = loaded(now->k, number);
        else if (now->code == (BPF_ALU | BPF_AND | BPF_K))
            next.bits &= now->k;
        else if (now->code != (BPF_JMP | BPF_JA))
            return false;
        join(&known[pc + 1 + (now->code == (BPF_JMP | BPF_JA) ? now->k : 0)], next);
    }
    return true;
}

static void add_point(struct points *points, const struct node *test)
{
    points->list[points->count++] = test->k;
    if (!test->ordered && test->k != UINT32_MAX)
        points->list[points->count++] = test->k + 1;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void sort_points(struct points *points)
{
    size_t kept = 0;

    points->list[points->count++] = 0;
    qsort(points->list, points->count, sizeof(points->list[0]), by_value);
    for (size_t i = 0; i < points->count; i++)
        if (!kept || points->list[kept - 1] != points->list[i])
            points->list[kept++] = points->list[i];
    points->count = kept;
}

/* All numbers from one point up to the next are alike to the program. Return: false: not so. */
static bool find_points(struct shortening *s)
{
    if (!pass(s, 0, ANY_CALL))
        return false;
    for (uint32_t pc = 0; pc < s->program->len; pc++) {
        struct node test;

        if (!is_jump(&s->program->code[pc]) || s->known[pc].kind == UNREACHED ||
            s->known[pc].kind == VALUE)
            continue;
        comparison(&s->known[pc], &s->program->code[pc], pc, &test);
        if (s->known[pc].kind == EITHER ||
            (test.offset == NUMBER && test.mask && test.mask != UINT32_MAX))
            return false;
        if (test.offset == NUMBER)
            add_point(&s->points, &test);
    }
    sort_points(&s->points);
    return true;
}

static uint32_t read_instruction(struct shortening *s, uint32_t pc)
{
    const struct sock_filter *now = &s->program->code[pc];
    const struct known *known = &s->known[pc];
    struct node test;

    if (now->code == (BPF_RET | BPF_K))
        return graph_answer(&s->graph, now->k);
    if (now->code == (BPF_JMP | BPF_JA))
        return s->node[pc + 1 + now->k];
    if (!is_jump(now))
        return s->node[pc + 1];
    comparison(known, now, pc, &test);
    if (known->kind == VALUE)
        return s->node[holds(&test, known->bits) ? test.yes : test.no];
    test.yes = s->node[test.yes];
    test.no = s->node[test.no];
    return known->kind == WORD ? graph_test(&s->graph, test) : GRAPH_NONE;
}

/* Return: what the program does with a number; GRAPH_NONE. */
static uint32_t read_number(struct shortening *s, uint32_t number)
{
    uint32_t entry = (uint32_t)filter_entry(s->program, AUDIT_ARCH_X86_64, number);
    const struct sock_filter *first = &s->program->code[entry];

    if (first->code == (BPF_RET | BPF_K))
        return graph_answer(&s->graph, first->k);
    s->work += s->program->len - entry;
    if (s->work > WORK || !pass(s, entry, (int)number))
        return GRAPH_NONE;
    for (uint32_t pc = (uint32_t)s->program->len; pc-- > entry;)
        if (s->known[pc].kind != UNREACHED)
            s->node[pc] = read_instruction(s, pc);
    return s->node[entry];
}

static uint32_t numbers_from(uint32_t first, uint32_t next)
{
    next = next < NUMBERS ? next : NUMBERS;
    return first < next ? next - first : 1;
}

static bool read_numbers(struct shortening *s)
{
    const struct points *points = &s->points;

    for (size_t i = 0; i < points->count; i++) {
        uint32_t first = points->list[i],
                 next = i + 1 < points->count ? points->list[i + 1] : UINT32_MAX,
                 node = read_number(s, first), weight = numbers_from(first, next);

        if (node == GRAPH_NONE)
            return false;
        s->ranges[i] =
            (struct range){first, node, s->graph.nodes[node].mask ? OFTEN * weight : weight};
    }
    return true;
}

/* Whether two comparisons look at all of the same word, so that they can be one tree. */
static bool is_alike(const struct node *a, const struct node *b)
{
    return a->offset == b->offset && a->mask == UINT32_MAX && b->mask == UINT32_MAX;
}

/* Finds the values at which comparisons of a node's word, one leading to the other, may differ. */
static void find_values(struct shortening *s, uint32_t root)
{
    const struct node *nodes = s->graph.nodes;
    size_t depth = 0;

    s->points.count = 0;
    s->stack[depth++] = root;
    s->seen[root] = ++s->look;
    while (depth) {
        const struct node *node = &nodes[s->stack[--depth]];
        const uint32_t next[] = {node->yes, node->no};

        s->work++;
        add_point(&s->points, node);
        for (int i = 0; i < 2; i++) {
            if (!is_alike(&nodes[root], &nodes[next[i]]) || s->seen[next[i]] == s->look)
                continue;
            s->seen[next[i]] = s->look;
            s->stack[depth++] = next[i];
        }
    }
    sort_points(&s->points);
}

/* Return: the node behind all comparisons of @root's word, if that is @value. */
static uint32_t follow(struct shortening *s, uint32_t root, uint32_t value)
{
    const struct node *nodes = s->graph.nodes;
    uint32_t at = root;

    for (; is_alike(&nodes[root], &nodes[at]); s->work++)
        at = holds(&nodes[at], value) ? nodes[at].yes : nodes[at].no;
    return at;
}

/* Fills `split` with the ranges of a node's word. Return: how many; 0: too much work. */
static size_t split(struct shortening *s, uint32_t root)
{
    find_values(s, root);
    for (size_t i = 0; i < s->points.count; i++) {
        uint32_t first = s->points.list[i];

        s->split[i] = (struct range){first, follow(s, root, first), OFTEN};
        if (s->work > WORK)
            return 0;
    }
    return s->points.count;
}

/* Marks what a node in use leads to. Return: false: too much work. */
static bool need(struct shortening *s, uint32_t index)
{
    const struct node *node = &s->graph.nodes[index];
    size_t count;

    if (!node->mask)
        return true;
    if (node->mask != UINT32_MAX) {
        s->shorter[node->yes] = s->shorter[node->no] = 0;
        return true;
    }
    count = split(s, index);
    for (size_t i = 0; i < count; i++)
        s->shorter[s->split[i].node] = 0;
    return count > 0;
}

static uint32_t shorter_of(struct shortening *s, uint32_t index)
{
    struct node node = s->graph.nodes[index];
    size_t count;

    if (!node.mask)
        return index;
    if (node.mask != UINT32_MAX) {
        node.yes = s->shorter[node.yes];
        node.no = s->shorter[node.no];
        return graph_test(&s->graph, node);
    }
    count = split(s, index);
    if (!count)
        return GRAPH_NONE;
    for (size_t i = 0; i < count; i++)
        s->split[i].node = s->shorter[s->split[i].node];
    return ranges_tree(&s->graph, node.offset, s->split, count);
}

/* Makes trees of chains, behind all numbers. What is needed is found from above, then made from
 * below; what a node leads to has a lower index. */
static bool shorten_chains(struct shortening *s)
{
    size_t count = s->graph.count;

    s->shorter = malloc(count * sizeof(*s->shorter));
    s->stack = malloc(count * sizeof(*s->stack));
    s->seen = calloc(count, sizeof(*s->seen));
    if (!s->shorter || !s->stack || !s->seen)
        return false;
    memset(s->shorter, 0xff, count * sizeof(*s->shorter));
    for (size_t i = 0; i < s->n_ranges; i++)
        s->shorter[s->ranges[i].node] = 0;
    for (uint32_t i = (uint32_t)count; i-- > 0;)
        if (s->shorter[i] != GRAPH_NONE && !need(s, i))
            return false;
    for (uint32_t i = 0; i < count; i++) {
        if (s->shorter[i] == GRAPH_NONE)
            continue;
        s->shorter[i] = shorter_of(s, i);
        if (s->shorter[i] == GRAPH_NONE)
            return false;
    }
    for (size_t i = 0; i < s->n_ranges; i++)
        s->ranges[i].node = s->shorter[s->ranges[i].node];
    return true;
}

/* Every chained program begins so (chain.c). */
static bool has_head(const struct filter_code *program)
{
    static const struct sock_filter head[HEAD] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)};

    return program->len > HEAD && memcmp(program->code, head, sizeof(head)) == 0;
}

static uint32_t root_of(struct shortening *s)
{
    if (!find_points(s) || !read_numbers(s))
        return GRAPH_NONE;
    s->n_ranges = s->points.count;
    if (!shorten_chains(s))
        return GRAPH_NONE;
    return ranges_tree(&s->graph, NUMBER, s->ranges, s->n_ranges);
}

bool filter_shorten(struct filter_code *program, struct arena *arena)
{
    AUTO_FREE struct shortening *room = calloc(1, sizeof(*room));
    struct filter_code head = {program->code, HEAD}, made = {.len = program->len};
    bool done = false;
    uint32_t root;

    made.code = arena_alloc(arena, made.len * sizeof(*made.code));
    if (!room || !made.code || !filter_stays_inside(program) || !has_head(program))
        return false;
    room->program = program;
    root = root_of(room);
    done = root != GRAPH_NONE && graph_emit(&room->graph, root, &head, &made) == 0;
    if (done)
        *program = made;
    shortening_done(room);
    return done;
}
