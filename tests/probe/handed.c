/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that were handed in: serving one, and turning it into something else. */
#include "probe/probe.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void try_new_ones(void)
{
    int pair[2];

    say("socket-inet", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    say("socket-inet6", socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    say("socket-unix", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    say("socket-netlink", socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
    say("socketpair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
}

/* What decides for everybody who shares the socket. */
static void try_filters(int fd)
{
    struct sock_filter drop = {BPF_RET | BPF_K, 0, 0, 0};
    struct sock_fprog program = {1, &drop};

    say("filter", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
    say("steer", setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)));
    say("device", setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
}

static void try_sending(int fd, struct sockaddr_in *to)
{
    struct iovec data = {(char *)"x", 1};
    struct mmsghdr message = {
        .msg_hdr = {.msg_name = to, .msg_namelen = sizeof(*to), .msg_iov = &data, .msg_iovlen = 1}};
    int flags = MSG_FASTOPEN | MSG_NOSIGNAL | MSG_DONTWAIT;

    say("sendto", sendto(fd, "x", 1, flags, (struct sockaddr *)to, sizeof(*to)));
    say("sendmsg", sendmsg(fd, &message.msg_hdr, flags));
    say("sendmmsg", sendmmsg(fd, &message, 1, flags));
}

/* handed FD PORT: a TCP socket that listens, and a port of its host's to which nobody let us. */
static int verb_handed(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)number(argv[2])),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in any = to;
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    int fd = (int)number(argv[1]);

    (void)argc;
    any.sin_port = 0;
    try_new_ones();
    try_filters(fd);
    say("shutdown-read", shutdown(fd, SHUT_RD));
    say("shutdown-both", shutdown(fd, SHUT_RDWR));
    try_sending(fd, &to);
    say("disconnect", connect(fd, &nobody, sizeof(nobody)));
    say("connect", connect(fd, (struct sockaddr *)&to, sizeof(to)));
    say("bind", bind(fd, (struct sockaddr *)&any, sizeof(any)));
    return 0;
}

/* answer FD: serves one connection, as a server does; what comes is what is answered. */
static int verb_answer(int argc, char **argv)
{
    int fd = (int)number(argv[1]), on = 1, peer;
    struct sockaddr_storage name;
    socklen_t len = sizeof(name);
    char byte = 0;

    (void)argc;
    say("listen", listen(fd, 16));
    say("name", getsockname(fd, (struct sockaddr *)&name, &len));
    peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (!say("accept", peer))
        return 1;
    say("nodelay", setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
    say("keepalive", setsockopt(peer, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)));
    say("receive", recv(peer, &byte, 1, 0) == 1 ? 0 : -1);
    say("send", send(peer, &byte, 1, MSG_NOSIGNAL));
    say("shutdown", shutdown(peer, SHUT_WR));
    close(peer);
    return 0;
}

/* give FD @NAME: a socket of this sandbox's, with a name, to whoever reads from the other end of
 * FD. */
static int verb_give(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(argv[2]);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec iov = {(char *)"x", 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *head = &control.align;

    (void)argc;
    memcpy(address.sun_path + 1, argv[2] + 1, len - 1);
    say("bind", bind(fd, (struct sockaddr *)&address,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)));
    say("listen", listen(fd, 8));
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    return !say("give", sendmsg((int)number(argv[1]), &message, MSG_NOSIGNAL));
}

const struct verb handed_verbs[] = {
    {"give", verb_give, 2},
    {"handed", verb_handed, 2},
    {"answer", verb_answer, 1},
    {NULL, NULL, 0},
};
