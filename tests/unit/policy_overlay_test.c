/* SPDX-License-Identifier: Apache-2.0 */
/* Overlays and masks, where one policy is held against another. */
#include "policy_within.h"

#include "policy/intersect.h"

#define OVER(fields) "mounts: [{type: overlay, source: /a, target: /w" fields "}]"
#define MASKED       "mounts: [{type: mask, target: /a/secret}, {target: /a}]"

static void test_what_an_overlay_grants(void **state)
{
    (void)state;
    assert_within(OVER(""), OVER(""), OWN_NONE);
    assert_within(OVER(", keep: list"), OVER(""), OWN_NONE);
    assert_within(OVER(", keep: commit"), OVER(", keep: commit"), OWN_NONE);
    /* what it shows may be shown read-only, and what it takes up be taken up by a tmpfs */
    assert_within("mounts: [{source: /a, target: /x}]", OVER(""), OWN_NONE);
    assert_within("mounts: [{type: tmpfs, target: /t}]", OVER(""), OWN_NONE);
    assert_within(OVER(""), "mounts: [{target: /a}, {type: tmpfs, target: /t}]", OWN_NONE);
    assert_within(OVER(", keep: commit"),
                  "mounts: [{target: /a, write: true}, {type: tmpfs, target: /t}]", OWN_NONE);
    assert_within(OVER(""), "mounts: [{type: tmpfs, target: /t}]", OWN_READ);
}

static void test_what_is_wider_than_an_overlay(void **state)
{
    (void)state;
    assert_wider(OVER(""), "{}", OWN_NONE, NULL);
    assert_wider(OVER(""), "mounts: [{target: /a}]", OWN_NONE, NULL);
    assert_wider(OVER(""), "mounts: [{type: tmpfs, target: /t}]", OWN_NONE, NULL);
    assert_wider(OVER(", keep: commit"), OVER(", keep: list"), OWN_NONE,
                 "mounts[0] /a: the widest policy shows it read-only");
    assert_wider(OVER(", keep: commit"), "mounts: [{type: tmpfs, target: /t}]", OWN_READ, NULL);
    assert_wider(OVER(", size: 65M"), OVER(""), OWN_NONE, NULL);
    assert_wider(OVER(""), OVER(", exec: false"), OWN_NONE, NULL);
    assert_wider("mounts: [{target: /a, write: true}]", OVER(", keep: commit"), OWN_NONE,
                 "mounts[0] /a: the widest policy shows it as an overlay, which takes in no "
                 "devices, FIFOs and set-uid bits");
    assert_wider("mounts: [{target: /a, write: true}]", OVER(""), OWN_NONE, NULL);
}

/* A mask hides wherever it stands in the list. */
static void test_masks(void **state)
{
    (void)state;
    assert_within(MASKED, MASKED, OWN_NONE);
    assert_within("mounts: [{source: /a, target: /x}, {type: mask, target: /x/secret}]", MASKED,
                  OWN_NONE);
    assert_within("mounts: [{type: mask, target: /x/secret}, {source: /a, target: /x}]", MASKED,
                  OWN_NONE);
    assert_within("mounts: [{type: mask, target: /anything}]", "{}", OWN_NONE);
    assert_wider("mounts: [{target: /a}]", MASKED, OWN_NONE, NULL);
    assert_wider("mounts: [{target: /a}, {type: mask, target: /a/other}]", MASKED, OWN_NONE, NULL);
    assert_wider("mounts: [{target: /a}, {target: /a/secret}]", MASKED, OWN_NONE, NULL);
}

/* In a bind that can be written a mask cannot be moved away, and a tmpfs can. */
static void test_masks_stay(void **state)
{
#define WRITABLE "{target: /a, write: true}"
#define KEPT     "mounts: [" WRITABLE ", {type: tmpfs, target: /t}, {type: mask, target: /a/b/c}]"

    (void)state;
    assert_within(KEPT, KEPT, OWN_NONE);
    assert_within("mounts: [" WRITABLE ", {type: tmpfs, target: /a/b/c, write: false}]", KEPT,
                  OWN_NONE);
    assert_within("mounts: [{target: /a}, {type: tmpfs, target: /a/b/c}]", KEPT, OWN_NONE);
    assert_wider("mounts: [" WRITABLE ", {type: tmpfs, target: /a/b/c}]", KEPT, OWN_NONE, NULL);
    assert_wider("mounts: [" WRITABLE ", {source: /a, target: /a/b/c, write: true}]", KEPT,
                 OWN_NONE, NULL);
}

static void test_cut(void **state)
{
    struct arena arena;
    struct crib_error err = {0};
    Crib__Policy *result;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(policy_intersect(within_read(OVER(", keep: commit"), &arena),
                                      within_read(OVER(", keep: list"), &arena), false, false,
                                      &arena, &result, &err),
                     0);
    assert_int_equal(result->mounts[0]->keep, CRIB__MOUNT__KEEP__list);
    assert_int_equal(policy_intersect(within_read("mounts: [{target: /a, write: true}]", &arena),
                                      within_read(OVER(", keep: commit"), &arena), false, false,
                                      &arena, &result, &err),
                     0);
    assert_false(result->mounts[0]->write);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_an_overlay_grants),
        cmocka_unit_test(test_what_is_wider_than_an_overlay),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_masks_stay),
        cmocka_unit_test(test_cut),
    };

    return test_run(tests);
}
