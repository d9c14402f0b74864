/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A primary that keeps HTTP workers alive, and owns the socket that they serve: Node's cluster. It
 * tells every event. The workers leave after their third request, and are replaced. The module is
 * cluster_http_child, beside this program.
 *
 *     cluster_http [ADDRESS [WORKERS]]       tcp:127.0.0.1:8080, 2
 *     curl http://127.0.0.1:8080/            a few times
 *
 * SIGINT and SIGTERM have all workers leave, SIGHUP has them replaced one by one.
 */
#include <crib/cluster.h>
#include <libgen.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNALS 3

struct primary {
    struct crib_listen listen; /* as long as the cluster */
    crib_cluster *cluster;
    uv_signal_t signals[SIGNALS];
    bool stopping; /* they are to leave */
};

static void on_fork(crib_worker *worker, void *data)
{
    (void)data;
    printf("fork %u (pid %d)\n", crib_worker_id(worker),
           (int)crib_task_pid(crib_worker_task(worker)));
}

static void on_online(crib_worker *worker, void *data)
{
    (void)data;
    printf("online %u\n", crib_worker_id(worker));
}

static void on_listening(crib_worker *worker, const char *address, void *data)
{
    (void)data;
    printf("listening %u %s\n", crib_worker_id(worker), address);
}

/* What comes from a worker is to be distrusted; whose channel it is, is known. */
static void on_message(crib_worker *worker, struct crib_message *message, void *data)
{
    unsigned id = 0, count;
    char text[128];
    int pid;

    (void)data;
    snprintf(text, sizeof(text), "%.*s", (int)(message->len < sizeof(text) ? message->len : 0),
             (const char *)message->data);
    if (sscanf(text, "{\"id\":%u,\"pid\":%d,\"count\":%u}", &id, &pid, &count) != 3 ||
        id != crib_worker_id(worker)) {
        fprintf(stderr, "cluster_http: worker %u talks nonsense\n", crib_worker_id(worker));
        crib_worker_kill(worker, SIGKILL);
        return;
    }
    printf("message %u: pid %d inside, request %u\n", id, pid, count);
}

static void on_disconnect(crib_worker *worker, void *data)
{
    (void)data;
    printf("disconnect %u\n", crib_worker_id(worker));
}

static void on_denied(crib_worker *worker, const struct crib_denial *denial, void *data)
{
    (void)data;
    printf("denied %u: %s: %s\n", crib_worker_id(worker), denial->text, denial->answer);
}

static void on_exit_event(crib_worker *worker, const struct crib_result *result, void *data)
{
    (void)data;
    printf("exit %u (%s, status %d)\n", crib_worker_id(worker),
           crib_worker_left(worker) ? "left" : "fell", result->status);
}

static void on_error(crib_cluster *cluster, crib_worker *worker, const struct crib_error *error,
                     void *data)
{
    char text[512];

    (void)cluster;
    (void)data;
    fprintf(stderr, "cluster_http: worker %u: %s\n", worker ? crib_worker_id(worker) : 0,
            crib_error_text(error, text, sizeof(text)));
}

static void on_restarted(crib_cluster *cluster, void *data)
{
    (void)cluster;
    (void)data;
    printf("restarted\n");
}

/* All have left, or they crash again and again: no others will come. */
static void on_ended(crib_cluster *cluster, void *data)
{
    struct primary *primary = data;

    crib_cluster_close(cluster, NULL, NULL);
    for (int i = 0; i < SIGNALS; i++)
        uv_close((uv_handle_t *)&primary->signals[i], NULL);
}

static void on_signal(uv_signal_t *handle, int signo)
{
    struct primary *primary = handle->data;

    if (signo == SIGHUP) {
        crib_cluster_restart(primary->cluster);
        return;
    }
    primary->stopping = true;
    crib_cluster_stop(primary->cluster);
}

static void watch_signals(struct primary *primary, uv_loop_t *loop)
{
    static const int numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

    for (int i = 0; i < SIGNALS; i++) {
        uv_signal_init(loop, &primary->signals[i]);
        primary->signals[i].data = primary;
        uv_signal_start(&primary->signals[i], on_signal, numbers[i]);
    }
}

/* The module's path, beside this program. */
static const char *module(const char *program)
{
    static char path[4096];
    char *copy = strdup(program);

    snprintf(path, sizeof(path), "%s/cluster_http_child", copy ? dirname(copy) : ".");
    free(copy);
    return path;
}

/* What the policy `worker` allows to be served is the host's loopback; this address besides. */
static int start(struct primary *primary, crib *ex, char **argv, const char *const *args,
                 unsigned workers, struct crib_error *error)
{
    struct crib_cluster_options options;

    primary->listen.address = args[0];
    crib_cluster_options_init(&options);
    options.workers = workers;
    options.listen = &primary->listen;
    options.listen_count = 1;
    options.ping_ms = 1000;
    options.crash_limit = 5;
    options.data = primary;
    options.on = (struct crib_cluster_events){.fork = on_fork,
                                              .online = on_online,
                                              .listening = on_listening,
                                              .message = on_message,
                                              .disconnect = on_disconnect,
                                              .denied = on_denied,
                                              .exit = on_exit_event,
                                              .error = on_error,
                                              .restarted = on_restarted,
                                              .ended = on_ended};
    return crib_cluster_open(ex, module(argv[0]), args, &options, &primary->cluster, error);
}

int main(int argc, char **argv)
{
    const char *const args[] = {argc > 1 ? argv[1] : "tcp:127.0.0.1:8080", NULL};
    uv_loop_t *loop = uv_default_loop();
    struct crib_error error = {0};
    struct primary primary = {0};
    char text[512];
    crib *ex;
    int r;

    setvbuf(stdout, NULL, _IOLBF, 0);
    r = crib_open(&ex, loop, NULL, &error);
    if (r == 0)
        r = start(&primary, ex, argv, args, argc > 2 ? (unsigned)atoi(argv[2]) : 2, &error);
    if (r < 0) {
        fprintf(stderr, "cluster_http: %s\n", crib_error_text(&error, text, sizeof(text)));
        return EXIT_FAILURE;
    }
    watch_signals(&primary, loop);
    uv_run(loop, UV_RUN_DEFAULT);

    crib_close(ex, NULL, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) < 0 || !primary.stopping ? EXIT_FAILURE : EXIT_SUCCESS;
}
