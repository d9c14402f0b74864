/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts: what one policy shows of the host, another does. policy_within_view_test.c goes through
 * random pairs.
 */
#include "policy_within.h"

#include "plan_mounts.h"

#define NOT_SHOWN                                                                                  \
    ": the widest policy does not show this source; of a source that it shows, a part cannot be "  \
    "shown alone"
#define COVERED(n)                                                                                 \
    ": the widest policy covers it, or a part of it, by its mounts[" #n "] or a later one: cover " \
    "the same part"

static void test_sources(void **state)
{
    static const struct within_row rows[] = {
        {"{}", "mounts: [{target: /a}]", NULL, 0},
        {"mounts: [{target: /a}]", "mounts: [{target: /b}, {target: /a}]", NULL, 0},
        {"mounts: [{target: /elsewhere, source: '//a/./'}]", "mounts: [{target: /a}]", NULL, 0},
        {"mounts: [{target: /a}]", "{}", "mounts[0] /a" NOT_SHOWN, 0},
        {"mounts: [{target: /a, optional: true}]",
         "mounts: [{target: /ab}, {source: /x, target: /a}]", "mounts[0] /a" NOT_SHOWN, 0},
        /* a part could be a symlink, put there by an earlier task */
        {"mounts: [{target: /a}, {target: /a/b}]", "mounts: [{target: /a}, {target: /b}]",
         "mounts[1] /a/b" NOT_SHOWN, 0},
        {"mounts: [{target: /}]", "mounts: [{target: /a}, {target: /b}]", "mounts[0] /" NOT_SHOWN,
         0},
        {"mounts: [{target: /a}]", "mounts: [{type: host, target: /a}, {target: /b}]",
         "mounts[0] /a: the widest policy shows it as `type: host`, where a symlink is not "
         "followed",
         0},
        {"mounts: [{type: host, target: /a}]", "mounts: [{target: /a}, {target: /b}]", NULL, 0},
        {"mounts: [{type: symlink, source: /a, target: /b}]", "{}", NULL, 0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

static void test_rights(void **state)
{
    static const struct within_row rows[] = {
        {"mounts: [{target: /a, exec: false}]", "mounts: [{target: /a, write: true, dev: true}]",
         NULL, 0},
        {"mounts: [{target: /a, write: true}]", "mounts: [{target: /a}]",
         "mounts[0] /a: the widest policy shows it read-only", 0},
        {"mounts: [{target: /a}]", "mounts: [{target: /a, exec: false}]",
         "mounts[0] /a: the widest policy shows it without `exec`", 0},
        {"mounts: [{target: /a, dev: true}]", "mounts: [{target: /a}]",
         "mounts[0] /a: the widest policy shows it without `dev`", 0},
        /* no mixing: one entry must have it all */
        {"mounts: [{target: /a, write: true}]",
         "mounts: [{target: /a}, {source: /a, target: /b, write: true, exec: false}]",
         "mounts[0] /a: the widest policy shows it read-only", 0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

static void test_own_binds(void **state)
{
    static const struct within_row rows[] = {
        {"mounts: [{target: /a}]", "{}", NULL, OWN_READ},
        {"mounts: [{target: /a}]", "{}", NULL, OWN_WRITE},
        {"mounts: [{target: /a, write: true}]", "{}", "mounts[0] /a" NOT_SHOWN, OWN_READ},
        {"mounts: [{target: /a, write: true}]", "{}", NULL, OWN_WRITE},
        {"mounts: [{target: /a, write: true}]", "mounts: [{target: /a}]",
         "mounts[0] /a: the widest policy shows it read-only", OWN_READ},
        {"mounts: [{target: /dev, dev: true}]", "{}",
         "mounts[0] /dev: device nodes work only on what the widest policy shows with `dev`",
         OWN_WRITE},
        {"mounts: [{target: /dev/null, dev: true}]", "mounts: [{target: /dev/null, dev: true}]",
         NULL, OWN_WRITE},
        {"mounts: [{type: tmpfs, target: /a}]", "{}",
         "mounts[0] /a: the widest policy has no tmpfs that can be written and executed from",
         OWN_WRITE},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

/* What the widest hides stays hidden. */
static void test_covers(void **state)
{
#define MASKED "mounts: [{target: /a}, {type: tmpfs, target: /a/secret, write: false}]"
    static const struct within_row rows[] = {
        {"mounts: [{target: /a}]", MASKED, "mounts[0] /a" COVERED(1), 0},
        {"mounts: [{source: /a, target: /x}, {type: tmpfs, target: /x/secret, write: false}, "
         "{type: "
         "dir, target: /y}]",
         MASKED, NULL, 0},
        {"mounts: [{source: /a, target: /x}, {type: tmpfs, target: /x/secre, write: false}]",
         MASKED, "mounts[0] /a" COVERED(1), 0},
        {"mounts: [{type: tmpfs, target: /x/secret, write: false}, {source: /a, target: /x}]",
         MASKED, "mounts[1] /a" COVERED(1), 0},
        {"mounts: [{source: /a, target: /x}, {type: tmpfs, target: /x/secret, write: false}, "
         "{source: /a, target: /y}]",
         MASKED, "mounts[2] /a" COVERED(1), 0},
        /* a mount that may be skipped hides nothing, nor one that a symlink leads away */
        {"mounts: [{source: /a, target: /x}, {source: /a, target: /x/secret, optional: true}]",
         MASKED, "mounts[0] /a" COVERED(1), 0},
        {"mounts: [{source: /a, target: /x}, {type: symlink, source: /z, target: /x/secret}, "
         "{type: "
         "tmpfs, target: /x/secret, write: false}]",
         MASKED, "mounts[0] /a" COVERED(1), 0},
        /* hidden altogether, or who knows where */
        {"mounts: [{target: /a}]", "mounts: [{target: /a}, {source: /b, target: /a}]",
         "mounts[0] /a" COVERED(1), 0},
        {"mounts: [{source: /a/b, target: /b}]",
         "mounts: [{target: /a/b}, {type: tmpfs, target: /a}]", "mounts[0] /a/b" COVERED(1), 0},
        {"mounts: [{target: /a}]",
         "mounts: [{type: symlink, source: /a, target: /l}, {target: /a}, {type: tmpfs, target: "
         "/l/secret}]",
         "mounts[0] /a" COVERED(2), 0},
        {"mounts: [{target: /a}]", MASKED, NULL, OWN_READ},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

static void test_room(void **state)
{
    static const struct within_row rows[] = {
        {"mounts: [{type: tmpfs, target: /x}]", "mounts: [{type: tmpfs, target: /tmp, size: 64M}]",
         NULL, 0},
        {"mounts: [{type: tmpfs, target: /x, size: 64M, inodes: 65536}]",
         "mounts: [{type: tmpfs, target: /tmp}]", NULL, 0},
        {"mounts: [{type: tmpfs, target: /x, size: 65537K}]",
         "mounts: [{type: tmpfs, target: /tmp}]",
         "mounts[0] /x: all tmpfs together hold 67109888 bytes in 65536 files, those of the widest "
         "policy 67108864 in 65536",
         0},
        {"mounts: [{type: tmpfs, target: /x, size: 1M, inodes: 65537}]",
         "mounts: [{type: tmpfs, target: /tmp}]",
         "mounts[0] /x: all tmpfs together hold 1048576 bytes in 65537 files, those of the widest "
         "policy 67108864 in 65536",
         0},
        {"mounts: [{type: tmpfs, target: /x, size: 1M, inodes: 9}, {type: tmpfs, target: /y, size: "
         "1M, inodes: 9}]",
         "mounts: [{type: tmpfs, target: /t, size: 1M}]",
         "mounts[1] /y: all tmpfs together hold 2097152 bytes in 18 files, those of the widest "
         "policy "
         "1048576 in 65536",
         0},
        {"mounts: [{type: tmpfs, target: /x, size: 0}]", "mounts: [{type: tmpfs, target: /tmp}]",
         "mounts[0] /x: a tmpfs of `size: 0` or `inodes: 0` would have no limit", 0},
        {"mounts: [{type: tmpfs, target: /x, inodes: 0}]", "mounts: [{type: tmpfs, target: /tmp}]",
         "mounts[0] /x: a tmpfs of `size: 0` or `inodes: 0` would have no limit", 0},
        {"mounts: [{type: tmpfs, target: /x, size: 18446744073709551615}, {type: tmpfs, target: "
         "/y, "
         "size: 9}]",
         "mounts: [{type: tmpfs, target: /tmp}]",
         "mounts[1] /y: all tmpfs together hold 18446744073709551615 bytes in 131072 files, those "
         "of "
         "the widest policy 67108864 in 65536",
         0},
        /* a later one at the same place takes the place of the earlier */
        {"mounts: [{type: tmpfs, target: /tmp}, {type: tmpfs, target: /tmp, size: 8M}]",
         "mounts: [{type: tmpfs, target: /tmp}]", NULL, 0},
        {"mounts: [{type: tmpfs, target: /tmp, size: 64M}]",
         "mounts: [{type: tmpfs, target: /tmp}, {type: tmpfs, target: /tmp, size: 8M}]",
         "mounts[0] /tmp: all tmpfs together hold 67108864 bytes in 65536 files, those of the "
         "widest "
         "policy 8388608 in 65536",
         0},
        {"mounts: [{type: tmpfs, target: /x, exec: false}]",
         "mounts: [{type: tmpfs, target: /tmp, exec: false}, {type: dir, target: /y}]", NULL, 0},
        {"mounts: [{type: tmpfs, target: /x}]",
         "mounts: [{type: tmpfs, target: /tmp, exec: false}]",
         "mounts[0] /x: the widest policy has no tmpfs that can be written and executed from", 0},
        {"mounts: [{type: tmpfs, target: /x, write: false}]", "{}", NULL, 0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

static void test_proc(void **state)
{
    static const struct within_row rows[] = {
        {"mounts: [{type: proc, target: /p}]", "mounts: [{type: proc, target: /proc}]", NULL, 0},
        {"mounts: [{type: proc, target: /proc}]", "mounts: [{type: proc, target: /p, write: true}]",
         NULL, 0},
        {"mounts: [{type: proc, target: /proc}]", "{}",
         "mounts[0] /proc: the widest policy shows no proc", 0},
        {"mounts: [{type: proc, target: /proc, write: true}]",
         "mounts: [{type: proc, target: /proc}]",
         "mounts[0] /proc: the widest policy shows no writable proc", 0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

/* Landlock's rights add up from the root down. */
static void test_landlock(void **state)
{
#define LOCK "landlock: preferred\n"
#define WIDE LOCK "mounts: [{target: /d, dev: true}, {type: tmpfs, target: /t}]"
#define INSIDE(at)                                                                                 \
    "mounts[" #at "] /d: a read-only bind inside a mount that can be written, where Landlock "     \
    "cannot keep devices and FIFOs on it from being written, as the widest policy has it"
    static const struct within_row rows[] = {
        {LOCK "mounts: [{source: /d, target: /x, dev: true}]", WIDE, NULL, 0},
        {LOCK "mounts: [{type: tmpfs, target: /t}, {source: /d, target: /t/d}]", WIDE, INSIDE(1),
         0},
        {LOCK "mounts: [{source: /d, target: /t/d}, {type: tmpfs, target: /t}]", WIDE, INSIDE(0),
         0},
        {LOCK "mounts: [{type: tmpfs, target: /t}, {source: /d, target: /t}]", WIDE, INSIDE(1), 0},
        {LOCK "mounts: [{type: tmpfs, target: /t, write: false}, {source: /d, target: /t/d}]", WIDE,
         NULL, 0},
        {LOCK
         "mounts: [{type: symlink, source: /t, target: /l}, {type: tmpfs, target: /t}, {source: "
         "/d, target: /l/d}]",
         WIDE, INSIDE(2), 0},
        {LOCK
         "mounts: [{type: symlink, source: /, target: /l}, {type: tmpfs, target: /l/d}, {source: "
         "/d, target: /d/d}]",
         WIDE, INSIDE(2), 0},
        {LOCK "mounts: [{source: /home, target: /h, write: true}, {source: /d, target: /h/d, dev: "
              "true}]",
         WIDE, INSIDE(1), OWN_WRITE},
        {"mounts: [{type: tmpfs, target: /t}, {source: /d, target: /t/d}]",
         "mounts: [{target: /d}, {type: tmpfs, target: /t}]", NULL, 0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

static void test_all_of_the_host(void **state)
{
    static const struct within_row rows[] = {
        {"mounts: [{target: /a, write: true, dev: true}, {type: tmpfs, target: /t, size: 9T}, "
         "{type: "
         "proc, target: /proc, write: true}]",
         "namespaces: {mount: host}", NULL, 0},
        {"mounts: [{target: /a}]", "namespaces: {mount: new}", "mounts[0] /a" NOT_SHOWN, 0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

static void test_many(void **state)
{
    static char text[16384];
    size_t len = (size_t)snprintf(text, sizeof(text), "mounts:\n");

    (void)state;
    for (unsigned i = 0; i < WITHIN_MAX_MOUNTS; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "- target: /a%u\n", i);
    assert_within(text, "{}", OWN_READ);
    snprintf(text + len, sizeof(text) - len, "- target: /b\n");
    assert_wider(text, "{}", OWN_READ, "mounts: more than 256 mounts cannot be compared");
    assert_within(text, text, OWN_NONE);
}

/* ---- mounts on top of a policy ---- */

static int add_to(const char *policy, const char *added, const char *widest, enum own own,
                  char said[1024])
{
    struct crib_error err = {0};
    struct arena arena;
    const Crib__Policy *on_top;
    int r;

    arena_init(&arena, 0);
    on_top = within_read(added, &arena);
    r = policy_within_added(within_read(policy, &arena), on_top->mounts, on_top->n_mounts,
                            within_read(widest, &arena), own >= OWN_READ, own == OWN_WRITE, &err);
    arena_done(&arena);
    crib_error_text(&err, said, 1024);
    return r;
}

static void test_added(void **state)
{
    static const struct {
        const char *policy, *added, *widest, *said;
        enum own own;
    } rows[] = {
        {"extends: [default]", "{}", "{}", NULL, 0},
        {"extends: [default]", "mounts: [{target: /srv}]", "{}", "task.mounts[0] /srv" NOT_SHOWN,
         0},
        {"extends: [default]", "mounts: [{target: /srv}]", "{}", NULL, OWN_READ},
        {"extends: [default]", "mounts: [{target: /a}, {target: /srv, write: true}]", "{}",
         "task.mounts[1] /srv" NOT_SHOWN, OWN_READ},
        {"extends: [strict]", "mounts: [{type: tmpfs, target: /w, size: 72M, inodes: 99}]",
         "extends: [default]", NULL, 0},
        {"extends: [strict]", "mounts: [{type: tmpfs, target: /w, size: 73M, inodes: 99}]",
         "extends: [default]",
         "task.mounts[0] /w: all tmpfs together hold 84934656 bytes in 1123 files, those of the "
         "widest policy 83886080 in 131072",
         0},
        {"extends: [strict]", "mounts: [{type: dir, target: /w}]", "{}", NULL, 0},
        {"extends: [strict]", "mounts: [{target: /srv, write: true}]", "{}", NULL, OWN_WRITE},
        /* strict reads /dev/random; under something writable it could be written, too */
        {"extends: [strict]", "mounts: [{source: /srv, target: /dev, write: true}]", "{}",
         "task.mounts /dev/random: it would make this a read-only bind inside a mount that can be "
         "written, where Landlock cannot keep devices and FIFOs on it from being written",
         OWN_WRITE},
    };
    char said[1024];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int r = add_to(rows[i].policy, rows[i].added, rows[i].widest, rows[i].own, said);

        print_message("%s + %s\n", rows[i].policy, rows[i].added);
        assert_int_equal(r, rows[i].said ? -EACCES : 0);
        if (rows[i].said)
            assert_string_equal(said, rows[i].said);
    }
}

/* A bind of a task has its target for source, or its source for target. */
static void test_added_without_a_target(void **state)
{
    Crib__Policy policy = CRIB__POLICY__INIT, widest = CRIB__POLICY__INIT;
    Crib__Mount mount = CRIB__MOUNT__INIT, most = CRIB__MOUNT__INIT;
    Crib__Mount *list[] = {&mount}, *shown[] = {&most};
    struct crib_error err;

    (void)state;
    mount.has_source = most.has_target = true;
    mount.source = bytes("/a");
    most.target = bytes("/a");
    widest.mounts = shown;
    widest.n_mounts = 1;
    assert_int_equal(policy_within_added(&policy, list, 1, &widest, false, false, &err), 0);
    mount.source = bytes("a");
    assert_int_equal(policy_within_added(&policy, list, 1, &widest, false, false, &err), -EACCES);
    mount.source = bytes("/x/../a");
    assert_int_equal(policy_within_added(&policy, list, 1, &widest, false, false, &err), -EACCES);
    mount.source = (ProtobufCBinaryData){.len = 4, .data = (uint8_t *)"/a\0b"};
    assert_int_equal(policy_within_added(&policy, list, 1, &widest, false, false, &err), -EACCES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_rights),
        cmocka_unit_test(test_own_binds),
        cmocka_unit_test(test_covers),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_proc),
        cmocka_unit_test(test_landlock),
        cmocka_unit_test(test_all_of_the_host),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_added),
        cmocka_unit_test(test_added_without_a_target),
    };

    return test_run(tests);
}
