/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks joined by kernel pipes: no byte passes through the parent. */
#include "sandbox/live.h"

#include <errno.h>
#include <signal.h>

/* Starts `/bin/sh -c LINE` with its stdin joined to @from. Return: as crib_spawn(). */
static int join(struct live *live, struct live_task *task, const char *line, crib_stream *from,
                struct crib_error *error)
{
    const char *const args[] = {"-c", line, NULL};
    struct crib_stdio stdio[] = {{CRIB_STREAM, .stream = from}, {CRIB_PIPE}, {CRIB_PIPE}};

    task->options.stdio = stdio;
    task->options.stdio_count = 3;
    return crib_spawn(live->ex, "/bin/sh", args, &task->options, &task->task, error);
}

static void ps_and_grep(void **state)
{
    const char *const args[] = {"ax", NULL};
    struct live live;
    struct live_task ps, grep;
    crib_stream *pipe;

    (void)state;
    live_open(&live);
    live_task(&ps);
    live_task(&grep);
    assert_int_equal(crib_spawn(live.ex, "ps", args, &ps.options, &ps.task, NULL), 0);
    pipe = crib_task_stream(ps.task, 1);
    assert_int_equal(join(&live, &grep, "grep 'ps ax'", pipe, NULL), 0);
    assert_null(crib_task_stream(ps.task, 1));
    assert_int_equal(crib_stream_read_start(pipe, live_on_data, &ps), -EBADF);
    live_read(&grep);
    live_run(&live);
    live_says(&ps, "spawn exit close ");
    live_says(&grep, "spawn exit close ");
    assert_int_equal(ps.result.status, 0);
    assert_int_equal(grep.result.status, 0);
    buf_append(&grep.out, "", 1);
    test_contains((char *)grep.out.data, "ps ax\n");
    buf_done(&grep.out);
    live_close(&live);
}

/* Bytes that this thread has read and written; the process's count has those of reaped children
 * too. */
static unsigned long long bytes_passed(void)
{
    char *text = test_read("/proc/thread-self/io", NULL), *at;
    unsigned long long sum = 0;

    for (const char *key = "rchar: "; key; key = strcmp(key, "rchar: ") == 0 ? "wchar: " : NULL) {
        at = strstr(text, key);
        assert_non_null(at);
        sum += strtoull(at + strlen(key), NULL, 10);
    }
    free(text);
    return sum;
}

static void no_byte_passes_through_the_parent(void **state)
{
    struct live live;
    struct live_task first, second, third;
    unsigned long long before;

    (void)state;
    live_open(&live);
    live_task(&first);
    live_task(&second);
    live_task(&third);
    before = bytes_passed();
    live_shell(&live, &first, "head -c 100000000 /dev/zero");
    assert_int_equal(join(&live, &second, "tr '\\0' x", crib_task_stream(first.task, 1), NULL), 0);
    assert_int_equal(join(&live, &third, "wc -c", crib_task_stream(second.task, 1), NULL), 0);
    live_read(&third);
    live_run(&live);
    assert_true(bytes_passed() - before < 10000000);
    assert_int_equal(first.result.status, 0);
    assert_int_equal(second.result.status, 0);
    live_wrote(&third, "100000000\n");
    live_close(&live);
}

static void the_reader_leaves_first(void **state)
{
    struct live live;
    struct live_task writer, reader;

    (void)state;
    live_open(&live);
    live_task(&writer);
    live_task(&reader);
    live_shell(&live, &writer, "exec cat /dev/zero");
    assert_int_equal(
        join(&live, &reader, "head -c 3 | wc -c", crib_task_stream(writer.task, 1), NULL), 0);
    live_read(&reader);
    live_run(&live);
    live_wrote(&reader, "3\n");
    assert_int_equal(writer.result.verdict, CRIB_SIGNALED);
    assert_int_equal(writer.result.signal, SIGPIPE);
    live_close(&live);
}

/* The other way: a task writes into the stdin of one that runs already. */
static void into_the_stdin_of_another(void **state)
{
    struct live live;
    struct live_task reader, writer;
    struct crib_stdio stdio[] = {{CRIB_NULL}, {CRIB_STREAM}, {CRIB_STREAM}};
    const char *const args[] = {"-c", "echo one; echo two >&2", NULL};

    (void)state;
    live_open(&live);
    live_task(&reader);
    live_task(&writer);
    live_shell(&live, &reader, "cat");
    stdio[1].stream = stdio[2].stream = crib_task_stream(reader.task, 0);
    writer.options.stdio = stdio;
    writer.options.stdio_count = 3;
    assert_int_equal(crib_spawn(live.ex, "/bin/sh", args, &writer.options, &writer.task, NULL), 0);
    live_read(&reader);
    live_run(&live);
    live_wrote(&reader, "one\ntwo\n");
    live_close(&live);
}

static void differently_confined(void **state)
{
    struct live live;
    struct live_task writer, reader;

    (void)state;
    live_open(&live);
    live_task(&writer);
    live_task(&reader);
    writer.options.policy = "shell";
    live_shell(&live, &writer, "echo through");
    reader.options.policy = "default";
    assert_int_equal(join(&live, &reader, "cat", crib_task_stream(writer.task, 1), NULL), 0);
    live_read(&reader);
    live_run(&live);
    live_wrote(&reader, "through\n");
    live_close(&live);
}

static void a_stream_in_use_is_refused(void **state)
{
    struct crib_error error;
    struct live live;
    struct live_task writer, reader;

    (void)state;
    live_open(&live);
    live_task(&writer);
    live_task(&reader);
    live_shell(&live, &writer, "echo kept");
    live_read(&writer);
    assert_int_equal(join(&live, &reader, "cat", crib_task_stream(writer.task, 1), &error), -EBUSY);
    live_run(&live);
    live_says(&reader, "");
    live_wrote(&writer, "kept\n");
    live_close(&live);
}

static void a_join_that_fails_leaves_the_stream(void **state)
{
    struct crib_error error;
    struct live live;
    struct live_task writer, reader;

    (void)state;
    live_open(&live);
    live_task(&writer);
    live_task(&reader);
    live_shell(&live, &writer, "echo kept");
    reader.options.policy = "/no/such/policy.yaml";
    assert_int_equal(join(&live, &reader, "cat", crib_task_stream(writer.task, 1), &error),
                     -ENOENT);
    live_read(&writer);
    live_run(&live);
    live_wrote(&writer, "kept\n");
    live_close(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ps_and_grep),
        cmocka_unit_test(no_byte_passes_through_the_parent),
        cmocka_unit_test(the_reader_leaves_first),
        cmocka_unit_test(into_the_stdin_of_another),
        cmocka_unit_test(differently_confined),
        cmocka_unit_test(a_stream_in_use_is_refused),
        cmocka_unit_test(a_join_that_fails_leaves_the_stream),
    };

    return sandbox_test_run(tests);
}
