/* SPDX-License-Identifier: Apache-2.0 */
/* Under a daemon a denial names the same line: of the client's own file, or of the daemon's. */
#include "cli/daemon.h"

#include <stdio.h>

static void write_policy(char *path, size_t size, const char *dir, const char *text)
{
    snprintf(path, size, "%s/work.yaml", dir);
    test_write(path, text, strlen(text), 0644);
}

static void test_the_client_s_own_file(void **state)
{
    char *dir = cli_dir(), path[4096];
    struct cli cli = {.want_result = true};

    (void)state;
    write_policy(path, sizeof(path), dir,
                 "extends: [default]\n"
                 "syscalls:\n"
                 "  deny: [umask]\n"
                 "limits: {wall_time: 900ms}\n");
    daemon_begin(NULL);
    CLI_EXPECT(&cli, 124, "exec", "--json", "--result-fd", "9", "-p", path, "umask 077; sleep 60");
    test_contains(cli.err, "crib: denied: umask(mask=63): EPERM, by sh (pid ");
    test_contains(cli.err, "work.yaml:3:10: deny wins over allow");
    test_contains(cli.err, "crib: limit: wall_time of 900 ms: killed\n");
    test_contains(cli.err, "work.yaml:4:21: raise limits.wall_time\n");
    test_contains(cli.result, "work.yaml:3:10\"");
    test_contains(cli.result, "\"by\":\"limit\"");
    cli_done(&cli);
    daemon_end();
    free(dir);
}

static void test_a_policy_of_the_daemon(void **state)
{
    struct cli cli = {0};

    (void)state;
    daemon_begin(NULL);
    CLI_EXPECT(&cli, 0, "exec", "unshare -n true 2>/dev/null; true");
    test_contains(cli.err, "crib:   to allow it, in a policy that extends default: syscalls: "
                           "{allow: [\"unshare\"]}\n");
    cli_done(&cli);
    daemon_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_client_s_own_file),
        cmocka_unit_test(test_a_policy_of_the_daemon),
    };

    return test_run(tests);
}
