/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: on a stream socket, fds come with the first byte of the write they were sent with; a
 * receive may bring earlier bytes along, but never bytes of a later write.
 * Source: unix(7); unix_stream_read_generic() of the kernel
 * crib: the writer begins a write at each frame that has fds, and the reader gives fds to a
 * frame that begins in the stretch they came with.
 */
#include <sys/socket.h>

#include "apart.h"
#include "wire/rights.h"

struct got {
    long len;
    size_t nfds;
    char data[16];
};

/* Receives once, at most @size bytes. */
static struct got receive(int sock, size_t size)
{
    struct got got = {0};
    int fds[RIGHTS_MAX], flags;

    got.len = rights_receive(sock, got.data, size, fds, &got.nfds, &flags);
    rights_close(fds, got.nfds);
    return got;
}

static void test_earlier_bytes_may_come_along_later_ones_do_not(void **state)
{
    struct got got;
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(rights_send(ends[0], "ab", 2, NULL, 0), 2);
    assert_int_equal(rights_send(ends[0], "cd", 2, ends, 1), 2);
    assert_int_equal(rights_send(ends[0], "ef", 2, ends, 2), 2);
    assert_int_equal(rights_send(ends[0], "gh", 2, NULL, 0), 2);
    got = receive(ends[1], 16);
    assert_string_equal(got.data, "abcd");
    assert_int_equal(got.nfds, 1);
    got = receive(ends[1], 16);
    assert_string_equal(got.data, "ef");
    assert_int_equal(got.nfds, 2);
    got = receive(ends[1], 16);
    assert_string_equal(got.data, "gh");
    assert_int_equal(got.nfds, 0);
    close(ends[0]);
    close(ends[1]);
}

static void test_they_come_with_the_first_byte(void **state)
{
    struct got got;
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(rights_send(ends[0], "abc", 3, ends, 1), 3);
    got = receive(ends[1], 1);
    assert_string_equal(got.data, "a");
    assert_int_equal(got.nfds, 1);
    got = receive(ends[1], 16);
    assert_string_equal(got.data, "bc");
    assert_int_equal(got.nfds, 0);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_earlier_bytes_may_come_along_later_ones_do_not),
        cmocka_unit_test(test_they_come_with_the_first_byte),
    };

    return test_run(tests);
}
