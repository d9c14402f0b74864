/* SPDX-License-Identifier: Apache-2.0 */
/* What is written is a policy, and is read back; a person's lines stay. */
#include "support/support.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "api/policies.h"
#include "learn/book.h"
#include "learn/mounting.h"
#include "policy/load.h"

static const char first[] =
    "# Learnt by `crib policy learn`: behind a line are the runs that need it.\n"
    "#\n"
    "# run 1: -C /w -- git status\n"
    "# run 3: -C \"/a b\" -- /bin/make\n"
    "about: learnt from git, make\n"
    "namespaces: {net: host} # run 3\n"
    "mounts:\n"
    "  - {type: host, target: /usr} # runs 1, 3\n"
    "  - {target: \"/w/{a, b}\", write: true} # run 1\n"
    "  - {target: !!binary \"L/8=\"} # run 3\n"
    "syscalls:\n"
    "  allow:\n"
    "    - execve # always\n"
    "    - exit_group # always\n"
    "    - read # runs 1, 3\n"
    "    - \"@file-read\" # mine; leave it\n"
    "  deny:\n"
    "    - mount -> ENOSYS\n"
    "env: {pass: [PATH], set: [\"A=x, y\"]}\n"
    "landlock: preferred\n"
    "reason:\n"
    "  - {grant: ptrace, why: \"so: #1\"}\n";

struct fixture {
    struct arena arena;
    struct needs needs;
    struct crib_error err;
    char text[1024];
};

static int read_book(struct fixture *f, const char *text)
{
    int r;

    arena_init(&f->arena, 0);
    f->err = (struct crib_error){0};
    r = book_read(&f->needs, "x.yaml", text, strlen(text), &f->arena, &f->err);
    crib_error_text(&f->err, f->text, sizeof(f->text));
    return r;
}

static char *write_book(struct fixture *f)
{
    struct buf out = {0};
    Crib__Policy *policy;
    char *text;

    assert_int_equal(book_write(&f->needs, &out), 0);
    if (policy_parse("x.yaml", out.data, out.len, NULL, &f->arena, &policy, NULL, &f->err) < 0)
        fail_msg("%s\n%.*s", crib_error_text(&f->err, f->text, sizeof(f->text)), (int)out.len,
                 (char *)out.data);
    assert_int_equal(buf_append(&out, "", 1), 0);
    text = strdup((const char *)out.data);
    buf_done(&out);
    return text;
}

static void test_it_comes_back(void **state)
{
    struct fixture f;
    char *text;

    (void)state;
    if (read_book(&f, first) < 0)
        fail_msg("%s", f.text);
    text = write_book(&f);
    assert_string_equal(text, first);
    assert_int_equal(f.needs.runs.count, 3);
    assert_null(f.needs.runs.run[1].words);
    assert_true(f.needs.host_net.runs == 4);
    assert_true(f.needs.mounts[0].need.runs == 5);
    assert_string_equal(f.needs.calls[3].need.remark, "mine; leave it");
    assert_true(f.needs.calls[3].count > 5);
    free(text);
    arena_done(&f.arena);
}

static void test_a_new_one(void **state)
{
    const uint64_t args[6] = {2, 1};
    struct fixture f;
    char *text;

    (void)state;
    arena_init(&f.arena, 0);
    assert_int_equal(needs_init(&f.needs, &f.arena), 0);
    assert_int_equal(
        run_list_number(&f.needs.runs, (char *[]){"-C", "/", "--", "a#b", "\n", NULL}, &f.arena),
        1);
    assert_int_equal(needs_call(&f.needs, 1, SYS_socket, args), 0);
    assert_int_equal(mounting_add(&f.needs, 1, MOUNTING_WRITE, "/w/ # '\"\n\xc3\xa9"), 0);
    assert_int_equal(mounting_add(&f.needs, 1, MOUNTING_READ, "/w/\xff"), 0);
    text = write_book(&f);
    test_contains(text, "\n# run 1: -C / -- \"a#b\" \"\\n\"\nabout: learnt from a#b\n");
    test_contains(text, "  - {target: \"/w/ # '\\\"\\n\xc3\xa9\", write: true} # run 1\n");
    test_contains(text, "    - socket(domain == AF_INET, type & 0xf == SOCK_STREAM) # run 1\n");
    arena_done(&f.arena);
    if (read_book(&f, text) < 0)
        fail_msg("%s", f.text);
    assert_int_equal(f.needs.mount_count, 2);
    assert_true(f.needs.mounts[0].need.runs == 1);
    arena_done(&f.arena);
    free(text);
}

static void test_a_head_of_a_person_stays(void **state)
{
    struct fixture f;
    char *text;

    (void)state;
    assert_int_equal(read_book(&f, "#  mine,\n# and mine\n# run 2: -- a\n\nabout: work\n"), 0);
    text = write_book(&f);
    assert_int_equal(strncmp(text, "#  mine,\n# and mine\n# Learnt by", 31), 0);
    test_contains(text, "# run 2: -- a\nabout: work\n");
    free(text);
    arena_done(&f.arena);
}

static void refuse(const char *text, int code, const char *why)
{
    struct fixture f;

    if (read_book(&f, text) != code)
        fail_msg("%s was not refused for %s", text, why);
    test_contains(f.text, why);
    arena_done(&f.arena);
}

static void test_what_would_be_lost_is_refused(void **state)
{
    (void)state;
    refuse("# run 1: a\nabout: x # why\n", -EINVAL, "x.yaml:2: this comment would be lost");
    refuse("# run 1: a\nmounts:\n  # mine\n  - {target: /usr}\n", -EINVAL, "x.yaml:3: ");
    refuse("# run 1: a\nmounts:\n  - target: /usr\n    write: true # mine\n", -EINVAL,
           "x.yaml:4: ");
    refuse("# run 1: a\nabout: x\n# end\n", -EINVAL, "x.yaml:3: ");
    refuse("# run 1: a\nlimits: {core: true} # run 1\n", -EINVAL, "x.yaml:2: ");
}

static void test_what_is_no_book_is_refused(void **state)
{
    (void)state;
    refuse("# run 1: 'a b'\n", -EINVAL, "x.yaml:1: this is no run");
    refuse("# run 1: a\n# run 1: b\n", -EINVAL, "x.yaml:2: this is no run");
    refuse("# run 1: a\nabuot: x\n", -EINVAL, "x.yaml:2:1: unknown key");
    refuse("syscalls:\n  allow:\n    - raed # run 1\n", -EINVAL, "x.yaml:3: unknown system call");
    refuse("mounts: 3\n", -EINVAL, "x.yaml:1:9");
}

static void test_whose_it_is(void **state)
{
    static const char theirs[] = "about: x # run 1: a\nextends: [\"# run 1: a\"]\n# run 65: a\n";

    (void)state;
    assert_true(book_is_ours(first, strlen(first)));
    assert_true(book_is_ours("about: x\n  # run 2: a\n", 22));
    assert_false(book_is_ours(theirs, strlen(theirs)));
    assert_false(book_is_ours("", 0));
}

/* Bytes of any kind are refused or read, and what was read can be written. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(first); len++) {
        char *text = strndup(first, len);
        struct fixture f;

        if (read_book(&f, text) == 0) {
            struct buf out = {0};

            assert_int_equal(book_write(&f.needs, &out), 0);
            buf_done(&out);
        }
        arena_done(&f.arena);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_comes_back),
        cmocka_unit_test(test_a_new_one),
        cmocka_unit_test(test_a_head_of_a_person_stays),
        cmocka_unit_test(test_what_would_be_lost_is_refused),
        cmocka_unit_test(test_what_is_no_book_is_refused),
        cmocka_unit_test(test_whose_it_is),
        cmocka_unit_test(test_cut_anywhere),
    };

    return test_run(tests);
}
