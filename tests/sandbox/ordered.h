/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster of workers that do as they are told (hostile.c), one order at a time.
 *
 * Runs in: tests.
 */
#ifndef SANDBOX_ORDERED_H
#define SANDBOX_ORDERED_H

#include "sandbox/clustered.h"

#include <sys/resource.h>

#include "cluster/cluster.h"

#define LOOPBACK "tcp:127.0.0.1:0"
#define ROBIN    "listen " LOOPBACK " round-robin"
#define SHARED   "listen " LOOPBACK " socket"

static const struct crib_listen ordered_loopback[] = {{.address = "tcp:127.0.0.1:*"}};

static inline const char *ordered_path(void)
{
    static char path[4096];
    const char *probe = getenv("CRIB_PROBE"); /* where the suite was copied together */

    snprintf(path, sizeof(path), "%s", HOSTILE_PATH);
    if (probe)
        snprintf(path, sizeof(path), "%.*s/hostile", (int)(strrchr(probe, '/') - probe), probe);
    return path;
}

static inline void ordered_on_message(struct clustered *c, crib_worker *worker,
                                      struct crib_message *message)
{
    snprintf(c->said, sizeof(c->said), "%.*s", (int)message->len, (const char *)message->data);
    clustered_note(c, "message", worker);
}

static inline void ordered_open(struct clustered *c, unsigned workers)
{
    clustered_open(c);
    c->on_message = ordered_on_message;
    c->options.workers = workers;
    c->options.listen = ordered_loopback;
    c->options.listen_count = 1;
}

static inline void ordered_start(struct clustered *c, const char *const *orders)
{
    clustered_start(c, ordered_path(), orders);
}

static inline crib_worker *ordered_worker(const struct clustered *c, unsigned id)
{
    crib_worker *worker = NULL;

    while ((worker = crib_cluster_next(c->cluster, worker)))
        if (crib_worker_id(worker) == id)
            return worker;
    fail_msg("no worker %u: %s", id, c->log);
    return NULL;
}

/* Tells a worker to do something, and does not wait. */
static inline void ordered_tell(struct clustered *c, unsigned id, const char *order)
{
    crib_task *task = crib_worker_task(ordered_worker(c, id));
    char text[512];
    int len = snprintf(text, sizeof(text), "\"%s\"", order);

    assert_true(crib_task_send(task, "json", text, (size_t)len, NULL, 0) >= 0);
}

static inline unsigned ordered_count(const struct clustered *c, const char *word)
{
    unsigned count = 0;

    for (const char *at = c->log; (at = strstr(at, word)); at += strlen(word))
        count++;
    return count;
}

/* The same, and waits. Return: what came of it. */
static inline int ordered(struct clustered *c, unsigned id, const char *order)
{
    char word[32];
    unsigned before;

    snprintf(word, sizeof(word), "message%u ", id);
    before = ordered_count(c, word);
    ordered_tell(c, id, order);
    clustered_until(c, word, before + 1);
    return atoi(c->said);
}

/* Turns the loop until nothing comes any more for a while. */
static inline void ordered_settle(struct clustered *c, unsigned ms)
{
    uint64_t end = clock_us() + ms * 1000ull;

    while (clock_us() < end) {
        uv_run(&c->live.loop, UV_RUN_NOWAIT);
        usleep(500);
    }
}

/* Turns the loop until it has nothing to do but wait for others. */
static inline void ordered_quiet(struct clustered *c)
{
    struct pollfd polled = {.fd = uv_backend_fd(&c->live.loop), .events = POLLIN};

    do
        uv_run(&c->live.loop, UV_RUN_NOWAIT);
    while (uv_loop_alive(&c->live.loop) &&
           (uv_backend_timeout(&c->live.loop) == 0 || poll(&polled, 1, 0) == 1));
}

/* Waits until there is something to do for the loop, and does not turn it: its primary is busy. */
static inline void ordered_await(struct clustered *c)
{
    struct pollfd polled = {.fd = uv_backend_fd(&c->live.loop), .events = POLLIN};

    assert_int_equal(poll(&polled, 1, LIVE_PATIENCE_MS), 1);
}

/* Turns the loop until the primary has so many connections that no worker said to have taken. */
static inline void ordered_holds(struct clustered *c, unsigned wanted)
{
    uint64_t end = clock_us() + LIVE_PATIENCE_MS * 1000ull;
    unsigned count = 0;

    do {
        if (clock_us() > end)
            fail_msg("%u connections and not %u: %s", count, wanted, c->log);
        clustered_turn(c, -1);
        count = 0;
        for (const struct bound *bound = c->cluster->sockets; bound; bound = bound->next) {
            for (const struct connection *one = bound->waiting.first; one; one = one->next)
                count++;
            for (const struct part *part = bound->parts; part; part = part->next_there)
                count += part->n_given;
        }
    } while (count != wanted);
}

/* What a client got until now. */
static inline const char *ordered_heard(int fd, char *text, size_t size)
{
    long n = recv(fd, text, size - 1, MSG_DONTWAIT);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* Turns the loop until the other side of @fd has closed it. Return: what came. */
static inline const char *ordered_end(struct clustered *c, int fd, char *text, size_t size)
{
    uint64_t end = clock_us() + LIVE_PATIENCE_MS * 1000ull;
    size_t len = 0;
    long n;

    while ((n = recv(fd, text + len, size - 1 - len, MSG_DONTWAIT)) != 0) {
        if (n < 0 && errno != EAGAIN)
            break;
        len += n > 0 ? (size_t)n : 0;
        if (clock_us() > end)
            fail_msg("no end: %.*s; %s", (int)len, text, c->log);
        clustered_turn(c, fd);
    }
    text[len] = '\0';
    return text;
}

/* No more than @more fds can be opened by this process. Return: the limit before. */
static inline struct rlimit ordered_few_fds(unsigned more)
{
    struct rlimit before, few;
    int lowest[64];

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(more < 63);
    for (unsigned i = 0; i <= more; i++)
        assert_true((lowest[i] = dup(0)) >= 0);
    few = (struct rlimit){(rlim_t)lowest[more], before.rlim_max};
    for (unsigned i = 0; i <= more; i++)
        close(lowest[i]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    return before;
}

#endif
