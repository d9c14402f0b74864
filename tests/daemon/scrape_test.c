/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics by socket and by file: who asks gets them, whatever others do meanwhile. */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "daemon/scrape.h"

#define PATIENCE_US (60 * 1000000ull)

/* The daemon's half, and the clients, all on this thread: the loop turns while a client waits. */
struct side {
    uv_loop_t loop;
    struct metrics metrics;
    struct metrics_side *side;
    char *dir, path[100], where[128];
    bool closed;
};

static void open_side(struct side *side, const char *kind)
{
    struct crib_error err = {0};
    char text[1024];

    *side = (struct side){.metrics = {.started = 42}, .dir = test_dir()};
    snprintf(side->path, sizeof(side->path), "%s/metrics", side->dir);
    snprintf(side->where, sizeof(side->where), "%s:%s", kind, side->path);
    assert_int_equal(uv_loop_init(&side->loop), 0);
    if (metrics_open(&side->loop, side->where, &side->metrics, &side->side, &err) < 0)
        fail_msg("%s", crib_error_text(&err, text, sizeof(text)));
}

static void on_closed(void *data)
{
    *(bool *)data = true;
}

static void close_side(struct side *side)
{
    metrics_close(side->side, on_closed, &side->closed);
    assert_false(side->closed);
    uv_run(&side->loop, UV_RUN_DEFAULT);
    assert_true(side->closed);
    assert_int_equal(uv_loop_close(&side->loop), 0);
    assert_int_equal(access(side->path, F_OK), -1);
    free(side->dir);
}

static char *expected_text(const struct side *side)
{
    struct buf out = {0};
    char *text;

    assert_int_equal(metrics_write(&side->metrics, &out), 0);
    text = strndup((const char *)out.data, out.len);
    buf_done(&out);
    return text;
}

struct visitor {
    int sock;
    char text[32768];
    size_t len;
    bool ended;
    int code; /* errno of a receive that failed */
};

/* Return: whether there was room in the backlog. */
static bool try_connect(struct side *side, struct visitor *visitor)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int r;

    *visitor =
        (struct visitor){.sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    assert_true(visitor->sock >= 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", side->path);
    r = connect(visitor->sock, (struct sockaddr *)&address, sizeof(address));
    if (r < 0) {
        assert_int_equal(errno, EAGAIN);
        fd_close(&visitor->sock);
    }
    return r == 0;
}

static void visit(struct side *side, struct visitor *visitor)
{
    while (!try_connect(side, visitor))
        uv_run(&side->loop, UV_RUN_NOWAIT);
}

static void say(struct visitor *visitor, const char *text)
{
    assert_int_equal(send(visitor->sock, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void hear(struct visitor *visitor)
{
    ssize_t n;

    while (!visitor->ended && visitor->len < sizeof(visitor->text) - 1) {
        n = recv(visitor->sock, visitor->text + visitor->len,
                 sizeof(visitor->text) - 1 - visitor->len, 0);
        if (n < 0 && errno == EAGAIN)
            break;
        visitor->ended = n <= 0;
        visitor->code = n < 0 ? errno : 0;
        visitor->len += n > 0 ? (size_t)n : 0;
    }
    visitor->text[visitor->len] = '\0';
}

/* Until the connection ends. */
static void hear_all(struct side *side, struct visitor *visitor)
{
    uint64_t until = clock_us() + PATIENCE_US;

    while (!visitor->ended && clock_us() < until) {
        uv_run(&side->loop, UV_RUN_NOWAIT);
        hear(visitor);
        usleep(200);
    }
    assert_true(visitor->ended);
    assert_int_equal(visitor->code, 0);
}

/* One whole answer, right to the byte. */
static void check_answer(struct side *side, struct visitor *visitor)
{
    char *expected = expected_text(side), length[64], *body;

    hear_all(side, visitor);
    assert_int_equal(strncmp(visitor->text, "HTTP/1.0 200 OK\r\n", 17), 0);
    test_contains(visitor->text, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    test_contains(visitor->text, "\r\nConnection: close\r\n");
    snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n\r\n", strlen(expected));
    test_contains(visitor->text, length);
    body = strstr(visitor->text, "\r\n\r\n") + 4;
    assert_string_equal(body, expected);
    test_contains(body, "crib_tasks_started_total 42\n");
    fd_close(&visitor->sock);
    free(expected);
}

static void scrape_once(struct side *side)
{
    struct visitor visitor;

    visit(side, &visitor);
    say(&visitor, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    check_answer(side, &visitor);
}

static void test_get(void **state)
{
    struct side side;
    struct stat st;

    (void)state;
    open_side(&side, "unix");
    assert_int_equal(stat(side.path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0600);
    for (int i = 0; i < 3; i++)
        scrape_once(&side);
    close_side(&side);
}

/* Any first line will do, none too, and so will the end of input. */
static void test_other_ways_to_ask(void **state)
{
    struct visitor visitor;
    struct side side;

    (void)state;
    open_side(&side, "unix");
    visit(&side, &visitor);
    say(&visitor, "hello\n");
    check_answer(&side, &visitor);
    visit(&side, &visitor);
    check_answer(&side, &visitor);
    visit(&side, &visitor);
    assert_int_equal(shutdown(visitor.sock, SHUT_WR), 0);
    check_answer(&side, &visitor);
    visit(&side, &visitor);
    say(&visitor, "half a li");
    assert_int_equal(shutdown(visitor.sock, SHUT_WR), 0);
    check_answer(&side, &visitor);
    close_side(&side);
}

/* A head that is still on its way when the answer is: closing over it would reset the peer. */
static void test_a_long_head(void **state)
{
    struct visitor visitor;
    struct side side;
    char line[1024];

    (void)state;
    open_side(&side, "unix");
    memset(line, 'x', sizeof(line));
    memcpy(line, "X-", 2);
    memcpy(line + sizeof(line) - 3, "\r\n", 3);
    visit(&side, &visitor);
    say(&visitor, "GET /metrics HTTP/1.1\r\n");
    for (int i = 0; i < 40; i++) {
        say(&visitor, line);
        uv_run(&side.loop, UV_RUN_NOWAIT);
    }
    say(&visitor, "\r\n");
    check_answer(&side, &visitor);
    close_side(&side);
}

/* Turns the loop until it holds no more than @count fds beyond @before. */
static void settle(struct side *side, int before, int count)
{
    uint64_t until = clock_us() + PATIENCE_US;

    while (test_count_fds(getpid()) - before > count && clock_us() < until) {
        uv_run(&side->loop, UV_RUN_NOWAIT);
        usleep(200);
    }
    assert_true(test_count_fds(getpid()) - before <= count);
}

/* Half a line, and one who reads nothing: both are sent away, and others do not notice them. */
static void test_slow_ones(void **state)
{
    struct visitor half, deaf, byte;
    struct side side;
    int before;

    (void)state;
    open_side(&side, "unix");
    before = test_count_fds(getpid());
    visit(&side, &half);
    say(&half, "GET /met");
    visit(&side, &deaf);
    say(&deaf, "GET / HTTP/1.0\r\n\r\n");
    visit(&side, &byte);
    scrape_once(&side);
    for (int i = 0; i < 50; i++) { /* one byte at a time, and never a line */
        say(&byte, "x");
        uv_run(&side.loop, UV_RUN_NOWAIT);
        usleep(10000);
    }
    scrape_once(&side);
    settle(&side, before, 3); /* the visitors' own ends */
    hear_all(&side, &half);
    assert_int_equal(half.len, 0);
    hear_all(&side, &byte);
    assert_int_equal(byte.len, 0);
    check_answer(&side, &deaf); /* it was there all the time */
    fd_close(&half.sock);
    fd_close(&byte.sock);
    close_side(&side);
}

/* One who never stops talking is not listened to for long. */
static void test_endless_talk(void **state)
{
    struct visitor visitor;
    struct side side;
    char noise[4096];
    ssize_t n = 0;
    size_t sent = 0;
    uint64_t until = clock_us() + PATIENCE_US;

    (void)state;
    memset(noise, 'x', sizeof(noise));
    open_side(&side, "unix");
    visit(&side, &visitor);
    while (clock_us() < until) {
        n = send(visitor.sock, noise, sizeof(noise), MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            break;
        sent += n > 0 ? (size_t)n : 0;
        uv_run(&side.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(n, -1);
    assert_int_equal(errno, EPIPE);
    assert_true(sent < 2 * SCRAPE_MAX_HEAD + (1 << 20));
    fd_close(&visitor.sock);
    scrape_once(&side);
    close_side(&side);
}

static void raise_fd_limit(void)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* A crowd that connects and is silent holds few descriptors, and keeps nobody out. */
static void test_a_thousand_connections(void **state)
{
    enum { CROWD = 1000 };
    struct visitor *crowd = calloc(CROWD, sizeof(*crowd));
    struct side side;
    int before;

    (void)state;
    raise_fd_limit();
    open_side(&side, "unix");
    before = test_count_fds(getpid());
    for (int i = 0; i < CROWD; i++) {
        visit(&side, &crowd[i]);
        assert_true(test_count_fds(getpid()) - before - i - 1 <= 2 * SCRAPE_VISITS);
        if (i % 100 == 50)
            scrape_once(&side);
    }
    scrape_once(&side);
    settle(&side, before, CROWD + SCRAPE_VISITS);
    for (int i = 0; i < CROWD; i++)
        fd_close(&crowd[i].sock);
    settle(&side, before, 0);
    scrape_once(&side);
    free(crowd);
    close_side(&side);
}

/* Without descriptors nobody is served, and as soon as there are some, everybody is. */
static void test_out_of_descriptors(void **state)
{
    struct rlimit limit, low;
    struct visitor visitor;
    struct side side;
    uint64_t turns = 0, until;
    int next;

    (void)state;
    open_side(&side, "unix");
    visit(&side, &visitor);
    say(&visitor, "GET / HTTP/1.0\r\n\r\n");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    next = fcntl(visitor.sock, F_DUPFD_CLOEXEC, 0); /* the lowest free number */
    assert_true(next >= 0);
    fd_close(&next);
    low = (struct rlimit){.rlim_cur = (rlim_t)visitor.sock + 1, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    until = clock_us() + 3 * SCRAPE_SILENT_MS * 1000;
    for (; clock_us() < until; turns++)
        uv_run(&side.loop, UV_RUN_ONCE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    hear(&visitor);
    assert_int_equal(visitor.len, 0);
    assert_true(turns < 100); /* it pauses, and does not try again and again */
    check_answer(&side, &visitor);
    close_side(&side);
}

/* Closed with visits in every state. */
static void test_closed_in_the_middle(void **state)
{
    struct visitor visitors[5];
    struct side side;

    (void)state;
    open_side(&side, "unix");
    for (int i = 0; i < 5; i++)
        visit(&side, &visitors[i]);
    say(&visitors[1], "half");
    say(&visitors[2], "GET / HTTP/1.0\r\n\r\n");
    for (int i = 0; i < 3; i++)
        uv_run(&side.loop, UV_RUN_NOWAIT);
    say(&visitors[3], "GET / HTTP/1.0\r\n\r\n"); /* not yet seen */
    fd_close(&visitors[4].sock);
    close_side(&side);
    for (int i = 0; i < 4; i++)
        fd_close(&visitors[i].sock);
    metrics_close(NULL, on_closed, &side.closed);
}

static void test_close_of_nothing(void **state)
{
    bool closed = false;

    (void)state;
    metrics_close(NULL, on_closed, &closed);
    assert_true(closed);
    metrics_close(NULL, NULL, NULL);
}

static void refuse(const char *where, int code, const char *why)
{
    struct metrics metrics = {0};
    struct metrics_side *side = NULL;
    struct crib_error err = {0};
    char text[1024];
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(metrics_open(&loop, where, &metrics, &side, &err), code);
    assert_null(side);
    test_contains(crib_error_text(&err, text, sizeof(text)), why);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_refused(void **state)
{
    (void)state;
    refuse("", -EINVAL, "neither unix:PATH nor file:PATH");
    refuse("unix:", -EINVAL, "neither");
    refuse("file:", -EINVAL, "neither");
    refuse("tcp:localhost:80", -EINVAL, "tcp:localhost:80");
    refuse("file:/no/such/directory/metrics", -ENOENT, "/no/such/directory/metrics");
    refuse("unix:/no/such/directory/metrics", -ENOENT, "/no/such/directory");
}

static void check_file(const struct side *side)
{
    char *expected = expected_text(side), *got = test_read(side->path, NULL);
    struct stat st;

    assert_string_equal(got, expected);
    assert_int_equal(lstat(side->path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0644);
    free(expected);
    free(got);
}

/* Replaced, never changed: who has it open reads one state of things. */
static void test_file(void **state)
{
    uint64_t until;
    struct side side;
    char *old, path[300];
    int fd;

    (void)state;
    umask(077);
    open_side(&side, "file");
    check_file(&side);
    fd = open(side.path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    side.metrics.started = 43;
    until = clock_us() + PATIENCE_US;
    do {
        uv_run(&side.loop, UV_RUN_ONCE);
        old = test_read(side.path, NULL);
        if (strstr(old, "crib_tasks_started_total 43\n"))
            break;
        free(old);
        old = NULL;
    } while (clock_us() < until);
    assert_non_null(old);
    free(old);
    check_file(&side);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    old = test_read(path, NULL);
    test_contains(old, "crib_tasks_started_total 42\n");
    free(old);
    fd_close(&fd);
    snprintf(path, sizeof(path), "%s.new", side.path);
    assert_int_equal(access(path, F_OK), -1);
    close_side(&side);
}

/* Links that somebody has laid where the file will be lead nowhere. */
static void test_file_and_links(void **state)
{
    struct side side = {.dir = test_dir()};
    struct crib_error err = {0};
    char target[300], beside[300], *text;

    (void)state;
    snprintf(target, sizeof(target), "%s/target", side.dir);
    snprintf(side.path, sizeof(side.path), "%s/metrics", side.dir);
    snprintf(side.where, sizeof(side.where), "file:%s", side.path);
    snprintf(beside, sizeof(beside), "%s.new", side.path);
    test_write(target, "precious", 8, 0600);
    assert_int_equal(symlink(target, side.path), 0);
    assert_int_equal(symlink(target, beside), 0);
    assert_int_equal(uv_loop_init(&side.loop), 0);
    assert_int_equal(metrics_open(&side.loop, side.where, &side.metrics, &side.side, &err), 0);
    check_file(&side);
    text = test_read(target, NULL);
    assert_string_equal(text, "precious");
    free(text);
    close_side(&side);
}

/* The first loop of a process opens fds that are never closed. */
static void open_what_libuv_keeps(void)
{
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_other_ways_to_ask),
        cmocka_unit_test(test_a_long_head),
        cmocka_unit_test(test_slow_ones),
        cmocka_unit_test(test_endless_talk),
        cmocka_unit_test(test_a_thousand_connections),
        cmocka_unit_test(test_out_of_descriptors),
        cmocka_unit_test(test_closed_in_the_middle),
        cmocka_unit_test(test_close_of_nothing),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_file_and_links),
    };

    open_what_libuv_keeps();
    return test_run(tests);
}
