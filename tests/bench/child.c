/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end of message.c and stream.c:
 *
 *     child channel       sends each message back, but for those that ask for something (below)
 *     child bare          the same on fd 3: a length of 4 bytes, then as many
 *     child flood COUNT   writes so many frames of 64 bytes there, one by one
 *     child sink BYTES    writes a byte, reads so many, and writes a byte
 *     child write BYTES   writes so many to stdout, 64 KiB at a time
 *
 * Asked for by the type of a message, with a number: `flood` and `try`, so many messages, by
 * crib_child_send() and by crib_child_try_send(); `sink`: takes so many, and answers.
 */
#include <crib/child.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL  64
#define QUEUED (64 * 1024) /* bytes, above which a careful program waits */

/* With ASan: a leak check at the end would need ptrace, which a sandbox does not give. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static char data[4 + (1 << 20)];

static int flood(crib_child *child, int count)
{
    while (count-- > 0)
        if (crib_child_send(child, "bytes", data, SMALL, NULL, 0) < 0)
            return 3;
    return 0;
}

/* Waits until everything is sent. */
static int drain(crib_child *child)
{
    struct pollfd channel = {.fd = crib_child_fd(child), .events = POLLOUT};

    while (crib_child_pending(child) > 0) {
        poll(&channel, 1, -1);
        if (crib_child_flush(child) == -EPIPE)
            return 3;
    }
    return 0;
}

static int try_flood(crib_child *child, int count)
{
    while (count-- > 0) {
        if (crib_child_try_send(child, "bytes", data, SMALL, NULL, 0) < 0)
            return 3;
        if (crib_child_pending(child) > QUEUED && drain(child) != 0)
            return 3;
    }
    return drain(child);
}

static int sink(crib_child *child, int count)
{
    struct crib_child_message message;

    while (count-- > 0)
        if (crib_child_receive(child, -1, &message, NULL) <= 0)
            return 3;
    return flood(child, 1);
}

static int channel(void)
{
    static const struct {
        const char *type;
        int (*act)(crib_child *child, int count);
    } acts[] = {{"flood", flood}, {"try", try_flood}, {"sink", sink}};
    struct crib_child_message message;
    crib_child *child;
    int r = 0;

    if (crib_child_open(&child, NULL) < 0)
        return 2;
    while (r == 0 && crib_child_receive(child, -1, &message, NULL) > 0) {
        size_t i = 0;

        while (i < 3 && strcmp(message.type, acts[i].type) != 0)
            i++;
        if (i < 3)
            r = acts[i].act(child, *(const int *)message.data);
        else if (crib_child_send(child, message.type, message.data, message.len, NULL, 0) < 0)
            r = 3;
    }
    crib_child_close(child);
    return r;
}

static int write_exactly(int fd, const char *from, size_t len)
{
    while (len) {
        ssize_t n = write(fd, from, len);

        if (n <= 0)
            return -1;
        from += n;
        len -= (size_t)n;
    }
    return 0;
}

/* As few calls as there can be: a frame mostly comes whole. */
static int bare(void)
{
    size_t have = 0;
    uint32_t len;
    ssize_t n;

    while ((n = read(3, data + have, sizeof(data) - have)) > 0) {
        have += (size_t)n;
        if (have < 4)
            continue;
        memcpy(&len, data, 4);
        if (len > sizeof(data) - 4)
            return 3;
        if (have < len + 4)
            continue;
        if (write_exactly(3, data, len + 4) < 0)
            return 3;
        have = 0; /* the next comes after the echo */
    }
    return 0;
}

static int bare_flood(unsigned long long count)
{
    for (; count; count--)
        if (write_exactly(3, data, 4 + SMALL) < 0)
            return 3;
    return 0;
}

static int bare_sink(unsigned long long bytes)
{
    ssize_t n;

    if (write_exactly(3, data, 1) < 0)
        return 3;
    for (; bytes; bytes -= (unsigned long long)n) {
        n = read(3, data, 65536);
        if (n <= 0)
            return 3;
    }
    return write_exactly(3, data, 1) < 0 ? 3 : 0;
}

static int write_out(unsigned long long bytes)
{
    const unsigned long long most = 65536;

    for (; bytes; bytes -= bytes < most ? bytes : most)
        if (write_exactly(1, data, bytes < most ? (size_t)bytes : most) < 0)
            return 3;
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "channel") == 0)
        return channel();
    if (argc == 2 && strcmp(argv[1], "bare") == 0)
        return bare();
    if (argc == 3 && strcmp(argv[1], "flood") == 0)
        return bare_flood(strtoull(argv[2], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "sink") == 0)
        return bare_sink(strtoull(argv[2], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "write") == 0)
        return write_out(strtoull(argv[2], NULL, 10));
    return 1;
}
