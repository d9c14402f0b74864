/* SPDX-License-Identifier: Apache-2.0 */
/* examples/cluster_http.c does what it says, and no request is lost by it. */
#include "examples/serving.h"

#define SERVED_AT_ONCE 40

/* Beside this program, where the suite was copied into one directory. */
static const char *example(void)
{
    static char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);

    assert_true(n > 0);
    path[n] = '\0';
    *strrchr(path, '/') = '\0';
    setenv("LD_LIBRARY_PATH", path, 1);
    strcat(path, "/cluster_http");
    if (access(path, X_OK) != 0) {
        unsetenv("LD_LIBRARY_PATH");
        snprintf(path, sizeof(path), "%s/cluster_http", EXAMPLES_DIR);
    }
    return path;
}

static void run(struct cli *cli, const char *address, int expected)
{
    cli->program = example();
    CLI_EXPECT(cli, expected, address, "2");
}

/* Of neither half. A sanitizer may have something to say of a place without /proc. */
static void no_complaint(const struct cli *cli)
{
    if (strstr(cli->err, "cluster_http"))
        fail_msg("it complains: %s", cli->err);
}

/* Whoever has had three leaves, and another one comes. */
static void six_for_each(struct cli *cli)
{
    unsigned request, gone = 0;

    serving_until(cli, "listening ", 2);
    while (gone < 3) {
        assert_int_equal(sscanf(serving_ask(cli), "worker %*u, request %u\n", &request), 1);
        assert_in_range(request, 1, 3);
        if (request == 3)
            serving_until(cli, "exit ", ++gone);
    }
    serving_until(cli, "listening ", 5);
    kill(cli->pid, SIGTERM);
}

static void test_workers_leave_after_three(void **state)
{
    struct cli cli = {.meanwhile = six_for_each};

    (void)state;
    run(&cli, "tcp:127.0.0.1:0", 0);
    assert_int_equal(cli_lines(cli.out, "fork "), 5);
    assert_int_equal(cli_lines(cli.out, "online "), 5);
    assert_int_equal(cli_lines(cli.out, "disconnect "), 5);
    assert_int_equal(cli_lines(cli.out, "exit "), 5);
    assert_null(strstr(cli.out, "fell"));
    assert_int_equal(cli_lines(cli.out, "denied "), 0);
    test_contains(cli.out, ", request 3\n"); /* of whoever was quicker */
    no_complaint(&cli);
    cli_done(&cli);
}

/* All at once, so that more come than those who are there may have. */
static void all_at_once(struct cli *cli)
{
    int fds[SERVED_AT_ONCE];

    serving_until(cli, "listening ", 2);
    for (int i = 0; i < SERVED_AT_ONCE; i++)
        fds[i] = serving_connect(cli);
    for (int i = 0; i < SERVED_AT_ONCE; i++)
        assert_int_equal(send(fds[i], SERVING_GET, strlen(SERVING_GET), MSG_NOSIGNAL),
                         strlen(SERVING_GET));
    for (int i = 0; i < SERVED_AT_ONCE; i++)
        test_contains(serving_answer(fds[i]), ", request ");
    kill(cli->pid, SIGTERM);
}

static void test_no_request_is_lost(void **state)
{
    struct cli cli = {.meanwhile = all_at_once};

    (void)state;
    run(&cli, "tcp:127.0.0.1:0", 0);
    assert_int_equal(cli_lines(cli.out, "message "), SERVED_AT_ONCE);
    assert_null(strstr(cli.out, "fell"));
    no_complaint(&cli);
    cli_done(&cli);
}

static void replace_all(struct cli *cli)
{
    serving_until(cli, "listening ", 2);
    kill(cli->pid, SIGHUP);
    for (int i = 0; i < 4; i++)
        test_contains(serving_ask(cli), ", request ");
    serving_until(cli, "restarted", 1);
    kill(cli->pid, SIGINT);
}

static void test_replacing_all(void **state)
{
    struct cli cli = {.meanwhile = replace_all};

    (void)state;
    run(&cli, "tcp:127.0.0.1:0", 0);
    assert_null(strstr(cli.out, "fell"));
    no_complaint(&cli);
    cli_done(&cli);
}

/* Not an address at all, and one that nobody may have: both are told, and the end of it. */
static void test_what_cannot_be_served(void **state)
{
    struct cli cli = {0};

    (void)state;
    run(&cli, "http://localhost/", 1);
    test_contains(cli.err, "http://localhost/");
    run(&cli, "tcp:192.0.2.1:0", 1); /* for documents only */
    test_contains(cli.err, "192.0.2.1");
    test_contains(cli.err, "no more workers are started");
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers_leave_after_three),
        cmocka_unit_test(test_no_request_is_lost),
        cmocka_unit_test(test_replacing_all),
        cmocka_unit_test(test_what_cannot_be_served),
    };

    return test_run(tests);
}
