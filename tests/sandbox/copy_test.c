/* SPDX-License-Identifier: Apache-2.0 */
/* Files copied in and out: what comes over, whose it is, and what is refused. */
#include "sandbox/copying.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

static void test_content_goes_in_and_comes_out(void **state)
{
    struct copying c;

    (void)state;
    copying_start(&c);
    copying_in(&c, "/tmp/in", "hello");
    copying_in(&c, "/tmp/empty", "");
    copying_in(&c, "/tmp/a/b/deep", "#!/bin/sh\necho ran\n")->mode = 0755;
    copying_out(&c, "/tmp/out");
    copying_out(&c, "/tmp/none");
    copying_out(&c, "/tmp/list");
    copying_run(&c, "cat /tmp/in >/tmp/out; : >/tmp/none; echo more >>/tmp/in && mkdir /tmp/a/c &&"
                    "stat -c '%n %a %s %U' /tmp/in /tmp/empty /tmp/a/b /tmp/a/b/deep >/tmp/list;"
                    "/tmp/a/b/deep");
    copying_got(&c, 0, "hello");
    copying_got(&c, 1, "");
    copying_got(&c, 2, NULL);
    test_contains(c.copied[2].data, "/tmp/in 644 10 ");
    test_contains(c.copied[2].data, "/tmp/empty 644 0 ");
    test_contains(c.copied[2].data, "/tmp/a/b 755 ");
    test_contains(c.copied[2].data, "/tmp/a/b/deep 755 19 ");
    test_contains(c.json, "\"copied\"");
    live_says(&c.task, "spawn exit close ");
    assert_int_equal(c.task.result.verdict, CRIB_EXITED);
    live_wrote(&c.task, "ran\n");
    copying_done(&c);
}

/* By path and by fd, both ways; what a caller gave is as it was. */
static void test_files_of_the_host(void **state)
{
    char *dir = test_dir(), source[300], target[300], *text;
    struct crib_copy_in *in;
    struct crib_copy_out *out;
    struct copying c;
    struct stat st;
    int from, to;

    (void)state;
    copying_start(&c);
    snprintf(source, sizeof(source), "%s/source", dir);
    snprintf(target, sizeof(target), "%s/target", dir);
    test_write(source, "#!/bin/sh\necho ran\n", 19, 0700);
    from = memfd_create("x", MFD_CLOEXEC);
    assert_int_equal(write(from, "of an fd", 8), 8); /* its offset is at the end now */
    to = memfd_create("x", MFD_CLOEXEC);
    assert_int_equal(write(to, "> ", 2), 2);
    in = copying_in(&c, "/tmp/prog", NULL);
    in->kind = CRIB_COPY_PATH;
    in->source = source;
    in = copying_in(&c, "/tmp/fd", NULL);
    in->kind = CRIB_COPY_FD;
    in->fd = from;
    out = copying_out(&c, "/tmp/x");
    out->kind = CRIB_COPY_PATH;
    out->target = target;
    out = copying_out(&c, "/tmp/fd");
    out->kind = CRIB_COPY_FD;
    out->fd = to;
    copying_run(&c, "/tmp/prog >/tmp/x; stat -c %a /tmp/prog /tmp/fd");
    copying_got(&c, 0, NULL);
    copying_got(&c, 1, NULL);
    assert_int_equal(c.copied[0].size, 4);
    assert_null(c.copied[0].data);
    text = test_read(target, NULL);
    assert_string_equal(text, "ran\n");
    free(text);
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_mode & 07133, 0);
    assert_int_equal(st.st_uid, geteuid());
    assert_int_equal(lseek(from, 0, SEEK_CUR), 8);
    text = calloc(1, 64);
    assert_int_equal(pread(to, text, 63, 0), 10);
    assert_string_equal(text, "> of an fd");
    free(text);
    live_wrote(&c.task, "744\n644\n");
    fd_close(&from);
    fd_close(&to);
    copying_done(&c);
    free(dir);
}

/* Files stay in their sandbox: two tasks at once with the same names. */
static void test_they_are_the_tasks_own(void **state)
{
    struct copying one, other;

    (void)state;
    copying_start(&one);
    copying_start(&other);
    copying_in(&one, "/tmp/x", "one");
    copying_in(&other, "/tmp/x", "other");
    copying_out(&one, "/tmp/x");
    copying_out(&other, "/tmp/x");
    copying_run(&one, ":");
    copying_run(&other, ":");
    copying_got(&one, 0, "one");
    copying_got(&other, 0, "other");
    copying_done(&one);
    copying_done(&other);
}

static void refused(const char *path, int code, const char *part)
{
    struct copying c;

    copying_start(&c);
    copying_in(&c, path, "x");
    copying_run(&c, "echo ran");
    copying_refused(&c, code, part);
    copying_done(&c);
}

static void test_places_that_are_refused(void **state)
{
    (void)state;
    refused("/x", -EROFS, "copy_in[0] /x: in the root itself");
    refused("/usr/bin/x", -EXDEV, "copy_in[0] /usr/bin/x: it is inside a bind");
    refused("/tmp/../usr/x", -EINVAL, "has a `..` in it");
    refused("/proc/1/comm", -EINVAL, "copy_in[0] /proc/1/comm: no file can be made there");
    refused("/tmp", -EEXIST, "copy_in[0] /tmp: a mount has put something there");
    refused("tmp/x", -EINVAL, "not an absolute path");
    refused("/dev/null", -EXDEV, "copy_in[0] /dev/null");
}

/* init's own steps, which the plan cannot foresee. */
static void test_steps_that_fail(void **state)
{
    char *dir = test_dir(), source[300];
    struct crib_copy_in *in;
    struct copying c;

    (void)state;
    copying_start(&c);
    copying_in(&c, "/tmp/x", "x");
    copying_in(&c, "/tmp/x/y", "y"); /* below a file: "copy_target" */
    copying_out(&c, "/tmp/out");
    copying_run(&c, "echo ran");
    copying_missed(&c, 0, -ECANCELED, "copy_out[0] /tmp/out: the program never ran");
    copying_refused(&c, -ENOTDIR, "copy_in[1] /tmp/x/y: make the file: Not a directory");
    copying_done(&c);

    snprintf(source, sizeof(source), "%s/large", dir);
    test_write(source, "x", 1, 0644);
    assert_int_equal(truncate(source, 80 << 20), 0);
    copying_start(&c);
    in = copying_in(&c, "/tmp/x", NULL); /* more than the file system holds: "copy_in" */
    in->kind = CRIB_COPY_PATH;
    in->source = source;
    in->max = 100 << 20;
    copying_run(&c, "echo ran");
    copying_refused(&c, -ENOSPC, "copy_in[0] /tmp/x: copy: No space left on device");
    copying_done(&c);
    free(dir);
}

/* What says that it is small, and is not: "copy_size". */
static void test_a_source_that_grows(void **state)
{
    struct crib_copy_in *in;
    struct copying c;

    (void)state;
    copying_start(&c);
    in = copying_in(&c, "/tmp/x", NULL);
    in->kind = CRIB_COPY_PATH;
    in->source = "/proc/version";
    in->max = 4;
    copying_run(&c, "echo ran");
    copying_refused(&c, -EFBIG, "copy_in[0] /tmp/x: it has grown over its cap");
    copying_done(&c);
}

static void test_sources_that_are_refused(void **state)
{
    char *dir = test_dir(), path[300], large[300];
    const struct {
        const char *source, *part;
        int code;
    } sources[] = {
        {"/nonexistent/x", "copy_in[0] /nonexistent/x: source: No such file", -ENOENT},
        {"/dev/zero", "copy_in[0] /dev/zero: a device, not a regular file", -EINVAL},
        {"/proc/self/root/etc/passwd", "source: Too many levels of symbolic links", -ELOOP},
        {"/", "a directory, not a regular file", -EISDIR},
        {path, "a pipe, not a regular file", -EINVAL},
        {large, "1099511627776 bytes, over its cap of 67108864", -EFBIG},
    };

    (void)state;
    snprintf(path, sizeof(path), "%s/fifo", dir);
    snprintf(large, sizeof(large), "%s/sparse", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    test_write(large, "", 0, 0600);
    assert_int_equal(truncate(large, (off_t)1 << 40), 0);
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        struct copying c;
        struct crib_copy_in *in;

        copying_start(&c);
        in = copying_in(&c, "/tmp/x", NULL);
        in->kind = CRIB_COPY_PATH;
        in->source = sources[i].source;
        copying_run(&c, "echo ran");
        copying_refused(&c, sources[i].code, sources[i].part);
        copying_done(&c);
    }
    free(dir);
}

/* Each by its kind; what lies outside is not touched, nor told of. */
static void test_what_a_task_plants(void **state)
{
    static const struct {
        const char *path, *sentence;
        int code;
    } files[] = {
        {"/tmp/link", "a symlink, not a regular file", -ELOOP},
        {"/tmp/dirlink/passwd", "a symlink is on the way to it", -ELOOP},
        {"/tmp/self", "a symlink, not a regular file", -ELOOP},
        {"/tmp/dir", "a directory, not a regular file", -EISDIR},
        {"/tmp/fifo", "a FIFO, not a regular file", -EINVAL},
        {"/tmp/sock", "a socket, not a regular file", -EINVAL},
        {"/tmp/none", "No such file or directory", -ENOENT},
        {"/tmp/file/x", "Not a directory", -ENOTDIR},
        {"/tmp/sparse", "1099511627776 bytes, over its cap of 1048576", -EFBIG},
        {"/tmp/moved/x", "a symlink is on the way to it", -ELOOP},
        {"/tmp/magic", "a symlink, not a regular file", -ELOOP},
    };
    struct copying c;

    (void)state;
    copying_start(&c);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        copying_out(&c, files[i].path);
    copying_out(&c, "/tmp/unreadable");
    copying_out(&c, "/tmp/hard");
    copying_run(&c,
                "cd /tmp; ln -s /etc/passwd link; ln -s /etc dirlink; ln -s self self;"
                "mkdir dir moved; echo x >moved/x; mv moved away; ln -s away moved;"
                "mkfifo fifo; echo secret >file; ln file hard; cp file unreadable;"
                "chmod 0 unreadable; truncate -s 1T sparse; ln -s /proc/self/exe magic;"
                "perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => \"sock\","
                "Listen => 1) or die'; mknod dev c 1 3 2>/dev/null; mknod dev b 7 0 2>/dev/null;"
                "test ! -e dev");
    assert_int_equal(c.task.result.status, 0);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char sentence[300];

        snprintf(sentence, sizeof(sentence), "copy_out[%zu] %s: %s", i, files[i].path,
                 files[i].sentence);
        copying_missed(&c, i, files[i].code, sentence);
    }
    copying_got(&c, c.n_out - 2, "secret\n"); /* it is the task's, whatever its mode */
    copying_got(&c, c.n_out - 1, "secret\n");
    copying_done(&c);
}

static void test_paths_out_of_the_sandbox(void **state)
{
    static const char *const paths[] = {"/tmp/d/../../etc/shadow", "/proc/self/root/etc/shadow",
                                        "/proc/1/root/etc/shadow", "/etc/passwd", "/usr/bin/env"};

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct copying c;

        copying_start(&c);
        copying_out(&c, paths[i]);
        copying_run(&c, "echo ran");
        if (c.code >= 0)
            fail_msg("%s was accepted", paths[i]);
        assert_string_equal(c.error.step, "copy_out");
        copying_done(&c);
    }
}

static void test_a_missing_file_may_be_no_error(void **state)
{
    struct copying c;

    (void)state;
    copying_start(&c);
    copying_out(&c, "/tmp/none")->optional = true;
    copying_out(&c, "/tmp/link")->optional = true;
    copying_run(&c, "ln -s /etc/passwd /tmp/link");
    assert_false(c.copied[0].there);
    assert_int_equal(c.copied[0].error.code, 0);
    copying_missed(&c, 1, -ELOOP, "copy_out[1] /tmp/link: a symlink, not a regular file");
    copying_done(&c);
}

static void test_names_are_bytes(void **state)
{
    struct copying c;

    (void)state;
    copying_start(&c);
    copying_in(&c, "/tmp/\xff\n'\"; rm", "odd");
    copying_out(&c, "/tmp/\xff\n'\"; rm");
    copying_out(&c, "/tmp/\xc3\x28\x1b[31m");
    copying_run(&c, ":");
    copying_got(&c, 0, "odd");
    assert_int_equal(c.copied[1].error.code, -ENOENT);
    copying_done(&c);
}

/* What the result holds has a cap of its own, for each and for all. */
static void test_contents_have_a_cap(void **state)
{
    struct copying c;

    (void)state;
    copying_start(&c);
    copying_out(&c, "/tmp/a");
    copying_out(&c, "/tmp/b");
    copying_out(&c, "/tmp/c");
    copying_out(&c, "/tmp/d")->max = 3;
    copying_out(&c, "/tmp/e");
    copying_run(&c, "cd /tmp; head -c 1048576 /dev/zero | tee a b c >/dev/null; echo 123 >d;"
                    "head -c 1048577 /dev/zero >e");
    copying_got(&c, 0, NULL);
    copying_got(&c, 1, NULL);
    copying_missed(&c, 2, -EFBIG,
                   "copy_out[2] /tmp/c: the files kept in the result are over 2097152 bytes "
                   "together: name a target for it");
    copying_missed(&c, 3, -EFBIG, "copy_out[3] /tmp/d: 4 bytes, over its cap of 3");
    copying_missed(&c, 4, -EFBIG, "copy_out[4] /tmp/e: 1048577 bytes, over its cap of 1048576");
    copying_done(&c);
}

/* A target is filled whole, or not there. */
static void test_a_target_is_whole_or_gone(void **state)
{
    char *dir = test_dir(), target[2][300];
    struct crib_copy_out *out;
    struct copying c;
    struct stat st;

    (void)state;
    copying_start(&c);
    for (int i = 0; i < 2; i++) {
        snprintf(target[i], sizeof(target[i]), "%s/%d", dir, i);
        out = copying_out(&c, i ? "/tmp/good" : "/tmp/bad");
        out->kind = CRIB_COPY_PATH;
        out->target = target[i];
        out->max = 30 << 20;
    }
    copying_run(&c, "cd /tmp; head -c 31457280 /dev/zero >good; truncate -s 31457281 bad");
    copying_missed(&c, 0, -EFBIG, "copy_out[0] /tmp/bad: 31457281 bytes, over its cap of 31457280");
    assert_int_equal(stat(target[0], &st), -1);
    copying_got(&c, 1, NULL);
    assert_int_equal(stat(target[1], &st), 0);
    assert_int_equal(st.st_size, 31457280);
    copying_done(&c);
    free(dir);
}

static void test_a_target_is_made_as_the_caller(void **state)
{
    char *dir = test_dir(), taken[300];
    const struct {
        const char *target, *part;
        int code;
    } targets[] = {
        {"/nonexistent/x", "copy_out[0] /nonexistent/x: target: No such file", -ENOENT},
        {taken, "target: File exists", -EEXIST},
        {"/proc/x", "target: ", -ENOENT},
    };

    (void)state;
    snprintf(taken, sizeof(taken), "%s/taken", dir);
    assert_int_equal(symlink("/tmp/elsewhere-of-crib", taken), 0);
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        struct copying c;
        struct crib_copy_out *out;

        copying_start(&c);
        out = copying_out(&c, "/tmp/x");
        out->kind = CRIB_COPY_PATH;
        out->target = targets[i].target;
        copying_run(&c, "echo ran");
        copying_refused(&c, targets[i].code, targets[i].part);
        copying_done(&c);
    }
    assert_int_equal(access("/tmp/elsewhere-of-crib", F_OK), -1);
    free(dir);
}

/* In an overlay as in a tmpfs: what is below stays as it is, also where it leads elsewhere. */
static void test_in_an_overlay(void **state)
{
    char *dir = test_dir(), path[300], *text;
    struct crib_overlay overlay = {.source = dir, .target = "/box"};
    struct copying c;

    (void)state;
    assert_int_equal(chmod(dir, 0777), 0);
    snprintf(path, sizeof(path), "%s/link", dir);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof(path), "%s/file", dir);
    test_write(path, "below\n", 6, 0666);
    assert_int_equal(chmod(path, 0666), 0);
    if (sandbox_privileged()) /* an id that the task has not cannot be taken along */
        assert_int_equal(chown(path, sandbox_task_uid(), sandbox_task_gid()), 0);
    copying_start(&c);
    c.task.options.overlays = &overlay;
    c.task.options.overlay_count = 1;
    copying_in(&c, "/box/d/in", "in\n");
    copying_out(&c, "/box/file");
    copying_out(&c, "/box/made");
    copying_out(&c, "/box/link");
    copying_run(&c, "cd /box; cat d/in >>file; cp file made");
    copying_got(&c, 0, "below\nin\n");
    copying_got(&c, 1, "below\nin\n");
    copying_missed(&c, 2, -ELOOP, "copy_out[2] /box/link: a symlink, not a regular file");
    copying_done(&c);
    text = test_read(path, NULL);
    assert_string_equal(text, "below\n");
    free(text);
    copying_start(&c);
    c.task.options.overlays = &overlay;
    c.task.options.overlay_count = 1;
    copying_in(&c, "/box/link", "in");
    copying_run(&c, "echo ran");
    copying_refused(&c, -EEXIST, "copy_in[0] /box/link: make the file: File exists");
    copying_done(&c);
    free(dir);
}

static void test_where_an_ordinary_caller_may_not_write(void **state)
{
    struct copying c;
    struct crib_copy_out *out;
    struct crib_copy_in *in;

    (void)state;
    sandbox_only_privileged(false);
    copying_start(&c);
    out = copying_out(&c, "/tmp/x");
    out->kind = CRIB_COPY_PATH;
    out->target = "/usr/bin/crib-copy-test";
    copying_run(&c, "echo ran");
    copying_refused(&c, -EACCES, "copy_out[0] /usr/bin/crib-copy-test: target: Permission denied");
    copying_done(&c);
    copying_start(&c);
    in = copying_in(&c, "/tmp/x", NULL);
    in->kind = CRIB_COPY_PATH;
    in->source = "/etc/shadow";
    copying_run(&c, "echo ran");
    copying_refused(&c, -EACCES, "copy_in[0] /etc/shadow: source: Permission denied");
    copying_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_goes_in_and_comes_out),
        cmocka_unit_test(test_files_of_the_host),
        cmocka_unit_test(test_they_are_the_tasks_own),
        cmocka_unit_test(test_places_that_are_refused),
        cmocka_unit_test(test_steps_that_fail),
        cmocka_unit_test(test_a_source_that_grows),
        cmocka_unit_test(test_sources_that_are_refused),
        cmocka_unit_test(test_what_a_task_plants),
        cmocka_unit_test(test_paths_out_of_the_sandbox),
        cmocka_unit_test(test_a_missing_file_may_be_no_error),
        cmocka_unit_test(test_names_are_bytes),
        cmocka_unit_test(test_contents_have_a_cap),
        cmocka_unit_test(test_a_target_is_whole_or_gone),
        cmocka_unit_test(test_a_target_is_made_as_the_caller),
        cmocka_unit_test(test_in_an_overlay),
        cmocka_unit_test(test_where_an_ordinary_caller_may_not_write),
    };

    return sandbox_test_run(tests);
}
