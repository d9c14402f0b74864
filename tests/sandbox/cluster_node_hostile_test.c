/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts of Node's that say to their primary what its cluster module would not. */
#include "sandbox/ordered.h"

#define GET "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

/* Begins every script: what its primary is told raw, and what it says. */
static const char tools[] =
    "const cluster = require('cluster'), http = require('http'), net = require('net');\n"
    "const tell = (note) => process.send({cmd: 'NODE_CLUSTER', ...note});\n"
    "const query = (more) => tell({act: 'queryServer', seq: 900, address: '127.0.0.1', port: 0,\n"
    "    addressType: 4, fd: null, flags: 0, backlog: 0, index: 0, data: null, ...more});\n"
    "const serve = () => http.createServer((q, s) => s.end('worker ' + cluster.worker.id))\n"
    "    .listen(0, '127.0.0.1');\n"
    "const first = cluster.worker.id === 1;\n"
    "process.on('internalMessage', (m) => m.ack === 900 && process.send('answer ' + m.errno));\n"
    "setInterval(() => 0, 1000);\n";

static void open_script(struct clustered *c, unsigned workers)
{
    clustered_open(c);
    c->on_message = ordered_on_message;
    c->options.workers = workers;
    c->options.listen = ordered_loopback;
    c->options.listen_count = 1;
}

static void start(struct clustered *c, const char *text)
{
    char *dir = test_dir(), *path = NULL, *whole = NULL;

    assert_true(asprintf(&path, "%s/script.js", dir) > 0);
    assert_true(asprintf(&whole, "%s%s", tools, text) > 0);
    assert_int_equal(chmod(dir, 0755), 0);
    test_write(path, whole, strlen(whole), 0644);
    free(whole);
    free(dir);
    c->user = path;
    clustered_start(c, path, NULL);
}

static void end(struct clustered *c)
{
    clustered_close(c);
    free(c->user);
}

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

/* A connection that cannot be handed over now can be later, to any of them. */
static void test_no_fds_for_handing_over(void **state)
{
    struct clustered c;
    struct rlimit before;
    int clients[2];
    char answer[4096];

    (void)state;
    open_script(&c, 2);
    start(&c, "serve();\n");
    clustered_until(&c, "listening", 2);
    for (int i = 0; i < 2; i++) {
        clients[i] = clustered_connect(c.address);
        assert_int_equal(send(clients[i], GET, strlen(GET), MSG_NOSIGNAL), strlen(GET));
    }
    before = ordered_few_fds(1); /* one to accept with, and none for its copy */
    ordered_settle(&c, 300);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (int i = 0; i < 2; i++) {
        test_contains(ordered_end(&c, clients[i], answer, sizeof(answer)), "worker ");
        close(clients[i]);
    }
    assert_int_equal(who(&c) + who(&c), 3);
    end(&c);
}

/* A ping that could not be sent is not the last one. */
static void test_no_fds_for_pings(void **state)
{
    struct clustered c;
    struct rlimit before;

    (void)state;
    open_script(&c, 1);
    c.options.ping_ms = 50;
    c.options.pong_ms = 2000;
    start(&c, "serve(); process.on('message', () => { for (;;); });\n");
    clustered_until(&c, "listening1", 1);
    before = ordered_few_fds(0);
    ordered_settle(&c, 300);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    ordered_settle(&c, 300);
    ordered_tell(&c, 1, "hang");
    clustered_until(&c, "crashed1", 1);
    assert_int_equal(c.error.code, -ETIMEDOUT);
    end(&c);
}

/* What a worker wants the others to be told is small. */
static void test_much_data(void **state)
{
    struct clustered c;

    (void)state;
    open_script(&c, 1);
    start(&c, "query({data: 'x'.repeat(8 << 20)});\n");
    clustered_until(&c, "message1", 1);
    assert_string_not_equal(c.said, "\"answer null\"");
    assert_int_equal(ordered_count(&c, "error1"), 1);
    end(&c);
}

/* Each with the other's keys, numbers that are none, answers to nothing, and things of no act. */
static void test_nonsense(void **state)
{
    struct clustered c;

    (void)state;
    open_script(&c, 2);
    start(&c,
          "if (first) {\n"
          "  for (let key = -10; key < 100; key++) tell({act: 'close', key: String(key)});\n"
          "  for (const n of [0, -1, 1, 5, 1e14, -1e14, 2 ** 62, -(2 ** 63), 1.5, 'x', [], {}])\n"
          "    for (const accepted of [true, false, null]) {\n"
          "      tell({ack: n, accepted}); tell({seq: n, act: 'x'});\n"
          "      tell({seq: n, act: 'listening', port: 1, addressType: 4, address: null});\n"
          "      query({index: n, port: 70000}); query({port: n, address: 'here'});\n"
          "      tell({act: n}); tell({act: 'suicide', ack: n, key: [], seq: {}});\n"
          "    }\n"
          "} else serve();\n");
    clustered_until(&c, "listening2", 1);
    for (int i = 0; i < 5; i++)
        assert_in_range(who(&c), 2, 9);
    end(&c);
}

/* It takes nothing: what it was given is another one's. */
static void test_refusing(void **state)
{
    struct clustered c;

    (void)state;
    open_script(&c, 2);
    start(&c, "if (!first) serve(); else { query({});\n"
              "  tell({act: 'listening', seq: 901, address: '127.0.0.1', port: 1,\n"
              "    addressType: 4, fd: null});\n"
              "}\n");
    clustered_until(&c, "listening", 2);
    clustered_until(&c, "message1", 1);
    for (int i = 0; i < 20; i++)
        assert_int_equal(who(&c), 2);
    end(&c);
}

/* One that refuses all is given each once: the other one, which is busy, gets them in time. */
static void test_refusing_beside_a_busy_one(void **state)
{
    struct clustered c;
    char go[4096], answer[4096];
    int clients[8];

    (void)state;
    open_script(&c, 2);
    start(&c, "if (!first) serve(); else { query({});\n"
              "  tell({act: 'listening', seq: 901, address: '127.0.0.1', port: 1,\n"
              "    addressType: 4, fd: null});\n"
              "}\n"
              "process.on('message', () => {\n"
              "  while (!require('fs').existsSync(__dirname + '/go'))\n"
              "    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);\n"
              "});\n");
    clustered_until(&c, "listening", 2);
    ordered_tell(&c, 2, "wait");
    for (int i = 0; i < 8; i++) {
        clients[i] = clustered_connect(c.address);
        assert_int_equal(send(clients[i], GET, strlen(GET), MSG_NOSIGNAL), strlen(GET));
    }
    ordered_settle(&c, 300);
    snprintf(go, sizeof(go), "%s", (char *)c.user);
    snprintf(strrchr(go, '/'), 4, "/go");
    test_write(go, "", 0, 0644);
    for (int i = 0; i < 8; i++) {
        test_contains(ordered_end(&c, clients[i], answer, sizeof(answer)), "worker 2");
        close(clients[i]);
    }
    end(&c);
}

static bool was_deaf;

static void note_deaf(crib_cluster *cluster, crib_worker *worker, const struct crib_error *error,
                      void *data)
{
    was_deaf |= error->code == -ENOBUFS;
    clustered_on_error(cluster, worker, error, data);
}

/* Goodbyes without end, and no answer is read. */
static void test_a_flood_of_goodbyes(void **state)
{
    struct clustered c;

    (void)state;
    open_script(&c, 1);
    c.options.back_off_ms = 1;
    c.options.grace_ms = 60000;
    c.options.on.error = note_deaf;
    start(&c, "if (first) {\n"
              "  const note = Buffer.from(JSON.stringify({cmd: 'NODE_CLUSTER', seq: 7,\n"
              "    act: 'exitedAfterDisconnect'}) + '\\n');\n"
              "  const many = Buffer.concat(new Array(1000).fill(note));\n"
              "  const fd = process.channel.fd, fs = require('fs');\n"
              "  for (let at = 0;;)\n"
              "    try { at = (at + fs.writeSync(fd, many, at)) % many.length; }\n"
              "    catch (e) { if (e.code !== 'EAGAIN') throw e; }\n"
              "} else serve();\n");
    clustered_until(&c, "listening2", 1);
    clustered_until(&c, "left1", 1);
    assert_true(was_deaf);
    end(&c);
}

/* An address of IPv4 that is written as one of IPv6 is that address. */
static void test_mapped_addresses(void **state)
{
    struct clustered c;

    (void)state;
    open_script(&c, 1);
    start(&c, "net.createServer((k) => k.end()).listen(0, '::ffff:127.0.0.1');\n");
    clustered_until(&c, "listening1", 1);
    test_contains(c.address, "tcp:127.0.0.1:");
    end(&c);
}

/* A socket that is inherited waits; one that a script asks for must not. */
static void test_asking_for_what_is_inherited(void **state)
{
    static const struct crib_listen hand[] = {{.address = LOOPBACK, .hand = true}};
    struct clustered c;

    (void)state;
    open_script(&c, 1);
    c.options.listen = hand;
    start(&c, "const server = http.createServer((q, s) => s.end('worker ' + cluster.worker.id));\n"
              "process.on('message', (port) =>\n"
              "    server.listen(Number(port), '127.0.0.1', () => process.send('here')));\n");
    clustered_until(&c, "listening1", 1);
    ordered_tell(&c, 1, strrchr(c.address, ':') + 1);
    clustered_until(&c, "message1", 1);
    for (int i = 0; i < 5; i++)
        assert_int_equal(who(&c), 1);
    end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_fds_for_handing_over),
        cmocka_unit_test(test_no_fds_for_pings),
        cmocka_unit_test(test_much_data),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_refusing),
        cmocka_unit_test(test_refusing_beside_a_busy_one),
        cmocka_unit_test(test_a_flood_of_goodbyes),
        cmocka_unit_test(test_mapped_addresses),
        cmocka_unit_test(test_asking_for_what_is_inherited),
    };

    return sandbox_test_run(tests);
}
