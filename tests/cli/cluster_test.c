/* SPDX-License-Identifier: Apache-2.0 */
/* crib cluster: what it tells, what it takes, what workers get; good ones and bad. */
#include "cli/clustering.h"

#include <fcntl.h>
#include <sys/stat.h>

#define JSON "--events", "json"

static void stop(struct cli *cli)
{
    kill(cli->pid, SIGTERM);
}

/* As soon as both serve. */
static void stop_two(struct cli *cli)
{
    cluster_until(cli, "listening", 2);
    stop(cli);
}

static void stop_after_message(struct cli *cli)
{
    cluster_until(cli, "message", 1);
    stop(cli);
}

/* --- events --- */

static void expect(const char *text, const char *event, unsigned which, const char *member,
                   const char *value)
{
    char got[1024] = "(none)";

    (void)cluster_member(text, event, which, member, got, sizeof(got));
    if (strcmp(got, value) != 0)
        fail_msg("%s of %s %u is %s, not %s:\n%s", member, event, which, got, value, text);
}

static const char *line_of(const char *text, const char *event, long worker)
{
    char start[128], number[64];

    snprintf(start, sizeof(start), "{\"event\":\"%s\"", event);
    snprintf(number, sizeof(number), ",\"worker\":%ld,", worker);
    for (const char *at = text; (at = strstr(at, start)); at++) {
        const char *found = strstr(at, number);

        if (found && found < strchr(at, '\n'))
            return at;
    }
    fail_msg("no %s of worker %ld:\n%s", event, worker, text);
    return NULL;
}

static void test_events(void **state)
{
    static const char *const events[] = {"fork", "online", "listening", "disconnect", "exit"};
    struct cli cli = {.meanwhile = stop_two, .before = cluster_mortal};
    char *script = cluster_script(cluster_server);

    (void)state;
    CLI_EXPECT(&cli, 0, "cluster", "-n", "2", JSON, script);
    cluster_valid(cli.out);
    assert_string_equal(cli.err, "");
    for (long worker = 1; worker <= 2; worker++)
        for (int i = 1; i < 5; i++)
            assert_true(line_of(cli.out, events[i - 1], worker) <
                        line_of(cli.out, events[i], worker));
    assert_int_equal(cluster_count(cli.out, "{\"event\":"), 5 * 2 + 1);
    for (unsigned i = 0; i < 2; i++) {
        expect(cli.out, "exit", i, "verdict", "\"exited\"");
        expect(cli.out, "exit", i, "status", "0");
        expect(cli.out, "exit", i, "left", "true");
        expect(cli.out, "exit", i, "signal", "(none)");
    }
    expect(cli.out, "stop", 0, "wanted", "0");
    expect(cli.out, "exit", 1, "running", "0");
    cli_done(&cli);
    free(script);
}

static void test_messages(void **state)
{
    struct cli cli = {.meanwhile = stop_after_message, .before = cluster_mortal};
    char *script = cluster_script("process.send({a: [1, 'ü'], b: {event: 'exit'}});\n" STAY);

    (void)state;
    CLI_EXPECT(&cli, 0, "cluster", "-n1", JSON, script);
    expect(cli.out, "message", 0, "message", "{\"a\":[1,\"ü\"],\"b\":{\"event\":\"exit\"}}");
    expect(cli.out, "message", 0, "type", "\"json\"");
    expect(cli.out, "message", 0, "worker", "1");
    free(script);

    /* A worker cannot say anything that is taken for another event. */
    cli.meanwhile = NULL;
    CLI_EXPECT(&cli, STATUS_FAILED, "cluster", "-n1", "--crash-limit=1", JSON,
               cli_program("module"), "odd");
    cluster_valid(cli.out);
    expect(cli.out, "message", 0, "message", "{\"a\":  [1,  2]}");
    expect(cli.out, "message", 1, "base64", "\"eyJhIjogMX0KeyJiIjogMn0=\"");
    expect(cli.out, "message", 2, "base64", "\"bm90IGpzb24=\"");
    expect(cli.out, "message", 3, "base64", "\"\"");
    expect(cli.out, "message", 4, "type", "\"te\\\"x\\u000at\"");
    expect(cli.out, "message", 5, "base64", "\"AAEC/w==\"");
    expect(cli.out, "message", 5, "message", "(none)");
    cli_done(&cli);
}

/* As soon as it serves and has read to the end. */
static void stop_one_at_its_end(struct cli *cli)
{
    int fd = cli->want_result ? cli->result_fd : cli->out_fd;

    free(cluster_until_at(cli, fd, "{\"event\":\"listening\"", 1));
    free(cluster_until_at(cli, fd, "{\"event\":\"message\"", 1));
    stop(cli);
}

/* Nobody who reads events reads what workers write. */
static void test_where_it_goes(void **state)
{
    struct cli cli = {.meanwhile = stop_one_at_its_end, .before = cluster_mortal};
    char *script = cluster_script("console.log('{\"event\":\"forged\"}');\n"
                                  "console.error('on stderr');\n"
                                  "require('http').createServer((q, s) => s.end('worker 1'))\n"
                                  "    .listen(0, '127.0.0.1');\n"
                                  "process.stdin.on('end', () => process.send('end')).resume();\n");

    (void)state;
    CLI_EXPECT(&cli, 0, "cluster", "-n1", JSON, script);
    cluster_valid(cli.out);
    assert_null(strstr(cli.out, "forged"));
    assert_int_equal(cli_lines(cli.err, "{\"event\":\"forged\"}"), 1);
    assert_int_equal(cli_lines(cli.err, "on stderr"), 1);
    expect(cli.out, "message", 0, "message", "\"end\"");
    cli.want_result = true;
    CLI_EXPECT(&cli, 0, "cluster", "-n1", JSON, "--events-fd", "9", script);
    cluster_valid(cli.result);
    assert_string_equal(cli.out, "{\"event\":\"forged\"}\n");
    assert_string_equal(cli.err, "on stderr\n");
    cli_done(&cli);
    free(script);
}

static void stop_by_text(struct cli *cli)
{
    free(cluster_until_at(cli, cli->err_fd, "listening on", 1));
    stop(cli);
}

static void test_for_people(void **state)
{
    struct cli cli = {.meanwhile = stop_by_text, .before = cluster_mortal};
    char *script = cluster_script(cluster_server), expected[1024];
    int pid, port;

    (void)state;
    CLI_EXPECT(&cli, 0, "cluster", "-n1", script);
    assert_string_equal(cli.out, "");
    pid = atoi(strstr(cli.err, "(pid ") + 5);
    port = atoi(strstr(cli.err, "127.0.0.1:") + 10);
    snprintf(expected, sizeof(expected),
             "crib: worker 1 (pid %d) started\n"
             "crib: worker 1 (pid %d) online\n"
             "crib: worker 1 (pid %d) listening on tcp:127.0.0.1:%d\n"
             "crib: stopping\n"
             "crib: worker 1 (pid %d) disconnected\n"
             "crib: worker 1 (pid %d) left\n",
             pid, pid, pid, port, pid, pid);
    assert_string_equal(cli.err, expected);
    cli_done(&cli);
    free(script);
}

/* Each way to end, in words; and what is a crash is counted as one. */
static void test_ways_to_end(void **state)
{
    struct cli cli = {.before = cluster_mortal};
    char *script = cluster_script("const w = require('cluster').worker;\n"
                                  "[() => process.exit(3), () => process.abort(),\n"
                                  " () => w.disconnect(), () => nothing.at.all()]\n"
                                  "[w.id < 4 ? w.id - 1 : 3]();\n");

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "cluster", "-n1", "--crash-limit=4", script);
    test_contains(cli.err, ") exited with 3\n");
    test_contains(cli.err, ") killed by SIGABRT\n");
    test_contains(cli.err, ") left\n");
    test_contains(cli.err, ") exited with 1\n");
    test_contains(cli.err, "crib: error: cluster ");
    test_contains(cli.err, ": 4 crashes within 60 s: no more workers are started\n");
    CLI_EXPECT(&cli, STATUS_FAILED, "cluster", "-n1", "--crash-limit=2", JSON, script);
    expect(cli.out, "exit", 0, "status", "3");
    expect(cli.out, "exit", 0, "left", "false");
    expect(cli.out, "exit", 1, "signal", "6");
    expect(cli.out, "exit", 1, "verdict", "\"signaled\"");
    cli_done(&cli);
    free(script);
}

/* --- the end, where crib cannot go on --- */

static void test_crash_loop(void **state)
{
    struct cli cli = {.before = cluster_mortal};
    char *script = cluster_script("process.exit(1);\n"), got[1024];

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "cluster", "-n2", "--crash-limit=4", JSON, script);
    cluster_valid(cli.out);
    assert_true(cluster_member(cli.out, "error", 0, "error", got, sizeof(got)));
    test_contains(got, "{\"code\":-40,\"step\":\"cluster\",\"text\":\"cluster ");
    expect(cli.out, "error", 0, "worker", "(none)");
    test_contains(cli.err, "no more workers are started");
    CLI_EXPECT(&cli, STATUS_FAILED, "cluster", "-q", "-n2", "--crash-limit=4", script);
    assert_int_equal(cli_lines(cli.err, ""), 1);
    test_contains(cli.err, "no more workers are started");
    cli_done(&cli);
    free(script);
}

static void go_on_with_one(struct cli *cli)
{
    cluster_until(cli, "error", 1);
    for (int i = 0; i < 5; i++)
        assert_int_equal(cluster_who(cli), 1);
    stop(cli);
}

static void test_crash_loop_beside_one_that_serves(void **state)
{
    struct cli cli = {.meanwhile = go_on_with_one, .before = cluster_mortal};
    char *script = NULL, *text = NULL;

    (void)state;
    assert_true(asprintf(&text, "if (require('cluster').worker.id > 1) process.exit(1);\n%s",
                         cluster_server) > 0);
    script = cluster_script(text);
    CLI_EXPECT(&cli, 0, "cluster", "-n2", "--crash-limit=3", JSON, script);
    expect(cli.out, "stop", 0, "running", "1");
    expect(cli.out, "exit", 3, "worker", "1");
    expect(cli.out, "exit", 3, "running", "0");
    cli_done(&cli);
    free(script);
    free(text);
}

static void test_no_module(void **state)
{
    struct cli cli = {.before = cluster_mortal};
    char *dir = cli_dir(), file[4096], policy[4096], got[1024];

    (void)state;
    snprintf(file, sizeof(file), "%s/plain", dir);
    snprintf(policy, sizeof(policy), "%s/policy.yaml", dir);
    test_write(file, "x", 1, 0644);
    test_write(policy, "about: x\nlisten: [nonsense]\n", 27, 0644);
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "cluster", "/no/such/module");
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "cluster", "/no/such/script.js");
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "cluster", "-n1", "-q", "no-such-name");
    CLI_EXPECT(&cli, STATUS_UNRUNNABLE, "cluster", file);
    CLI_EXPECT(&cli, STATUS_FAILED, "cluster", "-p", "no-such-policy", cli_program("module"));
    test_contains(cli.err, "no-such-policy");
    assert_null(strstr(cli.err, "memory"));
    CLI_EXPECT(&cli, STATUS_FAILED, "cluster", JSON, "-p", policy, cli_program("module"));
    test_contains(cli.err, "policy.yaml:2:");
    cluster_valid(cli.out);
    assert_true(cluster_member(cli.out, "error", 0, "error", got, sizeof(got)));
    cli_done(&cli);
    free(dir);
}

/* --- the command line --- */

static void test_usage(void **state)
{
    static const struct {
        const char *words[5], *said;
    } rows[] = {
        {{NULL}, "needs MODULE"},
        {{"-n", "0", "x"}, "--workers '0': is no number from 1 to 1024"},
        {{"-n", "1025", "x"}, "--workers '1025'"},
        {{"-n", "two", "x"}, "--workers 'two'"},
        {{"-n"}, "option '-n' needs N"},
        {{"--listen", "8080", "x"}, "--listen '8080': an address begins with tcp:, udp: or unix:"},
        {{"--listen", "tcp:localhost:80", "x"}, "names are not looked up"},
        {{"--listen", "tcp:127.0.0.1:80-90", "x"}, "ranges are for --allow"},
        {{"--listen", "tcp:127.0.0.1:*", "x"}, "ranges are for --allow"},
        {{"--listen", "tcp:127.0.0.1:80,rr", "x"}, "behind the comma may be socket"},
        {{"--listen", "tcp:127.0.0.1:80,", "x"}, "behind the comma may be socket"},
        {{"--listen", "tcp:127.0.0.1:80,round-robin", "x"}, "one socket for all"},
        {{"--listen", "tcp:127.0.0.1:80,reuseport", "x"}, "one socket for all"},
        {{"--listen", "unix:relative", "x"}, "the path is not absolute"},
        {{"--allow", "tcp:127.0.0.1:9-8", "x"}, "the range ends before it begins"},
        {{"--allow", "udp:127.0.0.1:9,round-robin", "x"}, "datagrams are no connections"},
        {{"--allow", "udp:127.0.0.1:9,reuseport", "x"}, "reuseport is for TCP"},
        {{"--allow", "unix:/a,b,reuseport", "x"}, "reuseport is for TCP"},
        {{"--events", "xml", "x"}, "--events 'xml': is neither json nor text"},
        {{"--events-fd", "9", "x"}, "--events-fd '9': is not open"},
        {{"--events-fd", "2", "x"}, "use 3 or higher"},
        {{"--ping", "0s", "x"}, "--ping '0s': leaves no time"},
        {{"--grace", "soon", "x"}, "--grace: 'soon'"},
        {{"--crash-limit", "-1", "x"}, "--crash-limit '-1'"},
        {{"--timeout", "1s", "x"}, "unknown option '--timeout'"},
        {{"--detach", "x"}, "unknown option '--detach'"},
        {{"--lissen", "x", "x"}, "did you mean '--listen'?"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *words[8] = {"cluster"};
        struct cli cli = {0};

        for (int n = 0; n < 5 && rows[i].words[n]; n++)
            words[n + 1] = rows[i].words[n];
        cli_run(&cli, words);
        cli_status(&cli, STATUS_FAILED, __FILE__, __LINE__);
        test_contains(cli.err, rows[i].said);
        assert_string_equal(cli.out, "");
        cli_done(&cli);
    }
}

static void test_too_many_addresses(void **state)
{
    const char *words[3 + 2 * 65] = {"cluster"};
    struct cli cli = {0};

    (void)state;
    for (int i = 0; i < 65; i++) {
        words[1 + 2 * i] = "--allow";
        words[2 + 2 * i] = LOOPBACK;
    }
    words[131] = "x";
    cli_run(&cli, words);
    cli_status(&cli, STATUS_FAILED, __FILE__, __LINE__);
    test_contains(cli.err, "64 addresses are the most");
    cli_done(&cli);
}

static void test_events_fd(void **state)
{
    struct cli cli = {.want_result = true};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "cluster", "--events-fd", "9", "x");
    test_contains(cli.err, "--events-fd is for --events json");
    CLI_EXPECT(&cli, 0, "help", "cluster");
    for (int i = 0; i < 2; i++) {
        test_contains(cli.out, "crib cluster [options] MODULE [ARG...]");
        test_contains(cli.out, "-n, --workers N");
        test_contains(cli.out, "SIGHUP replaces all workers");
        CLI_EXPECT(&cli, 0, "cluster", "--help");
    }
    cli_done(&cli);
}

/* What a worker is given besides, and its number of processors. */
static void test_options_of_workers(void **state)
{
    struct cli cli = {.meanwhile = stop_after_message, .before = cluster_mortal};
    char *dir = cli_dir(), file[4096], bind[4200], copy[4200], got[1024];
    char *script = cluster_script(
        "const fs = require('fs'), text = (p) => fs.readFileSync(p, 'utf8');\n"
        "fs.writeFileSync('/scratch/x', 'written');\n"
        "process.send([process.env.A, process.env.HOME, process.cwd(), text('/opt/data'),\n"
        "    text('/scratch/x'), text('/tmp/copy'), process.argv.slice(2)]);\n" STAY);

    (void)state;
    snprintf(file, sizeof(file), "%s/data", dir);
    snprintf(bind, sizeof(bind), "%s:/opt/data", file);
    snprintf(copy, sizeof(copy), "%s:/tmp/copy", file);
    test_write(file, "bytes", 5, 0644);
    CLI_EXPECT(&cli, 0, "cluster", "-n1", JSON, "--env", "A=b c", "--clear-env", "--bind", bind,
               "--cwd", "/opt", "--tmpfs", "/scratch:1M", "--copy-in", copy, "--", script, "--x");
    assert_true(cluster_member(cli.out, "message", 0, "message", got, sizeof(got)));
    assert_string_equal(got, "[\"b c\",null,\"/opt\",\"bytes\",\"written\",\"bytes\",[\"--x\"]]");
    cli_done(&cli);
    free(script);
    free(dir);
}

/* --- what was denied --- */

static void stop_after_text(struct cli *cli)
{
    free(cluster_until_at(cli, cli->err_fd, "listening on", 2));
    stop(cli);
}

static void test_denials(void **state)
{
    struct cli cli = {.meanwhile = stop_two, .before = cluster_mortal};
    char *text = NULL, *script;

    (void)state;
    assert_true(asprintf(&text,
                         "const net = require('net'), c = net.connect(80, '127.0.0.1');\n"
                         "c.on('error', (e) => { process.send(e.code);\n%s});\n",
                         cluster_server) > 0);
    script = cluster_script(text);
    CLI_EXPECT(&cli, 0, "cluster", "-n2", JSON, script);
    cluster_valid(cli.out);
    expect(cli.out, "denied", 0, "call", "\"socket\"");
    expect(cli.out, "denied", 0, "answer", "\"EPERM\"");
    expect(cli.out, "denied", 0, "program", "\"node\"");
    assert_string_equal(cli.err, "");
    cli.meanwhile = stop_after_text;
    CLI_EXPECT(&cli, 0, "cluster", "-n2", script);
    assert_int_equal(cluster_count(cli.err, "denied: socket("), 1); /* not once for each */
    test_contains(cli.err, "crib: denied: 1 more\n");
    test_contains(cli.err, "crib:   to allow it, in ");
    cli_done(&cli);
    free(script);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_where_it_goes),
        cmocka_unit_test(test_for_people),
        cmocka_unit_test(test_ways_to_end),
        cmocka_unit_test(test_crash_loop),
        cmocka_unit_test(test_crash_loop_beside_one_that_serves),
        cmocka_unit_test(test_no_module),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_too_many_addresses),
        cmocka_unit_test(test_events_fd),
        cmocka_unit_test(test_options_of_workers),
        cmocka_unit_test(test_denials),
    };

    return test_run(tests);
}
