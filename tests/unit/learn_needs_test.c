/* SPDX-License-Identifier: Apache-2.0 */
/* From calls to entries: what is asked of arguments, what is widened, what is left out. */
#include "support/support.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "learn/needs.h"
#include "learn/shape.h"

struct fixture {
    struct arena arena;
    struct needs needs;
};

static void start(struct fixture *f)
{
    arena_init(&f->arena, 0);
    assert_int_equal(needs_init(&f->needs, &f->arena), 0);
}

static void see(struct fixture *f, unsigned run, int number, uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t args[6] = {a, b, c, 0, 0, 0};

    assert_int_equal(needs_call(&f->needs, run, number, args), 0);
}

static const char *text_of(struct fixture *f, size_t index)
{
    const struct need_call *call = &f->needs.calls[index];
    const char *text = call->entry ? call->entry : rule_text(call->rules, &f->arena);

    assert_non_null(text);
    return text;
}

/* All entries but those that every policy has, and that each of them can be read. */
static void expect(struct fixture *f, const char *const *entries)
{
    size_t i = 2;

    assert_int_equal(needs_tidy(&f->needs), 0);
    assert_string_equal(text_of(f, 0), "execve");
    assert_string_equal(text_of(f, 1), "exit_group");
    for (; *entries; entries++, i++) {
        struct crib_error err = {0};
        struct rule rule;

        if (i >= f->needs.call_count)
            fail_msg("there is no '%s'", *entries);
        assert_string_equal(text_of(f, i), *entries);
        if (**entries != '@' && rule_parse(*entries, &f->arena, &rule, &err) < 0)
            fail_msg("%s: %s", *entries, err.detail);
    }
    if (i != f->needs.call_count)
        fail_msg("there is '%s' too", text_of(f, i));
    arena_done(&f->arena);
}
#define EXPECT(f, ...) expect(f, (const char *const[]){__VA_ARGS__, NULL})

static void test_most_calls_are_learnt_by_name(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    see(&f, 1, SYS_read, 3, 4, 5);
    see(&f, 1, SYS_read, 6, 7, 8);
    see(&f, 1, SYS_execve, 6, 7, 8);
    see(&f, 1, SYS_openat, (uint64_t)-100, 7, 0x80000);
    see(&f, 1, 9999, 1, 2, 3);
    EXPECT(&f, "read", "openat");
}

static void test_values_have_entries_of_their_own(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    see(&f, 1, SYS_socket, 1, 0x80001, 0);
    see(&f, 1, SYS_socket, 1, 0x80801, 0); /* flags of the type are not asked about */
    see(&f, 1, SYS_socket, 2, 2, 0);
    see(&f, 1, SYS_ioctl, 1, 0x5401, 0);
    see(&f, 1, SYS_ioctl, 1, 0x1234, 0);
    see(&f, 1, SYS_ioctl, 1, 0xffffffff00005401, 0); /* the kernel looks at 32 bits */
    see(&f, 1, SYS_prctl, 15, 0, 0);
    see(&f, 1, SYS_personality, 0x40000, 0, 0);
    see(&f, 1, SYS_arch_prctl, 0x1002, 0, 0);
    EXPECT(&f, "ioctl(cmd == 0x1234)", "ioctl(cmd == TCGETS)",
           "socket(domain == AF_UNIX, type & 0xf == SOCK_STREAM)",
           "socket(domain == AF_INET, type & 0xf == SOCK_DGRAM)",
           "personality(persona == PER_LINUX|ADDR_NO_RANDOMIZE)", "prctl(option == PR_SET_NAME)",
           "arch_prctl(option == ARCH_SET_FS)");
}

static void test_flags_are_joined(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    see(&f, 1, SYS_clone, 0x11, 0, 0);
    see(&f, 2, SYS_clone, 0x4111, 0, 0);
    assert_true(f.needs.calls[2].need.runs == 3);
    EXPECT(&f, "clone(flags within SIGCHLD|CLONE_VM|CLONE_VFORK)");
}

/* What was seen writable, and executable, was not seen both. */
static void test_what_is_written_cannot_be_executed_for_it(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    see(&f, 1, SYS_mmap, 0, 1, PROT_READ);
    see(&f, 1, SYS_mmap, 0, 1, PROT_READ | PROT_WRITE);
    see(&f, 1, SYS_mmap, 0, 1, PROT_READ | PROT_EXEC);
    see(&f, 1, SYS_mprotect, 0, 1, PROT_NONE);
    EXPECT(&f, "mmap(prot within PROT_READ|PROT_WRITE)", "mmap(prot within PROT_READ|PROT_EXEC)",
           "mprotect(prot within 0)");
    start(&f);
    see(&f, 1, SYS_mmap, 0, 1, PROT_READ | PROT_WRITE);
    see(&f, 1, SYS_mmap, 0, 1, PROT_READ | PROT_WRITE | PROT_EXEC);
    EXPECT(&f, "mmap(prot within PROT_READ|PROT_WRITE|PROT_EXEC)");
    start(&f);
    see(&f, 1, SYS_mmap, 0, 1, PROT_READ);
    see(&f, 1, SYS_mmap, 0, 1, PROT_READ | PROT_EXEC);
    EXPECT(&f, "mmap(prot within PROT_READ|PROT_EXEC)");
}

static void test_of_others_nothing_is_said(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    see(&f, 1, SYS_prlimit64, 0, 3, 0);
    see(&f, 1, SYS_prlimit64, 0, 7, 0);
    see(&f, 1, SYS_sched_setaffinity, 0, 8, 0);
    EXPECT(&f, "sched_setaffinity(pid == 0)", "prlimit64(pid == 0, resource == RLIMIT_STACK)",
           "prlimit64(pid == 0, resource == RLIMIT_NOFILE)");
    start(&f);
    see(&f, 1, SYS_prlimit64, 0, 3, 0);
    see(&f, 1, SYS_prlimit64, 12, 3, 0);
    EXPECT(&f, "prlimit64(resource == RLIMIT_STACK)");
}

static void test_too_many_values_are_given_up(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    for (unsigned i = 0; i < 100000; i++)
        see(&f, 1 + i % 2, SYS_ioctl, 1, i, 0);
    assert_int_equal(f.needs.collapsed_count, 1);
    assert_string_equal(f.needs.collapsed[0], "ioctl");
    assert_true(f.arena.used < 1024 * 1024);
    assert_true(f.needs.calls[2].need.runs == 3);
    EXPECT(&f, "ioctl");
}

static void test_runs_are_marked(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    see(&f, 1, SYS_read, 0, 0, 0);
    see(&f, 64, SYS_read, 0, 0, 0);
    see(&f, 2, SYS_getpid, 0, 0, 0);
    assert_true(f.needs.calls[2].need.runs == (1ull << 63 | 1));
    assert_true(f.needs.calls[3].need.runs == 2);
    EXPECT(&f, "read", "getpid");
}

/* Entries of a person's are kept, and calls that they let through need no other. */
static void test_what_a_person_wrote_counts(void **state)
{
    char *entries[] = {"@basic-io", "socket(domain in {AF_UNIX, AF_INET})"};
    struct fixture f;
    struct rule *rules;
    size_t count;

    (void)state;
    start(&f);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rules_expand(&entries[i], 1, &f.arena, &rules, &count, NULL), 0);
        assert_non_null(needs_add_call(&f.needs, entries[i], rules, count));
    }
    see(&f, 1, SYS_read, 0, 0, 0);
    see(&f, 1, SYS_socket, 2, 1, 0);
    see(&f, 1, SYS_socket, 10, 1, 0);
    EXPECT(&f, "@basic-io", "socket(domain == AF_INET6, type & 0xf == SOCK_STREAM)", entries[1]);
}

static void test_every_shape_is_of_a_call(void **state)
{
    static const struct {
        const char *call;
        unsigned arg;
        uint64_t mask;
    } shapes[] = {
#define SHAPE(call, arg, how, mask) {#call, arg, mask},
#include "learn/shapes.def"
#undef SHAPE
    };

    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        const struct call *call = call_by_name(shapes[i].call);

        if (!call || shapes[i].arg >= call->count || call->args[shapes[i].arg].pointer)
            fail_msg("%s has no argument %u", shapes[i].call, shapes[i].arg);
        assert_int_equal(shapes[i].mask >> 32, 0);
    }
}

/* The entry for a call lets the call through, whatever its arguments. */
static void test_an_entry_fits_its_call(void **state)
{
    static const uint64_t values[] = {0, 1, 0x11, 0x5412, 0xffffffff, UINT64_MAX, 1ull << 32};
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (const struct call *call = call_next(NULL); call; call = call_next(call))
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            uint64_t args[6] = {values[i], values[i], values[i], values[i], values[i], values[i]};
            struct rule rule, read;
            const char *text;

            assert_int_equal(shape_rule(call, args, &arena, &rule), 0);
            assert_true(rule_fits(&rule, args));
            text = rule_text(&rule, &arena);
            assert_non_null(text);
            if (rule_parse(text, &arena, &read, NULL) < 0 || rule_compare(&rule, &read) != 0)
                fail_msg("'%s' is not read as it was meant", text);
        }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_most_calls_are_learnt_by_name),
        cmocka_unit_test(test_values_have_entries_of_their_own),
        cmocka_unit_test(test_flags_are_joined),
        cmocka_unit_test(test_what_is_written_cannot_be_executed_for_it),
        cmocka_unit_test(test_of_others_nothing_is_said),
        cmocka_unit_test(test_too_many_values_are_given_up),
        cmocka_unit_test(test_runs_are_marked),
        cmocka_unit_test(test_what_a_person_wrote_counts),
        cmocka_unit_test(test_every_shape_is_of_a_call),
        cmocka_unit_test(test_an_entry_fits_its_call),
    };

    return test_run(tests);
}
