/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/launch.h"
#include "wire/packet.h"

/* A launch whose other end is ours to play init with. */
static int start(struct launch *launch)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
                     0);
    *launch = (struct launch){.pid = 0, .pidfd = -1, .control = pair[0]};
    return pair[1];
}

static void report_end(int init)
{
    Crib__Report report = CRIB__REPORT__INIT;
    Crib__Report__End end = CRIB__REPORT__END__INIT;

    end.has_status = 1;
    end.status = 7 << 8;
    report.end = &end;
    assert_int_equal(packet_send_message(init, &report.base), 0);
}

/* A signal that comes too late makes the kernel speak of a reset; what init said last still counts.
 */
static void test_the_end_is_not_lost_to_an_unread_order(void **state)
{
    struct launch launch;
    struct arena arena;
    Crib__Report *report = NULL;
    int init = start(&launch);

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(launch_signal(&launch, SIGTERM), 0);
    report_end(init);
    fd_close(&init);
    assert_int_equal(launch_receive(&launch, &arena, &report), 1);
    assert_non_null(report->end);
    assert_int_equal(report->end->status, 7 << 8);
    assert_int_equal(launch_receive(&launch, &arena, &report), 0);
    arena_done(&arena);
    launch_leave(&launch);
}

static void test_nonsense_is_no_report(void **state)
{
    struct launch launch;
    struct arena arena;
    Crib__Report *report = NULL;
    int init = start(&launch);

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(launch_receive(&launch, &arena, &report), -EAGAIN);
    assert_int_equal(packet_send(init, "\xff\xff", 2, NULL, 0), 0);
    assert_int_equal(launch_receive(&launch, &arena, &report), -EPROTO);
    fd_close(&init);
    assert_int_equal(launch_receive(&launch, &arena, &report), 0);
    assert_int_equal(launch_signal(&launch, SIGTERM), -ESRCH);
    assert_int_equal(launch_signal(&launch, 0), -EINVAL);
    arena_done(&arena);
    launch_leave(&launch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_end_is_not_lost_to_an_unread_order),
        cmocka_unit_test(test_nonsense_is_no_report),
    };

    return test_run(tests);
}
