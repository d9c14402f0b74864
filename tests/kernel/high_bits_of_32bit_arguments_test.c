/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a filter sees 64 bits of every argument, the call itself may read 32 of them:
 * `ioctl(cmd == FIONREAD)` compared as 64 bits is bypassed by cmd | 1 << 32.
 * Source: seccomp(2) struct seccomp_data, ioctl(2)
 * crib: every named argument has its width, and 32-bit ones are compared under the mask
 * 0xffffffff.
 */
#include "apart.h"
#include "filter.h"

#define LOW  (offsetof(struct seccomp_data, args) + sizeof(uint64_t))
#define HIGH (LOW + sizeof(uint32_t))

/* Refuses ioctl where cmd is FIONREAD, the upper half read or not. */
static int load(int wide)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FIONREAD, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, HIGH),
        BPF_JUMP(BPF_JMP | (wide ? BPF_JEQ : BPF_JGE) | BPF_K, 0, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };

    return filter_load(program, sizeof(program) / sizeof(program[0]), 0);
}

static int body(void *arg)
{
    int wide = *(int *)arg, pipes[2], n = -1;

    CHECK(pipe(pipes) == 0 && write(pipes[1], "123", 3) == 3);
    CHECK(load(wide) == 0);
    CHECK_FAILS(syscall(SYS_ioctl, pipes[0], (unsigned long)FIONREAD, &n), EPERM);
    if (!wide) {
        CHECK_FAILS(syscall(SYS_ioctl, pipes[0], FIONREAD | 1ul << 32, &n), EPERM);
        return 0;
    }
    CHECK(syscall(SYS_ioctl, pipes[0], FIONREAD | 1ul << 32, &n) == 0);
    CHECK(n == 3);
    return 0;
}

static void test_a_wide_comparison_is_bypassed(void **state)
{
    (void)state;
    assert_int_equal(apart_both(body, &(int){1}), 0);
}

static void test_a_narrow_one_is_not(void **state)
{
    (void)state;
    assert_int_equal(apart_both(body, &(int){0}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wide_comparison_is_bypassed),
        cmocka_unit_test(test_a_narrow_one_is_not),
    };

    return test_run(tests);
}
