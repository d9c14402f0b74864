/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rules say and what the kernel does in a real sandbox, at the values that compilers of
 * filters have got wrong, and by the other doors into the kernel.
 */
#include "sandbox/sandbox.h"

#include <stdio.h>
#include <string.h>

/* What a task is told of lseek(999, OFFSET, 0) for each of some offsets. */
static void check_offsets(const char *rules, const uint64_t *offsets, size_t count,
                          const char *answer)
{
    for (size_t i = 0; i < count; i++) {
        char verbs[64];
        struct sandbox box;

        sandbox_init(&box);
        box.rules = rules;
        snprintf(verbs, sizeof(verbs), "syscall 8 999 %#lx 0", (unsigned long)offsets[i]);
        sandbox_probe(&box, verbs);
        if (strcmp(sandbox_line(box.out, "8"), answer) != 0)
            fail_msg("offset %#lx: %s, not %s", (unsigned long)offsets[i], box.out, answer);
        sandbox_done(&box);
    }
}

/* libseccomp, given both comparisons, lets 0x100000005 pass. */
static void test_two_ordered_comparisons_of_one_argument(void **state)
{
    static const char rules[] = "extends: [default]\n"
                                "syscalls:\n"
                                "  deny:\n"
                                "    - lseek(offset < 0x100000005) -> EUCLEAN\n"
                                "    - lseek(offset < 0x200000005) -> EUCLEAN\n";
    static const uint64_t denied[] = {0,           4,           0xffffffff, 0x100000004,
                                      0x100000005, 0x100000006, 0x200000004};
    static const uint64_t passed[] = {0x200000005, 0x200000006, 0x300000000, UINT64_MAX};

    (void)state;
    check_offsets(rules, denied, sizeof(denied) / sizeof(denied[0]), "EUCLEAN");
    check_offsets(rules, passed, sizeof(passed) / sizeof(passed[0]), "EBADF");
}

/* Each operator at its edge. */
static void test_every_operator_at_its_edge(void **state)
{
    static const struct {
        const char *condition;
        uint64_t denied, passed;
    } rows[] = {
        {"offset == 0x100000005", 0x100000005, 5},
        {"offset != 0x100000005", 0x200000005, 0x100000005},
        {"offset < 0x100000005", 0x100000004, 0x100000005},
        {"offset <= 0x100000005", 0x100000005, 0x100000006},
        {"offset > 0x100000005", 0x100000006, 0x100000005},
        {"offset >= 0x100000005", 0x100000005, 0x100000004},
        {"offset & 0xf0000000f == 0x100000005", 0x100000005, 0x200000005},
        {"offset in {7, 0x100000007}", 0x100000007, 0x200000007},
        {"offset within 0x100000005", 0x100000004, 0x100000006},
        {"offset > 4 && offset < 0x100000000", 0xffffffff, 0x100000000},
        {"fd == 999, offset >= 0x8000000000000000", 0x8000000000000000, 0x7fffffffffffffff},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char rules[256];

        snprintf(rules, sizeof(rules),
                 "extends: [default]\nsyscalls:\n  deny:\n    - \"lseek(%s) -> EUCLEAN\"\n",
                 rows[i].condition);
        check_offsets(rules, &rows[i].denied, 1, "EUCLEAN");
        check_offsets(rules, &rows[i].passed, 1, "EBADF");
    }
}

/* The kernel looks at 32 bits of fd and 16 of mode; bits above them open no way. */
static void test_bits_that_the_kernel_does_not_see(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\n"
                "syscalls:\n"
                "  deny:\n"
                "    - lseek(fd == 999) -> EUCLEAN\n"
                "    - fchmod(mode >= 04000) -> EUCLEAN\n";
    sandbox_probe(&box, "syscall 8 999 0 0 , syscall 8 0x1000003e7 0 0 , "
                        "syscall 8 0xffffffff000003e7 0 0 , syscall 8 0x1000003e8 0 0 , "
                        "syscall 91 1000 0x800 , syscall 91 1000 0x100000800 , "
                        "syscall 91 1000 0x10800 , syscall 91 1000 0x107ff");
    assert_string_equal(box.out, "8 EUCLEAN\n8 EUCLEAN\n8 EUCLEAN\n8 EBADF\n"
                                 "91 EUCLEAN\n91 EUCLEAN\n91 EUCLEAN\n91 EBADF\n");
    sandbox_done(&box);
}

/* x32's numbers are unknown, and int 0x80 ends its user: no rule is asked. 20 and 39: getpid. */
static void test_other_doors_stay_shut(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nsyscalls:\n  deny: [\"lseek(offset < 0x100000005)\"]\n";
    sandbox_probe(&box, "x32 39 , x32 8 , i386 20 , i386 19");
    assert_string_equal(box.out, "x32 ENOSYS\nx32 ENOSYS\ni386 SIGSYS\ni386 SIGSYS\n");
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_ordered_comparisons_of_one_argument),
        cmocka_unit_test(test_every_operator_at_its_edge),
        cmocka_unit_test(test_bits_that_the_kernel_does_not_see),
        cmocka_unit_test(test_other_doors_stay_shut),
    };

    return sandbox_test_run(tests);
}
