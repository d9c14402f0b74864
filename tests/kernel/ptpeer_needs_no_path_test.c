/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: TIOCGPTPEER opens the slave of a pty by its master alone: of a devpts that is mounted
 * nowhere, and in a mount namespace that never had it. That devpts lives as long as the pty.
 * Source: ioctl_tty(2)
 * crib: init opens the slave so; where the mounts are the host's, the devpts is of a mount
 * namespace that is gone by then.
 */
#include <sys/ioctl.h>
#include <termios.h>

#include "devpts.h"

/* Sends a master out of a mount namespace that ends with this process. */
static int make_master(void *arg)
{
    int *pipe_end = arg, mount, master;

    CHECK(unshare(CLONE_NEWNS) == 0);
    mount = new_devpts();
    CHECK(mount >= 0);
    master = openat(mount, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(master >= 0);
    CHECK(write(*pipe_end, &master, sizeof(master)) == sizeof(master));
    return 0;
}

/* With a table of fds that both share, as init and its helper have it. */
static int stage(void *arg)
{
    _exit(make_master(arg));
}

static int body(void *arg)
{
    static char stack[65536] __attribute__((aligned(16)));
    int fds[2], master = -1, slave, locked = 0, status = -1;
    char text[8] = "";
    pid_t pid;

    (void)arg;
    CHECK(enter_new(0) == 0);
    CHECK(pipe(fds) == 0);
    pid = clone(stage, stack + sizeof(stack), CLONE_FILES | SIGCHLD, &fds[1]);
    CHECK(pid > 0);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(read(fds[0], &master, sizeof(master)) == sizeof(master));
    CHECK(ioctl(master, TIOCSPTLCK, &locked) == 0);
    slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(slave >= 0);
    CHECK(isatty(slave));
    CHECK(write(slave, "hello", 5) == 5);
    CHECK(read(master, text, sizeof(text)) == 5);
    CHECK(memcmp(text, "hello", 5) == 0);
    return 0;
}

static void test_its_namespace_may_be_gone(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_its_namespace_may_be_gone),
    };

    return test_run(tests);
}
