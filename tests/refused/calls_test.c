/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls taken away, one feature at a time, by a filter around crib: refused by a kernel that
 * has them not (ENOSYS), by a container (EPERM), or answered with success and not done.
 */
#include "refused/confined.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* The filter of no shipped policy: it takes the compiler. */
#define NOT_READY "syscalls: {deny: [\"lseek(offset == 78)\"]}\n"

#define ALL 0xffffffffu
#define IS(n, v)                                                                                   \
    {                                                                                              \
        (n), ALL, (v), false                                                                       \
    }
#define SPACE(flag)                                                                                \
    {                                                                                              \
        0, (flag), (flag), false                                                                   \
    }
#define PRETENDED STARVE_PRETENDED

enum who { ANYBODY, ROOT };

struct lack {
    const char *what, *step;
    const char *remedy; /* a part of the sentence */
    struct starve starve;
    enum who who;
    const char *more; /* of the policy */
};

static const struct lack refused[] = {
    {"user namespaces",
     "namespaces",
     "start the container with a profile that allows them",
     {SYS_clone, EPERM, {SPACE(CLONE_NEWUSER)}}},
    {"a kernel without user namespaces",
     "namespaces",
     "CONFIG_USER_NS",
     {SYS_clone, EINVAL, {SPACE(CLONE_NEWUSER)}}},
    {"no more user namespaces",
     "namespaces",
     "sysctl user.max_user_namespaces",
     {SYS_clone, ENOSPC, {SPACE(CLONE_NEWUSER)}}},
    {"rights in a user namespace",
     "namespaces",
     "start the container",
     {SYS_sethostname, EACCES, {{0}}}},
    {"mount namespaces",
     "namespaces",
     "`namespaces: {mount: host}`",
     {SYS_clone, EPERM, {SPACE(CLONE_NEWNS)}}},
    {"net namespaces",
     "namespaces",
     "`namespaces: {net: host}`",
     {SYS_clone, EPERM, {SPACE(CLONE_NEWNET)}}},
    {"a kernel without net namespaces",
     "namespaces",
     "CONFIG_NET_NS",
     {SYS_clone, EINVAL, {SPACE(CLONE_NEWNET)}}},
    {"no more net namespaces",
     "namespaces",
     "sysctl user.max_net_namespaces",
     {SYS_clone, ENOSPC, {SPACE(CLONE_NEWNET)}}},
    {"pid namespaces",
     "namespaces",
     "a new pid namespace",
     {SYS_clone, EPERM, {SPACE(CLONE_NEWPID)}}},
    {"ipc namespaces",
     "namespaces",
     "`namespaces: {ipc: host}`",
     {SYS_clone, EPERM, {SPACE(CLONE_NEWIPC)}}},
    {"uts namespaces",
     "namespaces",
     "start the container with a profile that allows them",
     {SYS_clone, EPERM, {SPACE(CLONE_NEWUTS)}}},
    {"processes", "clone", "ulimit -u", {SYS_clone, EAGAIN, {SPACE(CLONE_NEWPID)}}},
    {"openat2", "mounts", "openat2", {SYS_openat2, ENOSYS, {{0}}}},
    {"open_tree", "mounts", "open_tree", {SYS_open_tree, ENOSYS, {{0}}}},
    {"mount_setattr", "mounts", "Linux 5.12", {SYS_mount_setattr, ENOSYS, {{0}}}},
    {"mount_setattr in a container",
     "mounts",
     "lets it through",
     {SYS_mount_setattr, EPERM, {{0}}}},
    {"fsopen", "mounts", "lets it through", {SYS_fsopen, EPERM, {{0}}}},
    {"fsmount", "mounts", "lets it through", {SYS_fsmount, EPERM, {{0}}}},
    {"a proc of one's own", "mounts", "systempaths=unconfined", {SYS_fsmount, EPERM, {IS(2, 15)}}},
    {"move_mount", "mounts", "Linux 5.2", {SYS_move_mount, ENOSYS, {{0}}}},
    {"pivot_root", "mounts", "pivot_root", {SYS_pivot_root, EPERM, {{0}}}},
    {"filters", "syscalls", "CONFIG_SECCOMP", {SYS_seccomp, ENOSYS, {{0}}}},
    {"filters for us", "syscalls", "lets it through", {SYS_seccomp, EPERM, {IS(0, 1)}}},
    {"memfds", "init", "memfd_create", {SYS_memfd_create, ENOSYS, {{0}}}},
    {"memfds, and a filter that is not ready",
     "syscalls",
     "memfd_create",
     {SYS_memfd_create, ENOSYS, {{0}}},
     ANYBODY,
     NOT_READY},
    {"memfds, and no filter",
     "init",
     "memfd_create",
     {SYS_memfd_create, ENOSYS, {{0}}},
     ANYBODY,
     "syscalls: {filter: off}\n"},
    {"pidfd_open", "plan", "Linux 5.3", {SYS_pidfd_open, ENOSYS, {{0}}}},
    {"pidfd_send_signal", "maps", "Linux 5.1", {SYS_pidfd_send_signal, ENOSYS, {{0}}}},
    {"close_range", "init", "Linux 5.11", {SYS_close_range, ENOSYS, {{0}}}},
    {"close_range, and a filter that is not ready",
     "syscalls",
     "Linux 5.11",
     {SYS_close_range, ENOSYS, {{0}}},
     ANYBODY,
     NOT_READY},
    {"close_range, and no filter",
     "init",
     "Linux 5.11",
     {SYS_close_range, ENOSYS, {{0}}},
     ANYBODY,
     "syscalls: {filter: off}\n"},
    {"setgroups", "ids", "setgroups", {SYS_setgroups, EPERM, {{0}}}, ROOT},
    {"setresuid", "ids", "setresuid", {SYS_setresuid, EPERM, {{0}}}},
    {"setresgid", "ids", "setresgid", {SYS_setresgid, EPERM, {{0}}}},
    {"no_new_privs",
     "privileges",
     "PR_SET_NO_NEW_PRIVS",
     {SYS_prctl, EPERM, {IS(0, PR_SET_NO_NEW_PRIVS)}}},
    {"the bounding set", "caps", "PR_CAPBSET_DROP", {SYS_prctl, EPERM, {IS(0, PR_CAPBSET_DROP)}}},
    {"secure bits", "caps", "PR_SET_SECUREBITS", {SYS_prctl, EPERM, {IS(0, PR_SET_SECUREBITS)}}},
    {"ambient capabilities", "caps", "Linux 4.3", {SYS_prctl, EPERM, {IS(0, PR_CAP_AMBIENT)}}},
    {"capset", "caps", "capset", {SYS_capset, EPERM, {{0}}}},
    {"limits",
     "limits",
     "prlimit64",
     {SYS_prlimit64, EPERM, {IS(1, RLIMIT_CORE), {2, ALL, 0, true}}}},
    {"sockets for lo",
     "net",
     "`net: {loopback: false}`",
     {SYS_socket, EPERM, {IS(0, AF_INET)}},
     ANYBODY,
     "syscalls: {allow: [\"socket(domain == AF_INET)\"]}\n"},
    {"sessions", "session", "setsid", {SYS_setsid, EPERM, {{0}}}},
    {"dumpable", "init", "prctl", {SYS_prctl, EPERM, {IS(0, PR_SET_DUMPABLE)}}},
    {"Landlock",
     "landlock",
     "`landlock: preferred`",
     {SYS_landlock_create_ruleset, ENOSYS, {{0}}},
     ANYBODY,
     "landlock: required\n"},
    {"Landlock's last step",
     "landlock",
     "`landlock: preferred`",
     {SYS_landlock_restrict_self, EPERM, {{0}}},
     ANYBODY,
     "landlock: required\n"},
    {"a socket pair",
     "init",
     "ulimit -n",
     {SYS_socketpair, EMFILE, {IS(1, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK)}}},
};

/* What a container that lets its root believe in rights answers with: success. */
static const struct lack pretended[] = {
    {"setgroups", "ids", "pretends", {SYS_setgroups, PRETENDED, {{0}}}, ROOT},
    {"setresuid", "ids", "pretends", {SYS_setresuid, PRETENDED, {{0}}}, ROOT},
    {"setresgid", "ids", "pretends", {SYS_setresgid, PRETENDED, {{0}}}, ROOT},
    {"capset", "caps", "capset", {SYS_capset, PRETENDED, {{0}}}},
    {"the bounding set", "caps", "pretends", {SYS_prctl, PRETENDED, {IS(0, PR_CAPBSET_DROP)}}},
    {"secure bits", "caps", "pretends", {SYS_prctl, PRETENDED, {IS(0, PR_SET_SECUREBITS)}}},
    {"dumpable", "init", "pretends", {SYS_prctl, PRETENDED, {IS(0, PR_SET_DUMPABLE)}}},
    {"filters", "syscalls", "pretends", {SYS_seccomp, PRETENDED, {IS(0, 1)}}},
    {"limits",
     "limits",
     "pretends",
     {SYS_prlimit64, PRETENDED, {IS(1, RLIMIT_CORE), {2, ALL, 0, true}}}},
    {"mount_setattr", "mounts", "pretends", {SYS_mount_setattr, PRETENDED, {{0}}}},
    {"move_mount", "mounts", "pretends", {SYS_move_mount, PRETENDED, {{0}}}},
    {"pivot_root", "mounts", "pretends", {SYS_pivot_root, PRETENDED, {{0}}}},
    {"close_range",
     "stdio",
     "pretends",
     {SYS_close_range, PRETENDED, {{0}}},
     ANYBODY,
     "syscalls: {filter: off}\n"},
    {"sessions", "session", "pretends", {SYS_setsid, PRETENDED, {{0}}}},
    {"Landlock",
     "landlock",
     "pretends",
     {SYS_landlock_restrict_self, PRETENDED, {{0}}},
     ANYBODY,
     "landlock: required\n"},
};

/* A privileged caller makes the network before it clones. */
static struct starve unshare_too(const struct starve *starve)
{
    const struct starve none = STARVE_END;
    struct starve too = *starve;

    if (starve->number != SYS_clone)
        return none;
    too.number = SYS_unshare;
    return too;
}

static void check(const struct lack *lacks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct starve rules[] = {lacks[i].starve, unshare_too(&lacks[i].starve), STARVE_END};
        struct confined c;

        if (lacks[i].who == ROOT && !sandbox_privileged())
            continue;
        confined_init(&c);
        c.more = lacks[i].more;
        confined_run(&c, rules);
        confined_refused(&c, lacks[i].what, lacks[i].step, lacks[i].remedy);
        confined_done(&c);
    }
}

static void test_what_is_required_is_refused(void **state)
{
    (void)state;
    check(refused, sizeof(refused) / sizeof(refused[0]));
}

static void test_what_is_pretended_is_found_out(void **state)
{
    (void)state;
    check(pretended, sizeof(pretended) / sizeof(pretended[0]));
}

struct told {
    const char *what, *mechanism, *why;
    struct starve starve;
    const char *more;
};

static const struct told preferred[] = {
    {"Landlock", "landlock", "no Landlock", {SYS_landlock_create_ruleset, ENOSYS, {{0}}}},
    {"Landlock's last step",
     "landlock",
     "refuses it (Operation not permitted)",
     {SYS_landlock_restrict_self, EPERM, {{0}}}},
    {"Landlock's rules", "landlock", "refuses it", {SYS_landlock_add_rule, EPERM, {{0}}}},
    {"Landlock in pretence",
     "landlock",
     "pretends",
     {SYS_landlock_restrict_self, PRETENDED, {{0}}}},
    {"notifications",
     "syscalls.reasons",
     "no seccomp notification",
     {SYS_seccomp, EINVAL, {IS(0, 3)}}},
    {"a listener, which another has",
     "syscalls.reasons",
     "the only listener",
     {SYS_seccomp, EBUSY, {IS(0, 1), {1, 8, 8, false}}}},
    {"a listener",
     "syscalls.reasons",
     "refuses it",
     {SYS_seccomp, EPERM, {IS(0, 1), {1, 8, 8, false}}}},
};

static void test_what_is_preferred_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(preferred) / sizeof(preferred[0]); i++) {
        const struct told *row = &preferred[i];
        const struct starve rules[] = {row->starve, STARVE_END};
        struct confined c;

        confined_init(&c);
        c.more = row->more;
        confined_run(&c, rules);
        confined_true(&c, row->what);
        test_contains(confined_applied(&c, row->mechanism), "not available: ");
        test_contains(confined_applied(&c, row->mechanism), row->why);
        confined_done(&c);
    }
}

/* What makes a start faster, or clearer to debug, may be missing without a word. */
static void test_what_is_not_needed_is_not_missed(void **state)
{
    static const struct told quiet[] = {
        {"nothing", NULL, NULL, {SYS_reboot, ENOSYS, {{0}}}, NULL},
        {"clone3", NULL, NULL, {SYS_clone3, ENOSYS, {{0}}}, NULL},
        {"clone3 in a container", NULL, NULL, {SYS_clone3, EPERM, {{0}}}, NULL},
        {"memfds with a mark", NULL, NULL, {SYS_memfd_create, EINVAL, {{1, 0x18, 0x10}}}, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
        const struct starve rules[] = {quiet[i].starve, STARVE_END};
        struct confined c;

        confined_init(&c);
        confined_run(&c, rules);
        confined_true(&c, quiet[i].what);
        assert_null(strstr(confined_applied(&c, "syscalls.reasons"), "not available"));
        confined_done(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_needed_is_not_missed),
        cmocka_unit_test(test_what_is_required_is_refused),
        cmocka_unit_test(test_what_is_pretended_is_found_out),
        cmocka_unit_test(test_what_is_preferred_is_told),
    };

    return test_run(tests);
}
