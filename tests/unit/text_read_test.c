/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy.pb-c.h"
#include "task.pb-c.h"
#include "text/text.h"

static int read_policy(struct arena *arena, const char *name, const void *text, size_t len,
                       struct text_marks *marks, Crib__Policy **ret, struct crib_error *err)
{
    ProtobufCMessage *msg = NULL;
    int r = text_read(&crib__policy__descriptor, name, text, len, arena, marks, &msg, err);

    *ret = (Crib__Policy *)msg;
    return r;
}

/* Reads @text, which must be good. */
static Crib__Policy *good(struct arena *arena, const char *text)
{
    struct crib_error err = {0};
    Crib__Policy *policy;
    char said[512];

    if (read_policy(arena, "p.yaml", text, strlen(text), NULL, &policy, &err) < 0)
        fail_msg("%s\n  %s", text, crib_error_text(&err, said, sizeof(said)));
    return policy;
}

static void expect_refusal(const char *name, const void *text, size_t len, const char *expected)
{
    struct crib_error err = {0};
    Crib__Policy *policy;
    struct arena arena;
    char said[700];
    int r;

    arena_init(&arena, 0);
    r = read_policy(&arena, name, text, len, NULL, &policy, &err);
    crib_error_text(&err, said, sizeof(said));
    arena_done(&arena);
    if (r == 0)
        fail_msg("was read: %.60s", (const char *)text);
    assert_int_equal(r, err.code);
    assert_null(policy);
    assert_string_equal(said, expected);
}

static const struct {
    const char *text, *said;
} refused[] = {
    /* keys */
    {"limits:\n  memroy: 64M\n", "p.yaml:2:3: unknown key 'limits.memroy', did you mean 'memory'?"},
    {"limit: {}", "p.yaml:1:1: unknown key 'limit', did you mean 'limits'?"},
    {"colour: red", "p.yaml:1:1: unknown key 'colour'"},
    {"mounts:\n- target: /a\n- sorce: /b\n",
     "p.yaml:3:3: unknown key 'mounts[1].sorce', did you mean 'source'?"},
    {"about: a\nnet: {}\nabout: b\n", "p.yaml:3:1: duplicate key 'about', first given on line 1"},
    {"about: null\nabout: b\n", "p.yaml:2:1: duplicate key 'about', first given on line 1"},
    {"{\"net\": {\"loopback\": true, \"loopback\": true}}",
     "p.yaml:1:28: duplicate key 'net.loopback', first given on line 1"},
    {"<<: {}\n", "p.yaml:1:1: unknown key '<<'"},
    {"? [a]\n: b\n", "p.yaml:1:3: a key must be a word"},
    {"\"abo\\0ut\": x", "p.yaml:1:1: unknown key 'abo?ut', did you mean 'about'?"},
    {"\"\\e[31m\": x", "p.yaml:1:1: unknown key '?[31m'"},
    {"!!binary YWJvdXQ=: x", "p.yaml:1:1: a key must be a word"},
    /* shapes */
    {"just words\n", "p.yaml:1:1: a mapping is wanted, such as 'key: value'"},
    {"- about: x\n", "p.yaml:1:1: a mapping is wanted, such as 'key: value'"},
    {"about: [x]\n", "p.yaml:1:8: about: a single value is wanted, not a list"},
    {"about: {x: y}\n", "p.yaml:1:8: about: a single value is wanted, not a mapping"},
    {"limits: 5\n", "p.yaml:1:9: limits: a mapping is wanted"},
    {"limits: []\n", "p.yaml:1:9: limits: a mapping is wanted"},
    {"mounts: {target: /a}\n", "p.yaml:1:9: mounts: a list is wanted, such as [a, b]"},
    {"mounts: [/a]\n", "p.yaml:1:10: mounts[0]: a mapping is wanted"},
    {"extends: default\n", "p.yaml:1:10: extends: a list is wanted, such as [a, b]"},
    {"extends: [[default]]\n", "p.yaml:1:11: extends[0]: a single value is wanted, not a list"},
    {"extends: [a, null]\n", "p.yaml:1:14: extends[1]: an entry may not be empty"},
    {"extends:\n- a\n-\n", "p.yaml:3:2: extends[1]: an entry may not be empty"},
    /* numbers and units */
    {"limits: {memory: 64Q}",
     "p.yaml:1:18: limits.memory: '64Q' has an unknown unit, use K, M, G or T"},
    {"limits: {memory: 64 M}",
     "p.yaml:1:18: limits.memory: '64 M' has an unknown unit, use K, M, G or T"},
    {"limits: {memory: 1.5G}",
     "p.yaml:1:18: limits.memory: '1.5G' has an unknown unit, use K, M, G or T"},
    {"limits: {memory: 16777216T}", "p.yaml:1:18: limits.memory: '16777216T' is too large"},
    {"limits: {memory: 18446744073709551616}",
     "p.yaml:1:18: limits.memory: '18446744073709551616' is too large"},
    {"limits: {io_weight: unlimited}",
     "p.yaml:1:21: limits.io_weight: 'unlimited' is not a whole number"},
    {"limits: {memory: -1}", "p.yaml:1:18: limits.memory: '-1' must not be negative"},
    {"limits: {memory: M}", "p.yaml:1:18: limits.memory: 'M' is not a whole number"},
    {"limits: {wall_time: 10}", "p.yaml:1:21: limits.wall_time: '10' needs a unit, such as 10s"},
    {"limits: {wall_time: 10d}",
     "p.yaml:1:21: limits.wall_time: '10d' has an unknown unit, use ms, s, m or h"},
    {"limits: {wall_time: 5124095576031h}",
     "p.yaml:1:21: limits.wall_time: '5124095576031h' is too large"},
    {"limits: {pids: many}", "p.yaml:1:16: limits.pids: 'many' is not a whole number"},
    {"limits: {pids: '5'}", "p.yaml:1:16: limits.pids: a number is wanted, without quotes"},
    {"limits: {pids: 010}", "p.yaml:1:16: limits.pids: '010' must not begin with 0"},
    {"limits: {pids: 1e3}", "p.yaml:1:16: limits.pids: '1e3' is not a whole number"},
    {"limits: {pids: 1_000}", "p.yaml:1:16: limits.pids: '1_000' is not a whole number"},
    {"limits: {pids: +5}", "p.yaml:1:16: limits.pids: '+5' is not a whole number"},
    {"limits: {pids: 0x}", "p.yaml:1:16: limits.pids: '0x' is not a whole number"},
    {"limits: {pids: 5K}", "p.yaml:1:16: limits.pids: '5K' is not a whole number"},
    {"net: {connect_ports: [4294967296]}",
     "p.yaml:1:23: net.connect_ports[0]: '4294967296' is too large"},
    {"mounts: [{mode: 755}]",
     "p.yaml:1:17: mounts[0].mode: '755' must be octal and begin with 0, such as 0755"},
    {"mounts: [{mode: 0789}]",
     "p.yaml:1:17: mounts[0].mode: '0789' must be octal and begin with 0, such as 0755"},
    {"mounts: [{mode: 077777777777}]", "p.yaml:1:17: mounts[0].mode: '077777777777' is too large"},
    /* truths and words */
    {"mounts: [{write: yes}]", "p.yaml:1:18: mounts[0].write: 'yes' is neither true nor false"},
    {"mounts: [{write: True}]", "p.yaml:1:18: mounts[0].write: 'True' is neither true nor false"},
    {"mounts: [{write: \"true\"}]",
     "p.yaml:1:18: mounts[0].write: true or false is wanted, without quotes"},
    {"landlock: preferrd",
     "p.yaml:1:11: landlock: unknown word 'preferrd', did you mean 'preferred'?"},
    {"landlock: 7", "p.yaml:1:11: landlock: unknown word '7', use required, preferred or off"},
    {"namespaces: {net: none}",
     "p.yaml:1:19: namespaces.net: unknown word 'none', use new or host"},
    /* text and bytes */
    {"about: \"a\\0b\"", "p.yaml:1:8: about: text may not hold a NUL character"},
    {"mounts: [{target: \"a\\0b\"}]",
     "p.yaml:1:19: mounts[0].target: text may not hold a NUL character"},
    {"about: !!binary aGk=", "p.yaml:1:8: about: text is wanted, not !!binary"},
    {"mounts: [{content: !!binary 'aG*='}]", "p.yaml:1:20: mounts[0].content: not base64"},
    {"mounts: [{content: !!binary aGk}]", "p.yaml:1:20: mounts[0].content: not base64"},
    {"mounts: [{content: {base64: aG==a}}]", "p.yaml:1:29: mounts[0].content: not base64"},
    {"mounts: [{content: {base64: {}}}]", "p.yaml:1:29: mounts[0].content: not base64"},
    {"mounts: [{content: {base46: aGk=}}]",
     "p.yaml:1:21: mounts[0].content: text is wanted, or {base64: ...}"},
    {"mounts: [{content: {}}]", "p.yaml:1:21: mounts[0].content: text is wanted, or {base64: ...}"},
    {"mounts: [{content: {base64: aGk=, a: b}}]",
     "p.yaml:1:35: mounts[0].content: base64 stands alone"},
    /* what YAML has and a policy has not */
    {"about: &x hello\n", "p.yaml:1:8: anchors are not read, quote '&x' if it is text"},
    {"limits: &x {}\n", "p.yaml:1:9: anchors are not read, quote '&x' if it is text"},
    {"extends: &x []\n", "p.yaml:1:10: anchors are not read, quote '&x' if it is text"},
    {"about: *x\n", "p.yaml:1:8: aliases are not read, quote '*x' if it is text"},
    {"env: {pass: [*]}\n", "p.yaml:1:15: a word that begins with '*', '&' or '%' needs quotes"},
    {"about: !foo x\n", "p.yaml:1:8: tag '!foo' is not read, only !!binary and !!str are"},
    {"about: ! x\n", "p.yaml:1:8: tag '!' is not read, only !!binary and !!str are"},
    {"about: !!int 5\n",
     "p.yaml:1:8: tag 'tag:yaml.org,2002:int' is not read, only !!binary and !!str are"},
    {"limits: !!map {}\n",
     "p.yaml:1:9: tag 'tag:yaml.org,2002:map' is not read, only !!binary and !!str are"},
    {"limits: !!binary {}\n",
     "p.yaml:1:9: tag 'tag:yaml.org,2002:binary' is not read, only !!binary and !!str are"},
    {"%TAG ! tag:yaml.org,2002:\n---\nabout: x\n", "p.yaml:1:1: tag directives are not read"},
    {"about: x\n---\nabout: y\n", "p.yaml:2:1: a second document; only one is read"},
    {"---\n---\n", "p.yaml:2:1: a second document; only one is read"},
    {"about: x\n...\n---\n", "p.yaml:3:1: a second document; only one is read"},
    {"syscalls:\n  allow:\n  - @basic-io\n",
     "p.yaml:3:5: a word that begins with '@' or '`' needs quotes"},
    /* tabs */
    {"limits:\n\tmemory: 1M\n", "p.yaml:2:1: a tab cannot indent, use spaces"},
    {"limits:\n  \tmemory: 1M\n", "p.yaml:2:3: a tab cannot indent, use spaces"},
    {"extends: [\n\ta]\n", "p.yaml:2:2: a tab cannot indent, use spaces"},
    {"about: a\n\tb\n", "p.yaml:2:1: a tab cannot indent, use spaces"},
    /* no text at all */
    {"\x7f"
     "ELF\x02\x01",
     "p.yaml:1:1: character U+007F must be written as an escape"},
    {"about: \xff\xfe", "p.yaml:1:8: byte 0xff is not UTF-8; is this a text file?"},
    {"about: \xc0\xaf", "p.yaml:1:8: byte 0xc0 is not UTF-8; is this a text file?"},
    {"about: \xed\xa0\x80", "p.yaml:1:8: byte 0xed is not UTF-8; is this a text file?"},
    {"about: \xf4\x90\x80\x80", "p.yaml:1:8: byte 0xf4 is not UTF-8; is this a text file?"},
    {"about: x\n# \x1b[31m\n", "p.yaml:2:3: control character 0x1b; is this a text file?"},
    {"about: \xc2\x85x\n", "p.yaml:1:8: character U+0085 must be written as an escape"},
    {"about: \xe2\x80\xa8x\n", "p.yaml:1:8: character U+2028 must be written as an escape"},
    /* broken */
    {"about: 'x\n", "p.yaml:2:1: found unexpected end of stream while scanning a quoted scalar"},
    {"about: a: b\n", "p.yaml:1:9: mapping values are not allowed in this context"},
    {"{\"about\": \"\\uD83D\"}",
     "p.yaml:1:14: found invalid Unicode character escape code while parsing a quoted scalar"},
    {"{\"about\": \"x\"} y", "p.yaml:1:16: did not find expected <document start>"},
};

static void test_text_read_refuses_with_place_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        expect_refusal("p.yaml", refused[i].text, strlen(refused[i].text), refused[i].said);
}

static void test_text_read_takes_nothing_for_the_empty_message(void **state)
{
    static const char *const texts[] = {"",
                                        "\n",
                                        "# only a remark\n",
                                        "---\n",
                                        "{}",
                                        "\xef\xbb\xbf",
                                        "about: null\nlimits: ~\nmounts:\n",
                                        "mounts: []\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct arena arena;
        Crib__Policy *policy;

        arena_init(&arena, 0);
        policy = good(&arena, texts[i]);
        assert_int_equal(protobuf_c_message_get_packed_size(&policy->base), 0);
        assert_int_equal(read_policy(&arena, "p.yaml", NULL, 0, NULL, &policy, NULL), 0);
        arena_done(&arena);
    }
}

static void check_policy(const Crib__Policy *p)
{
    assert_string_equal(p->about, "what: it #is");
    assert_int_equal(p->n_extends, 2);
    assert_string_equal(p->extends[1], "./b.yaml");
    assert_true(p->has_landlock);
    assert_int_equal(p->landlock, CRIB__NEED__off);
    assert_int_equal(p->limits->memory, 64 << 20);
    assert_int_equal(p->limits->wall_time, 90 * 1000);
    assert_true(p->limits->stack == UINT64_MAX);
    assert_int_equal(p->limits->pids, 0x20);
    assert_false(p->limits->has_cpu_time);
    assert_int_equal(p->n_mounts, 2);
    assert_int_equal(p->mounts[0]->type, CRIB__MOUNT__TYPE__tmpfs);
    assert_int_equal(p->mounts[0]->mode, 01777);
    assert_true(p->mounts[0]->has_write && !p->mounts[0]->write);
    assert_int_equal(p->mounts[1]->content.len, 6);
    assert_memory_equal(p->mounts[1]->content.data, "a\nb\xff\0c", 6);
}

static void test_text_read_reads_every_kind_in_yaml_and_json(void **state)
{
    static const char yaml[] = "%YAML 1.1\n---\n"
                               "about: 'what: it #is'\n"
                               "extends: [a, !!str ./b.yaml]\n"
                               "landlock: off\n"
                               "limits:\n"
                               "  memory: 64M   # a remark\n"
                               "  wall_time: 90s\n"
                               "  stack: unlimited\n"
                               "  pids: 0x20\n"
                               "  cpu_time: null\n"
                               "mounts:\n"
                               "- {type: tmpfs, target: /tmp, mode: 01777, write: false}\n"
                               "- type: file\n"
                               "  content: !!binary |\n"
                               "    YQpi\n"
                               "    /wBj\n";
    static const char json[] =
        "\t{\"about\":\"what: it #is\",\t\"extends\" : [\"a\",\"./b.yaml\"],\r\n"
        "\t\"landlock\":\"off\",\"limits\":{\"memory\":67108864,\"wall_time\":\"90s\","
        "\"stack\":\"unlimited\",\"pids\":32,\"cpu_time\":null},\n"
        "\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"\\/"
        "tmp\",\"mode\":\"01777\",\"write\":false},\n"
        "{\"type\":\"file\",\"content\":{\"base64\":\"YQpi/wBj\"}}]\t}\n\t\n";
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    check_policy(good(&arena, yaml));
    check_policy(good(&arena, json));
    arena_done(&arena);
}

/* `null` is a word of Stdio.Kind: there it is meant, not the absence of one. */
static void test_text_read_keeps_null_where_it_is_a_word(void **state)
{
    static const char text[] = "stdio: [{fd: 0, kind: null}, {fd: 1, kind: 'null'}, {kind: ~}]";
    struct crib_error err = {0};
    ProtobufCMessage *msg;
    struct arena arena;
    Crib__Task *task;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(
        text_read(&crib__task__descriptor, "t", text, strlen(text), &arena, NULL, &msg, &err), 0);
    task = (Crib__Task *)msg;
    assert_true(task->stdio[0]->has_kind && task->stdio[0]->kind == CRIB__STDIO__KIND__null);
    assert_true(task->stdio[1]->has_kind && task->stdio[1]->kind == CRIB__STDIO__KIND__null);
    assert_false(task->stdio[2]->has_kind);
    arena_done(&arena);
}

static void test_text_read_marks_every_field(void **state)
{
    static const char text[] = "# a\nsyscalls:\n  allow: [read,\n    write]\nmounts:\n- target: /\n"
                               "about: >\n  é\n";
    struct crib_error err = {0};
    struct text_marks marks;
    Crib__Policy *policy;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(read_policy(&arena, "p", text, strlen(text), &marks, &policy, &err), 0);
    assert_int_equal(marks.count, 9);
    assert_int_equal(text_mark_find(&marks, "")->line, 2);
    assert_int_equal(text_mark_find(&marks, "syscalls.allow")->column, 10);
    assert_int_equal(text_mark_find(&marks, "syscalls.allow[0]")->column, 11);
    assert_int_equal(text_mark_find(&marks, "syscalls.allow[1]")->line, 4);
    assert_int_equal(text_mark_find(&marks, "mounts[0].target")->line, 6);
    assert_int_equal(text_mark_find(&marks, "mounts[0].target")->column, 11);
    /* what has no mark of its own stands where its parent does */
    assert_ptr_equal(text_mark_find(&marks, "mounts[0].source.x"),
                     text_mark_find(&marks, "mounts[0]"));
    assert_ptr_equal(text_mark_find(&marks, "mounts[7]"), text_mark_find(&marks, "mounts"));
    assert_ptr_equal(text_mark_find(&marks, "net"), text_mark_find(&marks, ""));
    assert_null(text_mark_find(&(struct text_marks){0}, "net"));
    arena_done(&arena);
}

/* A text of @n times @part. The caller frees it. */
static char *repeat(const char *part, size_t n)
{
    size_t len = strlen(part);
    char *text = malloc(len * n + 1);

    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        memcpy(text + i * len, part, len);
    text[len * n] = '\0';
    return text;
}

static void test_text_read_survives_depth_and_size(void **state)
{
    static const struct {
        const char *part, *said;
    } deep[] = {
        {"[", "p.yaml:1:1: a mapping is wanted, such as 'key: value'"},
        {"{", "p.yaml:1:2: a key must be a word"},
        {"- ", "p.yaml:1:1: a mapping is wanted, such as 'key: value'"},
        {"? ", "p.yaml:1:3: a key must be a word"},
        {"{a: ", "p.yaml:1:2: unknown key 'a'"},
        {"limits: {", "p.yaml:1:10: unknown key 'limits.limits'"},
        {"mounts: [", "p.yaml:1:10: unknown key 'mounts[0].mounts'"},
    };
    char *text;

    (void)state;
    for (size_t i = 0; i < sizeof(deep) / sizeof(deep[0]); i++) {
        text = repeat(deep[i].part, 100000);
        expect_refusal("p.yaml", text, strlen(text), deep[i].said);
        free(text);
    }
    text = repeat(" ", TEXT_MAX_BYTES + 1);
    expect_refusal("p.yaml", text, TEXT_MAX_BYTES + 1, "p.yaml: over 1048576 bytes");
    expect_refusal("p.yaml", "abo\0ut: x", 9,
                   "p.yaml:1:4: control character 0x00; is this a text file?");
    text[TEXT_MAX_BYTES] = '\0';
    free(text);
}

static void test_text_read_takes_a_text_of_the_full_size(void **state)
{
    char *text = repeat("x", TEXT_MAX_BYTES);
    struct arena arena;
    Crib__Policy *policy;

    (void)state;
    memcpy(text, "about: ", 7);
    arena_init(&arena, 0);
    policy = good(&arena, text);
    assert_int_equal(strlen(policy->about), TEXT_MAX_BYTES - 7);
    arena_done(&arena);
    free(text);
}

static void test_text_read_refuses_an_alias_bomb_at_the_first_anchor(void **state)
{
    static const char text[] = "about: x\nextends: &a [lol, lol]\nmounts: &b [*a, *a, *a]\n"
                               "caps: &c [*b, *b, *b]\nenv: [*c, *c, *c]\n";

    (void)state;
    expect_refusal("p.yaml", text, strlen(text),
                   "p.yaml:2:10: anchors are not read, quote '&a' if it is text");
}

static void test_text_read_stops_at_the_arenas_limit(void **state)
{
    struct crib_error err = {0};
    char *text = repeat("a,", 50000), said[128];
    Crib__Policy *policy;
    struct arena arena;

    (void)state;
    memcpy(text, "extends: [", 10);
    text[99999] = ']';
    arena_init(&arena, 100000);
    assert_int_equal(read_policy(&arena, "p.yaml", text, 100000, NULL, &policy, &err), -ENOMEM);
    assert_string_equal(crib_error_text(&err, said, sizeof(said)),
                        "p.yaml: Cannot allocate memory");
    arena_done(&arena);
    free(text);
}

struct endless {
    ProtobufCMessage base;
    ProtobufCMessage *in;
};

static ProtobufCMessageDescriptor endless;

static void endless_init(ProtobufCMessage *msg)
{
    *(struct endless *)msg = (struct endless){.base = {.descriptor = &endless}};
}

/* A schema that contains itself, which ours do not: there the cap on depth has to hold. */
static void test_text_read_caps_depth_of_a_schema_without_end(void **state)
{
    static const ProtobufCFieldDescriptor field = {
        .name = "in",
        .id = 1,
        .label = PROTOBUF_C_LABEL_OPTIONAL,
        .type = PROTOBUF_C_TYPE_MESSAGE,
        .offset = offsetof(struct endless, in),
        .descriptor = &endless,
    };
    static const unsigned by_name[] = {0};
    static const ProtobufCIntRange ranges[] = {{1, 0}, {0, 1}};
    struct crib_error err = {0};
    ProtobufCMessage *msg;
    struct arena arena;
    char *text = repeat("{in: ", TEXT_MAX_DEPTH + 1), said[128];

    (void)state;
    endless = (ProtobufCMessageDescriptor){.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
                                           .name = "Endless",
                                           .short_name = "Endless",
                                           .sizeof_message = sizeof(struct endless),
                                           .n_fields = 1,
                                           .fields = &field,
                                           .fields_sorted_by_name = by_name,
                                           .n_field_ranges = 1,
                                           .field_ranges = ranges,
                                           .message_init = endless_init};
    arena_init(&arena, 0);
    assert_int_equal(text_read(&endless, "p", text, strlen(text), &arena, NULL, &msg, &err),
                     -EINVAL);
    assert_string_equal(crib_error_text(&err, said, sizeof(said)), "p:1:81: nested over 16 deep");
    arena_done(&arena);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_read_refuses_with_place_and_reason),
        cmocka_unit_test(test_text_read_takes_nothing_for_the_empty_message),
        cmocka_unit_test(test_text_read_reads_every_kind_in_yaml_and_json),
        cmocka_unit_test(test_text_read_keeps_null_where_it_is_a_word),
        cmocka_unit_test(test_text_read_marks_every_field),
        cmocka_unit_test(test_text_read_survives_depth_and_size),
        cmocka_unit_test(test_text_read_takes_a_text_of_the_full_size),
        cmocka_unit_test(test_text_read_refuses_an_alias_bomb_at_the_first_anchor),
        cmocka_unit_test(test_text_read_stops_at_the_arenas_limit),
        cmocka_unit_test(test_text_read_caps_depth_of_a_schema_without_end),
    };

    return test_run(tests);
}
