/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end of message.c and stream.c:
 *
 *     child channel       sends each message back
 *     child bare          the same on fd 3: a length of 4 bytes, then as many
 *     child write BYTES   writes so many to stdout, 64 KiB at a time
 */
#include <crib/child.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* With ASan: a leak check at the end would need ptrace, which a sandbox does not give. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static int channel(void)
{
    struct crib_child_message message;
    crib_child *child;

    if (crib_child_open(&child, NULL) < 0)
        return 2;
    while (crib_child_receive(child, -1, &message, NULL) > 0)
        if (crib_child_send(child, message.type, message.data, message.len, NULL, 0) < 0)
            return 3;
    crib_child_close(child);
    return 0;
}

static int read_exactly(int fd, char *to, size_t len)
{
    while (len) {
        ssize_t n = read(fd, to, len);

        if (n <= 0)
            return -1;
        to += n;
        len -= (size_t)n;
    }
    return 0;
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

static int bare(void)
{
    static char data[4 + (1 << 20)];
    uint32_t len;

    while (read_exactly(3, data, 4) == 0) {
        memcpy(&len, data, 4);
        if (len > sizeof(data) - 4 || read_exactly(3, data + 4, len) < 0 ||
            write_exactly(3, data, len + 4) < 0)
            return 3;
    }
    return 0;
}

static int write_out(unsigned long long bytes)
{
    static char data[65536];

    for (; bytes; bytes -= bytes < sizeof(data) ? bytes : sizeof(data))
        if (write_exactly(1, data, bytes < sizeof(data) ? bytes : sizeof(data)) < 0)
            return 3;
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "channel") == 0)
        return channel();
    if (argc == 2 && strcmp(argv[1], "bare") == 0)
        return bare();
    if (argc == 3 && strcmp(argv[1], "write") == 0)
        return write_out(strtoull(argv[2], NULL, 10));
    return 1;
}
