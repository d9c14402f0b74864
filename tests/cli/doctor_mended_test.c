/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `crib doctor` where something is really taken away that can be given back here: a line has the
 * remedy, it is carried out, and the line is gone.
 */
#include "cli/doctor.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/apart.h"

/* --- namespaces --- */

/* In a user namespace of an ordinary user's own, with a limit below it. */
static int limit(const char *name, const char *value)
{
    char path[128];

    snprintf(path, sizeof(path), "/proc/sys/user/%s", name);
    CHECK(be_ordinary() == 0);
    CHECK(enter_new(0) == 0);
    return write_text(path, value);
}

static int no_user_namespaces(void)
{
    return limit("max_user_namespaces", "0");
}

static int user_namespaces_again(void)
{
    return no_user_namespaces() == 0 ? write_text("/proc/sys/user/max_user_namespaces", "15000")
                                     : 1;
}

static void test_user_namespaces_switched_off(void **state)
{
    struct told told;

    (void)state;
    need_user_namespaces();
    ask(&told, no_user_namespaces, NULL);
    test_contains(expect(&told, "user_namespaces", STATE(missing))->remedy,
                  "`sysctl user.max_user_namespaces=15000`");
    test_contains(expect(&told, "policy", STATE(missing))->remedy,
                  "`sysctl user.max_user_namespaces=15000`");
    expect(&told, "proc", 0); /* could not be tried */
    assert_non_null(told.diagnosis->refused);
    assert_int_equal(told.cli.status, 1);
    done(&told);
    ask(&told, user_namespaces_again, NULL);
    expect(&told, "user_namespaces", STATE(ok));
    expect(&told, "proc", STATE(ok));
    assert_null(told.diagnosis->refused);
    done(&told);
}

static int no_networks(void)
{
    return limit("max_net_namespaces", "0");
}

static int networks_again(void)
{
    return no_networks() == 0 ? write_text("/proc/sys/user/max_net_namespaces", "15000") : 1;
}

static void test_one_namespace_used_up(void **state)
{
    struct told told;

    (void)state;
    need_user_namespaces();
    ask(&told, no_networks, NULL);
    expect(&told, "user_namespaces", STATE(ok));
    expect(&told, "namespaces", 0);
    expect(&told, "loopback", 0);
    test_contains(expect(&told, "namespaces.net", STATE(missing))->remedy,
                  "`sysctl user.max_net_namespaces=15000`");
    expect(&told, "policy", STATE(missing));
    done(&told);
    ask(&told, networks_again, NULL);
    expect(&told, "namespaces.net", 0);
    expect(&told, "namespaces", STATE(ok));
    expect(&told, "loopback", STATE(ok));
    done(&told);
}

/* Root of a user namespace of one number has no id for its tasks. */
static int be_little_root(void)
{
    uid_t uid;
    gid_t gid;
    char text[64];

    CHECK(be_ordinary() == 0);
    uid = geteuid();
    gid = getegid();
    CHECK(unshare(CLONE_NEWUSER) == 0);
    CHECK(write_text("/proc/self/setgroups", "deny") == 0);
    snprintf(text, sizeof(text), "0 %u 1", uid);
    CHECK(write_text("/proc/self/uid_map", text) == 0);
    snprintf(text, sizeof(text), "0 %u 1", gid);
    return write_text("/proc/self/gid_map", text);
}

static void test_root_without_ids_to_give(void **state)
{
    struct told told;

    (void)state;
    need_user_namespaces();
    ask(&told, be_little_root, NULL);
    test_contains(expect(&told, "ids", STATE(missing))->remedy, "an ordinary user");
    expect(&told, "policy", STATE(missing));
    done(&told);
}

/* --- proc --- */

static int cover_proc(void)
{
    CHECK(be_ordinary() == 0);
    CHECK(enter_new(CLONE_NEWNS) == 0);
    CHECK(mount("none", "/proc/sys", "tmpfs", 0, NULL) == 0);
    return mount("/dev/null", "/proc/kmsg", NULL, MS_BIND, NULL);
}

/* `umount /proc/kmsg /proc/sys`, as the remedy has it. */
static int uncover_proc(void)
{
    CHECK(cover_proc() == 0);
    CHECK(umount("/proc/kmsg") == 0);
    return umount("/proc/sys");
}

static void test_a_covered_proc_is_named(void **state)
{
    const Crib__Finding *finding;
    struct told told;

    (void)state;
    need_user_namespaces();
    ask(&told, cover_proc, NULL);
    finding = expect(&told, "proc", STATE(missing));
    test_contains(finding->what, "/proc/sys, /proc/kmsg;");
    test_contains(finding->remedy, "`umount /proc/kmsg /proc/sys`");
    expect(&told, "mounts", STATE(ok));
    assert_string_equal(expect(&told, "policy", STATE(missing))->remedy, finding->remedy);
    done(&told);
    ask(&told, uncover_proc, NULL);
    expect(&told, "proc", STATE(ok));
    assert_null(told.diagnosis->refused);
    done(&told);
}

static int hide_proc(void)
{
    CHECK(be_ordinary() == 0);
    CHECK(enter_new(CLONE_NEWNS) == 0);
    return mount("none", "/proc", "tmpfs", 0, NULL);
}

static void test_no_proc_at_all(void **state)
{
    struct told told;

    (void)state;
    need_user_namespaces();
    ask(&told, hide_proc, NULL);
    assert_int_equal(told.cli.status, 1);
    expect(&told, "policy", STATE(missing));
    done(&told);
}

/* --- groups and memory files --- */

static char group[512]; /* that root has made for an ordinary user; "" none */

static int be_ordinary_there(void)
{
    char path[600];

    snprintf(path, sizeof(path), "%s/cgroup.procs", group);
    CHECK(!group[0] || write_text(path, "0") == 0);
    return be_ordinary();
}

/* Of version 1, where `what` is `version 1, below DIR`. Return: whether one was made. */
static bool make_group(const char *what)
{
    static const char start[] = "version 1, below ";

    group[0] = '\0';
    if (geteuid() != 0 || strncmp(what, start, strlen(start)) != 0)
        return false;
    snprintf(group, sizeof(group), "%s/crib-doctor-%d", what + strlen(start), (int)getpid());
    assert_int_equal(mkdir(group, 0755), 0);
    assert_int_equal(chown(group, ORDINARY_ID, ORDINARY_ID), 0);
    return true;
}

static void test_a_group_of_ones_own(void **state)
{
    struct told told;
    bool made;

    (void)state;
    ask(&told, be_ordinary_there, NULL);
    if (geteuid() == 0)
        test_contains(expect(&told, "cgroup.pids", STATE(missing))->remedy, "run crib as root");
    done(&told);
    ask(&told, NULL, NULL);
    made = make_group(find(&told, "cgroup.pids")->what);
    done(&told);
    if (!made)
        return; /* no version 1 here, or nobody who could make one */
    ask(&told, be_ordinary_there, NULL);
    expect(&told, "cgroup.pids", STATE(ok));
    done(&told);
    assert_int_equal(rmdir(group), 0);
    group[0] = '\0';
}

/* An ordinary user in a pid namespace of its own, which has this switch for itself. Returns in its
 * first process alone. */
static int set_memfd_noexec(const char *first, const char *then)
{
    static const char file[] = "/proc/sys/vm/memfd_noexec";
    int status = -1;
    pid_t pid;

    CHECK(unshare(CLONE_NEWPID | CLONE_NEWNS) == 0);
    CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    pid = fork();
    if (pid != 0) {
        waitpid(pid, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 248);
    }
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
    CHECK(mount("proc", "/proc", "proc", 0, NULL) == 0);
    CHECK(write_text(file, first) == 0);
    CHECK(!then || write_text(file, then) == 0);
    return be_ordinary();
}

static int no_memfds(void)
{
    return set_memfd_noexec("2", NULL);
}

static int memfds_again(void)
{
    return set_memfd_noexec("2", "1");
}

static void test_executable_memfds_forbidden(void **state)
{
    const Crib__Finding *memfd;
    struct told told;

    (void)state;
    need_user_namespaces();
    if (geteuid() != 0 || access("/proc/sys/vm/memfd_noexec", F_OK) < 0)
        return; /* only root can forbid them, and before Linux 6.3 nobody */
    ask(&told, no_memfds, NULL);
    memfd = find(&told, "memfd");
    if (memfd->state == STATE(ok)) {
        test_contains(memfd->what, "the installed crib-init is used");
    } else {
        test_contains(memfd->remedy, "`sysctl vm.memfd_noexec=1`");
        expect(&told, "policy", STATE(missing));
    }
    done(&told);
    ask(&told, memfds_again, NULL);
    test_contains(expect(&told, "memfd", STATE(ok))->what, "can be executed from memory");
    assert_null(told.diagnosis->refused);
    done(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_user_namespaces_switched_off),
        cmocka_unit_test(test_one_namespace_used_up),
        cmocka_unit_test(test_root_without_ids_to_give),
        cmocka_unit_test(test_a_covered_proc_is_named),
        cmocka_unit_test(test_no_proc_at_all),
        cmocka_unit_test(test_a_group_of_ones_own),
        cmocka_unit_test(test_executable_memfds_forbidden),
    };

    return test_run(tests);
}
