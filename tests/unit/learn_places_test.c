/* SPDX-License-Identifier: Apache-2.0 */
/* From paths, in a real tree, to mounts. */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "learn/flow.h"
#include "learn/interpreter.h"
#include "learn/mounting.h"
#include "learn/places.h"
#include "plan/wants.h"

/* A directory that is no /tmp, so that places are told by what is in it. */
struct fixture {
    struct arena arena;
    struct needs needs;
    struct places places;
    char *dir, *work;
};

static char *in(struct fixture *f, const char *name)
{
    char *path = arena_printf(&f->arena, "%s/%s", f->work, name);

    assert_non_null(path);
    return path;
}

static void make_file(struct fixture *f, const char *name)
{
    test_write(in(f, name), "x", 1, 0644);
}

static void start(struct fixture *f)
{
    *f = (struct fixture){.dir = test_dir()};
    arena_init(&f->arena, 0);
    assert_int_equal(needs_init(&f->needs, &f->arena), 0);
    f->work = arena_printf(&f->arena, "%s/home/me/work", f->dir);
    assert_int_equal(mkdir(arena_printf(&f->arena, "%s/home", f->dir), 0755), 0);
    assert_int_equal(mkdir(arena_printf(&f->arena, "%s/home/me", f->dir), 0755), 0);
    assert_int_equal(mkdir(f->work, 0755), 0);
    make_file(f, "a");
    make_file(f, "b");
    assert_int_equal(mkdir(in(f, "sub"), 0755), 0);
    make_file(f, "sub/c");
    make_file(f, "../dotfile");
    f->places = (struct places){.needs = &f->needs,
                                .run = 1,
                                .cwd = f->work,
                                .home = arena_printf(&f->arena, "%s/home/me", f->dir),
                                .walker = {.arena = &f->arena, .uid = getuid(), .gid = getgid()}};
    usleep(20000); /* the clock of files is coarse: what is made from here on is of the run */
    clock_gettime(CLOCK_REALTIME, &f->places.start);
    usleep(20000);
}

static void use(struct fixture *f, const char *path, uint32_t wants)
{
    const struct path used = {path, wants};

    assert_int_equal(places_add(&f->places, &used), 0);
}

/* The mounts, each on a line, with WORK for the directory. */
static void expect(struct fixture *f, const char *expected)
{
    struct crib_error err = {0};
    struct buf out = {0};
    char *text, *at;

    assert_int_equal(mounting_tidy(&f->needs, f->places.home, &err), 0);
    for (size_t i = 0; i < f->needs.mount_count; i++) {
        assert_int_equal(flow_message(&out, &f->needs.mounts[i].mount->base), 0);
        assert_int_equal(buf_text(&out, "\n"), 0);
    }
    assert_int_equal(buf_append(&out, "", 1), 0);
    text = (char *)out.data;
    while ((at = strstr(text, f->dir))) {
        memmove(at + 1, at + strlen(f->dir), strlen(at + strlen(f->dir)) + 1);
        *at = '~';
    }
    assert_string_equal(text, expected);
    buf_done(&out);
    arena_done(&f->arena);
    free(f->dir);
}

#define WORK "~/home/me/work"
#define READ (WANT_OPEN | WANT_READ | PATH_FOLLOWED)

static void test_files_are_shown_with_their_directory(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    use(&f, in(&f, "a"), READ);
    use(&f, in(&f, "sub/c"), READ);
    expect(&f, "{target: " WORK "}\n");
}

static void test_what_is_in_a_home_is_shown_alone(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    use(&f, in(&f, "sub/c"), READ);
    use(&f, in(&f, "../dotfile"), READ);
    use(&f, f.places.home, READ);
    assert_int_equal(f.places.not_shown_count, 1);
    expect(&f, "{target: ~/home/me/dotfile}\n{target: " WORK "/sub}\n");
}

static void test_what_was_written_can_be(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    use(&f, in(&f, "a"), READ);
    use(&f, in(&f, "sub/c"), WANT_OPEN | WANT_WRITE | PATH_FOLLOWED);
    expect(&f, "{target: " WORK "}\n{target: " WORK "/sub, write: true}\n");
    start(&f);
    make_file(&f, "sub/new");
    use(&f, in(&f, "sub/new"), WANT_OPEN | WANT_MAKE | WANT_WRITE | PATH_FOLLOWED);
    use(&f, in(&f, "a"), WANT_OPEN | WANT_MAKE | WANT_READ | PATH_FOLLOWED);
    expect(&f, "{target: " WORK "}\n{target: " WORK "/sub, write: true}\n");
    start(&f);
    use(&f, in(&f, "gone"), WANT_REMOVE);
    use(&f, in(&f, "sub/c"), READ);
    expect(&f, "{target: " WORK ", write: true}\n");
}

static void test_what_is_not_there_is_not_shown(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    use(&f, in(&f, "none"), READ);
    use(&f, "/var/run/no-such-thing/socket", WANT_WRITE | PATH_FOLLOWED);
    use(&f, "/bin/no-such-thing", WANT_EXEC | PATH_FOLLOWED);
    use(&f, "/", READ);
    use(&f, "relative", READ);
    expect(&f, "");
}

static void test_directories_that_were_looked_at_are_empty(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    use(&f, in(&f, "sub"), PATH_FOLLOWED);
    expect(&f, "{type: dir, target: " WORK "/sub}\n");
    start(&f);
    use(&f, f.work, WANT_ENTER | PATH_FOLLOWED);
    use(&f, in(&f, "sub/c"), READ);
    expect(&f, "{target: " WORK "/sub}\n");
    start(&f);
    use(&f, in(&f, "sub"), PATH_FOLLOWED);
    use(&f, in(&f, "sub"), READ);
    expect(&f, "{target: " WORK "/sub}\n");
}

static void test_symlinks_are_shown_as_they_are(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    assert_int_equal(symlink("work/sub", in(&f, "../link")), 0);
    use(&f, in(&f, "../link/c"), READ);
    expect(&f, "{type: host, target: ~/home/me/link}\n{target: " WORK "/sub}\n");
    start(&f);
    assert_int_equal(symlink("/dev/null", in(&f, "nothing")), 0);
    use(&f, in(&f, "nothing"), 0); /* of the link itself */
    expect(&f, "{target: " WORK "}\n");
    start(&f);
    assert_int_equal(symlink("/dev/null", in(&f, "nothing")), 0);
    use(&f, in(&f, "nothing"), READ);
    expect(&f, "{target: /dev/null, write: true, dev: true}\n{target: " WORK "}\n");
    start(&f);
    assert_int_equal(symlink("round", in(&f, "round")), 0);
    use(&f, in(&f, "round"), READ);
    expect(&f, "");
}

static void test_parts_of_the_system(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    use(&f, "/usr/bin/../bin/env", READ);
    use(&f, "/etc/passwd", READ);
    use(&f, "/proc/self/exe", READ);
    use(&f, "/proc/meminfo", READ);
    use(&f, "/dev/urandom", READ);
    use(&f, "/dev/shm/x-not-there", WANT_OPEN | WANT_MAKE | WANT_WRITE | PATH_FOLLOWED);
    use(&f, "/etc", READ);
    assert_int_equal(f.places.not_shown_count, 1);
    expect(&f, "{type: tmpfs, target: /dev/shm, mode: 01777}\n"
               "{target: /dev/urandom, write: true, dev: true}\n"
               "{target: /etc/passwd}\n"
               "{type: proc, target: /proc}\n"
               "{type: host, target: /usr}\n");
}

/* What a run leaves in /tmp is scratch; what it found there is not. */
static void test_scratch_files(void **state)
{
    char scratch[] = "/tmp/crib-learn-XXXXXX";
    struct fixture f;
    int fd;

    (void)state;
    start(&f);
    fd = mkostemp(scratch, O_CLOEXEC);
    assert_true(fd >= 0);
    close(fd);
    use(&f, scratch, WANT_OPEN | WANT_MAKE | WANT_NEW | WANT_WRITE);
    expect(&f, "{type: tmpfs, target: /tmp, mode: 01777}\n");
    start(&f);
    use(&f, scratch, READ);
    unlink(scratch);
    assert_int_equal(f.needs.mount_count, 1);
    assert_int_equal(f.needs.mounts[0].mount->target.len, strlen(scratch));
    expect(&f, arena_printf(&f.arena, "{target: %s}\n", scratch));
}

static void test_the_loader_is_shown(void **state)
{
    const char *loader;
    struct fixture f;

    (void)state;
    start(&f);
    test_write(in(&f, "script"), "#! /bin/sh -e\n", 14, 0755);
    assert_int_equal(interpreter_of(in(&f, "script"), &f.arena, &loader), 1);
    assert_string_equal(loader, "/bin/sh");
    assert_int_equal(interpreter_of("/bin/sh", &f.arena, &loader), 1);
    assert_int_equal(loader[0], '/');
    assert_int_equal(interpreter_of(in(&f, "a"), &f.arena, &loader), 0);
    assert_int_equal(interpreter_of(in(&f, "none"), &f.arena, &loader), 0);
    assert_int_equal(interpreter_of(f.work, &f.arena, &loader), 0);
    assert_int_equal(mkfifo(in(&f, "fifo"), 0644), 0);
    assert_int_equal(interpreter_of(in(&f, "fifo"), &f.arena, &loader), 0);
    use(&f, in(&f, "script"), WANT_EXEC | PATH_FOLLOWED);
    assert_true(f.needs.mount_count >= 2);
    for (size_t i = 0; i < f.needs.mount_count; i++) /* the links there are this host's */
        if (strcmp(mounting_target(f.needs.mounts[i].mount, &f.arena), "/usr") == 0)
            f.needs.mounts[0] = f.needs.mounts[i];
    f.needs.mount_count = 1;
    expect(&f, "{type: host, target: /usr}\n");
}

/* Files cut short anywhere are no programs. */
static void test_headers_of_programs_are_not_believed(void **state)
{
    const char *loader;
    struct fixture f;
    size_t len;
    char *text;

    (void)state;
    start(&f);
    text = test_read("/bin/sh", &len);
    for (size_t i = 0; i < 1200 && i < len; i++) {
        test_write(in(&f, "cut"), text, i, 0755);
        assert_true(interpreter_of(in(&f, "cut"), &f.arena, &loader) >= 0);
    }
    for (size_t i = 4; i < 1200 && i < len; i++) {
        text[i] = (char)~text[i];
        test_write(in(&f, "cut"), text, 2048, 0755);
        assert_true(interpreter_of(in(&f, "cut"), &f.arena, &loader) >= 0);
        text[i] = (char)~text[i];
    }
    free(text);
    expect(&f, "");
}

/* Of root's tasks the rights are those of another id. */
static void test_what_the_task_cannot_reach_is_not_shown(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    f.places.walker.other = true;
    f.places.walker.uid = f.places.walker.gid = 4000000;
    use(&f, in(&f, "a"), WANT_OPEN | WANT_WRITE | PATH_FOLLOWED);
    assert_int_equal(f.needs.mount_count, 0); /* test_dir() is its maker's alone */
    chmod(f.dir, 0755);
    use(&f, in(&f, "a"), WANT_OPEN | WANT_WRITE | PATH_FOLLOWED);
    expect(&f, "{target: " WORK "}\n");
}

static void test_many_files_become_their_directory(void **state)
{
    struct crib_error err = {0};
    struct fixture f;
    char name[64];

    (void)state;
    start(&f);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "/etc/x/%u", i);
        assert_int_equal(mounting_add(&f.needs, 1 + i % 2, MOUNTING_READ, name), 0);
    }
    assert_int_equal(mounting_add(&f.needs, 3, MOUNTING_WRITE, "/etc/y/z"), 0);
    expect(&f, "{target: /etc/x}\n{target: /etc/y/z, write: true}\n");
    start(&f);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "/x%u", i);
        assert_int_equal(mounting_add(&f.needs, 1, MOUNTING_READ, name), 0);
    }
    assert_int_equal(mounting_tidy(&f.needs, NULL, &err), -E2BIG);
    test_contains(err.detail, "300 files are needed");
    arena_done(&f.arena);
    free(f.dir);
}

static void test_a_mount_is_marked_and_widened(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    assert_int_equal(mounting_add(&f.needs, 1, MOUNTING_READ, "/w"), 0);
    assert_int_equal(mounting_add(&f.needs, 2, MOUNTING_READ, "/w/a"), 0);
    assert_true(f.needs.mounts[0].need.runs == 3);
    assert_int_equal(mounting_add(&f.needs, 3, MOUNTING_WRITE, "/w"), 0);
    assert_int_equal(mounting_add(&f.needs, 4, MOUNTING_WRITE, "/w2"), 0);
    assert_int_equal(mounting_add(&f.needs, 4, MOUNTING_EMPTY, "/t"), 0);
    assert_int_equal(mounting_add(&f.needs, 5, MOUNTING_MEMORY, "/t"), 0);
    assert_int_equal(mounting_add(&f.needs, 5, MOUNTING_READ, "/t/x"), 0);
    assert_true(f.needs.mounts[0].need.runs == 7);
    expect(&f, "{type: tmpfs, target: /t, mode: 01777}\n{target: /t/x}\n"
               "{target: /w, write: true}\n{target: /w2, write: true}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_shown_with_their_directory),
        cmocka_unit_test(test_what_is_in_a_home_is_shown_alone),
        cmocka_unit_test(test_what_was_written_can_be),
        cmocka_unit_test(test_what_is_not_there_is_not_shown),
        cmocka_unit_test(test_directories_that_were_looked_at_are_empty),
        cmocka_unit_test(test_symlinks_are_shown_as_they_are),
        cmocka_unit_test(test_parts_of_the_system),
        cmocka_unit_test(test_scratch_files),
        cmocka_unit_test(test_the_loader_is_shown),
        cmocka_unit_test(test_headers_of_programs_are_not_believed),
        cmocka_unit_test(test_what_the_task_cannot_reach_is_not_shown),
        cmocka_unit_test(test_many_files_become_their_directory),
        cmocka_unit_test(test_a_mount_is_marked_and_widened),
    };

    return test_run(tests);
}
