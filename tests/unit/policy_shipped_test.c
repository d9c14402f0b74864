/* SPDX-License-Identifier: Apache-2.0 */
/* What the shipped policies let through, decided here from their rules, call by call. */
#include "support/support.h"

#include <glob.h>
#include <linux/ioprio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "policy/load.h"
#include "policy/rule.h"
#include "policy/shipped.h"

struct rules {
    struct rule *list;
    size_t count;
};

struct loaded {
    struct arena arena;
    Crib__Policy *policy;
    struct rules allow, deny;
};

static void expand(struct loaded *l, char **entries, size_t count, struct rules *ret)
{
    struct crib_error err = {0};

    if (rules_expand(entries, count, &l->arena, &ret->list, &ret->count, &err) < 0)
        fail_msg("%s", err.detail);
}

static void load(struct loaded *l, const char *name)
{
    struct crib_error err = {0};

    memset(l, 0, sizeof(*l));
    arena_init(&l->arena, 0);
    if (policy_load(name, NULL, &l->arena, &l->policy, NULL, &err) < 0)
        fail_msg("%s: %s: %s", name, err.subject, err.detail);
    assert_non_null(l->policy->syscalls);
    expand(l, l->policy->syscalls->allow, l->policy->syscalls->n_allow, &l->allow);
    expand(l, l->policy->syscalls->deny, l->policy->syscalls->n_deny, &l->deny);
    assert_int_equal(l->policy->syscalls->n_kill, 0);
    assert_int_equal(l->policy->syscalls->n_log, 0);
}

static bool fits(const struct rules *rules, const char *call, const uint64_t args[6])
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->list[i];

        if (strcmp(rule->call->name, call) != 0)
            continue;
        if (rule_fits(rule, args))
            return true;
    }
    return false;
}

static bool passes(const struct loaded *l, const char *call, const uint64_t args[6])
{
    return fits(&l->allow, call, args) && !fits(&l->deny, call, args);
}

static bool is_filtered(const struct loaded *l)
{
    return !l->policy->syscalls->has_filter ||
           l->policy->syscalls->filter == CRIB__SYSCALLS__FILTER__on;
}

static void test_what_is_compiled_in_is_what_is_in_the_files(void **state)
{
    glob_t files;

    (void)state;
    assert_int_equal(glob(TEST_SOURCE_DIR "/policies/*.yaml", 0, NULL, &files), 0);
    assert_int_equal(shipped_policies_count, files.gl_pathc);
    globfree(&files);
    for (size_t i = 0; i < shipped_policies_count; i++) {
        char path[512], *text;
        size_t len;

        snprintf(path, sizeof(path), "%s/policies/%s.yaml", TEST_SOURCE_DIR,
                 shipped_policies[i].name);
        text = test_read(path, &len);
        assert_int_equal(len, shipped_policies[i].len);
        assert_memory_equal(text, shipped_policies[i].data, shipped_policies[i].len);
        assert_true(text[0] == '#'); /* opens with what it is for */
        free(text);
    }
}

static const char *const dangerous[] = {
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "kcmp",
    "pidfd_getfd",
    "perf_event_open",
    "bpf",
    "userfaultfd",
    "lookup_dcookie",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "open_tree",
    "open_tree_attr",
    "move_mount",
    "mount_setattr",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "unshare",
    "setns",
    "clone3",
    "listns",
    "add_key",
    "request_key",
    "keyctl",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "kexec_load",
    "kexec_file_load",
    "reboot",
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "query_module",
    "get_kernel_syms",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "swapon",
    "swapoff",
    "iopl",
    "ioperm",
    "modify_ldt",
    "uselib",
    "sysfs",
    "ustat",
    "sethostname",
    "setdomainname",
    "acct",
    "quotactl",
    "quotactl_fd",
    "syslog",
    "vhangup",
    "fanotify_init",
    "fanotify_mark",
    "open_by_handle_at",
    "lsm_set_self_attr",
};

/* No policy with a filter lets any of these through, whatever the arguments. */
static void test_dangerous_calls_are_never_allowed(void **state)
{
    (void)state;
    for (size_t p = 0; p < shipped_policies_count; p++) {
        struct loaded l;

        load(&l, shipped_policies[p].name);
        for (size_t i = 0; i < sizeof(dangerous) / sizeof(dangerous[0]); i++) {
            assert_non_null(call_by_name(dangerous[i]));
            for (size_t r = 0; r < l.allow.count; r++)
                if (strcmp(l.allow.list[r].call->name, dangerous[i]) == 0)
                    fail_msg("%s allows %s", shipped_policies[p].name, dangerous[i]);
        }
        arena_done(&l.arena);
    }
}

/* The sandbox itself has to execute the task through the filter. */
static void test_execve_is_always_allowed(void **state)
{
    (void)state;
    for (size_t p = 0; p < shipped_policies_count; p++) {
        bool unconditional = false;
        struct loaded l;

        load(&l, shipped_policies[p].name);
        for (size_t r = 0; r < l.allow.count; r++)
            if (strcmp(l.allow.list[r].call->name, "execve") == 0)
                unconditional |= !l.allow.list[r].count;
        for (size_t r = 0; r < l.deny.count; r++)
            assert_string_not_equal(l.deny.list[r].call->name, "execve");
        assert_true(unconditional == is_filtered(&l));
        arena_done(&l.arena);
    }
}

#define HIGH (1ULL << 32) /* bits that the kernel does not look at */
#define THREAD                                                                                     \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |            \
     CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
#define VSOCK 40

struct attempt {
    const char *call;
    uint64_t args[6];
    const char *in; /* letters of the policies that let it through: d, s, n, h (shell), w */
};

static const struct attempt attempts[] = {
    /* sockets */
    {"socket", {AF_UNIX, SOCK_STREAM}, "dh"},
    {"socket", {AF_UNIX | HIGH, SOCK_DGRAM}, "dh"},
    {"socket", {AF_INET, SOCK_STREAM | SOCK_CLOEXEC}, "nh"},
    {"socket", {AF_INET | HIGH, SOCK_DGRAM}, "nh"},
    {"socket", {AF_INET6, SOCK_STREAM, 6}, "nh"},
    {"socket", {AF_INET, SOCK_RAW | SOCK_CLOEXEC}, "h"}, /* its own namespace; needs CAP_NET_RAW */
    {"socket", {AF_INET, SOCK_RAW | HIGH}, "h"},
    {"socket", {AF_INET, SOCK_STREAM, 132}, ""},
    {"socket", {AF_INET6, SOCK_STREAM, 132 | HIGH}, ""},
    {"socket", {AF_INET, 6, 33}, ""},
    {"socket", {AF_NETLINK, SOCK_RAW}, "h"},
    {"socket", {AF_PACKET, SOCK_RAW}, ""},
    {"socket", {AF_PACKET, SOCK_DGRAM | HIGH}, ""},
    {"socket", {AF_ALG, SOCK_SEQPACKET}, ""},
    {"socket", {AF_BLUETOOTH, SOCK_RAW}, ""},
    {"socket", {AF_KEY, SOCK_RAW}, ""},
    {"socket", {VSOCK, SOCK_STREAM}, ""},
    {"socket", {VSOCK | HIGH, SOCK_STREAM}, ""},
    {"socketpair", {AF_UNIX, SOCK_STREAM}, "dnh"},
    {"socketpair", {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC}, "dnh"},
    {"socketpair", {AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC}, "dh"},
    {"socketpair", {AF_UNIX, SOCK_RAW}, "dh"},
    {"socketpair", {AF_TIPC, SOCK_STREAM}, ""},
    {"connect", {0}, "dnh"},
    {"bind", {0}, "dh"},
    {"listen", {0}, "dhw"},
    {"accept", {0}, "dhw"},
    {"accept4", {0}, "dhw"},
    {"sendmsg", {0}, "dsnhw"},
    {"recvmsg", {0}, "dsnhw"},
    {"sendmmsg", {0}, "dnhw"},
    {"recvmmsg", {0}, "dnhw"},
    /* connecting by sending */
    {"sendto", {0, 0, 0, MSG_NOSIGNAL}, "dsnhw"},
    {"sendto", {0, 0, 0, MSG_FASTOPEN}, "dnh"},
    {"sendto", {0, 0, 0, MSG_FASTOPEN | MSG_NOSIGNAL | HIGH}, "dnh"},
    {"sendmsg", {0, 0, MSG_NOSIGNAL}, "dsnhw"},
    {"sendmsg", {0, 0, MSG_FASTOPEN | MSG_DONTWAIT}, "dnh"},
    {"sendmmsg", {0, 0, 1, MSG_NOSIGNAL}, "dnhw"},
    {"sendmmsg", {0, 0, 1, MSG_FASTOPEN}, "dnh"},
    /* a socket that workers share */
    {"shutdown", {0, SHUT_WR}, "dsnhw"},
    {"shutdown", {0, SHUT_WR | HIGH}, "dsnhw"},
    {"shutdown", {0, SHUT_RD}, "dsnh"},
    {"shutdown", {0, SHUT_RDWR}, "dsnh"},
    {"shutdown", {0, SHUT_RDWR | HIGH}, "dsnh"},
    {"getsockopt", {0, SOL_SOCKET, SO_TYPE}, "dsnhw"},
    {"setsockopt", {0, SOL_SOCKET, SO_KEEPALIVE}, "dnhw"},
    {"setsockopt", {0, SOL_SOCKET, SO_LINGER}, "dnhw"},
    {"setsockopt", {0, IPPROTO_TCP, TCP_NODELAY}, "dnhw"},
    {"setsockopt", {0, IPPROTO_TCP, TCP_KEEPIDLE}, "dnhw"},
    {"setsockopt", {0, SOL_SOCKET, SO_ATTACH_FILTER}, "dnh"},
    {"setsockopt", {0, SOL_SOCKET, SO_ATTACH_BPF}, "dnh"},
    {"setsockopt", {0, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF}, "dnh"},
    {"setsockopt", {0, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF}, "dnh"},
    {"setsockopt", {0, SOL_SOCKET, SO_BINDTODEVICE}, "dnh"},
    {"setsockopt", {0, SOL_SOCKET, SO_REUSEPORT}, "dnh"},
    {"setsockopt", {0, IPPROTO_TCP, TCP_REPAIR}, "dnh"},
    {"setsockopt", {0, IPPROTO_TCP, TCP_ULP}, "dnh"},
    {"setsockopt", {0, IPPROTO_TCP, TCP_FASTOPEN_CONNECT}, "dnh"},
    {"setsockopt", {0, IPPROTO_IP, IP_TRANSPARENT}, "dnh"},
    /* processes and namespaces */
    {"fork", {0}, "dnh"},
    {"vfork", {0}, "dnh"},
    {"clone", {SIGCHLD}, "dnh"},
    {"clone", {CLONE_VM | CLONE_VFORK | SIGCHLD}, "dnh"},
    {"clone", {THREAD}, "dsnhw"},
    {"clone", {THREAD | HIGH}, "dsnhw"},
    {"clone", {THREAD | CLONE_NEWUSER}, ""},
    {"clone", {THREAD | CLONE_NEWNET | HIGH}, ""},
    {"clone", {SIGCHLD | CLONE_NEWUSER}, ""},
    {"clone", {SIGCHLD | CLONE_NEWUSER | HIGH}, ""},
    {"clone", {SIGCHLD | CLONE_NEWNS}, ""},
    {"clone", {SIGCHLD | CLONE_NEWPID}, ""},
    {"clone", {SIGCHLD | CLONE_NEWNET}, ""},
    {"clone", {SIGCHLD | CLONE_NEWIPC}, ""},
    {"clone", {SIGCHLD | CLONE_NEWUTS}, ""},
    {"clone", {SIGCHLD | CLONE_NEWCGROUP}, ""},
    {"execveat", {0}, "dnh"},
    {"kill", {2, SIGTERM}, "dnh"},
    {"tgkill", {2, 2, SIGABRT}, "dsnhw"},
    {"wait4", {0}, "dnh"},
    /* terminals */
    {"ioctl", {0, TIOCSTI}, ""},
    {"ioctl", {0, TIOCSTI | HIGH}, ""},
    {"ioctl", {0, TIOCLINUX}, ""},
    {"ioctl", {0, TIOCLINUX | (HIGH << 7)}, ""},
    {"ioctl", {0, TIOCSETD}, ""},
    {"ioctl", {0, TCGETS}, "dsnhw"},
    {"ioctl", {0, FIONREAD}, "dsnhw"},
    {"ioctl", {0, TCSETS}, "dnh"},
    /* init has the task's id where the caller is an ordinary user: nothing by number */
    {"prlimit64", {0, RLIMIT_NOFILE}, "dsnhw"},
    {"prlimit64", {1, RLIMIT_CPU}, ""},
    {"prlimit64", {HIGH, RLIMIT_CPU}, "dsnhw"},
    {"prlimit64", {HIGH | 1, RLIMIT_CPU}, ""},
    {"sched_setaffinity", {0}, "dnh"},
    {"sched_setaffinity", {1}, ""},
    {"sched_setscheduler", {0}, "dnh"},
    {"sched_setscheduler", {1}, ""},
    {"sched_setparam", {1}, ""},
    {"sched_setattr", {1}, ""},
    {"sched_getaffinity", {1}, "dsnhw"},
    {"setpriority", {PRIO_PROCESS, 0}, "dnh"},
    {"setpriority", {PRIO_PROCESS, 1}, ""},
    {"setpriority", {PRIO_USER, 0}, ""},
    {"setpriority", {PRIO_USER | HIGH, 0}, ""},
    {"ioprio_set", {IOPRIO_WHO_PROCESS, 0}, "dnh"},
    {"ioprio_set", {IOPRIO_WHO_PROCESS, 1}, ""},
    {"ioprio_set", {IOPRIO_WHO_USER, 0}, ""},
    {"move_pages", {1}, ""},
    {"migrate_pages", {1}, ""},
    /* the process's own ways */
    {"personality", {0xffffffff}, "dnh"},
    {"personality", {0}, "dnh"},
    {"personality", {ADDR_NO_RANDOMIZE}, "dnh"},
    {"personality", {READ_IMPLIES_EXEC}, ""},
    {"personality", {PER_LINUX32}, "h"},
    {"prctl", {PR_SET_NAME}, "dsnhw"},
    {"prctl", {PR_SET_NO_NEW_PRIVS}, "dnh"},
    {"prctl", {PR_SET_MM}, ""},
    {"prctl", {PR_SET_MM | HIGH}, ""},
    {"prctl", {PR_SCHED_CORE}, ""},
    {"prctl", {PR_SET_SYSCALL_USER_DISPATCH}, ""},
    {"arch_prctl", {0x1002}, "dsnhw"},
    {"seccomp", {0}, "dnh"},
    /* what everything does */
    {"read", {0}, "dsnhw"},
    {"writev", {0}, "dsnhw"},
    {"openat", {0}, "dsnhw"},
    {"statx", {0}, "dsnhw"},
    {"mmap", {0}, "dsnhw"},
    {"brk", {0}, "dsnhw"},
    {"futex", {0}, "dsnhw"},
    {"rseq", {0}, "dsnhw"},
    {"set_robust_list", {0}, "dsnhw"},
    {"rt_sigaction", {0}, "dsnhw"},
    {"rt_sigreturn", {0}, "dsnhw"},
    {"getrandom", {0}, "dsnhw"},
    {"exit_group", {0}, "dsnhw"},
    {"epoll_pwait2", {0}, "dsnhw"},
    {"close_range", {0}, "dsnhw"},
    {"faccessat2", {0}, "dsnhw"},
    {"clock_nanosleep", {0}, "dsnhw"},
    /* files */
    {"mkdirat", {0}, "dnh"},
    {"renameat2", {0}, "dnh"},
    {"fchmodat2", {0}, "dnh"},
    {"utimensat", {0}, "dnh"},
    {"unlinkat", {0}, "dsnhw"},
    {"memfd_create", {0}, "dsnhw"},
    /* strict: nothing by which tasks that see the same file could talk */
    {"inotify_add_watch", {0}, "dnh"},
    {"flock", {0}, "dnh"},
    {"fcntl", {0, 1}, "dsnhw"},            /* F_GETFD */
    {"fcntl", {0, 6}, "dnh"},              /* F_SETLK */
    {"fcntl", {0, 6 | 1ull << 32}, "dnh"}, /* the kernel reads 32 bits */
    {"fcntl", {0, 36}, "dnh"},             /* F_OFD_GETLK */
    {"fcntl", {0, 1024}, "dnh"},           /* F_SETLEASE */
    {"fcntl", {0, 1026}, "dnh"},           /* F_NOTIFY */
    {"mq_open", {0}, "dnh"},
    {"shmget", {0}, "dnh"},
};

static size_t try_all(const char *name, char letter)
{
    struct loaded l;
    size_t wrong = 0;

    load(&l, name);
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        const struct attempt *a = &attempts[i];
        bool wanted = strchr(a->in, letter);

        assert_non_null(call_by_name(a->call));
        if (passes(&l, a->call, a->args) == wanted)
            continue;
        print_error("%s %s %s(%#llx, %#llx, %#llx)\n", name, wanted ? "refuses" : "lets through",
                    a->call, (unsigned long long)a->args[0], (unsigned long long)a->args[1],
                    (unsigned long long)a->args[2]);
        wrong++;
    }
    arena_done(&l.arena);
    return wrong;
}

static void test_attempts(void **state)
{
    (void)state;
    assert_int_equal(try_all("default", 'd') + try_all("strict", 's') + try_all("network", 'n') +
                         try_all("shell", 'h') + try_all("worker", 'w'),
                     0);
}

static bool begins(const ProtobufCBinaryData *path, const char *prefix)
{
    return path->len >= strlen(prefix) && memcmp(path->data, prefix, strlen(prefix)) == 0;
}

/* Of the host, programs and settings are shown, and nothing of it can be written but devices. */
static void test_mounts_show_little(void **state)
{
    static const char *const shown[] = {"/usr", "/bin", "/sbin", "/lib", "/etc/", "/dev/"};

    (void)state;
    for (size_t p = 0; p < shipped_policies_count; p++) {
        struct loaded l;

        load(&l, shipped_policies[p].name);
        for (size_t i = 0; i < l.policy->n_mounts; i++) {
            const Crib__Mount *m = l.policy->mounts[i];
            bool known = false;

            if (m->has_type && m->type != CRIB__MOUNT__TYPE__bind &&
                m->type != CRIB__MOUNT__TYPE__host)
                continue;
            for (size_t k = 0; k < sizeof(shown) / sizeof(shown[0]); k++)
                known |= begins(&m->target, shown[k]);
            assert_true(known);
            assert_false(m->has_source); /* at its own place */
            assert_true(!m->write || (begins(&m->target, "/dev/") && m->dev));
        }
        arena_done(&l.arena);
    }
}

static void test_nothing_is_kept_by_accident(void **state)
{
    (void)state;
    for (size_t p = 0; p < shipped_policies_count; p++) {
        struct loaded l;
        bool open;

        load(&l, shipped_policies[p].name);
        open = strcmp(shipped_policies[p].name, "open") == 0;
        assert_non_null(l.policy->about);
        assert_true(is_filtered(&l) != open);
        assert_true(!l.policy->caps || l.policy->caps->n_keep == 0);
        assert_int_equal(l.policy->has_landlock && l.policy->landlock == CRIB__NEED__preferred,
                         !open);
        for (size_t i = 0; l.policy->env && i < l.policy->env->n_pass; i++)
            assert_true(open || l.policy->env->pass[i][0] != '*');
        arena_done(&l.arena);
    }
}

/* Who may have what served: only `open` reaches beyond this host, and nobody makes files. */
static void test_addresses_are_on_the_loopback(void **state)
{
    static const char *const loopback[] = {"tcp:127.0.0.1:*", "tcp:[::1]:*"};

    (void)state;
    for (size_t p = 0; p < shipped_policies_count; p++) {
        const char *name = shipped_policies[p].name;
        bool serves = strcmp(name, "worker") == 0 || strcmp(name, "node") == 0;
        struct loaded l;

        load(&l, name);
        if (serves) {
            assert_int_equal(l.policy->n_listen, 2);
            assert_string_equal(l.policy->listen[0], loopback[0]);
            assert_string_equal(l.policy->listen[1], loopback[1]);
        } else if (strcmp(name, "open") == 0) {
            assert_int_equal(l.policy->n_listen, 2);
        } else
            assert_int_equal(l.policy->n_listen, 0);
        for (size_t i = 0; i < l.policy->n_listen; i++)
            assert_true(strncmp(l.policy->listen[i], "unix:", 5) != 0);
        arena_done(&l.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_compiled_in_is_what_is_in_the_files),
        cmocka_unit_test(test_dangerous_calls_are_never_allowed),
        cmocka_unit_test(test_execve_is_always_allowed),
        cmocka_unit_test(test_attempts),
        cmocka_unit_test(test_mounts_show_little),
        cmocka_unit_test(test_nothing_is_kept_by_accident),
        cmocka_unit_test(test_addresses_are_on_the_loopback),
    };

    return test_run(tests);
}
