/* SPDX-License-Identifier: Apache-2.0 */
/* /proc is the sandbox's own: nobody of outside is in it, and nothing in it changes the kernel. */
#include "sandbox/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_only_its_own_processes_are_seen(void **state)
{
    static const char *const policies[] = {"default", "network", "shell"};

    (void)state;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        char *out = sandbox_output(policies[i], "pids");
        int lines = 0;

        for (char *c = out; *c; c++)
            lines += *c == '\n';
        assert_int_equal(lines, 2);
        assert_non_null(sandbox_line(out, "1"));
        test_contains(out, " probe\n");
        free(out);
    }
}

static void test_nothing_in_it_changes_the_kernel(void **state)
{
    struct sandbox box;
    const char *line;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "kernel-writes", 0);
    assert_null(strstr(box.out, " ok"));
    line = sandbox_line(box.out, "/proc/sys/kernel/core_pattern");
    assert_non_null(line);
    sandbox_says(box.out, "/dev/kmsg", "ENOENT");
    sandbox_says(box.out, "/sys/fs/cgroup/release_agent", "ENOENT");
    sandbox_done(&box);
}

/* What programs read of it is there. */
static void test_what_programs_need_is_there(void **state)
{
    char *out = sandbox_output(NULL, "open r /proc/uptime /proc/meminfo /proc/cpuinfo /proc/stat "
                                     "/proc/loadavg /proc/self/maps /proc/self/status "
                                     "/proc/self/fd /proc/sys/kernel/ngroups_max");

    (void)state;
    assert_null(strstr(out, " E"));
    free(out);
}

static void test_its_mount_is_careful(void **state)
{
    char *out = sandbox_output(NULL, "mounts");
    const char *line = sandbox_line(out, "/proc");

    (void)state;
    assert_non_null(line);
    test_contains(line, "proc ");
    test_contains(line, "nosuid");
    test_contains(line, "nodev");
    test_contains(line, "noexec");
    free(out);
}

/* No namespace but the time's is the caller's own. */
static void test_namespaces_are_new(void **state)
{
    static const char *const names[] = {"user", "pid", "mnt", "net", "ipc", "uts", "cgroup"};
    char *out = sandbox_output(NULL, "ns"), path[64], own[64];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ssize_t len;

        snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
        len = readlink(path, own, sizeof(own) - 1);
        assert_true(len > 0);
        own[len] = '\0';
        assert_non_null(sandbox_line(out, names[i]));
        if (strcmp(sandbox_line(out, names[i]), own) == 0)
            fail_msg("the %s namespace is the caller's", names[i]);
    }
    free(out);
}

static void test_the_host_has_a_name_of_its_own(void **state)
{
    char *out = sandbox_output(NULL, "uname");

    (void)state;
    sandbox_says(out, "hostname", "crib");
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_its_own_processes_are_seen),
        cmocka_unit_test(test_nothing_in_it_changes_the_kernel),
        cmocka_unit_test(test_what_programs_need_is_there),
        cmocka_unit_test(test_its_mount_is_careful),
        cmocka_unit_test(test_namespaces_are_new),
        cmocka_unit_test(test_the_host_has_a_name_of_its_own),
    };

    return sandbox_test_run(tests);
}
