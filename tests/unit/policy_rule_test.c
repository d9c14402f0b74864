/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <string.h>

#include "policy/rule.h"

static const struct {
    const char *entry;
    int number, conditional;
    unsigned arg;
    uint64_t mask, value;
    const char *text; /* canonical */
} good[] = {
    {"read", 0, 0, 0, 0, 0, "read"},
    {"  read ", 0, 0, 0, 0, 0, "read"},
    {"socket(domain == AF_UNIX)", 41, 1, 0, 0xffffffff, 1, "socket(domain == AF_UNIX)"},
    {"socket(domain==AF_UNIX)", 41, 1, 0, 0xffffffff, 1, "socket(domain == AF_UNIX)"},
    {" socket ( domain  ==  1 ) ", 41, 1, 0, 0xffffffff, 1, "socket(domain == AF_UNIX)"},
    {"socket(domain == 0x1)", 41, 1, 0, 0xffffffff, 1, "socket(domain == AF_UNIX)"},
    {"socket(domain == 010)", 41, 1, 0, 0xffffffff, 8, "socket(domain == 8)"},
    {"socket(domain == 0)", 41, 1, 0, 0xffffffff, 0, "socket(domain == AF_UNSPEC)"},
    {"socket(arg0 == 2)", 41, 1, 0, 0xffffffff, 2, "socket(domain == AF_INET)"},
    {"socket(arg0/32 == 2)", 41, 1, 0, 0xffffffff, 2, "socket(domain == AF_INET)"},
    {"socket(type & 0xf == SOCK_RAW)", 41, 1, 1, 0xf, 3, "socket(type & 0xf == SOCK_RAW)"},
    {"socket(type == SOCK_STREAM|SOCK_CLOEXEC)", 41, 1, 1, 0xffffffff, 0x80001,
     "socket(type == SOCK_STREAM|SOCK_CLOEXEC)"},
    {"socket(type == SOCK_CLOEXEC | 1)", 41, 1, 1, 0xffffffff, 0x80001,
     "socket(type == SOCK_STREAM|SOCK_CLOEXEC)"},
    {"ioctl(cmd & 0xff00 == 0x5400)", 16, 1, 1, 0xff00, 0x5400, "ioctl(cmd & 0xff00 == 0x5400)"},
    {"ioctl(cmd == TIOCSTI)", 16, 1, 1, 0xffffffff, 0x5412, "ioctl(cmd == TIOCSTI)"},
    {"ioctl(cmd == 0xC0FFEE)", 16, 1, 1, 0xffffffff, 0xc0ffee, "ioctl(cmd == 0xc0ffee)"},
    {"ioctl(arg == 4294967296)", 16, 1, 2, UINT64_MAX, 1ULL << 32, "ioctl(arg == 4294967296)"},
    {"ioctl(arg & 0xffffffff == 7)", 16, 1, 2, 0xffffffff, 7, "ioctl(arg & 0xffffffff == 7)"},
    {"fcntl(arg2/64 == 0xffffffffffffffff)", 72, 1, 2, UINT64_MAX, UINT64_MAX,
     "fcntl(arg == 18446744073709551615)"},
    {"fcntl(arg & O_APPEND == 0)", 72, 1, 2, 02000, 0, "fcntl(arg & 0x400 == 0)"},
    {"clone(flags & 0x7e020000 == 0)", 56, 1, 0, 0x7e020000, 0,
     "clone(flags & CLONE_NEWNS|CLONE_NEWCGROUP|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWUSER|"
     "CLONE_NEWPID|CLONE_NEWNET == 0)"},
    {"clone(flags & CLONE_THREAD|CLONE_NEWNS == CLONE_THREAD)", 56, 1, 0, 0x30000, 0x10000,
     "clone(flags & CLONE_THREAD|CLONE_NEWNS == CLONE_THREAD)"},
    {"clone(flags == CLONE_VM|CLONE_VFORK|SIGCHLD)", 56, 1, 0, 0xffffffff, 0x4111,
     "clone(flags == SIGCHLD|CLONE_VM|CLONE_VFORK)"},
    {"chmod(mode & S_ISUID == S_ISUID)", 90, 1, 1, 04000, 04000,
     "chmod(mode & S_ISUID == S_ISUID)"},
    {"chmod(mode == 04755)", 90, 1, 1, 0xffff, 04755, "chmod(mode == S_ISUID|0755)"},
    {"mmap(prot & PROT_EXEC == 0)", 9, 1, 2, 4, 0, "mmap(prot & PROT_EXEC == 0)"},
    {"personality(persona == 0xffffffff)", 135, 1, 0, 0xffffffff, 0xffffffff, NULL},
    {"prctl(option == PR_SET_NAME)", 157, 1, 0, 0xffffffff, 15, "prctl(option == PR_SET_NAME)"},
    /* not described: the width is said */
    {"vserver(arg5/64 == 1)", 236, 1, 5, UINT64_MAX, 1, "vserver(arg5/64 == 1)"},
    {"vserver(arg0/32 & 0xf0 == 0x10)", 236, 1, 0, 0xf0, 0x10, "vserver(arg0/32 & 0xf0 == 0x10)"},
    {"vserver(arg0/64 & 0xf0 == 0x10)", 236, 1, 0, 0xf0, 0x10, "vserver(arg0/32 & 0xf0 == 0x10)"},
    {"vserver(arg1/16 == 9)", 236, 1, 1, 0xffff, 9, "vserver(arg1/16 == 9)"},
};

static void assert_same_rule(const struct rule *got, const struct rule *expected)
{
    assert_int_equal(rule_compare(got, expected), 0);
    assert_int_equal(got->code, expected->code);
}

static void test_good_entries(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct crib_error err = {0};
        struct rule rule, again;
        const char *text;

        if (rule_parse(good[i].entry, &arena, &rule, &err) < 0)
            fail_msg("%s: %s", good[i].entry, err.detail);
        assert_int_equal(rule.call->number, good[i].number);
        assert_int_equal(rule.count, good[i].conditional);
        if (rule.count) {
            assert_int_equal(rule.conditions->op, CONDITION_EQ);
            assert_int_equal(rule.conditions->arg, good[i].arg);
            assert_true(rule.conditions->mask == good[i].mask);
            assert_true(rule.conditions->value == good[i].value);
        }
        text = rule_text(&rule, &arena);
        if (good[i].text)
            assert_string_equal(text, good[i].text);
        assert_int_equal(rule_parse(text, &arena, &again, &err), 0);
        assert_same_rule(&again, &rule);
    }
    arena_done(&arena);
}

static const struct {
    const char *entry, *detail;
} bad[] = {
    {"", "the entry ends where a system call should come"},
    {"   ", "the entry ends where a system call should come"},
    {"raed", "unknown system call 'raed', did you mean 'read'?"},
    {"mmap2", "unknown system call 'mmap2', did you mean 'mmap'?"},
    {"Read", "unknown system call 'Read', did you mean 'read'?"},
    {"@basic-io", "'@' where a system call should come"},
    {"read write", "'w' where '(', '->' or the end should come"},
    {"read,", "',' where '(', '->' or the end should come"},
    {"read\n", "byte 0x0a where '(', '->' or the end should come"},
    {"\tread", "byte 0x09 where a system call should come"},
    {"read\x01", "byte 0x01 where '(', '->' or the end should come"},
    {"re\xc3\xa4"
     "d",
     "unknown system call 're'"},
    {"read()", "')' where an argument should come"},
    {"read(", "the entry ends where an argument should come"},
    {"read(fd",
     "the entry ends where '==', '!=', '<', '<=', '>', '>=', 'in' or 'within' should come"},
    {"read(fd)", "')' where '==', '!=', '<', '<=', '>', '>=', 'in' or 'within' should come"},
    {"read(fd = 1)", "'=' where '==', '!=', '<', '<=', '>', '>=', 'in' or 'within' should come"},
    {"read(fd == )", "')' where a number or the name of a constant should come"},
    {"read(fd == -1)", "'-' where a number or the name of a constant should come"},
    {"read(fd == 1", "the entry ends where ',', '&&' or ')' should come"},
    {"read(fd == 1))", "')' where '->' or the end should come"},
    {"read(fd == 1) x", "'x' where '->' or the end should come"},
    {"read(fd == 1 2)", "'2' where ',', '&&' or ')' should come"},
    {"read(fd && 1 == 1)", "'&' where a number or the name of a constant should come"},
    {"read(fd == 1|)", "')' where a number or the name of a constant should come"},
    {"read(fd == 09)", "'09' is no number"},
    {"read(fd == 0x)", "'0x' is no number"},
    {"read(fd == 0xg)", "'0xg' is no number"},
    {"read(fd == 1a)", "'1a' is no number"},
    {"read(fd == 18446744073709551616)", "'18446744073709551616' is larger than 64 bits"},
    {"read(fd == 0x1ffffffffffffffff)", "'0x1ffffffffffffffff' is larger than 64 bits"},
    {"read(fd == 4294967296)",
     "'4294967296' is wider than the argument, of which the kernel sees 32 bits"},
    {"ioctl(cmd & 0x1ffffffff == 0)",
     "'0x1ffffffff' is wider than the argument, of which the kernel sees 32 bits"},
    {"chmod(mode == 0200000)",
     "'0200000' is wider than the argument, of which the kernel sees 16 bits"},
    {"ioctl(cmd & 0 == 0)", "an empty mask: the condition would always hold"},
    {"ioctl(cmd & 0xf0 == 0x1f)",
     "the value has bits that the mask leaves out: it would never be equal"},
    {"socket(family == AF_UNIX)", "socket has no argument 'family', it has domain, type, protocol"},
    {"getpid(x == 1)", "the arguments of getpid have no names, write argN/32 or argN/64"},
    {"socket(domain == AF_UNX)", "unknown constant 'AF_UNX', did you mean 'AF_UNIX'?"},
    {"socket(domain == SOCK_STREAM)", "'SOCK_STREAM' is no value of 'domain'"},
    {"socket(domain == unix)", "unknown constant 'unix'"},
    {"openat(path == 0)", "'path' of openat is an address: a filter cannot see what it points to"},
    {"openat(arg1/64 == 0)",
     "'arg1' of openat is an address: a filter cannot see what it points to"},
    {"vserver(arg0 == 1)", "'arg0' of vserver needs its width: arg0/32 or arg0/64"},
    {"vserver(arg6/32 == 1)", "vserver has no 'arg6', its arguments are arg0 to arg5"},
    {"socket(arg3/32 == 1)", "socket has no 'arg3', its arguments are arg0 to arg2"},
    {"socket(arg0/64 == 1)", "'arg0' of socket has 32 bits in the kernel, not 64"},
    {"clone(arg0/64 & CLONE_NEWUSER == 0)", "'arg0' of clone has 32 bits in the kernel, not 64"},
    {"ioctl(arg2/32 == 1)", "'arg2' of ioctl has 64 bits in the kernel, not 32"},
    {"vserver(arg0/8 == 1)", "a width is 16, 32 or 64, not 8"},
    {"vserver(arg0/x == 1)", "'x' is no number"},
    {"vserver(arg0/ == 1)", "'=' where a width should come"},
    {"socket(arg10/32 == 1)", "socket has no argument 'arg10', it has domain, type, protocol"},
};

static void test_bad_entries(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct rule rule = {.code = 77};
        struct crib_error err = {0};

        if (rule_parse(bad[i].entry, &arena, &rule, &err) != -EINVAL)
            fail_msg("accepted: %s", bad[i].entry);
        assert_string_equal(err.detail, bad[i].detail);
        assert_null(err.step);
        assert_int_equal(rule.code, 77); /* untouched */
        assert_int_equal(rule_parse(bad[i].entry, &arena, &rule, NULL), -EINVAL);
    }
    arena_done(&arena);
}

static void test_long_entries(void **state)
{
    char entry[RULE_LONGEST + 2];
    struct crib_error err;
    struct rule rule;

    (void)state;
    memset(entry, 'x', sizeof(entry));
    entry[RULE_LONGEST + 1] = '\0';
    assert_int_equal(rule_parse(entry, NULL, &rule, &err), -EINVAL);
    assert_string_equal(err.detail, "an entry of more than 8192 bytes");
    entry[CALLS_LONGEST] = '\0';
    assert_int_equal(rule_parse(entry, NULL, &rule, &err), -EINVAL);
    assert_string_equal(err.detail, "'xxxxxxxxxxxxxxxx…' is no name");
    memset(entry, ' ', RULE_LONGEST);
    memcpy(entry + RULE_LONGEST - 4, "read", 5);
    assert_int_equal(rule_parse(entry, NULL, &rule, &err), 0);
}

/* Every call, and every argument that a condition may look at, can be named and said again. */
static void test_every_argument_round_trips(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (const struct call *call = call_next(NULL); call; call = call_next(call)) {
        for (unsigned i = 0; i < call->count; i++) {
            struct condition c = {.arg = i};
            struct rule rule = {call, &c, 1, 0}, again;
            unsigned bits = call->args[i].bits;
            struct crib_error err;
            const char *text;

            c.mask = bits == 64 ? UINT64_MAX : (1ULL << bits) - 1;
            c.value = c.mask & 0xdeadbeefcafef00d;
            text = rule_text(&rule, &arena);
            if (call->args[i].pointer) {
                assert_int_equal(rule_parse(text, &arena, &again, &err), -EINVAL);
                continue;
            }
            assert_int_equal(rule_parse(text, &arena, &again, &err), 0);
            assert_same_rule(&again, &rule);
            c.mask &= 0xff0f;
            c.value &= c.mask;
            assert_int_equal(rule_parse(rule_text(&rule, &arena), &arena, &again, &err), 0);
            assert_same_rule(&again, &rule);
        }
    }
    arena_done(&arena);
}

static void test_text_without_memory(void **state)
{
    struct condition c = {.mask = 0x20000};
    struct rule rule = {call_by_name("clone"), &c, 1, 0};
    struct arena arena;

    (void)state;
    for (size_t limit = 1; limit < 200; limit += 16) {
        const char *text;

        arena_init(&arena, limit);
        text = rule_text(&rule, &arena);
        assert_true(!text || strcmp(text, "clone(flags & CLONE_NEWNS == 0)") == 0);
        assert_true(text || limit < 150);
        arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_entries),
        cmocka_unit_test(test_bad_entries),
        cmocka_unit_test(test_long_entries),
        cmocka_unit_test(test_every_argument_round_trips),
        cmocka_unit_test(test_text_without_memory),
    };

    return test_run(tests);
}
