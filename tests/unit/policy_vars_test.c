/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "policy/load.h"
#include "policy/vars.h"
#include "policy/vars_text.h"
#include "text/text.h"

static struct arena arena;
static struct crib_error err;
static char said[4096];

static const char *error_text(void)
{
    return crib_error_text(&err, said, sizeof(said));
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    memset(&err, 0, sizeof(err));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static int parse(const char *text, Crib__Policy **ret)
{
    return policy_parse("p.yaml", text, strlen(text), NULL, &arena, ret, NULL, &err);
}

static Crib__Policy *read_text(const char *text)
{
    Crib__Policy *policy;

    if (parse(text, &policy) < 0)
        fail_msg("%s: %s", text, error_text());
    return policy;
}

static int expand_list(const Crib__Policy *policy, const char *const *given, Crib__Policy **ret)
{
    ProtobufCBinaryData vars[80];
    size_t count = 0;

    for (; given && given[count]; count++)
        vars[count] = (ProtobufCBinaryData){strlen(given[count]), (uint8_t *)given[count]};
    return policy_expand_vars(policy, vars, count, &arena, ret, &err);
}

static int expand(const Crib__Policy *policy, const char *given, Crib__Policy **ret)
{
    return expand_list(policy, given ? (const char *const[]){given, NULL} : NULL, ret);
}

static void assert_refused_text(const char *text, int code, const char *words)
{
    Crib__Policy *policy;

    if (parse(text, &policy) != code)
        fail_msg("`%s` gives %s", text, err.code ? error_text() : "no error");
    assert_string_equal(error_text(), words);
}

#define assert_bytes(bytes, text)                                                                  \
    do {                                                                                           \
        assert_int_equal((bytes).len, strlen(text));                                               \
        assert_memory_equal((bytes).data, text, strlen(text));                                     \
    } while (0)

static void test_nothing_to_do(void **state)
{
    Crib__Policy *policy = read_text("mounts: [{target: /a$b$$c}]\nenv: {set: ['PS1=$ $$']}");
    Crib__Policy *same;

    (void)state;
    assert_int_equal(expand(policy, NULL, &same), 0);
    assert_ptr_equal(policy, same);
    assert_bytes(same->mounts[0]->target, "/a$b$$c");
}

static void test_replaced(void **state)
{
    Crib__Policy *policy = read_text("vars: [{name: TASK_DIR}, {name: A1, value: x}]\n"
                                     "mounts:\n"
                                     "- {source: '${TASK_DIR}/in', target: '/in/${A1}${A1}'}\n"
                                     "- {target: '${TASK_DIR}', write: true}\n"
                                     "- {target: /plain}\n"
                                     "env: {set: ['DIR=${TASK_DIR}', 'X=$A1$$']}\n");
    Crib__Policy *with;

    (void)state;
    assert_int_equal(expand(policy, "TASK_DIR=/srv/7", &with), 0);
    assert_bytes(with->mounts[0]->source, "/srv/7/in");
    assert_bytes(with->mounts[0]->target, "/in/xx");
    assert_bytes(with->mounts[1]->target, "/srv/7");
    assert_true(with->mounts[1]->write);
    assert_ptr_equal(with->mounts[2], policy->mounts[2]);
    assert_bytes(with->env->set[0], "DIR=/srv/7");
    assert_bytes(with->env->set[1], "X=$A1$$");
    assert_int_equal(with->n_vars, 0);
    /* the policy itself is as it was: others have it too */
    assert_bytes(policy->mounts[1]->target, "${TASK_DIR}");
    assert_int_equal(policy->n_vars, 2);
}

/* Of dollars in front of a brace two stand for one. */
static void test_dollars(void **state)
{
    static const char *const rows[][2] = {
        {"$${A}", "${A}"},      {"$$${A}", "$v"},  {"$$$${A}", "$${A}"}, {"$$", "$$"},
        {"${A}${A}", "vv"},     {"${A}$", "v$"},   {"$x${A}{", "$xv{"},  {"a$b{c}", "a$b{c}"},
        {"$${A}${A}", "${A}v"}, {"}${A}}", "}v}"}, {"$${", "${"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        Crib__Policy *with;

        snprintf(text, sizeof(text), "vars: [{name: A, value: v}]\nenv: {set: ['N=%s']}",
                 rows[i][0]);
        assert_int_equal(expand(read_text(text), NULL, &with), 0);
        snprintf(text, sizeof(text), "N=%s", rows[i][1]);
        assert_bytes(with->env->set[0], text);
    }
}

/* What is put in is not looked at again, nor are names. */
static void test_once(void **state)
{
    Crib__Policy *policy =
        read_text("vars: [{name: A, value: '${B}$${A}'}, {name: B, value: secret}]\n"
                  "env: {set: ['N=${A}', 'O=${B}']}");
    Crib__Policy *with;

    (void)state;
    assert_int_equal(expand(policy, NULL, &with), 0);
    assert_bytes(with->env->set[0], "N=${B}$${A}");
    assert_bytes(with->env->set[1], "O=secret");
    assert_int_equal(expand(policy, "B=${A}", &with), 0);
    assert_bytes(with->env->set[1], "O=${A}");
}

static void test_what_a_policy_says(void **state)
{
    (void)state;
    assert_refused_text("vars: [{name: TASK_DIR}]\nmounts:\n- {target: '/a/${TASK_DRI}'}", -EINVAL,
                        "p.yaml:3:12: unknown variable 'TASK_DRI', did you mean 'TASK_DIR'?");
    assert_refused_text("env:\n  set:\n  - A=1\n  - B=${NOPE}", -EINVAL,
                        "p.yaml:4:5: unknown variable 'NOPE': declare it in `vars`");
    assert_refused_text("env: {set: ['B=${nope}']}", -EINVAL,
                        "p.yaml:1:13: `${` begins the name of a variable, A-Z, 0-9 and _, and `}` "
                        "ends it; `$${` is a `${` that begins none");
    for (size_t i = 0; i < 5; i++) {
        static const char *const bad[] = {"${", "${}", "${A", "${A B}", "x$$${1}"};
        Crib__Policy *policy;
        char text[64];

        snprintf(text, sizeof(text), "mounts: [{target: '/%s'}]", bad[i]);
        assert_int_equal(parse(text, &policy), -EINVAL);
        test_contains(error_text(), "`${` begins");
    }
    assert_refused_text("vars: [{value: x}]", -EINVAL, "p.yaml:1:8: a variable needs a name");
    assert_refused_text("vars: [{name: 1A}]", -EINVAL,
                        "p.yaml:1:8: '1A' is no name of a variable: a letter A-Z, then A-Z, 0-9 "
                        "and _");
    assert_refused_text("vars: [{name: A}, {name: A}]", -EINVAL,
                        "p.yaml:1:19: A is declared twice");
    assert_refused_text("vars: [{name: A, fixed: true}]", -EINVAL,
                        "p.yaml:1:8: A is fixed, and has no value: nobody could give one");
    /* what is known to be wrong before anything is replaced */
    assert_refused_text("vars: [{name: A}]\nmounts: [{target: 'x/${A}'}]", -EINVAL,
                        "p.yaml:2:19: the path is not absolute");
    assert_refused_text("vars: [{name: A}]\nmounts: [{target: '${A}/../x'}]", -EINVAL,
                        "p.yaml:2:19: the path has a `..` in it");
}

static void test_what_a_caller_gives(void **state)
{
    static const struct {
        const char *given;
        int code;
        const char *words;
    } rows[] = {
        {NULL, -EINVAL, "vars: variable DIR has no value: give --var DIR=... (where it works)"},
        {"DRI=/x", -EINVAL, "vars[0]: the policy has no variable 'DRI', did you mean 'DIR'?"},
        {"FIX=/x", -EACCES,
         "vars[0]: variable FIX is fixed: the policy's own value counts, no "
         "other"},
        {"DIR", -EINVAL, "vars[0]: it must read NAME=VALUE, the name of A-Z, 0-9 and _"},
        {"=x", -EINVAL, "vars[0]: it must read NAME=VALUE, the name of A-Z, 0-9 and _"},
        {"dir=x", -EINVAL, "vars[0]: it must read NAME=VALUE, the name of A-Z, 0-9 and _"},
        {"", -EINVAL, "vars[0]: it must read NAME=VALUE, the name of A-Z, 0-9 and _"},
        /* the checks of a literal path */
        {"DIR=", -EINVAL,
         "with the variables replaced: mounts[0].target: the path is not absolute"},
        {"DIR=x", -EINVAL,
         "with the variables replaced: mounts[0].target: the path is not absolute"},
        {"DIR=${FIX}", -EINVAL,
         "with the variables replaced: mounts[0].target: the path is not absolute"},
        {"DIR=/a/../b", -EINVAL,
         "with the variables replaced: mounts[0].target: the path has a `..` in it"},
        {"DIR=/a/..", -EINVAL,
         "with the variables replaced: mounts[0].target: the path has a `..` in it"},
    };
    static const char *const twice[] = {"DIR=/a", "DIR=/b", NULL};
    Crib__Policy *policy = read_text("vars: [{name: DIR, about: where it works}, {name: FIX, "
                                     "value: /f, fixed: true}]\nmounts: [{target: '${DIR}'}]");
    Crib__Policy *with = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(&err, 0, sizeof(err));
        assert_int_equal(expand(policy, rows[i].given, &with), rows[i].code);
        assert_string_equal(error_text(), rows[i].words);
    }
    assert_int_equal(expand_list(policy, twice, &with), -EINVAL);
    assert_string_equal(error_text(), "vars[1]: variable DIR is given twice");
    assert_null(with);
    /* to a policy that has none */
    assert_int_equal(expand(read_text("{}"), "DIR=/a", &with), -EINVAL);
}

static void test_nul(void **state)
{
    Crib__Policy *policy = read_text("vars: [{name: DIR}]"), *with = NULL;
    ProtobufCBinaryData var = {8, (uint8_t *)"DIR=/a\0b"};

    (void)state;
    assert_int_equal(policy_expand_vars(policy, &var, 1, &arena, &with, &err), -EINVAL);
    assert_string_equal(error_text(), "vars[0]: a NUL byte in the value of DIR");
    assert_refused_text("vars: [{name: A, value: !!binary YQBi}]", -EINVAL,
                        "p.yaml:1:8: a NUL byte in the value");
}

/* Little that comes to much. */
static void test_sizes(void **state)
{
    static char many[200 * 1024], value[VARS_LONGEST + 64];
    Crib__Policy *policy, *with = NULL;
    size_t len;

    (void)state;
    strcpy(many, "vars: [{name: A}]\nenv: {set: ['N=");
    for (int i = 0; i < 20000; i++)
        strcat(many + i * 4, "${A}");
    strcat(many, "']}");
    policy = read_text(many);
    strcpy(value, "A=");
    len = strlen(value);
    memset(value + len, 'x', VARS_LONGEST);
    assert_int_equal(expand(policy, value, &with), -E2BIG);
    test_contains(error_text(), "with the values in it has more than 128 KiB");
    strcat(value, "y");
    assert_int_equal(expand(policy, value, &with), -E2BIG);
    test_contains(error_text(), "the value of A has more than 32 KiB");

    strcpy(many, "vars:\n");
    for (int i = 0; i <= VARS_MAX; i++)
        snprintf(many + strlen(many), 64, "- {name: A%d}\n", i);
    assert_int_equal(parse(many, &policy), -E2BIG);
    test_contains(error_text(), "p.yaml:2:1: at most 64 variables");
}

static void write_in(const char *dir, const char *name, const char *text)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    test_write(path, text, strlen(text), 0644);
}

/* A base's variables: used, given a value, kept where they are fixed. */
static void test_bases(void **state)
{
    char *dir = test_dir();
    char name[512];
    Crib__Policy *policy, *with;

    (void)state;
    write_in(dir, "base.yaml",
             "vars: [{name: DIR, about: base's}, {name: FIX, value: /f, fixed: true}]\n"
             "mounts: [{target: '${DIR}'}, {target: '${FIX}'}]");
    write_in(dir, "own.yaml",
             "extends: [./base.yaml]\nvars: [{name: DIR, value: /d}, {name: FIX, value: /f}]\n"
             "env: {set: ['D=${DIR}']}");
    snprintf(name, sizeof(name), "%s/own.yaml", dir);
    if (policy_load(name, NULL, &arena, &policy, NULL, &err) < 0)
        fail_msg("%s", error_text());
    assert_int_equal(policy->n_vars, 2);
    assert_string_equal(policy->vars[0]->about, "base's");
    assert_int_equal(expand(policy, NULL, &with), 0);
    assert_bytes(with->mounts[0]->target, "/d");
    assert_bytes(with->env->set[0], "D=/d");
    assert_int_equal(expand(policy, "FIX=/g", &with), -EACCES);

    write_in(dir, "own.yaml", "extends: [./base.yaml]\nvars:\n- {name: FIX, value: /g}");
    assert_int_equal(policy_load(name, NULL, &arena, &policy, NULL, &err), -EINVAL);
    test_contains(error_text(), "own.yaml:3:3: FIX is fixed by a base");
    write_in(dir, "own.yaml", "extends: [./base.yaml]\nvars:\n- {name: FIX, fixed: false}");
    assert_int_equal(policy_load(name, NULL, &arena, &policy, NULL, &err), -EINVAL);
    test_contains(error_text(), "own.yaml:3:3: FIX is fixed by a base");
    free(dir);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_to_do),
        TEST(test_replaced),
        TEST(test_dollars),
        TEST(test_once),
        TEST(test_what_a_policy_says),
        TEST(test_what_a_caller_gives),
        TEST(test_nul),
        TEST(test_sizes),
        TEST(test_bases),
    };

    return test_run(tests);
}
