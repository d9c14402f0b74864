/* SPDX-License-Identifier: Apache-2.0 */
/* Stock Node scripts as workers: what their cluster module says and does, unchanged. */
#include "sandbox/clustered.h"

#include <fcntl.h>

#define GET "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

/* Writes a script where tasks may read it. Return: its path; the caller frees. */
static char *script(const char *text)
{
    char *dir = test_dir(), *path = NULL;

    assert_true(asprintf(&path, "%s/script.js", dir) > 0);
    assert_int_equal(chmod(dir, 0755), 0);
    test_write(path, text, strlen(text), 0644);
    free(dir);
    return path;
}

static void start_with(struct clustered *c, const char *text, const struct crib_listen *listen,
                       size_t count)
{
    c->options.listen = listen;
    c->options.listen_count = count;
    c->user = script(text);
    clustered_start(c, c->user, NULL);
}

static void start(struct clustered *c, const char *text)
{
    static const struct crib_listen loopback[] = {{.address = "tcp:127.0.0.1:*"}};

    start_with(c, text, loopback, 1);
}

static void end(struct clustered *c)
{
    clustered_close(c);
    free(c->user);
}

static const char server[] = "const http = require('http'), cluster = require('cluster');\n"
                             "http.createServer((q, s) => s.end('worker ' + cluster.worker.id))\n"
                             "    .listen(0, '127.0.0.1');\n";

static void test_it_serves(void **state)
{
    struct clustered c;
    unsigned of[3] = {0};
    char answer[4096];

    (void)state;
    clustered_open(&c);
    c.options.workers = 2;
    start(&c, server);
    clustered_until(&c, "listening", 2);
    test_contains(c.address, "tcp:127.0.0.1:");
    for (int i = 0; i < 20; i++) {
        char *at;

        assert_true(clustered_ask(&c, c.address, GET, answer, sizeof(answer)) > 0);
        at = strstr(answer, "worker ");
        assert_non_null(at);
        assert_in_range(atoi(at + 7), 1, 2);
        of[atoi(at + 7)]++;
    }
    assert_int_equal(of[1], 10);
    assert_int_equal(of[2], 10);
    assert_int_equal(c.errors, 0);
    end(&c);
}

/* Which worker answers. */
static unsigned who(struct clustered *c)
{
    char answer[4096], *at;
    long n = clustered_ask(c, c->address, GET, answer, sizeof(answer));

    if (n <= 0)
        fail_msg("no answer (%ld): %s", n, c->log);
    at = strstr(answer, "worker ");
    assert_non_null(at);
    return (unsigned)atoi(at + 7);
}

static void test_one_socket_for_all(void **state)
{
    static const struct crib_listen shared[] = {
        {.address = "tcp:127.0.0.1:*", .sharing = CRIB_SHARE_SOCKET}};
    struct clustered c;

    (void)state;
    clustered_open(&c);
    c.options.workers = 2;
    start_with(&c, server, shared, 1);
    clustered_until(&c, "listening", 2);
    for (int i = 0; i < 10; i++)
        assert_in_range(who(&c), 1, 2);
    end(&c);
}

/* Node accepts until there is nothing more: one that blocks would stop all that a worker does. */
static void test_no_socket_blocks(void **state)
{
    static const enum crib_sharing ways[] = {CRIB_SHARE_SOCKET, CRIB_SHARE_REUSEPORT};

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct crib_listen listen = {.address = "tcp:127.0.0.1:*", .sharing = ways[i]};
        struct clustered c;
        char answer[4096];

        clustered_open(&c);
        start_with(&c,
                   "const s = require('net').createServer((k) => k.end(require('fs')\n"
                   "    .readFileSync('/proc/self/fdinfo/' + s._handle.fd)));\n"
                   "s.listen(0, '127.0.0.1');\n",
                   &listen, 1);
        clustered_until(&c, "listening", 1);
        assert_true(clustered_ask(&c, c.address, "", answer, sizeof(answer)) > 0);
        test_contains(answer, "flags:");
        assert_true(strtol(strstr(answer, "flags:") + 6, NULL, 8) & O_NONBLOCK);
        end(&c);
    }
}

/* In its own words: what it says of its address, and the worker's number. */
static void test_what_a_worker_knows(void **state)
{
    struct clustered c;
    char answer[4096];

    (void)state;
    clustered_open(&c);
    start(&c,
          "const s = require('net').createServer((k) => k.end(JSON.stringify([s.address(),\n"
          "    require('cluster').isWorker, process.env.NODE_UNIQUE_ID, process.connected])));\n"
          "s.listen(0, '127.0.0.1');\n");
    clustered_until(&c, "listening", 1);
    assert_true(clustered_ask(&c, c.address, "", answer, sizeof(answer)) > 0);
    test_contains(answer, "[{\"address\":\"127.0.0.1\",\"family\":\"IPv4\",\"port\":");
    test_contains(answer, "},true,null,true]");
    test_contains(answer, strrchr(c.address, ':') + 1);
    end(&c);
}

/* A port without a host is served where that is allowed. */
static void test_any_host(void **state)
{
    struct clustered c;

    (void)state;
    clustered_open(&c);
    start(&c, "require('http').createServer((q, s) => s.end('worker 1')).listen(0);\n");
    clustered_until(&c, "listening", 1);
    test_contains(c.address, "tcp:127.0.0.1:");
    assert_int_equal(who(&c), 1);
    end(&c);
}

static void test_a_path(void **state)
{
    char *dir = test_dir(), address[200], text[600], answer[4096];
    struct crib_listen listen[] = {{.address = address}};
    struct clustered c;

    (void)state;
    snprintf(address, sizeof(address), "unix:%s/socket", dir);
    snprintf(text, sizeof(text),
             "require('net').createServer((k) => k.end('here'))\n"
             ".listen('%s/socket');\n",
             dir);
    clustered_open(&c);
    start_with(&c, text, listen, 1);
    clustered_until(&c, "listening", 1);
    assert_string_equal(c.address, address);
    assert_int_equal(clustered_ask(&c, c.address, "", answer, sizeof(answer)), 4);
    assert_string_equal(answer, "here");
    end(&c);
    assert_int_equal(access(address + 5, F_OK), -1);
    free(dir);
}

static void test_datagrams(void **state)
{
    static const struct crib_listen udp[] = {{.address = "udp:127.0.0.1:*"}};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint64_t end_us = clock_us() + LIVE_PATIENCE_MS * 1000ull;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct clustered c;
    char answer[64] = "";

    (void)state;
    clustered_open(&c);
    start_with(&c,
               "const s = require('dgram').createSocket('udp4');\n"
               "s.on('message', (m, from) => s.send('got ' + m, from.port, from.address));\n"
               "s.bind(0, '127.0.0.1');\n",
               udp, 1);
    clustered_until(&c, "listening", 1);
    to.sin_port = htons((uint16_t)atoi(strrchr(c.address, ':') + 1));
    assert_int_equal(sendto(fd, "it", 2, 0, (struct sockaddr *)&to, sizeof(to)), 2);
    while (recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT) < 0 && clock_us() < end_us)
        uv_run(&c.live.loop, UV_RUN_NOWAIT);
    assert_string_equal(answer, "got it");
    close(fd);
    end(&c);
}

static void test_what_is_not_allowed(void **state)
{
    static const char *const wanted[] = {"0, '0.0.0.0'", "80, '192.0.2.1'", "'/tmp/socket'",
                                         "{fd: 0}"};

    (void)state;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct clustered c;
        char text[300];

        snprintf(text, sizeof(text),
                 "require('net').createServer().on('error', (e) => process.send(e.code))\n"
                 ".listen(%s); setInterval(() => 0, 1000);\n",
                 wanted[i]);
        clustered_open(&c);
        start(&c, text);
        clustered_until(&c, "error1", 1);
        assert_int_equal(c.error.code, strchr(wanted[i], '{') ? -EINVAL : -EACCES);
        assert_null(strstr(c.log, "listening"));
        end(&c);
    }
}

/* Every way to go, and what it is taken for. */
static void test_ways_to_leave(void **state)
{
    static const struct {
        const char *how, *word;
    } rows[] = {
        {"cluster.worker.destroy()", "left1"},
        {"cluster.worker.kill()", "left1"},
        {"cluster.worker.disconnect()", "left1"},
        {"process.exit(0)", "exit1"},
        {"process.exit(3)", "crashed1"},
        {"process.abort()", "crashed1"},
        {"process.kill(process.pid, 'SIGKILL')", "crashed1"},
        {"nothing.at.all()", "crashed1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clustered c;
        char text[500];

        snprintf(text, sizeof(text),
                 "const cluster = require('cluster');\n"
                 "require('http').createServer((q, s) => s.end('worker ' + cluster.worker.id))\n"
                 ".listen(0, '127.0.0.1');\n"
                 "process.on('message', (m) => { %s; });\n",
                 rows[i].how);
        clustered_open(&c);
        start(&c, text);
        clustered_until(&c, "listening1", 1);
        assert_true(crib_task_send(crib_worker_task(crib_cluster_next(c.cluster, NULL)), "json",
                                   "1", 1, NULL, 0) >= 0);
        clustered_until(&c, rows[i].word, 1);
        clustered_until(&c, "listening2", 1);
        assert_int_equal(who(&c), 2);
        end(&c);
    }
}

static void test_told_to_leave(void **state)
{
    struct clustered c;

    (void)state;
    clustered_open(&c);
    start(&c, server);
    clustered_until(&c, "listening1", 1);
    assert_int_equal(crib_worker_disconnect(crib_cluster_next(c.cluster, NULL)), 0);
    clustered_until(&c, "left1", 1);
    clustered_until(&c, "listening2", 1);
    assert_int_equal(who(&c), 2);
    assert_int_equal(c.errors, 0);
    crib_cluster_stop(c.cluster);
    clustered_until(&c, "left2", 1);
    assert_int_equal(crib_cluster_count(c.cluster), 0);
    assert_int_equal(crib_cluster_scale(c.cluster, 1), -ESHUTDOWN);
    end(&c);
}

static void stop_at_once(crib_worker *worker, void *data)
{
    clustered_on_online(worker, data);
    crib_cluster_stop(crib_worker_cluster(worker));
}

/* It asks for a socket when it cannot know yet that it is to leave: that is no fault of its. */
static void test_told_to_leave_at_once(void **state)
{
    struct clustered c;

    (void)state;
    clustered_open(&c);
    c.options.on.online = stop_at_once;
    start(&c, server);
    clustered_until(&c, "left1", 1);
    assert_int_equal(c.errors, 0);
    assert_null(strstr(c.log, "listening"));
    end(&c);
}

/* Nobody's request is lost while all workers are replaced. */
static void test_restarting(void **state)
{
    struct clustered c;

    (void)state;
    clustered_open(&c);
    c.options.workers = 2;
    start(&c, server);
    clustered_until(&c, "listening", 2);
    for (unsigned round = 1; round <= 3; round++) {
        assert_int_equal(crib_cluster_restart(c.cluster), 0);
        assert_int_equal(crib_cluster_restart(c.cluster), -EALREADY);
        for (int i = 0; i < 20; i++)
            who(&c);
        clustered_until(&c, "restarted", round);
        assert_int_equal(crib_cluster_count(c.cluster), 2);
        assert_true(who(&c) > 2 * round);
    }
    assert_int_equal(c.errors, 0);
    assert_int_equal(c.crashes, 0);
    end(&c);
}

static void test_a_successor_that_fails(void **state)
{
    struct clustered c;

    (void)state;
    clustered_open(&c);
    start(&c, server);
    clustered_until(&c, "listening", 1);
    test_write(c.user, "process.exit(1)", 15, 0644);
    assert_int_equal(crib_cluster_restart(c.cluster), 0);
    clustered_until(&c, "error0", 1);
    assert_int_equal(c.error.code, -ECHILD);
    assert_int_equal(who(&c), 1);
    end(&c);
}

/* What cannot be read changes nothing: who serves may go on, and so may those who come after it. */
static void test_a_policy_that_cannot_be_read(void **state)
{
    static const char rules[] = "extends: [node]\n";
    char *dir = test_dir(), path[4096];
    struct clustered c;

    (void)state;
    assert_int_equal(chmod(dir, 0755), 0);
    snprintf(path, sizeof(path), "%s/policy.yaml", dir);
    test_write(path, rules, strlen(rules), 0644);
    clustered_open(&c);
    c.worker.policy = path;
    start_with(&c, server, NULL, 0);
    clustered_until(&c, "listening1", 1);
    test_write(path, "extends: [nothing]\n", 19, 0644);
    assert_int_equal(crib_cluster_restart(c.cluster), 0);
    clustered_until(&c, "error0", 1);
    assert_int_equal(c.error.code, -ENOENT);
    test_write(path, rules, strlen(rules), 0644);
    assert_int_equal(crib_worker_kill(crib_cluster_next(c.cluster, NULL), SIGKILL), 0);
    clustered_until(&c, "listening2", 1);
    assert_int_equal(who(&c), 2);
    assert_int_equal(c.errors, 1);
    end(&c);
    free(dir);
}

static void test_more_and_fewer(void **state)
{
    struct clustered c;

    (void)state;
    clustered_open(&c);
    start(&c, server);
    clustered_until(&c, "listening", 1);
    assert_int_equal(crib_cluster_scale(c.cluster, 3), 0);
    clustered_until(&c, "listening", 3);
    assert_int_equal(crib_cluster_scale(c.cluster, 1), 0);
    clustered_until(&c, "left", 2);
    assert_int_equal(crib_cluster_count(c.cluster), 1);
    assert_int_equal(who(&c), 3);
    assert_int_equal(crib_cluster_scale(c.cluster, 1025), -EINVAL);
    end(&c);
}

static void test_crashing_at_once(void **state)
{
    struct clustered c;

    (void)state;
    clustered_open(&c);
    c.options.back_off_ms = 1;
    c.options.crash_limit = 4;
    start(&c, "process.exit(1)\n");
    clustered_until(&c, "error0", 1);
    assert_int_equal(c.error.code, -ELOOP);
    assert_int_equal(c.crashes, 4);
    assert_int_equal(crib_cluster_count(c.cluster), 0);
    test_write(c.user, server, strlen(server), 0644);
    assert_int_equal(crib_cluster_restart(c.cluster), 0);
    clustered_until(&c, "listening", 1);
    end(&c);
}

/* One that is busy for ever is replaced; one that is alive answers, and is left alone. */
static void test_pings(void **state)
{
    struct clustered c;
    uint64_t end_us;

    (void)state;
    clustered_open(&c);
    c.options.ping_ms = 20;
    c.options.pong_ms = 20000;
    start(&c, server);
    clustered_until(&c, "listening1", 1);
    end_us = clock_us() + 500000;
    while (clock_us() < end_us)
        uv_run(&c.live.loop, UV_RUN_NOWAIT);
    assert_int_equal(who(&c), 1);
    assert_int_equal(c.errors, 0);
    end(&c);

    clustered_open(&c);
    c.options.ping_ms = 20;
    c.options.pong_ms = 1000;
    start(&c, "if (require('cluster').worker.id === 1) for (;;);\n");
    clustered_until(&c, "fork2", 1);
    assert_int_equal(c.error.code, -ETIMEDOUT);
    end(&c);
}

static void test_a_thousand_sockets(void **state)
{
    struct clustered c;

    (void)state;
    clustered_open(&c);
    c.options.workers = 2;
    start(&c, "const cluster = require('cluster'), net = require('net');\n"
              "if (cluster.worker.id === 1) {\n"
              "    let left = 1000;\n"
              "    const next = () => left-- > 0 && net.createServer().on('error', next)\n"
              "        .listen(0, '127.0.0.1', next);\n"
              "    next();\n"
              "} else {\n"
              "    require('http').createServer((q, s) => s.end('worker 2'))\n"
              "        .listen(0, '127.0.0.1');\n"
              "}\n"
              "setInterval(() => 0, 1000);\n");
    clustered_until(&c, "error1", 1);
    assert_int_equal(c.error.code, -EMFILE);
    clustered_until(&c, "listening2", 1);
    end(&c);
}

/* Each of the first takes as many as it may, of its own, and falls; those who come after them find
 * room. */
static void test_sockets_that_nobody_serves_any_more(void **state)
{
    struct clustered c;

    (void)state;
    clustered_open(&c);
    c.options.back_off_ms = 1;
    c.options.crash_limit = 100;
    start(&c, "const cluster = require('cluster'), net = require('net'), id = cluster.worker.id;\n"
              "let left = 60;\n"
              "const next = () => { if (left-- > 0) net.createServer()\n"
              "    .listen(30000 + 60 * id + left, '127.0.0.1', next); else process.exit(1); };\n"
              "if (id < 6) next(); else require('http').createServer((q, s) => s.end('worker 6'))\n"
              "    .listen(0, '127.0.0.1');\n");
    clustered_until(&c, "listening6", 1);
    assert_int_equal(who(&c), 6);
    end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_serves),
        cmocka_unit_test(test_one_socket_for_all),
        cmocka_unit_test(test_no_socket_blocks),
        cmocka_unit_test(test_what_a_worker_knows),
        cmocka_unit_test(test_any_host),
        cmocka_unit_test(test_a_path),
        cmocka_unit_test(test_datagrams),
        cmocka_unit_test(test_what_is_not_allowed),
        cmocka_unit_test(test_ways_to_leave),
        cmocka_unit_test(test_told_to_leave),
        cmocka_unit_test(test_told_to_leave_at_once),
        cmocka_unit_test(test_restarting),
        cmocka_unit_test(test_a_successor_that_fails),
        cmocka_unit_test(test_a_policy_that_cannot_be_read),
        cmocka_unit_test(test_more_and_fewer),
        cmocka_unit_test(test_crashing_at_once),
        cmocka_unit_test(test_pings),
        cmocka_unit_test(test_a_thousand_sockets),
        cmocka_unit_test(test_sockets_that_nobody_serves_any_more),
    };

    return sandbox_test_run(tests);
}
