/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.pb-c.h"
#include "text/field.h"
#include "text/text.h"

typedef int (*write_fn)(const ProtobufCMessage *msg, struct buf *out);

/* A small generator of its own, so that a failure comes again. */
static uint64_t dice_state;

static uint64_t dice(void)
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return dice_state;
}

/* Texts that are hard to write: what looks like something else, and what has to be escaped. */
static const char *const nasty[] = {
    "",
    "~",
    "null",
    "true",
    "no",
    "off",
    "y",
    "1",
    "-1",
    "0x1f",
    "1e3",
    "1.5",
    "12:30",
    "2020-01-01",
    ".inf",
    "=",
    "<<",
    "-",
    "- a",
    "--- a",
    "...",
    "? a",
    ": a",
    "a: b",
    "a #b",
    "#a",
    "@group",
    "`a`",
    "*a",
    "&a",
    "!a",
    "%a",
    "|",
    ">",
    "'",
    "\"",
    "'a'",
    "\"a\"",
    "\\n",
    "[a]",
    "{a}",
    "a, b",
    "a]",
    "a}",
    " a",
    "a ",
    "  ",
    "\t",
    "a\tb",
    "\ta",
    "a\t",
    "\n",
    "\n\n",
    "a\n",
    "a\n\n",
    "\na",
    " a\nb",
    "a\n b\n",
    "a\nb",
    "a\n\nb\n",
    "a \nb",
    "a\n \nb",
    "a\n\tb\n",
    "a\nb ",
    "a\nb\t",
    "\r",
    "a\r\nb",
    "a\rb",
    "\x01",
    "a\x1b[0m",
    "\x7f",
    "\xc2\x85",
    "a\xc2\x85"
    "b",
    "\xe2\x80\xa8",
    "a\xe2\x80\xa9"
    "b",
    "\xef\xbb\xbf",
    "\xef\xbb\xbf"
    "a",
    "\xef\xbf\xbe",
    "\xef\xbf\xbf",
    "\xef\xbf\xbd",
    "\xf0\x9f\x98\x80",
    "\xf4\x8f\xbf\xbf",
    "gr\xc3\xbc\xc3\x9f",
    "a\n\xc3\xbc\n",
    "socket(domain == AF_UNIX)",
    "ioctl(cmd & 0xff == 1)",
    "/usr/lib/x86_64-linux-gnu",
    "PATH=/usr/bin:/bin",
    "key:",
    ":",
    "a:",
    "a :b",
    "text with 'both' \"kinds\" of: quotes, # and more",
    "%YAML 1.1",
    "---",
    "\\",
    "a\\",
    "\xc2\xa0",
    "\xe3\x80\x80",
    "a\n---\nb",
    "a\n...\n",
    "# a\nb",
    "a\n# b\n",
    "a:\n- b\n",
    "\xee\x80\x80",
};

#define NASTY (sizeof(nasty) / sizeof(nasty[0]))

static void random_bytes(struct arena *arena, ProtobufCBinaryData *ret)
{
    uint8_t raw[24];
    size_t len = dice() % sizeof(raw);

    if (dice() % 2) {
        const char *text = nasty[dice() % NASTY];

        *ret = arena_bytes(arena, text, strlen(text));
        return;
    }
    for (size_t i = 0; i < len; i++)
        raw[i] = (uint8_t)dice();
    *ret = arena_bytes(arena, raw, len);
}

/* One of the ends, or anything, or anything small. */
static uint64_t random_number(void)
{
    switch (dice() % 4) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    case 2:
        return dice();
    default:
        return (dice() % 8) << (dice() % 60);
    }
}

static ProtobufCMessage *random_message(const ProtobufCMessageDescriptor *type,
                                        struct arena *arena);

static void random_value(const ProtobufCFieldDescriptor *field, struct arena *arena,
                         union field_value *value)
{
    const ProtobufCEnumDescriptor *words = field->descriptor;

    switch (field_kind(field)) {
    case FIELD_INT32:
    case FIELD_UINT32:
        value->uint32 = (uint32_t)random_number();
        break;
    case FIELD_INT64:
    case FIELD_UINT64:
        value->uint64 = random_number();
        break;
    case FIELD_BOOL:
        value->boolean = dice() % 2;
        break;
    case FIELD_WORD:
        value->word = words->values[dice() % words->n_values].value;
        break;
    case FIELD_STRING:
        value->string = arena_text(arena, nasty[dice() % NASTY]);
        break;
    case FIELD_BYTES:
        random_bytes(arena, &value->bytes);
        break;
    case FIELD_MESSAGE:
        value->message = random_message(field->descriptor, arena);
        break;
    default:
        fail_msg("%s: a kind of field that the codec does not know", field->name);
    }
}

static ProtobufCMessage *random_message(const ProtobufCMessageDescriptor *type, struct arena *arena)
{
    ProtobufCMessage *msg = arena_alloc(arena, type->sizeof_message);

    assert_non_null(msg);
    protobuf_c_message_init(type, msg);
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        size_t count = dice() % (field->label == PROTOBUF_C_LABEL_REPEATED ? 4 : 2);

        for (size_t j = 0; j < count; j++) {
            union field_value value = {0};

            random_value(field, arena, &value);
            assert_int_equal(field_add(msg, field, arena, &value), 0);
        }
    }
    return msg;
}

static void assert_same(const ProtobufCMessage *a, const ProtobufCMessage *b, const char *text)
{
    size_t la = protobuf_c_message_get_packed_size(a), lb = protobuf_c_message_get_packed_size(b);
    uint8_t *pa = malloc(la + 1), *pb = malloc(lb + 1);

    protobuf_c_message_pack(a, pa);
    protobuf_c_message_pack(b, pb);
    if (la != lb || memcmp(pa, pb, la) != 0)
        fail_msg("did not read back as it was:\n%s", text);
    free(pa);
    free(pb);
}

static void round_trip(const ProtobufCMessage *msg, struct arena *arena, write_fn write)
{
    struct crib_error err = {0};
    ProtobufCMessage *back = NULL;
    struct buf text = {0};
    char said[512];

    assert_int_equal(write(msg, &text), 0);
    assert_int_equal(buf_append(&text, "", 1), 0);
    if (text_read(msg->descriptor, "written", text.data, text.len - 1, arena, NULL, &back, &err))
        fail_msg("%s in:\n%s", crib_error_text(&err, said, sizeof(said)), (char *)text.data);
    assert_same(msg, back, (char *)text.data);
    buf_done(&text);
}

static void test_text_reads_back_what_it_wrote(void **state)
{
    static const ProtobufCMessageDescriptor *const types[] = {
        &crib__task__descriptor,   &crib__plan__descriptor,  &crib__host__descriptor,
        &crib__report__descriptor, &crib__event__descriptor,
    };

    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct arena arena;
        ProtobufCMessage *msg;

        dice_state = seed * 0x9e3779b97f4a7c15u;
        arena_init(&arena, 0);
        msg = random_message(types[seed % (sizeof(types) / sizeof(types[0]))], &arena);
        round_trip(msg, &arena, text_write_yaml);
        round_trip(msg, &arena, text_write_json);
        arena_done(&arena);
    }
}

/* Each nasty text in each place where indentation and context differ. */
static void test_text_reads_back_every_nasty_text_everywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < NASTY; i++) {
        struct arena arena;
        Crib__Policy policy = CRIB__POLICY__INIT;
        Crib__Mount mount = CRIB__MOUNT__INIT, *mounts[] = {&mount, &mount};
        char *text = (char *)nasty[i], *list[] = {text, text};

        arena_init(&arena, 0);
        policy.about = text;
        policy.n_extends = policy.n_mounts = 2;
        policy.extends = list;
        policy.mounts = mounts;
        mount.has_content = mount.has_target = 1;
        mount.target = arena_bytes(&arena, text, strlen(text));
        mount.content = mount.target;
        round_trip(&policy.base, &arena, text_write_yaml);
        round_trip(&policy.base, &arena, text_write_json);
        policy.n_extends = policy.n_mounts = 0; /* last in the document */
        round_trip(&policy.base, &arena, text_write_yaml);
        arena_done(&arena);
    }
}

static void example(Crib__Policy *policy, struct arena *arena)
{
    Crib__Mount *tmp = ARENA_NEW(arena, crib__mount, Crib__Mount);
    Crib__Mount *file = ARENA_NEW(arena, crib__mount, Crib__Mount);

    *policy = (Crib__Policy)CRIB__POLICY__INIT;
    policy->about = (char *)"for: tests";
    policy->has_landlock = 1;
    policy->landlock = CRIB__NEED__off;
    policy->ids = ARENA_NEW(arena, crib__ids, Crib__Ids);
    policy->limits = ARENA_NEW(arena, crib__limits, Crib__Limits);
    policy->limits->has_memory = policy->limits->has_wall_time = policy->limits->has_stack = 1;
    policy->limits->memory = 1536 << 10;
    policy->limits->wall_time = 90000;
    policy->limits->stack = UINT64_MAX;
    tmp->has_type = tmp->has_mode = tmp->has_write = tmp->has_target = 1;
    tmp->type = CRIB__MOUNT__TYPE__tmpfs;
    tmp->mode = 01777;
    tmp->target = arena_bytes(arena, "/tmp", 4);
    file->has_content = file->has_target = 1;
    file->target = arena_bytes(arena, "/\xff", 2);
    file->content = arena_bytes(arena, "one\ntwo\n", 8);
    arena_push(arena, &policy->mounts, &policy->n_mounts, tmp);
    arena_push(arena, &policy->mounts, &policy->n_mounts, file);
}

static void test_text_writes_the_yaml_that_people_would(void **state)
{
    static const char expected[] = "about: 'for: tests'\n"
                                   "ids: {}\n"
                                   "mounts:\n"
                                   "- type: tmpfs\n"
                                   "  target: /tmp\n"
                                   "  write: false\n"
                                   "  mode: 01777\n"
                                   "- target: !!binary L/8=\n"
                                   "  content: |\n"
                                   "    one\n"
                                   "    two\n"
                                   "limits:\n"
                                   "  memory: 1536K\n"
                                   "  wall_time: 90s\n"
                                   "  stack: unlimited\n"
                                   "landlock: off\n";
    Crib__Policy policy;
    struct buf out = {0};
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    example(&policy, &arena);
    assert_int_equal(text_write_yaml(&policy.base, &out), 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_string_equal((char *)out.data, expected);
    buf_done(&out);
    arena_done(&arena);
}

static void test_text_writes_json_that_machines_read(void **state)
{
    static const char expected[] =
        "{\"about\":\"for: tests\",\"ids\":{},\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/tmp\","
        "\"write\":false,\"mode\":\"01777\"},{\"target\":{\"base64\":\"L/8=\"},"
        "\"content\":\"one\\ntwo\\n\"}],\"limits\":{\"memory\":1572864,\"wall_time\":\"90s\","
        "\"stack\":\"unlimited\"},\"landlock\":\"off\"}";
    Crib__Policy policy;
    struct buf out = {0};
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    example(&policy, &arena);
    assert_int_equal(text_write_json(&policy.base, &out), 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_string_equal((char *)out.data, expected);
    buf_done(&out);
    arena_done(&arena);
}

/* A string field may come from elsewhere and be anything: the output is sound all the same. */
static void test_text_repairs_strings_that_are_no_utf8(void **state)
{
    Crib__Error error = CRIB__ERROR__INIT;
    struct buf out = {0};

    (void)state;
    error.text = (char *)"/\xff\"x";
    assert_int_equal(text_write_json(&error.base, &out), 0);
    assert_int_equal(buf_text(&out, "\n"), 0);
    assert_int_equal(text_write_yaml(&error.base, &out), 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_string_equal((char *)out.data,
                        "{\"text\":\"/\xef\xbf\xbd\\\"x\"}\ntext: /\xef\xbf\xbd\"x\n");
    buf_done(&out);
}

static void test_text_write_keeps_to_the_buffers_cap(void **state)
{
    Crib__Policy policy;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    example(&policy, &arena);
    for (size_t max = 1; max < 200; max += 13) {
        struct buf out = {.max = max};

        assert_int_equal(text_write_yaml(&policy.base, &out), -E2BIG);
        buf_done(&out);
        assert_int_equal(text_write_json(&policy.base, &out), -E2BIG);
        assert_true(out.len <= max);
        buf_done(&out);
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_reads_back_what_it_wrote),
        cmocka_unit_test(test_text_reads_back_every_nasty_text_everywhere),
        cmocka_unit_test(test_text_writes_the_yaml_that_people_would),
        cmocka_unit_test(test_text_writes_json_that_machines_read),
        cmocka_unit_test(test_text_repairs_strings_that_are_no_utf8),
        cmocka_unit_test(test_text_write_keeps_to_the_buffers_cap),
    };

    return test_run(tests);
}
