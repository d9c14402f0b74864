/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib-stub: the child of a Node process that stands for a task in a sandbox.
 *
 * Theory of operation
 *
 * Node starts it in place of a program, with the program's stdio and `ipc` fds and one fd more,
 * where it tells events. It has the library run the program, here or under a daemon, with these
 * very fds, and closes its own: streams, messages and handles go between Node and the program
 * alone. It passes signals on, and ends with the program's status or signal. When Node goes, it
 * ends the task; when the stub goes, in whichever way, the library's init does.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "stub/end.h"
#include "stub/order.h"
#include "stub/tell.h"

/*
 * What is sent to a program and can be caught. Faults are left out, since the stub's own would come
 * back for ever, and the signals of job control: the task has a session of its own.
 */
static const int passed_on[] = {SIGHUP,    SIGINT,  SIGQUIT,   SIGABRT, SIGUSR1, SIGUSR2,
                                SIGALRM,   SIGTERM, SIGSTKFLT, SIGURG,  SIGXCPU, SIGXFSZ,
                                SIGVTALRM, SIGPROF, SIGWINCH,  SIGIO,   SIGPWR};
#define SIGNALS (sizeof(passed_on) / sizeof(passed_on[0]))

struct stub {
    struct order order;
    uv_loop_t loop;
    crib *ex;
    crib_task *task;
    uv_signal_t signals[SIGNALS];
    uv_poll_t parent;
    int parent_fd; /* -1: nobody is watched */
    bool watching;
    struct end end;
};

static void on_signal(uv_signal_t *handle, int signo)
{
    struct stub *stub = handle->data;

    if (stub->task)
        (void)crib_task_kill(stub->task, signo);
}

static void on_parent(uv_poll_t *handle, int status, int events)
{
    struct stub *stub = handle->data;

    (void)status;
    (void)events;
    (void)uv_poll_stop(handle);
    if (stub->task)
        (void)crib_task_kill(stub->task, SIGKILL);
}

static void on_spawn(crib_task *task, void *data)
{
    struct stub *stub = data;

    (void)task;
    tell_started(stub->order.control);
}

static void on_denied(crib_task *task, const struct crib_denial *denial, void *data)
{
    struct stub *stub = data;

    (void)task;
    tell_denied(stub->order.control, denial);
}

static void on_error(crib_task *task, const struct crib_error *error, void *data)
{
    struct stub *stub = data;

    (void)task;
    tell_error(stub->order.control, error);
}

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    struct stub *stub = data;

    tell_result(stub->order.control, task);
    stub->end = end_of(result);
    stub->task = NULL;
    uv_stop(&stub->loop);
}

static void watch_signals(struct stub *stub)
{
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < SIGNALS; i++) {
        uv_signal_t *handle = &stub->signals[i];

        if (uv_signal_init(&stub->loop, handle) < 0)
            continue;
        handle->data = stub;
        (void)uv_signal_start(handle, on_signal, passed_on[i]);
        uv_unref((uv_handle_t *)handle);
    }
}

/* Return: 0; -ESRCH Node has gone already; other negative errno. */
static int watch_parent(struct stub *stub, struct crib_error *err)
{
    const Crib__StubRequest *message = stub->order.message;
    int r;

    if (message->detached)
        return 0;
    stub->parent_fd = (int)syscall(SYS_pidfd_open, (pid_t)message->parent, 0);
    if (stub->parent_fd < 0 || getppid() != (pid_t)message->parent)
        return fail_sys(err, stub->parent_fd < 0 ? -errno : -ESRCH, "parent", -1, NULL, "watch it");
    r = uv_poll_init(&stub->loop, &stub->parent, stub->parent_fd);
    if (r == 0) {
        stub->watching = true;
        stub->parent.data = stub;
        r = uv_poll_start(&stub->parent, UV_READABLE, on_parent);
        uv_unref((uv_handle_t *)&stub->parent);
    }
    return r < 0 ? fail_sys(err, r, "parent", -1, NULL, "watch it") : 0;
}

static int start(struct stub *stub, struct crib_error *err)
{
    struct order *order = &stub->order;
    struct crib_options *options = &order->options;
    const char *file;
    int r;

    options->data = stub;
    options->on.spawn = on_spawn;
    options->on.denied = on_denied;
    options->on.error = on_error;
    options->on.close = on_close;
    file = arena_printf(&order->arena, "%.*s", (int)order->message->file.len,
                        order->message->file.data);
    if (!file)
        return fail_sys(err, -ENOMEM, "request", -1, NULL, NULL);
    r = watch_parent(stub, err);
    if (r == 0)
        r = crib_open(&stub->ex, &stub->loop, order->address, err);
    if (r == 0)
        r = crib_spawn(stub->ex, file, (const char *const *)order->args, options, &stub->task, err);
    return r;
}

static void stop(struct stub *stub)
{
    for (size_t i = 0; i < SIGNALS; i++)
        if (stub->signals[i].data)
            uv_close((uv_handle_t *)&stub->signals[i], NULL);
    if (stub->watching)
        uv_close((uv_handle_t *)&stub->parent, NULL);
    if (stub->ex)
        crib_close(stub->ex, NULL, NULL);
    while (uv_run(&stub->loop, UV_RUN_DEFAULT))
        ;
    (void)uv_loop_close(&stub->loop);
    fd_close(&stub->parent_fd);
}

static void run(struct stub *stub)
{
    struct crib_error err = {0};
    int r = uv_loop_init(&stub->loop);

    if (r < 0) {
        fail_sys(&err, r, "loop", -1, NULL, "make one");
        tell_error(stub->order.control, &err);
        return;
    }
    watch_signals(stub);
    tell_view(stub->order.control, stub->order.policy);
    r = start(stub, &err);
    order_let_go(&stub->order);
    if (r == 0)
        uv_run(&stub->loop, UV_RUN_DEFAULT);
    else
        tell_error(stub->order.control, &err);
    stop(stub);
}

static void say(int fd, const char *text)
{
    (void)fd_write_all(fd, text, strlen(text));
}

int main(int argc, char **argv)
{
    static struct stub stub = {.parent_fd = -1, .end.status = END_NEVER_RAN};
    struct crib_error err = {0};
    char text[1024];

    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        say(STDOUT_FILENO, CRIB_VERSION "\n");
        return 0;
    }
    if (argc < 3) {
        say(STDERR_FILENO, "crib-stub: the package `crib` for Node starts it\n");
        return END_NEVER_RAN;
    }
    if (order_read(&stub.order, argv, &err) == 0)
        run(&stub);
    else if (stub.order.control >= 0)
        tell_error(stub.order.control, &err);
    else {
        say(STDERR_FILENO, "crib-stub: ");
        say(STDERR_FILENO, crib_error_text(&err, text, sizeof(text)));
        say(STDERR_FILENO, "\n");
    }
    order_done(&stub.order);
    end_as(stub.end);
}
