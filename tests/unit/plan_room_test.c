/* SPDX-License-Identifier: Apache-2.0 */
/* What file systems in memory may hold, under limits.tmpfs_size and limits.tmpfs_inodes. */
#include "plan_mounts.h"

#include <errno.h>

struct row {
    uint64_t size, inodes;                 /* of the mount; 0: unset */
    uint64_t most_size, most_inodes;       /* of the limits; 0: unset */
    uint64_t gets_size, gets_inodes;       /* 0: refused */
    const char *said;                      /* when it is refused */
    const char *cut_size, *cut_inodes;     /* receipt when they are preferred; NULL: as planned */
    const char *limit_size, *limit_inodes; /* receipt of the limits */
};

static const struct row rows[] = {
    /* nobody asks: the usual, lowered without a word */
    {.gets_size = 64 << 20, .gets_inodes = 65536},
    {.most_size = 1 << 20,
     .gets_size = 1 << 20,
     .gets_inodes = 65536,
     .limit_size = "1048576 -> 1048576 bytes, each file system in memory"},
    {.most_inodes = 10,
     .gets_size = 64 << 20,
     .gets_inodes = 10,
     .limit_inodes = "10 -> 10, each file system in memory"},
    {.most_size = 1ull << 40, .gets_size = 64 << 20, .gets_inodes = 65536},
    {.most_size = UINT64_MAX,
     .most_inodes = UINT64_MAX,
     .gets_size = 64 << 20,
     .gets_inodes = 65536,
     .limit_size = "unlimited -> unlimited",
     .limit_inodes = "unlimited -> unlimited"},
    /* the kernel counts in pages and rounds up, which may not pass the limit */
    {.most_size = 4096, .gets_size = 4096, .gets_inodes = 65536},
    {.most_size = 10000,
     .gets_size = 8192,
     .gets_inodes = 65536,
     .limit_size = "10000 -> 8192 bytes, each file system in memory"},
    {.size = 9000, .most_size = 10000, .gets_size = 8192, .gets_inodes = 65536},
    {.size = 9000, .gets_size = 9000, .gets_inodes = 65536},
    /* within */
    {.size = 1 << 20,
     .inodes = 5,
     .most_size = 1 << 20,
     .most_inodes = 5,
     .gets_size = 1 << 20,
     .gets_inodes = 5},
    /* over */
    {.size = (1 << 20) + 1,
     .most_size = 1 << 20,
     .said = "mounts[0] /tmp: `size` 1048577 is over limits.tmpfs_size, 1048576: ask for less, or "
             "name tmpfs_size in limits.preferred, and it is cut",
     .cut_size = "size 1048577 at /tmp -> 1048576, by limits.tmpfs_size"},
    {.inodes = 6,
     .most_inodes = 5,
     .said = "mounts[0] /tmp: `inodes` 6 is over limits.tmpfs_inodes, 5: ask for less, or name "
             "tmpfs_inodes in limits.preferred, and it is cut",
     .cut_inodes = "inodes 6 at /tmp -> 5, by limits.tmpfs_inodes"},
    /* what cannot be a limit */
    {.most_size = 1,
     .said = "limits tmpfs_size: 1 is too little: file systems in memory count in pages of 4096 "
             "bytes"},
    {.inodes = UINT64_MAX, .said = "mounts[0] /tmp: `inodes` is more than the kernel can count"},
};

static void ask(struct fixture *f, const struct row *row)
{
    Crib__Limits *limits = ARENA_NEW(&f->arena, crib__limits, Crib__Limits);
    Crib__Mount *mount = add_mount(f, TMPFS, NULL, "/tmp");

    f->policy->limits = limits;
    limits->has_tmpfs_size = row->most_size;
    limits->tmpfs_size = row->most_size;
    limits->has_tmpfs_inodes = row->most_inodes;
    limits->tmpfs_inodes = row->most_inodes;
    mount->has_size = row->size;
    mount->size = row->size;
    mount->has_inodes = row->inodes;
    mount->inodes = row->inodes;
}

static void test_limits_on_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct fixture f;

        fixture_start(&f);
        ask(&f, row);
        if (row->said) {
            must_refuse(&f, -EINVAL, row->said);
        } else {
            must_build(&f);
            assert_int_equal(f.plan->mounts[0]->size, row->gets_size);
            assert_int_equal(f.plan->mounts[0]->inodes, row->gets_inodes);
            if (row->limit_size)
                assert_string_equal(receipt_of(&f, "limits.tmpfs_size"), row->limit_size);
            if (row->limit_inodes)
                assert_string_equal(receipt_of(&f, "limits.tmpfs_inodes"), row->limit_inodes);
        }
        fixture_done(&f);
    }
}

static void test_preferred_ones_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct fixture f;

        if (!row->cut_size && !row->cut_inodes)
            continue;
        fixture_start(&f);
        ask(&f, row);
        push_text(&f, &f.policy->limits->preferred, &f.policy->limits->n_preferred,
                  row->cut_size ? "tmpfs_size" : "tmpfs_inodes");
        must_build(&f);
        assert_int_equal(f.plan->mounts[0]->size, row->cut_size ? row->most_size : 64 << 20);
        assert_int_equal(f.plan->mounts[0]->inodes, row->cut_inodes ? row->most_inodes : 65536);
        assert_string_equal(receipt_of(&f, "mounts[0]"),
                            row->cut_size ? row->cut_size : row->cut_inodes);
        fixture_done(&f);
    }
}

static void test_no_limit_is_said_of_none(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_mount(&f, TMPFS, NULL, "/tmp");
    must_build(&f);
    assert_string_equal(receipt_of(&f, "limits.tmpfs_size"), "nothing");
    f.policy->limits = ARENA_NEW(&f.arena, crib__limits, Crib__Limits);
    f.policy->limits->has_tmpfs_inodes = true;
    must_refuse(&f, -EINVAL,
                "limits tmpfs_inodes: the kernel reads 0 as no limit: leave it out, or ask for "
                "more");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_on_each),
        cmocka_unit_test(test_preferred_ones_cut),
        cmocka_unit_test(test_no_limit_is_said_of_none),
    };

    return test_run(tests);
}
