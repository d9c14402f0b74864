/* SPDX-License-Identifier: Apache-2.0 */
/* `crib doctor` as it is here, and where something is really taken away: a line says so. */
#include "cli/doctor.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kernel/apart.h"
#include "kernel/filter.h"
#include "text/text.h"

/* --- as it is here --- */

/* Whether a task was given all that its policy asked; what it used is counted or not. */
static bool got_all(const char *result)
{
    struct crib_error err = {0};
    struct arena arena;
    ProtobufCMessage *msg;
    bool all = true;

    arena_init(&arena, 0);
    assert_int_equal(text_read(&crib__result__descriptor, "result.json", result, strlen(result),
                               &arena, NULL, &msg, &err),
                     0);
    for (size_t i = 0; i < ((Crib__Result *)msg)->n_receipt; i++) {
        const Crib__Receipt *line = ((Crib__Result *)msg)->receipt[i];

        if (strcmp(line->mechanism, "usage") != 0)
            all = all && !strstr(line->applied, "not available") &&
                  strncmp(line->applied, "kept ", 5) != 0;
    }
    arena_done(&arena);
    return all;
}

/* The same verdict as that of a task, whoever starts it. */
static void test_it_agrees_with_a_run(void **state)
{
    struct cli run = {.want_result = true};
    struct told told;
    bool well;

    (void)state;
    CLI(&run, "run", "--json", "--result-fd", "9", "true");
    ask(&told, NULL, NULL);
    well = run.status == 0 && got_all(run.result);
    if (told.diagnosis->enforceable != well)
        fail_msg("%s%s", run.result, told.cli.out);
    assert_string_equal(told.diagnosis->policy, "default");
    expect(&told, "policy", well ? STATE(ok) : 0);
    done(&told);
    cli_done(&run);
}

static void test_every_line_is_whole(void **state)
{
    static const char *const names[] = {
        "place",      "user_namespaces", "calls",       "memfd",      "mounts",
        "proc",       "filter",          "landlock",    "ids",        "id_ranges",
        "groups",     "cgroup.memory",   "cgroup.pids", "cgroup.cpu", "cgroup.cpuset",
        "cgroup.io",  "cgroup.cpuacct",  "open_files",  "processes",  "locked_memory",
        "core_dumps",
    };
    struct told told;

    (void)state;
    ask(&told, NULL, NULL);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!find(&told, names[i]))
            fail_msg("no line %s", names[i]);
    for (size_t i = 0; i < told.diagnosis->n_findings; i++) {
        const Crib__Finding *finding = told.diagnosis->findings[i];

        if (!finding->what || !finding->n_needed_by ||
            (finding->state != STATE(ok) && !finding->remedy))
            fail_msg("%s: %s", finding->name, told.cli.out);
    }
    done(&told);
}

static void test_people_get_a_table(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI(&cli, "doctor");
    test_contains(cli.out, "  user_namespaces  ");
    test_contains(cli.out, "\npolicy default: can");
    assert_null(strchr(cli.out, '\033'));
    assert_string_equal(cli.err, "");
    assert_int_equal(cli.status, strstr(cli.out, "\npolicy default: can be") ? 0 : 1);
    cli_done(&cli);
}

static void test_nothing_is_changed(void **state)
{
    char *before = test_read("/proc/self/mountinfo", NULL), *after;
    char *groups = test_read("/proc/self/cgroup", NULL), *groups_after;
    struct cli cli = {0};

    (void)state;
    CLI(&cli, "doctor");
    after = test_read("/proc/self/mountinfo", NULL);
    groups_after = test_read("/proc/self/cgroup", NULL);
    assert_string_equal(before, after);
    assert_string_equal(groups, groups_after);
    cli_done(&cli);
    free(before);
    free(after);
    free(groups);
    free(groups_after);
}

/* --- filters --- */

static int refuse(int number, int code)
{
    return filter_one(number, SECCOMP_RET_ERRNO | (unsigned)code, 0) < 0;
}

static int no_landlock(void)
{
    return refuse(SYS_landlock_create_ruleset, EOPNOTSUPP);
}

static int no_mount_setattr(void)
{
    return refuse(SYS_mount_setattr, ENOSYS);
}

static int deadly_fsopen(void)
{
    return filter_one(SYS_fsopen, SECCOMP_RET_KILL_PROCESS, 0) < 0;
}

static int no_openat2(void)
{
    return refuse(SYS_openat2, ENOSYS);
}

static int busy_listener(void)
{
    int fd = filter_listen(SYS_reboot);

    return fd < 0 || dup(fd) < 0; /* as crib's own, which marks it close-on-exec */
}

static void test_what_filters_take_away(void **state)
{
    static const struct {
        int (*before)(void);
        const char *finding, *task; /* lines that are not ok */
        int how;
    } rows[] = {
        {no_landlock, "landlock", "policy.landlock", STATE(missing)},
        {no_mount_setattr, "mounts", "policy", STATE(missing)},
        {deadly_fsopen, "mounts", "policy", STATE(missing)},
        {no_openat2, "calls", "policy", STATE(missing)},
        {busy_listener, "listener", "policy.syscalls.reasons", STATE(limited)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct told told;

        ask(&told, rows[i].before, NULL);
        expect(&told, rows[i].finding, rows[i].how);
        if (!find(&told, rows[i].task) || find(&told, rows[i].task)->state == STATE(ok))
            fail_msg("no line %s:\n%s", rows[i].task, told.cli.out);
        assert_int_equal(told.cli.status, 1);
        done(&told);
    }
}

/* What a policy does not ask for may be missing. */
static void test_another_policy_needs_something_else(void **state)
{
    char *dir = cli_dir(), path[512];
    static const char rules[] = "about: without Landlock\nextends: [default]\nlandlock: off\n";
    struct told told;

    (void)state;
    snprintf(path, sizeof(path), "%s/without.yaml", dir);
    test_write(path, rules, strlen(rules), 0644);
    ask(&told, no_landlock, path);
    expect(&told, "landlock", STATE(missing));
    expect(&told, "policy.landlock", 0);
    assert_string_equal(told.diagnosis->policy, path);
    done(&told);
    free(dir);
}

/* A call that nobody answers: as a file system that does not. */
static int silent_listener(void)
{
    int fd = filter_listen(SYS_landlock_restrict_self);

    return fd < 0 || dup(fd) < 0;
}

static void test_what_hangs_is_left(void **state)
{
    struct told told;

    (void)state;
    ask(&told, silent_listener, NULL);
    test_contains(expect(&told, "survey", STATE(missing))->what, "no answer within 15 s");
    test_contains(expect(&told, "policy", STATE(missing))->what, "does not start");
    done(&told);
}

/* --- limits --- */

static int few_files(void)
{
    const struct rlimit few = {100, 100};

    return setrlimit(RLIMIT_NOFILE, &few);
}

static void test_a_low_hard_limit(void **state)
{
    struct told told;

    (void)state;
    ask(&told, few_files, NULL);
    assert_string_equal(expect(&told, "open_files", STATE(limited))->what, "hard limit 100");
    test_contains(find(&told, "open_files")->remedy, "nofile");
    assert_string_equal(expect(&told, "policy", STATE(missing))->remedy,
                        find(&told, "open_files")->remedy);
    done(&told);
}

/* --- inside crib --- */

static void test_inside_crib(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 1, "run", "-q", cli_program("crib"), "doctor");
    test_contains(cli.out, "inside crib (/proc/1/cmdline)");
    test_contains(cli.out, "missing  user_namespaces");
    test_contains(cli.out, "run crib outside of that task");
    test_contains(cli.out, "limited  listener");
    test_contains(cli.out, "policy default: cannot be enforced in full");
    cli_done(&cli);
}

/* --- usage --- */

static int name_socket(void)
{
    return setenv("CRIB_SOCKET", "/nowhere/crib.sock", 1);
}

static void test_usage(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 125, "doctor", "--policy", "no-such-policy");
    assert_string_equal(cli.out, "");
    test_contains(cli.err, "no-such-policy");
    cli_done(&cli);
    CLI_EXPECT(&cli, 125, "doctor", "--socket", "/run/crib.sock");
    assert_string_equal(cli.out, "");
    test_contains(cli.err, "where and as whom the daemon runs");
    cli_done(&cli);
    CLI_EXPECT(&cli, 125, "doctor", "please");
    test_contains(cli.err, "one operand too many");
    cli_done(&cli);
    CLI_EXPECT(&cli, 0, "doctor", "--help");
    test_contains(cli.out, "--json");
    assert_null(strstr(cli.out, "--result-fd"));
    cli_done(&cli);
    cli.before = name_socket;
    CLI(&cli, "doctor");
    test_contains(cli.err, "CRIB_SOCKET is set");
    test_contains(cli.out, "policy default: can");
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_agrees_with_a_run),
        cmocka_unit_test(test_every_line_is_whole),
        cmocka_unit_test(test_people_get_a_table),
        cmocka_unit_test(test_nothing_is_changed),
        cmocka_unit_test(test_what_filters_take_away),
        cmocka_unit_test(test_another_policy_needs_something_else),
        cmocka_unit_test(test_what_hangs_is_left),
        cmocka_unit_test(test_a_low_hard_limit),
        cmocka_unit_test(test_inside_crib),
        cmocka_unit_test(test_usage),
    };

    return test_run(tests);
}
