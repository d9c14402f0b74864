/* SPDX-License-Identifier: Apache-2.0 */
/* A session of its own: no controlling terminal, and no typing into the caller's. */
#include "sandbox/starve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"

static const struct starve nothing[] = {STARVE_END};

static void test_the_task_leads_a_session(void **state)
{
    (void)state;
    for (const char *const *name = sandbox_policies(); *name; name++) {
        char *out = sandbox_output(*name, "session");
        const char *pid = sandbox_line(out, "pid");

        sandbox_says(out, "sid", pid);
        sandbox_says(out, "pgid", pid);
        assert_true(strcmp(sandbox_line(out, "tty"), "ok") != 0);
        free(out);
    }
}

static int terminal = -1; /* the slave end, for the process of the test */

static void take_terminal(void)
{
    if (setsid() < 0 || ioctl(terminal, TIOCSCTTY, 0) < 0)
        abort();
}

static int open_terminal(int *ret_slave)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    char name[128];

    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    assert_int_equal(ptsname_r(master, name, sizeof(name)), 0);
    *ret_slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(*ret_slave >= 0);
    return master;
}

/* Bytes that a shell on the terminal would read as typed. */
static int typed(int slave)
{
    struct termios raw;
    int count = 0;

    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    ioctl(slave, FIONREAD, &count);
    return count;
}

static void run_on_terminal(const char *rules, const char *verbs, struct starved *ret,
                            int *ret_typed)
{
    struct crib_stdio stdio[] = {{.kind = CRIB_FD}, {.kind = CRIB_PIPE}, {.kind = CRIB_FD}};
    struct sandbox box;
    int master, slave;

    master = open_terminal(&slave);
    terminal = slave;
    sandbox_init(&box);
    box.rules = rules;
    box.before = take_terminal;
    stdio[0].from = stdio[2].from = slave;
    box.options.stdio = stdio;
    box.options.stdio_count = 3;
    starve_probe(&box, verbs, nothing, NULL, NULL, ret);
    *ret_typed = typed(slave);
    sandbox_done(&box);
    fd_close(&slave);
    fd_close(&master);
}

static void test_an_inherited_terminal_takes_no_typing(void **state)
{
    struct starved got;
    int count;

    (void)state;
    run_on_terminal(NULL, "tiocsti 0 2 , session", &got, &count);
    assert_int_equal(got.error_code, 0);
    assert_null(strstr(got.out, "tiocsti ok"));
    assert_null(strstr(got.out, "tiocsti_high ok"));
    assert_null(strstr(got.out, "tioclinux ok"));
    assert_null(strstr(got.out, "tiocsctty ok"));
    sandbox_says(got.out, "isatty0", "1");
    sandbox_says_one(got.out, "tty", "ENXIO ENOENT");
    assert_int_equal(count, 0);
}

/* Nor where a policy lets every ioctl through: the kernel wants it to be the own terminal. */
static void test_nor_does_it_without_the_filters_help(void **state)
{
    struct starved got;
    int count;

    (void)state;
    run_on_terminal("extends: [shell]\nsyscalls: {allow: [ioctl]}\n", "tiocsti 0 2 , session", &got,
                    &count);
    assert_int_equal(got.error_code, 0);
    assert_null(strstr(got.out, "tiocsti ok"));
    assert_null(strstr(got.out, "tiocsctty0 ok"));
    assert_int_equal(count, 0);
}

/* The signals that a shell on the host would set ignored, or block, are plain inside. */
static void block_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
}

static void test_signals_are_as_new(void **state)
{
    struct sandbox box;
    struct starved got;

    (void)state;
    sandbox_init(&box);
    box.before = block_signals;
    starve_probe(&box, "signals", nothing, NULL, NULL, &got);
    sandbox_says(got.out, "SigBlk", "0000000000000000");
    sandbox_says(got.out, "SigIgn", "0000000000000000");
    sandbox_says(got.out, "SigCgt", "0000000000000000");
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_task_leads_a_session),
        cmocka_unit_test(test_an_inherited_terminal_takes_no_typing),
        cmocka_unit_test(test_nor_does_it_without_the_filters_help),
        cmocka_unit_test(test_signals_are_as_new),
    };

    return sandbox_test_run(tests);
}
