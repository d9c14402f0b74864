/* SPDX-License-Identifier: Apache-2.0 */
/* Clients without end, while every worker is replaced again and again: not one of them is let down.
 * 300 times under CRIB_TESTS_LONG=1. */
#include "sandbox/clustered.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#define GET     "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#define CLIENTS 4
#define PAUSE   2000 /* us between a client's connections: there are only so many ports */

/* Of one client: how many were answered, and how many not. */
struct tally {
    unsigned answered, lost;
    int why; /* negative errno of the last that was lost; 0: the connection just ended */
};

static const char *request; /* sent on each connection; "" none */

/* Return: 1 answered; 0 the end without an answer; negative errno. */
static int ask(const char *address)
{
    char text[4096];
    size_t len = 0;
    long n = 1;
    int fd = clustered_connect(address);

    if (fd < 0)
        return fd;
    if (request[0] && send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
        n = -errno;
    while (n > 0) {
        struct pollfd polled = {.fd = fd, .events = POLLIN};

        n = poll(&polled, 1, LIVE_PATIENCE_MS) == 1
                ? recv(fd, text + len, sizeof(text) - 1 - len, 0)
                : -ETIMEDOUT;
        n = n == -1 ? -errno : n;
        len += n > 0 ? (size_t)n : 0;
    }
    text[len] = '\0';
    close(fd);
    return n < 0 ? (int)n : strstr(text, "worker ") != NULL;
}

/* Until the other end of @stop is closed. */
static void client(const char *address, int stop, int tell)
{
    struct tally tally = {0};
    struct pollfd polled = {.fd = stop, .events = POLLIN};

    while (poll(&polled, 1, 0) == 0) {
        int r = ask(address);

        tally.answered += r == 1;
        tally.lost += r != 1;
        tally.why = r != 1 ? r : tally.why;
        usleep(PAUSE);
    }
    (void)!write(tell, &tally, sizeof(tally));
    _exit(0);
}

struct clients {
    pid_t pids[CLIENTS];
    int stop, tallies;
};

static void clients_start(struct clients *clients, const char *address)
{
    int stop[2], tell[2];

    assert_int_equal(pipe2(stop, O_CLOEXEC), 0);
    assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
    for (int i = 0; i < CLIENTS; i++) {
        clients->pids[i] = fork();
        assert_true(clients->pids[i] >= 0);
        if (clients->pids[i] == 0) {
            close(stop[1]);
            client(address, stop[0], tell[1]);
        }
    }
    close(stop[0]);
    close(tell[1]);
    clients->stop = stop[1];
    clients->tallies = tell[0];
}

/* Turns the loop until the last one has its answer. */
static struct tally clients_end(struct clients *clients, struct clustered *c)
{
    struct tally all = {0}, one;
    int left = CLIENTS;

    close(clients->stop);
    while (left > 0) {
        struct pollfd polled = {.fd = clients->tallies, .events = POLLIN};

        uv_run(&c->live.loop, UV_RUN_NOWAIT);
        if (poll(&polled, 1, 1) == 0)
            continue;
        assert_int_equal(read(clients->tallies, &one, sizeof(one)), sizeof(one));
        all.answered += one.answered;
        all.lost += one.lost;
        all.why = one.lost ? one.why : all.why;
        left--;
    }
    close(clients->tallies);
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(waitpid(clients->pids[i], NULL, 0), clients->pids[i]);
    return all;
}

static unsigned rounds(void)
{
    const char *text = getenv("CRIB_TESTS_LONG");

    return text && strcmp(text, "1") == 0 ? 300 : 5;
}

/* Each is replaced while clients come: @c is started. */
static void restart_under_load(struct clustered *c)
{
    struct clients clients;
    struct tally tally;

    clustered_until(c, "listening", 2);
    clients_start(&clients, c->address);
    for (unsigned i = 0; i < rounds(); i++) {
        c->log[0] = '\0';
        assert_int_equal(crib_cluster_restart(c->cluster), 0);
        clustered_until(c, "restarted", 1);
    }
    tally = clients_end(&clients, c);
    print_message("           %u restarts, %u answered, %u lost\n", rounds(), tally.answered,
                  tally.lost);
    if (tally.lost)
        fail_msg("%u lost, %d: %s", tally.lost, tally.why, c->log);
    assert_true(tally.answered > rounds());
    assert_int_equal(c->errors, 0);
    assert_int_equal(c->crashes, 0);
}

static void of_c(const char *how)
{
    static const struct crib_listen loopback[] = {{.address = "tcp:127.0.0.1:*"}};
    const char *const words[] = {"listen", "tcp:127.0.0.1:0", how, "serve", NULL};
    const char *probe = getenv("CRIB_PROBE");
    char path[4096];
    struct clustered c;

    snprintf(path, sizeof(path), "%s", WORKER_PATH);
    if (probe)
        snprintf(path, sizeof(path), "%.*s/worker", (int)(strrchr(probe, '/') - probe), probe);
    request = "";
    clustered_open(&c);
    c.options.workers = 2;
    c.options.listen = loopback;
    c.options.listen_count = 1;
    clustered_start(&c, path, words);
    restart_under_load(&c);
    clustered_close(&c);
}

static void test_one_socket(void **state)
{
    (void)state;
    of_c("socket");
}

static void test_round_robin(void **state)
{
    (void)state;
    of_c("round-robin");
}

static void test_node(void **state)
{
    static const char server[] =
        "const http = require('http'), cluster = require('cluster');\n"
        "http.createServer((q, s) => s.end('worker ' + cluster.worker.id))\n"
        "    .listen(0, '127.0.0.1');\n";
    static const struct crib_listen loopback[] = {{.address = "tcp:127.0.0.1:*"}};
    char *dir = test_dir(), path[300];
    struct clustered c;

    (void)state;
    assert_int_equal(chmod(dir, 0755), 0);
    snprintf(path, sizeof(path), "%s/script.js", dir);
    test_write(path, server, sizeof(server) - 1, 0644);
    request = GET;
    clustered_open(&c);
    c.options.workers = 2;
    c.options.listen = loopback;
    c.options.listen_count = 1;
    clustered_start(&c, path, NULL);
    restart_under_load(&c);
    clustered_close(&c);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_socket),
        cmocka_unit_test(test_round_robin),
        cmocka_unit_test(test_node),
    };

    return sandbox_test_run(tests);
}
