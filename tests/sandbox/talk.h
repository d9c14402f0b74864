/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program and its forked child, which is the same file: started with `child VERB` it is the
 * module, and runs a verb of its table.
 *
 * Runs in: tests, and inside their tasks.
 */
#ifndef SANDBOX_TALK_H
#define SANDBOX_TALK_H

#include "sandbox/live.h"

#include <unistd.h>

#include "crib/child.h"

/* --- inside --- */

static crib_child *inside;
static bool is_child;

/* A leak check at exit would need ptrace, which a sandbox does not give. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return is_child;
}

struct talk_verb {
    const char *name;
    int (*run)(void);
};

static inline int send_text(const char *type, const char *text)
{
    return crib_child_send(inside, type, text, strlen(text), NULL, 0);
}

/* Sends back what comes, its fds too, until the parent disconnects. */
static inline int child_echo(void)
{
    struct crib_child_message message;
    int r;

    while ((r = crib_child_receive(inside, -1, &message, NULL)) > 0)
        if (crib_child_send(inside, message.type, message.data, message.len, message.fds,
                            message.nfds) < 0)
            return 2;
    return r < 0 ? 3 : 0;
}

static inline int talk_child(const struct talk_verb *verbs, size_t count, const char *name)
{
    is_child = true;
    if (crib_child_open(&inside, NULL) < 0)
        return 90;
    for (size_t i = 0; i < count; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return verbs[i].run();
    return 91;
}

/* --- outside --- */

static char self[4096];

/* One forked child, and what it said. */
struct talk {
    struct live live;
    struct live_task task;
    struct buf types; /* of the messages, each followed by a space */
    struct buf last;  /* payload of the last one */
    int fds[64];
    size_t nfds;
    int messages;
    void (*answer)(struct talk *talk, const struct crib_message *message);
};

static inline void on_message(crib_task *task, struct crib_message *message, void *data)
{
    struct talk *talk = ((struct live_task *)data)->user;

    (void)task;
    talk->messages++;
    buf_printf(&talk->types, "%s ", message->type);
    buf_consume(&talk->last, talk->last.len);
    buf_append(&talk->last, message->data, message->len);
    for (size_t i = 0; i < message->nfds && talk->nfds < 64; i++) {
        talk->fds[talk->nfds++] = message->fds[i];
        message->fds[i] = -1;
    }
    if (talk->answer)
        talk->answer(talk, message);
}

static inline void prepare(struct talk *talk)
{
    memset(talk, 0, sizeof(*talk));
    live_open(&talk->live);
    live_task(&talk->task);
    talk->task.user = talk;
    talk->task.options.on.message = on_message;
}

static inline void begin(struct talk *talk, const char *verb)
{
    const char *const args[] = {"child", verb, NULL};
    struct crib_error error;

    sandbox_prepare(talk->live.ex, self, args, &talk->task.options, true);
    live_started(
        &talk->task,
        crib_fork(talk->live.ex, self, args, &talk->task.options, &talk->task.task, &error),
        &error);
}

static inline void end(struct talk *talk)
{
    while (talk->nfds)
        close(talk->fds[--talk->nfds]);
    buf_done(&talk->types);
    buf_done(&talk->last);
    live_close(&talk->live);
}

static inline void assert_types(struct talk *talk, const char *types)
{
    buf_append(&talk->types, "", 1);
    assert_string_equal((char *)talk->types.data, types);
}

static inline void part_at_once(struct talk *talk, const struct crib_message *message)
{
    (void)message;
    assert_int_equal(crib_task_disconnect(talk->task.task), 0);
}

/* What main() does: the verb of a child, or the tests. */
#define talk_main(argc, argv, verbs, tests)                                                        \
    ((argc) == 3 && strcmp((argv)[1], "child") == 0                                                \
         ? talk_child(verbs, sizeof(verbs) / sizeof((verbs)[0]), (argv)[2])                        \
     : readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 ? 1                                  \
                                                              : sandbox_test_run(tests))

#endif
