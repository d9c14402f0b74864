/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A start in a process that has many files open: none of them goes along, and none is lost. The new
 * process then parts from a table of fds that it shares with us.
 */
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MANY = 3000, LEAST = 400 };

static int fds[MANY], count;

static void open_many(const char *path)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    fds[0] = open(path, O_RDWR); /* not closed by an exec */
    assert_true(fds[0] >= 0);
    for (count = 1; count < MANY; count++)
        if ((fds[count] = fcntl(fds[0], F_DUPFD, 64)) < 0)
            break;
    assert_true(count >= LEAST);
}

static void must_be_open(void)
{
    struct stat file, st;

    assert_int_equal(fstat(fds[0], &file), 0);
    for (int i = 1; i < count; i++) {
        assert_int_equal(fstat(fds[i], &st), 0);
        assert_true(st.st_ino == file.st_ino && st.st_dev == file.st_dev);
        assert_int_equal(fcntl(fds[i], F_GETFD), 0);
    }
}

/* A lock of the old kind goes when its process closes any fd of the file. */
static bool is_locked(const char *path)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(path, O_RDWR);

        _exit(fd < 0 || fcntl(fd, F_GETLK, &lock) < 0 ? 2 : lock.l_type != F_UNLCK);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
    return WEXITSTATUS(status) == 1;
}

static void start_with(const char *rules, const char *path)
{
    struct sandbox box;

    sandbox_init(&box);
    box.rules = rules;
    sandbox_probe(&box, "fdlinks");
    assert_int_equal(box.result.verdict, CRIB_EXITED);
    assert_null(strstr(box.out, path));
    sandbox_done(&box);
    sandbox_init(&box);
    box.rules = rules;
    sandbox_probe(&box, "fds");
    assert_int_equal(box.result.verdict, CRIB_EXITED);
    for (const char *line = box.out; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (*line && (line[0] < '0' || line[0] > '2' || line[1] != ' '))
            fail_msg("more than stdio: %s", box.out);
    }
    sandbox_done(&box);
}

static void test_none_goes_along_and_none_is_lost(void **state)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[] = "/tmp/crib-many-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    open_many(path);
    assert_int_equal(fcntl(fds[0], F_SETLK, &lock), 0);
    for (int i = 0; i < 3; i++) {
        start_with(NULL, path);
        start_with("extends: [default]\nlimits: {pids: 20, preferred: [pids]}\n", path);
        must_be_open();
        assert_true(is_locked(path));
    }
    for (int i = 0; i < count; i++)
        close(fds[i]);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_goes_along_and_none_is_lost),
    };

    return sandbox_test_run(tests);
}
