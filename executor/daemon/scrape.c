/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/scrape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/listen.h"

#define RETRY_MS 100 /* after an accept that failed for want of descriptors or memory */

enum state { ASKING, ANSWERING, LEAVING };

struct visit {
    struct visit *next; /* a later one */
    struct scrape *scrape;
    enum state state;
    int sock;
    size_t heard; /* bytes */
    bool ended;   /* the peer sends no more */
    struct buf answer;
    uv_poll_t poll;
    uv_timer_t timer;
    bool late; /* the timer is the last one */
    int open;  /* handles */
};

struct scrape {
    uv_loop_t *loop;
    const struct metrics *metrics;
    struct listener listener;
    uv_poll_t poll;
    uv_timer_t retry;
    struct visit *visits; /* the oldest first */
    size_t count;
    int open; /* handles, those of visits included */
    void (*closed)(void *data);
    void *data;
};

static void on_visit_poll(uv_poll_t *poll, int status, int events);
static void on_listen_poll(uv_poll_t *poll, int status, int events);

static void settle(struct scrape *scrape)
{
    void (*closed)(void *data) = scrape->closed;
    void *data = scrape->data;

    if (--scrape->open > 0)
        return;
    listen_done(&scrape->listener);
    free(scrape);
    if (closed)
        closed(data);
}

/* --- a visit --- */

static void on_visit_closed(uv_handle_t *handle)
{
    struct visit *visit = handle->data;
    struct scrape *scrape = visit->scrape;

    if (--visit->open == 0) {
        fd_close(&visit->sock);
        buf_done(&visit->answer);
        free(visit);
    }
    settle(scrape);
}

static void leave(struct visit *visit)
{
    struct visit **at = &visit->scrape->visits;

    while (*at != visit)
        at = &(*at)->next;
    *at = visit->next;
    visit->scrape->count--;
    uv_close((uv_handle_t *)&visit->poll, on_visit_closed);
    uv_close((uv_handle_t *)&visit->timer, on_visit_closed);
}

static int write_answer(struct visit *visit)
{
    static const char head[] = "HTTP/1.0 200 OK\r\n"
                               "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                               "Connection: close\r\n";
    struct buf text = {0};
    int r = metrics_write(visit->scrape->metrics, &text);

    if (r == 0)
        r = buf_printf(&visit->answer, "%sContent-Length: %zu\r\n\r\n", head, text.len);
    if (r == 0)
        r = buf_append(&visit->answer, text.data, text.len);
    buf_done(&text);
    return r;
}

/* Return: 0; a negative value when the visit is over. */
static int send_some(struct visit *visit)
{
    ssize_t n = 0;

    while (visit->answer.len > 0 && n >= 0) {
        n = send(visit->sock, visit->answer.data, visit->answer.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            buf_consume(&visit->answer, (size_t)n);
    }
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    buf_done(&visit->answer);
    visit->state = LEAVING;
    return visit->ended || shutdown(visit->sock, SHUT_WR) < 0 ? -EPIPE : 0;
}

static int answer(struct visit *visit)
{
    int r = write_answer(visit);

    visit->state = ANSWERING;
    return r < 0 ? r : send_some(visit);
}

/* Return: as send_some(). */
static int hear(struct visit *visit)
{
    char text[4096];
    ssize_t n = recv(visit->sock, text, sizeof(text), MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    visit->ended = n == 0;
    visit->heard += (size_t)n;
    if (visit->heard > SCRAPE_MAX_HEAD)
        return -EMSGSIZE;
    if (visit->state == ASKING && (visit->ended || memchr(text, '\n', (size_t)n)))
        return answer(visit);
    return visit->ended ? -EPIPE : 0;
}

/* Waits for what the state needs; ends the visit where @r says so. */
static void go_on(struct visit *visit, int r)
{
    int events = visit->state == ANSWERING ? UV_WRITABLE : UV_READABLE;

    if (r == 0)
        r = uv_poll_start(&visit->poll, events, on_visit_poll);
    if (r < 0)
        leave(visit);
}

static void on_visit_poll(uv_poll_t *poll, int status, int events)
{
    struct visit *visit = poll->data;

    (void)events;
    if (status == 0)
        status = visit->state == ANSWERING ? send_some(visit) : hear(visit);
    go_on(visit, status);
}

static void on_visit_timer(uv_timer_t *timer)
{
    struct visit *visit = timer->data;
    int r = 0;

    if (visit->late) {
        leave(visit);
        return;
    }
    visit->late = true;
    uv_timer_start(timer, on_visit_timer, SCRAPE_MS - SCRAPE_SILENT_MS, 0);
    if (visit->state == ASKING && visit->heard == 0)
        r = answer(visit);
    go_on(visit, r);
}

/* @sock: takes, also on an error. */
static void receive(struct scrape *scrape, int sock)
{
    struct visit *visit = calloc(1, sizeof(*visit)), **at = &scrape->visits;

    if (!visit || uv_poll_init(scrape->loop, &visit->poll, sock) < 0) {
        free(visit);
        fd_close(&sock);
        return;
    }
    uv_timer_init(scrape->loop, &visit->timer);
    visit->scrape = scrape;
    visit->sock = sock;
    visit->poll.data = visit->timer.data = visit;
    visit->open = 2;
    scrape->open += 2;
    while (*at)
        at = &(*at)->next;
    *at = visit;
    if (++scrape->count > SCRAPE_VISITS)
        leave(scrape->visits);
    uv_timer_start(&visit->timer, on_visit_timer, SCRAPE_SILENT_MS, 0);
    go_on(visit, hear(visit));
}

/* --- the socket --- */

static void on_retry(uv_timer_t *timer)
{
    struct scrape *scrape = timer->data;

    (void)uv_poll_start(&scrape->poll, UV_READABLE, on_listen_poll);
}

static void on_listen_poll(uv_poll_t *poll, int status, int events)
{
    struct scrape *scrape = poll->data;

    (void)status;
    (void)events;
    for (int i = 0; i < SCRAPE_VISITS; i++) {
        int sock = accept4(scrape->listener.sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (sock < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
            /* the socket stays readable: without a pause this would never come to rest */
            (void)uv_poll_stop(poll);
            uv_timer_start(&scrape->retry, on_retry, RETRY_MS, 0);
        }
        if (sock < 0)
            return;
        receive(scrape, sock);
    }
}

int scrape_open(uv_loop_t *loop, const char *path, const struct metrics *metrics,
                struct scrape **ret, struct crib_error *err)
{
    struct scrape *scrape = calloc(1, sizeof(*scrape));
    int r;

    if (!scrape)
        return fail_sys(err, -ENOMEM, "metrics", -1, path, NULL);
    scrape->listener = (struct listener){.sock = -1, .lock = -1};
    r = listen_path(path, 0600, &scrape->listener, err);
    if (r == 0) {
        r = uv_poll_init(loop, &scrape->poll, scrape->listener.sock);
        if (r < 0)
            fail_sys(err, r, "metrics", -1, path, "wait for connections");
    }
    if (r < 0) {
        listen_done(&scrape->listener);
        free(scrape);
        return r;
    }
    uv_timer_init(loop, &scrape->retry);
    scrape->loop = loop;
    scrape->metrics = metrics;
    scrape->poll.data = scrape->retry.data = scrape;
    scrape->open = 2;
    (void)uv_poll_start(&scrape->poll, UV_READABLE, on_listen_poll);
    *ret = scrape;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    settle(handle->data);
}

void scrape_close(struct scrape *scrape, void (*closed)(void *data), void *data)
{
    scrape->closed = closed;
    scrape->data = data;
    while (scrape->visits)
        leave(scrape->visits);
    uv_close((uv_handle_t *)&scrape->poll, on_closed);
    uv_close((uv_handle_t *)&scrape->retry, on_closed);
}
