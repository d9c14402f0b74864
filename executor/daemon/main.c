/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cribd: options, signals, the loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "host/host.h"
#include "plan/plan.h"
#include "primary/primary.h"

#define STATUS_FAILED 1
#define STATUS_USAGE  2

static const char usage[] =
    "usage: cribd [--socket PATH] [--policies DIR] [--config FILE]\n"
    "\n"
    "Runs tasks in sandboxes for other programs, which ask over a Unix socket (docs/protocol.md).\n"
    "\n"
    "  --socket PATH    where to listen, unless systemd hands a socket over\n"
    "                   (root: /run/crib.sock; others: $XDG_RUNTIME_DIR/crib.sock)\n"
    "  --policies DIR   policies of this site, before the shipped ones (/etc/crib/policies)\n"
    "  --config FILE    the site file: who may do what (/etc/crib/cribd.yaml, where it is there)\n"
    "  --help           show this\n"
    "\n"
    "SIGHUP reads site file and policies anew; SIGTERM takes no new tasks, waits, and ends.\n";

struct options {
    const char *socket, *policies, *config;
};

struct signals {
    uv_signal_t handle[3];
    struct daemon *daemon;
};

static void complain(const struct crib_error *error)
{
    char text[1024];

    fprintf(stderr, "cribd: %s\n", crib_error_text(error, text, sizeof(text)));
}

static const char *if_there(const char *path)
{
    return access(path, F_OK) == 0 ? path : NULL;
}

static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option table[] = {{"socket", required_argument, NULL, 's'},
                                          {"policies", required_argument, NULL, 'p'},
                                          {"config", required_argument, NULL, 'c'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int c;

    while ((c = getopt_long(argc, argv, "s:p:c:h", table, NULL)) != -1) {
        if (c == 's')
            options->socket = optarg;
        else if (c == 'p')
            options->policies = optarg;
        else if (c == 'c')
            options->config = optarg;
        else if (c == 'h') {
            fputs(usage, stdout);
            return 1;
        } else {
            fputs("cribd: see 'cribd --help'\n", stderr);
            return -1;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "cribd: '%s' is no option; see 'cribd --help'\n", argv[optind]);
        return -1;
    }
    if (!options->policies)
        options->policies = if_there("/etc/crib/policies");
    if (!options->config && geteuid() == 0)
        options->config = if_there("/etc/crib/cribd.yaml");
    return 0;
}

static int default_path(char *path, size_t size, struct crib_error *err)
{
    const char *dir = getenv("XDG_RUNTIME_DIR");

    if (geteuid() == 0)
        snprintf(path, size, "/run/crib.sock");
    else if (dir && dir[0] == '/')
        snprintf(path, size, "%s/crib.sock", dir);
    else
        return fail_text(err, -EINVAL, "socket", -1, NULL,
                         "no XDG_RUNTIME_DIR here: say where to listen with --socket");
    return 0;
}

/* Anybody may connect to root's: the site file says what comes of it. */
static int listen_somewhere(const char *socket, struct listener *ret, struct crib_error *err)
{
    char path[4096];
    int r = listen_inherited(ret, err);

    if (r != 0)
        return r < 0 ? r : 0;
    if (!socket) {
        r = default_path(path, sizeof(path), err);
        if (r < 0)
            return r;
        socket = path;
    }
    return listen_path(socket, geteuid() == 0 ? 0666 : 0600, ret, err);
}

static void on_signal(uv_signal_t *handle, int signo)
{
    struct daemon *daemon = handle->data;
    struct crib_error error;

    if (signo != SIGHUP) {
        if (daemon->draining)
            daemon_end(daemon);
        else
            daemon_drain(daemon);
        (void)listen_notify("STOPPING=1");
        return;
    }
    if (daemon_reload(daemon, &error) < 0) {
        char text[1024];

        log_line(LOG_ERROR, "reload",
                 (struct log_field[]){LOG_T("error", crib_error_text(&error, text, sizeof(text))),
                                      LOG_END});
    } else {
        log_line(LOG_INFO, "reload", (struct log_field[]){LOG_END});
    }
}

static const int watched[] = {SIGTERM, SIGINT, SIGHUP};

static void watch_signals(uv_loop_t *loop, struct signals *signals)
{
    for (int i = 0; i < 3; i++) {
        uv_signal_init(loop, &signals->handle[i]);
        signals->handle[i].data = signals->daemon;
        uv_signal_start(&signals->handle[i], on_signal, watched[i]);
        uv_unref((uv_handle_t *)&signals->handle[i]);
    }
}

/* Who tells us to end once more, while we are leaving, is not to make an accident of it: between
 * the handler and our last answer lies the default, which is to be killed. */
static void leave_signals(struct signals *signals)
{
    sigset_t set;

    sigemptyset(&set);
    for (int i = 0; i < 3; i++)
        sigaddset(&set, watched[i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 3; i++) {
        uv_close((uv_handle_t *)&signals->handle[i], NULL);
        signal(watched[i], SIG_IGN);
    }
}

static void on_ended(struct daemon *daemon)
{
    uv_stop(daemon->loop);
}

/* A task has up to five descriptors here: as many as this host lets us have. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void hold_standard_fds(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            /* the lowest free number is fd itself; no CLOEXEC: it stands for an inherited one */
            (void)open("/dev/null", O_RDWR);
}

static enum log_level level_of(const struct site *site)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    const char *name = site_log_level(site);

    for (int i = 0; name && i < 4; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum log_level)i;
    return LOG_INFO;
}

static int serve(struct daemon *daemon, uv_loop_t *loop, const struct options *options,
                 struct crib_error *err)
{
    struct signals signals = {.daemon = daemon};
    struct listener listener = {.sock = -1, .lock = -1};
    int r = daemon_open(daemon, loop, options->config, options->policies, err);

    if (r < 0)
        return r;
    log_open(STDERR_FILENO, level_of(daemon->held->site), site_log_values(daemon->held->site));
    watch_signals(loop, &signals); /* whoever can connect may tell us to reload, too */
    r = listen_somewhere(options->socket, &listener, err);
    if (r == 0)
        r = daemon_serve(daemon, &listener, err);
    if (r < 0)
        return r; /* and the process ends */
    daemon->ended = on_ended;
    log_line(LOG_INFO, "ready",
             (struct log_field[]){LOG_T("socket", daemon->listener.path), LOG_END});
    (void)listen_notify("READY=1");
    uv_run(loop, UV_RUN_DEFAULT);
    leave_signals(&signals);
    uv_run(loop, UV_RUN_DEFAULT);
    log_line(LOG_INFO, "ended", (struct log_field[]){LOG_END});
    return 0;
}

/*
 * A group that is ours alone is made to have groups below it, which it cannot be once there are
 * other processes of ours (openers). That there is none shows when a task needs one.
 */
static void take_group(void)
{
    struct arena arena;
    Crib__Host host = CRIB__HOST__INIT;

    arena_init(&arena, 0);
    host_controllers(&arena, &host);
    arena_done(&arena);
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct crib_error error;
    struct daemon daemon;
    uv_loop_t loop;
    int r;

    plan_keep_no_files();                                  /* what it compiles is of many clients */
    if (argc == 3 && strcmp(argv[1], PRIMARY_OPTION) == 0) /* by the daemon, as a client */
        return primary_main(argv[2]);
    r = read_options(argc, argv, &options);
    if (r != 0)
        return r < 0 ? STATUS_USAGE : 0;
    hold_standard_fds();
    signal(SIGPIPE, SIG_IGN);
    raise_limit();
    take_group();
    if (uv_loop_init(&loop) < 0)
        return STATUS_FAILED;
    r = serve(&daemon, &loop, &options, &error);
    if (r < 0) {
        complain(&error);
        return STATUS_FAILED;
    }
    (void)uv_loop_close(&loop);
    return 0;
}
