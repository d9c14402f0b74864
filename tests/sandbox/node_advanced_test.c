/* SPDX-License-Identifier: Apache-2.0 */
/* Stock Node at the other end, with the serialization `advanced`. */
#include "sandbox/live.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct node {
    struct live live;
    struct live_task task;
    struct buf said;
    unsigned messages;
    int pair[2]; /* of sockets; the script has the second as fd 3 */
};

/* {a: 1} as v8.serialize() makes it */
static const uint8_t plain[] = {0xff, 0x0f, 'o', '"', 1, 'a', 'I', 2, '{', 1};

static void on_message(crib_task *task, struct crib_message *message, void *data)
{
    struct node *node = ((struct live_task *)data)->user;

    (void)task;
    assert_string_equal(message->type, "v8");
    assert_int_equal(message->nfds, 0);
    node->messages++;
    node->said.len = 0;
    buf_append(&node->said, message->data, message->len);
}

static void begin(struct node *node, const char *script)
{
    const char *const args[] = {"-e", script, NULL};
    struct crib_stdio stdio[4] = {{CRIB_NULL}, {CRIB_INHERIT}, {CRIB_INHERIT}, {CRIB_FD}};
    struct live_task *task = &node->task;
    struct crib_error error;

    memset(node, 0, sizeof(*node));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, node->pair), 0);
    stdio[3].from = node->pair[1];
    live_open(&node->live);
    live_task(task);
    task->user = node;
    task->options.on.message = on_message;
    task->options.policy = "node";
    task->options.stdio = stdio;
    task->options.stdio_count = 4;
    task->options.channel = CRIB_CHANNEL_NODE_ADVANCED;
    live_started(task, crib_fork(node->live.ex, "node", args, &task->options, &task->task, &error),
                 &error);
}

static void end(struct node *node)
{
    live_run(&node->live);
    assert_int_equal(node->task.result.verdict, CRIB_EXITED);
    assert_int_equal(node->task.result.status, 0);
    buf_done(&node->said);
    close(node->pair[0]);
    close(node->pair[1]);
    live_close(&node->live);
}

static void test_there_and_back(void **state)
{
    struct node node;

    (void)state;
    begin(&node, "process.on('message', (m) => {"
                 "  if (m.a !== 1) process.exit(1);"
                 "  process.send(m, () => process.disconnect()); });");
    assert_int_equal(crib_task_send(node.task.task, "v8", plain, sizeof(plain), NULL, 0), 0);
    live_run(&node.live);
    assert_int_equal(node.messages, 1);
    assert_int_equal(node.said.len, sizeof(plain));
    assert_memory_equal(node.said.data, plain, sizeof(plain));
    end(&node);
}

/* What JSON has no word for, a megabyte, and many. */
static void test_values(void **state)
{
    struct node node;

    (void)state;
    begin(&node, "process.send(new Map([[1, 2n]])); process.send(undefined ?? new Date(0));"
                 "process.send(new Uint8Array(1 << 20));"
                 "for (let i = 0; i < 10000; i++) process.send({i});"
                 "process.send(new Error('last'), () => process.disconnect());");
    live_run(&node.live);
    assert_int_equal(node.messages, 10004);
    assert_non_null(memmem(node.said.data, node.said.len, "last", 4));
    end(&node);
}

/* The script is told that nobody took it, and goes on. */
static void test_a_handle(void **state)
{
    struct node node;

    (void)state;
    begin(&node, "const s = new (require('net').Socket)({fd: 3});"
                 "process.on('warning', () => process.send('warned', () => process.exit(0)));"
                 "process.on('message', () => process.send({a: 1}, s));");
    assert_int_equal(crib_task_send(node.task.task, "v8", plain, sizeof(plain), NULL, 0), 0);
    assert_int_equal(crib_task_send(node.task.task, "v8", plain, sizeof(plain), &node.pair[0], 1),
                     -EOPNOTSUPP);
    live_run(&node.live);
    assert_int_equal(node.messages, 1);
    assert_non_null(memmem(node.said.data, node.said.len, "warned", 6));
    end(&node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_a_handle),
    };

    return sandbox_test_run(tests);
}
