/* SPDX-License-Identifier: Apache-2.0 */
/* A task has the descriptors it was given, and no other, however it was started. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

static const char three_pipes[] = "0 pipe r\n1 pipe w\n2 pipe w\n";

static void test_spawn_has_three_pipes(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "fds", 0);
    assert_string_equal(box.out, three_pipes);
    sandbox_done(&box);
}

static void test_every_policy_gives_the_same(void **state)
{
    (void)state;
    for (const char *const *name = sandbox_policies(); *name; name++) {
        char *out = sandbox_output(*name, "fds");

        assert_string_equal(out, three_pipes);
        free(out);
    }
}

static void test_fork_adds_the_channel(void **state)
{
    const struct crib_stdio stdio[] = {
        {.kind = CRIB_NULL}, {.kind = CRIB_PIPE}, {.kind = CRIB_PIPE}};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.fork = true;
    box.options.stdio = stdio;
    box.options.stdio_count = 3;
    sandbox_expect(&box, "fds , env", 0);
    test_contains(box.out, "1 pipe w\n2 pipe w\n3 socket rw\n");
    test_contains(box.out, "CRIB_CHANNEL_FD=3\n");
    assert_null(strstr(box.out, "\n4 "));
    sandbox_done(&box);
}

static void test_blocking_forms_have_three(void **state)
{
    const char *const args[] = {"fds", NULL};
    struct crib_sync sync;
    uv_loop_t loop;
    crib *ex;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(crib_open(&ex, &loop, sandbox_address(), NULL), 0);
    assert_int_equal(
        crib_exec_file_sync(ex, sandbox_probe_path(), args, NULL, 0, NULL, &sync, NULL), 0);
    test_contains(sync.out, "0 chr ");
    test_contains(sync.out, "\n1 pipe w\n2 pipe w\n");
    assert_null(strstr(sync.out, "\n3 "));
    crib_sync_done(&sync);
    crib_close(ex, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* Descriptors without CLOEXEC, of every kind, as a careless host program has them. */
static void test_the_parents_descriptors_stay_outside(void **state)
{
    struct sandbox box;
    int fds[300];

    (void)state;
    for (int i = 0; i < 300; i++) {
        fds[i] = open(i % 3 ? "/" : "/dev/null", O_RDONLY);
        assert_true(fds[i] >= 0);
    }
    sandbox_init(&box);
    sandbox_expect(&box, "fds", 0);
    assert_string_equal(box.out, three_pipes);
    box.options.policy = "open";
    sandbox_expect(&box, "fds", 0);
    assert_string_equal(box.out, three_pipes);
    sandbox_done(&box);
    for (int i = 0; i < 300; i++)
        close(fds[i]);
}

struct gap {
    int missing; /* bit i: fd i is closed */
    int kept[3];
};

static void close_standard(struct sandbox *box, bool start)
{
    struct gap *gap = box->user;

    for (int i = 0; i < 3; i++)
        if (start)
            gap->kept[i] = fd_copy(i, 100);
    for (int i = 0; i < 3; i++) {
        if (start && gap->missing >> i & 1)
            close(i);
        if (!start && gap->missing >> i & 1)
            dup2(gap->kept[i], i);
        if (!start)
            close(gap->kept[i]);
    }
}

/* A daemon that closed everything: new fds then land on 0 to 2. */
static void test_parent_without_standard_descriptors(void **state)
{
    struct sandbox box;
    struct gap gap;

    (void)state;
    sandbox_init(&box);
    box.around = close_standard;
    box.user = &gap;
    for (gap.missing = 1; gap.missing < 8; gap.missing++) {
        sandbox_probe(&box, "fds , copy");
        assert_int_equal(box.code, 0);
        assert_string_equal(box.out, three_pipes);
        assert_int_equal(box.result.status, 0);
    }
    sandbox_done(&box);
}

/* In a process of its own, since libuv ends the process when it gets hold of these numbers. */
static int run_without_standard(void)
{
    const char *const args[] = {"fds", NULL};
    struct crib_sync sync;
    uv_loop_t loop;
    crib *ex;

    if (uv_loop_init(&loop) < 0 || crib_open(&ex, &loop, sandbox_address(), NULL) < 0)
        return 10;
    for (int i = 0; i < 3; i++)
        close(i);
    if (crib_exec_file_sync(ex, sandbox_probe_path(), args, NULL, 0, NULL, &sync, NULL) < 0)
        return 11;
    if (!strstr(sync.out, "\n1 pipe w\n2 pipe w\n") || strstr(sync.out, "\n3 "))
        return 12;
    for (int i = 0; i < 3; i++)
        if (fcntl(i, F_GETFD) >= 0)
            return 13;
    return 0;
}

static void test_blocking_call_without_standard_descriptors(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        _exit(run_without_standard());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* What is inherited and not there is the null device. */
static void test_inheriting_what_is_closed(void **state)
{
    const struct crib_stdio stdio[] = {
        {.kind = CRIB_INHERIT}, {.kind = CRIB_PIPE}, {.kind = CRIB_INHERIT}};
    struct gap gap = {.missing = 7};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.around = close_standard;
    box.user = &gap;
    box.options.stdio = stdio;
    box.options.stdio_count = 3;
    sandbox_expect(&box, "fds", 0);
    test_contains(box.out, "0 chr ");
    test_contains(box.out, "1 pipe w\n2 chr ");
    assert_null(strstr(box.out, "\n3 "));
    sandbox_done(&box);
}

static long size_of(int fd)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    return (long)st.st_size;
}

static int temporary(void)
{
    char *dir = test_dir();
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    free(dir);
    return fd;
}

static void test_swapped_output(void **state)
{
    struct crib_stdio stdio[] = {{.kind = CRIB_NULL}, {.kind = CRIB_FD}, {.kind = CRIB_FD}};
    int one = temporary(), two = temporary(), kept1, kept2;
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.stdio = stdio;
    box.options.stdio_count = 3;
    stdio[1].from = 2;
    stdio[2].from = 1;
    fflush(NULL);
    kept1 = fd_copy(1, 100);
    kept2 = fd_copy(2, 100);
    dup2(one, 1);
    dup2(two, 2);
    sandbox_probe(&box, "spam 1 3 , spam 2 5");
    dup2(kept1, 1);
    dup2(kept2, 2);
    close(kept1);
    close(kept2);
    assert_int_equal(box.result.verdict, CRIB_EXITED);
    assert_int_equal(size_of(two), 3);
    assert_int_equal(size_of(one), 5);
    close(one);
    close(two);
    sandbox_done(&box);
}

/* Numbers that are each other's, far apart, and many. */
static void test_rotated_descriptors(void **state)
{
    struct crib_stdio stdio[64] = {{.kind = CRIB_NULL}};
    struct sandbox box;
    int file[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        file[i] = temporary();
        assert_int_equal(ftruncate(file[i], 1 + i), 0);
    }
    for (int i = 0; i < 64; i++)
        stdio[i].kind = CRIB_NULL;
    stdio[1].kind = stdio[2].kind = CRIB_PIPE;
    for (int i = 0; i < 3; i++) {
        /* Inside, each number is taken by the file whose number outside is the next one's. */
        assert_true(file[i] > 2 && file[i] < 64);
        stdio[file[i]].kind = CRIB_FD;
        stdio[file[i]].from = file[(i + 1) % 3];
    }
    sandbox_init(&box);
    box.options.stdio = stdio;
    box.options.stdio_count = 64;
    for (int i = 0; i < 3; i++) {
        char verbs[128];

        snprintf(verbs, sizeof(verbs), "stat /proc/self/fd/%d , fds , spam %d %d", file[i], file[i],
                 10 + i);
        sandbox_expect(&box, verbs, 0);
        for (int fd = 0; fd < 64; fd++) {
            char start[32];

            snprintf(start, sizeof(start), "%s%d ", fd ? "\n" : "", fd);
            test_contains(strstr(box.out, "0 "), fd ? start : "0 ");
        }
        assert_null(strstr(box.out, "\n64 "));
        assert_int_equal(size_of(file[(i + 1) % 3]), 10 + i);
    }
    sandbox_done(&box);
    for (int i = 0; i < 3; i++)
        close(file[i]);
}

static void test_highest_numbers_of_the_parent(void **state)
{
    struct crib_stdio stdio[] = {{.kind = CRIB_NULL}, {.kind = CRIB_PIPE}, {.kind = CRIB_FD}};
    int file = temporary(), high;
    struct sandbox box;
    struct rlimit limit;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &limit);
    high = dup3(file, (int)limit.rlim_cur - 1, O_CLOEXEC);
    assert_true(high >= 0);
    stdio[2].from = high;
    sandbox_init(&box);
    box.options.stdio = stdio;
    box.options.stdio_count = 3;
    sandbox_expect(&box, "fds , spam 2 9", 0);
    assert_int_equal(size_of(file), 9);
    sandbox_done(&box);
    close(file);
    close(high);
}

/* A grandchild gets no more than its parent had. */
static void test_nothing_more_after_a_second_exec(void **state)
{
    char verbs[4200];
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    snprintf(verbs, sizeof(verbs), "exec %s fds", sandbox_probe_path());
    sandbox_expect(&box, verbs, 0);
    assert_string_equal(box.out, three_pipes);
    sandbox_done(&box);
}

/* The links say what the numbers are: two anonymous pipes and the null device, no path of the host.
 */
static void test_what_the_links_say(void **state)
{
    struct sandbox box;
    const char *line;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "fdlinks", 0);
    for (int fd = 0; fd < 3; fd++) {
        char key[8];

        snprintf(key, sizeof(key), "%d", fd);
        line = sandbox_line(box.out, key);
        assert_non_null(line);
        test_contains(line, "pipe:[");
    }
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spawn_has_three_pipes),
        cmocka_unit_test(test_every_policy_gives_the_same),
        cmocka_unit_test(test_fork_adds_the_channel),
        cmocka_unit_test(test_blocking_forms_have_three),
        cmocka_unit_test(test_the_parents_descriptors_stay_outside),
        cmocka_unit_test(test_parent_without_standard_descriptors),
        cmocka_unit_test(test_inheriting_what_is_closed),
        cmocka_unit_test(test_blocking_call_without_standard_descriptors),
        cmocka_unit_test(test_swapped_output),
        cmocka_unit_test(test_rotated_descriptors),
        cmocka_unit_test(test_highest_numbers_of_the_parent),
        cmocka_unit_test(test_nothing_more_after_a_second_exec),
        cmocka_unit_test(test_what_the_links_say),
    };

    return sandbox_test_run(tests);
}
