/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/init.h"

/* A root to build in, with a link that leads out of it. */
static int open_root(char **ret_dir)
{
    char path[512];
    int root;

    *ret_dir = test_dir();
    root = open(*ret_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(root >= 0);
    own_filesystem(root);
    snprintf(path, sizeof(path), "%s/out", *ret_dir);
    assert_int_equal(symlink("/tmp", path), 0);
    return root;
}

static void test_target_makes_what_is_missing(void **state)
{
    struct stat st;
    char *dir;
    int root = open_root(&dir), fd;

    (void)state;
    fd = make_target(root, "/a/b/c", S_IFDIR, 0755);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    fd_close(&fd);
    fd = make_target(root, "/a/b/file", S_IFREG, 0444);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    fd_close(&fd);
    fd_close(&root);
    free(dir);
}

static void test_target_goes_through_no_symlink(void **state)
{
    char *dir, leaked[64];
    int root = open_root(&dir);

    (void)state;
    snprintf(leaked, sizeof(leaked), "/tmp/crib-leak-%d", (int)getpid());
    assert_int_equal(make_target(root, "/out", S_IFDIR, 0755), -ELOOP);
    assert_int_equal(make_target(root, "/out/x/y", S_IFDIR, 0755), -ELOOP);
    snprintf(leaked, sizeof(leaked), "/out/crib-leak-%d", (int)getpid());
    assert_int_equal(make_target(root, leaked, S_IFDIR, 0755), -ELOOP);
    assert_int_equal(access(leaked + 4, F_OK), -1);
    fd_close(&root);
    free(dir);
}

static void test_target_stays_beneath_the_root(void **state)
{
    char *dir;
    int root = open_root(&dir);

    (void)state;
    assert_int_equal(make_target(root, "/../../etc", S_IFDIR, 0755), -EXDEV);
    fd_close(&root);
    free(dir);
}

static void test_target_refuses_a_name_too_long(void **state)
{
    char path[NAME_MAX + 32], *dir;
    int root = open_root(&dir);

    (void)state;
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    strcpy(path + sizeof(path) - 8, "/y");
    assert_int_equal(make_target(root, path, S_IFDIR, 0755), -ENAMETOOLONG);
    fd_close(&root);
    free(dir);
}

/* /proc stands for what is somebody else's: a file system that we did not make. */
static void test_nothing_is_made_in_what_is_not_ours(void **state)
{
    char *dir;
    int root = open_root(&dir), foreign = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

    (void)state;
    assert_true(foreign >= 0);
    assert_int_equal(make_target(foreign, "/crib-new", S_IFDIR, 0755), -ENOENT);
    assert_int_equal(make_target(foreign, "/crib-new/deeper", S_IFREG, 0444), -ENOENT);
    fd = make_target(foreign, "/self", S_IFDIR, 0755);
    assert_int_equal(fd, -ELOOP);
    fd_close(&foreign);
    fd_close(&root);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target_makes_what_is_missing),
        cmocka_unit_test(test_target_goes_through_no_symlink),
        cmocka_unit_test(test_target_stays_beneath_the_root),
        cmocka_unit_test(test_target_refuses_a_name_too_long),
        cmocka_unit_test(test_nothing_is_made_in_what_is_not_ours),
    };

    return test_run(tests);
}
