/* SPDX-License-Identifier: Apache-2.0 */
/* Programs in files, across processes; and whatever somebody may have made of those. */
#include "plan_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "compiler/compiler.h"
#include "plan/filter.h"
#include "plan/filter_file.h"

#define VARIABLE "CRIB_FILTER_CACHE"
#define USER     65533

/* What came of compiling in a process of its own. */
enum { COMPILED = 10, FOUND = 11, FAILED = 12 };

static char *dir;

static void plan(struct fixture *f, int number)
{
    static char deny[64];

    fixture_start(f);
    push_text(f, &f->policy->syscalls->allow, &f->policy->syscalls->n_allow, "read");
    push_text(f, &f->policy->syscalls->allow, &f->policy->syscalls->n_allow, "write");
    snprintf(deny, sizeof(deny), "write(fd == %d) -> EIO", number);
    push_text(f, &f->policy->syscalls->deny, &f->policy->syscalls->n_deny, deny);
    must_build(f);
}

static bool is_right(const struct fixture *f)
{
    struct filter_code program = {(struct sock_filter *)f->plan->syscalls->fallback.data,
                                  f->plan->syscalls->fallback.len / sizeof(struct sock_filter)};
    struct fixture *mutable = (struct fixture *)f;
    struct filter_rules rules;

    return filter_read(f->plan->syscalls, &mutable->arena, &rules, NULL) == 0 &&
           filter_prove(&program, &rules, false, NULL, NULL) == 0;
}

/* First without a compiler, then with one. */
static int compile(int number)
{
    const char *end = compiler_image.end;
    struct fixture f;
    int r;

    plan(&f, number);
    compiler_image.kept = -1;
    compiler_image.end = compiler_image.data;
    compiler_image.installed = "/nowhere";
    r = plan_compile(f.plan, &f.arena, &f.err);
    if (r == 0)
        return is_right(&f) ? FOUND : FAILED;
    if (compiler_image.kept >= 0)
        fd_close(&compiler_image.kept);
    compiler_image.kept = -1;
    compiler_image.end = end;
    if (plan_compile(f.plan, &f.arena, &f.err) < 0 || !is_right(&f))
        return FAILED;
    return COMPILED;
}

static int end_of(pid_t pid)
{
    int status;

    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* In a new process, which has nothing in memory. */
static int elsewhere(int number)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(compile(number));
    return end_of(pid);
}

/* Return: how many files end in .filter, of any others -1 for each; @ret_path is one. */
static int files(char *ret_path, size_t size)
{
    DIR *list = opendir(dir);
    struct dirent *entry;
    int count = 0;

    assert_non_null(list);
    while ((entry = readdir(list))) {
        const char *dot = strrchr(entry->d_name, '.');

        if (entry->d_name[0] == '.')
            continue;
        count += dot && strcmp(dot, ".filter") == 0 ? 1 : -1;
        if (ret_path)
            snprintf(ret_path, size, "%s/%s", dir, entry->d_name);
    }
    closedir(list);
    return count;
}

static int start(void **state)
{
    char *above = test_dir();

    (void)state;
    dir = malloc(strlen(above) + 16);
    sprintf(dir, "%s/kept", above);
    setenv(VARIABLE, dir, 1);
    free(above);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    setenv(VARIABLE, "off", 1);
    free(dir);
    return 0;
}

static void test_the_next_process_compiles_nothing(void **state)
{
    struct stat st;
    char path[400];

    (void)state;
    assert_int_equal(elsewhere(1), COMPILED);
    assert_int_equal(files(path, sizeof(path)), 1);
    assert_int_equal(lstat(path, &st), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0600);
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode, S_IFDIR | 0700);
    assert_int_equal(elsewhere(1), FOUND);
    assert_int_equal(elsewhere(2), COMPILED);
    assert_int_equal(elsewhere(2), FOUND);
    assert_int_equal(files(NULL, 0), 2);
}

static void test_off_is_off(void **state)
{
    (void)state;
    assert_int_equal(elsewhere(1), COMPILED);
    setenv(VARIABLE, "off", 1);
    assert_int_equal(elsewhere(1), COMPILED);
    setenv(VARIABLE, "relative", 1);
    assert_int_equal(elsewhere(1), COMPILED);
    setenv(VARIABLE, dir, 1);
    assert_int_equal(elsewhere(1), FOUND);
}

/* A process that works for others neither believes files nor leaves any. */
static void test_who_works_for_others_keeps_none(void **state)
{
    pid_t pid;

    (void)state;
    assert_int_equal(elsewhere(1), COMPILED);
    for (int number = 1; number < 3; number++) {
        pid = fork();
        if (pid == 0) {
            plan_keep_no_files();
            _exit(compile(number));
        }
        assert_int_equal(end_of(pid), COMPILED);
    }
    assert_int_equal(files(NULL, 0), 1);
}

/* Every byte counts: what is changed is never taken, and written anew. */
static void test_a_changed_file_is_not_believed(void **state)
{
    char path[400];
    size_t len;

    (void)state;
    assert_int_equal(elsewhere(1), COMPILED);
    assert_int_equal(files(path, sizeof(path)), 1);
    AUTO_FREE char *good = test_read(path, &len);
    for (size_t at = 0; at < len; at += 1 + len / 24) {
        good[at] ^= 0x20;
        test_write(path, good, len, 0600);
        good[at] ^= 0x20;
        assert_int_equal(elsewhere(1), COMPILED);
        assert_int_equal(elsewhere(1), FOUND);
    }
}

static void test_a_short_or_long_file_is_not_believed(void **state)
{
    char path[400];
    size_t len;

    (void)state;
    assert_int_equal(elsewhere(1), COMPILED);
    assert_int_equal(files(path, sizeof(path)), 1);
    AUTO_FREE char *good = test_read(path, &len);
    const size_t lengths[] = {0, 1, 50, 84, 92, len / 2, len - 8, len - 1, len + 1};

    good = realloc(good, len + 2);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        test_write(path, good, lengths[i], 0600);
        assert_int_equal(elsewhere(1), COMPILED);
        assert_int_equal(elsewhere(1), FOUND);
    }
}

/* Another rule's file under this rule's name, which is what a clash of names would be. */
static void test_the_rules_are_compared_in_full(void **state)
{
    char one[400], two[400];
    size_t len;

    (void)state;
    assert_int_equal(elsewhere(1), COMPILED);
    files(one, sizeof(one));
    AUTO_FREE char *text = test_read(one, &len);
    unlink(one);
    assert_int_equal(elsewhere(2), COMPILED);
    files(two, sizeof(two));
    test_write(two, text, len, 0600);
    assert_int_equal(elsewhere(2), COMPILED);
    assert_int_equal(elsewhere(2), FOUND);
}

static void test_a_file_that_others_could_write_is_not_believed(void **state)
{
    static const unsigned modes[] = {0660, 0606, 0640, 0604, 0777};
    char path[400], other[400];

    (void)state;
    assert_int_equal(elsewhere(1), COMPILED);
    files(path, sizeof(path));
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        chmod(path, modes[i]);
        assert_int_equal(elsewhere(1), COMPILED);
        assert_int_equal(elsewhere(1), FOUND);
    }
    /* A second name, by which somebody may hold it elsewhere. */
    snprintf(other, sizeof(other), "%s/../held", dir);
    assert_int_equal(link(path, other), 0);
    assert_int_equal(elsewhere(1), COMPILED);
    assert_int_equal(elsewhere(1), FOUND);
    /* A link to a good one. */
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    assert_int_equal(elsewhere(1), COMPILED);
    assert_int_equal(elsewhere(1), FOUND);
    /* What is no file keeps nobody waiting. */
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(elsewhere(1), COMPILED);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(elsewhere(1), COMPILED);
    assert_int_equal(elsewhere(1), COMPILED);
}

static void test_a_directory_that_others_could_write_is_not_used(void **state)
{
    char path[400], real[400];

    (void)state;
    assert_int_equal(elsewhere(1), COMPILED);
    chmod(dir, 0770);
    assert_int_equal(elsewhere(1), COMPILED);
    chmod(dir, 0755);
    assert_int_equal(elsewhere(1), COMPILED);
    chmod(dir, 0700);
    assert_int_equal(elsewhere(1), FOUND);
    snprintf(real, sizeof(real), "%s.real", dir);
    assert_int_equal(rename(dir, real), 0);
    assert_int_equal(symlink(real, dir), 0);
    assert_int_equal(elsewhere(1), COMPILED);
    unlink(dir);
    test_write(dir, "", 0, 0700);
    assert_int_equal(elsewhere(1), COMPILED);
    unlink(dir);
    assert_int_equal(rename(real, dir), 0);
    assert_int_equal(elsewhere(1), FOUND);
    assert_int_equal(files(path, sizeof(path)), 1);
}

static void test_what_belongs_to_another_is_not_believed(void **state)
{
    char path[400];

    (void)state;
    if (geteuid() != 0)
        test_skip("only root can give files away");
    assert_int_equal(elsewhere(1), COMPILED);
    files(path, sizeof(path));
    assert_int_equal(chown(path, 65532, 65532), 0);
    assert_int_equal(elsewhere(1), COMPILED);
    assert_int_equal(elsewhere(1), FOUND);
    assert_int_equal(chown(dir, 65532, 65532), 0);
    assert_int_equal(elsewhere(1), COMPILED);
    assert_int_equal(elsewhere(1), COMPILED);
}

static void test_the_oldest_goes(void **state)
{
    struct timespec times[2] = {{1, 0}, {1, 0}};
    char path[400], first[400];

    (void)state;
    assert_int_equal(elsewhere(1), COMPILED);
    files(first, sizeof(first));
    times[0].tv_sec = times[1].tv_sec = 1000;
    assert_int_equal(utimensat(AT_FDCWD, first, times, 0), 0);
    for (int i = 0; i < FILTER_FILES + 3; i++) {
        snprintf(path, sizeof(path), "%s/%016d.filter", dir, i);
        test_write(path, "old", 3, 0600);
        times[0].tv_sec = times[1].tv_sec = 100 + i;
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    }
    snprintf(path, sizeof(path), "%s/new-1-1", dir); /* what a killed process left */
    test_write(path, "half", 4, 0600);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_int_equal(elsewhere(2), COMPILED);
    assert_int_equal(files(NULL, 0), FILTER_FILES);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(elsewhere(1), FOUND);
    assert_int_equal(elsewhere(2), FOUND);
}

/* Where nothing can be written, all goes on as if there were no files. */
static void test_no_room_is_no_error(void **state)
{
    struct stat st;

    (void)state;
    setenv(VARIABLE, "/proc/self/crib", 1);
    assert_int_equal(elsewhere(1), COMPILED);
    setenv(VARIABLE, "/dev/null/crib", 1);
    assert_int_equal(elsewhere(1), COMPILED);
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
}

/* The same as an ordinary user. */
static int as_user(int number)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(USER, USER, USER) < 0 ||
                               setresuid(USER, USER, USER) < 0))
            _exit(FAILED);
        _exit(compile(number));
    }
    return end_of(pid);
}

/* Makes a directory of that user's. */
static void user_dir(char *path, size_t size, const char *end)
{
    snprintf(path, size, "%s.%s", dir, end);
    assert_int_equal(mkdir(path, 0700), 0);
    if (geteuid() == 0)
        assert_int_equal(chown(path, USER, USER), 0);
}

/* An ordinary user's are in its own cache directory, which is made where it is missing. */
static void test_where_they_are(void **state)
{
    char path[400];
    struct stat st;

    (void)state;
    unsetenv(VARIABLE);
    *strrchr(dir, '/') = '\0';
    assert_int_equal(chmod(dir, 0711), 0);
    dir[strlen(dir)] = '/';
    user_dir(path, sizeof(path), "home");
    setenv("HOME", path, 1);
    unsetenv("XDG_CACHE_HOME");
    assert_int_equal(as_user(1), COMPILED);
    assert_int_equal(as_user(1), FOUND);
    strcat(path, "/.cache/crib");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode, S_IFDIR | 0700);
    setenv("XDG_CACHE_HOME", "not/absolute", 1);
    assert_int_equal(as_user(1), FOUND);
    user_dir(path, sizeof(path), "xdg");
    setenv("XDG_CACHE_HOME", path, 1);
    assert_int_equal(as_user(1), COMPILED);
    strcat(path, "/crib");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(as_user(1), FOUND);
    if (geteuid() != 0)
        return;
    setenv(VARIABLE, path, 1); /* root believes no file of a user's */
    assert_int_equal(elsewhere(1), COMPILED);
    assert_int_equal(elsewhere(1), COMPILED);
    assert_int_equal(as_user(1), FOUND);
}

#define with_dir(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_dir(test_the_next_process_compiles_nothing),
        with_dir(test_off_is_off),
        with_dir(test_who_works_for_others_keeps_none),
        with_dir(test_a_changed_file_is_not_believed),
        with_dir(test_a_short_or_long_file_is_not_believed),
        with_dir(test_the_rules_are_compared_in_full),
        with_dir(test_a_file_that_others_could_write_is_not_believed),
        with_dir(test_a_directory_that_others_could_write_is_not_used),
        with_dir(test_what_belongs_to_another_is_not_believed),
        with_dir(test_the_oldest_goes),
        with_dir(test_no_room_is_no_error),
        with_dir(test_where_they_are),
    };

    return test_run(tests);
}
