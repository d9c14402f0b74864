/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: libseccomp gets equalities and masked equalities only, since it compiles
 * some ordered comparisons wrongly, and rules of one action only. What it makes of some of them is
 * a section (filter.h); its answers are markers that no kernel knows, so that nothing depends on
 * what the running kernel can do.
 *
 * A rule comes as its pieces (pieces.h). They are dealt out to layers, each of which becomes a
 * section: in one layer a call has at most MIXED pieces, or any number that look at one and the
 * same argument. A rule with exceptions has a layer to itself among those of its call, and before
 * it a section of the exceptions.
 */
#include "plan/filter.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"

#define MIXED   16 /* with 64 that look at three arguments libseccomp was seen to take minutes */
#define SEVERAL 6  /* arguments are looked at, not one */

/* A piece on its way into a layer. */
struct dealt {
    int number; /* of the call */
    unsigned layer;
    struct piece piece;
};

struct deal {
    struct dealt *list;
    size_t count;
    unsigned layers;
};

/* The layer of a call that is being filled. */
struct filling {
    unsigned layer, count, argument;
};

static void release(scmp_filter_ctx *ctx)
{
    if (*ctx)
        seccomp_release(*ctx);
}

static int failed(struct crib_error *err, int code, const char *what)
{
    return fail_sys(err, code, "syscalls", -1, NULL, "libseccomp: %s", what);
}

#ifdef CRIB_SECCOMP_EXPORT_MEM
static int export_code(scmp_filter_ctx ctx, struct arena *arena, struct filter_code *ret)
{
    size_t size = 0;
    int r = seccomp_export_bpf_mem(ctx, NULL, &size);

    if (r < 0)
        return r;
    ret->code = arena_alloc(arena, size);
    ret->len = size / sizeof(*ret->code);
    return ret->code ? seccomp_export_bpf_mem(ctx, ret->code, &size) : -ENOMEM;
}
#else
/* Where executable memory files are forbidden, one has to be marked; older kernels know no mark. */
static int memory_file(void)
{
    int fd = memfd_create("crib-filter", MFD_CLOEXEC | 0x8u /* MFD_NOEXEC_SEAL */);

    return fd >= 0 ? fd : memfd_create("crib-filter", MFD_CLOEXEC);
}

static int export_code(scmp_filter_ctx ctx, struct arena *arena, struct filter_code *ret)
{
    AUTO_FD int fd = memory_file();
    AUTO_FREE char *data = NULL;
    size_t len;
    int r;

    if (fd < 0)
        return -errno;
    r = seccomp_export_bpf(ctx, fd);
    if (r < 0)
        return r;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return -errno;
    r = fd_read_file(fd, FILTER_MAX * sizeof(*ret->code), &data, &len);
    if (r < 0)
        return r == -EFBIG ? -E2BIG : r;
    ret->code = (struct sock_filter *)arena_copy(arena, data, len);
    ret->len = len / sizeof(*ret->code);
    return ret->code ? 0 : -ENOMEM;
}
#endif

/* Return: the one argument that a piece looks at; SEVERAL, also for none. */
static unsigned argument_of(const struct piece *piece)
{
    unsigned found = SEVERAL;

    for (unsigned i = 0; i < 6; i++) {
        if (piece->mask[i] && found != SEVERAL)
            return SEVERAL;
        if (piece->mask[i])
            found = i;
    }
    return found;
}

static int push(struct deal *deal, int number, unsigned layer, const struct piece *piece,
                struct arena *arena)
{
    struct dealt dealt = {number, layer, *piece};

    if (layer >= deal->layers)
        deal->layers = layer + 1;
    return arena_push_value(arena, &deal->list, &deal->count, &dealt, sizeof(dealt));
}

static int deal_piece(struct deal *deal, struct filling *filling, int number,
                      const struct piece *piece, struct arena *arena)
{
    unsigned argument = argument_of(piece);

    if (filling->count == 0)
        filling->argument = argument;
    if (filling->count >= MIXED && (argument == SEVERAL || argument != filling->argument))
        *filling = (struct filling){filling->layer + 1, 0, argument};
    if (argument != filling->argument)
        filling->argument = SEVERAL;
    filling->count++;
    return push(deal, number, filling->layer, piece, arena);
}

/* All rules but those with exceptions, which have their turn in deal_excepted(). */
static int deal_plain(const struct filter_list *list, struct arena *arena, struct deal *deal)
{
    struct filling filling[CALLS_LAST + 1] = {{0}};
    struct pieces pieces;
    int r = 0;

    for (size_t i = 0; r == 0 && i < list->count; i++) {
        const struct rule *rule = &list->rules[i];

        r = pieces_of(rule->conditions, rule->count, &pieces);
        if (r < 0 || pieces.exceptions)
            continue;
        for (size_t p = 0; r == 0 && p < pieces.count; p++)
            r = deal_piece(deal, &filling[rule->call->number], rule->call->number, &pieces.piece[p],
                           arena);
    }
    return r;
}

static int push_exceptions(struct deal *excepted, int number, unsigned layer,
                           const struct pieces *pieces, struct arena *arena)
{
    int r = 0;

    for (size_t e = 0; r == 0 && e < pieces->exceptions; e++)
        r = push(excepted, number, layer, &pieces->exception[e], arena);
    return r;
}

/* Layer n of both is for the same rules. */
static int deal_excepted(const struct filter_list *list, struct arena *arena, struct deal *excepted,
                         struct deal *rest)
{
    unsigned next[CALLS_LAST + 1] = {0};
    struct pieces pieces;
    int r = 0;

    for (size_t i = 0; r == 0 && i < list->count; i++) {
        int number = list->rules[i].call->number;

        r = pieces_of(list->rules[i].conditions, list->rules[i].count, &pieces);
        if (r < 0 || !pieces.exceptions)
            continue;
        for (size_t p = 0; r == 0 && p < pieces.count; p++) {
            unsigned layer = next[number] + (unsigned)p / MIXED;

            if (p % MIXED == 0)
                r = push_exceptions(excepted, number, layer, &pieces, arena);
            if (r == 0)
                r = push(rest, number, layer, &pieces.piece[p], arena);
        }
        next[number] += (unsigned)(pieces.count + MIXED - 1) / MIXED;
    }
    return r;
}

static int add_piece(scmp_filter_ctx ctx, const struct dealt *dealt)
{
    struct scmp_arg_cmp conditions[6];
    unsigned count = 0;
    int r;

    for (unsigned i = 0; i < 6; i++) {
        uint64_t mask = dealt->piece.mask[i], value = dealt->piece.value[i];

        if (mask == UINT64_MAX)
            conditions[count++] = (struct scmp_arg_cmp){i, SCMP_CMP_EQ, value, 0};
        else if (mask)
            conditions[count++] = (struct scmp_arg_cmp){i, SCMP_CMP_MASKED_EQ, mask, value};
    }
    r = seccomp_rule_add_array(ctx, SECTION_HIT, dealt->number, count, conditions);
    return r == -EEXIST ? 0 : r;
}

static int compile_layer(const struct deal *deal, unsigned layer, struct arena *arena,
                         struct filter_code *ret, struct crib_error *err)
{
    AUTO(release) scmp_filter_ctx ctx = seccomp_init(SECTION_MISS);
    int r;

    if (!ctx)
        return failed(err, -ENOMEM, "a new filter");
    r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SECTION_ARCH);
    if (r == 0) /* a binary tree; releases that have none do without */
        seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t i = 0; r == 0 && i < deal->count; i++)
        if (deal->list[i].layer == layer)
            r = add_piece(ctx, &deal->list[i]);
    if (r < 0)
        return failed(err, r, "a rule");
    r = export_code(ctx, arena, ret);
    return r < 0 ? failed(err, r, "the program") : 0;
}

static int add_section(const struct deal *deal, unsigned layer, bool skips, uint32_t hit,
                       struct arena *arena, struct filter_sections *ret, struct crib_error *err)
{
    struct filter_section section = {.skips = skips, .hit = hit};
    int r = compile_layer(deal, layer, arena, &section.program, err);

    if (r < 0)
        return r;
    r = arena_push_value(arena, &ret->list, &ret->count, &section, sizeof(section));
    return r < 0 ? fail_sys(err, r, "syscalls", -1, NULL, NULL) : 0;
}

int filter_compile(const struct filter_list *list, uint32_t hit, struct arena *arena,
                   struct filter_sections *ret, struct crib_error *err)
{
    struct deal plain = {0}, excepted = {0}, rest = {0};
    int r = deal_plain(list, arena, &plain);

    if (r == 0)
        r = deal_excepted(list, arena, &excepted, &rest);
    if (r < 0)
        return fail_sys(err, r, "syscalls", -1, NULL, NULL);
    for (unsigned layer = 0; r == 0 && layer < plain.layers; layer++)
        r = add_section(&plain, layer, false, hit, arena, ret, err);
    for (unsigned layer = 0; r == 0 && layer < rest.layers; layer++) {
        r = add_section(&excepted, layer, true, 0, arena, ret, err);
        if (r == 0)
            r = add_section(&rest, layer, false, hit, arena, ret, err);
    }
    return r;
}
