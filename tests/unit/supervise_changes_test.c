/* SPDX-License-Identifier: Apache-2.0 */
/* An upper directory that somebody hostile has filled, and a source that somebody else moves about.
 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "supervise/commit.h"

struct trees {
    char *dir;
    int top, upper, source;
    struct arena arena;
    struct changes changes;
};

static void trees_init(struct trees *t)
{
    *t = (struct trees){.dir = test_dir()};
    t->top = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(t->top, "upper", 0755), 0);
    assert_int_equal(mkdirat(t->top, "source", 0755), 0);
    assert_int_equal(mkdirat(t->top, "outside", 0755), 0);
    t->upper = openat(t->top, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    t->source = openat(t->top, "source", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(t->upper >= 0 && t->source >= 0);
    arena_init(&t->arena, 0);
}

static void trees_done(struct trees *t)
{
    arena_done(&t->arena);
    close(t->top);
    close(t->upper);
    close(t->source);
    free(t->dir);
}

static void put(int dir, const char *name, const char *text, mode_t mode)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

/* `A path`, a line each, with the code of each. */
static const char *found(struct trees *t)
{
    static const char letters[] = "?AMD";
    const char *text = "";

    t->changes = (struct changes){0};
    assert_int_equal(changes_find(t->upper, t->source, &t->arena, &t->changes), 0);
    for (size_t i = 0; i < t->changes.count; i++)
        text = arena_printf(&t->arena, "%s%c %s\n", text, letters[t->changes.list[i].kind],
                            t->changes.list[i].path);
    return text;
}

static void test_kinds(void **state)
{
    struct trees t;

    (void)state;
    trees_init(&t);
    put(t.upper, "same", "x", 0644);
    put(t.source, "same", "x", 0644);
    put(t.upper, "mode", "x", 0600);
    put(t.source, "mode", "x", 0644);
    put(t.upper, "text", "y", 0644);
    put(t.source, "text", "x", 0644);
    put(t.upper, "new", "", 0644);
    put(t.upper, "held", "", 01400);
    assert_int_equal(mkdirat(t.upper, "d", 0755), 0);
    assert_int_equal(mkdirat(t.source, "d", 0755), 0);
    put(t.upper, "d/in", "", 0644);
    put(t.upper, "d-", "", 0644);
    assert_int_equal(symlinkat("a", t.upper, "link"), 0);
    assert_int_equal(symlinkat("b", t.source, "link"), 0);
    assert_string_equal(found(&t), "A d/in\nA d-\nM link\nM mode\nA new\nM text\n");
    trees_done(&t);
}

/* Every name on the way out of the source leads nowhere. */
static void test_a_commit_stays_beneath(void **state)
{
    struct trees t;
    struct stat st;

    (void)state;
    trees_init(&t);
    assert_int_equal(mkdirat(t.upper, "d", 0755), 0);
    put(t.upper, "d/file", "evil", 0644);
    put(t.upper, "over", "evil", 0644);
    found(&t);
    assert_int_equal(symlinkat("../outside", t.source, "d"), 0);
    put(t.top, "outside/target", "good", 0644);
    assert_int_equal(symlinkat("../outside/target", t.source, "over"), 0);
    commit_changes(t.upper, t.source, 1 << 20, &t.changes);
    /* The directory took the symlink's place, and so did the file. */
    assert_int_equal(fstatat(t.top, "outside/file", &st, 0), -1);
    assert_int_equal(fstatat(t.top, "outside/target", &st, 0), 0);
    assert_int_equal(st.st_size, 4);
    assert_int_equal(fstatat(t.source, "over", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISREG(st.st_mode));
    trees_done(&t);
}

/* Swapped after its place was made: nothing is followed then either. */
static void test_a_swapped_parent(void **state)
{
    struct trees t;
    struct stat st;

    (void)state;
    trees_init(&t);
    assert_int_equal(mkdirat(t.upper, "d", 0755), 0);
    assert_int_equal(mkdirat(t.source, "d", 0755), 0);
    put(t.upper, "d/file", "evil", 0644);
    assert_string_equal(found(&t), "A d/file\n");
    assert_int_equal(unlinkat(t.source, "d", AT_REMOVEDIR), 0);
    assert_int_equal(symlinkat("../outside", t.source, "d"), 0);
    assert_int_equal(commit_changes(t.upper, t.source, 1 << 20, &t.changes), 1);
    assert_true(t.changes.list[0].code == -ELOOP || t.changes.list[0].code == -ENOTDIR);
    assert_int_equal(fstatat(t.top, "outside/file", &st, 0), -1);
    trees_done(&t);
}

static void test_what_replaces_what(void **state)
{
    struct trees t;
    struct stat st;

    (void)state;
    trees_init(&t);
    assert_int_equal(mkdirat(t.source, "dir", 0755), 0);
    assert_int_equal(mkdirat(t.source, "dir/deep", 0755), 0);
    put(t.source, "dir/deep/file", "x", 0644);
    put(t.source, "file", "x", 0644);
    put(t.upper, "dir", "now a file", 0644);
    assert_int_equal(mkdirat(t.upper, "file", 0755), 0);
    put(t.upper, "file/in", "y", 0644);
    found(&t);
    assert_int_equal(commit_changes(t.upper, t.source, 1 << 20, &t.changes), 0);
    assert_int_equal(fstatat(t.source, "dir", &st, 0), 0);
    assert_int_equal(st.st_size, 10);
    assert_int_equal(fstatat(t.source, "file/in", &st, 0), 0);
    trees_done(&t);
}

static void test_sizes_and_bits(void **state)
{
    struct trees t;
    struct stat st;

    (void)state;
    trees_init(&t);
    put(t.upper, "a", "0123456789", 0644);
    put(t.upper, "b", "0123456789", 0644);
    put(t.upper, "suid", "x", 04755);
    assert_int_equal(mkfifoat(t.upper, "fifo", 0644), 0);
    found(&t);
    assert_int_equal(commit_changes(t.upper, t.source, 15, &t.changes), 3);
    assert_int_equal(t.changes.list[0].code, 0);
    assert_int_equal(t.changes.list[1].code, -EFBIG);
    assert_int_equal(t.changes.list[2].code, -EOPNOTSUPP);
    assert_int_equal(t.changes.list[3].code, -EPERM);
    assert_int_equal(fstatat(t.source, "b", &st, 0), -1);
    assert_int_equal(fstatat(t.source, "suid", &st, 0), -1);
    trees_done(&t);
}

/* Deeper than a path can say: told of as an error, and no recursion. */
static void test_depth(void **state)
{
    char name[201];
    struct trees t;
    bool told = false;
    int dir;

    (void)state;
    trees_init(&t);
    memset(name, 'x', 200);
    name[200] = '\0';
    dir = dup(t.upper);
    for (int i = 0; i < 30; i++) {
        int next;

        assert_int_equal(mkdirat(dir, name, 0755), 0);
        next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        close(dir);
        dir = next;
    }
    close(dir);
    found(&t);
    for (size_t i = 0; i < t.changes.count; i++)
        told = told || t.changes.list[i].code == -ENAMETOOLONG;
    assert_true(told);
    trees_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_a_commit_stays_beneath),
        cmocka_unit_test(test_a_swapped_parent),
        cmocka_unit_test(test_what_replaces_what),
        cmocka_unit_test(test_sizes_and_bits),
        cmocka_unit_test(test_depth),
    };

    return test_run(tests);
}
