/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines and programs with their output collected. */
#include "sandbox/live.h"

#include <errno.h>
#include <signal.h>

/* What the callback was told. */
struct told {
    int times;
    struct crib_error error; /* code 0: none */
    char *out, *err;
    size_t out_len, err_len;
    struct crib_result result;
};

static char *keep(const char *text, size_t len)
{
    char *copy = malloc(len + 1);

    assert_non_null(copy);
    assert_int_equal(text[len], '\0');
    memcpy(copy, text, len + 1);
    return copy;
}

static void on_done(crib_task *task, const struct crib_error *error, const char *out,
                    size_t out_len, const char *err, size_t err_len, void *data)
{
    struct told *told = data;

    told->times++;
    if (error)
        told->error = *error;
    told->out = keep(out, out_len);
    told->err = keep(err, err_len);
    told->out_len = out_len;
    told->err_len = err_len;
    told->result = *crib_task_result(task);
    sandbox_mark_prepared(task);
}

static void forget(struct told *told)
{
    free(told->out);
    free(told->err);
    memset(told, 0, sizeof(*told));
}

/* Runs one line with options of the caller's choice. */
static void run(const char *line, struct crib_options *options, struct told *told)
{
    struct crib_options defaults;
    struct crib_error error;
    crib_task *task = NULL;
    struct live live;
    char text[1024];

    memset(told, 0, sizeof(*told));
    crib_options_init(&defaults);
    options = options ? options : &defaults;
    options->data = told;
    live_open(&live);
    sandbox_prepare(live.ex, "/bin/sh", (const char *const[]){"-c", line, NULL}, options, false);
    if (crib_exec(live.ex, line, options, on_done, &task, &error) < 0)
        fail_msg("%s", crib_error_text(&error, text, sizeof(text)));
    assert_true(crib_task_pid(task) > 0);
    assert_int_equal(told->times, 0);
    live_run(&live);
    assert_int_equal(told->times, 1);
    live_close(&live);
}

static void a_line_through_the_shell(void **state)
{
    struct told told;

    (void)state;
    run("echo \"$((6 * 7))\" | tr 4 5; echo oops >&2", NULL, &told);
    assert_int_equal(told.error.code, 0);
    assert_string_equal(told.out, "52\n");
    assert_string_equal(told.err, "oops\n");
    assert_int_equal(told.result.verdict, CRIB_EXITED);
    forget(&told);
    run("uptime", NULL, &told);
    assert_int_equal(told.error.code, 0);
    test_contains(told.out, "load average");
    forget(&told);
}

static void an_exit_status_is_an_error(void **state)
{
    struct told told;

    (void)state;
    run("echo before; exit 3", NULL, &told);
    assert_int_equal(told.error.code, -ECHILD);
    test_contains(told.error.detail, "status 3");
    assert_int_equal(told.result.status, 3);
    assert_string_equal(told.out, "before\n");
    forget(&told);
    run("no-such-command-anywhere", NULL, &told);
    assert_int_equal(told.result.status, 127);
    forget(&told);
    run("kill -SEGV $$", NULL, &told);
    assert_int_equal(told.error.code, -ECHILD);
    assert_int_equal(told.result.signal, SIGSEGV);
    forget(&told);
}

static void output_is_cut_to_the_byte(void **state)
{
    static const size_t caps[] = {1, 1000, 65536, 100001};
    struct crib_options options;
    struct told told;

    (void)state;
    for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
        crib_options_init(&options);
        options.max_buffer = caps[i];
        run("yes 123456789 | head -c 3000000; sleep 100", &options, &told);
        assert_int_equal(told.error.code, -ENOBUFS);
        assert_int_equal(told.out_len, caps[i]);
        assert_int_equal(told.result.verdict, CRIB_OUTPUT);
        for (size_t at = 0; at < told.out_len; at++)
            assert_int_equal(told.out[at], "123456789\n"[at % 10]);
        forget(&told);
    }
}

static void each_output_has_its_cap(void **state)
{
    struct crib_options options;
    struct told told;

    (void)state;
    crib_options_init(&options);
    options.max_buffer = 10;
    run("printf 0123456789; printf abcdefghijklm >&2", &options, &told);
    assert_int_equal(told.error.code, -ENOBUFS);
    assert_string_equal(told.out, "0123456789");
    assert_string_equal(told.err, "abcdefghij");
    /* Though it may well have ended before its output was looked at. */
    assert_int_equal(told.result.verdict, CRIB_OUTPUT);
    forget(&told);
    run("printf 0123456789; printf abc >&2", &options, &told);
    assert_int_equal(told.error.code, 0);
    forget(&told);
}

static void a_mebibyte_unless_said_otherwise(void **state)
{
    struct told told;

    (void)state;
    run("head -c 1048576 /dev/zero", NULL, &told);
    assert_int_equal(told.error.code, 0);
    assert_int_equal(told.out_len, 1048576);
    forget(&told);
    run("head -c 1048577 /dev/zero", NULL, &told);
    assert_int_equal(told.error.code, -ENOBUFS);
    assert_int_equal(told.out_len, 1048576);
    forget(&told);
}

static void too_much_from_one_that_will_not_leave(void **state)
{
    struct crib_options options;
    struct told told;

    (void)state;
    crib_options_init(&options);
    options.max_buffer = 5;
    run("trap '' TERM PIPE; while :; do echo much; done", &options, &told);
    assert_int_equal(told.error.code, -ENOBUFS);
    assert_int_equal(told.out_len, 5);
    assert_int_equal(told.result.signal, SIGKILL);
    forget(&told);
}

static void time_runs_out(void **state)
{
    struct crib_options options;
    struct told told;

    (void)state;
    crib_options_init(&options);
    options.timeout_ms = 1000;
    run("echo started; exec sleep 100", &options, &told);
    assert_int_equal(told.error.code, -ETIMEDOUT);
    assert_string_equal(told.out, "started\n");
    assert_int_equal(told.result.verdict, CRIB_WALL_TIMEOUT);
    forget(&told);
}

static void abort_it(crib_task *task, void *data)
{
    (void)data;
    assert_int_equal(crib_task_abort(task), 0);
}

static void aborted(void **state)
{
    struct crib_options options;
    struct told told;

    (void)state;
    crib_options_init(&options);
    options.on.spawn = abort_it;
    run("exec sleep 100", &options, &told);
    assert_int_equal(told.error.code, -ECANCELED);
    assert_int_equal(told.result.verdict, CRIB_KILLED);
    forget(&told);
}

static void a_program_without_a_shell(void **state)
{
    const char *const args[] = {"%s|", "a b", "$HOME", "*", "", "'\"", NULL};
    struct crib_options options;
    struct told told = {0};
    struct live live;

    (void)state;
    crib_options_init(&options);
    options.data = &told;
    live_open(&live);
    assert_int_equal(crib_exec_file(live.ex, "printf", args, &options, on_done, NULL, NULL), 0);
    live_run(&live);
    assert_string_equal(told.out, "a b|$HOME|*||'\"|");
    forget(&told);
    assert_int_equal(
        crib_exec_file(live.ex, "no-such-program", NULL, &options, on_done, NULL, NULL), 0);
    live_run(&live);
    assert_int_equal(told.error.code, -ENOENT);
    assert_int_equal(told.result.verdict, CRIB_SETUP_FAILED);
    assert_string_equal(told.out, "");
    forget(&told);
    live_close(&live);
}

static void a_chosen_shell(void **state)
{
    const char *const args[] = {"-n", "$0", NULL};
    struct crib_options options;
    struct told told = {0};
    struct live live;

    (void)state;
    crib_options_init(&options);
    options.shell = "/bin/bash";
    run("[[ a == a ]] && echo bash", &options, &told);
    assert_string_equal(told.out, "bash\n");
    forget(&told);
    live_open(&live);
    assert_int_equal(crib_exec_file(live.ex, "echo", args, &options, on_done, NULL, NULL), 0);
    live_run(&live);
    assert_string_equal(told.out, "/bin/bash");
    forget(&told);
    live_close(&live);
}

static void refusals_call_nobody(void **state)
{
    struct crib_stdio stdio = {CRIB_NULL};
    const char *const bad_env[] = {"A=1", "B", NULL};
    struct crib_options options;
    struct crib_error error;
    struct told told = {0};
    struct live live;

    (void)state;
    live_open(&live);
    crib_options_init(&options);
    options.data = &told;
    options.stdio = &stdio;
    options.stdio_count = 1;
    assert_int_equal(crib_exec(live.ex, "true", &options, on_done, NULL, &error), -EINVAL);
    options.stdio = NULL;
    options.stdio_count = 0;
    options.env_add = bad_env;
    assert_int_equal(crib_exec(live.ex, "true", &options, on_done, NULL, &error), -EINVAL);
    assert_string_equal(error.step, "env_add");
    options.env_add = NULL;
    options.detached = true;
    assert_int_equal(crib_exec(live.ex, "true", &options, on_done, NULL, &error), -EINVAL);
    assert_string_equal(error.step, "detached");
    assert_int_equal(crib_exec(live.ex, NULL, NULL, on_done, NULL, &error), -EINVAL);
    live_run(&live);
    assert_int_equal(told.times, 0);
    live_close(&live);
}

static void many_arguments(void **state)
{
    enum { COUNT = 100000 };
    const char **args = calloc(COUNT + 1, sizeof(*args));
    struct crib_options options;
    struct told told = {0};
    struct live live;

    (void)state;
    for (int i = 0; i < COUNT; i++)
        args[i] = "x";
    args[0] = "-c";
    args[1] = "echo $#";
    crib_options_init(&options);
    options.data = &told;
    live_open(&live);
    assert_int_equal(crib_exec_file(live.ex, "/bin/sh", args, &options, on_done, NULL, NULL), 0);
    live_run(&live);
    assert_string_equal(told.out, "99997\n"); /* but for -c, the line, and $0 */
    forget(&told);
    free(args);
    live_close(&live);
}

static void an_argument_over_the_kernels_limit(void **state)
{
    char *big = malloc(131073);
    const char *args[] = {big, NULL};
    struct crib_error error;
    struct told told = {0};
    struct live live;

    (void)state;
    memset(big, 'x', 131072);
    big[131072] = '\0';
    live_open(&live);
    assert_int_equal(crib_exec_file(live.ex, "echo", args, NULL, on_done, NULL, &error), -E2BIG);
    assert_string_equal(error.step, "args");
    assert_int_equal(error.index, 0);
    live_run(&live);
    assert_int_equal(told.times, 0);
    free(big);
    live_close(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_through_the_shell),
        cmocka_unit_test(an_exit_status_is_an_error),
        cmocka_unit_test(output_is_cut_to_the_byte),
        cmocka_unit_test(each_output_has_its_cap),
        cmocka_unit_test(a_mebibyte_unless_said_otherwise),
        cmocka_unit_test(too_much_from_one_that_will_not_leave),
        cmocka_unit_test(time_runs_out),
        cmocka_unit_test(aborted),
        cmocka_unit_test(a_program_without_a_shell),
        cmocka_unit_test(a_chosen_shell),
        cmocka_unit_test(refusals_call_nobody),
        cmocka_unit_test(many_arguments),
        cmocka_unit_test(an_argument_over_the_kernels_limit),
    };

    return sandbox_test_run(tests);
}
