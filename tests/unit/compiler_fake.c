/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiler that is broken, hostile or dead, in a way of its own (compiler_fake.h).
 */
#include "compiler_fake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "compiler/compiler.h"

static struct arena arena;

static enum fake read_way(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    char way = -1;

    if (fd < 0 || lseek(fd, -1, SEEK_END) < 0 || read(fd, &way, 1) != 1)
        _exit(3);
    close(fd);
    return (enum fake)way;
}

static Crib__Compilation *read_question(void)
{
    uint32_t len, got = 0;
    uint8_t *data;

    if (read(0, &len, sizeof(len)) != sizeof(len))
        _exit(4);
    len = ntohl(len);
    data = malloc(len);
    while (got < len) {
        ssize_t n = read(0, data + got, len - got);

        if (n <= 0)
            _exit(5);
        got += (uint32_t)n;
    }
    return crib__compilation__unpack(&arena.pb, len, data);
}

/* As much of the answer as @part says, of its length and itself. */
static void answer(const Crib__Compiled *told, size_t part)
{
    size_t len = crib__compiled__get_packed_size(told);
    uint32_t head = htonl((uint32_t)len);
    uint8_t *data = malloc(sizeof(head) + len);

    memcpy(data, &head, sizeof(head));
    crib__compiled__pack(told, data + sizeof(head));
    fd_write_all(0, data, part < sizeof(head) + len ? part : sizeof(head) + len);
}

/* Replaces a program. */
static void put(ProtobufCBinaryData *program, const struct sock_filter *code, size_t count)
{
    *program = arena_bytes(&arena, code, count * sizeof(*code));
}

static void invert(ProtobufCBinaryData *program)
{
    struct sock_filter *code = (struct sock_filter *)program->data;

    for (size_t i = 0; i < program->len / sizeof(*code); i++)
        if (code[i].code == (BPF_RET | BPF_K) && code[i].k != COMPILER_ARCH)
            code[i].k ^= COMPILER_HIT ^ COMPILER_MISS;
}

/* What a program becomes that has @first before it. */
static void prepend(ProtobufCBinaryData *program, const struct sock_filter *first, size_t count)
{
    size_t size = count * sizeof(*first);
    uint8_t *data = arena_alloc(&arena, size + program->len);

    memcpy(data, first, size);
    memcpy(data + size, program->data, program->len);
    *program = (ProtobufCBinaryData){.len = size + program->len, .data = data};
}

static void make_long(ProtobufCBinaryData *program)
{
    static struct sock_filter code[5000];

    for (size_t i = 0; i < 5000; i++)
        code[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, COMPILER_MISS);
    put(program, code, 5000);
}

static void spoil(enum fake way, ProtobufCBinaryData *program)
{
    const struct sock_filter astray[] = {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 255, 255)};
    const struct sock_filter curious[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 56),
                                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x1234567, 0, 1),
                                          BPF_STMT(BPF_RET | BPF_K, COMPILER_HIT)};
    const struct sock_filter loads[] = {BPF_STMT(BPF_LD | BPF_IMM, 7)};
    const struct sock_filter generous[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};

    switch (way) {
    case FAKE_INVERTED:
        return invert(program);
    case FAKE_GENEROUS:
        return put(program, generous, 1);
    case FAKE_ASTRAY:
        return put(program, astray, 1);
    case FAKE_CURIOUS:
        return prepend(program, curious, 3);
    case FAKE_LOAD:
        return prepend(program, loads, 1);
    case FAKE_LONG:
        return make_long(program);
    case FAKE_EMPTY:
        program->len = 0;
        return;
    case FAKE_UNEVEN:
        program->len = 12;
        return;
    default:
        return;
    }
}

/* Bends the question, so that the answer is wrong. */
static void misread(enum fake way, Crib__Compilation *asked)
{
    for (size_t i = 0; i < asked->n_sections; i++) {
        Crib__Compilation__Section *section = asked->sections[i];

        if (way == FAKE_FORGETFUL && section->n_calls)
            section->n_calls--;
        for (size_t p = 0; way == FAKE_CARELESS && p < section->n_pieces; p++)
            for (size_t c = 0; c < section->pieces[p]->n_masks; c++)
                if (section->pieces[p]->masks[c] == UINT32_MAX)
                    section->pieces[p]->masks[c] = UINT64_MAX;
    }
}

static void export_to(scmp_filter_ctx ctx, ProtobufCBinaryData *ret)
{
    int fd = memfd_create("fake", MFD_CLOEXEC);
    off_t len;

    if (fd < 0 || seccomp_export_bpf(ctx, fd) < 0)
        _exit(6);
    len = lseek(fd, 0, SEEK_CUR);
    lseek(fd, 0, SEEK_SET);
    ret->data = arena_alloc(&arena, (size_t)len);
    ret->len = (size_t)len;
    if (read(fd, ret->data, (size_t)len) != len)
        _exit(7);
}

/* The section of `lseek`, as libseccomp compiles the comparisons themselves. */
static void order(const Crib__Compilation__Section *section, ProtobufCBinaryData *program)
{
    scmp_filter_ctx ctx = seccomp_init(COMPILER_MISS);

    if (!section->n_pieces || section->pieces[0]->number != SYS_lseek)
        return;
    seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, COMPILER_ARCH);
    if (seccomp_rule_add(ctx, COMPILER_HIT, SYS_lseek, 1, SCMP_A1(SCMP_CMP_LT, 0x100000005)) < 0 ||
        seccomp_rule_add(ctx, COMPILER_HIT, SYS_lseek, 1, SCMP_A1(SCMP_CMP_LT, 0x200000005)) < 0)
        _exit(8);
    export_to(ctx, program);
}

static void be_evil(void)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(1), SYS_getpgid, 2, SCMP_A0(SCMP_CMP_LT, 3),
                     SCMP_A1(SCMP_CMP_GE, 1));
    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(1), SYS_getpgid, 1, SCMP_A2(SCMP_CMP_LE, 3));
    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(1), SYS_getpgid, 2, SCMP_A0(SCMP_CMP_LT, 3),
                     SCMP_A2(SCMP_CMP_GE, 3));
}

static void be_garbage(void)
{
    uint32_t head = htonl(1000), state = 1;

    fd_write_all(0, &head, sizeof(head));
    for (int i = 0; i < 1000; i++) {
        state = state * 1103515245u + 12345u;
        fd_write_all(0, (uint8_t *)&state + 2, 1);
    }
}

static void be_huge(void)
{
    static const char zeros[65536] = {0};
    uint32_t head = UINT32_MAX;

    fd_write_all(0, &head, sizeof(head));
    while (fd_write_all(0, zeros, sizeof(zeros)) == 0)
        ;
}

/* A valid length, and then more than that. */
static void be_endless(void)
{
    static const char ones[65536] = {1};
    uint32_t head = htonl(1000);

    fd_write_all(0, &head, sizeof(head));
    while (fd_write_all(0, ones, sizeof(ones)) == 0)
        ;
}

static void excuse(Crib__Compiled__Failure failure, int code)
{
    Crib__Compiled told = CRIB__COMPILED__INIT;

    told.has_failure = told.has_code = true;
    told.failure = failure;
    told.code = code;
    answer(&told, SIZE_MAX);
}

static bool is_limited(int resource, rlim_t most)
{
    struct rlimit limit;

    return getrlimit(resource, &limit) == 0 && limit.rlim_max <= most;
}

static void be_boxed(void)
{
    bool boxed;

    compiler_box();
    boxed = is_limited(RLIMIT_CPU, 10) && is_limited(RLIMIT_AS, 256ul << 20) &&
            is_limited(RLIMIT_CORE, 1) && malloc(400ul << 20) == NULL &&
            open("/", O_RDONLY | O_CLOEXEC) >= 0 && open("/", O_RDONLY | O_CLOEXEC) < 0 &&
            errno == EMFILE && chroot("/") < 0 && errno == EPERM &&
            prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && alarm(0) > 0;
    excuse(CRIB__COMPILED__FAILURE__rule, boxed ? -EXDEV : -EIO);
}

/* The ways that need not read the question. */
static void misbehave(enum fake way)
{
    switch (way) {
    case FAKE_BUSY:
        for (volatile int i = 0;; i++)
            ;
    case FAKE_EVIL:
        return be_evil();
    case FAKE_LATE:
        usleep(500000);
        return;
    case FAKE_KILLED:
        raise(SIGKILL);
        return;
    case FAKE_GARBAGE:
        return be_garbage();
    case FAKE_HUGE:
        return be_huge();
    case FAKE_ENDLESS:
        return be_endless();
    case FAKE_EXCUSE:
        return excuse(CRIB__COMPILED__FAILURE__rule, -EFAULT);
    case FAKE_ODD_EXCUSE:
        return excuse((Crib__Compiled__Failure)77, 5);
    case FAKE_BOXED:
        return be_boxed();
    default:
        return;
    }
}

static void compile(enum fake way)
{
    Crib__Compilation *asked = read_question();
    Crib__Compiled *told;

    if (!asked)
        _exit(9);
    misread(way, asked);
    told = compiler_translate(asked, &arena);
    for (size_t i = 0; i < told->n_programs; i++) {
        spoil(way, &told->programs[i]);
        if (way == FAKE_ORDERED)
            order(asked->sections[i], &told->programs[i]);
    }
    if (way == FAKE_FEW)
        told->n_programs--;
    if (way == FAKE_MANY)
        arena_push_value(&arena, &told->programs, &told->n_programs, &told->programs[0],
                         sizeof(told->programs[0]));
    answer(told, way == FAKE_HALF ? 300 : way == FAKE_HEAD ? 3 : SIZE_MAX);
}

int main(void)
{
    enum fake way = read_way();
    Crib__Compiled nothing = CRIB__COMPILED__INIT;

    arena_init(&arena, 0);
    if (way == FAKE_DEAF) {
        answer(&nothing, SIZE_MAX);
    } else if (way <= FAKE_MANY || way == FAKE_HALF || way == FAKE_HEAD) {
        compile(way);
    } else if (way != FAKE_SILENT) {
        read_question();
        misbehave(way);
    }
    return 0;
}
