/* SPDX-License-Identifier: Apache-2.0 */
/* crib run --copy-in, --copy-out: what comes over, what is said, and the status. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"

static char *in_dir(const char *dir, const char *head, const char *name, const char *tail)
{
    size_t size = strlen(head) + strlen(dir) + strlen(name) + strlen(tail) + 2;
    char *text = malloc(size);

    snprintf(text, size, "%s%s/%s%s", head, dir, name, tail);
    return text;
}

static void test_in_and_out(void **state)
{
    char *dir = cli_dir(), *source = in_dir(dir, "", "source", "");
    char *in = in_dir(dir, "", "source", ":/tmp/in:0750");
    char *out = in_dir(dir, "/tmp/out:", "target", ":1M");
    char *target = in_dir(dir, "", "target", ""), *text;
    struct cli cli = {.want_result = true};
    struct stat st;

    (void)state;
    test_write(source, "hello\n", 6, 0644);
    CLI_EXPECT(&cli, 0, "run", "--json", "--result-fd", "9", "--copy-in", in, "--copy-out", out,
               "--copy-out", "/tmp/mode:-", "sh", "-c",
               "cat /tmp/in >/tmp/out; stat -c %a /tmp/in >/tmp/mode; echo first");
    assert_string_equal(cli.out, "first\n750\n");
    assert_string_equal(cli.err, "");
    text = test_read(target, NULL);
    assert_string_equal(text, "hello\n");
    free(text);
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_uid, geteuid());
    test_contains(cli.result, "\"copied\":[{\"path\":\"/tmp/out\",\"size\":6}");
    cli_done(&cli);
    free(source);
    free(in);
    free(out);
    free(target);
    free(dir);
}

/* A program that went well has not, when what was wanted of it is missing. */
static void test_what_is_missing_is_a_failure(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--copy-out", "/tmp/none:-", "true");
    test_contains(cli.err, "crib: copy_out[0] /tmp/none: No such file or directory\n");
    CLI_EXPECT(&cli, 3, "run", "--copy-out", "/tmp/none:-", "sh", "-c", "exit 3");
    test_contains(cli.err, "copy_out[0] /tmp/none: ");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--copy-out", "/tmp/x:-:4", "sh", "-c",
               "echo 12345 >/tmp/x");
    test_contains(cli.err, "copy_out[0] /tmp/x: 6 bytes, over its cap of 4\n");
    assert_string_equal(cli.out, "");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--copy-out", "/tmp/x:-", "sh", "-c",
               "ln -s /etc/passwd /tmp/x");
    test_contains(cli.err, "copy_out[0] /tmp/x: a symlink, not a regular file\n");
    assert_string_equal(cli.out, "");
    cli_done(&cli);
}

static void test_what_cannot_be_is_refused_first(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--copy-in", "/nonexistent:/tmp/x", "echo", "ran");
    test_contains(cli.err, "copy_in[0] /nonexistent: source: No such file or directory");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--copy-in", "/dev/null:/tmp/x", "echo", "ran");
    test_contains(cli.err, "a device, not a regular file");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--copy-out", "/tmp/x:/nonexistent/x", "echo", "ran");
    test_contains(cli.err, "copy_out[0] /nonexistent/x: target: No such file or directory");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--copy-out", "/etc/passwd:-", "echo", "ran");
    test_contains(cli.err, "copy_out[0] /etc/passwd");
    assert_string_equal(cli.out, "");
    cli_done(&cli);
}

static void test_bad_words(void **state)
{
    static const char *const words[][3] = {
        {"--copy-in", "x", "is not SRC:DST"},
        {"--copy-in", ":/x", "is not SRC:DST"},
        {"--copy-in", "x:", "is not SRC:DST"},
        {"--copy-in", "x:y", "DST must be absolute"},
        {"--copy-in", "x:/y:8", "'8'"},
        {"--copy-in", "x:/y:0", "not from 0001 to 0777"},
        {"--copy-in", "x:/y:04755", "not from 0001 to 0777"},
        {"--copy-out", "x", "is not SRC:DST"},
        {"--copy-out", "x:y", "SRC must be absolute"},
        {"--copy-out", "/x:y:0", "a cap of nothing"},
        {"--copy-out", "/x:y:1Z", "unknown unit"},
    };
    struct cli cli = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        CLI_EXPECT(&cli, STATUS_FAILED, "run", words[i][0], words[i][1], "true");
        test_contains(cli.err, words[i][2]);
    }
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--detach", "--copy-out", "/tmp/x:-", "true");
    test_contains(cli.err, "not for --detach");
    cli_done(&cli);
}

/* A plan names them, and makes nothing. */
static void test_a_plan_makes_nothing(void **state)
{
    char *dir = cli_dir(), *out = in_dir(dir, "/tmp/out:", "target", "");
    char *target = in_dir(dir, "", "target", "");
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "plan", "--copy-in", "/nonexistent:/tmp/in", "--copy-out", out, "true");
    test_contains(cli.out, "/tmp/in");
    test_contains(cli.out, "/tmp/out");
    test_contains(cli.out, "64M");
    assert_int_equal(access(target, F_OK), -1);
    cli_done(&cli);
    free(out);
    free(target);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_and_out),
        cmocka_unit_test(test_what_is_missing_is_a_failure),
        cmocka_unit_test(test_what_cannot_be_is_refused_first),
        cmocka_unit_test(test_bad_words),
        cmocka_unit_test(test_a_plan_makes_nothing),
    };

    return test_run(tests);
}
