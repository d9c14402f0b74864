/* SPDX-License-Identifier: Apache-2.0 */
/* The environment: what the policy passes, what the caller gives, and nothing else. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void assert_has(const char *out, const char *entry)
{
    size_t len = strlen(entry);

    for (const char *at = out; (at = strstr(at, entry)); at += len)
        if ((at == out || at[-1] == '\n') && at[len] == '\n')
            return;
    fail_msg("no '%s' in:\n%s", entry, out);
}

static void assert_has_not(const char *out, const char *name)
{
    if (strstr(out, name))
        fail_msg("'%s' is in:\n%s", name, out);
}

static void test_secrets_stay_outside(void **state)
{
    static const char *const secrets[] = {
        "AWS_SECRET_ACCESS_KEY", "LD_PRELOAD", "LD_LIBRARY_PATH", "SSH_AUTH_SOCK",
        "GITHUB_TOKEN",          "PYTHONPATH", "BASH_ENV",        "IFS"};

    (void)state;
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        setenv(secrets[i], "secret-value", 1);
    for (const char *const *name = sandbox_policies(); *name; name++) {
        char *out;

        if (strcmp(*name, "open") == 0)
            continue;
        out = sandbox_output(*name, "env");
        for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
            assert_has_not(out, secrets[i]);
        assert_has_not(out, "secret-value");
        free(out);
    }
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        unsetenv(secrets[i]);
}

static void test_what_programs_need_is_passed(void **state)
{
    char *out, path[8192] = "PATH=";

    (void)state;
    setenv("LC_NUMERIC", "de_DE.UTF-8", 1);
    setenv("TZ", "Europe/Vienna", 1);
    out = sandbox_output(NULL, "env");
    assert_has(out, "LC_NUMERIC=de_DE.UTF-8");
    assert_has(out, "TZ=Europe/Vienna");
    assert_has(out, "HOME=/tmp");
    assert_has(out, strncat(path, getenv("PATH"), sizeof(path) - 6));
    free(out);
    unsetenv("LC_NUMERIC");
    unsetenv("TZ");
}

static void test_the_callers_is_the_whole(void **state)
{
    const char *const env[] = {"A=1", "B=x=y", "EMPTY=", NULL};
    const char *const none[] = {NULL};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.env = env;
    sandbox_expect(&box, "env", 0);
    assert_string_equal(box.out, "A=1\nB=x=y\nEMPTY=\n");
    box.options.env = none;
    sandbox_expect(&box, "env", 0);
    assert_string_equal(box.out, "");
    sandbox_done(&box);
}

static void test_additions_beat_what_was_passed(void **state)
{
    const char *const add[] = {"HOME=/elsewhere", "NEW=1", "NEW=2", NULL};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.env_add = add;
    sandbox_expect(&box, "env", 0);
    assert_has(box.out, "HOME=/elsewhere");
    assert_has(box.out, "NEW=2");
    assert_has_not(box.out, "HOME=/tmp");
    assert_has_not(box.out, "NEW=1");
    sandbox_done(&box);
}

static void test_the_policy_sets_and_passes(void **state)
{
    struct sandbox box;

    (void)state;
    setenv("MY_ONE", "1", 1);
    setenv("MY_TWO", "2", 1);
    setenv("YOURS", "3", 1);
    sandbox_init(&box);
    box.rules = "extends: [default]\nenv: {pass: ['MY_*'], set: [SET=yes, MY_TWO=beaten]}\n";
    sandbox_expect(&box, "env", 0);
    assert_has(box.out, "MY_ONE=1");
    assert_has(box.out, "MY_TWO=beaten");
    assert_has(box.out, "SET=yes");
    assert_has_not(box.out, "YOURS");
    sandbox_done(&box);
    unsetenv("MY_ONE");
    unsetenv("MY_TWO");
    unsetenv("YOURS");
}

/* Bytes are bytes, also where they are no UTF-8; a line end in a value is the value's. */
static void test_values_are_bytes(void **state)
{
    const char *const env[] = {"A=\xff\xfe\x01", "B=one\ntwo", NULL};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.env = env;
    sandbox_expect(&box, "env", 0);
    assert_string_equal(box.out, "A=\xff\xfe\x01\nB=one\ntwo\n");
    sandbox_done(&box);
}

static void test_bad_entries_are_refused(void **state)
{
    static const char *const bad[] = {"NOSIGN", "=value", ""};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *const list[] = {"GOOD=1", bad[i], NULL};
        struct sandbox box;

        sandbox_init(&box);
        box.options.env = list;
        sandbox_probe(&box, "env");
        assert_int_equal(box.code, -EINVAL);
        assert_string_equal(box.error.step, "env");
        box.options.env = NULL;
        box.options.env_add = list;
        sandbox_probe(&box, "env");
        assert_int_equal(box.code, -EINVAL);
        sandbox_done(&box);
    }
}

/* The loader's variables work inside on what is inside; they are data to crib itself. */
static void test_loader_variables_are_data(void **state)
{
    const char *const env[] = {"LD_PRELOAD=/nonexistent.so", "LD_AUDIT=x", "GLIBC_TUNABLES=x=1",
                               NULL};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.env = env;
    sandbox_expect(&box, "env", 0);
    assert_has(box.out, "LD_PRELOAD=/nonexistent.so");
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets_stay_outside),
        cmocka_unit_test(test_what_programs_need_is_passed),
        cmocka_unit_test(test_the_callers_is_the_whole),
        cmocka_unit_test(test_additions_beat_what_was_passed),
        cmocka_unit_test(test_the_policy_sets_and_passes),
        cmocka_unit_test(test_values_are_bytes),
        cmocka_unit_test(test_bad_entries_are_refused),
        cmocka_unit_test(test_loader_variables_are_data),
    };

    return sandbox_test_run(tests);
}
