/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters that a daemon runs for its clients: what they do, and when they end. */
#include "daemon/clustering.h"

#include <errno.h>
#include <signal.h>

#define LOOPBACK "tcp:127.0.0.1:*"

static const char *const serving[] = {"listen", "tcp:127.0.0.1:0", "round-robin", "serve", NULL};
static const char *const idle[] = {"serve", NULL};

static void stopped(struct clustering *c)
{
    clustering_stop(c);
    clustering_until(c, "ended", 1);
    assert_int_equal(clustering_end(c), -1);
    assert_true(c->ended);
}

static void test_a_life(void **state)
{
    struct client_measure before;
    struct clustering c;
    struct cribd daemon;

    (void)state;
    clustering_daemon(&daemon, "");
    before = client_measure(&daemon, 0);
    clustering_open(&daemon, &c);
    clustering_start(&c, serving, 2, LOOPBACK);
    clustering_until(&c, "listening", 2);
    assert_true(strstr(c.log, "started ") == c.log);
    assert_in_range(clustering_who(&c), 1, 2);
    clustering_scale(&c, 3);
    clustering_until(&c, "listening", 3);
    clustering_restart(&c);
    clustering_until(&c, "restarted", 1);
    assert_in_range(clustering_who(&c), 4, 6);
    clustering_kill(&c, 5, SIGKILL);
    clustering_until(&c, "left5", 1);
    clustering_until(&c, "listening7", 1);
    clustering_disconnect(&c, 6);
    clustering_until(&c, "left6", 1);
    clustering_until(&c, "listening8", 1);
    assert_in_range(clustering_who(&c), 4, 8);
    stopped(&c);
    assert_null(strstr(c.log, "error"));
    assert_null(strstr(c.log, "exit"));
    assert_int_equal(clustering_who(&c), 0);
    clustering_close(&c);
    client_settled(&daemon, &before, 0, (size_t)16 << 20);
    cribd_stop(&daemon);
}

static void test_messages(void **state)
{
    const size_t len = 3000001;
    char *text = malloc(len);
    struct clustering c;
    struct cribd daemon;

    (void)state;
    for (size_t i = 0; i < len; i++)
        text[i] = (char)(i * 7 + i / 251);
    clustering_daemon(&daemon, "");
    clustering_open(&daemon, &c);
    clustering_start(&c, idle, 2, NULL);
    clustering_until(&c, "online", 2);
    clustering_send(&c, 2, "small", "hello", 5);
    clustering_until(&c, "message2", 1);
    assert_string_equal(c.type, "small");
    assert_int_equal(c.message.len, 5);
    assert_memory_equal(c.message.data, "hello", 5);
    clustering_send(&c, 1, "empty", "", 0);
    clustering_until(&c, "message1", 1);
    assert_int_equal(c.message.len, 0);
    clustering_send(&c, 1, "large", text, len);
    clustering_until(&c, "message1", 2);
    assert_string_equal(c.type, "large");
    assert_int_equal(c.message.len, len);
    assert_memory_equal(c.message.data, text, len);
    for (int i = 0; i < 200; i++)
        clustering_send(&c, 2, "many", "x", 1);
    while (c.messages < 203)
        assert_true(clustering_next(&c));
    stopped(&c);
    clustering_close(&c);
    cribd_stop(&daemon);
    free(text);
}

/* A stock one, that knows of Node's cluster only. */
static void test_a_script(void **state)
{
    static const char text[] =
        "const id = require('cluster').worker.id;\n"
        "require('net').createServer((s) => s.end('worker ' + id)).listen(0);\n"
        "process.on('message', (m) => process.send({worker: id, doubled: 2 * m.number}));\n";
    static const char *const none[] = {NULL};
    char *dir = test_dir(), path[4096];
    struct clustering_start s;
    struct clustering c;
    struct cribd daemon;

    (void)state;
    assert_int_equal(chmod(dir, 0755), 0);
    snprintf(path, sizeof(path), "%s/script.js", dir);
    test_write(path, text, strlen(text), 0644);
    clustering_daemon(&daemon, "");
    clustering_open(&daemon, &c);
    clustering_ask(&s, none, 2, LOOPBACK);
    s.task.file = clustering_bytes(path);
    clustering_input(&c, &s.input);
    clustering_until(&c, "listening", 2);
    assert_int_equal(clustering_who(&c) + clustering_who(&c), 3); /* they take turns */
    clustering_send(&c, 2, "json", "{\"number\": 21}", 14);
    clustering_until(&c, "message2", 1);
    assert_string_equal(c.type, "json");
    assert_int_equal(c.message.len, strlen("{\"worker\":2,\"doubled\":42}"));
    assert_memory_equal(c.message.data, "{\"worker\":2,\"doubled\":42}", c.message.len);
    clustering_restart(&c);
    clustering_until(&c, "restarted", 1);
    clustering_kill(&c, 3, SIGKILL);
    clustering_until(&c, "listening5", 1);
    stopped(&c);
    assert_null(strstr(c.log, "error"));
    clustering_close(&c);
    cribd_stop(&daemon);
    free(dir);
}

static void test_a_worker_that_crashes_is_replaced(void **state)
{
    static const char *const words[] = {"first", "exit", "3", "others", "serve", NULL};
    struct clustering c;
    struct cribd daemon;

    (void)state;
    clustering_daemon(&daemon, "");
    clustering_open(&daemon, &c);
    clustering_start(&c, words, 1, NULL);
    clustering_until(&c, "exit1", 1);
    clustering_until(&c, "online2", 1);
    stopped(&c);
    clustering_close(&c);
    cribd_stop(&daemon);
}

/* The client may have it begin anew, or stop it. */
static void test_giving_up(void **state)
{
    static const char *const words[] = {"exit", "3", NULL};
    struct clustering_start s;
    struct clustering c;
    struct cribd daemon;

    (void)state;
    clustering_daemon(&daemon, "");
    clustering_open(&daemon, &c);
    clustering_ask(&s, words, 1, NULL);
    s.start.has_crash_limit = s.start.has_back_off = true;
    s.start.crash_limit = 2;
    s.start.back_off = 1;
    clustering_input(&c, &s.input);
    clustering_until(&c, "gave_up", 1);
    assert_int_equal(c.error, -ELOOP);
    assert_non_null(strstr(c.log, "exit2 "));
    clustering_restart(&c);
    clustering_until(&c, "gave_up", 2);
    assert_non_null(strstr(c.log, "exit4 "));
    assert_null(strstr(c.log, "ended"));
    stopped(&c);
    assert_null(strstr(c.log, "exit5 "));
    clustering_close(&c);
    cribd_stop(&daemon);
}

/* However a client ends it, nothing of the cluster stays. */
static void test_the_end_of_the_stream_ends_it(void **state)
{
    struct client_measure before;
    struct cribd daemon;

    (void)state;
    clustering_daemon(&daemon, "");
    before = client_measure(&daemon, 0);
    for (int half = 0; half < 2; half++) {
        struct clustering c;

        clustering_open(&daemon, &c);
        clustering_start(&c, serving, 3, LOOPBACK);
        clustering_until(&c, "listening", 3);
        if (half) {
            client_frame(c.sock, CLUSTERING_STREAM, TTRPC_DATA, TTRPC_REMOTE_CLOSED | TTRPC_NO_DATA,
                         NULL, 0);
            assert_int_equal(clustering_end(&c), -1);
        } else {
            close(c.sock);
            c.sock = -1;
        }
        clustering_close(&c);
        assert_int_equal(clustering_who(&c), 0);
    }
    client_settled(&daemon, &before, 0, (size_t)16 << 20);
    cribd_stop(&daemon);
}

static void test_a_unix_socket_is_removed(void **state)
{
    struct clustering_start s;
    struct clustering c;
    struct cribd daemon;
    char address[256];
    const char *const words[] = {"listen", address, "any", "serve", NULL};

    (void)state;
    clustering_daemon(&daemon, "");
    snprintf(address, sizeof(address), "unix:%s/served", daemon.dir);
    clustering_open(&daemon, &c);
    clustering_ask(&s, words, 1, address);
    clustering_input(&c, &s.input);
    clustering_until(&c, "listening", 1);
    assert_int_equal(access(address + 5, F_OK), 0);
    close(c.sock);
    c.sock = -1;
    clustering_close(&c);
    client_no_primary(&daemon);
    assert_int_equal(access(address + 5, F_OK), -1);
    cribd_stop(&daemon);
}

static void test_the_daemon_ends_in_good_order(void **state)
{
    struct clustering c;
    struct cribd daemon;

    (void)state;
    clustering_daemon(&daemon, "");
    clustering_open(&daemon, &c);
    clustering_start(&c, serving, 2, LOOPBACK);
    clustering_until(&c, "listening", 2);
    kill(daemon.pid, SIGTERM);
    clustering_until(&c, "left", 2);
    clustering_until(&c, "ended", 1);
    clustering_close(&c);
    cribd_stop(&daemon);
}

static void test_the_daemon_is_killed(void **state)
{
    struct clustering c;
    struct cribd daemon;

    (void)state;
    clustering_daemon(&daemon, "");
    clustering_open(&daemon, &c);
    clustering_start(&c, serving, 2, LOOPBACK);
    clustering_until(&c, "listening", 2);
    cribd_kill(&daemon);
    clustering_close(&c);
    client_no_primary(&daemon);
    cribd_stop(&daemon);
}

static void test_a_file_is_the_workers_output(void **state)
{
    Crib__Stdio out = CRIB__STDIO__INIT, *list[] = {&out};
    struct clustering_start s;
    struct clustering c;
    struct cribd daemon;

    (void)state;
    clustering_daemon(&daemon, "");
    clustering_open(&daemon, &c);
    clustering_ask(&s, idle, 1, NULL);
    out.has_fd = out.has_kind = out.has_path = true;
    out.fd = 1;
    out.kind = CRIB__STDIO__KIND__file;
    out.path = clustering_bytes("out"); /* in the caller's directory */
    s.task.stdio = list;
    s.task.n_stdio = 1;
    s.start.has_cwd = true;
    s.start.cwd = clustering_bytes(daemon.dir);
    clustering_input(&c, &s.input);
    clustering_until(&c, "online1", 1);
    {
        char path[256];

        snprintf(path, sizeof(path), "%s/out", daemon.dir);
        assert_int_equal(access(path, F_OK), 0);
    }
    stopped(&c);
    clustering_close(&c);
    cribd_stop(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_life),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_a_script),
        cmocka_unit_test(test_a_worker_that_crashes_is_replaced),
        cmocka_unit_test(test_giving_up),
        cmocka_unit_test(test_the_end_of_the_stream_ends_it),
        cmocka_unit_test(test_a_unix_socket_is_removed),
        cmocka_unit_test(test_the_daemon_ends_in_good_order),
        cmocka_unit_test(test_the_daemon_is_killed),
        cmocka_unit_test(test_a_file_is_the_workers_output),
    };

    return test_run(tests);
}
