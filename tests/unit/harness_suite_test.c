/* SPDX-License-Identifier: Apache-2.0 */
/* Case files: what is read, and what is refused, with its place. */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/suite.h"

#define CASE "cases:\n- name: a\n"

static void refused(const char *text, const char *place, const char *why)
{
    struct crib_error err = {0};
    struct suites suites = {0};

    if (suites_add(&suites, "dir/x.yaml", text, strlen(text), true, &err) == 0)
        fail_msg("was read:\n%s", text);
    if (strcmp(err.subject, place) != 0 || !strstr(err.detail, why))
        fail_msg("%s\n  got      %s: %s\n  expected %s: …%s…", text, err.subject, err.detail, place,
                 why);
    suites_done(&suites);
}

static void test_what_is_wrong_has_its_place(void **state)
{
    (void)state;
    refused("", "dir/x.yaml:1:1", "there is no case in it");
    refused("cases: []", "dir/x.yaml:1:8", "there is no case in it");
    refused("defaults: {}", "dir/x.yaml:1:1", "there is no case in it");
    refused("cases:\n- {name: a}\n", "dir/x.yaml:2:3", "one of run, exec and fork");
    refused("cases:\n- {run: [x]}\n", "dir/x.yaml:2:3", "no name");
    refused("cases:\n- {name: a, run: [x], exec: y}\n", "dir/x.yaml:2:3", "one of run, exec");
    refused(CASE "  run: [x]\n  exepct: {}\n", "dir/x.yaml:4:3",
            "unknown key 'cases[0].exepct', did you mean 'expect'?");
    refused(CASE "  run: [x]\n- name: a\n  run: [y]\n", "dir/x.yaml:2:9",
            "'a' is the name of two cases");
    refused(CASE "  run: ['']\n", "dir/x.yaml:3:8", "no name");
    refused(CASE "  run: [\"a\\0b\"]\n", "dir/x.yaml:3:9", "");
    refused(CASE "  run: [x]\n  send: [{data: x}]\n", "dir/x.yaml:4:9", "messages are for fork");
    refused(CASE "  run: [x]\n  timeout: 0s\n", "dir/x.yaml:4:12", "from 1ms");
    refused(CASE "  run: [x]\n  timeout: 10h\n", "dir/x.yaml:4:12", "from 1ms");
    refused(CASE "  run: [x]\n  timeout: 10\n", "dir/x.yaml:4:12", "unit");
    refused(CASE "  run: [x]\n  max_output: 1T\n", "dir/x.yaml:4:15", "64M");
    refused(CASE "  run: [x]\n  at: case\n", "dir/x.yaml:4:7", "absolute");
    refused(CASE "  run: [x]\n  policy: no-such\n", "dir/x.yaml:4:11", "no-such");
    refused(CASE "  run: [x]\n  policy: ./none.yaml\n", "dir/x.yaml:4:11", "dir/none.yaml");
    refused("name: x\n", "dir/x.yaml:1:1", "unknown key 'name'");
    refused("- x\n", "dir/x.yaml:1:1", "a mapping is wanted");
}

static void test_paths_stay_in_the_directory(void **state)
{
    static const char *const bad[] = {
        "/etc/passwd", "../x", "a/../../x", "a/..", ".", "./a", "a//b", "a/", "''",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[256];

        snprintf(text, sizeof(text), CASE "  run: [x]\n  files:\n  - path: %s\n", bad[i]);
        refused(text, "dir/x.yaml:5:11", "a relative path");
        snprintf(text, sizeof(text), CASE "  run: [x]\n  expect:\n    files:\n    - path: %s\n",
                 bad[i]);
        refused(text, "dir/x.yaml:6:13", "a relative path");
    }
    refused(CASE "  run: [x]\n  files: [{path: a, mode: 010000}]\n", "dir/x.yaml:4:27", "07777");
    refused(CASE "  run: [x]\n  files: [{path: a, dir: true, content: x}]\n", "dir/x.yaml:4:10",
            "no content");
}

static void test_expectations_are_checked(void **state)
{
    (void)state;
    refused(CASE "  run: [x]\n  expect: {status: 256}\n", "dir/x.yaml:4:20", "0 to 255");
    refused(CASE "  run: [x]\n  expect: {status: -1}\n", "dir/x.yaml:4:20", "0 to 255");
    refused(CASE "  run: [x]\n  expect: {denials: [{call: read}, {}]}\n", "dir/x.yaml:4:36",
            "it says nothing of the denial");
    refused(CASE "  run: [x]\n  expect: {denials: [{by: mounts}]}\n", "dir/x.yaml:4:22",
            "by 'mounts': it is filter, files or limit");
    refused(CASE "  run: [x]\n  expect: {denials: [{object: !!binary YQBi}]}\n", "dir/x.yaml:4:22",
            "a NUL byte inside");
    refused(CASE "  run: [x]\n  expect: {signal: NO}\n", "dir/x.yaml:4:20", "'NO' is no signal");
    refused(CASE "  run: [x]\n  expect: {signal: TERM, status: 1}\n", "dir/x.yaml:4:20",
            "no status");
    refused(CASE "  run: [x]\n  expect: {verdict: died}\n", "dir/x.yaml:4:21", "'died'");
    refused(CASE "  run: [x]\n  expect:\n    stdout: {regex: [ok, '(']}\n", "dir/x.yaml:5:26", "(");
    refused(CASE "  run: [x]\n  expect:\n    stdout: {regex: ['(a)\\1']}\n", "dir/x.yaml:5:22",
            "back reference");
    refused(CASE "  run: [x]\n  expect:\n    stdout: {file: none.txt}\n", "dir/x.yaml:5:13",
            "dir/none.txt: No such file");
    refused(CASE "  run: [x]\n  expect:\n    stdout: {file: a, exact: b}\n", "dir/x.yaml:5:13",
            "same thing");
    refused(CASE "  run: [x]\n  expect: {messages: [{type: x}]}\n", "dir/x.yaml:4:22",
            "messages are for fork");
}

/* The place is the field's in the case file, though the policy is read as a message. */
static void test_errors_of_an_own_policy_have_their_place(void **state)
{
    (void)state;
    refused(CASE "  run: [x]\n  own_policy:\n    syscalls:\n      allow: [read, raed]\n",
            "dir/x.yaml:6:21", "'raed', did you mean 'read'?");
    refused(CASE "  run: [x]\n  own_policy:\n    limits: {memroy: 1M}\n", "dir/x.yaml:5:14",
            "did you mean 'memory'?");
    refused(CASE "  run: [x]\n  own_policy:\n    extends: [no-such]\n", "dir/x.yaml:5:15",
            "no-such");
    refused(CASE "  run: [x]\n  own_policy:\n    extends: [./none.yaml]\n", "dir/x.yaml:5:15",
            "dir/none.yaml");
}

static void test_lines_of_a_policy_have_their_place(void **state)
{
    (void)state;
    refused("extends: [default]\n", "dir/x.yaml:1:1", "a policy without `expect`");
    refused("extends: [default]\nexpect:\n  allow: [read, raed]\n", "dir/x.yaml:3:17",
            "'raed', did you mean 'read'?");
    refused("extends: [default]\nexpect:\n  deny:\n  - socket(AF_INTE)\n", "dir/x.yaml:4:5",
            "'AF_INTE', did you mean 'AF_INET'?");
    refused("extends: [default]\nexpect: {allow: [read], forbid: []}\n", "dir/x.yaml:2:25",
            "unknown key 'expect.forbid'");
}

static void test_names_are_held_to_something(void **state)
{
    char text[SUITE_MAX_NAME + 64], name[SUITE_MAX_NAME + 2];

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    snprintf(text, sizeof(text), "cases:\n- {name: %s, run: [x]}\n", name);
    refused(text, "dir/x.yaml:2:10", "1 to 200 bytes");
    refused("cases:\n- {name: '', run: [x]}\n", "dir/x.yaml:2:10", "1 to 200 bytes");
    refused("cases:\n- {name: \"a\\nb\", run: [x]}\n", "dir/x.yaml:2:10", "a control character");
    refused("cases:\n- {name: \"\\e[2J\", run: [x]}\n", "dir/x.yaml:2:10", "a control character");
}

static void test_too_many_cases_are_refused(void **state)
{
    struct crib_error err = {0};
    struct suites suites = {0};
    struct buf text = {0};

    (void)state;
    buf_text(&text, "cases:\n");
    for (int i = 0; i <= SUITE_MAX_CASES; i++)
        assert_int_equal(buf_printf(&text, "- {name: c%d, run: [x]}\n", i), 0);
    assert_true(suites_add(&suites, "x.yaml", (char *)text.data, text.len, true, &err) < 0);
    test_contains(err.detail, "at most 4096");
    suites_done(&suites);
    buf_done(&text);
}

static void read_text(struct suites *suites, const char *text)
{
    struct crib_error err = {0};

    if (suites_add(suites, "x.yaml", text, strlen(text), true, &err) < 0)
        fail_msg("%s: %s", err.subject, err.detail);
}

static void test_defaults_lie_under_every_case(void **state)
{
    struct suites suites = {0};
    const Crib__Case *one, *two;

    (void)state;
    read_text(&suites, "defaults:\n"
                       "  timeout: 5s\n"
                       "  env: [A=1]\n"
                       "  expect: {status: 7, stderr: {exact: ''}}\n"
                       "cases:\n"
                       "- {name: one, run: [x]}\n"
                       "- {name: two, run: [y], timeout: 6s, env: [B=2], expect: {status: 0}}\n");
    assert_int_equal(suites.item_count, 2);
    one = suites.items[0].test;
    two = suites.items[1].test;
    assert_int_equal(one->timeout, 5000);
    assert_int_equal(two->timeout, 6000);
    assert_int_equal(one->n_env, 1);
    assert_int_equal(two->n_env, 2);
    assert_string_equal((char *)two->env[1].data, "B=2");
    assert_int_equal(one->expect->status, 7);
    assert_int_equal(two->expect->status, 0);
    assert_true(two->expect->stderr->has_exact);
    assert_int_equal(suites.items[1].line, 7);
    assert_ptr_equal(suites.items[0].policy, suites.items[1].policy); /* loaded once */
    suites_done(&suites);
}

static void test_lines_become_cases(void **state)
{
    struct suites suites = {0};

    (void)state;
    read_text(&suites, "extends: [strict]\nexpect:\n  allow:\n  - read\n  deny: [fork, "
                       "\"socket(AF_INET)\"]\n");
    assert_int_equal(suites.item_count, 3);
    assert_string_equal(suites.items[0].name, "allow read");
    assert_true(suites.items[0].allow);
    assert_int_equal(suites.items[0].line, 4);
    assert_string_equal(suites.items[2].name, "deny socket(AF_INET)");
    assert_false(suites.items[2].allow);
    assert_null(suites.items[2].test);
    suites_done(&suites);
}

static void put(const char *dir, const char *name, const char *text)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    test_write(path, text, strlen(text), 0644);
}

/* What a base expects is its own business: a policy that widens it need not. */
static void test_expectations_of_a_base_are_not_inherited(void **state)
{
    char *dir = test_dir(), path[512], *paths[] = {path, NULL};
    struct crib_error err = {0};
    struct suites suites;

    (void)state;
    put(dir, "base.yaml", "extends: [default]\nexpect: {deny: [mount]}\n");
    put(dir, "wide.yaml",
        "extends: [base.yaml]\nsyscalls: {allow: [mount]}\nexpect: {allow: [mount]}\n");
    snprintf(path, sizeof(path), "%s/wide.yaml", dir);
    assert_int_equal(suites_read(&suites, paths, &err), 0);
    assert_int_equal(suites.item_count, 1);
    suites_done(&suites);
    free(dir);
}

static void test_directories_stand_for_their_files(void **state)
{
    char *dir = test_dir(), path[512], *paths[] = {dir, NULL};
    struct crib_error err = {0};
    struct suites suites;

    (void)state;
    put(dir, "b.yaml", "cases: [{name: b, run: [x]}]");
    put(dir, "a.json", "{\"cases\": [{\"name\": \"a\", \"run\": [\"x\"]}]}");
    put(dir, "policy.yml", "extends: [default]");     /* has no expectations: passed over */
    put(dir, ".hidden.yaml", "not: [a, case: file]"); /* neither read */
    put(dir, "notes.txt", "nor this");
    snprintf(path, sizeof(path), "%s/sub", dir);
    assert_int_equal(mkdir(path, 0755), 0);
    put(path, "c.yaml", "cases: [{name: c, run: [x]}]");
    snprintf(path, sizeof(path), "%s/loop", dir);
    assert_int_equal(symlink(".", path), 0);
    if (suites_read(&suites, paths, &err) < 0)
        fail_msg("%s: %s", err.subject, err.detail);
    assert_int_equal(suites.item_count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(suites.items[i].name[0], 'a' + i);
    suites_done(&suites);
    free(dir);
}

static void unreadable(char *path, int code)
{
    char *paths[] = {path, NULL};
    struct crib_error err = {0};
    struct suites suites;

    assert_int_equal(suites_read(&suites, paths, &err), code);
    assert_true(err.subject[0] || err.detail[0]);
    suites_done(&suites);
}

static void test_files_that_are_none(void **state)
{
    char *dir = test_dir(), path[512];
    struct buf text = {0};

    (void)state;
    unreadable(dir, -ENOENT); /* nothing in it */
    snprintf(path, sizeof(path), "%s/none.yaml", dir);
    unreadable(path, -ENOENT);
    assert_int_equal(mkfifo(path, 0644), 0);
    unreadable(path, -EINVAL); /* and is not waited for */
    unlink(path);
    while (text.len <= TEXT_MAX_BYTES)
        buf_text(&text, "# nothing but remarks, and too many of them\n");
    test_write(path, text.data, text.len, 0644);
    unreadable(path, -EFBIG);
    buf_done(&text);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_wrong_has_its_place),
        cmocka_unit_test(test_paths_stay_in_the_directory),
        cmocka_unit_test(test_expectations_are_checked),
        cmocka_unit_test(test_errors_of_an_own_policy_have_their_place),
        cmocka_unit_test(test_lines_of_a_policy_have_their_place),
        cmocka_unit_test(test_names_are_held_to_something),
        cmocka_unit_test(test_too_many_cases_are_refused),
        cmocka_unit_test(test_defaults_lie_under_every_case),
        cmocka_unit_test(test_lines_become_cases),
        cmocka_unit_test(test_expectations_of_a_base_are_not_inherited),
        cmocka_unit_test(test_directories_stand_for_their_files),
        cmocka_unit_test(test_files_that_are_none),
    };

    return test_run(tests);
}
