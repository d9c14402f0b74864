/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster on a loop, with what happened to it: `fork1 online1 listening1 exit1 …`; and clients of
 * what it serves, which run on the same loop.
 *
 * Runs in: tests.
 */
#ifndef SANDBOX_CLUSTERED_H
#define SANDBOX_CLUSTERED_H

#include "sandbox/live.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "crib/cluster.h"

struct clustered {
    struct live live;
    struct crib_options worker;
    struct crib_cluster_options options;
    crib_cluster *cluster;
    char log[16384];
    char address[160];       /* that was listened to last */
    struct crib_error error; /* the last one */
    unsigned errors, exits, crashes;
    bool closed;
    void *user;
    char said[256];
    void (*on_message)(struct clustered *c, crib_worker *worker, struct crib_message *message);
    void (*on_ended)(struct clustered *c);
};

static inline void clustered_note(struct clustered *c, const char *word, const crib_worker *worker)
{
    size_t used = strlen(c->log);

    snprintf(c->log + used, sizeof(c->log) - used, "%s%u ", word,
             worker ? crib_worker_id(worker) : 0);
}

static inline void clustered_on_fork(crib_worker *worker, void *data)
{
    clustered_note(data, "fork", worker);
}

static inline void clustered_on_online(crib_worker *worker, void *data)
{
    clustered_note(data, "online", worker);
}

static inline void clustered_on_listening(crib_worker *worker, const char *address, void *data)
{
    struct clustered *c = data;

    snprintf(c->address, sizeof(c->address), "%s", address);
    clustered_note(c, "listening", worker);
}

static inline void clustered_on_message(crib_worker *worker, struct crib_message *message,
                                        void *data)
{
    struct clustered *c = data;

    if (c->on_message)
        c->on_message(c, worker, message);
}

static inline void clustered_on_disconnect(crib_worker *worker, void *data)
{
    clustered_note(data, "disconnect", worker);
}

static inline void clustered_on_exit(crib_worker *worker, const struct crib_result *result,
                                     void *data)
{
    struct clustered *c = data;
    bool fell = result->verdict != CRIB_EXITED || result->status != 0;

    c->exits++;
    c->crashes += fell && !crib_worker_left(worker);
    clustered_note(c, crib_worker_left(worker) ? "left" : fell ? "crashed" : "exit", worker);
}

static inline void clustered_on_error(crib_cluster *cluster, crib_worker *worker,
                                      const struct crib_error *error, void *data)
{
    struct clustered *c = data;

    (void)cluster;
    c->errors++;
    c->error = *error;
    clustered_note(c, "error", worker);
}

static inline void clustered_on_restarted(crib_cluster *cluster, void *data)
{
    (void)cluster;
    clustered_note(data, "restarted", NULL);
}

static inline void clustered_on_ended(crib_cluster *cluster, void *data)
{
    struct clustered *c = data;

    assert_ptr_equal(cluster, c->cluster);
    clustered_note(c, "ended", NULL);
    if (c->on_ended)
        c->on_ended(c);
}

/* Not started yet: the options may be changed. */
static inline void clustered_open(struct clustered *c)
{
    memset(c, 0, sizeof(*c));
    live_open(&c->live);
    crib_options_init(&c->worker);
    crib_cluster_options_init(&c->options);
    c->options.worker = &c->worker;
    c->options.workers = 1;
    c->options.data = c;
    c->options.on = (struct crib_cluster_events){.fork = clustered_on_fork,
                                                 .online = clustered_on_online,
                                                 .listening = clustered_on_listening,
                                                 .message = clustered_on_message,
                                                 .disconnect = clustered_on_disconnect,
                                                 .exit = clustered_on_exit,
                                                 .error = clustered_on_error,
                                                 .restarted = clustered_on_restarted,
                                                 .ended = clustered_on_ended};
}

static inline void clustered_start(struct clustered *c, const char *module, const char *const *args)
{
    char text[1024];

    if (crib_cluster_open(c->live.ex, module, args, &c->options, &c->cluster, &c->error) < 0)
        fail_msg("%s", crib_error_text(&c->error, text, sizeof(text)));
}

/* Waits until the loop has something to do, which is done, or there is something at @fd; -1: none.
 */
static inline void clustered_turn(struct clustered *c, int fd)
{
    struct pollfd polled[] = {{.fd = uv_backend_fd(&c->live.loop), .events = POLLIN},
                              {.fd = fd, .events = POLLIN}};
    int wait;

    uv_update_time(&c->live.loop);
    wait = uv_loop_alive(&c->live.loop) ? uv_backend_timeout(&c->live.loop) : -1;
    poll(polled, 2, wait < 0 || wait > 1000 ? 1000 : wait);
    uv_run(&c->live.loop, UV_RUN_NOWAIT);
}

/* Turns the loop until @word was noted, so often. */
static inline void clustered_until(struct clustered *c, const char *word, unsigned times)
{
    uint64_t end = clock_us() + LIVE_PATIENCE_MS * 1000ull;

    for (;;) {
        unsigned count = 0;
        char text[1024];

        for (const char *at = c->log; (at = strstr(at, word)); at += strlen(word))
            count++;
        if (count >= times)
            return;
        if (clock_us() > end)
            fail_msg("no %u times '%s': %s\n  %s", times, word, c->log,
                     c->error.code ? crib_error_text(&c->error, text, sizeof(text)) : "");
        clustered_turn(c, -1);
    }
}

static inline void clustered_on_closed(void *data)
{
    ((struct clustered *)data)->closed = true;
}

static inline void clustered_close(struct clustered *c)
{
    crib_cluster_close(c->cluster, clustered_on_closed, c);
    live_run(&c->live);
    assert_true(c->closed);
    live_close(&c->live);
}

/* A connection to tcp:127.0.0.1:PORT, tcp:[::1]:PORT or unix:PATH. Return: an fd; negative errno.
 */
static inline int clustered_connect(const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    bool unix_path = strncmp(address, "unix:", 5) == 0;
    int fd = socket(unix_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

    assert_true(fd >= 0);
    if (unix_path)
        snprintf(un.sun_path, sizeof(un.sun_path), "%s", address + 5);
    else
        v4.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    r = unix_path ? connect(fd, (struct sockaddr *)&un, sizeof(un))
                  : connect(fd, (struct sockaddr *)&v4, sizeof(v4));
    if (r < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

/* Sends a request and turns the loop until the other side has closed. Return: how much came;
 * negative errno. */
static inline long clustered_ask(struct clustered *c, const char *address, const char *request,
                                 char *answer, size_t size)
{
    uint64_t end = clock_us() + LIVE_PATIENCE_MS * 1000ull;
    int fd = clustered_connect(address);
    size_t len = 0;
    long n = fd;

    if (n >= 0 && request[0] && send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
        n = -errno;
    if (n < 0) {
        fd_close(&fd);
        return n;
    }
    for (;;) {
        n = recv(fd, answer + len, size - 1 - len, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            break;
        len += n > 0 ? (size_t)n : 0;
        if (clock_us() > end)
            fail_msg("no answer: %.*s; %s", (int)len, answer, c->log);
        clustered_turn(c, fd);
    }
    n = n < 0 ? -errno : (long)len;
    answer[len] = '\0';
    close(fd);
    return n;
}

#endif
