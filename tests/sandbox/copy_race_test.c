/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Racers that swap every path of a copy for something else, inside and on the host: what comes over
 * is what was meant, or an error, and never what lies elsewhere.
 */
#include "sandbox/copying.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define SECRET "secret of the host\n"

/* Return: whether it came. */
static bool mine_or_refused(const struct copying *c, size_t i)
{
    char text[1024];

    if (c->copied[i].there) {
        copying_got(c, i, "mine");
        return true;
    }
    switch (c->copied[i].error.code) {
    case -ELOOP:
    case -EINVAL: /* a FIFO */
    case -EISDIR:
    case -ENOENT:
    case -ENOTDIR:
        return false;
    default:
        fail_msg("copy_out[%zu]: %s", i, crib_error_text(&c->copied[i].error, text, sizeof(text)));
    }
    return false;
}

/* A process for each path, which runs on when the program has ended. */
static void test_racers_inside(void **state)
{
    static const char verbs[] =
        "mkdir /tmp/d , mkdir /tmp/d/s , write /tmp/d/passwd mine , write /tmp/d/s/passwd mine , "
        "write /tmp/f mine , write /tmp/g mine , write /tmp/h mine , symlink /etc /tmp/etc , "
        "symlink /etc /tmp/d/etc , symlink /etc/passwd /tmp/passwd , mkdir /tmp/h.d , "
        "symlink /proc/1/root/etc /tmp/g.l , swap /tmp/d/s /tmp/d/etc , swap /tmp/d /tmp/etc , "
        "swap /tmp/f /tmp/passwd , swap /tmp/g /tmp/g.l , swap /tmp/h /tmp/h.d , sleep 3";
    uint64_t end = clock_us() + test_race_us();
    unsigned came = 0, refused = 0;

    (void)state;
    do {
        struct copying c;

        copying_start(&c);
        copying_out(&c, "/tmp/d/passwd");
        copying_out(&c, "/tmp/d/s/passwd");
        copying_out(&c, "/tmp/f");
        copying_out(&c, "/tmp/g");
        copying_out(&c, "/tmp/h");
        copying_probe(&c, verbs);
        assert_int_equal(c.code, 0);
        assert_int_equal(c.task.result.verdict, CRIB_EXITED);
        for (size_t i = 0; i < c.n_out; i++)
            *(mine_or_refused(&c, i) ? &came : &refused) += 1;
        copying_done(&c);
    } while (clock_us() < end || !came || !refused);
    print_message("%u came, %u refused\n", came, refused);
}

struct racer {
    char path[300], link[300], fifo[300], secret[300];
    atomic_bool stop;
};

static void racer_init(struct racer *racer, const char *dir)
{
    memset(racer, 0, sizeof(*racer));
    snprintf(racer->path, sizeof(racer->path), "%s/path", dir);
    snprintf(racer->link, sizeof(racer->link), "%s/link", dir);
    snprintf(racer->fifo, sizeof(racer->fifo), "%s/fifo", dir);
    snprintf(racer->secret, sizeof(racer->secret), "%s/secret", dir);
    test_write(racer->secret, SECRET, strlen(SECRET), 0600);
    assert_int_equal(symlink("secret", racer->link), 0);
    assert_int_equal(mkfifo(racer->fifo, 0600), 0);
}

static void *swap_source(void *data)
{
    struct racer *racer = data;

    while (!racer->stop) {
        renameat2(AT_FDCWD, racer->path, AT_FDCWD, racer->link, RENAME_EXCHANGE);
        renameat2(AT_FDCWD, racer->path, AT_FDCWD, racer->link, RENAME_EXCHANGE);
        renameat2(AT_FDCWD, racer->path, AT_FDCWD, racer->fifo, RENAME_EXCHANGE);
        renameat2(AT_FDCWD, racer->path, AT_FDCWD, racer->fifo, RENAME_EXCHANGE);
    }
    return NULL;
}

/* The source is a file, a symlink to another, a FIFO: in turns, as fast as can be. */
static void test_a_racer_for_the_source(void **state)
{
    uint64_t end = clock_us() + test_race_us();
    unsigned came = 0, refused = 0;
    char *dir = test_dir();
    struct racer racer;
    pthread_t thread;

    (void)state;
    racer_init(&racer, dir);
    test_write(racer.path, "mine", 4, 0600);
    assert_int_equal(pthread_create(&thread, NULL, swap_source, &racer), 0);
    do {
        struct crib_copy_in *in;
        struct copying c;

        copying_start(&c);
        in = copying_in(&c, "/tmp/x", NULL);
        in->kind = CRIB_COPY_PATH;
        in->source = racer.path;
        copying_out(&c, "/tmp/x");
        copying_run(&c, ":");
        if (c.code == 0) {
            copying_got(&c, 0, "mine");
            came++;
        } else {
            assert_true(c.code == -ELOOP || c.code == -EINVAL);
            refused++;
        }
        copying_done(&c);
    } while (clock_us() < end || !came || !refused);
    racer.stop = true;
    pthread_join(thread, NULL);
    print_message("%u came, %u refused\n", came, refused);
    free(dir);
}

static void *plant_target(void *data)
{
    struct racer *racer = data;

    while (!racer->stop) {
        (void)!symlink("secret", racer->path);
        unlink(racer->path);
        (void)!link(racer->fifo, racer->path);
        unlink(racer->path);
    }
    return NULL;
}

/* Something takes the target's name, and leaves it: what is elsewhere is not written to. */
static void test_a_racer_for_the_target(void **state)
{
    uint64_t end = clock_us() + test_race_us();
    unsigned came = 0, refused = 0;
    char *dir = test_dir(), *text;
    struct racer racer;
    pthread_t thread;

    (void)state;
    racer_init(&racer, dir);
    assert_int_equal(pthread_create(&thread, NULL, plant_target, &racer), 0);
    do {
        struct crib_copy_out *out;
        struct copying c;

        copying_start(&c);
        copying_in(&c, "/tmp/x", "mine");
        out = copying_out(&c, "/tmp/x");
        out->kind = CRIB_COPY_PATH;
        out->target = racer.path;
        copying_run(&c, ":");
        if (c.code == 0)
            came += c.copied[0].there;
        else
            assert_int_equal(c.code, -EEXIST);
        refused += c.code != 0;
        copying_done(&c);
        text = test_read(racer.secret, NULL);
        assert_string_equal(text, SECRET);
        free(text);
    } while (clock_us() < end || !came || !refused);
    racer.stop = true;
    pthread_join(thread, NULL);
    print_message("%u came, %u refused\n", came, refused);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_racers_inside),
        cmocka_unit_test(test_a_racer_for_the_source),
        cmocka_unit_test(test_a_racer_for_the_target),
    };

    return sandbox_test_run(tests);
}
