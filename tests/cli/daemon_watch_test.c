/* SPDX-License-Identifier: Apache-2.0 */
/* What a site sees of its daemon: log lines without secrets, and numbers that are right. */
#include "cli/daemon.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/command.h"
#include "node/json.h"

static void begin_watched(char *path, size_t size)
{
    char *dir = test_dir(), site[1024];

    snprintf(path, size, "%s/metrics", dir);
    snprintf(site, sizeof(site),
             "rules:\n- {policies: ['*'], widest: '*', binds: write}\n"
             "metrics: unix:%s\nlog_level: debug\n",
             path);
    daemon_begin(site);
    free(dir);
}

static char *scrape(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char *text = calloc(1, 65536);
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t len = 0;
    ssize_t n;

    assert_non_null(text);
    assert_true(sock >= 0 && strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    assert_int_equal(connect(sock, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(write(sock, "GET / HTTP/1.0\r\n\r\n", 18), 18);
    while ((n = read(sock, text + len, 65535 - len)) > 0)
        len += (size_t)n;
    assert_int_equal(n, 0);
    close(sock);
    return text;
}

/* Return: what is behind a name at the start of a line. */
static unsigned long long number(const char *text, const char *name)
{
    char line[128];
    const char *at;

    snprintf(line, sizeof(line), "\n%s ", name);
    at = strstr(text, line);
    if (!at)
        fail_msg("no %s in %s", name, text);
    return strtoull(at + strlen(line), NULL, 10);
}

static void test_metrics(void **state)
{
    char path[256], *text, *task;
    struct cli cli = {0};

    (void)state;
    begin_watched(path, sizeof(path));
    CLI_EXPECT(&cli, 3, "run", "sh", "-c", "exit 3");
    task = DAEMON_DETACH("sh", "-c", "printf 1234567890; kill -KILL $$");
    CLI_EXPECT(&cli, 137, "wait", task);
    free(task);
    task = DAEMON_DETACH("sleep", "1000");
    cribd_wait(&cribd, strtoull(task, NULL, 10), CRIB__TASK_STATE__RUNNING);
    CLI_EXPECT(&cli, STATUS_FAILED, "inspect", "999");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "-p", "no-such-policy", "true");
    text = scrape(path);
    assert_int_equal(number(text, "crib_tasks_started_total"), 3);
    assert_int_equal(number(text, "crib_tasks_ended_total{verdict=\"exited\"}"), 1);
    assert_int_equal(number(text, "crib_tasks_ended_total{verdict=\"signaled\"}"), 1);
    assert_int_equal(number(text, "crib_tasks"), 1);
    assert_int_equal(number(text, "crib_start_seconds_count"), 3);
    assert_int_equal(number(text, "crib_start_seconds_bucket{le=\"+Inf\"}"), 3);
    assert_int_equal(number(text, "crib_stream_bytes_total"), 10);
    assert_int_equal(number(text, "crib_requests_refused_total{code=\"NotFound\"}"), 2);
    assert_true(number(text, "crib_requests_total") >= 5);
    assert_true(number(text, "crib_received_bytes_total") > 100);
    assert_true(number(text, "crib_sent_bytes_total") > 100);
    assert_int_equal(number(text, "crib_log_lines_dropped_total"), 0);
    free(text);
    CLI_EXPECT(&cli, 0, "kill", task);
    CLI_EXPECT(&cli, 143, "wait", task);
    text = scrape(path);
    assert_int_equal(number(text, "crib_tasks"), 0);
    free(text);
    free(task);
    cli_done(&cli);
    daemon_end();
}

/* Every line is JSON; no argument and no variable's value is in any, whether it ran or not. */
static void test_log(void **state)
{
    struct cli cli = {0};
    char path[256], *log, *line, *rest;

    (void)state;
    begin_watched(path, sizeof(path));
    setenv("LANG", "hunter2", 1);
    CLI_EXPECT(&cli, 3, "run", "-e", "TOKEN=hunter2", "sh", "-c", "exit 3", "--password=hunter2");
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "run", "-e", "TOKEN=hunter2", "/no/such", "hunter2");
    setenv("LANG", "C", 1);
    log = test_read(cribd.log, NULL);
    assert_null(strstr(log, "hunter2"));
    test_contains(log, "\"event\":\"ready\"");
    test_contains(log, "\"event\":\"spawn\"");
    test_contains(log, "\"event\":\"end\"");
    test_contains(log, "\"event\":\"refused\"");
    rest = log;
    while ((line = strsep(&rest, "\n")) && *line)
        if (node_json_check((struct node_json){line, strlen(line)}) < 0)
            fail_msg("not JSON: %s", line);
    free(log);
    cli_done(&cli);
    daemon_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_log),
    };

    return test_run(tests);
}
