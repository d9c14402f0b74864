/* SPDX-License-Identifier: Apache-2.0 */
/* Policies that say `ceiling`: who extends one, at any depth, can only tighten. */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/load.h"

static char *dir;
static struct arena arena;
static struct crib_error err;

static void write_in(const char *name, const char *text)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    test_write(path, text, strlen(text), 0644);
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    dir = test_dir();
    write_in("base.yaml", "syscalls: {allow: ['@basic-io', exit_group]}");
    write_in("site.yaml", "extends: [./base.yaml]\n"
                          "ceiling: true\n"
                          "mounts: [{target: /usr}, {target: /srv}]\n"
                          "limits: {memory: 1G}\n"
                          "listen: ['tcp:127.0.0.1:*']\n"
                          "syscalls: {deny: [ptrace]}\n");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    free(dir);
    return 0;
}

static int load(const char *name, Crib__Policy **ret)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return policy_load(path, NULL, &arena, ret, NULL, &err);
}

static void assert_loads(const char *text)
{
    Crib__Policy *policy;
    char said[1024];

    write_in("own.yaml", text);
    if (load("own.yaml", &policy) < 0)
        fail_msg("`%s`: %s", text, crib_error_text(&err, said, sizeof(said)));
    /* it is none itself, unless it says so */
    assert_false(policy->has_ceiling && policy->ceiling);
}

/* @words: behind the directory of the file. */
static void assert_wider(const char *text, const char *words)
{
    Crib__Policy *policy;
    char said[1024], all[1024];

    write_in("own.yaml", text);
    if (load("own.yaml", &policy) != -EACCES)
        fail_msg("`%s` is no wider", text);
    snprintf(all, sizeof(all), "%s/own.yaml:%s", dir, words);
    crib_error_text(&err, said, sizeof(said));
    if (strncmp(said, all, strlen(all)) != 0)
        fail_msg("`%s`: %s, and not %s", text, said, all);
    test_contains(said, ": wider than its ceiling, ");
}

static void test_tighter(void **state)
{
    (void)state;
    assert_loads("extends: [./site.yaml]");
    assert_loads("extends: [./site.yaml]\nlimits: {memory: 512M, pids: 4}");
    assert_loads("extends: [./site.yaml]\nsyscalls: {deny: [write], allow: [read]}");
    assert_loads("extends: [./site.yaml]\nmounts: [{source: /srv, target: /again}]");
    assert_loads("extends: [./site.yaml]\nlisten: ['tcp:127.0.0.1:80', 'tcp:127.0.0.1:*']");
    /* what a base of its own denies is no matter */
    assert_loads("extends: [./base.yaml, ./site.yaml]");
}

static void test_wider(void **state)
{
    (void)state;
    assert_wider("extends: [./site.yaml]\nsyscalls:\n  allow:\n  - read\n  - socket\n", "5:");
    assert_wider("extends: [./site.yaml]\nnamespaces:\n  net: host\n", "3:");
    assert_wider("extends: [./site.yaml]\nlimits:\n  pids: 3\n  memory: 2G\n", "4:");
    assert_wider("extends: [./site.yaml]\nmounts:\n- {target: /usr}\n- {target: /etc}\n", "4:");
    assert_wider("extends: [./site.yaml]\ncaps: {keep: [CAP_KILL]}\n", "2:");
    assert_wider("extends: [./site.yaml]\nlisten:\n- tcp:127.0.0.1:80\n- tcp:*:80\n", "4:");
    /* what a base has, too, is left out of the list, and still has its line */
    assert_wider("extends: [./site.yaml]\nlisten:\n- tcp:127.0.0.1:*\n- unix:/run/x\n", "4:");
    write_in("wide.yaml", "listen: ['tcp:*:80-90', unix:/run/x]");
    assert_wider("extends: [./wide.yaml, ./site.yaml]\nlisten:\n- tcp:127.0.0.1:1\n", "1:");
    assert_wider("listen: ['tcp:*:80-90']\nextends: [./wide.yaml, ./site.yaml]\n", "1:10");
}

static void test_words(void **state)
{
    Crib__Policy *policy;
    char said[1024];

    (void)state;
    write_in("own.yaml", "extends: [./site.yaml]\nnamespaces:\n  net: host\n");
    assert_int_equal(load("own.yaml", &policy), -EACCES);
    crib_error_text(&err, said, sizeof(said));
    test_contains(said, "site.yaml: namespaces.net: `host` is wider than `new`, as the widest "
                        "policy has it");
    assert_int_equal(err.code, -EACCES);
}

/* However far below, and whoever else is extended besides. */
static void test_depth(void **state)
{
    (void)state;
    write_in("one.yaml", "extends: [./site.yaml]");
    write_in("two.yaml", "extends: [./one.yaml]");
    write_in("wide.yaml", "namespaces: {net: host}");
    assert_loads("extends: [./two.yaml]");
    assert_wider("extends: [./two.yaml]\nnamespaces: {net: host}", "2:");
    /* what comes from another base is told where bases are named */
    assert_wider("extends: [./wide.yaml, ./two.yaml]", "1:");
    assert_wider("extends: [./two.yaml, ./wide.yaml]", "1:");
    /* a ceiling under a ceiling: both hold */
    write_in("one.yaml", "extends: [./site.yaml]\nceiling: true\nlimits: {memory: 512M}");
    assert_wider("extends: [./two.yaml]\nlimits: {memory: 600M}", "2:");
    assert_wider("extends: [./two.yaml]\nsyscalls: {allow: [socket]}", "2:");
    assert_loads("extends: [./two.yaml]\nlimits: {memory: 500M}");
}

/* A ceiling itself may be as wide as it says, and be no policy for anybody who breaks another. */
static void test_the_ceiling_itself(void **state)
{
    Crib__Policy *policy;

    (void)state;
    assert_int_equal(load("site.yaml", &policy), 0);
    assert_true(policy->has_ceiling && policy->ceiling);
    write_in("one.yaml", "extends: [./site.yaml]\nceiling: true\nlimits: {memory: 2G}");
    assert_int_equal(load("one.yaml", &policy), -EACCES);
    assert_wider("extends: [./one.yaml]", "1:");
    /* loops are found as ever */
    write_in("site.yaml", "ceiling: true\nextends: [./own.yaml]");
    write_in("own.yaml", "extends: [./site.yaml]");
    assert_int_equal(load("own.yaml", &policy), -ELOOP);
}

/* Before a value is known, what is written otherwise is something else. */
static void test_variables(void **state)
{
    (void)state;
    write_in("site.yaml", "ceiling: true\n"
                          "vars: [{name: DIR, value: /srv}, {name: FIX, value: /f, fixed: true}]\n"
                          "mounts:\n"
                          "- {source: '${DIR}', target: /d}\n"
                          "- {source: '${FIX}', target: /f}\n");
    assert_loads("extends: [./site.yaml]\nmounts: [{source: '${DIR}', target: /other}]");
    assert_wider("extends: [./site.yaml]\nmounts: [{source: /srv, target: /other}]", "2:");
    assert_wider("extends: [./site.yaml]\nmounts: [{source: '${DIR}/x', target: /other}]", "2:");
    assert_wider("extends: [./site.yaml]\nvars: [{name: X, value: /}]\n"
                 "mounts: [{source: '${X}', target: /other}]",
                 "3:");
    /* a part that is covered where nobody knows may be any part */
    write_in("site.yaml", "ceiling: true\n"
                          "vars: [{name: HIDE}]\n"
                          "mounts: [{target: /srv}, {type: tmpfs, target: '/srv/${HIDE}'}]\n");
    assert_loads("extends: [./site.yaml]\nlimits: {pids: 3}");
    assert_wider("extends: [./site.yaml]\nmounts: [{source: /srv, target: /again}]", "2:");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_tighter),
        TEST(test_wider),
        TEST(test_words),
        TEST(test_depth),
        TEST(test_the_ceiling_itself),
        TEST(test_variables),
    };

    return test_run(tests);
}
