/* SPDX-License-Identifier: Apache-2.0 */
/* What an init may send for a file, and what is made of it. */
#include "unit/fake_init.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "supervise/left.h"

/* A task of which so many files are wanted, the first to @to. */
static void want(struct fixture *f, size_t count, uint64_t max, int to)
{
    struct left_want wants[3];

    for (size_t i = 0; i < count; i++)
        wants[i] = (struct left_want){
            .path = (const uint8_t *)"/tmp/x", .path_len = 6, .max = max, .to = HOST_TARGET_NONE};
    wants[0].to.fd = to;
    set_up(f);
    adopt(f);
    f->task->launch.lefts = (unsigned)count;
    assert_int_equal(left_new(f->task, wants, count), 0);
    report_started(f);
}

static void report_left(struct fixture *f, unsigned index, int code, int fd)
{
    Crib__Report message = CRIB__REPORT__INIT;
    Crib__Report__Left left = CRIB__REPORT__LEFT__INIT;
    uint8_t data[64];

    left.has_index = left.has_code = true;
    left.index = index;
    left.code = code;
    message.left = &left;
    assert_int_equal(packet_send(f->init, data, crib__report__pack(&message, data), &fd, fd >= 0),
                     0);
}

static int memory_file(const char *text)
{
    int fd = memfd_create("x", MFD_CLOEXEC);

    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* Runs to `close`; the results are looked at before it is freed. */
static struct left_got {
    bool there;
    int code;
    char text[400], data[64];
} got[3];

static void keep(crib_task *task, void *data)
{
    (void)data;
    for (size_t i = 0; i < task->n_copied; i++) {
        struct crib_copied copied;

        assert_int_equal(crib_task_copied(task, i, &copied), 0);
        got[i] = (struct left_got){.there = copied.there, .code = copied.error.code};
        crib_error_text(&copied.error, got[i].text, sizeof(got[i].text));
        if (copied.data)
            snprintf(got[i].data, sizeof(got[i].data), "%.*s", (int)copied.size,
                     (const char *)copied.data);
    }
}

static void finish(struct fixture *f)
{
    f->task->on_closed = keep;
    leave(f);
    tear_down(f, "spawn exit close ");
}

static void each_comes_in_its_turn(void **state)
{
    struct fixture f;
    int fd = memory_file("one"), to = memory_file("");

    (void)state;
    want(&f, 3, 100, to);
    report_end(&f, 0);
    report_left(&f, 0, 0, fd);
    report_left(&f, 1, -ELOOP, -1);
    close(fd);
    fd = memory_file("three");
    report_left(&f, 2, 0, fd);
    close(fd);
    to = fcntl(to, F_DUPFD_CLOEXEC, 3);
    finish(&f);
    assert_true(got[0].there && got[2].there);
    assert_string_equal(got[1].text, "copy_out[1] /tmp/x: a symlink, not a regular file");
    assert_string_equal(got[2].data, "three");
    assert_int_equal(lseek(to, 0, SEEK_END), 3);
    close(to);
}

/* What breaks the order is the end of init; what has not come by then never does. */
static void nonsense_ends_it(void **state)
{
    static const struct {
        unsigned index;
        int code;
        bool fd, before;
    } rows[] = {
        {1, 0, true, false},                            /* not its turn */
        {0, 0, false, false},                           /* without an fd */
        {0, -ENOENT, true, false},                      /* with one that is none's */
        {7, -ENOENT, false, false}, {0, 0, true, true}, /* while the program runs */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        int fd = memory_file("x");

        want(&f, 2, 100, -1);
        if (!rows[i].before)
            report_end(&f, 0);
        report_left(&f, rows[i].index, rows[i].code, rows[i].fd ? fd : -1);
        close(fd);
        finish(&f);
        for (int file = 0; file < 2; file++) {
            assert_false(got[file].there);
            assert_int_equal(got[file].code, -EPROTO);
        }
    }
}

/* Whatever init says of it: the parent looks again. */
static void what_is_no_file(void **state)
{
    struct fixture f;
    int pair[2], fd;

    (void)state;
    want(&f, 3, 4, -1);
    report_end(&f, 0);
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    report_left(&f, 0, 0, pair[0]);
    close(pair[0]);
    close(pair[1]);
    fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    report_left(&f, 1, 0, fd);
    close(fd);
    fd = memory_file("12345");
    report_left(&f, 2, 0, fd);
    close(fd);
    finish(&f);
    assert_int_equal(got[0].code, -EINVAL);
    assert_int_equal(got[1].code, -EINVAL);
    assert_int_equal(got[2].code, -EFBIG);
    assert_string_equal(got[2].text, "copy_out[2] /tmp/x: 5 bytes, over its cap of 4");
}

/* Of a size that it does not have: bytes are counted as they come. */
static void what_has_more_than_it_says(void **state)
{
    struct fixture f;
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

    (void)state;
    want(&f, 1, 100, -1);
    report_end(&f, 0);
    report_left(&f, 0, 0, fd);
    close(fd);
    finish(&f);
    assert_int_equal(got[0].code, -EFBIG);
    assert_string_equal(got[0].text, "copy_out[0] /tmp/x: 100 bytes and more, over its cap of 100");
}

static void what_cannot_be_written(void **state)
{
    struct fixture f;
    int fd = memory_file("one"), to = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    want(&f, 1, 100, to);
    report_end(&f, 0);
    report_left(&f, 0, 0, fd);
    close(fd);
    finish(&f);
    assert_int_equal(got[0].code, -ENOSPC);
    assert_string_equal(got[0].text, "copy_out[0] /tmp/x: write the copy: No space left on device");
}

static void an_init_that_says_nothing(void **state)
{
    struct fixture f;

    (void)state;
    want(&f, 2, 100, -1);
    report_end(&f, 0);
    report_left(&f, 0, -ENOENT, -1);
    finish(&f);
    assert_int_equal(got[0].code, -ENOENT);
    assert_int_equal(got[1].code, -ECHILD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_comes_in_its_turn), cmocka_unit_test(nonsense_ends_it),
        cmocka_unit_test(what_is_no_file),        cmocka_unit_test(what_has_more_than_it_says),
        cmocka_unit_test(what_cannot_be_written), cmocka_unit_test(an_init_that_says_nothing),
    };

    return fake_init_test_run(tests);
}
