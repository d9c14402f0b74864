/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "wire/arrivals.h"

static int some_fd(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Adds a set of @nfds that came with the bytes from..to. */
static int add(struct arrivals *arrivals, uint64_t from, uint64_t to, size_t nfds)
{
    int fds[FRAME_MAX_FDS], r;

    for (size_t i = 0; i < nfds; i++)
        fds[i] = some_fd();
    r = arrivals_add(arrivals, from, to, fds, nfds);
    for (size_t i = 0; r < 0 && i < nfds; i++)
        fd_close(&fds[i]);
    return r;
}

static void test_a_set_goes_to_a_frame_that_begins_within_its_stretch(void **state)
{
    static const struct {
        uint64_t at;
        int result;
    } rows[] = {{99, -EPROTO}, {100, 0}, {150, 0}, {199, 0}, {200, -EPROTO}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arrivals arrivals = {0};
        int fds[1] = {-1};

        assert_int_equal(add(&arrivals, 100, 200, 1), 0);
        assert_int_equal(arrivals_take(&arrivals, rows[i].at, fds, 1), rows[i].result);
        assert_int_equal(fds[0] >= 0, rows[i].result == 0);
        fd_close(&fds[0]);
        arrivals_done(&arrivals);
    }
}

static void test_the_number_has_to_match(void **state)
{
    struct arrivals arrivals = {0};
    int fds[FRAME_MAX_FDS];

    (void)state;
    assert_int_equal(add(&arrivals, 0, 10, 2), 0);
    assert_int_equal(arrivals_take(&arrivals, 0, fds, 1), -EPROTO);
    assert_int_equal(arrivals_take(&arrivals, 0, fds, 3), -EPROTO);
    assert_int_equal(arrivals_take(&arrivals, 0, fds, 2), 0);
    assert_int_equal(arrivals_take(&arrivals, 0, fds, 2), -EPROTO);
    fd_close(&fds[0]);
    fd_close(&fds[1]);
}

static void test_sets_leave_in_the_order_they_came(void **state)
{
    struct arrivals arrivals = {0};
    int first[1], second[1], fds[1];

    (void)state;
    first[0] = some_fd();
    second[0] = some_fd();
    assert_int_equal(arrivals_add(&arrivals, 0, 10, first, 1), 0);
    assert_int_equal(arrivals_add(&arrivals, 10, 20, second, 1), 0);
    assert_int_equal(arrivals_take(&arrivals, 12, fds, 1), -EPROTO);
    assert_int_equal(arrivals_take(&arrivals, 3, fds, 1), 0);
    assert_int_equal(fds[0], first[0]);
    assert_int_equal(arrivals_take(&arrivals, 12, fds, 1), 0);
    assert_int_equal(fds[0], second[0]);
    fd_close(&first[0]);
    fd_close(&second[0]);
}

static void test_more_than_two_sets_cannot_be_right(void **state)
{
    struct arrivals arrivals = {0};

    (void)state;
    assert_int_equal(add(&arrivals, 0, 1, FRAME_MAX_FDS), 0);
    assert_int_equal(add(&arrivals, 1, 2, FRAME_MAX_FDS), 0);
    assert_int_equal(add(&arrivals, 2, 3, 1), -EPROTO);
    arrivals_done(&arrivals);
    assert_int_equal(add(&arrivals, 2, 3, 1), 0);
    arrivals_done(&arrivals);
}

static void test_tells_sets_that_no_frame_can_want(void **state)
{
    struct arrivals arrivals = {0};

    (void)state;
    assert_false(arrivals_stale(&arrivals, 0));
    assert_int_equal(add(&arrivals, 100, 200, 1), 0);
    assert_false(arrivals_stale(&arrivals, 199));
    assert_true(arrivals_stale(&arrivals, 200));
    arrivals_done(&arrivals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_set_goes_to_a_frame_that_begins_within_its_stretch),
        cmocka_unit_test(test_the_number_has_to_match),
        cmocka_unit_test(test_sets_leave_in_the_order_they_came),
        cmocka_unit_test(test_more_than_two_sets_cannot_be_right),
        cmocka_unit_test(test_tells_sets_that_no_frame_can_want),
    };

    return test_run(tests);
}
