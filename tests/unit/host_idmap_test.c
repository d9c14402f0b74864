/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/facts.h"

static void test_a_number_is_in_a_range_or_not(void **state)
{
    (void)state;
    assert_true(idmap_covers("         0          0 4294967295\n", 65534));
    assert_true(idmap_covers("0 1000 1\n1 100000 65536\n", 65536));
    assert_false(idmap_covers("0 1000 1\n1 100000 65536\n", 65537));
    assert_true(idmap_covers("0 1000 1\n", 0));
    assert_false(idmap_covers("0 1000 1\n", 1));
    assert_false(idmap_covers("5 1000 10\n", 4));
    assert_false(idmap_covers("", 0));
    assert_false(idmap_covers("what is this", 0));
    assert_false(idmap_covers("0 0", 0));
}

static void write_maps(const char *proc, const char *uids, const char *gids, const char *setgroups)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/self", proc);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/self/uid_map", proc);
    test_write(path, uids, strlen(uids), 0644);
    snprintf(path, sizeof(path), "%s/self/gid_map", proc);
    test_write(path, gids, strlen(gids), 0644);
    snprintf(path, sizeof(path), "%s/self/setgroups", proc);
    test_write(path, setgroups, strlen(setgroups), 0644);
}

/* Root of a container that has but one number cannot give its tasks another. */
static void test_room_for_tasks(void **state)
{
    static const struct {
        const char *uids, *gids, *setgroups;
        bool roomy;
    } rows[] = {
        {"0 0 4294967295\n", "0 0 4294967295\n", "allow\n", true},
        {"0 1000 1\n1 100000 65536\n", "0 1000 1\n1 100000 65536\n", "allow\n", true},
        {"0 1000 1\n", "0 1000 1\n", "deny\n", false},
        {"0 1000 1\n1 100000 65533\n", "0 0 4294967295\n", "allow\n", false},
        {"0 0 4294967295\n", "0 1000 1\n", "allow\n", false},
        {"0 0 4294967295\n", "0 0 4294967295\n", "deny\n", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *proc = test_dir();

        write_maps(proc, rows[i].uids, rows[i].gids, rows[i].setgroups);
        assert_int_equal(idmap_roomy(proc), rows[i].roomy);
        free(proc);
    }
}

static void test_without_proc_the_capabilities_tell(void **state)
{
    char *proc = test_dir();

    (void)state;
    assert_true(idmap_roomy(proc));
    free(proc);
}

static void test_reading_is_bounded(void **state)
{
    char *dir = test_dir(), path[512], text[8];

    (void)state;
    snprintf(path, sizeof(path), "%s/long", dir);
    test_write(path, "0123456789", 10, 0644);
    assert_int_equal(facts_read(dir, "long", text, sizeof(text)), 0);
    assert_string_equal(text, "0123456");
    assert_int_equal(facts_read(dir, "missing", text, sizeof(text)), -ENOENT);
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(facts_read(path, "long", text, sizeof(text)), -ENAMETOOLONG);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_number_is_in_a_range_or_not),
        cmocka_unit_test(test_room_for_tasks),
        cmocka_unit_test(test_without_proc_the_capabilities_tell),
        cmocka_unit_test(test_reading_is_bounded),
    };

    return test_run(tests);
}
