/* SPDX-License-Identifier: Apache-2.0 */
/* The guest is what its tests take it for: cgroups of version 2 alone, with every controller, and
 * Landlock as Debian 12 has it. */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

static void test_cgroups_are_of_version_2(void **state)
{
    char *own = test_read("/proc/self/cgroup", NULL);
    char *mounts = test_read("/proc/self/mounts", NULL);

    (void)state;
    assert_memory_equal(own, "0::/crib.slice/", 15);
    assert_null(strchr(strchr(own, '\n') + 1, '\n'));
    assert_null(strstr(mounts, " cgroup "));
    free(own);
    free(mounts);
}

static void test_every_controller_is_there(void **state)
{
    static const char *const wanted[] = {"cpuset", "cpu", "io", "memory", "pids"};
    char *slice = test_read("/sys/fs/cgroup/crib.slice/cgroup.subtree_control", NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        test_contains(slice, wanted[i]);
    free(slice);
}

static void test_landlock_is_of_abi_2(void **state)
{
    struct utsname name;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);

    (void)state;
    assert_int_equal(uname(&name), 0);
    if (strncmp(name.release, "6.1.", 4) == 0)
        assert_int_equal(abi, 2);
    else
        assert_true(abi > 2);
}

/* What was written stays in the guest: the file system that is written to is not the host's. */
static void test_nothing_of_the_host_can_be_written(void **state)
{
    char *mounts = test_read("/proc/self/mounts", NULL);

    (void)state;
    test_contains(mounts, "overlay / overlay ");
    assert_null(strstr(mounts, "virtiofs"));
    free(mounts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cgroups_are_of_version_2),
        cmocka_unit_test(test_every_controller_is_there),
        cmocka_unit_test(test_landlock_is_of_abi_2),
        cmocka_unit_test(test_nothing_of_the_host_can_be_written),
    };

    return test_run(tests);
}
