/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: every mount of devpts is an instance of its own, also one made in a user namespace: it has
 * none of the host's ptys, and its first is number 0.
 * Source: Documentation/filesystems/devpts.rst of the kernel, since Linux 4.7
 * crib: a task's terminal is of a devpts made for it.
 */
#include <dirent.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "devpts.h"

static int body(void *arg)
{
    struct dirent *entry;
    int mount, master, number = -1;
    DIR *dir;

    (void)arg;
    CHECK(enter_new(CLONE_NEWNS) == 0);
    mount = new_devpts();
    CHECK(mount >= 0);
    CHECK(fchdir(mount) == 0);
    dir = opendir(".");
    CHECK(dir);
    while ((entry = readdir(dir)))
        CHECK(entry->d_name[0] == '.' || strcmp(entry->d_name, "ptmx") == 0);
    closedir(dir);
    master = openat(mount, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(master >= 0);
    CHECK(ioctl(master, TIOCGPTN, &number) == 0);
    CHECK(number == 0);
    CHECK(faccessat(mount, "0", F_OK, 0) == 0);
    return 0;
}

static void test_whatever_the_host_has(void **state)
{
    int masters[3];

    (void)state;
    need_user_namespaces();
    for (int i = 0; i < 3; i++)
        assert_true((masters[i] = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)) >= 0);
    assert_int_equal(apart_both(body, NULL), 0);
    for (int i = 0; i < 3; i++)
        close(masters[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whatever_the_host_has),
    };

    return test_run(tests);
}
