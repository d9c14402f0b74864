/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bad input: each is one clear error; nothing leaks (the runner counts), nothing crashes, nothing
 * hangs, and another task that runs meanwhile goes on.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

static void assert_refused(struct sandbox *box, const char *what, int code, const char *part)
{
    char text[1024];

    crib_error_text(&box->error, text, sizeof(text));
    if (!box->error.code || (code && box->error.code != code) || !strstr(text, part) || !text[0])
        fail_msg("%s: %d: %s; stdout %.200s", what, box->error.code, text, box->out);
    assert_false(box->spawned);
    assert_string_equal(box->out, "");
}

/* --- arguments --- */

static const char **numbers(size_t count)
{
    const char **args = calloc(count + 2, sizeof(*args));

    assert_non_null(args);
    args[0] = "args";
    for (size_t i = 1; i <= count; i++)
        args[i] = "x";
    return args;
}

static void test_many_arguments(void **state)
{
    const char **args = numbers(100000);
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_run(&box, sandbox_probe_path(), args);
    assert_int_equal(box.error.code, 0);
    assert_true(strncmp(box.out, "100000\n", 7) == 0);
    free(args);
    args = numbers(200000);
    sandbox_run(&box, sandbox_probe_path(), args);
    assert_refused(&box, "200,000 arguments", -E2BIG, "");
    free(args);
    sandbox_done(&box);
}

static void test_long_arguments(void **state)
{
    char *text = malloc(4 << 20);
    struct sandbox box;

    (void)state;
    assert_non_null(text);
    sandbox_init(&box);
    for (size_t len = 131070; len <= 131073; len++) {
        const char *const args[] = {"args", text, NULL};

        memset(text, 'a', len);
        text[len] = '\0';
        sandbox_run(&box, sandbox_probe_path(), args);
        if (len <= 131071)
            assert_true(box.error.code == 0 && strncmp(box.out, "1\n[aaa", 6) == 0);
        else
            assert_refused(&box, "a long argument", -E2BIG, "");
    }
    {
        /* Each is short enough; together they are not. */
        const char *const args[] = {"args", text, text, text, text, text, text, text, text,
                                    text,   text, text, text, text, text, text, text, text,
                                    text,   text, text, text, text, text, text, text, text,
                                    text,   text, text, text, text, text, text, text, text,
                                    text,   text, text, text, text, text, text, NULL};

        text[100000] = '\0';
        sandbox_run(&box, sandbox_probe_path(), args);
        assert_refused(&box, "together too long", -E2BIG, "");
    }
    free(text);
    sandbox_done(&box);
}

static void test_empty_strings(void **state)
{
    const char *const args[] = {"args", "", "", NULL};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_run(&box, sandbox_probe_path(), args);
    assert_string_equal(box.out, "2\n[]\n[]\n");
    sandbox_run(&box, "", NULL);
    assert_refused(&box, "an empty file", 0, "");
    sandbox_run(&box, NULL, NULL);
    assert_refused(&box, "no file", 0, "");
    box.options.argv0 = "";
    sandbox_run(&box, sandbox_probe_path(), args);
    assert_int_equal(box.error.code, 0);
    sandbox_done(&box);
}

static void test_options_of_another_size(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.size = 0;
    sandbox_probe(&box, "echo ran");
    assert_refused(&box, "size 0", -EINVAL, "");
    box.options.size = sizeof(struct crib_options) * 100;
    sandbox_probe(&box, "echo ran");
    assert_refused(&box, "a size of the future", -EINVAL, "");
    sandbox_done(&box);
}

static void test_long_paths(void **state)
{
    static const size_t lengths[] = {300, 4095, 4096, 5000, 100000};
    char *text = malloc(100001);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct crib_bind grants[] = {{.source = text, .target = "/x"},
                                     {.source = "/usr", .target = text}};
        struct sandbox box;

        memset(text, 'a', lengths[i]);
        text[0] = '/';
        text[lengths[i]] = '\0';
        sandbox_init(&box);
        sandbox_run(&box, text, NULL);
        assert_refused(&box, "a long file", 0, "");
        sandbox_run(&box, text + 1, NULL);
        assert_refused(&box, "a long name", 0, "");
        box.options.cwd = text;
        sandbox_probe(&box, "echo ran");
        assert_refused(&box, "a long cwd", 0, "cwd");
        box.options.cwd = NULL;
        for (size_t j = 0; j < 2; j++) {
            box.options.binds = &grants[j];
            box.options.bind_count = 1;
            sandbox_probe(&box, "echo ran");
            assert_refused(&box, "a long bind", 0, "mounts");
        }
        sandbox_done(&box);
    }
    free(text);
}

static void test_many_binds(void **state)
{
    static struct crib_bind grants[1000];
    struct sandbox box;

    (void)state;
    for (int i = 0; i < 1000; i++)
        grants[i] = (struct crib_bind){.source = "/usr", .target = "/box"};
    sandbox_init(&box);
    box.options.binds = grants;
    box.options.bind_count = 1000;
    sandbox_probe(&box, "echo ran");
    assert_refused(&box, "1,000 binds", -E2BIG, "mounts");
    box.options.bind_count = 90;
    sandbox_expect(&box, "ls /box", 0);
    sandbox_done(&box);
}

static void test_a_large_environment(void **state)
{
    const char **env = numbers(100000);
    struct sandbox box;

    (void)state;
    for (size_t i = 0; env[i]; i++)
        env[i] = i % 2 ? "SAME=1" : "OTHER=2";
    sandbox_init(&box);
    box.options.env = env;
    sandbox_expect(&box, "env", 0);
    test_contains(box.out, "SAME=1\n");
    free(env);
    sandbox_done(&box);
}

/* --- descriptors --- */

static void refused_stdio(const char *what, const struct crib_stdio *stdio, size_t count, int code)
{
    struct sandbox box;

    sandbox_init(&box);
    box.options.stdio = stdio;
    box.options.stdio_count = count;
    sandbox_probe(&box, "echo ran");
    assert_refused(&box, what, code, "");
    sandbox_done(&box);
}

static void test_bad_descriptors(void **state)
{
    struct crib_stdio stdio[] = {
        {.kind = CRIB_NULL}, {.kind = CRIB_PIPE}, {.kind = CRIB_PIPE}, {.kind = CRIB_FD}};
    struct crib_stdio many[65] = {{.kind = CRIB_NULL}};
    int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), path = open("/", O_PATH | O_CLOEXEC);

    (void)state;
    stdio[3].from = -1;
    refused_stdio("negative", stdio, 4, -EBADF);
    stdio[3].from = -100;
    refused_stdio("very negative", stdio, 4, -EBADF);
    stdio[3].from = 987;
    refused_stdio("closed", stdio, 4, -EBADF);
    stdio[3].from = 2147483647;
    refused_stdio("highest", stdio, 4, -EBADF);
    stdio[3].from = dir;
    refused_stdio("a directory", stdio, 4, -EISDIR);
    stdio[3].from = path;
    refused_stdio("an O_PATH directory", stdio, 4, -EISDIR);
    stdio[0] = stdio[3];
    refused_stdio("a directory as stdin", stdio, 3, -EISDIR);
    stdio[0] = (struct crib_stdio){.kind = (enum crib_stdio_kind)77};
    refused_stdio("no such kind", stdio, 3, -EINVAL);
    stdio[0] = (struct crib_stdio){.kind = CRIB_STREAM};
    refused_stdio("no stream", stdio, 3, -EINVAL);
    stdio[0] = stdio[1] = (struct crib_stdio){.kind = CRIB_CHANNEL};
    refused_stdio("two channels", stdio, 3, -EINVAL);
    refused_stdio("too many", many, 65, 0);
    close(dir);
    close(path);
}

/* A FIFO, a listening socket, a deleted file: odd, and the caller's own wish. */
static void test_odd_descriptors_are_given(void **state)
{
    struct crib_stdio stdio[] = {{.kind = CRIB_FD}, {.kind = CRIB_PIPE}, {.kind = CRIB_PIPE}};
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sandbox box;

    (void)state;
    stdio[0].from = sock;
    sandbox_init(&box);
    box.options.stdio = stdio;
    box.options.stdio_count = 3;
    sandbox_expect(&box, "fds", 0);
    test_contains(box.out, "0 socket rw\n");
    sandbox_done(&box);
    close(sock);
}

/* --- policies --- */

static void refused_policy(const char *name, int code, const char *part)
{
    struct sandbox box;
    uint64_t start = clock_us();

    sandbox_init(&box);
    box.options.policy = name;
    sandbox_probe(&box, "echo ran");
    assert_refused(&box, name, code, part);
    assert_true(clock_us() - start < 5000000);
    sandbox_done(&box);
}

static char *in(const char *dir, const char *name)
{
    char *path = NULL;

    assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
    return path;
}

static void write_policy(const char *path, const char *text)
{
    test_write(path, text, strlen(text), 0644);
}

static void test_policies_that_are_no_files(void **state)
{
    char *dir = test_dir(), *fifo = in(dir, "fifo.yaml"), *huge = in(dir, "huge.yaml");
    char *loop = in(dir, "loop.yaml"), *missing = in(dir, "missing.yaml"),
         *link = in(dir, "a.yaml");

    (void)state;
    refused_policy(dir, -EISDIR, dir);
    assert_int_equal(mkfifo(fifo, 0644), 0);
    refused_policy(fifo, -EINVAL, "fifo.yaml");
    write_policy(huge, "about: x\n");
    assert_int_equal(truncate(huge, 100 << 20), 0);
    refused_policy(huge, -EFBIG, "huge.yaml");
    write_policy(loop, "extends: [./loop.yaml]\n");
    refused_policy(loop, -ELOOP, "loop.yaml");
    refused_policy(missing, -ENOENT, "missing.yaml");
    assert_int_equal(symlink("a.yaml", link), 0);
    refused_policy(link, -ELOOP, "a.yaml");
    refused_policy("/dev/zero", -EINVAL, "/dev/zero");
    refused_policy("/dev/null", -EINVAL, "/dev/null");
    refused_policy("nosuchpolicy", -ENOENT, "nosuchpolicy");
    refused_policy("strict.", -ENOENT, "strict.");
    refused_policy("--x", -EINVAL, "--x");
    refused_policy("", 0, "");
    refused_policy("../strict", 0, "");
    free(dir);
    free(fifo);
    free(huge);
    free(loop);
    free(missing);
    free(link);
}

static void test_policies_that_do_not_read(void **state)
{
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"\x7f"
         "ELF\x02\x01\x01",
         ""},
        {"\xff\xfe\x00", ""},
        {"limits: {memroy: 1M}\n", "memory"},
        {"extends: [defualt]\n", "defualt"},
        {"- a\n- b\n", ""},
        {"just text\n", ""},
        {"caps: {keep: [CAP_NO_SUCH]}\n", "CAP_NO_SUCH"},
        {"syscalls: {allow: [raed]}\n", "read"},
        {"syscalls: {allow: ['@no-group']}\n", "no-group"},
        {"syscalls: {allow: ['read(fd > 3)']}\n", ""},
        {"syscalls: {allow: ['open(path == 3)']}\n", ""},
        {"limits: {file_size: 5Q}\n", "5Q"},
        {"limits: {open_files: -1}\n", "open_files"},
        {"limits: {open_files: 99999999999999999999999}\n", "open_files"},
        {"limits: {core: maybe}\n", "core"},
        {"landlock: perhaps\n", "landlock"},
        {"about: a\nabout: b\n", "about"},
        {"a: &x 1\nb: *x\n", ""},
        {"mounts:\n\t- {target: /x}\n", ""},
        {"env: {set: [\"A=\\0B\"]}\n", ""},
        {"extends: [default]\nenv: {set: [NOSIGN]}\n", "="},
        {"extends: [default]\nmounts: [{target: relative}]\n", "absolute"},
        {"extends: [default]\nmounts: [{target: /a/../b}]\n", ".."},
        {"extends: [default]\nmounts: [{type: tmpfs, target: /x, size: 0}]\n", "size"},
        {"extends: [default]\nmounts: [{type: tmpfs, target: /x, mode: 04777}]\n", "01777"},
        {"extends: [default]\nnamespaces: {mount: host}\n", ""},
        {"extends: [default]\nsyscalls: {deny: [execve]}\n", "execve"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sandbox box;

        sandbox_init(&box);
        box.rules = rows[i].text;
        sandbox_probe(&box, "echo ran");
        assert_refused(&box, rows[i].text, 0, rows[i].part);
        sandbox_done(&box);
    }
}

/* 100,000 levels, 100,000 keys, one line of a mebibyte: refused, quickly. */
static void test_policies_that_are_too_much(void **state)
{
    static const char *const parts[] = {"[", "{a: ", "- ", "extends: [default]\n", "a"};
    char *dir = test_dir(), *path = in(dir, "deep.yaml"), *text = malloc(250000);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t len = strlen(parts[i]), at = 0;

        while (at + len < 200000) {
            memcpy(text + at, parts[i], len);
            at += len;
        }
        text[at] = '\0';
        write_policy(path, text);
        refused_policy(path, 0, "deep.yaml");
    }
    free(text);
    free(path);
    free(dir);
}

/* A newer client's wall, unknown here, must not be left out silently; nor may the bytes be
 * nonsense. */
static void test_messages_with_unknown_fields(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *part;
    } rows[] = {
        {"\xd2\x0f\x01x", 4, "250"},         /* field 250, a string */
        {"\x82\x7d\x01x", 4, "2000"},        /* field 2000 */
        {"\x3a\x04\xd2\x0f\x01x", 6, ""},    /* the same below limits */
        {"\x58\x63", 2, ""},                 /* landlock: 99 */
        {"\x0a\xff\xff\xff\xff\x0f", 6, ""}, /* a length of 2^32-1 */
        {"\x0a\x05x", 3, ""},                /* half a field */
        {"\xff\xff\xff", 3, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        crib_policy *policy = NULL;
        struct crib_error err = {0};
        char text[1024];
        int r = crib_policy_decode(rows[i].bytes, rows[i].len, &policy, &err);

        if (r != -EPROTO || policy)
            fail_msg("row %zu: %d: %s", i, r, crib_error_text(&err, text, sizeof(text)));
        test_contains(crib_error_text(&err, text, sizeof(text)), rows[i].part);
    }
}

/* --- channels --- */

static void spoil(const char *verbs, const char *part, int code)
{
    const struct crib_stdio stdio[] = {
        {.kind = CRIB_NULL}, {.kind = CRIB_PIPE}, {.kind = CRIB_PIPE}};
    struct sandbox box;
    char text[1024];

    sandbox_init(&box);
    box.fork = true;
    box.options.stdio = stdio;
    box.options.stdio_count = 3;
    sandbox_probe(&box, verbs);
    assert_int_equal(box.code, 0);
    assert_true(box.spawned && box.closed);
    crib_error_text(&box.error, text, sizeof(text));
    if (box.error.code != code || !strstr(text, part))
        fail_msg("%s: %d: %s", verbs, box.error.code, text);
    assert_int_equal(box.result.verdict, CRIB_EXITED);
    sandbox_done(&box);
}

static void test_bad_children(void **state)
{
    (void)state;
    spoil("channel-close , sleep 50 , exit 0", "", 0);
    spoil("exit 0", "", 0);
    spoil("channel-bytes ff ff ff ff , sleep 100", "", -EMSGSIZE);
    spoil("channel-bytes 04 00 03 00 , sleep 100", "", -EMSGSIZE);
    spoil("channel-bytes 00 00 00 10 12 , exit 0", "", -EPROTO);
    spoil("channel-bytes 00 00 , exit 0", "", -EPROTO);
    spoil("channel-bytes 00 00 00 04 ff ff ff ff , sleep 100", "", -EPROTO);
    spoil("channel-fds 253 , sleep 100", "", -EMFILE);
    spoil("channel-fds 1000 , sleep 100", "", -EMFILE);
    spoil("channel-fds 64 , exit 0", "", -EPROTO);
}

/* A flood of what is not read on the other side's terms: bounded, and the task can be ended. */
static void test_a_flood_of_empty_frames(void **state)
{
    const struct crib_stdio stdio[] = {
        {.kind = CRIB_NULL}, {.kind = CRIB_PIPE}, {.kind = CRIB_PIPE}};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.fork = true;
    box.options.stdio = stdio;
    box.options.stdio_count = 3;
    sandbox_probe(&box, "channel-flood 4 , exit 0");
    assert_true(box.closed);
    assert_int_equal(box.result.verdict, CRIB_EXITED);
    sandbox_done(&box);
}

/* --- others go on --- */

static void be_bad(struct sandbox *box)
{
    struct sandbox bad;

    (void)box;
    sandbox_init(&bad);
    bad.fork = true;
    sandbox_probe(&bad, "channel-bytes ff ff ff ff , raise 11");
    sandbox_run(&bad, "/nonexistent", NULL);
    bad.rules = "limits: {memroy: 1}\n";
    sandbox_probe(&bad, "echo x");
    sandbox_done(&bad);
}

static void test_other_tasks_go_on(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.meanwhile = be_bad;
    box.input = "still here\n";
    sandbox_expect(&box, "copy , sleep 300 , echo done , exit 4", 4);
    assert_string_equal(box.out, "still here\ndone\n");
    sandbox_done(&box);
}

static void test_a_module_that_is_not_executable(void **state)
{
    char *dir = test_dir(), *path = in(dir, "module");
    struct sandbox box;

    (void)state;
    test_write(path, "#!/bin/sh\n", 10, 0644);
    sandbox_init(&box);
    box.fork = true;
    sandbox_run(&box, path, NULL);
    assert_refused(&box, "module", -EACCES, "module");
    sandbox_run(&box, "./no-such-module", NULL);
    assert_refused(&box, "module", -ENOENT, "no-such-module");
    sandbox_done(&box);
    free(path);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_arguments),
        cmocka_unit_test(test_long_arguments),
        cmocka_unit_test(test_empty_strings),
        cmocka_unit_test(test_options_of_another_size),
        cmocka_unit_test(test_long_paths),
        cmocka_unit_test(test_many_binds),
        cmocka_unit_test(test_a_large_environment),
        cmocka_unit_test(test_bad_descriptors),
        cmocka_unit_test(test_odd_descriptors_are_given),
        cmocka_unit_test(test_policies_that_are_no_files),
        cmocka_unit_test(test_policies_that_do_not_read),
        cmocka_unit_test(test_policies_that_are_too_much),
        cmocka_unit_test(test_messages_with_unknown_fields),
        cmocka_unit_test(test_bad_children),
        cmocka_unit_test(test_a_flood_of_empty_frames),
        cmocka_unit_test(test_other_tasks_go_on),
        cmocka_unit_test(test_a_module_that_is_not_executable),
    };

    return sandbox_test_run(tests);
}
