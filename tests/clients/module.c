/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the conformance programs start: the first argument says how it behaves.
 */
#include <crib/child.h>
#include <errno.h>
#include <stdio.h>
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

/* Sends every message back, with its descriptors; leaves with 0 when the parent disconnects. */
static int echo(void)
{
    struct crib_child_message message;
    int r;

    if (crib_child_open(&child, NULL) < 0)
        return 99;
    while ((r = crib_child_receive(child, -1, &message, NULL)) > 0)
        if (crib_child_send(child, message.type, message.data, message.len, message.fds,
                            message.nfds) < 0)
            return 3;
    crib_child_close(child);
    return r < 0 ? 4 : 0;
}

/* Asks for what the default policy does not give. */
static int ask(void)
{
    int sock = socket(AF_INET, SOCK_STREAM, 0);

    printf("%s\n", sock < 0 ? strerror(errno) : "a TCP socket");
    return sock < 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "echo") == 0)
        return echo();
    if (argc == 2 && strcmp(argv[1], "socket") == 0)
        return ask();
    return 98;
}
