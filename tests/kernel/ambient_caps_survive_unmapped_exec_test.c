/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: capabilities that the first process of a new user namespace raises into its
 * inheritable and ambient sets survive an exec while its id is unmapped; once the maps are
 * written, they let it mount.
 * Source: capabilities(7), user_namespaces(7)
 * crib: the child between clone and exec raises them, the caller writes the maps after the
 * exec, and init drops the ambient set last.
 */
#include <linux/capability.h>
#include <sys/mount.h>

#include "apart.h"
#include "vfork.h"

/* What the parent and the program after the exec have in common. */
struct start {
    int program; /* fd of this program */
    int to[2];   /* a byte: the maps are written */
    uid_t uid;
    gid_t gid;
};

static uint64_t effective(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    syscall(SYS_capget, &head, data);
    return data[0].effective | (uint64_t)data[1].effective << 32;
}

static IN_VFORK void raise_ambient(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    syscall(SYS_capget, &head, data);
    data[0].inheritable = data[0].permitted;
    data[1].inheritable = data[1].permitted;
    syscall(SYS_capset, &head, data);
    for (int cap = 0; cap < 64; cap++)
        syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
}

static IN_VFORK int begin(void *arg)
{
    const struct start *start = arg;

    raise_ambient();
    dup2(start->to[0], STDIN_FILENO);
    exec_stage(start->program, "unmapped");
    _exit(100);
}

static int stage(void)
{
    char byte;

    CHECK(effective() & 1ull << CAP_SYS_ADMIN);
    CHECK(read(STDIN_FILENO, &byte, 1) == 1);
    CHECK(effective() & 1ull << CAP_SYS_ADMIN);
    CHECK(mount("none", "/tmp", "tmpfs", 0, NULL) == 0);
    return 0;
}

static int body(void *arg)
{
    struct start start = {.uid = geteuid(), .gid = getegid()};
    char number[16];
    int status = -1;
    pid_t pid;

    (void)arg;
    start.program = own_program();
    CHECK(start.program >= 0 && pipe(start.to) == 0);
    pid = vfork_clone(begin, &start, CLONE_VM | CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD, NULL);
    CHECK(pid > 0);
    snprintf(number, sizeof(number), "%d", (int)pid);
    CHECK(map_ids(number, start.uid, start.gid) == 0);
    CHECK(write(start.to[1], "m", 1) == 1);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    return 0;
}

static void test_they_reach_the_program_and_count(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_they_reach_the_program_and_count),
    };

    (void)argv;
    if (argc > 1)
        _exit(stage());
    return test_run(tests);
}
