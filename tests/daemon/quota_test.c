/* SPDX-License-Identifier: Apache-2.0 */
/* What one uid charges is counted to the last one, and takes nothing from another. */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/quota.h"

#define ONE   1001
#define OTHER 1002

static struct site *load(const char *text)
{
    char *dir = test_dir(), path[512];
    struct crib_error err = {0};
    struct site *site = NULL;

    snprintf(path, sizeof(path), "%s/site.yaml", dir);
    test_write(path, text, strlen(text), 0600);
    if (site_load(path, NULL, &site, &err) < 0)
        fail_msg("%s: %s", text, err.detail);
    free(dir);
    return site;
}

/* The limits of quota.def, each to its last one. */
static void test_defaults_to_the_last_one(void **state)
{
    static const struct {
        uint64_t each, total;
        const char *name;
    } rows[QUOTA_KINDS] = {
        [QUOTA_TASKS] = {1000, 10000, "tasks"},
        [QUOTA_CONNECTIONS] = {256, 4096, "connections"},
        [QUOTA_BYTES] = {128u << 20, 512u << 20, "queued bytes"},
        [QUOTA_FDS] = {1024, 8192, "fds"},
        [QUOTA_IN_FLIGHT] = {4096, 32768, "requests in flight"},
        [QUOTA_CLUSTERS] = {16, 256, "clusters"},
    };
    struct site *site = load("rules: [{}]");

    (void)state;
    for (int kind = 0; kind < QUOTA_KINDS; kind++) {
        struct quota *quota = quota_new(site);
        uint64_t users = rows[kind].total / rows[kind].each;

        assert_string_equal(quota_name((enum quota_kind)kind), rows[kind].name);
        for (uid_t uid = 1; uid <= users; uid++) {
            assert_false(quota_full(quota, uid, kind));
            assert_int_equal(quota_charge(quota, uid, kind, rows[kind].each - 1), 0);
            assert_int_equal(quota_charge(quota, uid, kind, 2), -EDQUOT);
            assert_int_equal(quota_charge(quota, uid, kind, 1), 0);
            assert_int_equal(quota_charge(quota, uid, kind, 1), -EDQUOT);
            assert_true(quota_full(quota, uid, kind));
            assert_true(quota_used(quota, uid, kind) == rows[kind].each);
        }
        /* and all together */
        for (uint64_t left = rows[kind].total - users * rows[kind].each; left; left = 0)
            assert_int_equal(quota_charge(quota, 5000, kind, left), 0);
        assert_true(quota_used_in_all(quota, kind) == rows[kind].total);
        assert_true(quota_full(quota, 6000, kind));
        assert_int_equal(quota_charge(quota, 6000, kind, 1), -ENOSPC);
        assert_true(quota_used(quota, 6000, kind) == 0);
        quota_release(quota, 1, kind, 1);
        assert_int_equal(quota_charge(quota, 6000, kind, 1), 0);
        quota_free(quota);
    }
    site_free(site);
}

static void test_others_are_unaffected(void **state)
{
    struct site *site = load("total: {fds: 100}\neach: {fds: 10, tasks: 1}\nrules: [{}]");
    struct quota *quota = quota_new(site);

    (void)state;
    assert_int_equal(quota_charge(quota, ONE, QUOTA_FDS, 10), 0);
    assert_int_equal(quota_charge(quota, ONE, QUOTA_FDS, 1), -EDQUOT);
    assert_int_equal(quota_charge(quota, ONE, QUOTA_FDS, SIZE_MAX), -EDQUOT);
    assert_int_equal(quota_charge(quota, ONE, QUOTA_TASKS, 1), 0);
    assert_int_equal(quota_charge(quota, OTHER, QUOTA_FDS, 10), 0);
    assert_int_equal(quota_charge(quota, OTHER, QUOTA_TASKS, 1), 0);
    quota_release(quota, ONE, QUOTA_FDS, 4);
    assert_true(quota_used(quota, ONE, QUOTA_FDS) == 6);
    assert_true(quota_used(quota, OTHER, QUOTA_FDS) == 10);
    assert_int_equal(quota_charge(quota, OTHER, QUOTA_FDS, 1), -EDQUOT);
    assert_int_equal(quota_charge(quota, ONE, QUOTA_FDS, 5), -EDQUOT);
    assert_int_equal(quota_charge(quota, ONE, QUOTA_FDS, 4), 0);
    assert_true(quota_used_in_all(quota, QUOTA_FDS) == 20);
    quota_free(quota);
    site_free(site);
}

/* Whom no rule fits has nothing; an explicit 0 is nothing too. */
static void test_nothing_for_strangers(void **state)
{
    struct site *site = load("rules: [{uids: [1001], quota: {fds: 0}}]");
    struct quota *quota = quota_new(site);

    (void)state;
    for (int kind = 0; kind < QUOTA_KINDS; kind++) {
        assert_int_equal(quota_charge(quota, OTHER, kind, 1), -EDQUOT);
        assert_int_equal(quota_charge(quota, OTHER, kind, 0), 0);
        assert_true(quota_full(quota, OTHER, kind));
    }
    assert_int_equal(quota_charge(quota, ONE, QUOTA_FDS, 1), -EDQUOT);
    assert_int_equal(quota_charge(quota, ONE, QUOTA_TASKS, 1), 0);
    quota_release(quota, ONE, QUOTA_TASKS, 1);
    quota_release(quota, ONE, QUOTA_TASKS, 0);
    quota_free(quota);
    quota_free(NULL);
    site_free(site);
}

static void test_force(void **state)
{
    struct site *site = load("each: {queued_bytes: 10}\ntotal: {queued_bytes: 15}\nrules: [{}]");
    struct quota *quota = quota_new(site);

    (void)state;
    assert_int_equal(quota_charge(quota, ONE, QUOTA_BYTES, 8), 0);
    quota_force(quota, ONE, QUOTA_BYTES, 6);
    assert_true(quota_used(quota, ONE, QUOTA_BYTES) == 14);
    assert_true(quota_full(quota, ONE, QUOTA_BYTES));
    assert_int_equal(quota_charge(quota, ONE, QUOTA_BYTES, 1), -EDQUOT);
    assert_int_equal(quota_charge(quota, ONE, QUOTA_BYTES, 0), 0);
    assert_int_equal(quota_charge(quota, OTHER, QUOTA_BYTES, 2), -ENOSPC);
    assert_int_equal(quota_charge(quota, OTHER, QUOTA_BYTES, 1), 0);
    quota_release(quota, ONE, QUOTA_BYTES, 5);
    assert_false(quota_full(quota, ONE, QUOTA_BYTES));
    quota_release(quota, ONE, QUOTA_BYTES, 9);
    quota_force(quota, ONE, QUOTA_BYTES, 0);
    quota_force(quota, ONE, QUOTA_BYTES, 20);
    assert_true(quota_used_in_all(quota, QUOTA_BYTES) == 21);
    quota_free(quota);
    site_free(site);
}

/* The site is read anew: what is charged stays, and is only not added to. */
static void test_other_site(void **state)
{
    struct site *old = load("each: {tasks: 10}\nrules: [{}]");
    struct site *tight = load("each: {tasks: 3}\ntotal: {tasks: 12}\nrules: [{uids: [1001]}]");
    struct quota *quota = quota_new(old);

    (void)state;
    assert_int_equal(quota_charge(quota, ONE, QUOTA_TASKS, 5), 0);
    assert_int_equal(quota_charge(quota, OTHER, QUOTA_TASKS, 5), 0);
    quota_site(quota, tight);
    site_free(old);
    assert_true(quota_used(quota, ONE, QUOTA_TASKS) == 5);
    assert_int_equal(quota_charge(quota, ONE, QUOTA_TASKS, 1), -EDQUOT);
    assert_int_equal(quota_charge(quota, OTHER, QUOTA_TASKS, 1), -EDQUOT);
    quota_release(quota, ONE, QUOTA_TASKS, 3);
    assert_int_equal(quota_charge(quota, ONE, QUOTA_TASKS, 1), 0);
    assert_int_equal(quota_charge(quota, ONE, QUOTA_TASKS, 1), -EDQUOT);
    quota_release(quota, OTHER, QUOTA_TASKS, 5);
    assert_int_equal(quota_charge(quota, OTHER, QUOTA_TASKS, 1), -EDQUOT);
    quota_free(quota);
    site_free(tight);
}

/* As many uids as somebody with a range of them can bring, held against plain counting. */
static void test_many_users(void **state)
{
    enum { USERS = 3000, STEPS = 200000 };
    struct site *site = load("each: {in_flight: 9}\ntotal: {in_flight: 9000}\nrules: [{}]");
    struct quota *quota = quota_new(site);
    unsigned *used = calloc(USERS, sizeof(*used)), all = 0;
    uint64_t seed = 1;

    (void)state;
    for (int step = 0; step < STEPS; step++) {
        unsigned n, user;

        seed = seed * 6364136223846793005u + 1442695040888963407u;
        user = (unsigned)(seed >> 33) % USERS;
        n = 1 + (unsigned)(seed >> 60) % 4;
        if (seed >> 40 & 1) {
            int expected = used[user] + n > 9 ? -EDQUOT : all + n > 9000 ? -ENOSPC : 0;

            assert_int_equal(quota_charge(quota, 100000 + user * 64, QUOTA_IN_FLIGHT, n), expected);
            used[user] += expected ? 0 : n;
            all += expected ? 0 : n;
        } else if (used[user] >= n) {
            quota_release(quota, 100000 + user * 64, QUOTA_IN_FLIGHT, n);
            used[user] -= n;
            all -= n;
        }
    }
    assert_true(all > 3000);
    assert_true(quota_used_in_all(quota, QUOTA_IN_FLIGHT) == all);
    for (unsigned user = 0; user < USERS; user++) {
        assert_true(quota_used(quota, 100000 + user * 64, QUOTA_IN_FLIGHT) == used[user]);
        quota_release(quota, 100000 + user * 64, QUOTA_IN_FLIGHT, used[user]);
    }
    assert_true(quota_used_in_all(quota, QUOTA_IN_FLIGHT) == 0);
    free(used);
    quota_free(quota);
    site_free(site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_to_the_last_one),
        cmocka_unit_test(test_others_are_unaffected),
        cmocka_unit_test(test_nothing_for_strangers),
        cmocka_unit_test(test_force),
        cmocka_unit_test(test_other_site),
        cmocka_unit_test(test_many_users),
    };

    return test_run(tests);
}
