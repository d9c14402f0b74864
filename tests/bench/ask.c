/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks an HTTP server of serve.js, by many connections at once, and counts what went wrong.
 *
 *     bench_ask PORT CONNECTIONS REQUESTS close|keep
 *
 * REQUESTS 0: until stdin ends. close: a connection for each request. keep: it is used again; where
 * the server has closed it before it took a request, the request is sent again, as HTTP has it
 * (RFC 9110, 9.3.1), and counted. Everything else that is no whole answer with status 200 has
 * failed.
 *
 * `asked N failed N again N workers N most N least N` on stdout, the first failure on stderr; the
 * last two are requests of the worker that had the most and of the one that had the least.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CONNECTIONS 256
#define WORKERS     4096
#define PATIENCE_S  60

static struct {
    struct sockaddr_in to;
    bool keep;
    unsigned long requests; /* 0: no end */
    atomic_bool over;
    atomic_ulong begun, asked, failed, again;
    atomic_ulong of[WORKERS];
} all;

static void failed(const char *what, const char *why)
{
    if (atomic_fetch_add(&all.failed, 1) == 0)
        fprintf(stderr, "bench_ask: %s: %s\n", what, why);
}

/* Return: an fd; -1 and it has been counted. */
static int open_one(void)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        connect(fd, (struct sockaddr *)&all.to, sizeof(all.to)) < 0) {
        failed("connect", strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

/* Return: bytes of the answer that @text begins with; 0 it is not whole. */
static size_t whole(const char *text)
{
    const char *length = strcasestr(text, "\r\nContent-Length: "), *body = strstr(text, "\r\n\r\n");
    size_t len;

    if (!body || !length || length > body)
        return 0;
    len = (size_t)(body + 4 - text) + strtoul(length + 18, NULL, 10);
    return len <= strlen(text) ? len : 0;
}

static void count(const char *answer)
{
    const char *worker = strstr(answer, "worker ");
    unsigned long id = worker ? strtoul(worker + 7, NULL, 10) : WORKERS;

    if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0 || id >= WORKERS)
        failed("answer", answer);
    else
        atomic_fetch_add(&all.of[id], 1);
}

/* Return: 1 answered, or failed and counted; 0 nothing at all came on a connection that was used
 * before. */
static int ask(int fd, bool used)
{
    static const char *const requests[] = {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                                           "GET / HTTP/1.1\r\nHost: x\r\n\r\n"};
    const char *request = requests[all.keep];
    char answer[4096] = "";
    size_t len = 0;
    ssize_t n = send(fd, request, strlen(request), MSG_NOSIGNAL);

    while (n > 0 && !whole(answer)) {
        n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);
        len += n > 0 ? (size_t)n : 0;
        answer[len] = '\0';
    }
    if (n > 0) {
        count(answer);
        return 1;
    }
    if (used && len == 0 && (n == 0 || errno == ECONNRESET || errno == EPIPE))
        return 0;
    failed(len ? "half an answer" : "no answer", n < 0 ? strerror(errno) : "closed");
    return -1;
}

static bool goes_on(void)
{
    return !atomic_load(&all.over) &&
           (all.requests == 0 || atomic_fetch_add(&all.begun, 1) < all.requests);
}

static void *connection(void *data)
{
    int fd = -1, r;

    while (goes_on()) {
        bool used = fd >= 0;

        atomic_fetch_add(&all.asked, 1);
        if (!used)
            fd = open_one();
        r = fd < 0 ? -1 : ask(fd, used);
        if (r == 0) {
            atomic_fetch_add(&all.again, 1);
            close(fd);
            fd = open_one();
            r = fd < 0 ? -1 : ask(fd, false);
        }
        if (fd >= 0 && (r < 0 || !all.keep)) {
            close(fd);
            fd = -1;
        }
    }
    if (fd >= 0)
        close(fd);
    return data;
}

static void print(void)
{
    unsigned long most = 0, least = 0, workers = 0;

    for (size_t i = 0; i < WORKERS; i++) {
        unsigned long n = atomic_load(&all.of[i]);

        if (n == 0)
            continue;
        most = n > most ? n : most;
        least = workers == 0 || n < least ? n : least;
        workers++;
    }
    printf("asked %lu failed %lu again %lu workers %lu most %lu least %lu\n",
           atomic_load(&all.asked), atomic_load(&all.failed), atomic_load(&all.again), workers,
           most, least);
}

int main(int argc, char **argv)
{
    pthread_t threads[CONNECTIONS];
    int connections = argc == 5 ? atoi(argv[2]) : 0;
    char byte;

    if (connections <= 0 || connections > CONNECTIONS) {
        fprintf(stderr, "usage: bench_ask PORT CONNECTIONS REQUESTS close|keep\n");
        return EXIT_FAILURE;
    }
    all.to = (struct sockaddr_in){.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(argv[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    all.requests = strtoul(argv[3], NULL, 10);
    all.keep = strcmp(argv[4], "keep") == 0;
    for (int i = 0; i < connections; i++)
        if (pthread_create(&threads[i], NULL, connection, NULL) != 0)
            return EXIT_FAILURE;
    while (all.requests == 0 && read(STDIN_FILENO, &byte, 1) > 0)
        ;
    atomic_store(&all.over, all.requests == 0);
    for (int i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);
    print();
    return EXIT_SUCCESS;
}
