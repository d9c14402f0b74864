/* SPDX-License-Identifier: Apache-2.0 */
/* What init finds may be nonsense, or the task's own words; and the host is asked of little. */
#include "plan_why.h"

/* Init is inside the sandbox, and the path is the task's. */
static void test_nonsense_is_not_told(void **state)
{
    static const struct look rows[] = {
        OPEN(O_RDONLY, AT(MISSING), .path = "", .there = "/"),
        OPEN(O_RDONLY, AT(MISSING), .path = "relative", .there = "/"),
        OPEN(O_RDONLY, AT(MISSING), .path = "/etc/x", .there = "no"),
        {.number = 100000, .arg = 0, .path = "/etc/x", .there = "/", AT(MISSING)},
        {.number = -1, .arg = 0, .path = "/etc/x", .there = "/", AT(MISSING)},
        {.number = SYS_openat, .arg = 77, .path = "/usr/x", AT(ROOTS(0), .read_only = true)},
    };
    Crib__Report__Refused none = CRIB__REPORT__REFUSED__INIT;
    Crib__Denial *denial;
    struct fixture f;

    (void)state;
    start(&f);
    must_build(&f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_null(denial_of(&f, &rows[i]));
    assert_int_equal(plan_why(f.plan, &none, &f.arena, &denial), 0);
    assert_null(denial);
    fixture_done(&f);
}

/* What is printed has no control characters, and what cannot be written in YAML is not proposed. */
static void test_hostile_paths(void **state)
{
    char longest[4000];
    const struct look escape = OPEN(O_RDONLY, AT(MISSING), .path = "/x\x1b[2J\xff", .there = "/");
    const struct look quotes =
        OPEN(O_RDONLY, AT(MISSING), .path = "/a\"b\\c\xc3\xa4", .there = "/");
    const struct look climbs = OPEN(O_RDONLY, AT(MISSING), .path = "/x/../../usr/no", .there = "/");
    const struct look lengthy = OPEN(O_RDONLY, AT(MISSING), .path = longest, .there = "/");
    const Crib__Denial *denial;
    struct fixture f;

    (void)state;
    start(&f);
    must_build(&f);
    must_say(&f, &escape, "openat(/x?[2J?) to read: no mount shows it: ENOENT |  | ");
    must_say(&f, &quotes,
             "openat(/a\"b\\c\xc3\xa4) to read: no mount shows it: ENOENT |  | "
             "in the policy: mounts: [{target: \"/a\\\"b\\\\c\xc3\xa4\"}]");
    must_say(&f, &climbs, NULL); /* it is in /usr, by its text */
    memset(longest, 'y', sizeof(longest));
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    denial = denial_of(&f, &lengthy);
    assert_non_null(denial);
    assert_true(strlen(denial->text) < 400);
    fixture_done(&f);
}

static void must_look_for(struct fixture *f, const struct look *look, const char *place)
{
    const Crib__Denial *denial = denial_of(f, look);

    assert_non_null(denial);
    assert_int_equal(plan_why_hidden(denial), place != NULL);
    if (place)
        assert_string_equal(plan_why_place(denial, &f->arena), place);
}

static void test_what_the_host_must_have(void **state)
{
    const struct look reads = OPEN(O_RDONLY, AT(MISSING), .path = "/srv/x", .there = "/");
    const struct look makes =
        OPEN(O_WRONLY | O_CREAT, AT(MISSING), .path = "/srv/x/y", .there = "/");
    const struct look writes = OPEN(O_WRONLY, AT(OWN(0644), .read_only = true), .path = "/usr/x");
    Crib__Denial other = CRIB__DENIAL__INIT;
    struct fixture f;

    (void)state;
    start(&f);
    must_build(&f);
    must_look_for(&f, &reads, "/srv/x");
    must_look_for(&f, &makes, "/srv/x");
    must_look_for(&f, &writes, NULL);
    assert_false(plan_why_hidden(&other));
    other.has_by = true;
    other.by = CRIB__DENIAL__BY__files;
    assert_false(plan_why_hidden(&other));
    other.answer = (char *)"ENOENT";
    assert_true(plan_why_hidden(&other));
    assert_null(plan_why_place(&other, &f.arena)); /* without an object */
    fixture_done(&f);
}

/* Origins come from a client. */
static void test_origins_that_do_not_fit(void **state)
{
    const struct look look = OPEN(O_WRONLY, AT(OWN(0644), .read_only = true), .path = "/usr/x");
    struct fixture f;

    (void)state;
    start(&f);
    f.task->origins->mounts[0]->at = NULL;
    f.task->origins->n_mounts = 1;
    must_build(&f);
    must_say(&f, &look,
             "openat(/usr/x) to write: the mount at /usr is read-only: EROFS |  | "
             "in the policy: mounts: [{target: /usr/x, write: true}]");
    fixture_done(&f);
}

static void test_where_to_look_for_what_is_hidden(void **state)
{
    static const struct {
        struct look look;
        const char *place;
    } rows[] = {
        {{.number = SYS_stat, .arg = 0, AT(MISSING), .path = "/home/x", .there = "/"}, "/home/x"},
        {OPEN(O_WRONLY | O_CREAT, AT(MISSING), .path = "/home/x", .there = "/"), "/home"},
        {{.number = SYS_mkdir, .arg = 0, AT(MISSING), .path = "/home/u/x", .there = "/"},
         "/home/u"},
        /* of two paths one is there before */
        {{.number = SYS_rename, .arg = 0, AT(MISSING), .path = "/tmp/x", .there = "/tmp"},
         "/tmp/x"},
        {{.number = SYS_rename, .arg = 1, AT(MISSING), .path = "/home/x", .there = "/"}, "/home"},
        {{.number = SYS_link, .arg = 0, AT(MISSING), .path = "/tmp/x", .there = "/tmp"}, "/tmp/x"},
        {{.number = SYS_link, .arg = 1, AT(MISSING), .path = "/home/x", .there = "/"}, "/home"},
    };
    struct fixture f;

    (void)state;
    start(&f);
    must_build(&f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const Crib__Denial *denial = denial_of(&f, &rows[i].look);

        assert_non_null(denial);
        assert_true(plan_why_hidden(denial));
        assert_string_equal(plan_why_place(denial, &f.arena), rows[i].place);
    }
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nonsense_is_not_told),
        cmocka_unit_test(test_hostile_paths),
        cmocka_unit_test(test_what_the_host_must_have),
        cmocka_unit_test(test_origins_that_do_not_fit),
        cmocka_unit_test(test_where_to_look_for_what_is_hidden),
    };

    return test_run(tests);
}
