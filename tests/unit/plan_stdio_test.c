/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include <errno.h>

/* The plan's entries as `fd:kind`, in order. */
static const char *entries(struct fixture *f)
{
    const char *text = "";

    for (size_t i = 0; i < f->plan->program->n_stdio; i++) {
        const Crib__Stdio *entry = f->plan->program->stdio[i];
        const char *kind =
            protobuf_c_enum_descriptor_get_value(&crib__stdio__kind__descriptor, entry->kind)->name;

        text = arena_printf(&f->arena, "%s%s%u:%s", text, i ? " " : "", entry->fd, kind);
        if (entry->has_from)
            text = arena_printf(&f->arena, "%s=%d", text, entry->from);
    }
    return text;
}

static void test_0_to_2_are_null_unless_named(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    must_build(&f);
    assert_string_equal(entries(&f), "0:null 1:null 2:null");
    fixture_done(&f);
}

static void test_entries_are_in_order_of_fd(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_stdio(&f, 7, CRIB__STDIO__KIND__given)->has_from = true;
    f.task->stdio[0]->from = 3;
    add_stdio(&f, 2, CRIB__STDIO__KIND__inherit);
    add_stdio(&f, 1, CRIB__STDIO__KIND__pipe);
    must_build(&f);
    assert_string_equal(entries(&f), "0:null 1:pipe 2:inherit=2 7:given=3");
    fixture_done(&f);
}

static void test_channel_gets_a_number_behind_the_others(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.task->has_channel = true;
    f.task->channel = CRIB__TASK__CHANNEL__crib;
    must_build(&f);
    assert_string_equal(entries(&f), "0:null 1:null 2:null 3:channel");
    add_stdio(&f, 9, CRIB__STDIO__KIND__pipe);
    must_build(&f);
    assert_string_equal(entries(&f), "0:null 1:null 2:null 9:pipe 10:channel");
    add_stdio(&f, 5, CRIB__STDIO__KIND__channel);
    must_build(&f);
    assert_string_equal(entries(&f), "0:null 1:null 2:null 5:channel 9:pipe");
    f.task->stdio[0]->fd = 255;
    f.task->n_stdio = 1;
    must_refuse(&f, -EINVAL, "stdio: no fd number is left for the channel behind 255");
    fixture_done(&f);
}

static void test_bad_entries(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_stdio(&f, 256, CRIB__STDIO__KIND__pipe);
    must_refuse(&f, -EINVAL, "stdio[0]: no fd number of 0 to 255");
    f.task->stdio[0]->has_fd = false;
    must_refuse(&f, -EINVAL, "stdio[0]: no fd number of 0 to 255");
    f.task->stdio[0]->has_fd = true;
    f.task->stdio[0]->fd = 4;
    f.task->stdio[0]->kind = CRIB__STDIO__KIND__file; /* the daemon's */
    must_refuse(&f, -EINVAL, "stdio[0]: fd 4: no kind that is known");
    f.task->stdio[0]->kind = (Crib__Stdio__Kind)99;
    must_refuse(&f, -EINVAL, "stdio[0]: fd 4: no kind that is known");
    f.task->stdio[0]->kind = CRIB__STDIO__KIND__pty;
    must_refuse(&f, -EINVAL, "stdio[0]: fd 4: only 0, 1 and 2 can be the terminal");
    f.task->stdio[0]->kind = CRIB__STDIO__KIND__given;
    must_refuse(&f, -EBADF, "stdio[0]: fd 4: the caller's fd number is missing or negative");
    f.task->stdio[0]->has_from = true;
    f.task->stdio[0]->from = -1;
    must_refuse(&f, -EBADF, "stdio[0]: fd 4: the caller's fd number is missing or negative");
    f.task->stdio[0]->kind = CRIB__STDIO__KIND__channel;
    add_stdio(&f, 4, CRIB__STDIO__KIND__pipe);
    must_refuse(&f, -EINVAL, "stdio[1]: fd 4 is named twice");
    f.task->stdio[1]->fd = 5;
    f.task->stdio[1]->kind = CRIB__STDIO__KIND__channel;
    must_refuse(&f, -EINVAL, "stdio[1]: fd 5: a second channel, and a task has one");
    fixture_done(&f);
}

static void test_too_many_entries(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    for (unsigned fd = 100; fd < 162; fd++)
        add_stdio(&f, fd, CRIB__STDIO__KIND__pipe);
    must_refuse(&f, -E2BIG,
                "stdio: 65 entries with 0 to 2 and the channel, at most 64 are allowed");
    f.task->stdio[0]->fd = 0;
    must_build(&f);
    for (unsigned fd = 200; fd < 203; fd++)
        add_stdio(&f, fd, CRIB__STDIO__KIND__pipe);
    must_refuse(&f, -E2BIG, "stdio: 65 entries, at most 64 are allowed");
    fixture_done(&f);
}

static void test_nodes_channel_gets_a_number_too(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.task->has_channel = true;
    f.task->channel = CRIB__TASK__CHANNEL__node;
    must_build(&f);
    assert_string_equal(entries(&f), "0:null 1:null 2:null 3:channel");
    fixture_done(&f);
}

static void test_sockets_that_listen_must_be_there(void **state)
{
    static const Crib__Stdio__Kind others[] = {CRIB__STDIO__KIND__null, CRIB__STDIO__KIND__pipe,
                                               CRIB__STDIO__KIND__channel};
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.task->has_listen_fds = true;
    f.task->listen_fds = 1;
    must_refuse(&f, -EINVAL,
                "listen_fds: 1 sockets from fd 3 on, but fd 3 is none that is handed over");
    add_stdio(&f, 3, CRIB__STDIO__KIND__inherit);
    add_stdio(&f, 5, CRIB__STDIO__KIND__inherit);
    must_build(&f);
    f.task->listen_fds = 3;
    must_refuse(&f, -EINVAL,
                "listen_fds: 3 sockets from fd 3 on, but fd 4 is none that is handed over");
    add_stdio(&f, 4, CRIB__STDIO__KIND__given)->has_from = true;
    must_build(&f);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        f.task->stdio[1]->kind = others[i];
        must_refuse(&f, -EINVAL,
                    "listen_fds: 3 sockets from fd 3 on, but fd 5 is none that is handed over");
    }
    f.task->stdio[1]->kind = CRIB__STDIO__KIND__inherit;
    f.task->listen_fds = UINT32_MAX;
    must_refuse(
        &f, -EINVAL,
        "listen_fds: 4294967295 sockets from fd 3 on, but fd 6 is none that is handed over");
    for (unsigned fd = 6; fd < 64; fd++)
        add_stdio(&f, fd, CRIB__STDIO__KIND__inherit);
    f.task->listen_fds = 61;
    must_build(&f);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_0_to_2_are_null_unless_named),
        cmocka_unit_test(test_entries_are_in_order_of_fd),
        cmocka_unit_test(test_channel_gets_a_number_behind_the_others),
        cmocka_unit_test(test_bad_entries),
        cmocka_unit_test(test_too_many_entries),
        cmocka_unit_test(test_nodes_channel_gets_a_number_too),
        cmocka_unit_test(test_sockets_that_listen_must_be_there),
    };

    return test_run(tests);
}
