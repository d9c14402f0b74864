/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <string.h>

#include "policy.pb-c.h"
#include "text/json.h"
#include "text/text.h"

/* Reads @text as a policy; @about and @said: what must come of it. */
static void expect(const char *name, const char *text, const char *about, const char *said)
{
    struct crib_error err = {0};
    struct arena arena;
    ProtobufCMessage *msg = NULL;
    char got[512];
    int r;

    arena_init(&arena, 0);
    r = text_read(&crib__policy__descriptor, name, text, strlen(text), &arena, NULL, &msg, &err);
    assert_string_equal(crib_error_text(&err, got, sizeof(got)), said);
    assert_int_equal(r, said[0] ? -EINVAL : 0);
    if (r == 0)
        assert_string_equal(((Crib__Policy *)msg)->about, about);
    arena_done(&arena);
}

static void test_json_escapes_are_all_read(void **state)
{
    (void)state;
    expect("p", "{\"about\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00fc\\u20ac\"}",
           "\"\\/\b\f\n\r\tA\xc3\xbc\xe2\x82\xac", "");
    expect("p", "{\"about\":\"x\\uD83D\\uDE00y\\ud800\\udc00\\uDBFF\\uDFFF\"}",
           "x\xf0\x9f\x98\x80y\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "");
    /* an escaped backslash before it: no escape at all */
    expect("p", "{\"about\":\"\\\\uD83D\\\\uDE00\"}", "\\uD83D\\uDE00", "");
}

static void test_json_half_a_pair_is_refused(void **state)
{
    static const char *const halves[] = {"\\uD83D", "\\uDE00\\uD83D", "\\uD83D\\u0041",
                                         "\\uD83Dx\\uDE00", "\\uD83D\\uDE0"};

    (void)state;
    for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
        struct crib_error err = {0};
        ProtobufCMessage *msg = NULL;
        struct arena arena;
        char text[64] = "{\"about\":\"";

        strncat(text, halves[i], sizeof(text) - strlen(text) - 1);
        strncat(text, "\"}", sizeof(text) - strlen(text) - 1);
        arena_init(&arena, 0);
        assert_int_equal(
            text_read(&crib__policy__descriptor, "p", text, strlen(text), &arena, NULL, &msg, &err),
            -EINVAL);
        arena_done(&arena);
    }
}

static void test_json_places_are_those_of_the_original(void **state)
{
    (void)state;
    /* two pairs before the bad key on its line, one on the line before */
    expect(
        "p",
        "{\"extends\":[\"\\uD83D\\uDE00\"],\n\"about\":\"\\uD83D\\uDE00\\uD83D\\uDE00\",\"x\":1}",
        NULL, "p:2:36: unknown key 'x'");
    expect("p", "{\"about\":\"\\uD83D\\uDE00\" 1}", NULL,
           "p:1:25: did not find expected ',' or '}' while parsing a flow mapping");
    expect("p", "{\"extends\":[\"\xc3\xbc\xe2\x82\xac\"],\"x\":1}", NULL,
           "p:1:19: unknown key 'x'");
}

static void test_json_takes_tabs_between_tokens(void **state)
{
    (void)state;
    expect("p", "\t{\t\"about\"\t:\t\"a\\tb\"\t,\n\t\"extends\":\t[\n\t]\t}\t\n\t", "a\tb", "");
    expect("p.json", "\n\t{\"about\":\"a\"}", "a", "");
    /* by its name alone */
    expect("p.json", "\tabout: x", "x", "");
    expect("p.yaml", "\tabout: x", NULL, "p.yaml:1:1: a tab cannot indent, use spaces");
}

/* A flow mapping of YAML begins like JSON; what is no JSON in it is left as it is. */
static void test_json_rewrite_leaves_yaml_alone(void **state)
{
    (void)state;
    expect("p", "{about: x\"y, extends: [\"q\tr\"]}", "x\"y", "");
    expect("p", "{about: 'it''s \\uD83D\\uDE00'}", "it's \\uD83D\\uDE00", "");
    expect("p", "{ # a \"remark\n about: x}", "x", "");
    expect("p", "{about: plain}", "plain", "");
}

static void test_json_keeps_tabs_within_yaml_strings(void **state)
{
    static const char text[] = "{about: x\"y, extends: [\"q\tr\"]}";
    struct json_text json;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(json_rewrite(text, strlen(text), &arena, &json), 0);
    assert_int_equal(json.len, strlen(text));
    assert_string_equal(json.data, text);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_escapes_are_all_read),
        cmocka_unit_test(test_json_half_a_pair_is_refused),
        cmocka_unit_test(test_json_places_are_those_of_the_original),
        cmocka_unit_test(test_json_takes_tabs_between_tokens),
        cmocka_unit_test(test_json_rewrite_leaves_yaml_alone),
        cmocka_unit_test(test_json_keeps_tabs_within_yaml_strings),
    };

    return test_run(tests);
}
