/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown of the host is the object that was checked, at the place that was named. */
#include "sandbox/starve.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

/* A directory with `good` and `evil` in it, each holding a `file` that says which it is. */
struct place {
    char *dir, good[300], evil[300], way[300], spare[300];
};

static void make_dir(const char *dir, const char *name, char path[300])
{
    char file[320];

    snprintf(path, 300, "%s/%s", dir, name);
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(chmod(path, 0777), 0);
    snprintf(file, sizeof(file), "%s/file", path);
    test_write(file, name, strlen(name), 0666);
}

static void place_init(struct place *place)
{
    place->dir = test_dir();
    assert_int_equal(chmod(place->dir, 0777), 0);
    make_dir(place->dir, "good", place->good);
    make_dir(place->dir, "evil", place->evil);
    snprintf(place->way, sizeof(place->way), "%s/way", place->dir);
    snprintf(place->spare, sizeof(place->spare), "%s/spare", place->dir);
}

static void bind_one(struct sandbox *box, struct crib_bind *grant, const char *source,
                     const char *target, bool write)
{
    *grant = (struct crib_bind){.source = source, .target = target, .write = write};
    box->options.binds = grant;
    box->options.bind_count = 1;
}

static void test_read_only_and_writable(void **state)
{
    struct crib_bind grant;
    struct place place;
    struct sandbox box;
    char path[320], *data;

    (void)state;
    place_init(&place);
    sandbox_init(&box);
    bind_one(&box, &grant, place.good, "/box", false);
    sandbox_probe(&box, "cat /box/file , echo , write /box/file changed , open create /box/new");
    test_contains(box.out, "good\n");
    sandbox_says(box.out, "/box/file", "EROFS");
    sandbox_says(box.out, "/box/new", "EROFS");
    bind_one(&box, &grant, place.good, "/box", true);
    sandbox_expect(&box, "write /box/file changed , write /box/new x", 0);
    snprintf(path, sizeof(path), "%s/file", place.good);
    data = test_read(path, NULL);
    assert_string_equal(data, "changed");
    free(data);
    sandbox_done(&box);
    free(place.dir);
}

/* The target is the source's own path when none is named; a relative source is the caller's. */
static void test_where_it_goes(void **state)
{
    char was[4096], verbs[1024];
    struct crib_bind grant;
    struct place place;
    struct sandbox box;

    (void)state;
    place_init(&place);
    sandbox_init(&box);
    bind_one(&box, &grant, place.good, NULL, false);
    snprintf(verbs, sizeof(verbs), "cat %s/file", place.good);
    sandbox_expect(&box, verbs, 0);
    assert_string_equal(box.out, "good");
    assert_non_null(getcwd(was, sizeof(was)));
    assert_int_equal(chdir(place.evil), 0);
    bind_one(&box, &grant, "../good", "/deep/down/below", false);
    sandbox_expect(&box, "cat /deep/down/below/file", 0);
    assert_int_equal(chdir(was), 0);
    assert_string_equal(box.out, "good");
    sandbox_done(&box);
    free(place.dir);
}

static void test_a_single_file(void **state)
{
    struct crib_bind grant;
    struct place place;
    struct sandbox box;
    char path[320];

    (void)state;
    place_init(&place);
    snprintf(path, sizeof(path), "%s/file", place.good);
    sandbox_init(&box);
    bind_one(&box, &grant, path, "/etc/config", false);
    sandbox_expect(&box, "cat /etc/config , echo , ls /etc", 0);
    test_contains(box.out, "good\n");
    test_contains(box.out, "config\n");
    bind_one(&box, &grant, path, "/usr/bin/true", false);
    sandbox_expect(&box, "cat /usr/bin/true", 0);
    assert_string_equal(box.out, "good");
    sandbox_done(&box);
    free(place.dir);
}

static void test_bad_ones_are_refused(void **state)
{
    static const struct {
        const char *source, *target;
        int code; /* 0: any */
    } rows[] = {
        {"/usr", "/a/../../b", -EINVAL}, {"/usr", "/..", -EINVAL},
        {"/usr", "relative", -EINVAL},   {"/usr", "", -EINVAL},
        {"/usr", "/", -EINVAL},          {"/usr", "/proc", -EINVAL},
        {"/usr", "/proc/self", -EINVAL}, {"/proc", "/x", -EINVAL},
        {"/proc/self", "/x", -EINVAL},   {"/", "/x", -EINVAL},
        {"/nonexistent", "/x", -ENOENT}, {"", "/x", 0},
        {"/proc/self/fd/0", "/x", 0},    {"/proc/self/root", "/x", 0},
        {"/proc/self/cwd", "/x", 0},     {"/dev/null", "/x", -EINVAL},
        {"/usr/bin/true/x", "/x", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct crib_bind grant;
        struct sandbox box;
        char text[1024];

        sandbox_init(&box);
        bind_one(&box, &grant, rows[i].source, rows[i].target, false);
        sandbox_probe(&box, "echo ran");
        if (!box.error.code || (rows[i].code && box.error.code != rows[i].code))
            fail_msg("%s at %s: %d, %s", rows[i].source, rows[i].target, box.error.code,
                     crib_error_text(&box.error, text, sizeof(text)));
        if (!strstr("mounts task.mounts binds", box.error.step))
            fail_msg("step %s", box.error.step);
        assert_string_equal(box.out, "");
        sandbox_done(&box);
    }
}

/* A missing source is named, with its place in the list. */
static void test_a_missing_source_is_named(void **state)
{
    struct crib_bind grants[] = {{.source = "/usr", .target = "/a"},
                                 {.source = "/nonexistent/thing", .target = "/b"}};
    struct sandbox box;
    char text[1024];

    (void)state;
    sandbox_init(&box);
    box.options.binds = grants;
    box.options.bind_count = 2;
    sandbox_probe(&box, "echo ran");
    assert_int_equal(box.code, -ENOENT);
    crib_error_text(&box.error, text, sizeof(text));
    test_contains(text, "/nonexistent/thing");
    test_contains(text, "[1]");
    sandbox_done(&box);
}

/* A symlink at the source is the host's word for what it leads to. */
static void test_a_symlink_is_followed_once(void **state)
{
    struct crib_bind grant;
    struct place place;
    struct sandbox box;

    (void)state;
    place_init(&place);
    assert_int_equal(symlink("good", place.way), 0);
    sandbox_init(&box);
    bind_one(&box, &grant, place.way, "/box", false);
    sandbox_expect(&box, "cat /box/file", 0);
    assert_string_equal(box.out, "good");
    assert_int_equal(unlink(place.way), 0);
    assert_int_equal(symlink("way", place.way), 0);
    sandbox_probe(&box, "cat /box/file");
    assert_int_equal(box.error.code, -ELOOP);
    sandbox_done(&box);
    free(place.dir);
}

/* --- races --- */

static void swap_with_symlink(void *user)
{
    struct place *place = user;

    rename(place->way, place->spare);
    if (symlink("evil", place->way) < 0)
        abort();
}

static void swap_with_directory(void *user)
{
    struct place *place = user;

    rename(place->way, place->spare);
    rename(place->evil, place->way);
}

static void take_away(void *user)
{
    struct place *place = user;

    rename(place->way, place->spare);
}

/* Held at the clone: after every check, before every mount. */
static const struct starve hold_clone[] = {
    {SYS_clone, 0, {{0, 0x10000000, 0x10000000}}},
    STARVE_END,
};

static void test_a_swapped_source_is_not_shown(void **state)
{
    static void (*const swaps[])(void *user) = {swap_with_symlink, swap_with_directory, take_away};

    (void)state;
    sandbox_only_here("the clone that is held is the daemon's");
    for (size_t i = 0; i < sizeof(swaps) / sizeof(swaps[0]); i++) {
        struct crib_bind grant;
        struct place place;
        struct starved got;
        struct sandbox box;

        place_init(&place);
        assert_int_equal(rename(place.good, place.way), 0);
        sandbox_init(&box);
        bind_one(&box, &grant, place.way, "/box", true);
        starve_probe(&box, "cat /box/file , write /box/file overwritten", hold_clone, swaps[i],
                     &place, &got);
        assert_true(got.held > 0);
        assert_null(strstr(got.out, "evil"));
        /* Root's trees are made from the checked object itself; others look again, and refuse. */
        if (sandbox_privileged()) {
            test_contains(got.out, "good");
        } else {
            assert_true(got.error_code < 0);
            assert_string_equal(got.step, "mounts");
        }
        sandbox_done(&box);
        free(place.dir);
    }
}

struct racer {
    struct place *place;
    volatile bool stop;
    unsigned long rounds;
};

/* way is good, then a symlink to evil, then evil itself, and so on, as fast as can be. */
static void *race(void *user)
{
    struct racer *racer = user;
    struct place *place = racer->place;
    char link[320];

    snprintf(link, sizeof(link), "%s/link", place->dir);
    while (!racer->stop) {
        renameat2(AT_FDCWD, place->way, AT_FDCWD, place->evil, RENAME_EXCHANGE);
        renameat2(AT_FDCWD, place->way, AT_FDCWD, place->evil, RENAME_EXCHANGE);
        renameat2(AT_FDCWD, place->way, AT_FDCWD, link, RENAME_EXCHANGE);
        renameat2(AT_FDCWD, place->way, AT_FDCWD, link, RENAME_EXCHANGE);
        racer->rounds++;
    }
    return NULL;
}

/*
 * Both `way` and `evil` are the caller's own to bind; what must not happen is that a source checked
 * as a directory ends as a symlink's end elsewhere, or that the task gets half of each.
 */
static void test_a_race_for_the_source(void **state)
{
    uint64_t end = clock_us() + test_race_us();
    unsigned ran = 0, refused = 0;
    struct crib_bind grant;
    struct racer racer;
    struct place place;
    struct sandbox box;
    pthread_t thread;
    char link[320];

    (void)state;
    place_init(&place);
    assert_int_equal(rename(place.good, place.way), 0);
    snprintf(link, sizeof(link), "%s/link", place.dir);
    assert_int_equal(symlink("/etc", link), 0);
    racer = (struct racer){.place = &place};
    assert_int_equal(pthread_create(&thread, NULL, race, &racer), 0);
    sandbox_init(&box);
    while (clock_us() < end) {
        bind_one(&box, &grant, place.way, "/box", false);
        sandbox_probe(&box, "ls /box");
        ran += !box.error.code;
        refused += box.error.code != 0;
        if (!box.error.code && strcmp(box.out, "file\n") != 0 && !strstr(box.out, "passwd\n"))
            break;
        if (box.error.code && strncmp(box.error.step, "mounts", 6) != 0)
            break;
    }
    racer.stop = true;
    pthread_join(thread, NULL);
    if (clock_us() < end)
        fail_msg("%d: step %s, stdout %s", box.error.code, box.error.step, box.out);
    assert_true(ran > 0);
    assert_true(racer.rounds > 100);
    (void)refused;
    sandbox_done(&box);
    free(place.dir);
}

/* --- targets --- */

/* A symlink that a task left in a directory it could write to leads no later mount astray. */
static void test_a_symlink_below_a_bind_is_not_followed(void **state)
{
    char rules[512];
    struct crib_bind grants[2];
    struct place place;
    struct sandbox box;

    (void)state;
    place_init(&place);
    sandbox_init(&box);
    grants[0] = (struct crib_bind){.source = place.good, .target = "/box", .write = true};
    box.options.binds = grants;
    box.options.bind_count = 1;
    sandbox_expect(&box, "symlink /etc /box/way , symlink /usr/bin/true /box/true", 0);
    grants[1] = (struct crib_bind){.source = place.evil, .target = "/box/way"};
    box.options.bind_count = 2;
    sandbox_probe(&box, "ls /etc");
    assert_true(box.error.code < 0);
    assert_string_equal(box.out, "");
    grants[1] = (struct crib_bind){.source = place.evil, .target = "/box/way/below"};
    sandbox_probe(&box, "ls /etc");
    assert_true(box.error.code < 0);
    snprintf(rules, sizeof(rules),
             "extends: [default]\nmounts:\n- {source: %s, target: /box, write: true}\n"
             "- {type: tmpfs, target: /box/way}\n",
             place.good);
    box.options.bind_count = 0;
    box.rules = rules;
    sandbox_probe(&box, "ls /etc");
    assert_true(box.error.code < 0);
    assert_string_equal(box.out, "");
    sandbox_done(&box);
    free(place.dir);
}

/* Nothing is made on the host, not even the place for a mount. */
static void test_no_target_is_made_on_the_host(void **state)
{
    struct crib_bind grants[2];
    struct place place;
    struct sandbox box;
    char path[320];

    (void)state;
    place_init(&place);
    sandbox_init(&box);
    grants[0] = (struct crib_bind){.source = place.good, .target = "/box", .write = true};
    grants[1] = (struct crib_bind){.source = place.evil, .target = "/box/made"};
    box.options.binds = grants;
    box.options.bind_count = 2;
    sandbox_probe(&box, "ls /box");
    snprintf(path, sizeof(path), "%s/made", place.good);
    assert_int_equal(access(path, F_OK), -1);
    assert_true(box.error.code < 0);
    /* What is there can be covered. */
    assert_int_equal(mkdir(path, 0755), 0);
    sandbox_expect(&box, "cat /box/made/file", 0);
    assert_string_equal(box.out, "evil");
    sandbox_done(&box);
    free(place.dir);
}

/* Root in the middle of the setting-up: each target is a directory, then a symlink, and back. */
static void test_a_race_for_the_target(void **state)
{
    uint64_t end = clock_us() + test_race_us();
    struct crib_bind grants[2];
    struct racer racer;
    struct place place;
    struct sandbox box;
    pthread_t thread;
    char link[320];

    (void)state;
    place_init(&place);
    assert_int_equal(rename(place.good, place.way), 0);
    snprintf(link, sizeof(link), "%s/link", place.dir);
    assert_int_equal(symlink("/usr/share", link), 0);
    racer = (struct racer){.place = &place};
    assert_int_equal(pthread_create(&thread, NULL, race, &racer), 0);
    sandbox_init(&box);
    grants[0] = (struct crib_bind){.source = place.dir, .target = "/box", .write = true};
    grants[1] = (struct crib_bind){.source = "/etc/ld.so.conf.d", .target = "/box/way"};
    box.options.binds = grants;
    box.options.bind_count = 2;
    while (clock_us() < end) {
        /* /usr/share, where the symlink leads, is never covered by what was meant for /box/way. */
        sandbox_probe(&box, "open dir /usr/share/doc /usr/share/zoneinfo , ls /usr/share");
        if (!box.error.code && !strstr(box.out, "/usr/share/doc ok") &&
            !strstr(box.out, "zoneinfo ok"))
            break;
    }
    racer.stop = true;
    pthread_join(thread, NULL);
    if (clock_us() < end)
        fail_msg("covered: %s", box.out);
    sandbox_done(&box);
    free(place.dir);
}

/* The source's mount flags are never loosened: nosuid on all, devices only where it is said. */
static void test_flags_of_a_bind(void **state)
{
    char verbs[256];
    struct crib_bind grant;
    struct place place;
    struct sandbox box;

    (void)state;
    place_init(&place);
    sandbox_init(&box);
    bind_one(&box, &grant, place.good, "/box", true);
    sandbox_expect(&box, "mounts", 0);
    test_contains(sandbox_line(box.out, "/box"), "rw,nosuid,nodev");
    test_contains(sandbox_line(box.out, "/box"), "private");
    bind_one(&box, &grant, place.good, "/box", false);
    sandbox_expect(&box, "mounts", 0);
    test_contains(sandbox_line(box.out, "/box"), "ro,nosuid,nodev");
    snprintf(verbs, sizeof(verbs), "chmod 0700 /box/file");
    sandbox_probe(&box, verbs);
    sandbox_says_one(box.out, "/box/file", "EROFS EPERM");
    sandbox_done(&box);
    free(place.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_only_and_writable),
        cmocka_unit_test(test_where_it_goes),
        cmocka_unit_test(test_a_single_file),
        cmocka_unit_test(test_bad_ones_are_refused),
        cmocka_unit_test(test_a_missing_source_is_named),
        cmocka_unit_test(test_a_symlink_is_followed_once),
        cmocka_unit_test(test_a_swapped_source_is_not_shown),
        cmocka_unit_test(test_a_race_for_the_source),
        cmocka_unit_test(test_a_symlink_below_a_bind_is_not_followed),
        cmocka_unit_test(test_no_target_is_made_on_the_host),
        cmocka_unit_test(test_a_race_for_the_target),
        cmocka_unit_test(test_flags_of_a_bind),
    };

    return sandbox_test_run(tests);
}
