/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of `crib cluster`: scripts, events, clients of what is served.
 *
 * Runs in: tests.
 */
#ifndef CLI_CLUSTERING_H
#define CLI_CLUSTERING_H

#include "cli/cli.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "cli/command.h"
#include "node/json.h"

#define CLUSTER_PATIENCE_MS 60000
#define LOOPBACK            "tcp:127.0.0.1:*"

/* Answers with the worker's number; any free port, the same for all. */
static const char cluster_server[] =
    "const http = require('http'), cluster = require('cluster');\n"
    "http.createServer((q, s) => s.end('worker ' + cluster.worker.id))\n"
    "    .listen(0, '127.0.0.1');\n";

/* Ends a script that does nothing more until it is to leave. (A timer would keep it from that.) */
#define STAY "process.on('disconnect', () => 0);\n"

/* Return: the path of a new script where tasks may read it; the caller frees. */
static inline char *cluster_script(const char *text)
{
    char *dir = cli_dir(), *path = NULL;

    assert_true(asprintf(&path, "%s/script.js", dir) > 0);
    test_write(path, text, strlen(text), 0644);
    free(dir);
    return path;
}

/* For cli.before: a test that fails leaves no cluster behind. And where the suite runs in the
 * background, SIGINT may be ignored, which crib would respect. */
static inline int cluster_mortal(void)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGTERM, SIGTTIN, SIGTTOU};

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        signal(signals[i], SIG_DFL);
    return prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* --- what is told --- */

static inline char *cluster_text(int fd)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return test_read(path, NULL);
}

static inline unsigned cluster_count(const char *text, const char *part)
{
    unsigned count = 0;

    for (; (text = strstr(text, part)); text += strlen(part))
        count++;
    return count;
}

/* Waits until @part has been told so often, at @fd of @cli. Return: all that was told; the caller
 * frees. */
static inline char *cluster_until_at(struct cli *cli, int fd, const char *part, unsigned times)
{
    uint64_t end = clock_us() + CLUSTER_PATIENCE_MS * 1000ull;

    for (;;) {
        char *text = cluster_text(fd);

        if (cluster_count(text, part) >= times)
            return text;
        if (clock_us() > end) {
            kill(cli->pid, SIGKILL);
            fail_msg("no %u times '%s':\n%s\n%s", times, part, text, cluster_text(cli->err_fd));
        }
        free(text);
        usleep(2000);
    }
}

static inline void cluster_until(struct cli *cli, const char *event, unsigned times)
{
    char part[64];

    snprintf(part, sizeof(part), "{\"event\":\"%s\"", event);
    free(cluster_until_at(cli, cli->out_fd, part, times));
}

/* A member of the line of the event of that name that comes as number @which, from 0 on, as
 * text. Return: false: there is none. */
static inline bool cluster_member(const char *text, const char *event, unsigned which,
                                  const char *member, char *ret, size_t size)
{
    for (const char *line = text; *line; line = *line ? line + 1 : line) {
        const char *end = strchrnul(line, '\n');
        struct node_json json = {line, (size_t)(end - line)}, value;

        line = end;
        if (!node_json_get(json, "event", &value) || !node_json_is(value, event) || which-- > 0)
            continue;
        if (!node_json_get(json, member, &value))
            return false;
        snprintf(ret, size, "%.*s", (int)value.len, value.text);
        return true;
    }
    return false;
}

/* Of what stdout holds by now; fails where there is none. */
static inline long cluster_number(struct cli *cli, const char *event, unsigned which,
                                  const char *member)
{
    char *text = cluster_text(cli->out_fd), number[64] = "";

    if (!cluster_member(text, event, which, member, number, sizeof(number)))
        fail_msg("no %s of %s %u:\n%s", member, event, which, text);
    free(text);
    return strtol(number, NULL, 10);
}

/* Every line is one JSON object, and its time is not before that of the line above. */
static inline void cluster_valid(const char *text)
{
    int64_t before = 0, now;

    for (const char *line = text; *line;) {
        const char *end = strchr(line, '\n');
        struct node_json json, value;

        if (!end)
            fail_msg("half a line: %s", line);
        json = (struct node_json){line, (size_t)(end - line)};
        if (node_json_check(json) < 0 || !node_json_get(json, "event", &value) ||
            !node_json_get(json, "time", &value) || node_json_integer(value, &now) < 0)
            fail_msg("no event: %.*s", (int)json.len, line);
        assert_true(now >= before);
        before = now;
        line = end + 1;
    }
}

/* --- clients --- */

/* Of the first address that was listened on. Return: a connected fd; negative errno. */
static inline int cluster_connect(struct cli *cli)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char *text = cluster_text(cli->out_fd), address[200], *last;
    struct sockaddr *to = (struct sockaddr *)&v4;
    socklen_t len = sizeof(v4);
    int fd;

    assert_true(cluster_member(text, "listening", 0, "address", address, sizeof(address)));
    free(text);
    address[strlen(address) - 1] = '\0';
    last = strrchr(address, ':') + 1;
    v4.sin_port = htons((uint16_t)atoi(last));
    if (strncmp(address, "\"unix:", 6) == 0) {
        snprintf(un.sun_path, sizeof(un.sun_path), "%s", last);
        to = (struct sockaddr *)&un;
        len = sizeof(un);
    }
    fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, to, len) == 0)
        return fd;
    fd_close(&fd);
    return -errno;
}

/* Return: which worker answers; negative errno; -ENODATA no answer. */
static inline int cluster_ask(struct cli *cli)
{
    static const char get[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    int fd = cluster_connect(cli);
    char answer[4096], *at;
    size_t len = 0;

    if (fd < 0)
        return fd;
    (void)send(fd, get, sizeof(get) - 1, MSG_NOSIGNAL);
    for (;;) {
        struct pollfd one = {.fd = fd, .events = POLLIN};
        ssize_t n = poll(&one, 1, CLUSTER_PATIENCE_MS) == 1
                        ? recv(fd, answer + len, sizeof(answer) - 1 - len, 0)
                        : -1;

        if (n <= 0)
            break;
        len += (size_t)n;
    }
    fd_close(&fd);
    answer[len] = '\0';
    at = strstr(answer, "worker ");
    return at ? atoi(at + 7) : -ENODATA;
}

/* The same, and fails where nobody answers. */
static inline unsigned cluster_who(struct cli *cli)
{
    int who = cluster_ask(cli);

    if (who <= 0) {
        kill(cli->pid, SIGKILL);
        fail_msg("%d: %s\n%s", who, cluster_text(cli->out_fd), cluster_text(cli->err_fd));
    }
    return (unsigned)who;
}

#endif
