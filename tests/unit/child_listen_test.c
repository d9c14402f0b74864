/* SPDX-License-Identifier: Apache-2.0 */
/* crib_child_listen(), and the messages that come meanwhile. */
#include "child_primary.h"

#include <pthread.h>

#include "base/clock.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#endif

/* Memory that can run out, unless the sanitizers want it for their own. */
#ifndef SANITIZED
#define OWN_MALLOC
#define MOST 200000 /* bytes; what is of a little more is refused then: copies, not buffers */
static bool memory_is_short;
void *__libc_malloc(size_t size);

void *malloc(size_t size)
{
    return memory_is_short && size >= MOST && size < MOST + 2000 ? NULL : __libc_malloc(size);
}

/* A message that there is no memory to keep, and the answer to the third Listen. */
static void *say_big_then_answer(void *data)
{
    static char big[MOST];
    struct primary *primary = data;
    int listener = a_listener(0);

    say(primary, "big", big, sizeof(big), &listener, 1);
    answer(primary, 3, 0, NULL, CRIB__SHARING__socket, &listener, 1);
    fd_close(&listener);
    return NULL;
}
#endif

static void test_listen_asks_and_takes(void **state)
{
    static const struct {
        enum crib_child_sharing asked;
        Crib__Sharing given;
    } rows[] = {
        {CRIB_CHILD_SHARE_ANY, CRIB__SHARING__socket},
        {CRIB_CHILD_SHARE_SOCKET, CRIB__SHARING__socket},
        {CRIB_CHILD_SHARE_REUSEPORT, CRIB__SHARING__reuseport},
        {CRIB_CHILD_SHARE_ROUND_ROBIN, CRIB__SHARING__round_robin},
    };
    struct primary primary;
    crib_child *child = both_open(&primary);
    int listener = a_listener(SOCK_NONBLOCK);

    (void)state;
    for (uint64_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        Crib__WorkerSays *says;
        int fd = -1;

        fcntl(listener, F_SETFL, O_RDWR);
        answer(&primary, i + 1, 0, NULL, rows[i].given, &listener, 1);
        assert_int_equal(crib_child_listen(child, ADDRESS, rows[i].asked, LONG, &fd, NULL), 0);
        assert_true(fd >= 0 && fd != listener);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        fd_close(&fd);
        says = hear_worker(&primary);
        assert_int_equal(says->listen->seq, i + 1);
        assert_string_equal(says->listen->address, ADDRESS);
        assert_int_equal(says->listen->has_sharing, rows[i].asked != CRIB_CHILD_SHARE_ANY);
        if (says->listen->has_sharing)
            assert_int_equal(says->listen->sharing, rows[i].given);
        crib__worker_says__free_unpacked(says, NULL);
    }
    fd_close(&listener);
    both_close(&primary, child);
}

static void test_listen_may_be_refused(void **state)
{
    struct primary primary;
    crib_child *child = both_open(&primary);
    struct crib_error err;
    char text[512];
    int fd = -1;

    (void)state;
    answer(&primary, 1, -EACCES, "not on the list", CRIB__SHARING__socket, NULL, 0);
    assert_int_equal(crib_child_listen(child, ADDRESS, 0, LONG, &fd, &err), -EACCES);
    assert_string_equal(crib_error_text(&err, text, sizeof(text)),
                        "listen " ADDRESS ": not on the list");
    answer(&primary, 2, -EADDRINUSE, NULL, CRIB__SHARING__socket, NULL, 0);
    assert_int_equal(crib_child_listen(child, ADDRESS, 0, LONG, &fd, &err), -EADDRINUSE);
    test_contains(crib_error_text(&err, text, sizeof(text)), "Address already in use");
    assert_int_equal(fd, -1);
    both_close(&primary, child);
}

static void test_listen_with_what_is_no_question(void **state)
{
    struct primary primary;
    crib_child *child = both_open(&primary);
    struct crib_error err;
    char longest[257];
    int fd = -1;

    (void)state;
    memset(longest, 'x', 256);
    longest[256] = '\0';
    assert_int_equal(crib_child_listen(child, NULL, 0, LONG, &fd, &err), -EINVAL);
    assert_int_equal(crib_child_listen(child, "", 0, LONG, &fd, &err), -EINVAL);
    assert_int_equal(crib_child_listen(child, longest, 0, LONG, &fd, &err), -EINVAL);
    assert_int_equal(crib_child_listen(child, ADDRESS, 4, LONG, &fd, &err), -EINVAL);
    assert_int_equal(crib_child_listen(child, ADDRESS, -1, LONG, &fd, &err), -EINVAL);
    assert_int_equal(crib_child_listen(child, longest + 1, 0, 0, &fd, &err), -ETIMEDOUT);
    hear_listen(&primary, 1, longest + 1);
    both_close(&primary, child);
}

static void test_bad_answers(void **state)
{
    struct primary primary;
    crib_child *child = both_open(&primary);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC), listener = a_listener(0);
    int sockets[2] = {listener, listener}, fd = -1, before = test_count_fds(getpid());
    const struct {
        int code, want;
        const int *fds;
        size_t nfds;
    } rows[] = {
        {0, -EPROTO, NULL, 0},          {0, -EPROTO, sockets, 2},  {0, -EPROTO, &null, 1},
        {1, -EPROTO, sockets, 1},       {-4096, -EPROTO, NULL, 0}, {INT32_MIN, -EPROTO, sockets, 1},
        {-EACCES, -EACCES, sockets, 2},
    };

    (void)state;
    for (uint64_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        answer(&primary, i + 1, rows[i].code, NULL, CRIB__SHARING__socket, rows[i].fds,
               rows[i].nfds);
        if (listen_to(child, LONG, &fd) != rows[i].want)
            fail_msg("row %d", (int)i);
        assert_int_equal(fd, -1);
        assert_int_equal(test_count_fds(getpid()), before);
    }
    fd_close(&null);
    fd_close(&listener);
    both_close(&primary, child);
}

static void test_a_late_answer_is_dropped(void **state)
{
    struct primary primary;
    crib_child *child = both_open(&primary);
    int late = a_listener(0), right = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1;
    uint64_t begun = clock_us();
    int domain, before = test_count_fds(getpid());
    socklen_t size = sizeof(domain);

    (void)state;
    assert_int_equal(listen_to(child, 30, &fd), -ETIMEDOUT);
    assert_true(clock_us() - begun >= 30000);
    answer(&primary, 1, 0, NULL, CRIB__SHARING__socket, &late, 1);
    must_be_empty(child);
    assert_int_equal(test_count_fds(getpid()), before);
    answer(&primary, 1, 0, NULL, CRIB__SHARING__socket, &late, 1);
    answer(&primary, 3, 0, NULL, CRIB__SHARING__socket, &late, 1); /* nor an early one */
    answer(&primary, 2, 0, NULL, CRIB__SHARING__socket, &right, 1);
    answer(&primary, 2, 0, NULL, CRIB__SHARING__socket, &late, 1);
    assert_int_equal(listen_to(child, LONG, &fd), 0);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size), 0);
    assert_int_equal(domain, AF_INET);
    must_be_empty(child);
    assert_int_equal(test_count_fds(getpid()), before + 1);
    hear_listen(&primary, 1, ADDRESS);
    hear_listen(&primary, 2, ADDRESS);
    fd_close(&fd);
    fd_close(&late);
    fd_close(&right);
    both_close(&primary, child);
}

/* The primary speaks from another thread: 1,000 messages are more than a socket holds. */
static void *say_thousand(void *data)
{
    struct primary *primary = data;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC), listener = a_listener(0);

    hear_listen(primary, 1, ADDRESS);
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t body[256];

        for (uint32_t k = 0; k < 256; k++)
            body[k] = i;
        say(primary, i % 2 ? "odd" : "even", body, i % 3 ? sizeof(body) : 0, &null, i % 100 == 0);
        if (i % 250 == 0)
            ping(primary, i);
    }
    answer(primary, 1, 0, NULL, CRIB__SHARING__socket, &listener, 1);
    say(primary, "after", "", 0, NULL, 0);
    fd_close(&null);
    fd_close(&listener);
    return NULL;
}

static void test_a_thousand_messages_are_kept(void **state)
{
    struct primary primary;
    crib_child *child = both_open(&primary);
    struct crib_child_message message;
    int fd = -1, taken = -1, before = test_count_fds(getpid());
    pthread_t thread;

    (void)state;
    say(&primary, "before", "", 0, NULL, 0);
    must_receive(child, "before");
    assert_int_equal(pthread_create(&thread, NULL, say_thousand, &primary), 0);
    assert_int_equal(listen_to(child, LONG, &fd), 0);
    pthread_join(thread, NULL);
    assert_int_equal(test_count_fds(getpid()), before + 1 + 10);
    for (uint32_t i = 0; i < 1000; i++) {
        const uint32_t *body;

        assert_int_equal(crib_child_receive(child, 0, &message, NULL), 1);
        assert_string_equal(message.type, i % 2 ? "odd" : "even");
        assert_int_equal(message.len, i % 3 ? 1024 : 0);
        body = message.data;
        assert_true(message.len == 0 || (body[0] == i && body[255] == i));
        assert_int_equal(message.nfds, i % 100 == 0);
        if (i == 500)
            taken = fd_take(&message.fds[0]);
    }
    must_receive(child, "after");
    must_be_empty(child);
    assert_int_equal(test_count_fds(getpid()), before + 2);
    assert_true(fcntl(taken, F_GETFD) & FD_CLOEXEC);
    for (uint64_t i = 0; i < 1000; i += 250)
        hear_pong(&primary, i);
    fd_close(&taken);
    fd_close(&fd);
    both_close(&primary, child);
}

static void test_what_is_kept_is_closed_with_the_channel(void **state)
{
    struct primary primary;
    crib_child *child = both_open(&primary);
    struct crib_child_message message;
    int listener = a_listener(0), fd = -1;

    (void)state;
    for (int i = 0; i < 5; i++)
        say(&primary, "t", "x", 1, &listener, 1);
    assert_int_equal(listen_to(child, 0, &fd), -ETIMEDOUT);
    assert_int_equal(listen_to(child, 20, &fd), -ETIMEDOUT);
    assert_int_equal(crib_child_try_receive(child, &message, NULL), 1);
    assert_string_equal(message.data, "x"); /* a NUL follows, as always */
    fd_close(&listener);
    both_close(&primary, child); /* the runner counts fds */
}

static void test_the_end_while_waiting(void **state)
{
    struct primary primary;
    crib_child *child = both_open(&primary);
    struct crib_child_message message;
    int fd = -1;

    (void)state;
    say(&primary, "last", "", 0, NULL, 0);
    primary_close(&primary);
    assert_int_equal(listen_to(child, -1, &fd), -ENOTCONN);
    must_receive(child, "last");
    assert_int_equal(crib_child_try_receive(child, &message, NULL), 0);
    assert_int_equal(listen_to(child, -1, &fd), -ENOTCONN);
    assert_int_equal(crib_child_leave(child), -ENOTCONN);
    crib_child_close(child);

    child = both_open(&primary); /* in the middle of a frame */
    say(&primary, "last", "", 0, NULL, 0);
    assert_int_equal(fd_write_all(primary.fd, "\0\0\0\5\x12", 5), 0);
    primary_close(&primary);
    assert_int_equal(listen_to(child, -1, &fd), -EPROTO);
    must_receive(child, "last");
    assert_int_equal(crib_child_try_receive(child, &message, NULL), -EPROTO);
    crib_child_close(child);

    child = both_open(&primary); /* it only says so */
    say(&primary, "last", "", 0, NULL, 0);
    assert_int_equal(frame_writer_add_disconnect(primary.writer), 0);
    assert_int_equal(frame_writer_flush(primary.writer, primary.fd), 0);
    assert_int_equal(listen_to(child, -1, &fd), -ENOTCONN);
    must_receive(child, "last");
    assert_int_equal(crib_child_try_receive(child, &message, NULL), 0);
    both_close(&primary, child);

    child = both_open(&primary); /* it does not hear us any more */
    assert_int_equal(shutdown(primary.fd, SHUT_RD), 0);
    assert_int_equal(listen_to(child, -1, &fd), -ENOTCONN);
    both_close(&primary, child);
}

#ifdef OWN_MALLOC
static void test_no_memory_to_keep_a_message(void **state)
{
    static char big[MOST];
    struct primary primary;
    crib_child *child = both_open(&primary);
    struct crib_child_message message;
    pthread_t thread;
    int fd = -1, r;

    (void)state;
    say(&primary, "small", "", 0, NULL, 0);
    assert_int_equal(pthread_create(&thread, NULL, say_big_then_answer, &primary), 0);
    memory_is_short = true;
    r = listen_to(child, LONG, &fd);
    assert_int_equal(listen_to(child, LONG, &fd), -ENOMEM); /* again */
    memory_is_short = false;
    assert_int_equal(r, -ENOMEM);
    assert_int_equal(listen_to(child, LONG, &fd), 0);
    pthread_join(thread, NULL);
    must_receive(child, "small");
    assert_int_equal(crib_child_try_receive(child, &message, NULL), 1);
    assert_string_equal(message.type, "big");
    assert_int_equal(message.len, sizeof(big));
    assert_memory_equal(message.data, big, sizeof(big));
    assert_int_equal(message.nfds, 1);
    must_be_empty(child);
    fd_close(&fd);
    both_close(&primary, child);
}
#endif

static void *say_all_the_time(void *data)
{
    struct primary *primary = data;

    while (!__atomic_load_n(&primary->stop, __ATOMIC_SEQ_CST))
        if (frame_writer_add(primary->writer, "flood", "0123456789", 10, NULL, 0) < 0 ||
            frame_writer_add(primary->writer, TYPE, "x", 1, NULL, 0) < 0 ||
            frame_writer_flush(primary->writer, primary->fd) < 0)
            break;
    return NULL;
}

static void test_a_flood_does_not_outlast_the_deadline(void **state)
{
    struct primary primary;
    crib_child *child = both_open(&primary);
    struct crib_child_message message;
    pthread_t thread;
    int fd = -1;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, say_all_the_time, &primary), 0);
    assert_int_equal(crib_child_receive(child, LONG, &message, NULL), 1);
    assert_int_equal(listen_to(child, 50, &fd), -ETIMEDOUT);
    assert_int_equal(crib_child_receive(child, LONG, &message, NULL), 1);
    assert_string_equal(message.type, "flood");
    __atomic_store_n(&primary.stop, true, __ATOMIC_SEQ_CST);
    shutdown(crib_child_fd(child), SHUT_RD); /* it may wait for room */
    pthread_join(thread, NULL);
    both_close(&primary, child);
}

static void *ping_then_answer(void *data)
{
    struct primary *primary = data;
    int listener = a_listener(0);

    hear_listen(primary, 1, ADDRESS);
    ping(primary, 11);
    hear_pong(primary, 11);
    answer(primary, 1, 0, NULL, CRIB__SHARING__socket, &listener, 1);
    fd_close(&listener);
    return NULL;
}

static void test_pings_are_answered_while_it_waits(void **state)
{
    struct primary primary;
    crib_child *child = both_open(&primary);
    pthread_t thread;
    int fd = -1;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, ping_then_answer, &primary), 0);
    assert_int_equal(listen_to(child, LONG, &fd), 0);
    pthread_join(thread, NULL);
    must_be_empty(child);
    fd_close(&fd);
    both_close(&primary, child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listen_asks_and_takes),
        cmocka_unit_test(test_listen_may_be_refused),
        cmocka_unit_test(test_listen_with_what_is_no_question),
        cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_a_late_answer_is_dropped),
        cmocka_unit_test(test_a_thousand_messages_are_kept),
        cmocka_unit_test(test_what_is_kept_is_closed_with_the_channel),
        cmocka_unit_test(test_the_end_while_waiting),
#ifdef OWN_MALLOC
        cmocka_unit_test(test_no_memory_to_keep_a_message),
#endif
        cmocka_unit_test(test_a_flood_does_not_outlast_the_deadline),
        cmocka_unit_test(test_pings_are_answered_while_it_waits),
    };

    return test_run(tests);
}
