/* SPDX-License-Identifier: Apache-2.0 */
/* --why under a daemon: it looks at nothing for its clients, and they tell only what they see. */
#include "cli/daemon.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"

static void write_secret(char path[512])
{
    char *dir = cli_dir();
    FILE *file;

    snprintf(path, 512, "%s/secret", dir);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    free(dir);
}

static void must_tell(const struct cli *cli, const char *path)
{
    char line[1024];

    snprintf(line, sizeof(line), "crib: denied: openat(%s) to read: ", path);
    test_contains(cli->err, line);
}

/* What is told later was looked for then, not when it happened. */
static void test_of_a_detached_task(void **state)
{
    char path[512], missing[600], *task;
    struct cli cli = {0};

    (void)state;
    write_secret(path);
    snprintf(missing, sizeof(missing), "%s/no/such/file", path);
    daemon_begin(NULL);
    task = DAEMON_DETACH("--why", "cat", path, missing);
    CLI_EXPECT(&cli, 1, "wait", task);
    must_tell(&cli, path);
    test_contains(cli.err, "mounts: [{target: ");
    assert_null(strstr(cli.err, "no/such/file) to read"));
    free(task);

    task = DAEMON_DETACH("--why", "cat", path, missing);
    cribd_wait(&cribd, strtoull(task, NULL, 10), CRIB__TASK_STATE__ENDED);
    assert_int_equal(unlink(path), 0);
    CLI_EXPECT(&cli, 1, "wait", task);
    assert_null(strstr(cli.err, ") to read: "));
    free(task);
    daemon_end();
    cli_done(&cli);
}

/* The result is the daemon's word: what it did not look at is not in it; what it knows is. */
static void test_of_the_result(void **state)
{
    char path[512], *task;
    struct cli cli = {0};

    (void)state;
    write_secret(path);
    daemon_begin(NULL);
    task = daemon_detach(
        (const char *const[]){"--why", "sh", "-c", "cat \"$0\"; mkdir /usr/x", path, NULL});
    cribd_wait(&cribd, strtoull(task, NULL, 10), CRIB__TASK_STATE__ENDED);
    CLI_EXPECT(&cli, 0, "inspect", task);
    assert_null(strstr(cli.out, ") to read: "));
    test_contains(cli.out, "mkdir(/usr/x) to make: the mount at /usr is read-only");
    free(task);
    daemon_end();
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_a_detached_task),
        cmocka_unit_test(test_of_the_result),
    };

    setenv("LC_ALL", "C", 1);
    return test_run(tests);
}
