/* SPDX-License-Identifier: Apache-2.0 */
/* crib plan: shows what run would do, and does nothing. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "plan.pb-c.h"
#include "text/text.h"

static Crib__Plan *read_plan(const char *text, struct arena *arena)
{
    struct crib_error err = {0};
    ProtobufCMessage *msg = NULL;
    char sentence[1024];

    arena_init(arena, 0);
    if (text_read(&crib__plan__descriptor, "plan", text, strlen(text), arena, NULL, &msg, &err) < 0)
        fail_msg("%s\n%s", crib_error_text(&err, sentence, sizeof(sentence)), text);
    return (Crib__Plan *)msg;
}

/* What is printed is the text of a Plan, and reads back as one. */
static void test_plan_is_a_plan(void **state)
{
    struct cli cli = {0};
    struct arena arena;
    Crib__Plan *plan;

    (void)state;
    CLI_EXPECT(&cli, 0, "plan", "-e", "A=b", "-C", "/usr", "--timeout", "10s", "--argv0", "-name",
               "cat", "--help", "file");
    assert_string_equal(cli.err, "");
    plan = read_plan(cli.out, &arena);
    assert_int_equal(plan->program->n_argv, 3);
    assert_string_equal(plan->program->argv[0].data, "-name");
    assert_string_equal(plan->program->argv[1].data, "--help");
    assert_string_equal(plan->program->cwd.data, "/usr");
    assert_int_equal(plan->life->timeout, 10000);
    assert_true(plan->n_mounts > 3);
    assert_true(plan->n_receipt > 3);
    arena_done(&arena);
    cli_done(&cli);
}

static void test_options_show(void **state)
{
    struct cli cli = {0};
    char *dir = cli_dir(), option[4200];

    (void)state;
    snprintf(option, sizeof(option), "%s:/mnt/here:rw", dir);
    CLI_EXPECT(&cli, 0, "plan", "--bind", option, "--tmpfs", "/scratch:3M", "true");
    test_contains(cli.out, "target: /mnt/here");
    test_contains(cli.out, "target: /scratch");
    test_contains(cli.out, "size: 3M");
    cli_done(&cli);
    free(dir);
}

/* The same question has the same answer, byte for byte. */
static void test_same_twice(void **state)
{
    struct cli first = {0}, second = {0};

    (void)state;
    CLI_EXPECT(&first, 0, "plan", "-p", "network", "cat");
    CLI_EXPECT(&second, 0, "plan", "-p", "network", "cat");
    assert_string_equal(first.out, second.out);
    cli_done(&first);
    cli_done(&second);
}

static void test_nothing_is_run(void **state)
{
    struct cli cli = {0};
    char *dir = cli_dir(), file[4096], option[4200];

    (void)state;
    snprintf(file, sizeof(file), "%s/made", dir);
    snprintf(option, sizeof(option), "%s:%s:rw", dir, dir);
    CLI_EXPECT(&cli, 0, "plan", "--bind", option, "touch", file);
    assert_int_not_equal(access(file, F_OK), 0);
    CLI_EXPECT(&cli, 0, "run", "--bind", option, "touch", file);
    assert_int_equal(access(file, F_OK), 0);
    cli_done(&cli);
    free(dir);
}

static void test_refusals(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "plan", "/no/such/program");
    test_contains(cli.err, "/no/such/program");
    CLI_EXPECT(&cli, STATUS_FAILED, "plan", "-p", "no-such-policy", "true");
    test_contains(cli.err, "no-such-policy");
    assert_string_equal(cli.out, "");
    cli.output_file = "/dev/full";
    CLI_EXPECT(&cli, STATUS_FAILED, "plan", "true");
    test_contains(cli.err, "stdout: No space left on device");
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_is_a_plan), cmocka_unit_test(test_options_show),
        cmocka_unit_test(test_same_twice),     cmocka_unit_test(test_nothing_is_run),
        cmocka_unit_test(test_refusals),
    };

    return test_run(tests);
}
