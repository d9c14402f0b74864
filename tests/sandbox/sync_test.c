/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking forms. */
#include "sandbox/live.h"

#include <errno.h>
#include <signal.h>

static void lines(void **state)
{
    struct crib_sync sync;
    struct live live;

    (void)state;
    live_open(&live);
    assert_int_equal(
        crib_exec_sync(live.ex, "echo out; echo err >&2; exit 6", NULL, 0, NULL, &sync, NULL), 0);
    assert_true(sync.pid > 0);
    assert_string_equal(sync.out, "out\n");
    assert_int_equal(sync.out_len, 4);
    assert_string_equal(sync.err, "err\n");
    assert_int_equal(sync.result.verdict, CRIB_EXITED);
    assert_int_equal(sync.result.status, 6);
    assert_int_equal(sync.error.code, -ECHILD);
    crib_sync_done(&sync);
    assert_int_equal(crib_exec_sync(live.ex, "true", NULL, 0, NULL, &sync, NULL), 0);
    assert_int_equal(sync.error.code, 0);
    assert_string_equal(sync.out, "");
    crib_sync_done(&sync);
    live_close(&live);
}

static void input_is_written_and_closed(void **state)
{
    enum { SIZE = 3 << 20 };
    const char *const no_args[] = {NULL};
    char *data = malloc(SIZE);
    struct crib_options options;
    struct crib_sync sync;
    struct live live;

    (void)state;
    for (int i = 0; i < SIZE; i++)
        data[i] = (char)(i * 31 + i / 257);
    crib_options_init(&options);
    options.max_buffer = SIZE;
    live_open(&live);
    assert_int_equal(
        crib_exec_file_sync(live.ex, "cat", no_args, data, SIZE, &options, &sync, NULL), 0);
    assert_int_equal(sync.error.code, 0);
    assert_int_equal(sync.out_len, SIZE);
    assert_memory_equal(sync.out, data, SIZE);
    crib_sync_done(&sync);
    /* An empty input is one, and its end comes at once. */
    assert_int_equal(crib_exec_sync(live.ex, "wc -c", "", 0, NULL, &sync, NULL), 0);
    assert_string_equal(sync.out, "0\n");
    crib_sync_done(&sync);
    /* So is none: nobody waits at a terminal. */
    assert_int_equal(crib_exec_sync(live.ex, "wc -c", NULL, 0, NULL, &sync, NULL), 0);
    assert_string_equal(sync.out, "0\n");
    crib_sync_done(&sync);
    /* Nobody reads it: no harm done. */
    assert_int_equal(crib_exec_sync(live.ex, "exit 0", data, SIZE, NULL, &sync, NULL), 0);
    assert_int_equal(sync.error.code, 0);
    crib_sync_done(&sync);
    free(data);
    live_close(&live);
}

static void how_it_may_end(void **state)
{
    struct crib_options options;
    struct crib_sync sync;
    struct live live;

    (void)state;
    live_open(&live);
    crib_options_init(&options);
    options.timeout_ms = 100;
    assert_int_equal(crib_exec_sync(live.ex, "exec sleep 100", NULL, 0, &options, &sync, NULL), 0);
    assert_int_equal(sync.error.code, -ETIMEDOUT);
    assert_int_equal(sync.result.verdict, CRIB_WALL_TIMEOUT);
    crib_sync_done(&sync);
    crib_options_init(&options);
    options.max_buffer = 4;
    assert_int_equal(crib_exec_sync(live.ex, "echo 12345", NULL, 0, &options, &sync, NULL), 0);
    assert_int_equal(sync.error.code, -ENOBUFS);
    assert_string_equal(sync.out, "1234");
    crib_sync_done(&sync);
    assert_int_equal(crib_spawn_sync(live.ex, "no-such", NULL, NULL, 0, NULL, &sync, NULL), 0);
    assert_int_equal(sync.error.code, -ENOENT);
    assert_int_equal(sync.result.verdict, CRIB_SETUP_FAILED);
    assert_string_equal(sync.out, "");
    crib_sync_done(&sync);
    live_close(&live);
}

static void refused(void **state)
{
    struct crib_stdio stdio[4] = {{CRIB_NULL}, {CRIB_PIPE}, {CRIB_NULL}, {CRIB_CHANNEL}};
    struct crib_options options;
    struct crib_error error;
    struct crib_sync sync;
    struct live live;

    (void)state;
    live_open(&live);
    crib_options_init(&options);
    options.stdio = stdio;
    options.stdio_count = 3;
    assert_int_equal(crib_exec_sync(live.ex, "true", NULL, 0, &options, &sync, &error), -EINVAL);
    assert_int_equal(crib_spawn_sync(live.ex, "cat", NULL, "x", 1, &options, &sync, &error),
                     -EINVAL);
    options.stdio_count = 4;
    assert_int_equal(crib_spawn_sync(live.ex, "cat", NULL, NULL, 0, &options, &sync, &error),
                     -EINVAL);
    assert_int_equal(error.index, 3);
    stdio[3].kind = CRIB_PIPE;
    assert_int_equal(crib_spawn_sync(live.ex, "cat", NULL, NULL, 0, &options, &sync, &error),
                     -EINVAL);
    options.stdio_count = 3;
    options.detached = true;
    assert_int_equal(crib_spawn_sync(live.ex, "cat", NULL, NULL, 0, &options, &sync, &error),
                     -EINVAL);
    assert_int_equal(crib_spawn_sync(live.ex, "/none", NULL, NULL, 0, NULL, &sync, &error),
                     -ENOENT);
    live_close(&live);
}

static void with_descriptors_of_ones_own(void **state)
{
    struct crib_stdio stdio[] = {{CRIB_PIPE}, {CRIB_PIPE}, {CRIB_NULL}};
    const char *const args[] = {"-c", "cat; echo lost >&2", NULL};
    struct crib_options options;
    struct crib_sync sync;
    struct live live;

    (void)state;
    live_open(&live);
    crib_options_init(&options);
    options.stdio = stdio;
    options.stdio_count = 3;
    assert_int_equal(crib_spawn_sync(live.ex, "/bin/sh", args, "given", 5, &options, &sync, NULL),
                     0);
    assert_string_equal(sync.out, "given");
    assert_string_equal(sync.err, "");
    crib_sync_done(&sync);
    live_close(&live);
}

static void block(struct live_task *task, const char *word)
{
    struct live *live = task->user;
    struct crib_sync sync;

    if (strcmp(word, "spawn") != 0)
        return;
    assert_int_equal(
        crib_exec_sync(live->ex, "sleep 0.3; echo inner", NULL, 0, &task->options, &sync, NULL), 0);
    assert_string_equal(sync.out, "inner\n");
    crib_sync_done(&sync);
}

/* The options' events are not for the blocking forms, and the executor's other tasks are not lost.
 */
static void within_a_callback(void **state)
{
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    task.then = block;
    task.user = &live;
    live_shell(&live, &task, "echo outer");
    live_read(&task);
    live_run(&live);
    live_says(&task, "spawn exit close ");
    live_wrote(&task, "outer\n");
    live_close(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(input_is_written_and_closed),
        cmocka_unit_test(how_it_may_end),
        cmocka_unit_test(refused),
        cmocka_unit_test(with_descriptors_of_ones_own),
        cmocka_unit_test(within_a_callback),
    };

    return sandbox_test_run(tests);
}
