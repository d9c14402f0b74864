/* SPDX-License-Identifier: Apache-2.0 */
/* Where this process's groups are, by files of many kinds of hosts; and what is there really. */
#include "host/cgroups.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/host.h"
#include "support/support.h"

/* Every hierarchy as `vVERSION CONTROLLERS DIR top`. */
static const char *all(const char *own, const char *mounts, struct arena *arena)
{
    struct hierarchy *list;
    char *text = arena_text(arena, "");
    long count = cgroups_read(own, mounts, arena, &list);

    assert_true(count >= 0);
    for (long i = 0; i < count; i++)
        text = arena_printf(arena, "%sv%u %s %s%s\n", text, list[i].version, list[i].controllers,
                            list[i].dir ? list[i].dir : "-", list[i].top ? " top" : "");
    return text;
}

static const struct {
    const char *about, *own, *mounts, *found;
} hosts[] = {
    {"version 2 alone, in a session", "0::/user.slice/session-1.scope\n",
     "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
     "v2  /sys/fs/cgroup/user.slice/session-1.scope\n"},
    {"version 2, in a cgroup namespace", "0::/\n",
     "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "v2  /sys/fs/cgroup top\n"},
    {"version 1, together and apart", "4:memory:/a b\n3:cpu,cpuacct:/\n2:name=systemd:/x\n",
     "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
     "33 31 0:30 / /my\\040groups/memory rw - cgroup cgroup rw,memory\n"
     "34 31 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n",
     "v1 cpu,cpuacct /sys/fs/cgroup/cpu,cpuacct top\nv1 memory /my groups/memory/a b\n"},
    {"hybrid", "1:pids:/one\n0::/two\n",
     "1 1 0:1 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
     "2 1 0:2 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
     "v1 pids /sys/fs/cgroup/pids/one\nv2  /sys/fs/cgroup/unified/two\n"},
    {"a container that is shown its own part", "4:memory:/docker/abc/deep\n",
     "1 1 0:1 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
     "v1 memory /sys/fs/cgroup/memory/deep\n"},
    {"a container that is shown another's", "4:memory:/docker/abcd\n0::/../..\n",
     "1 1 0:1 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
     "2 1 0:2 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
     "v1 memory -\nv2  -\n"},
    {"none mounted", "0::/\n", "22 27 0:21 / /proc rw - proc proc rw\n", ""},
    {"no files at all", "", "", ""},
    {"broken lines", "memory\n::\n4:memory\n:\n0:\n",
     "1 1 0:1 /\n - cgroup\n1 1 0:1 / /x rw - cgroup cgroup\n1 1 0:1 / /x rw - cgroup2 c rw\n", ""},
};

static void test_made_up_hosts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct arena arena;

        arena_init(&arena, 0);
        print_message("%s\n", hosts[i].about);
        assert_string_equal(all(hosts[i].own, hosts[i].mounts, &arena), hosts[i].found);
        arena_done(&arena);
    }
}

static void test_lists(void **state)
{
    (void)state;
    assert_true(cgroups_has("cpu,cpuacct", "cpu"));
    assert_true(cgroups_has("cpu,cpuacct", "cpuacct"));
    assert_false(cgroups_has("cpu,cpuacct", "acct"));
    assert_false(cgroups_has("cpuacct", "cpu"));
    assert_false(cgroups_has("", "cpu"));
}

/* Each controller has a place that exists and may be written, or a reason; twice the same. */
static void test_what_is_here(void **state)
{
    struct arena arena;
    Crib__Host *host, *again;

    (void)state;
    arena_init(&arena, 0);
    host = ARENA_NEW(&arena, crib__host, Crib__Host);
    again = ARENA_NEW(&arena, crib__host, Crib__Host);
    assert_int_equal(host_controllers(&arena, host), 0);
    assert_int_equal(host_controllers(&arena, again), 0);
    assert_int_equal(host->n_controllers, 6);
    for (size_t i = 0; i < host->n_controllers; i++) {
        const Crib__HostController *found = host->controllers[i];

        print_message("%s: %s\n", found->name,
                      found->has_dir ? (char *)found->dir.data : found->why);
        assert_int_equal(found->has_dir, again->controllers[i]->has_dir);
        if (!found->has_dir) {
            assert_true(strlen(found->why) > 10);
            continue;
        }
        assert_null(found->why);
        assert_int_equal(access((char *)found->dir.data, W_OK), 0);
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_up_hosts),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_what_is_here),
    };

    return test_run(tests);
}
