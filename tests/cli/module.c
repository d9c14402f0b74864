/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module for the tests of `crib fork` and `crib cluster`: the first argument says how it behaves.
 */
#include <crib/child.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A leak check at exit would need ptrace, which a sandbox does not give. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static crib_child *child;

static int send_text(const char *type, const char *text)
{
    return crib_child_send(child, type, text, strlen(text), NULL, 0);
}

/* Sends every message back; leaves with 0 when the parent disconnects. */
static int echo(void)
{
    struct crib_child_message message;
    int r;

    while ((r = crib_child_receive(child, -1, &message, NULL)) > 0)
        if (crib_child_send(child, message.type, message.data, message.len, NULL, 0) < 0)
            return 3;
    return r < 0 ? 4 : 0;
}

/* Everything that a line of output must not be taken from as it is. */
static int odd(void)
{
    static const unsigned char bytes[] = {0, 1, 2, 0xff};

    send_text("json", "{\"a\":\n [1,\r\n2]}");
    send_text("json", "{\"a\": 1}\n{\"b\": 2}");
    send_text("json", "not json");
    send_text("json", "");
    send_text("te\"x\nt", "plain");
    crib_child_send(child, "blob", bytes, sizeof(bytes), NULL, 0);
    return 0;
}

static int count(void)
{
    struct crib_child_message message;
    unsigned long got = 0;
    char text[32];

    while (crib_child_receive(child, -1, &message, NULL) > 0)
        got++;
    snprintf(text, sizeof(text), "%lu", got);
    return send_text("json", text) < 0 ? 3 : 0;
}

static int half(void)
{
    static const char frame[] = {0, 0, 1, 0, 8, 1};

    return write(crib_child_fd(child), frame, sizeof(frame)) == (ssize_t)sizeof(frame) ? 0 : 3;
}

static int huge(void)
{
    static const unsigned char frame[] = {0xff, 0xff, 0xff, 0xff, 8, 1};

    if (write(crib_child_fd(child), frame, sizeof(frame)) < 0)
        return 3;
    return echo();
}

static int speak(void)
{
    puts("on stdout");
    fputs("on stderr\n", stderr);
    return fflush(stdout) == 0 ? 0 : 3;
}

static int leave(void)
{
    return 5;
}

static bool listens(int fd)
{
    int on = 0;
    socklen_t len = sizeof(on);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on;
}

/* Answers on every socket that it has from its start, which it tells of first. */
static int inherited(void)
{
    struct pollfd polled[1 + 64] = {{.fd = crib_child_fd(child), .events = POLLIN}};
    struct crib_child_message message;
    nfds_t count = 1;
    char text[64];

    while (count <= 64 && listens(2 + (int)count)) {
        polled[count] = (struct pollfd){.fd = 2 + (int)count, .events = POLLIN};
        count++;
    }
    snprintf(text, sizeof(text), "{\"sockets\":%lu,\"told\":%s}", count - 1,
             getenv("LISTEN_FDS") ? getenv("LISTEN_FDS") : "null");
    send_text("json", text);
    while (poll(polled, count, -1) >= 0) {
        if (polled[0].revents && crib_child_receive(child, -1, &message, NULL) <= 0)
            return 0;
        for (nfds_t i = 1; i < count; i++) {
            int fd = polled[i].revents ? accept4(polled[i].fd, NULL, NULL, SOCK_CLOEXEC) : -1;

            if (fd < 0)
                continue;
            dprintf(fd, "worker %u at %d", crib_child_worker(child), polled[i].fd);
            close(fd);
        }
    }
    return 3;
}

static const struct {
    const char *name;
    int (*run)(void);
} ways[] = {{"echo", echo}, {"odd", odd},     {"count", count}, {"half", half},
            {"huge", huge}, {"speak", speak}, {"leave", leave}, {"inherited", inherited}};

int main(int argc, char **argv)
{
    struct crib_error error = {0};
    char text[512];

    if (argc < 2)
        return 98;
    if (crib_child_open(&child, &error) < 0) {
        fprintf(stderr, "module: %s\n", crib_error_text(&error, text, sizeof(text)));
        return 99;
    }
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(ways[i].name, argv[1]) == 0) {
            int status = ways[i].run();

            crib_child_close(child);
            return status;
        }
    }
    return 97;
}
