/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a thread that puts CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH out of its effective set, and
 * takes them back, meanwhile reaches no file by O_PATH that its id for files may not, and
 * faccessat2() with AT_EACCESS says of an O_PATH fd what that id may do.
 * Source: access(2), capabilities(7), setfsuid(2)
 * crib: init looks so at what the task may do, whose id is another where the caller is root.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>

#include "apart.h"

#define DAC (1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH)

static int may(int fd, int mode)
{
    return (int)syscall(SYS_faccessat2, fd, "", mode, AT_EMPTY_PATH | AT_EACCESS);
}

/* Return: 0; -1 */
static int keep_effective(uint32_t mask)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

    if (syscall(SYS_capget, &header, caps) < 0)
        return -1;
    caps[0].effective = caps[0].permitted & mask;
    return (int)syscall(SYS_capset, &header, caps);
}

static int body(void *arg)
{
    char dir[512], path[600];
    int file, fd;

    CHECK(enter_new(0) == 0);
    snprintf(dir, sizeof(dir), "%s/dir-%d", (const char *)arg, (int)getpid());
    snprintf(path, sizeof(path), "%s/file", dir);
    CHECK(mkdir(dir, 0700) == 0);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
    CHECK(fd >= 0 && close(fd) == 0);
    file = open(path, O_PATH | O_CLOEXEC);
    CHECK(file >= 0 && chmod(dir, 0) == 0);
    CHECK(may(file, R_OK) == 0);

    CHECK(keep_effective(~DAC) == 0);
    CHECK_FAILS(open(path, O_PATH | O_CLOEXEC), EACCES);
    CHECK_FAILS(may(file, R_OK), EACCES);

    CHECK(keep_effective(~0u) == 0);
    fd = open(path, O_PATH | O_CLOEXEC);
    CHECK(fd >= 0 && may(fd, R_OK) == 0);
    CHECK(unlink(path) == 0 && rmdir(dir) == 0);
    return close(fd) | close(file);
}

static void test_access_is_by_effective_rights(void **state)
{
    char *dir = test_dir();

    (void)state;
    need_user_namespaces();
    assert_int_equal(chmod(dir, 0777), 0);
    assert_int_equal(apart_ordinary(body, dir), 0);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_access_is_by_effective_rights),
    };

    return test_run(tests);
}
