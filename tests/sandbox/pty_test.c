/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal of the task's own: it is one, it is nobody else's, and the caller's is out of reach.
 */
#include "sandbox/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/starve.h"

#define MIB (1 << 20)

/* A daemon counts what `judge` lets a task say, and a terminal of its client's does not pass it. */
static bool can_have_one(const char *policy)
{
    return !sandbox_address() || strcmp(policy, "judge") != 0;
}

static void test_it_is_a_terminal_and_the_controlling_one(void **state)
{
    (void)state;
    for (const char *const *name = sandbox_policies(); *name; name++) {
        struct terminal t;
        const char *out;

        if (!can_have_one(*name))
            continue;
        terminal_open(&t);
        t.task.options.policy = *name;
        t.task.options.rows = 33;
        t.task.options.columns = 111;
        out = TERMINAL_PROBE(&t, "terminal");
        for (int fd = 0; fd < 3; fd++)
            sandbox_says(out, (const char *[]){"isatty0", "isatty1", "isatty2"}[fd], "1");
        sandbox_says(out, "same", "1");
        sandbox_says(out, "foreground", "1");
        sandbox_says(out, "size", "33 111");
        /* where the mounts are the host's, it has no name among them */
        sandbox_says(out, "name", strcmp(*name, "open") == 0 ? "ENODEV" : "/dev/pts/0");
        live_says(&t.task, "spawn exit close ");
        terminal_close(&t);
    }
}

static void test_unless_asked_its_size_is_24_80(void **state)
{
    struct terminal t;

    (void)state;
    terminal_open(&t);
    sandbox_says(TERMINAL_PROBE(&t, "terminal"), "size", "24 80");
    terminal_close(&t);
}

/* Neither the master nor anything else of its making is in the task. */
static void test_no_other_descriptor_comes_along(void **state)
{
    (void)state;
    for (const char *const *name = sandbox_policies(); *name; name++) {
        struct terminal t;

        if (!can_have_one(*name))
            continue;
        terminal_open(&t);
        t.task.options.policy = *name;
        assert_string_equal(TERMINAL_PROBE(&t, "fds"), "0 chr rw\n1 chr rw\n2 chr rw\n");
        terminal_close(&t);
    }
}

static void open_ptys(int *masters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        masters[i] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        assert_true(masters[i] >= 0);
        assert_int_equal(unlockpt(masters[i]), 0);
    }
}

/* Whatever the policy shows of the host's /dev, and if it shows nothing at all. */
static void test_the_hosts_ptys_are_not_there(void **state)
{
    static const char *const rules[] = {
        "extends: [default]\n",
        "extends: [strict]\n",
        "syscalls: {filter: off}\n",
        "mounts: [{target: /dev, write: true, dev: true}]\nsyscalls: {filter: off}\n",
    };
    int masters[4];

    (void)state;
    open_ptys(masters, 4);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct crib_policy *policy;
        struct terminal t;
        const char *out;

        assert_int_equal(crib_policy_parse("rules", rules[i], strlen(rules[i]), &policy, NULL), 0);
        terminal_open(&t);
        t.task.options.policy_message = policy;
        out = TERMINAL_PROBE(&t, "ptys", "/dev/pts", ",", "terminal");
        sandbox_says(out, "ptys", "0 ptmx");
        sandbox_says(out, "isatty0", "1");
        terminal_close(&t);
        crib_policy_free(policy);
    }
    for (size_t i = 0; i < 4; i++)
        fd_close(&masters[i]);
}

/* What is made by either name is of the same devpts; and it gives only so many. */
static void test_it_can_make_more_of_them(void **state)
{
    static const struct {
        const char *ptmx, *most, *newest, *count;
    } rows[] = {
        {"/dev/ptmx", "3", "/dev/pts/3", "3"},
        {"/dev/pts/ptmx", "3", "/dev/pts/3", "3"},
        {"/dev/ptmx", "200", "/dev/pts/63", "63"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct terminal t;
        const char *out;

        terminal_open(&t);
        out = TERMINAL_PROBE(&t, "newptys", rows[i].ptmx, rows[i].most);
        sandbox_says(out, "newest", rows[i].newest);
        sandbox_says(out, "new", rows[i].count);
        terminal_close(&t);
    }
}

/* The host's node beside it finds it too. */
static void test_a_ptmx_of_the_hosts_dev(void **state)
{
    static const char rules[] =
        "mounts: [{target: /dev, write: true, dev: true}]\nsyscalls: {filter: off}\n";
    struct crib_policy *policy;
    struct terminal t;

    (void)state;
    assert_int_equal(crib_policy_parse("rules", rules, strlen(rules), &policy, NULL), 0);
    terminal_open(&t);
    t.task.options.policy_message = policy;
    sandbox_says(TERMINAL_PROBE(&t, "newptys", "/dev/ptmx", "2"), "newest", "/dev/pts/2");
    terminal_close(&t);
    crib_policy_free(policy);
}

/* --- the caller's terminal --- */

static int terminal = -1; /* the slave of it, for the process of the test */

static void take_terminal(void)
{
    if (setsid() < 0 || ioctl(terminal, TIOCSCTTY, 0) < 0)
        abort();
}

/* Return: the master of a raw terminal. */
static int open_terminal(int *ret_slave)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    struct termios raw;

    assert_true(master >= 0);
    assert_int_equal(unlockpt(master), 0);
    *ret_slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(*ret_slave >= 0);
    tcgetattr(*ret_slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(*ret_slave, TCSANOW, &raw);
    return master;
}

/* Runs under @rules in a process whose controlling terminal is another; nothing comes to that. */
static void caller_hears_nothing(const char *rules, const char *verbs, struct starved *ret)
{
    static const struct starve nothing[] = {STARVE_END};
    struct sandbox box;
    int master, slave, count = -1;
    char byte;

    master = open_terminal(&slave);
    terminal = slave;
    sandbox_init(&box);
    box.rules = rules;
    box.before = take_terminal;
    box.options.stdio = terminal_stdio;
    box.options.stdio_count = 3;
    starve_probe(&box, verbs, nothing, NULL, NULL, ret);
    assert_int_equal(ioctl(slave, FIONREAD, &count), 0);
    assert_int_equal(count, 0); /* as if typed */
    assert_int_equal(read(master, &byte, 1), -1);
    assert_int_equal(errno, EAGAIN); /* shown on it */
    assert_int_equal(ret->error_code, 0);
    sandbox_done(&box);
    fd_close(&slave);
    fd_close(&master);
}

static void test_typing_into_it_is_refused(void **state)
{
    struct starved got;

    (void)state;
    caller_hears_nothing(NULL, "tiocsti 0 1 2", &got);
    test_contains(got.out, "tiocsti EPERM");
    test_contains(got.out, "tiocsti_high EPERM");
    test_contains(got.out, "tioclinux EPERM");
    assert_null(strstr(got.out, "tiocsti ok"));
}

/* Where no filter refuses it, it reaches the task's own terminal only. */
static void test_and_never_reaches_the_callers(void **state)
{
    struct starved got;

    (void)state;
    caller_hears_nothing("extends: [open]\n", "tiocsti 0 1 2 , say /dev/tty secret", &got);
    test_contains(got.out, "tiocsti ");
    test_contains(got.out, "secret");
    caller_hears_nothing("extends: [shell]\nsyscalls: {allow: [ioctl]}\n",
                         "tiocsti 0 1 2 , say /dev/tty secret", &got);
    test_contains(got.out, "secret");
}

/* --- bytes --- */

static char *pattern(size_t len)
{
    char *data = malloc(len);

    assert_non_null(data);
    for (size_t i = 0; i < len; i++)
        data[i] = (char)(i * 7 + i / 251);
    return data;
}

static void test_a_mebibyte_there_and_back(void **state)
{
    char *data = pattern(MIB);
    struct terminal t;

    (void)state;
    terminal_open(&t);
    terminal_shell(&t, "stty raw -echo; echo ready; head -c 1048576");
    terminal_shows(&t, "ready\n");
    assert_true(crib_stream_write(crib_task_stream(t.task.task, 0), data, MIB, NULL, NULL) >= 0);
    terminal_end(&t);
    assert_int_equal(t.task.out.len - t.seen, MIB);
    assert_memory_equal(t.task.out.data + t.seen, data, MIB);
    terminal_close(&t);
    free(data);
}

/* A program that is gone as soon as it has written. */
static void test_nothing_is_lost_at_the_end(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct terminal t;

        terminal_open(&t);
        terminal_shell(&t, "stty -opost; exec head -c 1000000 /dev/zero");
        terminal_end(&t);
        assert_int_equal(t.task.out.len, 1000000);
        live_says(&t.task, "spawn exit close ");
        terminal_close(&t);
    }
}

static void test_unread_output_does_not_hold_up_the_end(void **state)
{
    struct terminal t;

    (void)state;
    terminal_open(&t);
    t.task.options.timeout_ms = 500;
    live_shell(&t.live, &t.task, "head -c 1000000 /dev/zero");
    live_run(&t.live);
    live_says(&t.task, "spawn exit close ");
    assert_int_equal(t.task.result.verdict, CRIB_WALL_TIMEOUT);
    terminal_close(&t);
}

static void test_closing_the_terminal_is_not_the_end_of_the_task(void **state)
{
    struct terminal t;

    (void)state;
    terminal_open(&t);
    terminal_shell(&t, "echo last; exec 0<&- 1>&- 2>&-; exec sleep 0.3");
    while (t.task.ends == 0)
        uv_run(&t.live.loop, UV_RUN_ONCE);
    assert_null(strstr(t.task.log, "exit"));
    terminal_end(&t);
    assert_int_equal(t.task.result.verdict, CRIB_EXITED);
    assert_string_equal(terminal_text(&t), "last\n");
    terminal_close(&t);
}

/* --- beside other descriptors --- */

static void mixed(const struct crib_stdio *stdio, const char *line, const char *input,
                  const char *out, const char *err)
{
    struct terminal t;
    struct crib_error error;
    const char *const args[] = {"-c", line, NULL};

    terminal_open(&t);
    t.task.options.stdio = stdio;
    live_started(&t.task,
                 crib_spawn(t.live.ex, "/bin/sh", args, &t.task.options, &t.task.task, &error),
                 &error);
    if (input) {
        crib_stream_write(crib_task_stream(t.task.task, 0), input, strlen(input), NULL, NULL);
        live_read(&t.task);
    } else {
        for (int fd = 1; fd <= 2; fd++)
            if (crib_task_stream(t.task.task, fd))
                crib_stream_read_start(crib_task_stream(t.task.task, fd), live_on_data, &t.task);
    }
    live_run(&t.live);
    buf_append(&t.task.err, "", 1);
    assert_string_equal((char *)t.task.err.data, err);
    assert_string_equal(terminal_text(&t), out);
    terminal_close(&t);
}

static void test_beside_pipes(void **state)
{
    static const struct crib_stdio error[] = {{CRIB_PTY}, {CRIB_PTY}, {CRIB_PIPE}},
                                   input[] = {{CRIB_PIPE}, {CRIB_PTY}, {CRIB_PTY}},
                                   output[] = {{CRIB_PTY}, {CRIB_PIPE}, {CRIB_PTY}},
                                   only[] = {{CRIB_NULL}, {CRIB_PIPE}, {CRIB_PTY}};

    (void)state;
    mixed(error, "echo out; echo err >&2; test -t 2 || echo a pipe >&2", NULL, "out\n",
          "err\na pipe\n");
    mixed(input, "cat; test -t 0 || echo a pipe; echo err >&2", "in\n", "in\na pipe\nerr\n", "");
    mixed(output, "echo out; echo err >&2; echo tty >/dev/tty", NULL, "out\n", "err\r\ntty\r\n");
    mixed(only, "echo out; tty <&2 >&2", NULL, "out\n", "/dev/pts/0\r\n");
}

static void test_beside_a_channel(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.fork = true;
    box.options.stdio = terminal_stdio;
    box.options.stdio_count = 3;
    sandbox_expect(&box, "fds", 0);
    assert_string_equal(box.out, "0 chr rw\r\n1 chr rw\r\n2 chr rw\r\n3 socket rw\r\n");
    test_contains(box.json, "\"mechanism\":\"terminal\",\"asked\":\"24 rows, 80 columns\","
                            "\"applied\":\"a pty of its own, /dev/pts/0\"");
    sandbox_done(&box);
}

/* --- what is refused --- */

static void refused(const struct crib_options *options, const char *sentence)
{
    struct crib_error error;
    struct live live;
    char text[1024];

    live_open(&live);
    assert_int_equal(crib_spawn(live.ex, "true", NULL, options, NULL, &error), -EINVAL);
    test_contains(crib_error_text(&error, text, sizeof(text)), sentence);
    live_close(&live);
}

static void test_what_cannot_be(void **state)
{
    static const struct crib_stdio fourth[] = {{CRIB_PTY}, {CRIB_PTY}, {CRIB_PTY}, {CRIB_PTY}};
    static const struct crib_stdio pipes[] = {{CRIB_PTY}, {CRIB_PIPE}, {CRIB_PIPE}};
    struct crib_options options;

    (void)state;
    crib_options_init(&options);
    options.stdio = fourth;
    options.stdio_count = 4;
    refused(&options, "stdio[3]: fd 3: only 0, 1 and 2 can be the terminal");
    options.stdio_count = 3;
    options.detached = true;
    refused(&options, "a detached task cannot have a terminal");
    options.detached = false;
    options.stdio = pipes;
    refused(&options, "stdio[2]: a pipe here and at 1 leaves no number to read the terminal by");
    options.stdio = NULL;
    options.stdio_count = 0;
    options.rows = 24;
    refused(&options, "terminal: it has a size, but none of fds 0 to 2 is a pty");
}

/* Nobody types while a call blocks, but a program may well write to a terminal. */
static void test_blocking_forms(void **state)
{
    static const struct crib_stdio output[] = {{CRIB_NULL}, {CRIB_PTY}, {CRIB_PTY}};
    static const char *const args[] = {"-c", "test -t 1 && echo terminal", NULL};
    struct crib_options options;
    struct crib_sync sync;
    struct live live;

    (void)state;
    live_open(&live);
    crib_options_init(&options);
    options.stdio = output;
    options.stdio_count = 3;
    assert_int_equal(crib_spawn_sync(live.ex, "/bin/sh", args, NULL, 0, &options, &sync, NULL), 0);
    assert_string_equal(sync.out, "terminal\r\n");
    crib_sync_done(&sync);
    options.stdio = terminal_stdio;
    assert_int_equal(crib_spawn_sync(live.ex, "/bin/sh", args, NULL, 0, &options, &sync, NULL),
                     -EINVAL);
    live_close(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_a_terminal_and_the_controlling_one),
        cmocka_unit_test(test_unless_asked_its_size_is_24_80),
        cmocka_unit_test(test_no_other_descriptor_comes_along),
        cmocka_unit_test(test_the_hosts_ptys_are_not_there),
        cmocka_unit_test(test_it_can_make_more_of_them),
        cmocka_unit_test(test_a_ptmx_of_the_hosts_dev),
        cmocka_unit_test(test_typing_into_it_is_refused),
        cmocka_unit_test(test_and_never_reaches_the_callers),
        cmocka_unit_test(test_a_mebibyte_there_and_back),
        cmocka_unit_test(test_nothing_is_lost_at_the_end),
        cmocka_unit_test(test_unread_output_does_not_hold_up_the_end),
        cmocka_unit_test(test_closing_the_terminal_is_not_the_end_of_the_task),
        cmocka_unit_test(test_beside_pipes),
        cmocka_unit_test(test_beside_a_channel),
        cmocka_unit_test(test_what_cannot_be),
        cmocka_unit_test(test_blocking_forms),
    };

    return sandbox_test_run(tests);
}
