/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task with the test as its init: a child process that only waits stands for init's, and what
 * init would report is sent from here.
 *
 * Runs in: tests.
 */
#ifndef UNIT_FAKE_INIT_H
#define UNIT_FAKE_INIT_H

#include "support/support.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "supervise/escalation.h"
#include "supervise/task.h"
#include "wire/packet.h"

struct fixture {
    uv_loop_t loop;
    crib_task *task;
    int init;       /* init's end of the control socket; -1 */
    pid_t pid;      /* of what stands for init */
    struct buf log; /* a word for each event */
    struct crib_result result;
    struct crib_error error;
    int kill_at_spawn; /* signal; 0: none */
    bool closed;
};

static inline void note(struct fixture *f, const char *word)
{
    assert_false(f->closed);
    buf_printf(&f->log, "%s ", word);
}

static inline void on_spawn(crib_task *task, void *data)
{
    struct fixture *f = data;

    note(f, "spawn");
    if (f->kill_at_spawn)
        assert_int_equal(task_signal(task, f->kill_at_spawn), 0);
}

static inline void on_message(crib_task *task, struct crib_message *message, void *data)
{
    (void)task;
    assert_int_equal(message->len, 1);
    note(data, "message");
}

static inline void on_disconnect(crib_task *task, void *data)
{
    (void)task;
    note(data, "disconnect");
}

static inline void on_denied(crib_task *task, const struct crib_denial *denial, void *data)
{
    (void)task;
    assert_non_null(denial->call);
    note(data, "denied");
}

static inline void on_error(crib_task *task, const struct crib_error *error, void *data)
{
    (void)task;
    ((struct fixture *)data)->error = *error;
    note(data, "error");
}

static inline void on_exit_event(crib_task *task, const struct crib_result *result, void *data)
{
    (void)task;
    ((struct fixture *)data)->result = *result;
    note(data, "exit");
}

static inline void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    struct fixture *f = data;

    (void)task;
    note(f, "close");
    f->result = *result;
    f->closed = true;
}

static inline void on_data(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    (void)stream;
    (void)len;
    note(user, data ? "data" : "end");
}

static inline Crib__Plan *make_plan(struct arena *arena)
{
    Crib__Plan *plan = ARENA_NEW(arena, crib__plan, Crib__Plan);

    plan->life = ARENA_NEW(arena, crib__life_plan, Crib__LifePlan);
    plan->life->kill_signal = SIGTERM;
    plan->life->setup_deadline = 10000;
    return plan;
}

static inline void adopt(struct fixture *f)
{
    struct launch launch;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
                     0);
    f->init = pair[1];
    f->pid = fork();
    if (f->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
        for (;;)
            pause();
    }
    launch = (struct launch){f->pid, (int)syscall(SYS_pidfd_open, f->pid, 0), pair[0]};
    assert_int_equal(task_adopt(f->task, launch, NULL), 0);
}

static inline void set_up(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->task = task_new(&f->loop);
    f->task->plan = make_plan(&f->task->arena);
    f->task->data = f;
    f->task->on = (struct crib_events){.spawn = on_spawn,
                                       .message = on_message,
                                       .disconnect = on_disconnect,
                                       .denied = on_denied,
                                       .error = on_error,
                                       .exit = on_exit_event,
                                       .close = on_close};
}

static inline void tear_down(struct fixture *f, const char *order)
{
    uv_run(&f->loop, UV_RUN_DEFAULT);
    if (f->init >= 0)
        close(f->init);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    buf_append(&f->log, "", 1);
    assert_string_equal((char *)f->log.data, order);
    buf_done(&f->log);
}

static inline void report(struct fixture *f, const Crib__Report *message)
{
    assert_int_equal(packet_send_message(f->init, &message->base), 0);
}

static inline void report_started(struct fixture *f)
{
    Crib__Report message = CRIB__REPORT__INIT;

    message.has_started = message.started = true;
    report(f, &message);
}

static inline void report_end(struct fixture *f, int status)
{
    Crib__Report message = CRIB__REPORT__INIT;
    Crib__Report__End end = CRIB__REPORT__END__INIT;

    end.has_status = true;
    end.status = status;
    message.end = &end;
    report(f, &message);
}

static inline void report_refused(struct fixture *f, int times)
{
    Crib__Report message = CRIB__REPORT__INIT;
    Crib__Report__Refused refused = CRIB__REPORT__REFUSED__INIT;

    refused.has_number = refused.has_answer = refused.has_count = true;
    refused.number = 101; /* ptrace */
    refused.answer = EPERM;
    refused.count = 1;
    message.refused = &refused;
    while (times-- > 0)
        report(f, &message);
}

/* Init goes, as the kernel sees it. */
static inline void leave(struct fixture *f)
{
    kill(f->pid, SIGKILL);
    close(f->init);
    f->init = -1;
}

static inline void turn(struct fixture *f, int times)
{
    while (times-- > 0)
        uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* The signal that an order asks for; 0: there is none. */
static inline int order(struct fixture *f)
{
    uint8_t data[256];
    size_t none = 0;
    long n = packet_receive(f->init, data, sizeof(data), NULL, &none);
    Crib__Order *message = n > 0 ? crib__order__unpack(NULL, (size_t)n, data) : NULL;
    int signo = message ? (int)message->signal : 0;

    crib__order__free_unpacked(message, NULL);
    return signo;
}

/* The first loop of a process opens a pipe that stays: test_run() after that. */
#define fake_init_test_run(tests) (warm(), test_run(tests))
static inline void warm(void)
{
    uv_loop_t loop;

    uv_loop_init(&loop);
    uv_loop_close(&loop);
}

#endif
