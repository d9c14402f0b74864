/* SPDX-License-Identifier: Apache-2.0 */
/* crib cluster: what workers serve, who may serve what, and workers that misbehave. */
#include "cli/clustering.h"

#include <fcntl.h>
#include <sys/stat.h>

#define JSON "--events", "json"

static void stop(struct cli *cli)
{
    kill(cli->pid, SIGTERM);
}

/* Both serve, and are asked 20 times. */
static unsigned answers[3];

static void ask_two(struct cli *cli)
{
    memset(answers, 0, sizeof(answers));
    cluster_until(cli, "listening", 2);
    for (int i = 0; i < 20; i++) {
        unsigned who = cluster_who(cli);

        assert_in_range(who, 1, 2);
        answers[who]++;
    }
    stop(cli);
}

static void ask_one(struct cli *cli)
{
    cluster_until(cli, "listening", 1);
    assert_int_equal(cluster_who(cli), 1);
    stop(cli);
}

/* --- inherited --- */

static void test_inherited(void **state)
{
    struct cli cli = {.meanwhile = ask_two, .before = cluster_mortal};
    char got[100];

    (void)state;
    CLI_EXPECT(&cli, 0, "cluster", "-n2", JSON, "--listen", "tcp:127.0.0.1:0",
               cli_program("module"), "inherited");
    cluster_valid(cli.out);
    assert_true(cluster_member(cli.out, "message", 0, "message", got, sizeof(got)));
    assert_string_equal(got, "{\"sockets\":1,\"told\":1}");
    cli_done(&cli);
}

static char inherited_path[200];

static void ask_path(struct cli *cli)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char text[64] = "";
    ssize_t n;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cluster_until(cli, "message", 1);
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", inherited_path + 5);
    assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    while ((n = recv(fd, text + strlen(text), sizeof(text) - 1 - strlen(text), 0)) > 0)
        ;
    fd_close(&fd);
    assert_string_equal(text, "worker 1 at 3"); /* as they were named */
    stop(cli);
}

/* A path with a comma in it, and a second socket. */
static void test_inherited_path(void **state)
{
    struct cli cli = {.meanwhile = ask_path, .before = cluster_mortal};
    char *dir = cli_dir(), told[240], got[220];

    (void)state;
    snprintf(inherited_path, sizeof(inherited_path), "unix:%s/a,b.sock", dir);
    snprintf(told, sizeof(told), "\"address\":\"%s\"}", inherited_path);
    CLI_EXPECT(&cli, 0, "cluster", "-n1", JSON, "--listen", inherited_path, "--listen",
               "tcp:127.0.0.1:0,socket", cli_program("module"), "inherited");
    test_contains(cli.out, told);
    assert_true(cluster_member(cli.out, "message", 0, "message", got, sizeof(got)));
    assert_string_equal(got, "{\"sockets\":2,\"told\":2}");
    assert_int_equal(access(inherited_path + 5, F_OK), -1); /* it goes with the cluster */
    cli_done(&cli);
    free(dir);
}

static int take_port(char *address, size_t size)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(here);

    assert_int_equal(bind(taken, (struct sockaddr *)&here, len), 0);
    assert_int_equal(listen(taken, 1), 0);
    assert_int_equal(getsockname(taken, (struct sockaddr *)&here, &len), 0);
    snprintf(address, size, "tcp:127.0.0.1:%u", ntohs(here.sin_port));
    return taken;
}

static void stop_after_error(struct cli *cli)
{
    cluster_until(cli, "error", 1);
    stop(cli);
}

static void test_a_port_in_use(void **state)
{
    struct cli cli = {.before = cluster_mortal};
    char address[64], text[300], *script, got[300];
    int taken = take_port(address, sizeof(address));

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "cluster", "--listen", address, cli_program("module"),
               "inherited");
    test_contains(cli.err, address);
    test_contains(cli.err, "Address already in use");
    snprintf(text, sizeof(text),
             "require('http').createServer().on('error', () => 0).listen(%s, '127.0.0.1');\n" STAY,
             strrchr(address, ':') + 1);
    script = cluster_script(text);
    cli.meanwhile = stop_after_error;
    CLI_EXPECT(&cli, 0, "cluster", "-n1", JSON, script);
    assert_true(cluster_member(cli.out, "error", 0, "error", got, sizeof(got)));
    test_contains(got, "\"code\":-98,\"step\":\"listen\"");
    fd_close(&taken);
    cli_done(&cli);
    free(script);
}

/* --- asked for --- */

static void test_every_way_to_share(void **state)
{
    static const char *const ways[] = {LOOPBACK, LOOPBACK ",socket", LOOPBACK ",reuseport",
                                       LOOPBACK ",round-robin"};
    struct cli cli = {.meanwhile = ask_two, .before = cluster_mortal};
    char *script = cluster_script(cluster_server);

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        CLI_EXPECT(&cli, 0, "cluster", "-n2", JSON, "--allow", ways[i], cli_program("worker"),
                   "listen", "tcp:127.0.0.1:0", "any", "serve");
        if (i == 3)
            assert_int_equal(answers[1], 10); /* in turns */
        if (i == 2)
            continue; /* Node knows of no such thing */
        CLI_EXPECT(&cli, 0, "cluster", "-n2", JSON, "--allow", ways[i], script);
        if (i == 0 || i == 3)
            assert_int_equal(answers[1], 10);
    }
    /* A script inherits nothing; what is named it may ask for. */
    CLI_EXPECT(&cli, 0, "cluster", "-n2", JSON, "--listen", "tcp:127.0.0.1:0,round-robin", script);
    assert_int_equal(answers[1], 10);
    cli_done(&cli);
    free(script);
}

/* Tries what it may not, and then what it may. */
static void test_not_allowed(void **state)
{
    struct cli cli = {.meanwhile = ask_one, .before = cluster_mortal};
    char *script = NULL, *text = NULL, got[300];

    (void)state;
    assert_true(asprintf(&text,
                         "require('net').createServer().on('error', (e) => {\n"
                         "process.send(e.code);\n%s}).listen(80, '0.0.0.0');\n",
                         cluster_server) > 0);
    script = cluster_script(text);
    CLI_EXPECT(&cli, 0, "cluster", "-n1", JSON, script);
    assert_true(cluster_member(cli.out, "error", 0, "error", got, sizeof(got)));
    test_contains(got,
                  "{\"code\":-13,\"step\":\"listen\",\"text\":\"listen tcp:0.0.0.0:80: is not");
    assert_true(cluster_member(cli.out, "error", 0, "worker", got, sizeof(got)));
    assert_string_equal(got, "1");
    assert_true(cluster_member(cli.out, "message", 0, "message", got, sizeof(got)));
    assert_string_equal(got, "\"EACCES\"");
    assert_int_equal(cluster_count(cli.out, "{\"event\":\"error\""), 1);
    cli_done(&cli);
    free(script);
    free(text);
}

/* --- the policy --- */

static char policy[4096], paths[2][200];

static void write_policy(int allowed)
{
    char text[400];
    int len =
        snprintf(text, sizeof(text), "about: a test\nextends: [node]\nlisten: [\"%s\", \"%s\"]\n",
                 paths[0], paths[allowed]);

    test_write(policy, text, (size_t)len, 0644);
}

static void change_policy(struct cli *cli)
{
    char *text, part[240];

    cluster_until(cli, "message", 1);
    cluster_until(cli, "listening", 1);
    write_policy(1);
    kill(cli->pid, SIGHUP);
    cluster_until(cli, "restarted", 1);
    snprintf(part, sizeof(part), "\"address\":\"%s\"}", paths[1]);
    text = cluster_until_at(cli, cli->out_fd, part, 1);
    free(text);
    stop(cli);
}

/* It is read again for each restart. The second address is allowed from then on. */
static void test_policy(void **state)
{
    struct cli cli = {.meanwhile = change_policy, .before = cluster_mortal};
    char *dir = cli_dir(), text[600], *script;

    (void)state;
    snprintf(policy, sizeof(policy), "%s/policy.yaml", dir);
    for (int i = 0; i < 2; i++)
        snprintf(paths[i], sizeof(paths[i]), "unix:%s/%d", dir, i);
    snprintf(text, sizeof(text),
             "const net = require('net');\n"
             "net.createServer().listen('%s');\n"
             "net.createServer().on('error', (e) => process.send(e.code)).listen('%s');\n",
             paths[0] + 5, paths[1] + 5);
    script = cluster_script(text);
    write_policy(0);
    CLI_EXPECT(&cli, 0, "cluster", "-n1", JSON, "-p", policy, script);
    assert_int_equal(cluster_count(cli.out, "\"code\":-13"), 1);
    cli_done(&cli);
    free(script);
    free(dir);
}

/* --- misbehaviour: one clear event, and the others go on --- */

static void go_on(struct cli *cli)
{
    cluster_until(cli, "error", 1);
    cluster_until(cli, "listening", 2);
    for (int i = 0; i < 5; i++)
        cluster_who(cli);
    stop(cli);
}

static void test_misbehaviour(void **state)
{
    static const struct {
        const char *words[3], *code;
    } rows[] = {
        {{"garbage", "serve"}, "\"code\":-71,"},
        {{"many", "1000", "serve"}, "\"code\":-24,"},
        {{"listen", "tcp:127.0.0.1:x", "any"}, "\"code\":-22,"},
        {{"hang"}, "\"code\":-110,"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cli cli = {.meanwhile = go_on, .before = cluster_mortal};
        const char *words[20] = {"cluster",
                                 "-n2",
                                 "--ping",
                                 "50ms",
                                 "--events",
                                 "json",
                                 "--grace",
                                 "2s",
                                 cli_program("worker"),
                                 "listen",
                                 "tcp:127.0.0.1:0",
                                 "any",
                                 "first"};
        int n = 13;

        for (int word = 0; word < 3 && rows[i].words[word]; word++)
            words[n++] = rows[i].words[word];
        words[n++] = "others";
        words[n++] = "serve";
        cli_run(&cli, words);
        cli_status(&cli, 0, __FILE__, __LINE__);
        cluster_valid(cli.out);
        test_contains(cli.out, rows[i].code);
        cli_done(&cli);
    }
}

/* --- who reads the events --- */

static char fifo[4096];
static int reader;

/* The reading end is open before crib has the other one. */
static void make_fifo(char *dir)
{
    snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
    assert_int_equal(mkfifo(fifo, 0666), 0);
    reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    fcntl(reader, F_SETFL, 0);
}

/* Each request makes an event of 64 KiB; of the address one finds out as everybody does. */
static const char talkative[] =
    "const http = require('http'), fill = 'x'.repeat(65536);\n"
    "http.createServer((q, s) => { process.send(fill); s.end('worker 1'); })\n"
    "    .listen('SOCKET');\n";

static char *talkative_script(const char *path)
{
    char *text = NULL, *script;
    const char *at = strstr(talkative, "SOCKET");

    assert_true(asprintf(&text, "%.*s%s%s", (int)(at - talkative), talkative, path, at + 6) > 0);
    script = cluster_script(text);
    free(text);
    return script;
}

static char socket_path[100];

static int ask_path_for_http(void)
{
    static const char get[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = CLUSTER_PATIENCE_MS / 1000};
    char answer[4096] = "";
    bool answered;

    snprintf(un.sun_path, sizeof(un.sun_path), "%s", socket_path);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    answered = connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0 &&
               send(fd, get, sizeof(get) - 1, MSG_NOSIGNAL) > 0 &&
               recv(fd, answer, sizeof(answer) - 1, 0) > 0 && strstr(answer, "200 OK");
    fd_close(&fd);
    return answered ? 0 : -1;
}

static void wait_for_socket(void)
{
    uint64_t end = clock_us() + CLUSTER_PATIENCE_MS * 1000ull;

    while (ask_path_for_http() < 0)
        assert_true(clock_us() < end);
}

static char *events_read;

/* Nobody reads; everybody is served. Then all is read. */
static void read_late(struct cli *cli)
{
    size_t len = 0, room = 64 << 20;
    ssize_t n;

    wait_for_socket();
    for (int i = 0; i < 60; i++)
        if (ask_path_for_http() < 0) {
            kill(cli->pid, SIGKILL);
            fail_msg("request %d was not answered", i);
        }
    events_read = calloc(1, room);
    assert_non_null(events_read);
    kill(cli->pid, SIGTERM);
    while ((n = read(reader, events_read + len, room - 1 - len)) > 0)
        len += (size_t)n;
}

static void test_events_are_read_late(void **state)
{
    struct cli cli = {.meanwhile = read_late, .before = cluster_mortal, .output_file = fifo};
    char *dir = cli_dir(), *script, allow[200];

    (void)state;
    make_fifo(dir);
    snprintf(socket_path, sizeof(socket_path), "%s/socket", dir);
    snprintf(allow, sizeof(allow), "unix:%s", socket_path);
    script = talkative_script(socket_path);
    CLI_EXPECT(&cli, 0, "cluster", "-n1", JSON, "--allow", allow, script);
    cluster_valid(events_read);
    assert_int_equal(cluster_count(events_read, "{\"event\":\"listening\""), 1);
    assert_in_range(cluster_count(events_read, "{\"event\":\"message\""), 10, 50);
    assert_true(cluster_count(events_read, "{\"event\":\"lost\"") >= 1);
    assert_int_equal(cluster_count(events_read, "{\"event\":\"exit\""), 1);
    fd_close(&reader);
    free(events_read);
    cli_done(&cli);
    free(script);
    free(dir);
}

static void read_no_more(struct cli *cli)
{
    (void)cli;
    wait_for_socket();
    fd_close(&reader);
    (void)ask_path_for_http();
}

static void test_events_are_not_read_any_more(void **state)
{
    struct cli cli = {.meanwhile = read_no_more, .before = cluster_mortal, .output_file = fifo};
    char *dir = cli_dir(), *script, allow[200];

    (void)state;
    make_fifo(dir);
    snprintf(socket_path, sizeof(socket_path), "%s/socket", dir);
    snprintf(allow, sizeof(allow), "unix:%s", socket_path);
    script = talkative_script(socket_path);
    CLI_EXPECT(&cli, STATUS_FAILED, "cluster", "-n1", JSON, "--allow", allow, script);
    assert_int_equal(cli_lines(cli.err, "crib: events: Broken pipe"), 1);
    cli.meanwhile = NULL;
    cli.output_file = "/dev/full";
    CLI_EXPECT(&cli, STATUS_FAILED, "cluster", "-n1", JSON, "--allow", allow, script);
    test_contains(cli.err, "crib: events: No space left on device\n");
    cli.output_file = NULL;
    cli.closed = 1 << STDOUT_FILENO;
    CLI_EXPECT(&cli, STATUS_FAILED, "cluster", "-n1", JSON, "--allow", allow, script);
    test_contains(cli.err, "crib: events: Bad file descriptor\n");
    cli_done(&cli);
    free(script);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inherited),
        cmocka_unit_test(test_inherited_path),
        cmocka_unit_test(test_a_port_in_use),
        cmocka_unit_test(test_every_way_to_share),
        cmocka_unit_test(test_not_allowed),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_misbehaviour),
        cmocka_unit_test(test_events_are_read_late),
        cmocka_unit_test(test_events_are_not_read_any_more),
    };

    return test_run(tests);
}
