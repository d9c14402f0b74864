/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that does as it is told, right or wrong. Each argument is an order, and each message of
 * type `json` is one (`"take 0"`), which is answered with a message: what came of it, a number.
 *
 *   N:ORDER              for worker N only; !N:ORDER for all others
 *   listen ADDRESS HOW   any, socket, reuseport, round-robin. Its number is 0, 1, … in this order
 *   close N              what it listens to
 *   take N               receives a connection and does not say so; it is greeted
 *   ack N, ack N BYTE    says so, of the one that was taken last, or of another
 *   accept N             as a good worker does, and greets it
 *   serve                accepts all from now on; drain: until there is no more
 *   exit S, abort, hang, hush (closes its channel), leave
 *   say HEX              a message to its primary
 *   flood HEX COUNT      many of them, reading nothing; sleeps for ever after that
 *   nothing              is done
 */
#include <crib/child.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
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

#define MAX_FDS 256

static crib_child *child;
static struct pollfd polled[1 + MAX_FDS]; /* the channel, then what is served */
static nfds_t count = 1;
static bool serving;
static char taken; /* the byte that came last */

static int listen_to(const char *text)
{
    static const char *const ways[] = {"any", "socket", "reuseport", "round-robin"};
    enum crib_child_sharing sharing = CRIB_CHILD_SHARE_ANY;
    char address[256], how[32];
    int fd, r;

    if (sscanf(text, "%255s %31s", address, how) != 2)
        return -EINVAL;
    for (int i = 0; i < 4; i++)
        if (strcmp(how, ways[i]) == 0)
            sharing = (enum crib_child_sharing)i;
    r = crib_child_listen(child, address, sharing, -1, &fd, NULL);
    if (r < 0 || count > MAX_FDS)
        return r < 0 ? r : -EMFILE;
    polled[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    return (int)count - 2;
}

static int greet(int fd)
{
    char text[64];

    if (fd < 0)
        return fd;
    snprintf(text, sizeof(text), "worker %u;", crib_child_worker(child));
    (void)!write(fd, text, strlen(text));
    close(fd);
    return 0;
}

static int take(int fd)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control;
    struct iovec iov = {&taken, 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control)};
    int got;

    if (recvmsg(fd, &msg, 0) != 1)
        return errno ? -errno : -EPIPE;
    if (!CMSG_FIRSTHDR(&msg))
        return -EPROTO;
    memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(got));
    return greet(got);
}

static size_t unhex(const char *text, unsigned char *ret, size_t size)
{
    size_t n = 0;
    unsigned byte;

    while (n < size && text[2 * n] > ' ' && sscanf(text + 2 * n, "%2x", &byte) == 1)
        ret[n++] = (unsigned char)byte;
    return n;
}

static int flood(const char *text)
{
    unsigned char data[4096];
    size_t len = unhex(text, data, sizeof(data));
    const char *number = strchr(text, ' ');

    for (int i = number ? atoi(number) : 1; i > 0; i--)
        if (crib_child_send(child, "crib.cluster", data, len, NULL, 0) < 0)
            return -errno;
    for (;;)
        pause();
}

static int drain(void)
{
    for (nfds_t i = 1; i < count; i++)
        while (polled[i].fd >= 0 && greet(crib_child_accept(polled[i].fd)) == 0)
            ;
    return 0;
}

static int act(const char *order)
{
    char word[32] = "";
    int words = sscanf(order, "%31s", word), end = 0, number = 0, byte = taken;
    const char *rest;
    unsigned char data[4096];
    int fd;

    sscanf(order, "%*s %n", &end);
    rest = order + end;
    (void)!sscanf(rest, "%d %d", &number, &byte);
    fd = words == 1 && number >= 0 && (nfds_t)number + 1 < count ? polled[number + 1].fd : -1;
    if (strcmp(word, "listen") == 0)
        return listen_to(rest);
    if (strcmp(word, "take") == 0)
        return take(fd);
    if (strcmp(word, "accept") == 0)
        return greet(crib_child_accept(fd));
    if (strcmp(word, "ack") == 0)
        return send(fd, &(char){(char)byte}, 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
    if (strcmp(word, "close") == 0) {
        polled[number + 1].fd = -1;
        return close(fd);
    }
    if (strcmp(word, "serve") == 0)
        serving = true;
    else if (strcmp(word, "drain") == 0)
        return drain();
    else if (strcmp(word, "exit") == 0)
        exit(number);
    else if (strcmp(word, "abort") == 0)
        abort();
    else if (strcmp(word, "leave") == 0)
        return crib_child_leave(child);
    else if (strcmp(word, "say") == 0)
        return crib_child_send(child, "crib.cluster", data, unhex(rest, data, sizeof(data)), NULL,
                               0);
    else if (strcmp(word, "flood") == 0)
        return flood(rest);
    else if (strcmp(word, "hush") == 0)
        close(crib_child_fd(child));
    if (strcmp(word, "hang") == 0 || strcmp(word, "hush") == 0)
        for (;;)
            pause();
    return 0;
}

static int obey(const char *order)
{
    unsigned number;
    char mark;

    if (sscanf(order, "%u%c", &number, &mark) == 2 && mark == ':')
        return number == crib_child_worker(child) ? act(strchr(order, ':') + 1) : 0;
    if (sscanf(order, "!%u%c", &number, &mark) == 2 && mark == ':')
        return number != crib_child_worker(child) ? act(strchr(order, ':') + 1) : 0;
    return act(order);
}

/* Return: false: the primary has disconnected. */
static bool hear(void)
{
    struct crib_child_message message;
    char order[512], answer[32];
    int r;

    while ((r = crib_child_try_receive(child, &message, NULL)) > 0) {
        snprintf(order, sizeof(order), "%.*s", (int)message.len - 2,
                 (const char *)message.data + 1);
        snprintf(answer, sizeof(answer), "%d", act(order));
        crib_child_send(child, "json", answer, strlen(answer), NULL, 0);
    }
    return r == -EAGAIN;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "hang first") == 0)
        for (;;)
            pause();
    if (crib_child_open(&child, NULL) < 0)
        return 125;
    for (int i = 1; i < argc; i++)
        obey(argv[i]);
    polled[0] = (struct pollfd){.fd = crib_child_fd(child), .events = POLLIN};
    while (hear()) {
        poll(polled, serving ? count : 1, -1);
        for (nfds_t i = 1; serving && i < count; i++)
            if (polled[i].fd >= 0 && polled[i].revents)
                greet(crib_child_accept(polled[i].fd));
    }
    if (serving)
        drain();
    crib_child_close(child);
    return 0;
}
