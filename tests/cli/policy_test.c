/* SPDX-License-Identifier: Apache-2.0 */
/* crib policy: check, show, list. */
#include "cli/cli.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"

static const char *const shipped[] = {"default", "judge", "network", "node",
                                      "open",    "shell", "strict",  "worker"};
#define SHIPPED (sizeof(shipped) / sizeof(shipped[0]))

static void write_text(char *path, size_t size, const char *dir, const char *name, const char *text)
{
    snprintf(path, size, "%s/%s", dir, name);
    test_write(path, text, strlen(text), 0644);
}

static void test_list(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "policy", "list");
    for (size_t i = 0; i < SHIPPED; i++) {
        char start[32];

        snprintf(start, sizeof(start), "%s ", shipped[i]);
        assert_int_equal(cli_lines(cli.out, start), 1);
    }
    cli_done(&cli);
}

/* What is shown has no bases left, and is a policy that shows as the same text. */
static void test_show(void **state)
{
    struct cli first = {0}, second = {0};
    char *dir = cli_dir(), path[4096];

    (void)state;
    for (size_t i = 0; i < SHIPPED; i++) {
        CLI_EXPECT(&first, 0, "policy", "show", shipped[i]);
        assert_null(strstr(first.out, "extends:"));
        write_text(path, sizeof(path), dir, "shown.yaml", first.out);
        CLI_EXPECT(&second, 0, "policy", "check", path);
        CLI_EXPECT(&second, 0, "policy", "show", path);
        assert_string_equal(first.out, second.out);
    }
    CLI_EXPECT(&first, STATUS_FAILED, "policy", "show", "no-such-policy");
    test_contains(first.err, "no-such-policy");
    CLI_EXPECT(&first, STATUS_FAILED, "policy", "show", "--", "--x");
    test_contains(first.err, "--x");
    cli_done(&first);
    cli_done(&second);
    free(dir);
}

/* Every file is looked at, whatever the one before it was like. */
static void test_check(void **state)
{
    struct cli cli = {0};
    char *dir = cli_dir(), good[4096], typo[4096], call[4096], loop[4096], json[4096];

    (void)state;
    write_text(good, sizeof(good), dir, "good.yaml", "about: fine\nextends: [default]\n");
    write_text(typo, sizeof(typo), dir, "typo.yaml", "extends: [default]\nlimits:\n  memroy: 1M\n");
    write_text(call, sizeof(call), dir, "call.yaml", "syscalls:\n  allow: [raed]\n");
    write_text(loop, sizeof(loop), dir, "loop.yaml", "extends: [./loop.yaml]\n");
    write_text(json, sizeof(json), dir, "fine.json", "{\"extends\": [\"strict\"]}\n");
    CLI_EXPECT(&cli, 0, "policy", "check", good, json);
    assert_string_equal(cli.out, "");
    assert_string_equal(cli.err, "");
    CLI_EXPECT(&cli, STATUS_INVALID, "policy", "check", typo, good, call, loop);
    test_contains(cli.err, "typo.yaml:3:3: unknown key 'limits.memroy', did you mean 'memory'?");
    test_contains(cli.err, "call.yaml:2:");
    test_contains(cli.err, "'raed'");
    test_contains(cli.err, "loop.yaml");
    assert_int_equal(cli_lines(cli.err, "crib: "), 3);
    cli_done(&cli);
    free(dir);
}

/* What is no policy file at all is one line each; nothing waits and nothing is read for ever. */
static void test_check_strange_files(void **state)
{
    static const unsigned char noise[] = {0x7f, 'E', 'L', 'F', 0, 1, 2, 0xff};
    struct cli cli = {0};
    char *dir = cli_dir(), fifo[4096], large[4096], binary[4096], missing[4096];
    int fd;

    (void)state;
    snprintf(fifo, sizeof(fifo), "%s/fifo.yaml", dir);
    snprintf(large, sizeof(large), "%s/large.yaml", dir);
    snprintf(binary, sizeof(binary), "%s/binary.yaml", dir);
    snprintf(missing, sizeof(missing), "%s/missing.yaml", dir);
    assert_int_equal(mkfifo(fifo, 0666), 0);
    fd = open(large, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(ftruncate(fd, 100 << 20), 0);
    close(fd);
    test_write(binary, noise, sizeof(noise), 0644);
    CLI_EXPECT(&cli, STATUS_INVALID, "policy", "check", dir, fifo, large, binary, missing,
               "/dev/zero", "/dev/null");
    assert_true(cli_lines(cli.err, "crib: ") >= 6);
    assert_int_equal(cli_lines(cli.err, "crib: "), cli_lines(cli.err, ""));
    test_contains(cli.err, fifo);
    test_contains(cli.err, large);
    test_contains(cli.err, binary);
    test_contains(cli.err, missing);
    cli_done(&cli);
    free(dir);
}

/* A file is used as it is by run; one that is wrong is told with its place. */
static void test_run_with_a_file(void **state)
{
    struct cli cli = {0};
    char *dir = cli_dir(), path[4096];

    (void)state;
    write_text(path, sizeof(path), dir, "mine.yaml",
               "extends: [default]\nenv: {set: [MINE=yes]}\n");
    CLI_EXPECT(&cli, 0, "exec", "-p", path, "echo $MINE");
    assert_string_equal(cli.out, "yes\n");
    write_text(path, sizeof(path), dir, "mine.yaml", "extends: [default]\nenv: {sett: [A=b]}\n");
    CLI_EXPECT(&cli, STATUS_FAILED, "exec", "-p", path, "echo $MINE");
    test_contains(cli.err, "mine.yaml:2:7: unknown key 'env.sett', did you mean 'set'?");
    cli_done(&cli);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_show),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_check_strange_files),
        cmocka_unit_test(test_run_with_a_file),
    };

    return test_run(tests);
}
