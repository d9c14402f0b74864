/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a caller's thread may do, for a task it does no more than the task could. */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/rights.h"

#define CALLER 54321
#define TASK   54322

static char *path;

static int try_open(void)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd < 0 ? -errno : 0;
}

/* 0; else the number of what was wrong. */
static int check(uint32_t uid, int expected)
{
    Crib__IdsPlan ids = CRIB__IDS_PLAN__INIT;
    struct rights rights;

    ids.uid = ids.gid = uid;
    if (try_open() != 0)
        return 1;
    if (rights_take(&ids, &rights) != 0)
        return 2;
    if (try_open() != expected)
        return 3;
    rights_give_back(&rights);
    return try_open() == 0 ? 0 : 4;
}

/* Caps as root's, a uid of its own. */
static int become_caller(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[2];

    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
        setresgid(CALLER, CALLER, CALLER) < 0 || setresuid(CALLER, CALLER, CALLER) < 0 ||
        syscall(SYS_capget, &head, caps) < 0)
        return -1;
    caps[0].effective = caps[0].permitted;
    caps[1].effective = caps[1].permitted;
    return (int)syscall(SYS_capset, &head, caps);
}

static int as_root(void)
{
    return check(TASK, -EACCES);
}

static int as_root_that_keeps_caps(void)
{
    return prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0 ? 5 : check(TASK, -EACCES);
}

static int as_caller_with_caps(void)
{
    return become_caller() < 0 ? 6 : check(TASK, -EACCES);
}

static int as_caller_for_itself(void)
{
    return become_caller() < 0 ? 7 : check(CALLER, -EACCES);
}

static int as_ordinary(void)
{
    return check(getuid(), 0);
}

static void run(int (*child)(void))
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(child());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_no_more_than_the_task(void **state)
{
    char *dir = test_dir();
    size_t size = strlen(dir) + 8;

    (void)state;
    path = malloc(size);
    assert_non_null(path);
    snprintf(path, size, "%s/file", dir);
    test_write(path, "x", 1, 0600);
    if (geteuid() == 0) {
        assert_int_equal(chmod(dir, 0755), 0);
        run(as_root);
        run(as_root_that_keeps_caps);
        run(as_caller_with_caps);
        run(as_caller_for_itself);
    } else {
        run(as_ordinary);
    }
    free(path);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_more_than_the_task)};

    return test_run(tests);
}
