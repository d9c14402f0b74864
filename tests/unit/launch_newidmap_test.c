/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever newuidmap does, a map that is not the one asked for is an error. This program stands for
 * it: started with `fd:0` or a pid as its first argument, it does what its file name says.
 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch/parts.h"

#define WRONG 4242u

/* --- as newuidmap --- */

static int write_map(int proc, const char *text)
{
    int fd = openat(proc, "uid_map", O_WRONLY | O_CLOEXEC);

    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : 1;
}

static int write_asked(int proc, char **argv)
{
    char text[64];

    snprintf(text, sizeof(text), "%s %s %s\n", argv[2], argv[3], argv[4]);
    return write_map(proc, text);
}

/* Nothing that was left open, and no environment. */
static int is_bare(void)
{
    for (int fd = 3; fd < 64; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return 0;
    return !environ || !*environ;
}

static int stand_in(const char *name, int argc, char **argv)
{
    bool by_fd = strcmp(argv[1], "fd:0") == 0;
    char path[64], text[64];

    if (argc != 5)
        return 9;
    if (strcmp(name, "hangs") == 0)
        for (;;)
            pause();
    if (strcmp(name, "good") == 0)
        return by_fd && is_bare() ? write_asked(0, argv) : 1;
    if (strcmp(name, "lies") == 0)
        return 0;
    if (strcmp(name, "wrong") == 0) {
        snprintf(text, sizeof(text), "%u %s 1\n", WRONG, argv[3]);
        write_map(0, text);
        return 0;
    }
    /* one that knows no fd:0 */
    if (by_fd)
        return 1;
    snprintf(path, sizeof(path), "/proc/%s", argv[1]);
    return write_asked(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), argv);
}

/* --- the tests --- */

struct other {
    pid_t pid;
    int proc, talk;
};

/* A process in a user namespace without maps. */
static void other_start(struct other *other)
{
    int talk[2];
    char path[64], byte;

    assert_int_equal(pipe2(talk, O_CLOEXEC), 0);
    other->pid = fork();
    if (other->pid == 0) {
        if (unshare(CLONE_NEWUSER) < 0 || write(talk[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(talk[0], &byte, 1), 1);
    close(talk[0]);
    close(talk[1]);
    snprintf(path, sizeof(path), "/proc/%d", (int)other->pid);
    other->proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(other->proc > 2);
}

static void other_end(struct other *other)
{
    close(other->proc);
    kill(other->pid, SIGKILL);
    assert_int_equal(waitpid(other->pid, NULL, 0), other->pid);
}

/* This program under a name by which it knows what to do. The caller frees. */
static char *named(const char *name)
{
    char *dir = test_dir(), *path = NULL;
    size_t len;
    char *data = test_read("/proc/self/exe", &len);

    if (asprintf(&path, "%s/%s", dir, name) < 0)
        abort();
    test_write(path, data, len, 0755);
    free(data);
    free(dir);
    return path;
}

static int run(const char *name, struct crib_error *err)
{
    const struct idmap map = {{geteuid()}, 1};
    char *program = named(name);
    struct other other;
    int r;

    other_start(&other);
    r = newidmap(program, "uid_map", other.proc, other.pid, &map, err);
    other_end(&other);
    free(program);
    return r;
}

static void test_one_that_does_it(void **state)
{
    struct crib_error err;

    (void)state;
    assert_int_equal(run("good", &err), 0);
}

static void test_one_that_does_nothing_and_says_it_did(void **state)
{
    struct crib_error err;

    (void)state;
    assert_int_equal(run("lies", &err), -EPERM);
    assert_string_equal(err.step, "maps");
    test_contains(err.detail, "it has not mapped ");
    test_contains(err.detail, "(exit status 0): see that /etc/subuid");
}

static void test_one_that_maps_another(void **state)
{
    struct crib_error err;

    (void)state;
    assert_int_equal(run("wrong", &err), -EPERM);
    test_contains(err.detail, "it has not mapped ");
}

static void test_one_that_never_ends(void **state)
{
    struct crib_error err;

    (void)state;
    assert_int_equal(run("hangs", &err), -ETIMEDOUT);
    assert_string_equal(err.step, "maps");
}

static void test_one_that_is_not_there(void **state)
{
    const struct idmap map = {{geteuid()}, 1};
    struct crib_error err;
    struct other other;

    (void)state;
    other_start(&other);
    assert_int_equal(newidmap("/nowhere", "uid_map", other.proc, other.pid, &map, &err), -ENOENT);
    other_end(&other);
}

/* Told the pid, and from then on at once: so it is the last. */
static void test_one_that_knows_only_pids(void **state)
{
    struct crib_error err;

    (void)state;
    assert_int_equal(run("by-pid", &err), 0);
    assert_int_equal(run("by-pid", &err), 0);
    assert_int_equal(run("good", &err), -EPERM); /* it was not asked by fd */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_that_does_it),
        cmocka_unit_test(test_one_that_does_nothing_and_says_it_did),
        cmocka_unit_test(test_one_that_maps_another),
        cmocka_unit_test(test_one_that_never_ends),
        cmocka_unit_test(test_one_that_is_not_there),
        cmocka_unit_test(test_one_that_knows_only_pids),
    };

    if (argc > 1)
        return stand_in(strrchr(argv[0], '/') + 1, argc, argv);
    return test_run(tests);
}
