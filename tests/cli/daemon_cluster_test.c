/* SPDX-License-Identifier: Apache-2.0 */
/* crib cluster with a daemon: the primary is crib all the same, its workers are the daemon's. */
#include "cli/clustering.h"
#include "cli/daemon.h"

static void look_and_stop(struct cli *cli)
{
    struct cli ps = {0};

    cluster_until(cli, "listening", 2);
    for (int i = 0; i < 4; i++)
        cluster_who(cli);
    CLI_EXPECT(&ps, 0, "ps", "--socket", cribd.socket);
    assert_int_equal(cluster_count(ps.out, "script.js"), 2);
    cli_done(&ps);
    kill(cli->pid, SIGTERM);
}

static void test_its_workers(void **state)
{
    struct cli cli = {.meanwhile = look_and_stop, .before = cluster_mortal};
    char *script = cluster_script(cluster_server);

    (void)state;
    daemon_begin(NULL);
    unsetenv("CRIB_SOCKET");
    CLI_EXPECT(&cli, 0, "cluster", "-n2", "--events=json", "--socket", cribd.socket, script);
    cluster_valid(cli.out);
    assert_int_equal(cluster_count(cli.out, "\"left\":true"), 2);
    daemon_end();
    cli_done(&cli);
    free(script);
}

static void kill_daemon(struct cli *cli)
{
    cluster_until(cli, "listening", 2);
    cribd_kill(&cribd);
}

/* Without it there is nothing to start workers: that is told, and the end. */
static void test_it_dies(void **state)
{
    struct cli cli = {.meanwhile = kill_daemon, .before = cluster_mortal};
    char *script = cluster_script(cluster_server);

    (void)state;
    daemon_begin(NULL);
    CLI_EXPECT(&cli, STATUS_FAILED, "cluster", "-n2", "--crash-limit=4", "--events=json", script);
    cluster_valid(cli.out);
    assert_int_equal(cluster_count(cli.out, "{\"event\":\"exit\""), 2);
    test_contains(cli.err, "no more workers are started");
    cli.meanwhile = NULL;
    CLI_EXPECT(&cli, STATUS_FAILED, "cluster", script);
    test_contains(cli.err, cribd.socket);
    cribd_restart(&cribd);
    daemon_end();
    cli_done(&cli);
    free(script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_its_workers),
        cmocka_unit_test(test_it_dies),
    };

    return test_run(tests);
}
