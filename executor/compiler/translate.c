/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that libseccomp is used in. It gets equalities and masked equalities only, since it
 * compiles some ordered comparisons wrongly, and rules of one action only.
 */
#include "compiler/compiler.h"

#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/auto.h"

static void release(scmp_filter_ctx *ctx)
{
    if (*ctx)
        seccomp_release(*ctx);
}

static int fail(Crib__Compiled *told, int code, Crib__Compiled__Failure failure)
{
    told->n_programs = 0;
    told->has_failure = told->has_code = true;
    told->failure = failure;
    told->code = code;
    return code;
}

#ifdef CRIB_SECCOMP_EXPORT_MEM
static int export_program(scmp_filter_ctx ctx, struct arena *arena, ProtobufCBinaryData *ret)
{
    size_t size = 0;
    int r = seccomp_export_bpf_mem(ctx, NULL, &size);

    if (r < 0)
        return r;
    if (size > COMPILER_LONGEST * sizeof(struct sock_filter))
        return -E2BIG;
    ret->data = arena_alloc(arena, size);
    ret->len = size;
    return ret->data ? seccomp_export_bpf_mem(ctx, ret->data, &size) : -ENOMEM;
}
#else
/* Where executable memory files are forbidden, one has to be marked; older kernels know no mark. */
static int memory_file(void)
{
    int fd = memfd_create("crib-filter", MFD_CLOEXEC | 0x8u /* MFD_NOEXEC_SEAL */);

    return fd >= 0 ? fd : memfd_create("crib-filter", MFD_CLOEXEC);
}

static int export_program(scmp_filter_ctx ctx, struct arena *arena, ProtobufCBinaryData *ret)
{
    AUTO_FD int fd = memory_file();
    off_t size;
    int r = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);

    if (r < 0)
        return r;
    size = lseek(fd, 0, SEEK_END);
    if (size < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return -errno;
    if ((size_t)size > COMPILER_LONGEST * sizeof(struct sock_filter))
        return -E2BIG;
    ret->data = arena_alloc(arena, (size_t)size);
    ret->len = (size_t)size;
    if (!ret->data)
        return -ENOMEM;
    return read(fd, ret->data, ret->len) == (ssize_t)ret->len ? 0 : -EIO;
}
#endif

static int add_piece(scmp_filter_ctx ctx, const Crib__Compilation__Piece *piece)
{
    struct scmp_arg_cmp conditions[6];
    unsigned count = 0;
    int r;

    if (piece->n_args > 6 || piece->n_masks != piece->n_args || piece->n_values != piece->n_args)
        return -EINVAL;
    for (size_t i = 0; i < piece->n_args; i++) {
        uint64_t mask = piece->masks[i], value = piece->values[i];

        if (mask == UINT64_MAX)
            conditions[count++] = (struct scmp_arg_cmp){piece->args[i], SCMP_CMP_EQ, value, 0};
        else
            conditions[count++] =
                (struct scmp_arg_cmp){piece->args[i], SCMP_CMP_MASKED_EQ, mask, value};
    }
    r = seccomp_rule_add_array(ctx, COMPILER_HIT, (int)piece->number, count, conditions);
    return r == -EEXIST ? 0 : r;
}

static int add_section(scmp_filter_ctx ctx, const Crib__Compilation__Section *section)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < section->n_calls; i++) {
        r = seccomp_rule_add_array(ctx, COMPILER_HIT, (int)section->calls[i], 0, NULL);
        r = r == -EEXIST ? 0 : r;
    }
    for (size_t i = 0; r == 0 && i < section->n_pieces; i++)
        r = add_piece(ctx, section->pieces[i]);
    return r;
}

static int translate(const Crib__Compilation__Section *section, struct arena *arena,
                     Crib__Compiled *told)
{
    AUTO(release) scmp_filter_ctx ctx = seccomp_init(COMPILER_MISS);
    ProtobufCBinaryData program;
    int r;

    if (!ctx)
        return fail(told, -ENOMEM, CRIB__COMPILED__FAILURE__filter);
    r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, COMPILER_ARCH);
    if (r < 0)
        return fail(told, r, CRIB__COMPILED__FAILURE__filter);
    /* a binary tree; releases that have none do without */
    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    r = add_section(ctx, section);
    if (r < 0)
        return fail(told, r, CRIB__COMPILED__FAILURE__rule);
    r = export_program(ctx, arena, &program);
    if (r == 0)
        r = arena_push_value(arena, &told->programs, &told->n_programs, &program, sizeof(program));
    return r < 0 ? fail(told, r, CRIB__COMPILED__FAILURE__program) : 0;
}

Crib__Compiled *compiler_translate(const Crib__Compilation *asked, struct arena *arena)
{
    Crib__Compiled *told = ARENA_NEW(arena, crib__compiled, Crib__Compiled);

    for (size_t i = 0; told && i < asked->n_sections; i++)
        if (translate(asked->sections[i], arena, told) < 0)
            break;
    return told;
}
