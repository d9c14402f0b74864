/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stock Node as a task, and what it says: a line for each of its messages.
 *
 * Runs in: tests.
 */
#ifndef SANDBOX_NODE_H
#define SANDBOX_NODE_H

#include "sandbox/live.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

struct node {
    struct live live;
    struct live_task task;
    struct buf said; /* its messages, a line each */
    unsigned messages, fds, expected;
    void (*answer)(struct node *node, struct crib_message *message); /* may be NULL */
    void *user;
};

/* What it gets is what it gives back. */
#define MIRROR "process.on('message', m => process.send(m));"

static inline void node_on_message(crib_task *task, struct crib_message *message, void *data)
{
    struct live_task *live = data;
    struct node *node = live->user;

    (void)task;
    assert_string_equal(message->type, "json");
    node->messages++;
    node->fds += (unsigned)message->nfds;
    buf_append(&node->said, message->data, message->len);
    buf_text(&node->said, "\n");
    if (node->answer)
        node->answer(node, message);
}

static inline void begin(struct node *node)
{
    memset(node, 0, sizeof(*node));
    live_open(&node->live);
    live_task(&node->task);
    node->task.user = node;
    node->task.options.on.message = node_on_message;
    node->task.options.channel = CRIB_CHANNEL_NODE;
}

/* A script without a file. */
static inline void run(struct node *node, const char *script)
{
    const char *const args[] = {"-e", script, NULL};
    struct live_task *task = &node->task;
    struct crib_error error;

    live_started(task, crib_fork(node->live.ex, "node", args, &task->options, &task->task, &error),
                 &error);
}

/* Return: as crib_task_send(). */
static inline int tell_bytes(struct node *node, const void *json, size_t len, int fd)
{
    return crib_task_send(node->task.task, "json", json, len, &fd, fd >= 0);
}

static inline int tell(struct node *node, const char *json)
{
    return tell_bytes(node, json, strlen(json), -1);
}

/* Runs it to its end, of whatever kind. */
static inline void finish(struct node *node)
{
    live_run(&node->live);
    buf_done(&node->said);
    live_close(&node->live);
}

/* It must end by itself, with that status. @said: NULL: whatever. */
static inline void end(struct node *node, int status, const char *said)
{
    live_run(&node->live);
    buf_append(&node->said, "", 1);
    if (said)
        assert_string_equal((char *)node->said.data, said);
    assert_int_equal(node->task.result.verdict, CRIB_EXITED);
    assert_int_equal(node->task.result.status, status);
    finish(node);
}

/* An `answer`. Node's channel has no half: whoever disconnects hears no more. */
static inline void disconnect_after_the_last(struct node *node, struct crib_message *message)
{
    (void)message;
    if (node->messages == node->expected)
        assert_int_equal(crib_task_disconnect(node->task.task), 0);
}

/* What Node's own never does ends the channel, before the task. */
static inline void must_fail(const char *script, const char *part)
{
    struct node node;
    char text[512];

    begin(&node);
    run(&node, script);
    live_run(&node.live);
    test_contains(crib_error_text(&node.task.error, text, sizeof(text)), part);
    assert_true(strstr(node.task.log, "error ") < strstr(node.task.log, "close "));
    finish(&node);
}

#endif
