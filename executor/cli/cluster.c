/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib cluster: a primary on a loop of its own; its events are told, its signals are orders.
 *
 * Theory of operation: SIGTTIN and SIGTTOU are also what the kernel sends to a background job that
 * uses its terminal, and so to all who are in a pipeline with one. They are blocked and read from a
 * signalfd, which says who sent them. Blocked, they do not keep us from writing either.
 *
 * A hang-up of our terminal comes as SIGHUP, too: then nobody wants new workers, and it is taken
 * for SIGTERM.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cluster_events.h"
#include "cli/command.h"
#include "cli/outcome.h"
#include "cli/remote.h"
#include "cli/say.h"

static const int orders[] = {SIGHUP, SIGTERM, SIGINT};

#define ORDERS (sizeof(orders) / sizeof(orders[0]))

struct primary {
    struct request *request;
    uv_loop_t loop;
    crib *ex;
    crib_cluster *cluster;
    struct cluster_events events;
    uv_signal_t signals[ORDERS];
    bool watched[ORDERS];
    int signal_fd; /* of SIGTTIN and SIGTTOU; -1 */
    uv_poll_t scaling;
    bool had_terminal; /* a controlling one */
    bool began;        /* a worker ran */
    bool stopping, ending, failed;
    int outcome; /* exit status where no worker could go on */
    int status;
};

/* --- the end --- */

static void on_closed(void *data)
{
    struct primary *primary = data;

    primary->cluster = NULL;
    primary->events.cluster = primary->events.status.cluster = NULL;
    uv_stop(&primary->loop);
}

static void end(struct primary *primary)
{
    if (primary->ending)
        return;
    primary->ending = true;
    crib_cluster_close(primary->cluster, on_closed, primary);
}

/* It gave up, unless it was to stop. */
static void on_ended(crib_cluster *cluster, void *data)
{
    struct primary *primary = data;

    (void)cluster;
    if (!primary->stopping)
        primary->status = primary->outcome;
    end(primary);
}

static void fail(struct primary *primary)
{
    primary->failed = primary->stopping = true;
    if (primary->cluster)
        crib_cluster_stop(primary->cluster);
}

static void on_broken(struct cluster_events *events, int code)
{
    say("events: %s", strerror(-code));
    fail(events->data);
}

/* --- orders --- */

static void stop(struct primary *primary)
{
    primary->stopping = true;
    crib_cluster_stop(primary->cluster);
    cluster_events_own(&primary->events, "stop", "stopping");
}

static bool has_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    bool has = fd >= 0;

    fd_close(&fd);
    return has;
}

static void restart(struct primary *primary)
{
    if (primary->stopping)
        return;
    if (primary->had_terminal && !has_terminal()) {
        stop(primary);
        return;
    }
    cluster_events_own(&primary->events, "restart", "restarting, one worker after the other");
    (void)crib_cluster_restart(primary->cluster);
}

static void on_order(uv_signal_t *handle, int signo)
{
    struct primary *primary = handle->data;

    if (primary->ending)
        return;
    if (signo == SIGHUP) {
        restart(primary);
    } else if (!primary->stopping) {
        stop(primary);
    } else {
        primary->status = STATUS_SIGNAL + signo;
        end(primary);
    }
}

static void scale(struct primary *primary, bool more)
{
    unsigned wanted = crib_cluster_wanted(primary->cluster);
    char text[64];

    if (primary->stopping || (!more && wanted <= 1))
        return;
    if (crib_cluster_scale(primary->cluster, more ? wanted + 1 : wanted - 1) < 0)
        return;
    wanted = crib_cluster_wanted(primary->cluster);
    snprintf(text, sizeof(text), "%u worker%s wanted", wanted, wanted == 1 ? "" : "s");
    cluster_events_own(&primary->events, "scale", text);
}

/* Those of the kernel are about a terminal, and not for us. */
static void on_scaling(uv_poll_t *handle, int status, int events)
{
    struct primary *primary = handle->data;
    struct signalfd_siginfo info;

    (void)status;
    (void)events;
    while (read(primary->signal_fd, &info, sizeof(info)) == sizeof(info))
        if (info.ssi_code != SI_KERNEL && primary->cluster && !primary->ending)
            scale(primary, info.ssi_signo == SIGTTIN);
}

/* What the caller has us ignore (nohup, a shell's background job) stays ignored. */
static bool is_ignored(int signo)
{
    struct sigaction action;

    return sigaction(signo, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static int watch_scaling(struct primary *primary)
{
    static const int both[] = {SIGTTIN, SIGTTOU};
    sigset_t blocked, read;
    int r;

    sigemptyset(&blocked);
    sigemptyset(&read);
    for (int i = 0; i < 2; i++) {
        sigaddset(&blocked, both[i]);
        if (!is_ignored(both[i]))
            sigaddset(&read, both[i]);
    }
    if (sigprocmask(SIG_BLOCK, &blocked, NULL) < 0)
        return -errno;
    primary->signal_fd = signalfd(-1, &read, SFD_CLOEXEC | SFD_NONBLOCK);
    if (primary->signal_fd < 0)
        return -errno;
    r = uv_poll_init(&primary->loop, &primary->scaling, primary->signal_fd);
    if (r < 0) {
        fd_close(&primary->signal_fd);
        return r;
    }
    primary->scaling.data = primary;
    return uv_poll_start(&primary->scaling, UV_READABLE, on_scaling);
}

static int watch(struct primary *primary)
{
    primary->had_terminal = has_terminal();
    for (size_t i = 0; i < ORDERS; i++) {
        uv_signal_t *handle = &primary->signals[i];

        if (is_ignored(orders[i]) || uv_signal_init(&primary->loop, handle) < 0)
            continue;
        primary->watched[i] = true;
        handle->data = primary;
        (void)uv_signal_start(handle, on_order, orders[i]);
    }
    return watch_scaling(primary);
}

static void unwatch(struct primary *primary)
{
    for (size_t i = 0; i < ORDERS; i++)
        if (primary->watched[i])
            uv_close((uv_handle_t *)&primary->signals[i], NULL);
    if (primary->signal_fd >= 0)
        uv_close((uv_handle_t *)&primary->scaling, NULL);
}

/* --- what happens --- */

static void on_fork(crib_worker *worker, void *data)
{
    struct primary *primary = data;

    primary->began = true;
    cluster_events_fork(&primary->events, worker);
}

static void on_online(crib_worker *worker, void *data)
{
    cluster_events_online(&((struct primary *)data)->events, worker);
}

static void on_listening(crib_worker *worker, const char *address, void *data)
{
    cluster_events_listening(&((struct primary *)data)->events, worker, address);
}

static void on_message(crib_worker *worker, struct crib_message *message, void *data)
{
    cluster_events_message(&((struct primary *)data)->events, worker, message);
}

static void on_disconnect(crib_worker *worker, void *data)
{
    cluster_events_disconnect(&((struct primary *)data)->events, worker);
}

static void on_denied(crib_worker *worker, const struct crib_denial *denial, void *data)
{
    cluster_events_denied(&((struct primary *)data)->events, worker, denial);
}

static void on_exit_of(crib_worker *worker, const struct crib_result *result, void *data)
{
    struct primary *primary = data;
    bool unstarted = result->verdict == CRIB_SETUP_FAILED;

    primary->outcome = unstarted ? outcome_of_result(result) : STATUS_FAILED;
    cluster_events_exit(&primary->events, worker, result);
    if (!unstarted || primary->began || primary->ending)
        return;
    primary->status = primary->outcome; /* nor can others be started */
    end(primary);
}

/* Workers crash too often: no more are started. */
static bool is_giving_up(const struct crib_error *error)
{
    return error->code == -ELOOP && error->step && strcmp(error->step, "cluster") == 0;
}

static void on_error(crib_cluster *cluster, crib_worker *worker, const struct crib_error *error,
                     void *data)
{
    struct primary *primary = data;

    (void)cluster;
    cluster_events_error(&primary->events, worker, error);
    if (worker)
        return;
    if (!is_giving_up(error)) {
        primary->outcome = outcome_of_error(error);
        return;
    }
    if (primary->events.quiet || primary->events.json)
        say_error(error);
}

static void on_restarted(crib_cluster *cluster, void *data)
{
    struct primary *primary = data;

    (void)cluster;
    primary->events.status.restarts++;
    cluster_events_own(&primary->events, "restarted", "restarted");
}

/* --- start --- */

/* Their input is empty; in JSON's way on stdout they do not come. */
static void place_stdio(struct request *request)
{
    request->stdio[STDIN_FILENO].kind = CRIB_NULL;
    if (request->cluster.json && request->cluster.events_fd < 0)
        request->stdio[STDOUT_FILENO] = (struct crib_stdio){.kind = CRIB_FD, .from = STDERR_FILENO};
}

static int open_cluster(struct primary *primary, struct crib_error *err)
{
    struct request *request = primary->request;
    const struct cluster_options *asked = &request->cluster;
    struct crib_cluster_options options;

    crib_cluster_options_init(&options);
    place_stdio(request);
    request->options.policy = asked->policy;
    options.worker = &request->options;
    options.workers = asked->workers;
    options.listen = asked->listen;
    options.listen_count = asked->listen_count;
    options.ping_ms = asked->ping_ms;
    options.grace_ms = asked->grace_ms;
    options.crash_limit = asked->crash_limit;
    options.on = (struct crib_cluster_events){.fork = on_fork,
                                              .online = on_online,
                                              .listening = on_listening,
                                              .message = on_message,
                                              .disconnect = on_disconnect,
                                              .denied = on_denied,
                                              .exit = on_exit_of,
                                              .error = on_error,
                                              .restarted = on_restarted,
                                              .ended = on_ended};
    options.data = primary;
    return crib_cluster_open(primary->ex, request->operands[0],
                             (const char *const *)request->operands + 1, &options,
                             &primary->cluster, err);
}

static int start(struct primary *primary)
{
    struct crib_error err = {0};
    const char *address;
    int r = watch(primary);

    if (r == 0)
        r = cluster_events_open(&primary->events, &primary->loop, &primary->request->cluster);
    if (r < 0) {
        say("%s", strerror(-r));
        return r;
    }
    r = remote_address(primary->request, &address, &err);
    if (r == 0)
        r = crib_open(&primary->ex, &primary->loop, address, &err);
    if (r == 0)
        r = open_cluster(primary, &err);
    if (r < 0) {
        say_error(&err);
        if (primary->events.json)
            cluster_events_error(&primary->events, NULL, &err);
        primary->status = outcome_of_error(&err);
        return r;
    }
    primary->events.cluster = primary->events.status.cluster = primary->cluster;
    if (primary->failed) /* before there was anything to stop */
        crib_cluster_stop(primary->cluster);
    return 0;
}

int command_cluster(struct request *request)
{
    struct primary primary = {.request = request, .signal_fd = -1, .outcome = STATUS_FAILED};
    int r = uv_loop_init(&primary.loop);

    if (r < 0) {
        say("event loop: %s", strerror(-r));
        return STATUS_FAILED;
    }
    primary.status = STATUS_FAILED;
    primary.events.broken = on_broken;
    primary.events.data = &primary;
    if (start(&primary) == 0) {
        primary.status = 0;
        uv_run(&primary.loop, UV_RUN_DEFAULT);
    }
    unwatch(&primary); /* whoever reads events slowly does not keep a signal from ending us */
    cluster_events_close(&primary.events);
    if (primary.ex)
        crib_close(primary.ex, NULL, NULL);
    while (uv_run(&primary.loop, UV_RUN_DEFAULT))
        ;
    (void)uv_loop_close(&primary.loop);
    fd_close(&primary.signal_fd);
    return primary.failed ? STATUS_FAILED : primary.status;
}
