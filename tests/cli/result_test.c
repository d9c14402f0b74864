/* SPDX-License-Identifier: Apache-2.0 */
/* --json: the result as one line that a task cannot forge. */
#include "cli/cli.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "task.pb-c.h"
#include "text/text.h"

#define JSON "--json", "--result-fd", "9"

/* Reads the one line back through the schema. */
static Crib__Result *read_result(const struct cli *cli, struct arena *arena)
{
    struct crib_error err = {0};
    ProtobufCMessage *msg = NULL;
    char text[1024];

    assert_int_equal(cli_lines(cli->result, ""), 1);
    assert_int_equal(cli->result[strlen(cli->result) - 1], '\n');
    arena_init(arena, 0);
    if (text_read(&crib__result__descriptor, "result", cli->result, strlen(cli->result), arena,
                  NULL, &msg, &err) < 0)
        fail_msg("%s\n%s", crib_error_text(&err, text, sizeof(text)), cli->result);
    return (Crib__Result *)msg;
}

static void test_exited(void **state)
{
    struct cli cli = {.want_result = true};
    struct arena arena;
    Crib__Result *result;

    (void)state;
    CLI_EXPECT(&cli, 7, "run", JSON, "sh", "-c", "exit 7");
    result = read_result(&cli, &arena);
    assert_int_equal(result->verdict, CRIB__RESULT__VERDICT__exited);
    assert_int_equal(result->status, 7);
    assert_true(result->pid > 0);
    assert_non_null(result->usage);
    assert_true(result->usage->wall_time > 0);
    assert_true(result->n_receipt > 3);
    assert_null(result->error);
    arena_done(&arena);
    cli_done(&cli);
}

static void test_signaled_and_timed_out(void **state)
{
    struct cli cli = {.want_result = true};
    struct arena arena;
    Crib__Result *result;

    (void)state;
    CLI_EXPECT(&cli, 128 + SIGTERM, "exec", JSON, "kill -TERM $$");
    result = read_result(&cli, &arena);
    assert_int_equal(result->verdict, CRIB__RESULT__VERDICT__signaled);
    assert_int_equal(result->signal, SIGTERM);
    arena_done(&arena);
    CLI_EXPECT(&cli, STATUS_TIMEOUT, "run", JSON, "--timeout", "200ms", "sleep", "50");
    result = read_result(&cli, &arena);
    assert_int_equal(result->verdict, CRIB__RESULT__VERDICT__wall_timeout);
    arena_done(&arena);
    cli_done(&cli);
}

/* A status that is also one of ours is told apart here. */
static void test_tells_125_from_125(void **state)
{
    struct cli cli = {.want_result = true};
    struct arena arena;
    Crib__Result *result;

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "exec", JSON, "exit 125");
    result = read_result(&cli, &arena);
    assert_int_equal(result->verdict, CRIB__RESULT__VERDICT__exited);
    arena_done(&arena);
    CLI_EXPECT(&cli, STATUS_FAILED, "run", JSON, "-C", "/no/such/directory", "true");
    result = read_result(&cli, &arena);
    assert_int_equal(result->verdict, CRIB__RESULT__VERDICT__setup_failed);
    assert_string_equal(result->error->step, "cwd");
    test_contains(result->error->text, "/no/such/directory");
    arena_done(&arena);
    CLI_EXPECT(&cli, STATUS_FAILED, "run", JSON, "-p", "no-such-policy", "true");
    result = read_result(&cli, &arena);
    assert_int_equal(result->verdict, CRIB__RESULT__VERDICT__setup_failed);
    test_contains(result->error->text, "no-such-policy");
    arena_done(&arena);
    cli_done(&cli);
}

static void test_not_found(void **state)
{
    struct cli cli = {.want_result = true};
    struct arena arena;
    Crib__Result *result;

    (void)state;
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "run", JSON, "no-such-program-here");
    result = read_result(&cli, &arena);
    assert_int_equal(result->verdict, CRIB__RESULT__VERDICT__setup_failed);
    test_contains(result->error->text, "no-such-program-here");
    arena_done(&arena);
    cli_done(&cli);
}

static void test_denials(void **state)
{
    struct cli cli = {.want_result = true};
    struct arena arena;
    Crib__Result *result;

    (void)state;
    CLI_EXPECT(&cli, 0, "exec", "-q", JSON, "unshare -n true 2>/dev/null; true");
    result = read_result(&cli, &arena);
    assert_int_equal(result->n_denials, 1);
    assert_string_equal(result->denials[0]->call, "unshare");
    assert_string_equal(result->denials[0]->answer, "EPERM");
    arena_done(&arena);
    cli_done(&cli);
}

/* The task tries every descriptor it could have. */
static void test_cannot_be_forged(void **state)
{
    struct cli cli = {.want_result = true};
    struct arena arena;
    Crib__Result *result;

    (void)state;
    CLI_EXPECT(&cli, 1, "exec", JSON,
               "for fd in 3 4 5 6 7 8 9; do (eval \"echo '{\\\"status\\\":0}' >&$fd\") 2>/dev/null;"
               " done; exit 1");
    result = read_result(&cli, &arena);
    assert_int_equal(result->status, 1);
    arena_done(&arena);
    cli_done(&cli);
}

/* Bad usage has no result: nothing was asked for yet. */
static void test_no_result_of_bad_usage(void **state)
{
    struct cli cli = {.want_result = true};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "run", JSON);
    assert_string_equal(cli.result, "");
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exited),
        cmocka_unit_test(test_signaled_and_timed_out),
        cmocka_unit_test(test_tells_125_from_125),
        cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_denials),
        cmocka_unit_test(test_cannot_be_forged),
        cmocka_unit_test(test_no_result_of_bad_usage),
    };

    return test_run(tests);
}
