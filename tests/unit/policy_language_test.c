/* SPDX-License-Identifier: Apache-2.0 */
/* Entries with several conditions, ordered ones, sets and errnos: what is read, and what refused.
 */
#include "support/support.h"

#include <errno.h>
#include <string.h>

#include "policy/load.h"
#include "policy/rule.h"

static const struct {
    const char *entry;
    const char *text; /* canonical; NULL: the same */
} good[] = {
    {"lseek(offset < 4294967301)", NULL},
    {"lseek(offset<0x100000005)", "lseek(offset < 4294967301)"},
    {"read(fd != 3)", NULL},
    {"read(fd <= 3)", NULL},
    {"read(fd > 3)", NULL},
    {"read(fd >= 3)", NULL},
    {"read(fd == 1 && count < 4096)", "read(fd == 1, count < 4096)"},
    {"read(count < 4096, fd == 1)", "read(fd == 1, count < 4096)"},
    {"read(fd > 2 && fd < 9 && fd != 5)", "read(fd != 5, fd < 9, fd > 2)"},
    {"read(fd == 1, fd == 1)", "read(fd == 1)"},
    {"socket(domain in {AF_INET, AF_INET6})", NULL},
    {"socket(domain in {AF_INET6,AF_INET , AF_INET6})", "socket(domain in {AF_INET, AF_INET6})"},
    {"socket(domain in {AF_UNIX})", "socket(domain == AF_UNIX)"},
    {"socket(type & 0xf in {SOCK_STREAM, SOCK_DGRAM})", NULL},
    {"socket(domain != AF_UNIX, type & 0xf != SOCK_RAW, protocol in {IPPROTO_IP, IPPROTO_TCP})",
     NULL},
    {"mmap(prot within PROT_READ|PROT_WRITE)", NULL},
    {"mmap(prot ⊆ PROT_READ | PROT_WRITE)", "mmap(prot within PROT_READ|PROT_WRITE)"},
    {"mmap(prot within 0)", NULL},
    {"clone(flags & CLONE_NEWUSER != 0)", NULL},
    {"kill(pid > 1 && sig in {SIGTERM, SIGKILL})", "kill(pid > 1, sig in {SIGKILL, SIGTERM})"},
    {"prctl(option == PR_SET_PDEATHSIG, value2 == 9)", NULL},
    {"vserver(arg0/32 < 3, arg1/64 >= 4294967296)", NULL},
    {"mount -> ENOSYS", NULL},
    {"mount->ENOSYS", "mount -> ENOSYS"},
    {"socket(domain == AF_NETLINK) -> EAFNOSUPPORT", NULL},
    {"read -> EWOULDBLOCK", "read -> EAGAIN"},
    {"in(x == 1)", "" /* bad */},
};

static void test_good_entries(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct crib_error err = {0};
        struct rule rule, again;
        const char *text;

        if (good[i].text && !good[i].text[0]) {
            assert_int_equal(rule_parse(good[i].entry, &arena, &rule, &err), -EINVAL);
            continue;
        }
        if (rule_parse(good[i].entry, &arena, &rule, &err) < 0)
            fail_msg("%s: %s", good[i].entry, err.detail);
        text = rule_text(&rule, &arena);
        assert_string_equal(text, good[i].text ? good[i].text : good[i].entry);
        assert_int_equal(rule_parse(text, &arena, &again, &err), 0);
        assert_int_equal(rule_compare(&again, &rule), 0);
        assert_int_equal(again.code, rule.code);
    }
    arena_done(&arena);
}

static const struct {
    const char *entry;
    int code;
    const char *detail;
} bad[] = {
    {"read(fd < 0)", -EINVAL, "the condition on 'fd' would never hold"},
    {"read(fd >= 0)", -EINVAL, "the condition on 'fd' would always hold"},
    {"read(fd > 0xffffffff)", -EINVAL, "the condition on 'fd' would never hold"},
    {"read(fd <= 0xffffffff)", -EINVAL, "the condition on 'fd' would always hold"},
    {"read(fd within 0xffffffff)", -EINVAL, "the condition on 'fd' would always hold"},
    {"read(fd == 1 && fd == 2)", -EINVAL,
     "the conditions contradict each other: no call would fit"},
    {"read(fd == 1 && fd != 1)", -EINVAL,
     "the conditions contradict each other: no call would fit"},
    {"read(fd < 4, fd > 4)", -EINVAL, "the conditions contradict each other: no call would fit"},
    {"read(fd & 0xf < 0x10)", -EINVAL, "the value has bits that the mask leaves out"},
    {"read(fd & 0xf != 0x10)", -EINVAL, "the value has bits that the mask leaves out"},
    {"read(fd & 0xf within 1)", -EINVAL, "'within' goes with no mask: it looks at all bits"},
    {"read(fd in 1)", -EINVAL, "'1' where '{' should come"},
    {"read(fd in {})", -EINVAL, "'}' where a number or the name of a constant should come"},
    {"read(fd in {1)", -EINVAL, "')' where ',' or '}' should come"},
    {"read(fd in {1,})", -EINVAL, "'}' where a number or the name of a constant should come"},
    {"read(fd inside {1})", -EINVAL,
     "'i' where '==', '!=', '<', '<=', '>', '>=', 'in' or 'within' should come"},
    {"read(fd == 1 &&)", -EINVAL, "')' where an argument should come"},
    {"read(fd == 1 || fd == 2)", -EINVAL,
     "'|' where a number or the name of a constant should come"},
    {"read(fd == 1, buf == 2)", -EINVAL,
     "'buf' of read is an address: a filter cannot see what it points to"},
    {"read(buf < 4096)", -EINVAL,
     "'buf' of read is an address: a filter cannot see what it points to"},
    {"read ->", -EINVAL, "the entry ends where the name of an errno should come"},
    {"read -> 5", -EINVAL, "unknown errno '5'"},
    {"read -> EPREM", -EINVAL, "unknown errno 'EPREM', did you mean 'EPERM'?"},
    {"read -> EPERM x", -EINVAL, "'x' where the end should come"},
    {"pread64(count < 0xffffffffffffffff, pos < 0xffffffffffffffff)", -E2BIG,
     "the conditions come to more than 128 comparisons for equality; say it in several entries, or "
     "with rounder numbers"},
    {"read(fd > 1, fd > 2, fd > 3, fd > 4, fd > 5, fd > 6, fd > 7, fd > 8, fd > 9)", -E2BIG,
     "more than 8 conditions in one entry"},
    {"read(fd in {0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,"
     "30,31,32})",
     -E2BIG, "more than 32 values in one { }"},
};

static void test_bad_entries(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct crib_error err = {0};
        struct rule rule;

        if (rule_parse(bad[i].entry, &arena, &rule, &err) != bad[i].code)
            fail_msg("%s: %s", bad[i].entry, err.detail);
        assert_string_equal(err.detail, bad[i].detail);
    }
    arena_done(&arena);
}

/* @text is a policy. Return: what is wrong with it, with its place. */
static const char *wrong(const char *text, struct arena *arena)
{
    struct crib_error err = {0};
    Crib__Policy *policy;
    char *said = arena_alloc(arena, 700);

    assert_true(policy_parse("p.yaml", text, strlen(text), NULL, arena, &policy, NULL, &err) < 0);
    return crib_error_text(&err, said, 700);
}

static void test_refusals_have_their_place(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_string_equal(wrong("syscalls:\n  allow:\n    - read\n    - read(buf == 1)\n", &arena),
                        "p.yaml:4:7: 'buf' of read is an address: a filter cannot see what it "
                        "points to");
    assert_string_equal(wrong("syscalls:\n  allow:\n    - read -> ENOSYS\n", &arena),
                        "p.yaml:3:7: only `deny` names an errno");
    assert_string_equal(wrong("syscalls:\n  kill: [\"@mount -> ENOSYS\"]\n", &arena),
                        "p.yaml:2:10: only `deny` names an errno");
    assert_string_equal(wrong("syscalls:\n  deny: [\"@mount -> EVIL\"]\n", &arena),
                        "p.yaml:2:10: unknown errno 'EVIL'");
    assert_string_equal(wrong("syscalls:\n  otherwise: ENOSIS\n", &arena),
                        "p.yaml:2:14: unknown errno 'ENOSIS', did you mean 'ENOSYS'?");
    assert_string_equal(
        wrong("syscalls:\n  log:\n  - pread64(count < 0xffffffffffffffff, pos < "
              "0xffffffffffffffff)\n",
              &arena),
        "p.yaml:3:5: the conditions come to more than 128 comparisons for equality; say it in "
        "several entries, or with rounder numbers");
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_entries),
        cmocka_unit_test(test_bad_entries),
        cmocka_unit_test(test_refusals_have_their_place),
    };

    return test_run(tests);
}
