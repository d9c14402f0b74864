/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker for the tests of clusters: words say what it does, one after the other.
 *
 *   listen ADDRESS HOW   serves it (any, socket, reuseport, round-robin): each connection is told
 *                    this worker's number
 *   serve            answers connections and messages until the primary disconnects
 *   exit STATUS, abort, hang, leave
 *   most COUNT       leaves after so many connections
 *   first … others   what is between is for the first worker only
 *   say WORD         a message
 *   garbage          nonsense of the type that belongs to the cluster
 *   many COUNT       asks for so many addresses
 *   pong             answers a ping that nobody sent
 *   fds              sends fds that nobody asked for, with such a message
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

#define MAX_FDS 128

static crib_child *child;
static struct pollfd polled[1 + MAX_FDS]; /* the channel, then what is served */
static nfds_t count = 1;
static unsigned answered, most; /* connections; 0: no end */

static void say(const char *text)
{
    crib_child_send(child, "json", text, strlen(text), NULL, 0);
}

static void listen_to(const char *address, const char *how)
{
    static const char *const ways[] = {"any", "socket", "reuseport", "round-robin"};
    enum crib_child_sharing sharing = CRIB_CHILD_SHARE_ANY;
    struct crib_error error;
    char text[128];
    int fd, r;

    for (int i = 0; i < 4; i++)
        if (strcmp(how, ways[i]) == 0)
            sharing = (enum crib_child_sharing)i;
    r = crib_child_listen(child, address, sharing, -1, &fd, &error);
    if (r == 0 && count <= MAX_FDS) {
        polled[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        return;
    }
    snprintf(text, sizeof(text), "%d", r);
    say(text);
}

static void greet(int listener)
{
    int fd = crib_child_accept(listener);
    char text[64];

    if (fd < 0)
        return;
    snprintf(text, sizeof(text), "worker %u", crib_child_worker(child));
    (void)!write(fd, text, strlen(text));
    close(fd);
    answered++;
}

/* What the primary says is said again. Return: false: it has disconnected. */
static bool hear(void)
{
    struct crib_child_message message;
    int r;

    while ((r = crib_child_try_receive(child, &message, NULL)) > 0) {
        if (message.len == 4 && memcmp(message.data, "exit", 4) == 0)
            exit(0);
        crib_child_send(child, message.type, message.data, message.len, NULL, 0);
    }
    return r == -EAGAIN;
}

static void serve(void)
{
    polled[0] = (struct pollfd){.fd = crib_child_fd(child), .events = POLLIN};
    do {
        poll(polled, count, -1);
        for (nfds_t i = 1; i < count; i++)
            if (polled[i].revents)
                greet(polled[i].fd);
    } while (hear() && (!most || answered < most));
    if (most)
        crib_child_leave(child);
}

static void ask_for_many(int number)
{
    for (int i = 0; i < number; i++) {
        char address[64];

        snprintf(address, sizeof(address), "tcp:127.0.0.1:%d", 20000 + i);
        listen_to(address, "any");
    }
}

static int act(char **words)
{
    static const unsigned char pong[] = {0x22, 0x02, 0x08, 0x07};
    int given[2];

    if (strcmp(words[0], "listen") == 0)
        return listen_to(words[1], words[2]), 3;
    if (strcmp(words[0], "serve") == 0)
        serve();
    else if (strcmp(words[0], "abort") == 0)
        abort();
    else if (strcmp(words[0], "hang") == 0)
        for (;;)
            pause();
    else if (strcmp(words[0], "leave") == 0)
        crib_child_leave(child);
    else if (strcmp(words[0], "garbage") == 0)
        crib_child_send(child, "crib.cluster", "\377\377\377", 3, NULL, 0);
    else if (strcmp(words[0], "pong") == 0)
        crib_child_send(child, "crib.cluster", pong, sizeof(pong), NULL, 0);
    else if (strcmp(words[0], "fds") == 0 && pipe(given) == 0)
        crib_child_send(child, "crib.cluster", pong, sizeof(pong), given, 2);
    else if (strcmp(words[0], "say") == 0)
        return say(words[1]), 2;
    else if (strcmp(words[0], "exit") == 0)
        exit(atoi(words[1]));
    else if (strcmp(words[0], "many") == 0)
        return ask_for_many(atoi(words[1])), 2;
    else if (strcmp(words[0], "most") == 0)
        return most = (unsigned)atoi(words[1]), 2;
    return 1;
}

int main(int argc, char **argv)
{
    if (crib_child_open(&child, NULL) < 0)
        return 125;
    for (int i = 1; i < argc;) {
        if (strcmp(argv[i], "first") == 0 && crib_child_worker(child) != 1)
            while (strcmp(argv[i], "others") != 0)
                i++;
        i += act(argv + i);
    }
    crib_child_close(child);
    return 0;
}
