/* SPDX-License-Identifier: Apache-2.0 */
/* Stock Node at the other end of the channel. */
#include "sandbox/node.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* --- as any Node programmer would write it --- */

static void test_a_pair_that_says_hello(void **state)
{
    struct node node;

    (void)state;
    begin(&node);
    run(&node, "process.on('message', m => {"
               "  process.send({hello: m.name});"
               "  process.disconnect();"
               "});");
    assert_int_equal(tell(&node, "{\"name\": \"parent\"}"), 0);
    end(&node, 0, "{\"hello\":\"parent\"}\n");
    /* It has both done when we look, on a slow machine. */
    if (strcmp(node.task.log, "spawn exit disconnect close ") != 0)
        live_says(&node.task, "spawn disconnect exit close ");
}

static void double_then_done(struct node *node, struct crib_message *message)
{
    (void)message;
    assert_int_equal(tell(node, node->messages == 1 ? "{\"cmd\":\"double\",\"number\":7}"
                                                    : "{\"cmd\":\"done\"}"),
                     0);
}

static void test_the_even_doubler(void **state)
{
    struct node node;

    (void)state;
    begin(&node);
    node.answer = double_then_done;
    run(&node, "process.on('message', ({cmd, number}) => {"
               "  if (cmd === 'done') return process.exit(3);"
               "  process.send(number % 2 ? {error: 'odd'} : {answer: number * 2});"
               "});");
    assert_int_equal(tell(&node, "{\"cmd\":\"double\",\"number\":20}"), 0);
    end(&node, 3, "{\"answer\":40}\n{\"error\":\"odd\"}\n");
}

static void test_every_kind_of_value(void **state)
{
    static const char *const values[] = {
        "0",
        "-1.5e-7",
        "true",
        "false",
        "null",
        "\"\"",
        "[]",
        "{}",
        "[[[1,[null]]],{\"a\":{\"b\":[]}}]",
        "\"\\ud800\"",
        "{\"\\udfff\":\"\\ud83d\\ud83d\"}",
        "\"\xf0\x9f\x98\x80 \xc3\xa9\\u0000\\n\"",
    };
    struct buf expected = {0};
    struct node node;

    (void)state;
    begin(&node);
    node.expected = sizeof(values) / sizeof(values[0]);
    node.answer = disconnect_after_the_last;
    run(&node, MIRROR);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_in_range(tell(&node, values[i]), 0, 1);
        buf_printf(&expected, "%s\n", values[i]);
    }
    buf_append(&expected, "", 1);
    end(&node, 0, (char *)expected.data);
    buf_done(&expected);
}

static void test_one_byte_to_16_mib(void **state)
{
    static const size_t sizes[] = {1, 1000, 65535, 65536, 65537, 1 << 20, 16 << 20};
    char *text = malloc((16 << 20) + 2);
    struct node node;
    size_t sum = 0;

    (void)state;
    assert_non_null(text);
    begin(&node);
    node.expected = 7;
    node.answer = disconnect_after_the_last;
    run(&node, MIRROR);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        memset(text, 'x', sizes[i] + 2);
        text[0] = text[sizes[i] + 1] = '"';
        assert_in_range(tell_bytes(&node, text, sizes[i] + 2, -1), 0, 1);
        sum += sizes[i] + 3;
    }
    free(text);
    live_run(&node.live);
    assert_int_equal(node.messages, 7);
    assert_int_equal(node.said.len, sum);
    end(&node, 0, NULL);
}

static void test_ten_thousand_each_way(void **state)
{
    struct node node;
    char text[32];

    (void)state;
    begin(&node);
    node.expected = 10000;
    node.answer = disconnect_after_the_last;
    run(&node, "let n = 0;"
               "process.on('message', m => {"
               "  if (m.n !== n++) process.exit(1);"
               "  process.send(m);"
               "});");
    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof(text), "{\"n\":%d}", i);
        assert_in_range(tell(&node, text), 0, 1);
    }
    live_run(&node.live);
    assert_int_equal(node.messages, 10000);
    buf_append(&node.said, "", 1);
    assert_string_equal((char *)node.said.data + node.said.len - sizeof("{\"n\":9999}\n"),
                        "{\"n\":9999}\n");
    end(&node, 0, NULL);
}

/* `send` calls back, and says false while too much waits. */
static void test_callbacks_and_back_pressure(void **state)
{
    struct node node;

    (void)state;
    begin(&node);
    run(&node, "let full = 0, done = 0;"
               "const big = 'x'.repeat(100000);"
               "for (let i = 0; i < 50; i++)"
               "  if (!process.send(big, e => { done += !e; if (done === 50)"
               "    process.send({full: full > 0, done}, () => process.disconnect()); })) full++;");
    live_run(&node.live);
    assert_int_equal(node.messages, 51);
    buf_append(&node.said, "", 1);
    test_contains((char *)node.said.data, "\n{\"full\":true,\"done\":50}\n");
    end(&node, 0, NULL);
}

/* It leaves by itself when nobody listens, and is not kept by the channel. */
static void test_a_child_that_does_not_listen(void **state)
{
    struct node node;

    (void)state;
    begin(&node);
    run(&node, "process.send(process.connected)");
    end(&node, 0, "true\n");
}

static void test_the_names_are_gone_from_its_environment(void **state)
{
    struct node node;

    (void)state;
    begin(&node);
    run(&node, "process.send(Object.keys(process.env).filter(k => /CHANNEL/.test(k)))");
    end(&node, 0, "[]\n");
}

/* --- a script in a file --- */

struct files {
    char *dir, script[4096], lib[4096], aside[4096];
};

static void write_files(struct files *files, const char *script)
{
    static const char *const lib = "exports.twice = n => 2 * n;\n";

    files->dir = test_dir();
    assert_int_equal(chmod(files->dir, 0755), 0);
    snprintf(files->script, sizeof(files->script), "%s/app/main.js", files->dir);
    snprintf(files->lib, sizeof(files->lib), "%s/app/lib.js", files->dir);
    snprintf(files->aside, sizeof(files->aside), "%s/secret", files->dir);
    *strrchr(files->lib, '/') = '\0';
    assert_int_equal(mkdir(files->lib, 0755), 0);
    files->lib[strlen(files->lib)] = '/';
    test_write(files->script, script, strlen(script), 0644);
    test_write(files->lib, lib, strlen(lib), 0644);
    test_write(files->aside, "told", 4, 0644);
}

/* What is beside it, it can require; what is not, it cannot see, and nothing can it write. */
static void test_a_script_sees_its_directory(void **state)
{
    static const char *const script =
        "const fs = require('fs'), path = require('path'), {twice} = require('./lib');"
        "const code = f => { try { f(); return 'did' } catch (e) { return e.code } };"
        "process.on('message', ({n}) => {"
        "  process.send([twice(n), process.argv[2],"
        "    code(() => fs.readFileSync(path.join(__dirname, '../secret'))),"
        "    code(() => fs.writeFileSync(path.join(__dirname, 'x'), 'x')),"
        "    code(() => require('child_process').execFileSync('true'))]);"
        "  process.disconnect();"
        "});";
    const char *const args[] = {"argument", NULL};
    struct crib_error error;
    struct files files;
    struct node node;

    (void)state;
    write_files(&files, script);
    begin(&node);
    node.task.options.channel = CRIB_CHANNEL_CRIB; /* as nobody needs to say */
    live_started(
        &node.task,
        crib_fork(node.live.ex, files.script, args, &node.task.options, &node.task.task, &error),
        &error);
    assert_int_equal(tell(&node, "{\"n\": 21}"), 0);
    end(&node, 0, "[42,\"argument\",\"ENOENT\",\"EROFS\",\"EPERM\"]\n");
    free(files.dir);
}

static void test_a_script_that_is_not_there(void **state)
{
    struct crib_error error;
    struct node node;

    (void)state;
    begin(&node);
    assert_int_equal(
        crib_fork(node.live.ex, "/none/x.mjs", NULL, &node.task.options, &node.task.task, &error),
        -ENOENT);
    assert_string_equal(error.subject, "/none/x.mjs");
    live_close(&node.live);
}

/* --- fds --- */

static int listening(struct sockaddr_in *ret)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(*ret);

    memset(ret, 0, sizeof(*ret));
    ret->sin_family = AF_INET;
    ret->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)ret, sizeof(*ret)), 0);
    assert_int_equal(listen(fd, 10), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &len), 0);
    return fd;
}

/* A server in a task that has no network. */
static void test_a_listening_socket_is_handed_in(void **state)
{
    struct sockaddr_in address;
    int fd = listening(&address), client;
    char said[64] = "";
    struct node node;

    (void)state;
    begin(&node);
    run(&node, "process.on('message', (m, server) => {"
               "  server.on('connection', s => { s.end('hello from inside', () => s.destroy());"
               "    server.close(); process.disconnect(); });"
               "});");
    assert_int_equal(tell_bytes(&node, "\"serve\"", 7, fd), 0);
    close(fd);
    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    end(&node, 0, "");
    assert_int_equal(recv(client, said, sizeof(said), MSG_WAITALL), 17);
    assert_string_equal(said, "hello from inside");
    close(client);
}

/* What a child sends, it may go on sending: each is acknowledged. */
static void test_sockets_are_handed_out(void **state)
{
    struct node node;

    (void)state;
    begin(&node);
    run(&node,
        "const net = require('net');"
        "const server = net.createServer(s => process.send('got', s)).listen('/tmp/s', () => {"
        "  for (let i = 0; i < 3; i++) net.connect('/tmp/s').unref();"
        "  process.send('server', server, () => {});"
        "  setTimeout(() => process.exit(0), 500);"
        "});");
    live_run(&node.live);
    assert_int_equal(node.fds, 4);
    assert_int_equal(node.messages, 4);
    end(&node, 0, NULL);
}

/* --- what Node's own never does --- */

static void test_garbage_on_the_channel(void **state)
{
    (void)state;
    must_fail("require('fs').writeSync(3, 'hello\\n'); setTimeout(() => 0, 100)", "not JSON");
    must_fail("require('fs').writeSync(3, Buffer.from([0, 255, 10])); setTimeout(() => 0, 100)",
              "not JSON");
    must_fail("require('fs').writeSync(3, '{\"half\": '); process.exit(0)",
              "in the middle of a message");
    must_fail("require('fs').writeSync(3, '['.repeat(2000) + ']'.repeat(2000) + '\\n')",
              "too deep");
}

static void test_a_child_that_dies_in_the_middle(void **state)
{
    (void)state;
    must_fail(
        "require('fs').writeSync(3, '{\"a\":1}\\n{\"b'); process.kill(process.pid, 'SIGKILL')",
        "in the middle of a message");
}

/* It is told of by what is queued, and ends with the task. */
static void test_a_child_that_never_reads(void **state)
{
    char text[1000];
    struct node node;
    int r = 0;

    (void)state;
    memset(text, '1', sizeof(text));
    begin(&node);
    node.task.options.timeout_ms = 2000;
    run(&node, "for (;;) ;");
    for (int i = 0; i < 2000; i++)
        r |= tell_bytes(&node, text, sizeof(text), -1);
    assert_int_equal(r, 1);
    live_run(&node.live);
    assert_int_equal(node.task.result.verdict, CRIB_WALL_TIMEOUT);
    finish(&node);
}

static void test_what_cannot_be_sent(void **state)
{
    struct node node;
    int file;

    (void)state;
    begin(&node);
    run(&node, MIRROR);
    assert_int_equal(tell(&node, "{"), -EINVAL);
    assert_int_equal(tell(&node, "undefined"), -EINVAL);
    assert_int_equal(crib_task_send(node.task.task, "text", "1", 1, NULL, 0), -EINVAL);
    file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(tell_bytes(&node, "1", 1, file), -EINVAL);
    close(file);
    node.expected = 1;
    node.answer = disconnect_after_the_last;
    assert_int_equal(tell(&node, "1"), 0);
    end(&node, 0, "1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pair_that_says_hello),
        cmocka_unit_test(test_the_even_doubler),
        cmocka_unit_test(test_every_kind_of_value),
        cmocka_unit_test(test_one_byte_to_16_mib),
        cmocka_unit_test(test_ten_thousand_each_way),
        cmocka_unit_test(test_callbacks_and_back_pressure),
        cmocka_unit_test(test_a_child_that_does_not_listen),
        cmocka_unit_test(test_the_names_are_gone_from_its_environment),
        cmocka_unit_test(test_a_script_sees_its_directory),
        cmocka_unit_test(test_a_script_that_is_not_there),
        cmocka_unit_test(test_a_listening_socket_is_handed_in),
        cmocka_unit_test(test_sockets_are_handed_out),
        cmocka_unit_test(test_garbage_on_the_channel),
        cmocka_unit_test(test_a_child_that_dies_in_the_middle),
        cmocka_unit_test(test_a_child_that_never_reads),
        cmocka_unit_test(test_what_cannot_be_sent),
    };

    return sandbox_test_run(tests);
}
