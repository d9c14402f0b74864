/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that serves HTTP and tells of it on its stdout, `listening ID ADDRESS:PORT` among it:
 * waiting for what it tells, and asking it.
 *
 * Runs in: tests.
 */
#ifndef EXAMPLES_SERVING_H
#define EXAMPLES_SERVING_H

#include "cli/cli.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define SERVING_GET         "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#define SERVING_PATIENCE_US (60 * 1000000ull)

/* What was told so far. */
static inline void serving_told(const struct cli *cli, char *text, size_t size)
{
    ssize_t n = pread(cli->out_fd, text, size - 1, 0);

    text[n > 0 ? n : 0] = '\0';
}

/* Until it has told so many lines that begin so. */
static inline void serving_until(const struct cli *cli, const char *start, unsigned times)
{
    uint64_t end_us = clock_us() + SERVING_PATIENCE_US;
    char text[32768];

    for (serving_told(cli, text, sizeof(text)); cli_lines(text, start) < times;
         serving_told(cli, text, sizeof(text))) {
        if (clock_us() > end_us)
            fail_msg("not %u times '%s':\n%s", times, start, text);
        usleep(1000);
    }
}

/* A connection to the port that it listens on. */
static inline int serving_connect(const struct cli *cli)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[32768], *line, *port;

    serving_told(cli, text, sizeof(text));
    line = strstr(text, "listening ");
    assert_non_null(line);
    port = memrchr(line, ':', strcspn(line, "\n"));
    assert_non_null(port);
    to.sin_port = htons((uint16_t)atoi(port + 1));
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* Reads what comes until the end. Return: the answer's body; static. */
static inline const char *serving_answer(int fd)
{
    static char answer[4096];
    const char *body;
    size_t len = 0;
    ssize_t n;

    while ((n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0)) > 0)
        len += (size_t)n;
    answer[len] = '\0';
    close(fd);
    body = strstr(answer, "\r\n\r\n");
    if (!body || n < 0)
        fail_msg("no answer: %s", answer);
    return body + 4;
}

/* One request. Return: as serving_answer(). */
static inline const char *serving_ask(const struct cli *cli)
{
    int fd = serving_connect(cli);

    assert_int_equal(send(fd, SERVING_GET, strlen(SERVING_GET), MSG_NOSIGNAL), strlen(SERVING_GET));
    return serving_answer(fd);
}

#endif
