/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker and its primary say beside the program's messages. */
#include "child_primary.h"

static void test_a_worker_says_that_it_is_online(void **state)
{
    struct primary primary;
    crib_child *child = NULL;

    (void)state;
    ends_open(&primary, "2147483647");
    assert_int_equal(crib_child_open(&child, NULL), 0);
    assert_int_equal(crib_child_worker(child), 2147483647);
    assert_null(getenv("CRIB_WORKER_ID"));
    assert_null(getenv("CRIB_CHANNEL_FD"));
    assert_int_equal(crib_child_pending(child), 0);
    hear_online(&primary);
    both_close(&primary, child);
}

static void test_nonsense_is_no_worker(void **state)
{
    static const char *const ids[] = {"",    "0",   "01", "+1",         "-1",
                                      " 1",  "1 ",  "1x", "2147483648", "18446744073709551617",
                                      "0x1", "1\n", "x",  NULL};
    struct primary primary;

    (void)state;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        crib_child *child = NULL;

        ends_open(&primary, ids[i]);
        assert_int_equal(crib_child_open(&child, NULL), 0);
        if (crib_child_worker(child) != 0)
            fail_msg("taken: %s", ids[i]);
        assert_null(getenv("CRIB_WORKER_ID"));
        crib_child_close(child);
        assert_null(hear(&primary)); /* it said nothing */
        primary_close(&primary);
    }
}

static void test_without_a_channel_nothing_is_taken(void **state)
{
    crib_child *child = NULL;

    (void)state;
    unsetenv("CRIB_CHANNEL_FD");
    setenv("CRIB_WORKER_ID", "1", 1);
    assert_int_equal(crib_child_open(&child, NULL), -ENOTCONN);
    assert_string_equal(getenv("CRIB_WORKER_ID"), "1");
    unsetenv("CRIB_WORKER_ID");
}

static void test_a_full_socket_does_not_stop_a_worker(void **state)
{
    static char junk[4096];
    struct primary primary;
    crib_child *child = NULL;
    ssize_t n, sent = 0;
    int theirs;

    (void)state;
    ends_open(&primary, "1");
    theirs = atoi(getenv("CRIB_CHANNEL_FD"));
    while ((n = send(theirs, junk, sizeof(junk), MSG_DONTWAIT)) > 0)
        sent += n;
    assert_int_equal(crib_child_open(&child, NULL), 0);
    assert_true(crib_child_pending(child) > 0);
    assert_int_equal(crib_child_flush(child), -EAGAIN);
    for (; sent > 0; sent -= n) {
        size_t most = (size_t)sent < sizeof(junk) ? (size_t)sent : sizeof(junk);

        n = recv(primary.fd, junk, most, 0);
        assert_true(n > 0);
    }
    assert_int_equal(crib_child_flush(child), 0);
    hear_online(&primary);
    both_close(&primary, child);
}

static void test_pings_are_answered_and_not_seen(void **state)
{
    struct primary primary;
    crib_child *child = both_open(&primary);
    struct crib_child_message message;

    (void)state;
    say(&primary, "one", "1", 1, NULL, 0);
    ping(&primary, 5);
    ping(&primary, UINT64_MAX);
    say(&primary, "two", "22", 2, NULL, 0);
    ping(&primary, 6);
    must_receive(child, "one");
    assert_int_equal(crib_child_receive(child, LONG, &message, NULL), 1);
    assert_string_equal(message.type, "two");
    assert_int_equal(message.len, 2);
    hear_pong(&primary, 5);
    hear_pong(&primary, UINT64_MAX);
    assert_int_equal(crib_child_receive(child, 20, &message, NULL), -ETIMEDOUT);
    hear_pong(&primary, 6);
    both_close(&primary, child);
}

static void test_who_is_no_worker_sees_such_messages(void **state)
{
    struct primary primary;
    crib_child *child = NULL;
    struct crib_child_message message;
    int fd = -1;

    (void)state;
    ends_open(&primary, NULL);
    assert_int_equal(crib_child_open(&child, NULL), 0);
    ping(&primary, 1);
    assert_int_equal(crib_child_try_receive(child, &message, NULL), 1);
    assert_string_equal(message.type, TYPE);
    assert_true(message.len > 0);
    assert_int_equal(listen_to(child, 0, &fd), -ENOTCONN);
    assert_int_equal(crib_child_leave(child), -ENOTCONN);
    assert_int_equal(crib_child_pending(child), 0);
    both_close(&primary, child);
}

static void test_pongs_do_not_pile_up(void **state)
{
    static char big[1 << 20];
    struct primary primary;
    crib_child *child = both_open(&primary);
    struct frame *frame;
    size_t before;

    (void)state;
    assert_int_equal(crib_child_try_send(child, "big", big, sizeof(big), NULL, 0), 1);
    before = crib_child_pending(child);
    for (uint64_t seq = 1; seq <= 10000; seq++) {
        ping(&primary, seq);
        must_be_empty(child);
    }
    assert_in_range(crib_child_pending(child), before + 1, before + 100);
    fcntl(primary.fd, F_SETFL, O_NONBLOCK);
    while (!(frame = hear(&primary)))
        (void)crib_child_flush(child);
    assert_string_equal(frame->type, "big");
    while (crib_child_pending(child) > 0)
        (void)crib_child_flush(child);
    fcntl(primary.fd, F_SETFL, 0);
    hear_pong(&primary, 1);
    hear_pong(&primary, 10000);
    ping(&primary, 10001);
    must_be_empty(child);
    hear_pong(&primary, 10001);
    both_close(&primary, child);
}

/* A program that always has something queued must not keep its pong back for ever. */
static void test_a_pong_comes_between_what_is_queued(void **state)
{
    static char big[1 << 20];
    struct primary primary;
    crib_child *child = both_open(&primary);
    uint64_t heard = 0;

    (void)state;
    assert_int_equal(crib_child_try_send(child, "big", big, sizeof(big), NULL, 0), 1);
    ping(&primary, 1);
    ping(&primary, 2);
    must_be_empty(child);
    fcntl(primary.fd, F_SETFL, O_NONBLOCK);
    for (int i = 0; heard != 2 && i < 100000; i++) {
        struct frame *frame = hear(&primary);

        if (frame && strcmp(frame->type, TYPE) == 0) {
            Crib__WorkerSays *says = crib__worker_says__unpack(NULL, frame->len, frame->payload);

            heard = says->pong->seq;
            crib__worker_says__free_unpacked(says, NULL);
        }
        if (crib_child_pending(child) < sizeof(big))
            crib_child_try_send(child, "big", big, sizeof(big), NULL, 0);
        else
            (void)crib_child_flush(child);
    }
    assert_int_equal(heard, 2);
    assert_true(crib_child_pending(child) > 0);
    both_close(&primary, child);
}

static void test_after_its_disconnect_a_worker_answers_no_ping(void **state)
{
    struct primary primary;
    crib_child *child = both_open(&primary);
    int fd = -1;

    (void)state;
    assert_int_equal(crib_child_disconnect(child), 0);
    ping(&primary, 1);
    say(&primary, "t", "", 0, NULL, 0);
    must_receive(child, "t");
    assert_int_equal(listen_to(child, LONG, &fd), -ENOTCONN);
    assert_int_equal(crib_child_leave(child), -ENOTCONN);
    assert_true(hear(&primary)->disconnect);
    both_close(&primary, child);
}

static void test_hostile_orders_are_dropped(void **state)
{
    static uint8_t junk[100000];
    struct primary primary;
    crib_child *child = both_open(&primary);
    int many[FRAME_MAX_FDS], null = open("/dev/null", O_RDONLY | O_CLOEXEC), before = test_count_fds(getpid());
    Crib__PrimarySays empty = CRIB__PRIMARY_SAYS__INIT;

    (void)state;
    for (size_t i = 0; i < FRAME_MAX_FDS; i++)
        many[i] = null;
    say(&primary, TYPE, NULL, 0, NULL, 0);
    say(&primary, TYPE, "\xff\xff\xff", 3, NULL, 0);
    say(&primary, TYPE, "\x0a\x7f", 2, &null, 1);                 /* cut off */
    say(&primary, TYPE, "\xf8\x07\x01\xfa\x07\x01x", 7, NULL, 0); /* fields that are not known */
    say(&primary, TYPE, junk, sizeof(junk), many, FRAME_MAX_FDS);
    for (size_t i = 0; i + 1 < sizeof(junk); i += 2)
        junk[i] = 0x78; /* 50,000 of one */
    say(&primary, TYPE, junk, 4096, NULL, 0);
    say_packed(&primary, &empty, many, 3);
    answer(&primary, 0, 0, NULL, CRIB__SHARING__socket, &null, 1); /* nobody asked */
    answer(&primary, 1, 0, NULL, CRIB__SHARING__socket, many, FRAME_MAX_FDS);
    say(&primary, "seen", "", 0, NULL, 0);
    must_receive(child, "seen");
    must_be_empty(child);
    assert_int_equal(test_count_fds(getpid()), before);
    assert_int_equal(crib_child_pending(child), 0);
    ping(&primary, 3);
    must_be_empty(child);
    hear_pong(&primary, 3);
    fd_close(&null);
    both_close(&primary, child);
}

static void test_leaving_is_said_once(void **state)
{
    struct primary primary;
    crib_child *child = both_open(&primary);
    Crib__WorkerSays *says;

    (void)state;
    assert_int_equal(crib_child_leave(child), 0);
    assert_int_equal(crib_child_leave(child), 0);
    assert_int_equal(crib_child_send(child, "t", "", 0, NULL, 0), 0);
    says = hear_worker(&primary);
    assert_non_null(says->leaving);
    crib__worker_says__free_unpacked(says, NULL);
    assert_string_equal(hear(&primary)->type, "t");
    both_close(&primary, child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_worker_says_that_it_is_online),
        cmocka_unit_test(test_nonsense_is_no_worker),
        cmocka_unit_test(test_without_a_channel_nothing_is_taken),
        cmocka_unit_test(test_a_full_socket_does_not_stop_a_worker),
        cmocka_unit_test(test_pings_are_answered_and_not_seen),
        cmocka_unit_test(test_who_is_no_worker_sees_such_messages),
        cmocka_unit_test(test_pongs_do_not_pile_up),
        cmocka_unit_test(test_a_pong_comes_between_what_is_queued),
        cmocka_unit_test(test_after_its_disconnect_a_worker_answers_no_ping),
        cmocka_unit_test(test_hostile_orders_are_dropped),
        cmocka_unit_test(test_leaving_is_said_once),
    };

    return test_run(tests);
}
