/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task whose filter comes from a file that another process has left is walled as any other; what
 * was made of that file by somebody else lets nothing through.
 */
#include "sandbox/sandbox.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "compiler/compiler.h"

#define VARIABLE "CRIB_FILTER_CACHE"

static const char rules[] = "extends: [default]\n"
                            "syscalls: {deny: [\"lseek(offset == 77) -> EUCLEAN\"]}\n";

static char *dir;

enum { WALLED = 10, OPEN = 11, REFUSED = 12, ODD = 13 };

static int run(bool compiler)
{
    struct sandbox box;
    int r = ODD;

    if (!compiler) {
        compiler_image.kept = -1;
        compiler_image.end = compiler_image.data;
        compiler_image.installed = "/nowhere";
    }
    sandbox_init(&box);
    box.rules = rules;
    sandbox_probe(&box, "syscall 8 999 77 0");
    if (box.code < 0)
        r = strcmp(box.error.step, "syscalls") == 0 ? REFUSED : ODD;
    else if (box.exited)
        r = strcmp(sandbox_line(box.out, "8"), "EUCLEAN") == 0 ? WALLED : OPEN;
    sandbox_done(&box);
    return r;
}

/* In a new process, which has nothing in memory. */
static int elsewhere(bool compiler)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(run(compiler));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void find_file(char *path, size_t size)
{
    DIR *list = opendir(dir);
    struct dirent *entry;

    assert_non_null(list);
    path[0] = '\0';
    while ((entry = readdir(list)))
        if (strstr(entry->d_name, ".filter"))
            snprintf(path, size, "%s/%s", dir, entry->d_name);
    closedir(list);
    assert_true(path[0]);
}

static int start(void **state)
{
    (void)state;
    dir = test_dir();
    setenv(VARIABLE, dir, 1);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    setenv(VARIABLE, "off", 1);
    free(dir);
    return 0;
}

static void test_the_second_process_needs_no_compiler(void **state)
{
    (void)state;
    sandbox_only_here("a daemon keeps no files");
    assert_int_equal(elsewhere(false), REFUSED);
    assert_int_equal(elsewhere(true), WALLED);
    assert_int_equal(elsewhere(false), WALLED);
    setenv(VARIABLE, "off", 1);
    assert_int_equal(elsewhere(false), REFUSED);
}

/* All programs allow everything: by every answer in the file that refuses something. */
static void open_up(char *data, size_t len)
{
    static const char allow[] = {0x06, 0, 0, 0, 0, 0, (char)0xff, 0x7f};

    for (size_t i = len - 8 - (len - 8) % 8; i >= 8; i -= 8)
        if (memcmp(data + i, allow, 4) == 0)
            memcpy(data + i, allow, 8);
}

static void test_a_file_that_was_changed_opens_nothing(void **state)
{
    char path[400];
    size_t len;

    (void)state;
    sandbox_only_here("a daemon keeps no files");
    assert_int_equal(elsewhere(true), WALLED);
    find_file(path, sizeof(path));
    AUTO_FREE char *good = test_read(path, &len);
    AUTO_FREE char *bad = malloc(len);

    memcpy(bad, good, len);
    open_up(bad, len);
    test_write(path, bad, len, 0600);
    assert_int_equal(elsewhere(false), REFUSED);
    assert_int_equal(elsewhere(true), WALLED);
    assert_int_equal(elsewhere(false), WALLED);
    test_write(path, good, len / 2, 0600);
    assert_int_equal(elsewhere(false), REFUSED);
    test_write(path, good, len, 0666);
    assert_int_equal(elsewhere(false), REFUSED);
    test_write(path, good, len, 0600);
    assert_int_equal(elsewhere(false), WALLED);
    chmod(dir, 0777);
    assert_int_equal(elsewhere(false), REFUSED);
    assert_int_equal(elsewhere(true), WALLED);
}

/* The directory is not there for a task under a shipped policy. */
static void test_a_task_does_not_reach_them(void **state)
{
    char path[400], verbs[900];

    (void)state;
    sandbox_only_here("a daemon keeps no files");
    assert_int_equal(elsewhere(true), WALLED);
    find_file(path, sizeof(path));
    snprintf(verbs, sizeof(verbs), "write %s x", path);
    for (const char *const *policy = sandbox_policies(); *policy; policy++) {
        struct sandbox box;

        if (strcmp(*policy, "open") == 0)
            continue;
        sandbox_init(&box);
        box.options.policy = *policy;
        sandbox_probe(&box, verbs);
        sandbox_says_one(box.out, path, "ENOENT EACCES EROFS EPERM");
        sandbox_done(&box);
    }
    assert_int_equal(elsewhere(false), WALLED);
}

#define with_dir(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_dir(test_the_second_process_needs_no_compiler),
        with_dir(test_a_file_that_was_changed_opens_nothing),
        with_dir(test_a_task_does_not_reach_them),
    };

    return sandbox_test_run(tests);
}
