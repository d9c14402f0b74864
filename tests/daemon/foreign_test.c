/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/foreign.h"
#include "fuse.h"
#include "wire/rights.h"

/* Checks, closes, and makes sure that it is closed. */
static void check(int fd, int expected)
{
    struct foreign_mounts known = {0};
    int kept = fd;

    assert_true(fd >= 0);
    assert_int_equal(foreign_check(fd, NULL), expected);
    assert_int_equal(foreign_check(fd, &known), expected);
    assert_int_equal(foreign_check(fd, &known), expected);
    foreign_close(&fd);
    assert_int_equal(fd, -1);
    while (fcntl(kept, F_GETFD) >= 0) /* by a process of its own */
        usleep(1000);
}

static void what_may_be_kept(void **state)
{
    char *dir = test_dir(), path[300];
    int pair[2];

    (void)state;
    snprintf(path, sizeof(path), "%s/file", dir);
    test_write(path, "x", 1, 0600);
    check(open(path, O_RDWR | O_CLOEXEC), 0);
    snprintf(path, sizeof(path), "%s/fifo", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    check(open(path, O_RDWR | O_CLOEXEC), 0);
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    check(pair[0], 0);
    check(pair[1], 0);
    check(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), 0);
    check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 0);
    check(eventfd(0, EFD_CLOEXEC), 0);
    check(memfd_create("x", MFD_CLOEXEC), 0);
    check(open("/dev/null", O_RDWR | O_CLOEXEC), 0);
    check(open("/dev/ptmx", O_RDWR | O_CLOEXEC | O_NOCTTY), 0);
    check(open("/proc/self/status", O_RDONLY | O_CLOEXEC), 0);
    check(open("/usr/bin/env", O_RDONLY | O_CLOEXEC), 0);
    free(dir);
}

static void what_may_not(void **state)
{
    int none = -1;

    (void)state;
    check(open("/", O_RDONLY | O_CLOEXEC), -EISDIR);
    check(open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC), -EISDIR);
    check(open("/", O_PATH | O_CLOEXEC), -EINVAL);
    check(open("/usr/bin/env", O_PATH | O_CLOEXEC), -EINVAL);
    assert_int_equal(foreign_check(-1, NULL), -EBADF);
    foreign_close(&none);
}

static int write_all(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC), r = -1;

    if (fd >= 0)
        r = fd_write_all(fd, text, strlen(text));
    fd_close(&fd);
    return r;
}

/* Somebody's mount that we do not see: over a directory of ours, so that a file is there. */
static int open_unseen(const char *dir)
{
    char options[512], ids[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();

    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        return -1;
    snprintf(ids, sizeof(ids), "%u %u 1", uid, uid);
    if (write_all("/proc/self/setgroups", "deny") < 0 || write_all("/proc/self/uid_map", ids) < 0)
        return -1;
    snprintf(ids, sizeof(ids), "%u %u 1", gid, gid);
    if (write_all("/proc/self/gid_map", ids) < 0)
        return -1;
    snprintf(options, sizeof(options), "lowerdir=%s/one:%s/two,userxattr", dir, dir);
    if (mount("overlay", "/mnt", "overlay", 0, options) < 0)
        return -1;
    return open("/mnt/file", O_RDONLY | O_CLOEXEC);
}

static void a_file_of_a_mount_unseen(void **state)
{
    char *dir = test_dir(), path[300], byte;
    int pair[2], fds[RIGHTS_MAX], flags;
    size_t nfds;
    pid_t pid;

    (void)state;
    snprintf(path, sizeof(path), "%s/two", dir);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof(path), "%s/one", dir);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof(path), "%s/one/file", dir);
    test_write(path, "x", 1, 0644);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    pid = fork();
    if (pid == 0) {
        int fd = open_unseen(dir);

        if (fd < 0)
            perror("overlay");
        _exit(fd >= 0 && rights_send(pair[1], "", 1, &fd, 1) == 1 ? 0 : 1);
    }
    close(pair[1]);
    assert_int_equal(rights_receive(pair[0], &byte, 1, fds, &nfds, &flags), 1);
    assert_int_equal(nfds, 1);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    check(fds[0], -EOPNOTSUPP);
    close(pair[0]);
    free(dir);
}

/* A TCP socket whose peer takes nothing, and which was told to wait for it. */
static void nobody_is_waited_for(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    struct linger ever = {1, 100000};
    static char much[65536];
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
        sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_int_equal(bind(listening, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(connect(sock, (struct sockaddr *)&address, len), 0);
    while (send(sock, much, sizeof(much), MSG_DONTWAIT) > 0)
        ;
    assert_int_equal(setsockopt(sock, SOL_SOCKET, SO_LINGER, &ever, sizeof(ever)), 0);
    check(sock, 0);
    close(listening);
}

static void a_file_system_that_hangs(void **state)
{
    char *dir = test_dir();
    struct fuse fuse;
    int fd, directory;

    (void)state;
    fuse_start(&fuse, dir);
    fd = open(fuse.file, O_RDWR | O_CLOEXEC);
    directory = open(fuse.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0 && directory >= 0);
    fuse_hang(&fuse);
    check(directory, -EISDIR);
    check(fd, -EOPNOTSUPP);
    fuse_stop(&fuse);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_be_kept),         cmocka_unit_test(what_may_not),
        cmocka_unit_test(a_file_of_a_mount_unseen), cmocka_unit_test(nobody_is_waited_for),
        cmocka_unit_test(a_file_system_that_hangs), /* needs what only root has */
    };
    bool fuse = fuse_possible();

    if (fuse && (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
        return 1;
    return test_run_group("tests", tests, sizeof(tests) / sizeof(tests[0]) - (fuse ? 0 : 1));
}
