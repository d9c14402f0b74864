/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody on the host swaps every part of every path for a symlink to a directory outside, all the
 * while: in a bind that can be written, on the way to targets and masks, in an overlay that is
 * committed, and its source. A start may be refused by that, and a change may not be committed; but
 * no task reads what is outside, nothing is written or made there, and nothing stays behind.
 */
#include "sandbox/tree.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "supervise/changes.h"

#define SECRET "the secret outside"

/* Beneath the tree; the first of each pair leads there in turns. */
static const char *const swapped[] = {
    "bind/way", "bind/deep/way", "bind/deep", "mask/p/q", "mask/p",         "mask/x",
    "over/d",   "over/d/e",      "over/f",    "over/g",   "mask/p/q/hooks",
};

struct race {
    char *dir, secret[4200];
    int tree;
    atomic_bool stop;
    atomic_ulong swaps;
    pthread_t threads[2];
};

/* The parent is held open, through no symlink: or a part that we have swapped would lead us, too.
 */
static void swap(struct race *race, size_t number, const char *name, const char *to)
{
    const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
    char dir[64], spare[32];
    int parent;

    snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - name) : 1, slash ? name : ".");
    snprintf(spare, sizeof(spare), ".spare-%zu", number);
    parent = open_within(race->tree, dir, O_PATH | O_DIRECTORY);
    if (parent < 0)
        return;
    if (renameat(parent, last, race->tree, spare) == 0) {
        if (symlinkat(to, parent, last) == 0)
            for (int i = 0; i < 20; i++)
                sched_yield();
        unlinkat(parent, last, 0);
        renameat(race->tree, spare, parent, last);
    }
    close(parent);
    race->swaps++;
}

static void *swap_parts(void *data)
{
    struct race *race = data;

    for (size_t i = 0; !race->stop; i = (i + 1) % (sizeof(swapped) / sizeof(swapped[0])))
        swap(race, i, swapped[i], race->secret);
    return NULL;
}

/* A source that is a symlink is followed, and then it is the one that was meant. */
static void *swap_source(void *data)
{
    struct race *race = data;

    while (!race->stop) {
        swap(race, sizeof(swapped), "over", "decoy");
        for (int i = 0; i < 200 && !race->stop; i++)
            sched_yield();
    }
    return NULL;
}

static void fill(struct race *race)
{
    static const char *const dirs[] = {
        "bind",     "bind/way", "bind/deep",      "bind/deep/way", "two",  "mask",
        "mask/p",   "mask/p/q", "mask/p/q/hooks", "mask/x",        "over", "over/d",
        "over/d/e", "over/g",   "decoy",          "decoy/d",
    };

    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
        tree_dir(race->dir, dirs[i]);
    tree_file(race->dir, "two/file", "two\n");
    tree_file(race->dir, "over/f", "f\n");
    tree_file(race->dir, "over/d/e/f", "f\n");
    tree_file(race->dir, "over/g/old", "old\n");
    tree_file(race->dir, "decoy/f", "f\n");
}

/* Outside of the tree, with the same names in it, and open to everybody. */
static void hide(struct race *race)
{
    static const char *const dirs[] = {"", "/d", "/e", "/q", "/way", "/hooks", "/deep"};
    char path[4300];

    snprintf(race->secret, sizeof(race->secret), "%.*s/secret",
             (int)(strrchr(race->dir, '/') - race->dir), race->dir);
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", race->secret, dirs[i]);
        assert_int_equal(mkdir(path, 0777), 0);
        assert_int_equal(chmod(path, 0777), 0);
        tree_give(path);
        snprintf(path, sizeof(path), "%s%s/f", race->secret, dirs[i]);
        test_write(path, SECRET "\n", sizeof(SECRET), 0666);
        tree_give(path);
    }
}

static const char all[] =
    "exec 2>/dev/null; find /b /m /o -type f -exec cat {} +; cat /b/way/f /b/deep/way/f /m/p/f "
    "/m/p/q/f /m/x/f /o/d/f /o/d/e/f /o/g/f; for d in /b/deep/way /m/p /m/p/q /m/x /o/d /o/d/e "
    "/o/g "
    "/o; do echo x >$d/new; echo x >$d/f; mkdir $d/made; ln -s /etc $d/link; done; rm -r /o/g; "
    "mkdir /o/g; echo y >/o/g/y; chmod 700 /o/d/e; mv /m/p /m/p2; mkdir -p /m/p/new; exit 0";

static size_t count_lines(const char *path)
{
    char *text = test_read(path, NULL);
    size_t lines = 0;

    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    free(text);
    return lines;
}

static void run(struct race *race, unsigned *ran, unsigned *refused)
{
    const char *before = "";
    struct sandbox box;
    char rules[20000];

    snprintf(rules, sizeof(rules),
             "extends: [default]\nmounts:\n"
             "  - {source: %s/bind, target: /b, write: true}\n"
             "  - {source: %s/two, target: /b/way}\n"
             "  - {source: %s/mask, target: /m, write: true}\n"
             "  - {type: overlay, source: %s/over, target: /o, keep: commit}\n"
             "  - {type: mask, target: /m/p/q/hooks}\n"
             "  - {type: mask, target: /m/p/new}\n"
             "  - {type: mask, target: /m/x/y/z}\n",
             race->dir, race->dir, race->dir, race->dir);
    sandbox_init(&box);
    box.rules = rules;
    tree_shell(&box, all);
    if (strstr(box.out ? box.out : before, SECRET))
        fail_msg("a task has read it:\n%s", box.out);
    *(box.exited ? ran : refused) += 1;
    sandbox_done(&box);
}

static void start(struct race *race)
{
    static void *(*const work[])(void *) = {swap_parts, swap_source};

    race->dir = tree_new();
    fill(race);
    hide(race);
    race->tree = open(race->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(race->tree >= 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&race->threads[i], NULL, work[i], race), 0);
}

static void stop(struct race *race)
{
    race->stop = true;
    for (int i = 0; i < 2; i++)
        pthread_join(race->threads[i], NULL);
    close(race->tree);
}

static void test_nothing_outside_is_reached(void **state)
{
    uint64_t end = clock_us() + test_race_us();
    size_t mounts = count_lines("/proc/self/mountinfo");
    struct race race = {.dir = NULL};
    unsigned ran = 0, refused = 0;
    char *before, *after;

    (void)state;
    start(&race);
    before = tree_text(race.secret);
    while (clock_us() < end)
        run(&race, &ran, &refused);
    stop(&race);
    /* What was elsewhere at the moment when it was to be removed is so by the next task. */
    run(&race, &ran, &refused);
    after = tree_text(race.secret);
    assert_string_equal(after, before);
    free(after);
    after = tree_text(tree_path(race.dir, "mask"));
    if (strstr(after, " 101400 ") || strstr(after, "/.crib-"))
        fail_msg("something stays behind:\n%s", after);
    free(after);
    free(before);
    assert_int_equal(count_lines("/proc/self/mountinfo"), mounts);
    print_message("%u ran, %u refused, %lu swaps\n", ran, refused, (unsigned long)race.swaps);
    assert_true(ran > 0);
    assert_true(race.swaps > 100);
    free(race.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_outside_is_reached)};

    return sandbox_test_run(tests);
}
