/* SPDX-License-Identifier: Apache-2.0 */
#include "bare.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* One frame on its way out and back. */
struct echo {
    struct bare *bare;
    size_t out, in, all;
    int rounds;
    double start;
    struct samples *ret;
};

static void must(bool well, const char *what)
{
    if (well)
        return;
    fprintf(stderr, "bare: %s\n", what);
    exit(EXIT_FAILURE);
}

void bare_open(struct bare *bare, const char *child, const char *way, const char *count)
{
    char *argv[] = {(char *)child, (char *)way, (char *)count, NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 3);
    if (ends[1] == 3) /* a dup2 onto itself would leave it CLOEXEC */
        fcntl(3, F_SETFD, 0);
    must(posix_spawn(&bare->pid, argv[0], &actions, NULL, argv, environ) == 0, argv[0]);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    bare->fd = ends[0];
    bare->data = calloc(1, 4 + BARE_MOST);
    must(bare->data, "memory");
}

void bare_close(struct bare *bare)
{
    int status;

    close(bare->fd);
    free(bare->data);
    must(waitpid(bare->pid, &status, 0) == bare->pid && status == 0, "the child failed");
}

/* Sends and receives what can be now. Both directions at once: a large message fills the socket
 * before its echo begins. Return: whether all is back. */
static bool exchange(struct echo *echo)
{
    struct bare *bare = echo->bare;
    ssize_t n;

    if (echo->out < echo->all) {
        n = send(bare->fd, bare->data + echo->out, echo->all - echo->out,
                 MSG_DONTWAIT | MSG_NOSIGNAL);
        echo->out += n > 0 ? (size_t)n : 0;
    }
    n = recv(bare->fd, bare->data + echo->in, echo->all - echo->in,
             echo->out < echo->all ? MSG_DONTWAIT : 0);
    must(n != 0, "the child is gone");
    echo->in += n > 0 ? (size_t)n : 0;
    return echo->in == echo->all;
}

static void begin(struct echo *echo)
{
    uint32_t head = (uint32_t)(echo->all - 4);

    memcpy(echo->bare->data, &head, 4);
    echo->out = echo->in = 0;
    echo->start = samples_clock();
}

void bare_echo(struct bare *bare, size_t len, int rounds, struct samples *ret)
{
    struct echo echo = {.bare = bare, .all = len + 4};

    while (rounds-- > 0) {
        begin(&echo);
        while (!exchange(&echo))
            ;
        samples_add(ret, samples_clock() - echo.start);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events);

/* Sends what the socket takes, and waits for the rest and the echo. */
static void send_some(struct echo *echo, uv_poll_t *poll)
{
    ssize_t n = send(echo->bare->fd, echo->bare->data + echo->out, echo->all - echo->out,
                     MSG_DONTWAIT | MSG_NOSIGNAL);

    echo->out += n > 0 ? (size_t)n : 0;
    uv_poll_start(poll, echo->out < echo->all ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_poll);
}

static void on_closed(uv_handle_t *handle)
{
    handle->data = NULL;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct echo *echo = poll->data;
    ssize_t n;

    must(status == 0, "poll");
    if ((events & UV_WRITABLE) && echo->out < echo->all)
        send_some(echo, poll);
    if (!(events & UV_READABLE))
        return;
    n = recv(echo->bare->fd, echo->bare->data + echo->in, echo->all - echo->in, MSG_DONTWAIT);
    must(n != 0, "the child is gone");
    echo->in += n > 0 ? (size_t)n : 0;
    if (echo->in < echo->all)
        return;
    samples_add(echo->ret, samples_clock() - echo->start);
    if (--echo->rounds == 0) {
        uv_close((uv_handle_t *)poll, on_closed);
        return;
    }
    begin(echo);
    n = send(echo->bare->fd, echo->bare->data, echo->all, MSG_DONTWAIT | MSG_NOSIGNAL);
    echo->out += n > 0 ? (size_t)n : 0;
    if (echo->out < echo->all)
        uv_poll_start(poll, UV_READABLE | UV_WRITABLE, on_poll);
}

void bare_echo_polled(struct bare *bare, uv_loop_t *loop, size_t len, int rounds,
                      struct samples *ret)
{
    struct echo echo = {.bare = bare, .all = len + 4, .rounds = rounds, .ret = ret};
    uv_poll_t poll;

    must(uv_poll_init(loop, &poll, bare->fd) == 0, "uv_poll_init");
    poll.data = &echo;
    begin(&echo);
    send_some(&echo, &poll);
    while (poll.data)
        uv_run(loop, UV_RUN_ONCE);
}

static void count_text(char text[32], int count, size_t len)
{
    snprintf(text, 32, "%llu", (unsigned long long)count * (len + 4));
}

double bare_to_child(const char *child, size_t len, int count)
{
    struct bare bare;
    char text[32];
    double start;
    ssize_t n;

    count_text(text, count, len);
    bare_open(&bare, child, "sink", text);
    must(read(bare.fd, bare.data, 1) == 1, "the child does not begin");
    start = samples_clock();
    for (int i = 0; i < count; i++)
        for (size_t out = 0; out < len + 4; out += (size_t)n) {
            n = send(bare.fd, bare.data + out, len + 4 - out, MSG_NOSIGNAL);
            must(n > 0, "send");
        }
    must(read(bare.fd, bare.data, 1) == 1, "the child has not got it all");
    start = samples_clock() - start;
    bare_close(&bare);
    return count / start * 1e6;
}

double bare_to_parent(const char *child, size_t len, int count)
{
    unsigned long long in = 0, all = (unsigned long long)count * (len + 4);
    struct bare bare;
    double start = 0;
    char text[32];

    snprintf(text, sizeof(text), "%d", count);
    bare_open(&bare, child, "flood", text);
    while (in < all) {
        ssize_t n = read(bare.fd, bare.data, 65536);

        must(n > 0, "read");
        if (!in)
            start = samples_clock();
        in += (unsigned long long)n;
    }
    start = samples_clock() - start;
    bare_close(&bare);
    return count / start * 1e6;
}
