/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile child may say on its message channel: half frames, false lengths, too many fds. */
#include "probe/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_FDS 253 /* that the kernel passes with one message */

static int channel_fd(void)
{
    const char *text = getenv("CRIB_CHANNEL_FD");

    return text ? atoi(text) : -1;
}

static long send_bytes(const void *data, size_t len, const int *fds, size_t nfds)
{
    union {
        char room[CMSG_SPACE(MOST_FDS * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {(void *)data, len};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    if (nfds) {
        struct cmsghdr *head = &control.align;

        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(nfds * sizeof(int));
        memcpy(CMSG_DATA(head), fds, nfds * sizeof(int));
    }
    return sendmsg(channel_fd(), &message, MSG_NOSIGNAL);
}

/* channel-bytes HEX...: as they are. */
static int verb_bytes(int argc, char **argv)
{
    unsigned char data[256];
    size_t len = 0;

    for (int i = 1; i < argc && len < sizeof(data); i++)
        data[len++] = (unsigned char)strtoul(argv[i], NULL, 16);
    return !say("channel", send_bytes(data, len, NULL, 0));
}

/* channel-fds COUNT: so many with one byte, again and again where one message cannot hold them. */
static int verb_fds(int argc, char **argv)
{
    long left = number(argv[1]);
    int fds[MOST_FDS];

    (void)argc;
    for (int i = 0; i < MOST_FDS; i++)
        fds[i] = 0;
    while (left > 0) {
        size_t n = left < MOST_FDS ? (size_t)left : MOST_FDS;

        if (send_bytes("\0", 1, fds, n) < 0)
            return !say("channel", -1);
        left -= (long)n;
    }
    return !say("channel", 0);
}

static int verb_close(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return !say("channel", close(channel_fd()));
}

/* channel-flood MIB: zeroes, which are empty frames, as fast as they go. */
static int verb_flood(int argc, char **argv)
{
    static char block[65536];
    long left = number(argv[1]) * 16;

    (void)argc;
    for (; left > 0; left--)
        if (send_bytes(block, sizeof(block), NULL, 0) < 0)
            return !say("channel", -1);
    return !say("channel", 0);
}

const struct verb channel_verbs[] = {
    {"channel-bytes", verb_bytes, 1},
    {"channel-fds", verb_fds, 1},
    {"channel-close", verb_close, 0},
    {"channel-flood", verb_flood, 1},
    {NULL, NULL, 0},
};
