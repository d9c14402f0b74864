/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees of chance: what is committed is what the task saw, and nothing outside is touched, whatever
 * is in the upper directory and whoever swaps parts of the source.
 */
#include "support/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "supervise/commit.h"

#define ROUNDS 24
#define DEPTH  4
#define NAMES  5

static const char *const names[NAMES] = {"a", "b", "a-", "new\nline", "..."};

struct view {
    char text[1 << 16];
    size_t used;
};

static uint64_t seed;

static unsigned chance(unsigned of)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % of;
}

static int enter(int dir, const char *name)
{
    return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void put(int dir, const char *name, const char *text, mode_t mode)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void fill(int dir, int depth, bool upper, bool hostile);

static void put_dir(int dir, const char *name, int depth, bool upper, bool hostile)
{
    int inner;

    assert_int_equal(mkdirat(dir, name, 0700), 0);
    inner = enter(dir, name);
    assert_true(inner >= 0);
    assert_int_equal(fchmod(inner, chance(3) ? 0755 : 0700), 0);
    if (upper && chance(3) == 0)
        assert_int_equal(fsetxattr(inner, "user.overlay.opaque", "y", 1, 0), 0);
    fill(inner, depth + 1, upper, hostile);
    close(inner);
}

static void put_hostile(int dir, const char *name)
{
    switch (chance(3)) {
    case 0:
        assert_int_equal(mkfifoat(dir, name, 0644), 0);
        break;
    case 1:
        put(dir, name, "#!", 06755);
        break;
    default:
        assert_int_equal(symlinkat("../../outside", dir, name), 0);
    }
}

static void fill(int dir, int depth, bool upper, bool hostile)
{
    for (size_t i = 0; i < NAMES; i++) {
        unsigned kind = chance(hostile ? 8 : 7);

        if (kind <= 2 && depth < DEPTH)
            put_dir(dir, names[i], depth, upper, hostile);
        else if (kind == 3 && upper)
            assert_int_equal(mknodat(dir, names[i], S_IFCHR, makedev(0, 0)), 0);
        else if (kind == 4)
            put(dir, names[i], chance(2) ? "one" : "other", chance(2) ? 0644 : 0600);
        else if (kind == 5)
            assert_int_equal(symlinkat(chance(2) ? "x" : "../../outside", dir, names[i]), 0);
        else if (kind == 7)
            put_hostile(dir, names[i]);
    }
}

static bool look(int dir, const char *name, struct stat *ret)
{
    return dir >= 0 && fstatat(dir, name, ret, AT_SYMLINK_NOFOLLOW) == 0;
}

static void say(struct view *view, int dir, const char *path, const char *name,
                const struct stat *st)
{
    char data[64] = "";

    if (S_ISLNK(st->st_mode)) {
        assert_true(readlinkat(dir, name, data, sizeof(data) - 1) > 0);
    } else if (S_ISREG(st->st_mode)) {
        int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

        assert_true(fd >= 0 && read(fd, data, sizeof(data) - 1) >= 0);
        close(fd);
    }
    view->used += (size_t)snprintf(view->text + view->used, sizeof(view->text) - view->used,
                                   "%s/%s %o %s\n", path, name, st->st_mode, data);
    assert_true(view->used < sizeof(view->text));
}

static bool is_opaque(int dir)
{
    char value;

    return fgetxattr(dir, "user.overlay.opaque", &value, 1) == 1;
}

/* What an overlay of the two shows; -1: none. Closes both. */
static void see(struct view *view, int upper, int source, const char *path)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct stat st, below;
        bool up = look(upper, names[i], &st);
        int dir = up ? upper : source, inner;
        char next[256];

        if ((!up && !look(source, names[i], &st)) || S_ISCHR(st.st_mode))
            continue;
        say(view, dir, path, names[i], &st);
        if (!S_ISDIR(st.st_mode))
            continue;
        snprintf(next, sizeof(next), "%s/%s", path, names[i]);
        inner = enter(dir, names[i]);
        assert_true(inner >= 0);
        if (!up)
            see(view, -1, inner, next);
        else if (!is_opaque(inner) && look(source, names[i], &below) && S_ISDIR(below.st_mode))
            see(view, inner, enter(source, names[i]), next);
        else
            see(view, inner, -1, next);
    }
    if (upper >= 0)
        close(upper);
    if (source >= 0)
        close(source);
}

struct trees {
    int top, upper, source;
    struct arena arena;
    struct changes changes;
};

static int make(int top, const char *name)
{
    int dir;

    assert_int_equal(mkdirat(top, name, 0755), 0);
    dir = enter(top, name);
    assert_true(dir >= 0);
    return dir;
}

static int make_top(void)
{
    char *path = test_dir();
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(dir >= 0);
    free(path);
    return dir;
}

static void trees_init(struct trees *t, int dir, uint64_t round, bool hostile)
{
    char name[32];

    snprintf(name, sizeof(name), "round-%u", (unsigned)round);
    *t = (struct trees){.top = make(dir, name)};
    seed = round;
    close(make(t->top, "outside"));
    put(t->top, "outside/a", "good", 0644);
    t->upper = make(t->top, "upper");
    t->source = make(t->top, "source");
    fill(t->upper, 0, true, hostile);
    fill(t->source, 0, false, false);
    arena_init(&t->arena, 0);
    assert_int_equal(changes_find(t->upper, t->source, &t->arena, &t->changes), 0);
}

static void trees_done(struct trees *t)
{
    arena_done(&t->arena);
    close(t->top);
    close(t->upper);
    close(t->source);
}

static void test_what_was_seen_is_committed(void **state)
{
    static struct view before, after;
    int dir = make_top();

    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct trees t;

        trees_init(&t, dir, round, false);
        before.used = after.used = 0;
        before.text[0] = after.text[0] = '\0';
        see(&before, dup(t.upper), dup(t.source), "");
        assert_int_equal(commit_changes(t.upper, t.source, 1 << 20, &t.changes), 0);
        see(&after, -1, dup(t.source), "");
        if (strcmp(before.text, after.text) != 0)
            fail_msg("round %d: seen\n%s\ncommitted\n%s", (int)round, before.text, after.text);
        /* Then there is nothing left to do, but for whiteouts of what is gone. */
        t.changes = (struct changes){0};
        assert_int_equal(changes_find(t.upper, t.source, &t.arena, &t.changes), 0);
        for (size_t i = 0; i < t.changes.count; i++)
            assert_int_equal(t.changes.list[i].kind, CRIB__CHANGE__KIND__removed);
        trees_done(&t);
    }
    close(dir);
}

/* Directories of the source become symlinks that lead out of it. */
static void swap(int dir, int depth)
{
    for (size_t i = 0; i < NAMES; i++) {
        int inner = enter(dir, names[i]);
        char aside[32];

        if (inner < 0)
            continue;
        if (chance(3) == 0) {
            snprintf(aside, sizeof(aside), "aside-%u", (unsigned)i);
            assert_int_equal(renameat(dir, names[i], dir, aside), 0);
            assert_int_equal(
                symlinkat(&"../../../../../outside"[3 * (DEPTH - depth)], dir, names[i]), 0);
        } else {
            swap(inner, depth + 1);
        }
        close(inner);
    }
}

static void test_nothing_outside_is_touched(void **state)
{
    static struct view outside;
    int dir = make_top();

    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct trees t;
        struct stat st;

        trees_init(&t, dir, round, true);
        swap(t.source, 0);
        commit_changes(t.upper, t.source, 1 << 20, &t.changes);
        outside.used = 0;
        see(&outside, -1, enter(t.top, "outside"), "");
        assert_string_equal(outside.text, "/a 100644 good\n");
        for (size_t i = 0; i < t.changes.count; i++)
            if (fstatat(t.source, t.changes.list[i].path, &st, AT_SYMLINK_NOFOLLOW) == 0)
                assert_true((st.st_mode & 06000) == 0 && !S_ISFIFO(st.st_mode));
        trees_done(&t);
    }
    close(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_seen_is_committed),
        cmocka_unit_test(test_nothing_outside_is_touched),
    };

    return test_run(tests);
}
