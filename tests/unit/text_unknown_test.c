/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <string.h>

#include "task.pb-c.h"
#include "text/text.h"

/* Unpacks @bytes as a Task and expects text_unknown() to say @said; "" is nothing. */
static void expect(const void *bytes, size_t len, const char *said)
{
    struct crib_error err = {0};
    struct arena arena;
    Crib__Task *task;
    char text[256];

    arena_init(&arena, 0);
    task = crib__task__unpack(&arena.pb, len, bytes);
    assert_non_null(task);
    assert_int_equal(text_unknown(&task->base, &err), said[0] ? -EPROTO : 0);
    assert_string_equal(crib_error_text(&err, text, sizeof(text)), said);
    arena_done(&arena);
}

static void test_text_unknown_finds_it_at_any_depth(void **state)
{
    (void)state;
    expect("", 0, "");
    /* field 2047, varint 1 */
    expect("\xf8\x7f\x01", 3, "field number 2047 of Task is unknown to this crib");
    /* policy(15) { 2047: 1 } */
    expect("\x7a\x03\xf8\x7f\x01", 5, "field number 2047 of Policy is unknown to this crib");
    /* policy(15) { limits(7) { 2047: 1 } } */
    expect("\x7a\x05\x3a\x03\xf8\x7f\x01", 7,
           "field number 2047 of Limits is unknown to this crib");
    /* policy(15) { mounts(5) { } mounts(5) { 99: "" } } */
    expect("\x7a\x07\x2a\x00\x2a\x03\x9a\x06\x00", 9,
           "field number 99 of Mount is unknown to this crib");
}

static void test_text_unknown_finds_enum_values_without_a_word(void **state)
{
    (void)state;
    expect("\x68\x02", 2, ""); /* channel(13): crib */
    expect("\x68\x07", 2, "value 7 of field 'channel' of Task is unknown to this crib");
    /* policy(15) { landlock(11): 9 } */
    expect("\x7a\x02\x58\x09", 4, "value 9 of field 'landlock' of Policy is unknown to this crib");
    /* stdio(7) { kind(2): -1 } */
    expect("\x3a\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13,
           "value -1 of field 'kind' of Stdio is unknown to this crib");
}

static void test_text_unknown_wants_utf8_in_strings_only(void **state)
{
    (void)state;
    expect("\x0a\x01\xff", 3, ""); /* file(1): bytes may be anything */
    /* policy(15) { about(1): "\xff" } */
    expect("\x7a\x03\x0a\x01\xff", 5, "field 'about' of Policy is not UTF-8");
    /* policy(15) { extends(2): "a", "\xc0\xaf" } */
    expect("\x7a\x07\x12\x01"
           "a"
           "\x12\x02\xc0\xaf",
           9, "field 'extends' of Policy is not UTF-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_unknown_finds_it_at_any_depth),
        cmocka_unit_test(test_text_unknown_finds_enum_values_without_a_word),
        cmocka_unit_test(test_text_unknown_wants_utf8_in_strings_only),
    };

    return test_run(tests);
}
