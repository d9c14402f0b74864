/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: when one end of a stream socket is closed with data unread, the other end first gets
 * what was sent to it, then ECONNRESET once, then the end.
 * Source: unix(7); unix_release_sock() of the kernel
 * crib: ECONNRESET on a channel counts as the end: it only says that a task left without
 * reading everything.
 */
#include <sys/socket.h>

#include "apart.h"

static void test_data_then_reset_then_end(void **state)
{
    int ends[2];
    char byte;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(write(ends[0], "x", 1), 1);
    assert_int_equal(write(ends[1], "unread", 6), 6);
    close(ends[0]);
    assert_int_equal(read(ends[1], &byte, 1), 1);
    assert_int_equal(read(ends[1], &byte, 1), -1);
    assert_int_equal(errno, ECONNRESET);
    assert_int_equal(read(ends[1], &byte, 1), 0);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_then_reset_then_end),
    };

    return test_run(tests);
}
