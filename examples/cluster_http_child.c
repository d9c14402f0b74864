/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker of cluster_http: answers HTTP through libmicrohttpd on a socket that its primary has
 * bound, reports each request, and leaves after the third. It has no right to the network.
 *
 *     cluster_http_child ADDRESS
 */
#include <crib/child.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REQUESTS   3
#define PATIENCE_S 10u /* with a client that is silent */

struct server {
    crib_child *child;
    struct MHD_Daemon *http;
    unsigned answered, finished; /* requests */
    bool leaving;
};

static int complain(const struct crib_error *error)
{
    char text[512];

    fprintf(stderr, "cluster_http_child: %s\n", crib_error_text(error, text, sizeof(text)));
    return EXIT_FAILURE;
}

/* To the primary; where that is gone, the loop will see it. */
static void report(struct server *server)
{
    char text[128];
    int len = snprintf(text, sizeof(text), "{\"id\":%u,\"pid\":%d,\"count\":%u}",
                       crib_child_worker(server->child), (int)getpid(), server->answered);

    (void)crib_child_send(server->child, "json", text, (size_t)len, NULL, 0);
}

static enum MHD_Result answer(struct server *server, struct MHD_Connection *connection)
{
    struct MHD_Response *response;
    enum MHD_Result r;
    char text[128];
    int len = snprintf(text, sizeof(text), "worker %u, request %u\n",
                       crib_child_worker(server->child), ++server->answered);

    report(server);
    response = MHD_create_response_from_buffer((size_t)len, text, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    r = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return r;
}

/* Called when the header is there, for each part of a body, which is not looked at, and at last. */
static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_len, void **seen)
{
    (void)url;
    (void)method;
    (void)version;
    (void)body;
    if (*seen && *body_len == 0)
        return answer(data, connection);
    *seen = data;
    *body_len = 0;
    return MHD_YES;
}

static void on_completed(void *data, struct MHD_Connection *connection, void **seen,
                         enum MHD_RequestTerminationCode how)
{
    struct server *server = data;

    (void)connection;
    (void)seen;
    (void)how;
    server->finished++;
}

/* Takes no more connections; those that wait are for the others. */
static void leave(struct server *server)
{
    server->leaving = true;
    (void)crib_child_leave(server->child);
    close(MHD_quiesce_daemon(server->http));
}

static int start(struct server *server, const char *address, struct crib_error *error)
{
    int fd, r = crib_child_open(&server->child, error);

    if (r == 0)
        r = crib_child_listen(server->child, address, CRIB_CHILD_SHARE_SOCKET, -1, &fd, error);
    if (r < 0)
        return r;
    server->http =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, server,
                         MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
                         server, MHD_OPTION_CONNECTION_TIMEOUT, PATIENCE_S, MHD_OPTION_END);
    if (server->http)
        return 0;
    close(fd);
    *error = (struct crib_error){.code = -EIO, .step = "libmicrohttpd"};
    return -EIO;
}

static unsigned connections(const struct server *server)
{
    return MHD_get_daemon_info(server->http, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

/* Return: milliseconds, as poll() takes them. */
static int timeout(const struct server *server)
{
    MHD_UNSIGNED_LONG_LONG ms;

    if (MHD_get_timeout(server->http, &ms) != MHD_YES)
        return -1;
    return ms < PATIENCE_S * 1000 ? (int)ms : (int)PATIENCE_S * 1000;
}

/* What the primary says is not for us; pings are answered meanwhile. Return: whether it is there.
 */
static bool hear(struct server *server)
{
    struct crib_child_message message;
    int r;

    do
        r = crib_child_try_receive(server->child, &message, NULL);
    while (r > 0);
    return r == -EAGAIN;
}

/* Until it has had its requests, or the primary wants it to leave, and all are answered. */
static void serve(struct server *server)
{
    struct pollfd fds[] = {
        {.fd = crib_child_fd(server->child), .events = POLLIN},
        {.fd = MHD_get_daemon_info(server->http, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
         .events = POLLIN},
    };

    while (!server->leaving || connections(server) > 0) {
        poll(fds, 2, timeout(server));
        MHD_run(server->http);
        if (fds[0].fd >= 0 && !hear(server))
            fds[0].fd = -1;
        if (!server->leaving && (server->finished >= REQUESTS || fds[0].fd < 0))
            leave(server);
    }
}

int main(int argc, char **argv)
{
    struct server server = {0};
    struct crib_error error = {0};
    int r;

    if (argc != 2) {
        fprintf(stderr, "usage: cluster_http_child ADDRESS, from cluster_http\n");
        return EXIT_FAILURE;
    }
    signal(SIGPIPE, SIG_IGN);
    r = start(&server, argv[1], &error);
    if (r == -ENOTCONN && server.child)
        return EXIT_FAILURE; /* all are to leave, and nobody is interested any more */
    if (r < 0)
        return complain(&error);
    serve(&server);
    MHD_stop_daemon(server.http);
    crib_child_close(server.child);
    return EXIT_SUCCESS;
}
