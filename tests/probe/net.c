/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: which families there are, what they reach, whether lo works. */
#include "probe/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* socket FAMILY TYPE PROTOCOL, in numbers. */
static int verb_socket(int argc, char **argv)
{
    int fd = socket((int)number(argv[1]), (int)number(argv[2]) | SOCK_CLOEXEC,
                    argc > 3 ? (int)number(argv[3]) : 0);

    say("socket", fd);
    if (fd >= 0)
        close(fd);
    return fd < 0;
}

/* `@NAME` is abstract. Return: length of the address. */
static socklen_t unix_address(const char *name, struct sockaddr_un *address)
{
    size_t len = strlen(name);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (len >= sizeof(address->sun_path))
        exit(99);
    memcpy(address->sun_path, name, len);
    if (name[0] != '@')
        return (socklen_t)sizeof(*address);
    address->sun_path[0] = 0;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static int unix_socket(const char *name, int is_bind)
{
    struct sockaddr_un address;
    socklen_t len = unix_address(name, &address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0)
        return !say("socket", -1);
    r = is_bind ? bind(fd, (struct sockaddr *)&address, len)
                : connect(fd, (struct sockaddr *)&address, len);
    say(name, r);
    close(fd);
    return r < 0;
}

static int inet_socket(const char *ip, int port, int is_bind)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0)
        return !say("socket", -1);
    inet_pton(AF_INET, ip, &address.sin_addr);
    r = is_bind ? bind(fd, (struct sockaddr *)&address, sizeof(address))
                : connect(fd, (struct sockaddr *)&address, sizeof(address));
    say(ip, r);
    close(fd);
    return r < 0;
}

/* connect unix PATH|@NAME, connect inet IP PORT; bind likewise. */
static int verb_connect(int argc, char **argv)
{
    int is_bind = strcmp(argv[0], "bind") == 0;

    if (strcmp(argv[1], "unix") == 0)
        return unix_socket(argv[2], is_bind);
    return inet_socket(argv[2], argc > 3 ? (int)number(argv[3]) : 0, is_bind);
}

/* A TCP connection to oneself over 127.0.0.1, and one byte through it. */
static int verb_loopback(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int peer = -1;
    char byte = 0;

    (void)argc;
    (void)argv;
    if (!say("socket", server))
        return 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    say("bind", bind(server, (struct sockaddr *)&address, len));
    say("listen", listen(server, 1));
    getsockname(server, (struct sockaddr *)&address, &len);
    if (say("connect", connect(client, (struct sockaddr *)&address, len))) {
        peer = accept(server, NULL, NULL);
        say("accept", peer);
        say("send", send(client, "x", 1, MSG_NOSIGNAL));
        say("receive", recv(peer, &byte, 1, 0) == 1 && byte == 'x' ? 0 : -1);
    }
    close(peer);
    close(client);
    close(server);
    return byte != 'x';
}

/* `NAME FLAGS` of each interface, by /proc/net/dev and, where a socket may ask, the flags. */
static int verb_interfaces(int argc, char **argv)
{
    FILE *file = fopen("/proc/self/net/dev", "re");
    int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char line[512];

    (void)argc;
    (void)argv;
    if (!file)
        return !say("/proc/self/net/dev", -1);
    while (fgets(line, sizeof(line), file)) {
        struct ifreq request = {0};
        char *colon = strchr(line, ':'), *name = line + strspn(line, " ");

        if (!colon)
            continue;
        *colon = 0;
        snprintf(request.ifr_name, sizeof(request.ifr_name), "%.15s", name);
        if (ioctl(sock, SIOCGIFFLAGS, &request) < 0)
            printf("%s %s\n", name, errno_name(errno));
        else
            printf("%s %s\n", name, request.ifr_flags & IFF_UP ? "up" : "down");
    }
    fclose(file);
    if (sock >= 0)
        close(sock);
    return 0;
}

/* serve unix PATH SECONDS: a socket for others to find. */
static int verb_serve(int argc, char **argv)
{
    struct sockaddr_un address;
    socklen_t len = unix_address(argv[1], &address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)argc;
    if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 8) < 0)
        return !say(argv[1], -1);
    say(argv[1], 0);
    sleep((unsigned)number(argv[2]));
    close(fd);
    return 0;
}

/* `fd N ok`: a connection was accepted, and told the number and the pid. */
static int serve_one(int fd)
{
    int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC), r = -1;
    char text[64];

    if (peer >= 0) {
        snprintf(text, sizeof(text), "%d of %d", fd, (int)getpid());
        r = send(peer, text, strlen(text), MSG_NOSIGNAL) > 0 ? 0 : -1;
        close(peer);
    }
    snprintf(text, sizeof(text), "fd %d", fd);
    return !say(text, r);
}

/* listen-fds: as sd_listen_fds(3): the sockets are ours where the pid is; a connection of each. */
static int verb_listen_fds(int argc, char **argv)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    char own[16];
    int bad = 0;

    (void)argc;
    (void)argv;
    snprintf(own, sizeof(own), "%d", (int)getpid());
    printf("LISTEN_FDS %s\nLISTEN_PID %s\n", fds ? fds : "none",
           !pid                    ? "none"
           : strcmp(pid, own) == 0 ? "own"
                                   : "another's");
    if (!fds || !pid || strcmp(pid, own) != 0)
        return 1;
    for (int fd = 3; fd < 3 + (int)number(fds); fd++)
        bad |= serve_one(fd);
    return bad;
}

/* net-cookie: the number of the network namespace, which the kernel never gives twice (Linux 5.14).
 */
static int verb_cookie(int argc, char **argv)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unsigned long long cookie = 0;
    socklen_t len = sizeof(cookie);

    (void)argc;
    (void)argv;
    if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
        return !say("net-cookie", -1);
    close(fd);
    printf("net-cookie %llu\n", cookie);
    return 0;
}

const struct verb net_verbs[] = {
    {"net-cookie", verb_cookie, 0},
    {"socket", verb_socket, 2},
    {"connect", verb_connect, 2},
    {"bind", verb_connect, 2},
    {"loopback", verb_loopback, 0},
    {"interfaces", verb_interfaces, 0},
    {"serve", verb_serve, 2},
    {"listen-fds", verb_listen_fds, 0},
    {NULL, NULL, 0},
};
