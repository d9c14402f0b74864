/* SPDX-License-Identifier: Apache-2.0 */
/* A task is born in a leaf group of its own, sees nothing above it, can change nothing of it, and
 * the group is gone with the task. */
#include "sandbox/sandbox.h"

#include <signal.h>

#include "base/auto.h"
#include "guest/leaf.h"

#define LIMITED "extends: [default]\nlimits: {memory: 64M, pids: 20}\n"

static void no_leaf_left(void)
{
    char leaf[LEAF_PATH];

    if (leaf_find(leaf))
        fail_msg("%s is left over", leaf);
}

static void test_its_group_is_the_root_of_what_it_sees(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = LIMITED;
    sandbox_expect(&box, "cat /proc/self/cgroup , cat /proc/1/cgroup", 0);
    assert_string_equal(box.out, "0::/\n0::/\n");
    sandbox_done(&box);
    no_leaf_left();
}

static void look_for_init(struct sandbox *box)
{
    AUTO_FREE char *procs = leaf_read("cgroup.procs"), *line = NULL;

    assert_true(asprintf(&line, "%d", (int)box->pid) > 0);
    test_contains(procs, line);
}

static void test_init_and_task_are_in_the_leaf(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = LIMITED;
    box.meanwhile = look_for_init;
    sandbox_expect(&box, "sleep 500", 0);
    sandbox_done(&box);
}

static void test_cgroups_are_not_to_be_seen(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = LIMITED;
    sandbox_probe(&box, "stat /sys/fs/cgroup , stat /sys");
    test_contains(box.out, "ENOENT");
    assert_null(strstr(box.out, " ok"));
    sandbox_done(&box);
}

/* The policy shows the host's cgroups and lets the task write there as far as its user may: a
 * delegated subtree is that user's own. Sees to it that the task is where it was, and its limits as
 * they were. */
static const char attack[] =
    "at=/host$1\n"
    "leaf=$(echo $at/crib-[0-9]*)\n"
    "[ -e $leaf/memory.max ] || { echo no leaf; exit 9; }\n"
    "for file in memory.max pids.max memory.oom.group cgroup.subtree_control; do\n"
    "    echo max >$leaf/$file && echo $file was written\n"
    "done\n"
    "for group in $leaf/.. $leaf/../crib-host /host; do\n"
    "    echo 0 >$group/cgroup.procs && echo moved to $group\n"
    "    echo $$ >$group/cgroup.threads && echo moved to $group\n"
    "done\n"
    "mkdir $leaf/below && echo 0 >$leaf/below/cgroup.procs && sleep 60 &\n"
    "rmdir $leaf && echo removed\n"
    "cat /proc/self/cgroup\n"
    "exit 0\n";

static void test_it_can_change_nothing_of_its_group(void **state)
{
    char parent[LEAF_PATH];
    const char *args[] = {"-c", attack, "sh", parent + strlen("/sys/fs/cgroup"), NULL};
    struct sandbox box;

    (void)state;
    leaf_parent(parent);
    sandbox_init(&box);
    box.rules = LIMITED "mounts: [{source: /sys/fs/cgroup, target: /host, write: true}]\n";
    sandbox_run(&box, "/bin/sh", args);
    assert_int_equal(box.result.verdict, CRIB_EXITED);
    assert_int_equal(box.result.status, 0);
    assert_null(strstr(box.out, "written"));
    assert_null(strstr(box.out, "moved"));
    assert_null(strstr(box.out, "removed"));
    sandbox_done(&box);
    no_leaf_left();
}

static void kill_it(struct sandbox *box)
{
    kill(box->pid, SIGKILL);
}

static void test_it_is_gone_with_a_killed_task(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = LIMITED;
    box.meanwhile = kill_it;
    sandbox_probe(&box, "forkbomb 10 , sleep 60000");
    assert_int_equal(box.result.verdict, CRIB_SIGNALED);
    sandbox_done(&box);
    no_leaf_left();
}

static void test_it_is_gone_when_the_program_never_ran(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = LIMITED;
    box.options.cwd = "/nowhere";
    sandbox_probe(&box, "echo ran");
    assert_int_not_equal(box.error.code, 0);
    sandbox_done(&box);
    no_leaf_left();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_its_group_is_the_root_of_what_it_sees),
        cmocka_unit_test(test_init_and_task_are_in_the_leaf),
        cmocka_unit_test(test_cgroups_are_not_to_be_seen),
        cmocka_unit_test(test_it_can_change_nothing_of_its_group),
        cmocka_unit_test(test_it_is_gone_with_a_killed_task),
        cmocka_unit_test(test_it_is_gone_when_the_program_never_ran),
    };

    return sandbox_test_run(tests);
}
