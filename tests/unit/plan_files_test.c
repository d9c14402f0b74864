/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/files.h"

#include "plan_mounts.h"

#include <errno.h>
#include <stdio.h>

static Crib__CopyIn *copy_in(struct fixture *f, const char *path)
{
    Crib__CopyIn *in = ARENA_NEW(&f->arena, crib__copy_in, Crib__CopyIn);

    in->has_path = in->has_content = true;
    in->path = bytes(path);
    assert_int_equal(arena_push(&f->arena, &f->task->copy_in, &f->task->n_copy_in, in), 0);
    return in;
}

static Crib__CopyOut *copy_out(struct fixture *f, const char *path)
{
    Crib__CopyOut *out = ARENA_NEW(&f->arena, crib__copy_out, Crib__CopyOut);

    out->has_path = true;
    out->path = bytes(path);
    assert_int_equal(arena_push(&f->arena, &f->task->copy_out, &f->task->n_copy_out, out), 0);
    return out;
}

static void start(struct fixture *f)
{
    fixture_start(f);
    add_mount(f, TMPFS, NULL, "/tmp");
}

static void test_nothing_is_planned_for_nothing(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    must_build(&f);
    assert_null(f.plan->files);
    fixture_done(&f);
}

static void test_what_is_planned(void **state)
{
    struct fixture f;
    Crib__CopyIn *in;
    Crib__CopyOut *out;

    (void)state;
    start(&f);
    in = copy_in(&f, "//tmp/./a/");
    in->content = bytes("hello");
    in = copy_in(&f, "/tmp/d/b");
    in->has_content = false;
    in->has_source = true;
    in->source = bytes("/home/user/b");
    in->has_max = true;
    in->max = 7;
    in = copy_in(&f, "/tmp/c");
    in->has_content = false;
    in->has_from = in->has_mode = true;
    in->mode = 0777;
    copy_out(&f, "/tmp/out");
    out = copy_out(&f, "/tmp/more");
    out->has_target = out->has_optional = out->optional = true;
    out->target = bytes("more");
    must_build(&f);
    assert_int_equal(f.plan->files->n_in, 3);
    assert_string_equal((char *)f.plan->files->in[0]->path.data, "/tmp/a");
    assert_int_equal(f.plan->files->in[0]->max, FILES_SIZE);
    assert_int_equal(f.plan->files->in[0]->mode, 0644);
    assert_true(f.plan->files->in[0]->has_mode);
    assert_int_equal(f.plan->files->in[1]->fd, 1);
    assert_int_equal(f.plan->files->in[1]->max, 7);
    assert_false(f.plan->files->in[1]->has_mode); /* init looks at the source */
    assert_int_equal(f.plan->files->in[2]->mode, 0777);
    assert_int_equal(f.plan->files->n_out, 2);
    assert_string_equal((char *)f.plan->files->out[0]->path.data, "/tmp/out");
    assert_int_equal(f.plan->files->out[0]->max, FILES_CONTENT);
    assert_false(f.plan->files->out[0]->optional);
    assert_int_equal(f.plan->files->out[1]->max, FILES_SIZE);
    assert_true(f.plan->files->out[1]->optional);
    fixture_done(&f);
}

/* @sentence: behind `copy_…[0]`. */
static void refused(struct fixture *f, int code, const char *sentence)
{
    must_refuse(f, code, arena_printf(&f->arena, "copy_in[0]%s", sentence));
    f->task->n_copy_in = 0;
}

static void refused_out(struct fixture *f, int code, const char *sentence)
{
    must_refuse(f, code, arena_printf(&f->arena, "copy_out[0]%s", sentence));
    f->task->n_copy_out = 0;
}

static void refused_path(struct fixture *f, const char *path, int code, const char *sentence)
{
    copy_in(f, path);
    refused(f, code, sentence);
    copy_out(f, path);
    refused_out(f, code, sentence);
}

static void test_paths_that_are_none(void **state)
{
    struct fixture f;
    char deep[5000] = "/tmp/";

    (void)state;
    start(&f);
    copy_in(&f, "/tmp/x")->has_path = false;
    refused(&f, -EINVAL, ": it names no path inside");
    copy_out(&f, "/tmp/x")->has_path = false;
    refused_out(&f, -EINVAL, ": it names no path inside");
    refused_path(&f, "tmp/x", -EINVAL, " tmp/x: not an absolute path inside the sandbox");
    refused_path(&f, "/tmp/../etc/x", -EINVAL, " /tmp/../etc/x: the path has a `..` in it");
    refused_path(&f, "/tmp/x/..", -EINVAL, " /tmp/x/..: the path has a `..` in it");
    copy_in(&f, "/tmp/x")->path.len = 0;
    must_refuse(&f, -EINVAL, "copy_in[0]: the path is empty");
    f.task->copy_in[0]->path = (ProtobufCBinaryData){8, (uint8_t *)"/tmp/a\0b"};
    must_refuse(&f, -EINVAL, "copy_in[0]: the path has a NUL byte inside");
    memset(deep + 5, 'x', sizeof(deep) - 6);
    f.task->copy_in[0]->path = bytes(deep);
    assert_int_equal(plan_build(f.task, f.host, &f.arena, &f.plan, &f.err), -ENAMETOOLONG);
    fixture_done(&f);
}

static void test_places_that_are_not_the_tasks(void **state)
{
    static const char bind[] = ": it is inside a bind: what is there is on the host already, and "
                               "crib writes nothing to the host";
    struct fixture f;
    Crib__Mount *srv;

    (void)state;
    start(&f);
    add_path(&f, "/srv", A_DIR);
    srv = add_mount(&f, BIND, NULL, "/srv");
    srv->has_write = srv->write = true;
    add_mount(&f, PROC, NULL, "/proc");
    add_mount(&f, TMPFS, NULL, "/ro")->has_write = true;
    add_mount(&f, FILE_, NULL, "/tmp/file")->has_content = true;
    add_mount(&f, TMPFS, NULL, "/srv/mem");
    refused_path(&f, "/x", -EROFS,
                 " /x: in the root itself a task writes nothing: name a path below a tmpfs");
    refused_path(&f, "/", -EROFS,
                 " /: in the root itself a task writes nothing: name a path below a tmpfs");
    refused_path(&f, "/srv/x", -EXDEV, arena_printf(&f.arena, " /srv/x%s", bind));
    refused_path(&f, "/proc/self/root/etc/shadow", -EINVAL,
                 " /proc/self/root/etc/shadow: no file can be made there: name a path below a "
                 "tmpfs");
    refused_path(&f, "/ro/x", -EROFS, " /ro/x: the mount there has `write: false`");
    refused_path(&f, "/tmp", -EEXIST, " /tmp: a mount has put something there");
    refused_path(&f, "/tmp/file", -EEXIST, " /tmp/file: a mount has put something there");
    copy_in(&f, "/srv/mem/x"); /* memory over a bind is memory */
    copy_out(&f, "/srv/mem/y");
    must_build(&f);
    fixture_done(&f);
}

static void test_planned_symlinks_are_led_through(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    add_mount(&f, SYMLINK, "/tmp", "/jobs");
    add_mount(&f, SYMLINK, "/loop", "/loop");
    copy_in(&f, "/jobs/x");
    must_build(&f);
    assert_string_equal((char *)f.plan->files->in[0]->path.data, "/tmp/x");
    f.task->n_copy_in = 0;
    refused_path(&f, "/loop/x", -ELOOP, " /loop/x: the policy's symlinks lead around in a circle");
    fixture_done(&f);
}

static void test_one_source_and_one_target(void **state)
{
    struct fixture f;
    Crib__CopyOut *out;

    (void)state;
    start(&f);
    copy_in(&f, "/tmp/x")->has_content = false;
    refused(&f, -EINVAL, " /tmp/x: it needs one of `content`, `source`, `from` and `name`");
    copy_in(&f, "/tmp/x")->has_from = true;
    refused(&f, -EINVAL, " /tmp/x: it needs one of `content`, `source`, `from` and `name`");
    out = copy_out(&f, "/tmp/x");
    out->has_to = true;
    out->name = "a";
    refused_out(&f, -EINVAL, " /tmp/x: it needs one of `target`, `to` and `name` at most");
    fixture_done(&f);
}

static void test_caps(void **state)
{
    struct fixture f;
    Crib__CopyIn *in;
    Crib__CopyOut *out;

    (void)state;
    start(&f);
    in = copy_in(&f, "/tmp/x");
    in->content = bytes("12345");
    in->has_max = true;
    in->max = 4;
    refused(&f, -EFBIG, " /tmp/x: 5 bytes, over its cap of 4");
    copy_in(&f, "/tmp/x")->has_max = true;
    refused(&f, -EINVAL, " /tmp/x: its `max` of 0 leaves no room");
    in = copy_in(&f, "/tmp/x");
    in->has_max = true;
    in->max = UINT64_MAX;
    refused(&f, -EINVAL, " /tmp/x: its `max` is more than any file can have");
    in = copy_in(&f, "/tmp/x");
    in->has_mode = true;
    in->mode = 04755;
    refused(&f, -EINVAL, " /tmp/x: `mode` is more than the permission bits 0 to 0777");
    out = copy_out(&f, "/tmp/x");
    out->has_max = true;
    out->max = FILES_CONTENT + 1;
    refused_out(&f, -EFBIG,
                " /tmp/x: content in the result has at most 1M: name a `target` or an fd for more");
    out = copy_out(&f, "/tmp/x");
    out->has_max = out->has_to = true;
    out->max = FILES_CONTENT + 1;
    must_build(&f);
    out->max = 0;
    refused_out(&f, -EINVAL, " /tmp/x: its `max` of 0 leaves no room");
    fixture_done(&f);
}

static void test_numbers(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    copy_in(&f, "/tmp/x");
    copy_in(&f, "/tmp//x");
    must_refuse(&f, -EEXIST, "copy_in[1] /tmp/x: two files are copied to the same path");
    f.task->n_copy_in = 0;
    copy_out(&f, "/tmp/x");
    copy_out(&f, "/tmp/x/.");
    must_refuse(&f, -EEXIST, "copy_out[1] /tmp/x: the same path is copied twice");
    f.task->n_copy_out = 0;
    for (int i = 0; i < FILES_MAX; i++) {
        copy_in(&f, arena_printf(&f.arena, "/tmp/%d", i));
        copy_out(&f, arena_printf(&f.arena, "/tmp/%d", i));
    }
    must_build(&f);
    copy_in(&f, "/tmp/more");
    must_refuse(&f, -E2BIG, "copy_in: 65 files, at most 64 are allowed");
    f.task->n_copy_in = 0;
    copy_out(&f, "/tmp/more");
    must_refuse(&f, -E2BIG, "copy_out: 65 files, at most 64 are allowed");
    fixture_done(&f);
}

static void test_who_can_have_none(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    copy_out(&f, "/tmp/x");
    f.task->has_detached = f.task->detached = true;
    must_refuse(&f, -EINVAL, "detached: a detached task has no parent to take its files");
    f.task->detached = false;
    f.policy->n_mounts = 0;
    f.policy->namespaces = ARENA_NEW(&f.arena, crib__namespaces, Crib__Namespaces);
    f.policy->namespaces->has_mount = true;
    f.policy->namespaces->mount = CRIB__NAMESPACES__SPACE__host;
    must_refuse(&f, -EINVAL,
                "copy_out: with `namespaces.mount: host` the task's files are the host's: there is "
                "nothing to copy");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_planned_for_nothing),
        cmocka_unit_test(test_what_is_planned),
        cmocka_unit_test(test_paths_that_are_none),
        cmocka_unit_test(test_places_that_are_not_the_tasks),
        cmocka_unit_test(test_planned_symlinks_are_led_through),
        cmocka_unit_test(test_one_source_and_one_target),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_who_can_have_none),
    };

    return test_run(tests);
}
