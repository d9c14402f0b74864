/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a policy is told with its file, line and column. */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "policy/load.h"

static char *dir;
static struct arena arena;
static struct crib_error err;

static void write_in(const char *name, const char *text)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    test_write(path, text, strlen(text), 0644);
}

static int load(const char *name)
{
    Crib__Policy *policy;
    char path[512];

    memset(&err, 0, sizeof(err));
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return policy_load(path, NULL, &arena, &policy, NULL, &err);
}

/* The error without the directory. */
static const char *said(void)
{
    static char text[1024];
    size_t len = strlen(dir);
    char *at;

    crib_error_text(&err, text, sizeof(text));
    while ((at = strstr(text, dir)))
        memmove(at, at + len + 1, strlen(at + len + 1) + 1);
    return text;
}

static void assert_bad(const char *text, int code, const char *words)
{
    write_in("bad.yaml", text);
    if (load("bad.yaml") != code)
        fail_msg("`%.200s`: %s", text, said());
    if (strncmp(said(), words, strlen(words)) != 0)
        fail_msg("`%.200s`:\n%s\nand not\n%s", text, said(), words);
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    dir = test_dir();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    free(dir);
    return 0;
}

static void test_bases(void **state)
{
    (void)state;
    assert_bad("about: x\nextends: [./bad.yaml]", -ELOOP, "bad.yaml:2:11: it extends itself: ");
    write_in("other.yaml", "extends:\n- ./bad.yaml\n");
    assert_bad("extends: [./other.yaml]", -ELOOP, "./other.yaml:2:3: it extends itself: ");
    assert_bad("extends: [default, ./none.yaml]", -ENOENT, "bad.yaml:1:20: ./none.yaml");
    assert_bad("extends: [no-such-name]", -ENOENT, "bad.yaml:1:11: ");
    assert_bad("extends: [..]", -EINVAL, "bad.yaml:1:11: ");
    assert_bad("extends: ['..default']", -EINVAL, "bad.yaml:1:11: ");
    assert_bad("extends: ['']", -EINVAL, "bad.yaml:1:11: ");
    /* climbing out of nowhere is a path like any other, and there is nothing */
    assert_bad("extends: [../../../../../../../../no/such.yaml]", -ENOENT, "bad.yaml:1:11: ");
    assert_bad("syscalls:\n  profile: ../none.json", -ENOENT, "bad.yaml:2:12: ");
    write_in("other.yaml", "about: [");
    assert_bad("extends: [./other.yaml]", -EINVAL, "./other.yaml:");
}

static void test_rules(void **state)
{
    static const struct {
        const char *entry;
        const char *words;
    } rows[] = {
        {"socket(domain == AF_UNX)", "unknown constant 'AF_UNX', did you mean 'AF_UNIX'?"},
        {"raed", "unknown system call 'raed', did you mean 'read'?"},
        {"'@filesystem'", "unknown group '@filesystem', did you mean '@file-system'?"},
        {"socket(family == AF_UNIX)", "socket has no argument 'family'"},
        {"read(buf == 0)", ""},
        {"open(path == 4)", ""},
        {"'kill(sig == 1, sig == 2)'", "the conditions contradict each other: no call would fit"},
        {"kill(pid < 0)", "the condition on 'pid' would never hold"},
        {"kill(pid >= 0)", "the condition on 'pid' would always hold"},
        {"socket(domain == 0x100000001)", ""},
        {"ioctl(cmd & 0 == 0)", ""},
        {"ioctl(cmd & 1 == 2)", ""},
        {"read(", ""},
        {"read -> EPREM", "unknown errno 'EPREM', did you mean 'EPERM'?"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256], words[256];

        snprintf(text, sizeof(text), "syscalls:\n  deny:\n  - read\n  - %s\n", rows[i].entry);
        snprintf(words, sizeof(words), "bad.yaml:4:5: %s", rows[i].words);
        assert_bad(text, -EINVAL, words);
        assert_true(strlen(said()) > strlen("bad.yaml:4:5: "));
    }
}

/* Addresses say nothing of what is there: the reason is told. */
static void test_pointers(void **state)
{
    (void)state;
    assert_bad("syscalls:\n  allow:\n  - openat(path == 4096)\n", -EINVAL, "bad.yaml:3:5: ");
    test_contains(said(), "address");
}

static void test_many(void **state)
{
    struct buf text = {0};

    (void)state;
    /* more than a file may have */
    assert_int_equal(buf_printf(&text, "syscalls: {allow: ["), 0);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(buf_append(&text, "dup,", 4), 0);
    assert_int_equal(buf_append(&text, "]}", 3), 0);
    assert_bad((const char *)text.data, -EFBIG, "policy bad.yaml: it is larger than 256 KiB");
    buf_done(&text);
    /* more than a list may have */
    assert_int_equal(buf_printf(&text, "about: many\nsyscalls:\n  allow: ["), 0);
    for (int i = 0; i < 50000; i++)
        assert_int_equal(buf_append(&text, "dup,", 4), 0);
    assert_int_equal(buf_append(&text, "]", 2), 0);
    assert_bad((const char *)text.data, -E2BIG, "bad.yaml:3:");
    buf_done(&text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_bases),
        TEST(test_rules),
        TEST(test_pointers),
        TEST(test_many),
    };

    return test_run(tests);
}
