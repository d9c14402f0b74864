/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <string.h>

#include "compiler/compiler.h"

/* A program while it is written. */
struct writing {
    struct sock_filter *code; /* room for FILTER_MAX */
    size_t len;               /* may pass FILTER_MAX; nothing is written there */
};

static void put(struct writing *out, struct sock_filter instruction)
{
    if (out->len < FILTER_MAX)
        out->code[out->len] = instruction;
    out->len++;
}

static void put_return(struct writing *out, uint32_t action)
{
    put(out, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Answers ENOSYS for the numbers @first to @last; the number is in the accumulator. */
static void put_unknown(struct writing *out, uint32_t first, uint32_t last)
{
    if (first == last) {
        put(out, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 0, 1));
    } else {
        put(out, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0, 2));
        put(out, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 1, 0));
    }
    put_return(out, SECCOMP_RET_ERRNO | ENOSYS);
}

static bool is_known(int number, bool clone3)
{
    const struct call *call = call_by_number(number);

    return call && (clone3 || strcmp(call->name, "clone3") != 0);
}

/*
 * Another architecture's numbers mean other calls: there is no honest way to come here with them.
 * The numbers of x32 have a high bit, and so are over CALLS_LAST.
 */
static void put_prefix(struct writing *out, bool clone3)
{
    put(out, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                          offsetof(struct seccomp_data, arch)));
    put(out, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
    put_return(out, SECCOMP_RET_KILL_PROCESS);
    put(out,
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    put_unknown(out, CALLS_LAST + 1, UINT32_MAX);
    for (int first = 0; first <= CALLS_LAST; first++) {
        int last = first;

        if (is_known(first, clone3))
            continue;
        while (last < CALLS_LAST && !is_known(last + 1, clone3))
            last++;
        put_unknown(out, (uint32_t)first, (uint32_t)last);
        first = last;
    }
}

/* A return of the section's program becomes an answer, or a jump over what is left of it.
 * @behind: instructions of the next section */
static int put_section(struct writing *out, const struct filter_section *section, size_t behind)
{
    const struct filter_code *program = &section->program;

    for (size_t i = 0; i < program->len; i++) {
        struct sock_filter now = program->code[i];
        uint32_t left = (uint32_t)(program->len - i - 1);

        if (now.code == (BPF_RET | BPF_K)) {
            if (now.k == COMPILER_MISS)
                now = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, left);
            else if (now.k == COMPILER_HIT && section->skips)
                now = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, left + (uint32_t)behind);
            else if (now.k == COMPILER_HIT)
                now.k = section->hit;
            else if (now.k == COMPILER_ARCH)
                now.k = SECCOMP_RET_KILL_PROCESS;
            else
                return -EPROTO;
        }
        put(out, now);
    }
    return 0;
}

int filter_chain(const struct filter_rules *rules, const struct filter_section *sections,
                 size_t count, uint32_t otherwise, struct arena *arena, struct filter_code *ret,
                 struct crib_error *err)
{
    struct writing out = {.code = arena_alloc(arena, FILTER_MAX * sizeof(struct sock_filter))};

    if (!out.code)
        return fail_sys(err, -ENOMEM, "syscalls", -1, NULL, NULL);
    put_prefix(&out, filter_names_clone3(rules));
    for (size_t i = 0; i < count; i++)
        if (put_section(&out, &sections[i], i + 1 < count ? sections[i + 1].program.len : 0) < 0)
            return fail_text(err, -EPROTO, "syscalls", -1, NULL,
                             "the compiler made a program with an answer that was not asked for");
    put_return(&out, otherwise);
    if (out.len > FILTER_MAX)
        return fail_text(err, -E2BIG, "syscalls", -1, NULL,
                         "the rules come to %zu instructions, and the kernel takes %d", out.len,
                         FILTER_MAX);
    *ret = (struct filter_code){out.code, out.len};
    return 0;
}
