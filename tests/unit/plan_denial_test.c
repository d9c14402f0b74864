/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include <errno.h>
#include <stdlib.h>

struct refused {
    int number, answer;
    uint64_t args[6];
    const char *text; /* `call: text: answer` */
};

static void must_say(const struct refused *row)
{
    Crib__Report__Refused refused = CRIB__REPORT__REFUSED__INIT;
    struct arena arena;
    Crib__Denial *denial;

    arena_init(&arena, 0);
    refused.pid = 12;
    refused.number = row->number;
    refused.n_args = 6;
    refused.args = (uint64_t *)row->args;
    refused.answer = row->answer;
    refused.has_count = true;
    refused.count = 3;
    assert_int_equal(plan_denial(NULL, &refused, &arena, &denial), 0);
    assert_string_equal(
        arena_printf(&arena, "%s: %s: %s", denial->call, denial->text, denial->answer), row->text);
    assert_int_equal(denial->pid, 12);
    assert_int_equal(denial->count, 3);
    arena_done(&arena);
}

static void test_calls_in_words(void **state)
{
    static const struct refused rows[] = {
        {41,
         EPERM,
         {2, 0x80001, 0},
         "socket: socket(domain=AF_INET, type=SOCK_STREAM|SOCK_CLOEXEC, protocol=IPPROTO_IP): "
         "EPERM"},
        /* what is above an argument's width is not the kernel's business */
        {41,
         EPERM,
         {1ull << 32 | 2, 3, 0},
         "socket: socket(domain=AF_INET, type=SOCK_RAW, protocol=IPPROTO_IP): EPERM"},
        {0,
         0,
         {0xffffffffull, 0x7fff1234, 4096},
         "read: read(fd=-1, buf=0x7fff1234, count=4096): let through"},
        {0, 0, {3, 0, 1ull << 40}, "read: read(fd=3, buf=NULL, count=0x10000000000): let through"},
        {16, -1, {5, 0x5412, 0x1000}, "ioctl: ioctl(fd=5, cmd=TIOCSTI, arg=4096): killed"},
        {39, EPERM, {1, 2, 3, 4, 5, 6}, "getpid: getpid(): EPERM"},
        {9999, EPERM, {1, 2, 3, 4, 5, 6}, "9999: 9999(0x1, 0x2, 0x3, 0x4, 0x5, 0x6): EPERM"},
        {-5, ENOSYS, {0}, "-5: -5(0, 0, 0, 0, 0, 0): ENOSYS"},
        {39, EACCES, {0}, "getpid: getpid(): EACCES"},
        {39, 4000, {0}, "getpid: getpid(): errno 4000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        must_say(&rows[i]);
}

/* Init is inside the sandbox: what it reports is not to be trusted for its length. */
static void test_too_few_and_too_many_arguments(void **state)
{
    Crib__Report__Refused refused = CRIB__REPORT__REFUSED__INIT;
    uint64_t args[200] = {0};
    struct arena arena;
    Crib__Denial *denial;

    (void)state;
    arena_init(&arena, 0);
    refused.number = 41;
    refused.args = args;
    refused.n_args = 1;
    assert_int_equal(plan_denial(NULL, &refused, &arena, &denial), 0);
    assert_string_equal(denial->text, "socket(domain=AF_UNSPEC)");
    refused.n_args = 200;
    refused.number = 9999;
    assert_int_equal(plan_denial(NULL, &refused, &arena, &denial), 0);
    assert_string_equal(denial->text, "9999(0, 0, 0, 0, 0, 0)");
    assert_int_equal(denial->count, 1);
    arena_done(&arena);
}

static void test_every_call_can_be_said(void **state)
{
    Crib__Report__Refused refused = CRIB__REPORT__REFUSED__INIT;
    uint64_t args[6] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};

    (void)state;
    refused.args = args;
    refused.n_args = 6;
    for (int number = 0; number < 600; number++) {
        struct arena arena;
        Crib__Denial *denial;

        arena_init(&arena, 0);
        refused.number = number;
        assert_int_equal(plan_denial(NULL, &refused, &arena, &denial), 0);
        assert_true(strlen(denial->text) < 1400);
        arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_in_words),
        cmocka_unit_test(test_too_few_and_too_many_arguments),
        cmocka_unit_test(test_every_call_can_be_said),
    };

    return test_run(tests);
}
