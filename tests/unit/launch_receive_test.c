/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
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
    int init = start(&launch), master = -1;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(launch_signal(&launch, SIGTERM), 0);
    report_end(init);
    fd_close(&init);
    assert_int_equal(launch_receive(&launch, &arena, &report, &master), 1);
    assert_non_null(report->end);
    assert_int_equal(report->end->status, 7 << 8);
    assert_int_equal(launch_receive(&launch, &arena, &report, &master), 0);
    arena_done(&arena);
    launch_leave(&launch);
}

static void test_nonsense_is_no_report(void **state)
{
    struct launch launch;
    struct arena arena;
    Crib__Report *report = NULL;
    int init = start(&launch), master = -1;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(launch_receive(&launch, &arena, &report, &master), -EAGAIN);
    assert_int_equal(packet_send(init, "\xff\xff", 2, NULL, 0), 0);
    assert_int_equal(launch_receive(&launch, &arena, &report, &master), -EPROTO);
    fd_close(&init);
    assert_int_equal(launch_receive(&launch, &arena, &report, &master), 0);
    assert_int_equal(launch_signal(&launch, SIGTERM), -ESRCH);
    assert_int_equal(launch_signal(&launch, 0), -EINVAL);
    arena_done(&arena);
    launch_leave(&launch);
}

/* A report of init with so many fds. */
static void send_terminal(int init, bool terminal, bool started, size_t count)
{
    Crib__Report report = CRIB__REPORT__INIT;
    int fds[] = {init, init, init};
    uint8_t data[16];
    size_t len;

    report.has_terminal = report.has_started = true;
    report.terminal = terminal;
    report.started = started;
    len = crib__report__pack(&report, data);
    assert_int_equal(packet_send(init, data, len, fds, count), 0);
}

static void test_the_master_comes_once(void **state)
{
    struct launch launch;
    struct arena arena;
    Crib__Report *report = NULL;
    int init = start(&launch), master = -1;

    (void)state;
    arena_init(&arena, 0);
    launch.terminal = true;
    send_terminal(init, true, false, 1);
    send_terminal(init, false, true, 0);
    send_terminal(init, true, false, 1);
    assert_int_equal(launch_receive(&launch, &arena, &report, &master), 1);
    assert_true(report->terminal);
    assert_true(master > 2);
    assert_true(fcntl(master, F_GETFD) & FD_CLOEXEC);
    fd_close(&master);
    assert_int_equal(launch_receive(&launch, &arena, &report, &master), 1);
    assert_true(report->started);
    assert_int_equal(master, -1);
    assert_int_equal(launch_receive(&launch, &arena, &report, &master), -EPROTO);
    assert_int_equal(master, -1);
    fd_close(&init);
    arena_done(&arena);
    launch_leave(&launch);
}

/* What a broken init could send; test_run() sees to it that nothing stays open. */
static void test_fds_at_the_wrong_place(void **state)
{
    static const struct {
        bool asked, terminal, started;
        size_t fds;
    } rows[] = {
        {false, true, false, 1}, /* none was asked for */
        {false, false, true, 1}, /* with another report */
        {true, false, false, 1}, /* the same */
        {true, true, false, 0},  /* without */
        {true, true, false, 3},  /* with too many */
        {true, false, true, 0},  /* it should have come by now */
        {true, true, true, 1},   /* the same */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct launch launch;
        struct arena arena;
        Crib__Report *report = NULL;
        int init = start(&launch), master = 0;

        arena_init(&arena, 0);
        launch.terminal = rows[i].asked;
        send_terminal(init, rows[i].terminal, rows[i].started, rows[i].fds);
        assert_int_equal(launch_receive(&launch, &arena, &report, &master), -EPROTO);
        assert_int_equal(master, -1);
        fd_close(&init);
        arena_done(&arena);
        launch_leave(&launch);
    }
}

/* A caller whose own 0 to 2 are closed would get it there, and the next task would inherit it. */
static void test_the_master_is_above_2(void **state)
{
    struct launch launch;
    struct arena arena;
    Crib__Report *report = NULL;
    int init = start(&launch), master = -1, kept = fd_copy(0, 10);

    (void)state;
    arena_init(&arena, 0);
    launch.terminal = true;
    send_terminal(init, true, false, 1);
    close(0);
    assert_int_equal(launch_receive(&launch, &arena, &report, &master), 1);
    assert_true(master > 2);
    assert_true(fcntl(0, F_GETFD) < 0);
    assert_int_equal(dup2(kept, 0), 0);
    fd_close(&kept);
    fd_close(&master);
    fd_close(&init);
    arena_done(&arena);
    launch_leave(&launch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_end_is_not_lost_to_an_unread_order),
        cmocka_unit_test(test_nonsense_is_no_report),
        cmocka_unit_test(test_the_master_comes_once),
        cmocka_unit_test(test_fds_at_the_wrong_place),
        cmocka_unit_test(test_the_master_is_above_2),
    };

    return test_run(tests);
}
