/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include <errno.h>

static void allow(struct fixture *f, const char *entry)
{
    push_text(f, &f->policy->syscalls->allow, &f->policy->syscalls->n_allow, entry);
}

static void deny(struct fixture *f, const char *entry)
{
    push_text(f, &f->policy->syscalls->deny, &f->policy->syscalls->n_deny, entry);
}

static void kill_(struct fixture *f, const char *entry)
{
    push_text(f, &f->policy->syscalls->kill, &f->policy->syscalls->n_kill, entry);
}

static void log_(struct fixture *f, const char *entry)
{
    push_text(f, &f->policy->syscalls->log, &f->policy->syscalls->n_log, entry);
}

static const char *join(struct fixture *f, char **texts, size_t count)
{
    const char *text = "";

    for (size_t i = 0; i < count; i++)
        text = arena_printf(&f->arena, "%s%s%s", text, i ? ", " : "", texts[i]);
    return text;
}

/* All four lists: `allow … | deny … | kill … | log …`. */
static const char *lists_of(struct fixture *f)
{
    const Crib__SyscallsPlan *plan = f->plan->syscalls;

    return arena_printf(&f->arena, "%s | %s | %s | %s", join(f, plan->allow, plan->n_allow),
                        join(f, plan->deny, plan->n_deny), join(f, plan->kill, plan->n_kill),
                        join(f, plan->log, plan->n_log));
}

static void test_lists_are_sorted_and_said_once(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    allow(&f, "write");
    allow(&f, "socket(domain == AF_UNIX)");
    allow(&f, "read");
    allow(&f, "socket(domain == 1)");
    allow(&f, "write");
    allow(&f, "write(fd == 1)");
    must_build(&f);
    assert_string_equal(lists_of(&f),
                        "execve, exit_group, read, socket(domain == AF_UNIX), write |  |  | ");
    assert_true(f.plan->syscalls->listener);
    assert_false(f.plan->syscalls->has_program);
    assert_string_equal(receipt_of(&f, "syscalls"), "on -> on: 5 allow, 0 deny, 0 kill, 0 log");
    assert_string_equal(receipt_of(&f, "syscalls.reasons"), "preferred -> reported by init");
    fixture_done(&f);
}

static void test_deny_beats_kill_beats_log_beats_allow(void **state)
{
    static const struct {
        const char *deny, *kill, *log, *allow, *lists;
    } rows[] = {
        {"read", "read", "read", "read", "execve, exit_group | read |  | "},
        {NULL, "read", "read", "read", "execve, exit_group |  | read | "},
        {NULL, NULL, "read", "read", "execve, exit_group |  |  | read"},
        {"read(fd == 3)", NULL, NULL, "read", "execve, exit_group, read | read(fd == 3) |  | "},
        {"read(fd == 3)", NULL, NULL, "read(fd == 3)", "execve, exit_group | read(fd == 3) |  | "},
        {"read", NULL, NULL, "read(fd == 3)", "execve, exit_group | read |  | "},
        {NULL, "read(fd == 3)", "read(fd == 4)", "read",
         "execve, exit_group, read |  | read(fd == 3) | read(fd == 4)"},
        {NULL, "read", "read(fd == 4)", NULL, "execve, exit_group |  | read | "},
        {"write", NULL, NULL, "read", "execve, exit_group, read |  |  | "},
        {"clone3", NULL, NULL, NULL, "execve, exit_group | clone3 |  | "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;

        fixture_start(&f);
        if (rows[i].deny)
            deny(&f, rows[i].deny);
        if (rows[i].kill)
            kill_(&f, rows[i].kill);
        if (rows[i].log)
            log_(&f, rows[i].log);
        if (rows[i].allow)
            allow(&f, rows[i].allow);
        must_build(&f);
        assert_string_equal(lists_of(&f), rows[i].lists);
        fixture_done(&f);
    }
}

/* Of several entries that fit, the last names the errno. */
static void test_errnos_of_denied_calls(void **state)
{
    static const struct {
        const char *first, *second, *otherwise, *lists;
    } rows[] = {
        {"read -> ENOENT", NULL, NULL, "read -> ENOENT"},
        {"read -> EPERM", NULL, NULL, ""},
        {"read -> EPERM", NULL, "ENOSYS", "read"},
        {"read -> ENOSYS", NULL, "ENOSYS", ""},
        {"read -> ENOENT", "read", NULL, ""},
        {"read", "read -> ENOENT", NULL, "read -> ENOENT"},
        {"read -> ENOENT", "read(fd == 1)", NULL, "read(fd == 1), read -> ENOENT"},
        {"read(fd == 1)", "read -> ENOENT", NULL, "read -> ENOENT"},
        {"read(fd == 2)", "read(fd == 1)", "ENOSYS", "read(fd == 1), read(fd == 2)"},
        {"@sync -> ENOENT", "sync -> EIO", NULL,
         "fdatasync -> ENOENT, fsync -> ENOENT, msync -> ENOENT, sync -> EIO, sync_file_range -> "
         "ENOENT, syncfs -> ENOENT"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const Crib__SyscallsPlan *plan;
        struct fixture f;

        fixture_start(&f);
        deny(&f, rows[i].first);
        if (rows[i].second)
            deny(&f, rows[i].second);
        f.policy->syscalls->otherwise = (char *)rows[i].otherwise;
        must_build(&f);
        plan = f.plan->syscalls;
        assert_string_equal(join(&f, plan->deny, plan->n_deny), rows[i].lists);
        fixture_done(&f);
    }
}

static void test_init_is_told_how_to_answer(void **state)
{
    struct fixture f;
    Crib__SyscallsPlan__Answer **answers;

    (void)state;
    fixture_start(&f);
    allow(&f, "ioctl");
    deny(&f, "ioctl(cmd == TIOCSTI)");
    kill_(&f, "ptrace");
    log_(&f, "socket(type & 0xf == SOCK_RAW)");
    must_build(&f);
    answers = f.plan->syscalls->answers;
    assert_int_equal(f.plan->syscalls->n_answers, 3);
    assert_int_equal(answers[0]->action, CRIB__SYSCALLS_PLAN__ANSWER__ACTION__refuse);
    assert_int_equal(answers[0]->number, 16);
    assert_int_equal(answers[0]->code, EPERM);
    assert_int_equal(answers[0]->n_matches, 1);
    assert_int_equal(answers[0]->matches[0]->arg, 1);
    assert_int_equal(answers[0]->matches[0]->mask, 0xffffffff);
    assert_int_equal(answers[0]->matches[0]->value, 0x5412);
    assert_int_equal(answers[1]->action, CRIB__SYSCALLS_PLAN__ANSWER__ACTION__kill);
    assert_int_equal(answers[1]->number, 101);
    assert_int_equal(answers[1]->n_matches, 0);
    assert_int_equal(answers[2]->action, CRIB__SYSCALLS_PLAN__ANSWER__ACTION__proceed);
    assert_int_equal(answers[2]->matches[0]->mask, 0xf);
    assert_int_equal(answers[2]->matches[0]->value, 3);
    fixture_done(&f);
}

static void test_a_program_must_be_able_to_start_and_end(void **state)
{
    struct fixture f;
    static const char start_sentence[] =
        "syscalls execve: must be allowed, without a condition and in no other list: no program "
        "could be started";

    (void)state;
    fixture_start(&f);
    deny(&f, "execve");
    must_refuse(&f, -EINVAL, start_sentence);
    f.policy->syscalls->n_deny = 0;
    log_(&f, "execve");
    must_refuse(&f, -EINVAL, start_sentence);
    f.policy->syscalls->n_log = 0;
    f.policy->syscalls->n_allow = 0;
    must_refuse(&f, -EINVAL, start_sentence);
    allow(&f, "execve");
    must_refuse(&f, -EINVAL,
                "syscalls exit_group: must be allowed, without a condition and in no other list: "
                "no program could be started, or end");
    allow(&f, "exit_group");
    must_build(&f);
    kill_(&f, "exit_group(status == 3)");
    must_refuse(&f, -EINVAL,
                "syscalls exit_group: must be allowed, without a condition and in no other list: "
                "no program could be started, or end");
    f.policy->syscalls = NULL;
    must_refuse(&f, -EINVAL, start_sentence);
    fixture_done(&f);
}

static void test_bad_entries_are_told_with_their_place(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    kill_(&f, "ptrace");
    kill_(&f, "raed");
    must_refuse(&f, -EINVAL, "syscalls.kill[1]: unknown system call 'raed', did you mean 'read'?");
    f.policy->syscalls->n_kill = 0;
    deny(&f, "@nothing");
    assert_int_equal(plan_build(f.task, f.host, &f.arena, &f.plan, &f.err), -EINVAL);
    assert_string_equal(f.err.step, "syscalls.deny");
    assert_int_equal(f.err.index, 0);
    fixture_done(&f);
}

static void test_off(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.policy->syscalls->has_filter = true;
    f.policy->syscalls->filter = CRIB__SYSCALLS__FILTER__off;
    must_build(&f);
    assert_null(f.plan->syscalls);
    assert_int_equal(plan_compile(f.plan, &f.arena, &f.err), 0);
    assert_string_equal(receipt_of(&f, "syscalls"), "off -> off: every call reaches the kernel");
    fixture_done(&f);
}

static void test_without_notification(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.host->listener = false;
    must_build(&f);
    assert_false(f.plan->syscalls->listener);
    assert_string_equal(receipt_of(&f, "syscalls.reasons"),
                        "preferred -> not available: this kernel has no seccomp notification; "
                        "denied calls get EPERM unseen");
    fixture_done(&f);
}

/* More would keep the caller waiting while they are compiled. */
static void test_too_many_conditions(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    for (int i = 0; i < 128; i++) {
        allow(&f, arena_printf(&f.arena, "close(fd == %d)", i));
        allow(&f, arena_printf(&f.arena, "dup(oldfd == %d)", i));
        deny(&f, arena_printf(&f.arena, "read(fd == %d)", i));
        allow(&f, "read");
        kill_(&f, arena_printf(&f.arena, "fchdir(fd == %d)", i));
    }
    must_build(&f);
    allow(&f, "lseek(fd == 1)");
    must_refuse(&f, -E2BIG, "syscalls: 513 conditions, at most 512 are allowed");
    fixture_done(&f);
}

static void test_the_same_request_gives_the_same_plan(void **state)
{
    struct fixture f;
    const char *first;

    (void)state;
    fixture_start(&f);
    allow(&f, "@default");
    allow(&f, "@process");
    deny(&f, "ioctl(cmd == TIOCSTI)");
    must_build(&f);
    first = lists_of(&f);
    must_build(&f);
    assert_string_equal(lists_of(&f), first);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_are_sorted_and_said_once),
        cmocka_unit_test(test_deny_beats_kill_beats_log_beats_allow),
        cmocka_unit_test(test_errnos_of_denied_calls),
        cmocka_unit_test(test_init_is_told_how_to_answer),
        cmocka_unit_test(test_a_program_must_be_able_to_start_and_end),
        cmocka_unit_test(test_bad_entries_are_told_with_their_place),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_without_notification),
        cmocka_unit_test(test_too_many_conditions),
        cmocka_unit_test(test_the_same_request_gives_the_same_plan),
    };

    return test_run(tests);
}
