/* SPDX-License-Identifier: Apache-2.0 */
#include "host/files.h"

#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

struct fixture {
    char *dir;
    char path[300], other[300];
};

static const char *in_dir(struct fixture *f, const char *name)
{
    snprintf(f->path, sizeof(f->path), "%s/%s", f->dir, name);
    return f->path;
}

static void says(const struct crib_error *err, const char *part)
{
    char text[1024];

    test_contains(crib_error_text(err, text, sizeof(text)), part);
}

static void refused(struct fixture *f, const char *name, int code, const char *part)
{
    struct crib_error err = {0};

    assert_int_equal(host_source_open(in_dir(f, name), 100, "copy_in", 3, &err), code);
    says(&err, "copy_in[3] ");
    says(&err, part);
}

static void test_sources(void **state)
{
    struct fixture f = {.dir = test_dir()};
    char data[8] = "";
    int fd;

    (void)state;
    test_write(in_dir(&f, "file"), "hello", 5, 0600);
    fd = host_source_open(f.path, 5, "copy_in", 0, NULL);
    assert_true(fd > 2);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    assert_int_equal(read(fd, data, sizeof(data)), 5);
    assert_string_equal(data, "hello");
    fd_close(&fd);
    /* a directory on the way may be a symlink */
    assert_int_equal(symlink(".", in_dir(&f, "way")), 0);
    fd = host_source_open(in_dir(&f, "way/file"), 5, "copy_in", 0, NULL);
    assert_true(fd > 2);
    fd_close(&fd);
    free(f.dir);
}

static void test_sources_that_are_none(void **state)
{
    struct fixture f = {.dir = test_dir()};
    struct crib_error err = {0};
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    test_write(in_dir(&f, "file"), "hello", 5, 0600);
    assert_int_equal(symlink("file", in_dir(&f, "link")), 0);
    assert_int_equal(mkfifo(in_dir(&f, "fifo"), 0600), 0);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", in_dir(&f, "sock"));
    assert_int_equal(bind(sock, (struct sockaddr *)&at, sizeof(at)), 0);
    fd_close(&sock);
    refused(&f, "none", -ENOENT, "No such file or directory");
    refused(&f, "file/x", -ENOTDIR, "Not a directory");
    refused(&f, "link", -ELOOP, "a symlink, not a regular file");
    refused(&f, "fifo", -EINVAL, "a pipe, not a regular file");
    refused(&f, "sock", -EINVAL, "a socket, not a regular file");
    refused(&f, "", -EISDIR, "a directory, not a regular file");
    assert_int_equal(host_source_open("/dev/null", 100, "copy_in", 0, &err), -EINVAL);
    says(&err, "a device, not a regular file");
    assert_int_equal(host_source_open("/proc/self/fd/0/x", 100, "copy_in", 0, &err), -ELOOP);
    assert_int_equal(host_source_open("/proc/self/root/etc/passwd", 100, "copy_in", 0, &err),
                     -ELOOP);
    free(f.dir);
}

/* A size is what the file says: holes count. */
static void test_a_source_over_its_cap(void **state)
{
    struct fixture f = {.dir = test_dir()};

    (void)state;
    test_write(in_dir(&f, "sparse"), "x", 1, 0600);
    assert_int_equal(truncate(f.path, (off_t)1 << 40), 0);
    refused(&f, "sparse", -EFBIG, "1099511627776 bytes, over its cap of 100");
    free(f.dir);
}

static void test_fds(void **state)
{
    struct fixture f = {.dir = test_dir()};
    struct crib_error err = {0};
    int pair[2], fd;

    (void)state;
    test_write(in_dir(&f, "file"), "hello", 5, 0600);
    fd = open(f.path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(host_source_check(fd, "x", 5, "copy_in", 0, &err), 0);
    assert_int_equal(host_source_check(fd, "x", 4, "copy_in", 0, &err), -EFBIG);
    assert_int_equal(host_target_check(fd, "x", "copy_out", 0, &err), -EBADF);
    says(&err, "the fd is not open for writing");
    fd_close(&fd);
    fd = open(f.path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(host_source_check(fd, "x", 5, "copy_in", 0, &err), -EBADF);
    assert_int_equal(host_target_check(fd, "x", "copy_out", 0, &err), 0);
    fd_close(&fd);
    fd = open(f.path, O_PATH | O_CLOEXEC);
    assert_int_equal(host_source_check(fd, "x", 5, "copy_in", 0, &err), -EBADF);
    assert_int_equal(host_target_check(fd, "x", "copy_out", 0, &err), -EBADF);
    fd_close(&fd);
    assert_int_equal(host_source_check(12345, "x", 5, "copy_in", 0, &err), -EBADF);
    says(&err, "fd 12345 is not open");
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    assert_int_equal(host_source_check(pair[0], "x", 5, "copy_in", 0, &err), -EINVAL);
    assert_int_equal(host_target_check(pair[1], "x", "copy_out", 0, &err), -EINVAL);
    fd_close(&pair[0]);
    fd_close(&pair[1]);
    fd = memfd_create("x", MFD_CLOEXEC);
    assert_int_equal(host_source_check(fd, "x", 5, "copy_in", 0, &err), 0);
    assert_int_equal(host_target_check(fd, "x", "copy_out", 0, &err), 0);
    fd_close(&fd);
    free(f.dir);
}

static void test_a_target_is_made(void **state)
{
    struct host_target target = HOST_TARGET_NONE;
    struct fixture f = {.dir = test_dir()};
    struct crib_error err;
    struct stat st;

    (void)state;
    assert_int_equal(host_target_make(in_dir(&f, "x"), &target, "copy_out", 0, &err), 0);
    assert_true(target.fd > 2 && target.dir > 2);
    assert_int_equal(fcntl(target.fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(stat(f.path, &st), 0);
    host_target_done(&target, true);
    assert_int_equal(target.fd, -1);
    assert_int_equal(stat(f.path, &st), 0);
    assert_int_equal(host_target_make(f.path, &target, "copy_out", 0, &err), -EEXIST);
    says(&err, "copy_out[0] ");
    assert_int_equal(unlink(f.path), 0);
    assert_int_equal(host_target_make(f.path, &target, "copy_out", 0, &err), 0);
    host_target_done(&target, false);
    assert_int_equal(stat(f.path, &st), -1);
    host_target_done(&target, false); /* again is nothing */
    free(f.dir);
}

static void test_targets_that_cannot_be(void **state)
{
    struct host_target target = HOST_TARGET_NONE;
    struct fixture f = {.dir = test_dir()};
    struct crib_error err;

    (void)state;
    assert_int_equal(symlink("elsewhere", in_dir(&f, "link")), 0);
    assert_int_equal(host_target_make(f.path, &target, "copy_out", 0, &err), -EEXIST);
    assert_int_equal(access(in_dir(&f, "elsewhere"), F_OK), -1);
    assert_int_equal(host_target_make(in_dir(&f, "none/x"), &target, "copy_out", 0, &err), -ENOENT);
    assert_int_equal(host_target_make(in_dir(&f, "x/"), &target, "copy_out", 0, &err), -EISDIR);
    assert_int_equal(host_target_make(in_dir(&f, ".."), &target, "copy_out", 0, &err), -EISDIR);
    assert_int_equal(host_target_make("", &target, "copy_out", 0, &err), -EISDIR);
    assert_int_equal(target.fd, -1);
    free(f.dir);
}

/* What has taken the name meanwhile is somebody else's. */
static void test_only_what_was_made_is_removed(void **state)
{
    struct host_target target = HOST_TARGET_NONE;
    struct fixture f = {.dir = test_dir()};
    char *text;

    (void)state;
    assert_int_equal(host_target_make(in_dir(&f, "x"), &target, "copy_out", 0, NULL), 0);
    test_write(in_dir(&f, "y"), "other", 5, 0600);
    snprintf(f.other, sizeof(f.other), "%s", f.path);
    assert_int_equal(rename(f.other, in_dir(&f, "x")), 0);
    host_target_done(&target, false);
    text = test_read(f.path, NULL);
    assert_string_equal(text, "other");
    free(text);
    free(f.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_sources_that_are_none),
        cmocka_unit_test(test_a_source_over_its_cap),
        cmocka_unit_test(test_fds),
        cmocka_unit_test(test_a_target_is_made),
        cmocka_unit_test(test_targets_that_cannot_be),
        cmocka_unit_test(test_only_what_was_made_is_removed),
    };

    return test_run(tests);
}
