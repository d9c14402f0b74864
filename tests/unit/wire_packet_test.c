/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "plan.pb-c.h"
#include "wire/packet.h"

static void pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
                     0);
}

static void unpair(int ends[2])
{
    fd_close(&ends[0]);
    fd_close(&ends[1]);
}

/* @count times the fd @what, as a list to be sent. */
static int *repeat(int what, size_t count)
{
    int *fds = calloc(count, sizeof(*fds));

    assert_non_null(fds);
    for (size_t i = 0; i < count; i++)
        fds[i] = what;
    return fds;
}

static void test_bytes_and_fds_arrive_as_they_were_sent(void **state)
{
    int ends[2], fds[3], got[3];
    char data[16];
    size_t nfds = 3;

    (void)state;
    pair(ends);
    for (int i = 0; i < 3; i++)
        fds[i] = open(i == 1 ? "/" : "/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(packet_send(ends[0], "hello", 5, fds, 3), 0);
    assert_int_equal(packet_receive(ends[1], data, sizeof(data), got, &nfds), 5);
    assert_memory_equal(data, "hello", 5);
    assert_int_equal(nfds, 3);
    for (int i = 0; i < 3; i++) {
        struct stat sent, received;

        fstat(fds[i], &sent);
        fstat(got[i], &received);
        assert_int_equal(sent.st_ino, received.st_ino);
        assert_true(fcntl(got[i], F_GETFD) & FD_CLOEXEC);
        fd_close(&fds[i]);
        fd_close(&got[i]);
    }
    unpair(ends);
}

static void test_packets_stay_apart(void **state)
{
    int ends[2];
    char data[16];

    (void)state;
    pair(ends);
    assert_int_equal(packet_send(ends[0], "one", 3, NULL, 0), 0);
    assert_int_equal(packet_send(ends[0], "two!", 4, NULL, 0), 0);
    for (long want = 3; want <= 4; want++) {
        size_t nfds = 0;

        assert_int_equal(packet_receive(ends[1], data, sizeof(data), NULL, &nfds), want);
        assert_int_equal(nfds, 0);
    }
    unpair(ends);
}

static void test_a_packet_that_does_not_fit_is_refused_with_its_fds(void **state)
{
    int ends[2], got[4];
    char data[4];
    size_t nfds = 4;

    (void)state;
    pair(ends);
    assert_int_equal(packet_send(ends[0], "12345", 5, ends, 2), 0);
    assert_int_equal(packet_receive(ends[1], data, sizeof(data), got, &nfds), -EMSGSIZE);
    unpair(ends);
}

static void test_more_fds_than_room_are_all_closed(void **state)
{
    int ends[2], got[4], *fds;
    char data[4];
    size_t nfds = 4;

    (void)state;
    pair(ends);
    fds = repeat(ends[0], 5);
    assert_int_equal(packet_send(ends[0], "1", 1, fds, 5), 0);
    assert_int_equal(packet_receive(ends[1], data, sizeof(data), got, &nfds), -EMFILE);
    free(fds);
    unpair(ends);
}

static void test_the_kernel_s_253_fds_and_no_more(void **state)
{
    int ends[2], got[PACKET_MAX_FDS], *fds;
    size_t nfds = PACKET_MAX_FDS;
    char data[4];

    (void)state;
    pair(ends);
    fds = repeat(ends[0], PACKET_MAX_FDS + 1);
    assert_int_equal(packet_send(ends[0], "1", 1, fds, PACKET_MAX_FDS + 1), -EMFILE);
    assert_int_equal(packet_send(ends[0], "1", 1, fds, PACKET_MAX_FDS), 0);
    assert_int_equal(packet_receive(ends[1], data, sizeof(data), got, &nfds), 1);
    assert_int_equal(nfds, PACKET_MAX_FDS);
    for (size_t i = 0; i < nfds; i++)
        fd_close(&got[i]);
    free(fds);
    unpair(ends);
}

static void test_fds_lost_for_want_of_room_are_an_error(void **state)
{
    struct rlimit old, tight;
    int ends[2], got[4], lowest;
    size_t nfds = 4;
    char data[4];
    long n;

    (void)state;
    pair(ends);
    assert_int_equal(packet_send(ends[0], "1", 1, ends, 2), 0);
    getrlimit(RLIMIT_NOFILE, &old);
    tight = old;
    lowest = fd_copy(ends[0], 0);
    tight.rlim_cur = (rlim_t)lowest + 1; /* room for one more only */
    fd_close(&lowest);
    setrlimit(RLIMIT_NOFILE, &tight);
    n = packet_receive(ends[1], data, sizeof(data), got, &nfds);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(n, -EMFILE);
    unpair(ends);
}

static void test_an_empty_packet_is_not_sent_and_the_end_is_told(void **state)
{
    int ends[2];
    size_t nfds = 0;
    char data[4];

    (void)state;
    pair(ends);
    assert_int_equal(packet_send(ends[0], "", 0, NULL, 0), -EINVAL);
    assert_int_equal(packet_receive(ends[1], data, sizeof(data), NULL, &nfds), -EAGAIN);
    fd_close(&ends[0]);
    assert_int_equal(packet_receive(ends[1], data, sizeof(data), NULL, &nfds), 0);
    assert_int_equal(packet_send(ends[1], "1", 1, NULL, 0), -EPIPE);
    unpair(ends);
}

static void test_a_full_socket_is_eagain(void **state)
{
    int ends[2], r = 0;

    (void)state;
    pair(ends);
    for (int i = 0; i < 100000 && r == 0; i++)
        r = packet_send(ends[0], "1", 1, NULL, 0);
    assert_int_equal(r, -EAGAIN);
    unpair(ends);
}

static void test_a_message_goes_round(void **state)
{
    Crib__Order order = CRIB__ORDER__INIT, *got;
    int ends[2];
    size_t nfds = 0;
    uint8_t data[64];
    long n;

    (void)state;
    pair(ends);
    order.has_signal = 1;
    order.signal = 15;
    assert_int_equal(packet_send_message(ends[0], &order.base), 0);
    n = packet_receive(ends[1], data, sizeof(data), NULL, &nfds);
    assert_true(n > 0);
    got = crib__order__unpack(NULL, (size_t)n, data);
    assert_non_null(got);
    assert_int_equal(got->signal, 15);
    crib__order__free_unpacked(got, NULL);
    unpair(ends);
}

static void test_a_message_over_the_cap_is_not_sent(void **state)
{
    Crib__Program program = CRIB__PROGRAM__INIT;
    int ends[2];

    (void)state;
    pair(ends);
    program.has_file = 1;
    program.file.len = PACKET_MAX_BYTES;
    program.file.data = calloc(1, PACKET_MAX_BYTES);
    assert_int_equal(packet_send_message(ends[0], &program.base), -EMSGSIZE);
    program.file.len -= 8;
    assert_int_equal(packet_send_message(ends[0], &program.base), 0);
    free(program.file.data);
    unpair(ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_and_fds_arrive_as_they_were_sent),
        cmocka_unit_test(test_packets_stay_apart),
        cmocka_unit_test(test_a_packet_that_does_not_fit_is_refused_with_its_fds),
        cmocka_unit_test(test_more_fds_than_room_are_all_closed),
        cmocka_unit_test(test_the_kernel_s_253_fds_and_no_more),
        cmocka_unit_test(test_fds_lost_for_want_of_room_are_an_error),
        cmocka_unit_test(test_an_empty_packet_is_not_sent_and_the_end_is_told),
        cmocka_unit_test(test_a_full_socket_is_eagain),
        cmocka_unit_test(test_a_message_goes_round),
        cmocka_unit_test(test_a_message_over_the_cap_is_not_sent),
    };

    return test_run(tests);
}
