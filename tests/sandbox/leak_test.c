/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 1,200 starts leave fds, memory, processes and mounts as they were; 10,000 under
 * CRIB_TESTS_LONG=1. Where the same is run again, sanitized, as an ordinary id or under a daemon,
 * 400 do.
 */
#include "sandbox/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

struct amounts {
    int fds;
    long pages; /* resident */
    int children;
    size_t mounts; /* bytes of the table */
};

static long resident(void)
{
    char *text = test_read("/proc/self/statm", NULL);
    long size = 0, pages = 0;

    assert_int_equal(sscanf(text, "%ld %ld", &size, &pages), 2);
    free(text);
    return pages;
}

static int children(void)
{
    char path[64], *text;
    int count = 0;

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    if (access(path, R_OK) < 0)
        return 0;
    text = test_read(path, NULL);
    for (char *c = text; *c; c++)
        count += *c == ' ';
    free(text);
    return count;
}

static struct amounts measure(void)
{
    struct amounts now = {.fds = test_count_fds(getpid()), .pages = resident(), .children = children()};

    free(test_read("/proc/self/mountinfo", &now.mounts));
    return now;
}

static bool sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return true; /* what was freed stays in quarantine */
#else
    return false;
#endif
}

static int rounds(void)
{
    const char *text = getenv("CRIB_TESTS_LONG");

    if (text && strcmp(text, "1") == 0)
        return 10000;
    return sandbox_privileged() && !sanitized() && !getenv("CRIB_TEST_ADDRESS") ? 1200 : 400;
}

static void compare(const struct amounts *before, const struct amounts *after)
{
    assert_int_equal(before->fds, after->fds);
    assert_int_equal(before->children, after->children);
    assert_int_equal(before->mounts, after->mounts);
    /* A leak of 1 KiB a start would be 300 pages after 1,200. */
    if (!sanitized() && after->pages > before->pages + 200)
        fail_msg("%ld pages before, %ld after", before->pages, after->pages);
}

static void many(crib *ex, int count, const char *verb, const char *argument)
{
    const char *const args[] = {verb, argument, NULL};

    for (int i = 0; i < count; i++) {
        struct crib_error err = {0};
        struct crib_sync sync;
        char text[1024];

        if (crib_exec_file_sync(ex, sandbox_probe_path(), args, NULL, 0, NULL, &sync, &err) < 0)
            fail_msg("start %d: %s", i, crib_error_text(&err, text, sizeof(text)));
        assert_int_equal(sync.result.verdict, CRIB_EXITED);
        crib_sync_done(&sync);
    }
}

static void test_plain_starts_leave_nothing(void **state)
{
    struct amounts before, after;
    uv_loop_t loop;
    crib *ex;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(crib_open(&ex, &loop, sandbox_address(), NULL), 0);
    many(ex, 50, "exit", "0");
    before = measure();
    many(ex, rounds(), "exit", "0");
    after = measure();
    compare(&before, &after);
    crib_close(ex, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* With output, denials, a channel, input, binds, death by a signal, by us, by a limit, and
 * failures. */
static void run_one(int kind)
{
    struct crib_bind grant = {.source = "/etc", .target = "/box"};
    struct sandbox box;

    sandbox_init(&box);
    switch (kind) {
    case 0:
        sandbox_probe(&box, "spam 1 200000 , spam 2 1000 , copy");
        break;
    case 1:
        sandbox_probe(&box, "repeat 20 169 , syscall 41 2 1 0");
        break;
    case 2:
        box.fork = true;
        box.options.stdio = (const struct crib_stdio[]){
            {.kind = CRIB_NULL}, {.kind = CRIB_PIPE}, {.kind = CRIB_PIPE}};
        box.options.stdio_count = 3;
        sandbox_probe(&box, "exit 0");
        break;
    case 3:
        box.options.binds = &grant;
        box.options.bind_count = 1;
        sandbox_probe(&box, "raise 9");
        break;
    case 4:
        box.options.timeout_ms = 20;
        sandbox_probe(&box, "sleep 100000");
        break;
    case 5:
        sandbox_run(&box, "/nonexistent", NULL);
        break;
    case 6:
        box.options.cwd = "/nonexistent";
        sandbox_probe(&box, "exit 0");
        break;
    case 7:
        sandbox_run(&box, "no-such-name", NULL);
        break;
    case 8:
        grant.source = "/nonexistent";
        box.options.binds = &grant;
        box.options.bind_count = 1;
        sandbox_probe(&box, "exit 0");
        break;
    default:
        box.rules = "extends: [default]\nsyscalls: {kill: [reboot]}\n";
        sandbox_probe(&box, "orphan 100 , syscall 169");
        break;
    }
    sandbox_done(&box);
}

static void test_every_kind_of_end_leaves_nothing(void **state)
{
    struct amounts before, after;

    (void)state;
    for (int i = 0; i < 30; i++)
        run_one(i % 10);
    before = measure();
    for (int i = 0; i < rounds() / 2; i++)
        run_one(i % 10);
    after = measure();
    compare(&before, &after);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* Executors come and go. */
static void test_executors_leave_nothing(void **state)
{
    struct amounts before = {0}, after;

    (void)state;
    for (int i = 0; i < 220; i++) {
        uv_loop_t loop;
        crib *ex;

        assert_int_equal(uv_loop_init(&loop), 0);
        assert_int_equal(crib_open(&ex, &loop, sandbox_address(), NULL), 0);
        if (i % 2)
            many(ex, 1, "exit", "0");
        crib_close(ex, NULL, NULL);
        uv_run(&loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&loop), 0);
        if (i == 20)
            before = measure();
    }
    after = measure();
    compare(&before, &after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_starts_leave_nothing),
        cmocka_unit_test(test_every_kind_of_end_leaves_nothing),
        cmocka_unit_test(test_executors_leave_nothing),
    };

    return sandbox_test_run(tests);
}
