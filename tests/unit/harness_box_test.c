/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of cases: what a task leaves there is neither followed nor left behind. */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "harness/box.h"

#define DEEP 3000 /* directories, far deeper than a path can be long */

struct boxed {
    struct boxes boxes;
    struct box box;
    char *outside; /* a directory with `secret` in it, which is none of the case's business */
};

static void open_box(struct boxed *b)
{
    struct crib_error err = {0};
    char path[512];

    b->outside = test_dir();
    snprintf(path, sizeof(path), "%s/secret", b->outside);
    test_write(path, "secret", 6, 0644);
    boxes_init(&b->boxes);
    if (box_open(&b->boxes, &b->box, NULL, 0, &err) < 0)
        fail_msg("%s: %s", err.subject, err.detail);
}

static void close_box(struct boxed *b)
{
    AUTO_FREE char *path = strdup(b->boxes.path);
    char secret[512], *text;

    box_close(&b->box);
    assert_int_equal(boxes_close(&b->boxes), 0);
    assert_int_equal(access(path, F_OK), -1);
    snprintf(secret, sizeof(secret), "%s/secret", b->outside);
    text = test_read(secret, NULL);
    assert_string_equal(text, "secret");
    free(text);
    free(b->outside);
}

static int read_back(const struct boxed *b, const char *path)
{
    char *data = NULL;
    size_t len = 0;
    uint32_t mode;
    int r = box_read(&b->box, path, &data, &len, &mode);

    free(data);
    return r;
}

static void test_files_are_made_and_read_back(void **state)
{
    Crib__Case__File files[3] = {CRIB__CASE__FILE__INIT, CRIB__CASE__FILE__INIT,
                                 CRIB__CASE__FILE__INIT};
    Crib__Case__File *list[] = {&files[0], &files[1], &files[2]};
    struct crib_error err = {0};
    struct boxes boxes;
    struct box box;
    char *data;
    size_t len;
    uint32_t mode;

    (void)state;
    files[0].path = (ProtobufCBinaryData){9, (uint8_t *)"a/b/c.txt"};
    files[0].content = (ProtobufCBinaryData){4, (uint8_t *)"a\0b\n"};
    files[1].path = (ProtobufCBinaryData){3, (uint8_t *)"run"};
    files[1].has_mode = true;
    files[1].mode = 0755;
    files[2].path = (ProtobufCBinaryData){5, (uint8_t *)"a/dir"};
    files[2].has_dir = files[2].dir = true;
    boxes_init(&boxes);
    assert_int_equal(box_open(&boxes, &box, list, 3, &err), 0);
    assert_int_equal(box_read(&box, "a/b/c.txt", &data, &len, &mode), 0);
    assert_int_equal(len, 4);
    assert_memory_equal(data, "a\0b\n", 4);
    assert_int_equal(mode, 0644);
    free(data);
    assert_int_equal(box_read(&box, "run", &data, &len, &mode), 0);
    assert_int_equal(mode, 0755);
    free(data);
    assert_int_equal(box_read(&box, "a/dir", &data, &len, &mode), -EISDIR);
    assert_int_equal(box_read(&box, "a/none", &data, &len, &mode), -ENOENT);
    assert_int_equal(box_read(&box, "run/below", &data, &len, &mode), -ENOENT);
    box_close(&box);
    assert_int_equal(boxes_close(&boxes), 0);
}

static void test_only_the_caller_may_enter(void **state)
{
    struct boxed b;
    struct stat st;

    (void)state;
    open_box(&b);
    assert_int_equal(stat(b.boxes.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(b.box.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    close_box(&b);
}

/* Everything that a hostile task may leave in the place of a file. */
static void test_no_link_is_followed(void **state)
{
    struct boxed b;
    char path[512];

    (void)state;
    open_box(&b);
    snprintf(path, sizeof(path), "%s/secret", b.outside);
    assert_int_equal(symlinkat(path, b.box.dir, "absolute"), 0);
    assert_int_equal(symlinkat(b.outside, b.box.dir, "dir"), 0);
    assert_int_equal(symlinkat("../..", b.box.dir, "up"), 0);
    assert_int_equal(symlinkat("/proc/self/root", b.box.dir, "root"), 0);
    assert_int_equal(symlinkat("loop", b.box.dir, "loop"), 0);
    assert_int_equal(mkdirat(b.box.dir, "inner", 0755), 0);
    assert_int_equal(symlinkat("inner", b.box.dir, "inner-link"), 0);
    assert_int_equal(read_back(&b, "absolute"), -ELOOP);
    assert_int_equal(read_back(&b, "dir/secret"), -ELOOP);
    assert_int_equal(read_back(&b, "up/etc/passwd"), -ELOOP);
    assert_int_equal(read_back(&b, "root/etc/passwd"), -ELOOP);
    assert_int_equal(read_back(&b, "loop"), -ELOOP);
    assert_int_equal(read_back(&b, "inner-link/x"), -ELOOP);
    assert_int_equal(read_back(&b, "inner/../../../etc/passwd"), -EXDEV);
    assert_int_equal(read_back(&b, "/etc/passwd"), -EXDEV);
    close_box(&b);
}

static void test_nothing_is_waited_for(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct boxed b;
    char path[512];

    (void)state;
    open_box(&b);
    assert_int_equal(mkfifoat(b.box.dir, "fifo", 0644), 0);
    assert_int_equal(read_back(&b, "fifo"), -EINVAL);
    assert_true(snprintf(path, sizeof(path), "%s/socket", b.box.path) <
                (int)sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(read_back(&b, "socket"), -ENXIO);
    close_box(&b);
}

static void test_a_file_may_be_too_large(void **state)
{
    AUTO_FD int fd = -1;
    struct boxed b;

    (void)state;
    open_box(&b);
    fd = openat(b.box.dir, "large", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(ftruncate(fd, BOX_MAX_FILE + 1L), 0); /* a hole */
    assert_int_equal(read_back(&b, "large"), -EFBIG);
    close_box(&b);
}

/* Deeper than a path may be long or descriptors go, and without a permission. */
static void test_whatever_is_left_is_removed(void **state)
{
    struct boxed b;
    int at, next;

    (void)state;
    open_box(&b);
    at = fd_copy(b.box.dir, 3);
    for (int i = 0; i < DEEP; i++) {
        assert_int_equal(mkdirat(at, "d", 0700), 0);
        assert_int_equal(symlinkat(b.outside, at, "link"), 0);
        assert_int_equal(mkdirat(at, "closed", 0700), 0);
        next = openat(at, "closed", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(mkdirat(next, "more", 0), 0);
        assert_int_equal(fchmod(next, 0), 0);
        fd_close(&next);
        next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        if (i % 3 == 0)
            assert_int_equal(fchmod(at, i ? 0 : 0500), 0);
        fd_close(&at);
        at = next;
    }
    fd_close(&at);
    close_box(&b);
}

static void test_a_wide_tree_is_removed(void **state)
{
    struct boxed b;
    char name[64];

    (void)state;
    open_box(&b);
    for (int i = 0; i < 3000; i++) {
        /* among them names as remove_tree() gives itself */
        snprintf(name, sizeof(name), i % 2 ? ".moved-%d" : "d%d", i / 2);
        assert_int_equal(mkdirat(b.box.dir, name, 0755), 0);
        if (i % 3 == 0) {
            AUTO_FD int dir = openat(b.box.dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

            assert_int_equal(mkdirat(dir, "x", 0755), 0);
            assert_int_equal(mkdirat(dir, "x/y", 0755), 0);
        }
    }
    close_box(&b);
}

static void test_the_prober_can_be_run_by_everybody(void **state)
{
    struct crib_error err = {0};
    struct boxes boxes;
    const char *path, *again;
    struct stat st;
    char *copy;

    (void)state;
    boxes_init(&boxes);
    assert_int_equal(boxes_prober(&boxes, &path, &err), 0);
    assert_int_equal(boxes_prober(&boxes, &again, &err), 0);
    assert_ptr_equal(path, again);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_true(st.st_size > 0);
    copy = strdup(path);
    assert_int_equal(boxes_close(&boxes), 0);
    assert_int_equal(access(copy, F_OK), -1);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_made_and_read_back),
        cmocka_unit_test(test_only_the_caller_may_enter),
        cmocka_unit_test(test_no_link_is_followed),
        cmocka_unit_test(test_nothing_is_waited_for),
        cmocka_unit_test(test_a_file_may_be_too_large),
        cmocka_unit_test(test_whatever_is_left_is_removed),
        cmocka_unit_test(test_a_wide_tree_is_removed),
        cmocka_unit_test(test_the_prober_can_be_run_by_everybody),
    };

    return test_run(tests);
}
