/* SPDX-License-Identifier: Apache-2.0 */
/* crib cluster: what a signal does, also while everybody asks; and what becomes of the workers. */
#include "cli/clustering.h"

#define JSON "--events", "json"

static void say(struct cli *cli, int signo)
{
    assert_int_equal(kill(cli->pid, signo), 0);
}

/* --- SIGHUP --- */

static unsigned told(struct cli *cli, const char *event)
{
    char *text = cluster_text(cli->out_fd), part[64];
    unsigned count;

    snprintf(part, sizeof(part), "{\"event\":\"%s\"", event);
    count = cluster_count(text, part);
    free(text);
    return count;
}

#define ROUNDS 3

static void ask_and_restart(struct cli *cli)
{
    uint64_t end = clock_us() + 2 * CLUSTER_PATIENCE_MS * 1000ull;

    cluster_until(cli, "listening", 2);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        say(cli, SIGHUP);
        while (told(cli, "restarted") < round) {
            cluster_who(cli); /* not one may fail */
            if (clock_us() > end) {
                kill(cli->pid, SIGKILL);
                fail_msg("no end of a restart: %s", cluster_text(cli->out_fd));
            }
        }
        assert_true(cluster_who(cli) > 2 * round);
    }
    say(cli, SIGTERM);
}

static void check_restarts(struct cli *cli)
{
    cluster_valid(cli->out);
    assert_int_equal(cluster_count(cli->out, "{\"event\":\"restart\""), ROUNDS);
    assert_int_equal(cluster_count(cli->out, "{\"event\":\"fork\""), 2 + 2 * ROUNDS);
    assert_int_equal(cluster_count(cli->out, "\"left\":true"), 2 + 2 * ROUNDS);
    assert_null(strstr(cli->out, "{\"event\":\"error\""));
}

static void test_restart(void **state)
{
    struct cli cli = {.meanwhile = ask_and_restart, .before = cluster_mortal};
    char *script = cluster_script(cluster_server);

    (void)state;
    CLI_EXPECT(&cli, 0, "cluster", "-n2", JSON, script);
    check_restarts(&cli);
    CLI_EXPECT(&cli, 0, "cluster", "-n2", JSON, "--allow", LOOPBACK ",round-robin",
               cli_program("worker"), "listen", "tcp:127.0.0.1:0", "any", "serve");
    check_restarts(&cli);
    CLI_EXPECT(&cli, 0, "cluster", "-n2", JSON, cli_program("worker"), "listen", "tcp:127.0.0.1:0",
               "socket", "serve");
    check_restarts(&cli);
    cli_done(&cli);
    free(script);
}

/* One that comes while workers are replaced is not forgotten. */
static void restart_twice(struct cli *cli)
{
    cluster_until(cli, "listening", 2);
    say(cli, SIGHUP);
    cluster_until(cli, "restart", 1);
    say(cli, SIGHUP);
    cluster_until(cli, "restart", 2);
    cluster_until(cli, "exit", 4);
    cluster_until(cli, "listening", 6);
    assert_true(cluster_who(cli) > 4);
    say(cli, SIGTERM);
}

static void test_restart_twice(void **state)
{
    struct cli cli = {.meanwhile = restart_twice, .before = cluster_mortal};
    char *script = cluster_script(cluster_server);

    (void)state;
    CLI_EXPECT(&cli, 0, "cluster", "-n2", JSON, script);
    cli_done(&cli);
    free(script);
}

static char *changed;

static void break_script(struct cli *cli)
{
    char *text;

    cluster_until(cli, "listening", 1);
    test_write(changed, "process.exit(1)", 15, 0644);
    say(cli, SIGHUP);
    cluster_until(cli, "error", 1);
    text = cluster_text(cli->out_fd);
    assert_non_null(strstr(text, "\"code\":-10,\"step\":\"restart\""));
    free(text);
    assert_int_equal(cluster_who(cli), 1);
    test_write(changed, cluster_server, strlen(cluster_server), 0644);
    say(cli, SIGHUP);
    cluster_until(cli, "restarted", 1);
    assert_int_equal(cluster_who(cli), 3);
    say(cli, SIGTERM);
}

/* A successor that fails leaves the others alone. */
static void test_restart_of_what_is_broken(void **state)
{
    struct cli cli = {.meanwhile = break_script, .before = cluster_mortal};

    (void)state;
    changed = cluster_script(cluster_server);
    CLI_EXPECT(&cli, 0, "cluster", "-n1", JSON, changed);
    cli_done(&cli);
    free(changed);
}

/* --- SIGTTIN, SIGTTOU --- */

static void more_and_fewer(struct cli *cli)
{
    cluster_until(cli, "listening", 1);
    say(cli, SIGTTIN);
    cluster_until(cli, "listening", 2);
    say(cli, SIGTTOU);
    cluster_until(cli, "exit", 1);
    assert_int_equal(cluster_number(cli, "exit", 0, "worker"), 1); /* the oldest */
    assert_int_equal(cluster_who(cli), 2);
    say(cli, SIGTTOU); /* one stays */
    say(cli, SIGHUP);
    cluster_until(cli, "restarted", 1);
    say(cli, SIGTTIN);
    cluster_until(cli, "scale", 3);
    assert_int_equal(cluster_number(cli, "scale", 0, "wanted"), 2);
    assert_int_equal(cluster_number(cli, "scale", 1, "wanted"), 1);
    assert_int_equal(cluster_number(cli, "scale", 2, "wanted"), 2);
    say(cli, SIGTERM);
}

static void test_more_and_fewer(void **state)
{
    struct cli cli = {.meanwhile = more_and_fewer, .before = cluster_mortal};
    char *script = cluster_script(cluster_server);

    (void)state;
    CLI_EXPECT(&cli, 0, "cluster", "-n1", JSON, script);
    cluster_valid(cli.out);
    assert_int_equal(cluster_count(cli.out, "{\"event\":\"scale\""), 3);
    cli_done(&cli);
    free(script);
}

/* --- what the caller has us ignore --- */

static int without_hup(void)
{
    int r = cluster_mortal();

    signal(SIGHUP, SIG_IGN);
    return r;
}

static int without_ttin(void)
{
    int r = cluster_mortal();

    signal(SIGTTIN, SIG_IGN);
    return r;
}

static void say_hup_and_ttin(struct cli *cli)
{
    cluster_until(cli, "listening", 1);
    say(cli, SIGHUP);
    say(cli, SIGTTIN);
    if (cli->before == without_hup)
        cluster_until(cli, "listening", 2);
    else
        cluster_until(cli, "restarted", 1);
    say(cli, SIGTERM);
}

static void test_ignored(void **state)
{
    struct cli cli = {.meanwhile = say_hup_and_ttin, .before = without_hup};
    char *script = cluster_script(cluster_server);

    (void)state;
    CLI_EXPECT(&cli, 0, "cluster", "-n1", JSON, script);
    assert_null(strstr(cli.out, "restart"));
    cli.before = without_ttin;
    CLI_EXPECT(&cli, 0, "cluster", "-n1", JSON, script);
    assert_null(strstr(cli.out, "scale"));
    cli_done(&cli);
    free(script);
}

/* --- the end --- */

static int first_signal, second_signal;

static void stop(struct cli *cli)
{
    cluster_until(cli, "listening", 2);
    say(cli, first_signal);
}

static void test_stop(void **state)
{
    struct cli cli = {.meanwhile = stop, .before = cluster_mortal};
    char *script = cluster_script(cluster_server);

    (void)state;
    first_signal = SIGTERM;
    CLI_EXPECT(&cli, 0, "cluster", "-n2", JSON, script);
    first_signal = SIGINT;
    CLI_EXPECT(&cli, 0, "cluster", "-n2", JSON, script);
    cli_done(&cli);
    free(script);
}

/* Busy for good as soon as it serves. */
static const char stubborn[] = "const server = require('http').createServer(() => 0);\n"
                               "server.listen(0, '127.0.0.1', () => process.send('now', () => {\n"
                               "    for (;;);\n"
                               "}));\n";

static void stop_twice(struct cli *cli)
{
    cluster_until(cli, "listening", 1);
    cluster_until(cli, "message", 1);
    say(cli, first_signal);
    cluster_until(cli, "stop", 1);
    if (second_signal)
        say(cli, second_signal);
}

static void test_stop_twice(void **state)
{
    struct cli cli = {.meanwhile = stop_twice, .before = cluster_mortal};
    char *script = cluster_script(stubborn);

    (void)state;
    first_signal = SIGTERM;
    second_signal = SIGINT;
    CLI_EXPECT(&cli, STATUS_SIGNAL + SIGINT, "cluster", "-n1", "--grace=1h", JSON, script);
    assert_int_equal(cluster_count(cli.out, "\"signal\":9,"), 1);
    first_signal = SIGINT;
    second_signal = SIGTERM;
    CLI_EXPECT(&cli, STATUS_SIGNAL + SIGTERM, "cluster", "-n1", "--grace=1h", JSON, script);
    cluster_valid(cli.out);
    second_signal = 0;
    CLI_EXPECT(&cli, 0, "cluster", "-n1", "--grace=100ms", JSON, script);
    assert_int_equal(cluster_count(cli.out, "\"signal\":9,"), 1);
    cli_done(&cli);
    free(script);
}

/* Whenever it comes: before anything is there, too. */
static void stop_early(struct cli *cli)
{
    usleep(cli->pause_us);
    say(cli, SIGTERM);
}

static void test_stop_early(void **state)
{
    struct cli cli = {.meanwhile = stop_early, .before = cluster_mortal};
    char *script = cluster_script(cluster_server);

    (void)state;
    for (cli.pause_us = 0; cli.pause_us < 300000; cli.pause_us = cli.pause_us * 3 / 2 + 1000) {
        CLI(&cli, "cluster", "-n2", JSON, script);
        if (cli.status != 0)
            assert_int_equal(cli.status, 1000 + SIGTERM); /* it was no cluster yet */
        cluster_valid(cli.out);
        assert_int_equal(cluster_count(cli.out, "{\"event\":\"fork\""),
                         cluster_count(cli.out, "{\"event\":\"exit\""));
    }
    cli_done(&cli);
    free(script);
}

static long workers[2];
static struct cli served;

static void die(struct cli *cli)
{
    cluster_until(cli, "listening", 2);
    for (unsigned i = 0; i < 2; i++)
        workers[i] = cluster_number(cli, "fork", i, "pid");
    say(cli, SIGKILL);
    served = *cli;
    served.out_fd = dup(cli->out_fd);
}

/* Whoever was its parent may not have reaped it. */
static bool is_dead(long pid)
{
    char path[64], state = 'X';
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    file = fopen(path, "re");
    if (!file)
        return true;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = 'X';
    fclose(file);
    return state == 'Z' || state == 'X';
}

static void test_death(void **state)
{
    struct cli cli = {.meanwhile = die, .before = cluster_mortal};
    char *scripts[] = {cluster_script(cluster_server), cluster_script(stubborn)};

    (void)state;
    for (int i = 0; i < 2; i++) {
        uint64_t end = clock_us() + CLUSTER_PATIENCE_MS * 1000ull;

        CLI_EXPECT(&cli, 1000 + SIGKILL, "cluster", "-n2", JSON, scripts[i]);
        while (!is_dead(workers[0]) || !is_dead(workers[1])) {
            assert_true(clock_us() < end);
            usleep(2000);
        }
        assert_int_equal(cluster_connect(&served), -ECONNREFUSED);
        fd_close(&served.out_fd);
        free(scripts[i]);
    }
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_restart_twice),
        cmocka_unit_test(test_restart_of_what_is_broken),
        cmocka_unit_test(test_more_and_fewer),
        cmocka_unit_test(test_ignored),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stop_twice),
        cmocka_unit_test(test_stop_early),
        cmocka_unit_test(test_death),
    };

    return test_run(tests);
}
