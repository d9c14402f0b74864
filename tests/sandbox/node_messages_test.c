/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Much, large and odd on the channel of stock Node, each way by itself, and children that break it
 * off: what node_test.c does not. With every Node of this machine.
 */
#include "sandbox/node.h"
#include "sandbox/nodes.h"

#define MIB     ((size_t)1 << 20)
#define MANY    10000
#define DEEP    1000     /* JSON_DEPTH */
#define IN_FULL 0x110000 /* code points */
#define CHUNK   0x1000

static struct crib_bind binds[2];

static void begin_here(struct node *node)
{
    begin(node);
    node->task.options.binds = binds;
    node->task.options.bind_count = nodes_binds(binds);
}

/* Sends what is behind @start of @text, which becomes a line of it. */
static void tell_rest(struct node *node, struct buf *text, size_t start)
{
    assert_in_range(tell_bytes(node, text->data + start, text->len - start, -1), 0, 1);
    buf_text(text, "\n");
}

/* It ends well, having said @expected, which is given back. */
static void end_with(struct node *node, struct buf *expected)
{
    live_run(&node->live);
    assert_int_equal(node->task.result.status, 0);
    assert_int_equal(node->said.len, expected->len);
    assert_memory_equal(node->said.data, expected->data, expected->len);
    buf_done(expected);
    end(node, 0, NULL);
}

/* Waits until it has said so many. */
static void until_said(struct node *node, unsigned messages)
{
    uint64_t end_us = clock_us() + LIVE_PATIENCE_MS * 1000ull;

    while (node->messages < messages) {
        if (clock_us() > end_us)
            fail_msg("%u messages of %u: %s", node->messages, messages, node->task.log);
        uv_run(&node->live.loop, UV_RUN_NOWAIT);
        usleep(200);
    }
}

/* --- what is in them --- */

/* As a Node program sees it: what JSON.parse made of it, written again. */
static void test_values_as_node_reads_them(void **state)
{
    static const char *const rows[][2] = {
        {"-0", "[\"number\",true,\"0\"]"},
        {"1e308", "[\"number\",false,\"1e+308\"]"},
        {"1e400", "[\"number\",false,\"null\"]"},
        {"9007199254740993", "[\"number\",false,\"9007199254740992\"]"},
        {"0.1", "[\"number\",false,\"0.1\"]"},
        {"\"\"", "[\"string\",false,\"\\\"\\\"\"]"},
        {" { \"a\" : 1 , \"a\" : 2 } ", "[\"object\",false,\"{\\\"a\\\":2}\"]"},
        {"{\"__proto__\":1}", "[\"object\",false,\"{\\\"__proto__\\\":1}\"]"},
        {"{\"\":null}", "[\"object\",false,\"{\\\"\\\":null}\"]"},
        {"{\"cmd\":\"NODE\"}", "[\"object\",false,\"{\\\"cmd\\\":\\\"NODE\\\"}\"]"},
        {"{\"cmd\":\"NODE_\"}", "[\"object\",false,\"{\\\"cmd\\\":\\\"NODE_\\\"}\"]"},
        {"{\"cmd\":\"node_x\"}", "[\"object\",false,\"{\\\"cmd\\\":\\\"node_x\\\"}\"]"},
        {"[]", "[\"object\",false,\"[]\"]"},
        {"null", "[\"object\",false,\"null\"]"},
        {"true", "[\"boolean\",false,\"true\"]"},
        {"false", "[\"boolean\",false,\"false\"]"},
    };
    struct buf expected = {0};
    struct node node;

    (void)state;
    begin_here(&node);
    node.expected = sizeof(rows) / sizeof(rows[0]);
    node.answer = disconnect_after_the_last;
    run(&node, "process.on('message', m =>"
               "  process.send([typeof m, Object.is(m, -0), JSON.stringify(m)]));");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_in_range(tell(&node, rows[i][0]), 0, 1);
        buf_printf(&expected, "%s\n", rows[i][1]);
    }
    end_with(&node, &expected);
}

/* As deep as our parser goes, and as Node's own does. */
static void test_deep_values(void **state)
{
    struct buf expected = {0};
    struct node node;

    (void)state;
    begin_here(&node);
    node.expected = 1;
    node.answer = disconnect_after_the_last;
    run(&node, MIRROR);
    buf_printf(&expected, "%0*d%0*d", DEEP, 0, DEEP, 0);
    memset(expected.data, '[', DEEP);
    memset(expected.data + DEEP, ']', DEEP);
    tell_rest(&node, &expected, 0);
    end_with(&node, &expected);
}

/* A code point as JSON.stringify() writes it. */
static void put(struct buf *text, unsigned point)
{
    static const char *const names[] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};

    if (point < 0x20 && point < sizeof(names) / sizeof(names[0]) && names[point])
        buf_text(text, names[point]);
    else if (point < 0x20 || (point >= 0xd800 && point < 0xe000))
        buf_printf(text, "\\u%04x", point);
    else if (point == '"' || point == '\\')
        buf_printf(text, "\\%c", point);
    else if (point < 0x80)
        buf_printf(text, "%c", point);
    else if (point < 0x800)
        buf_printf(text, "%c%c", 0xc0 | point >> 6, 0x80 | (point & 63));
    else if (point < 0x10000)
        buf_printf(text, "%c%c%c", 0xe0 | point >> 12, 0x80 | (point >> 6 & 63),
                   0x80 | (point & 63));
    else
        buf_printf(text, "%c%c%c%c", 0xf0 | point >> 18, 0x80 | (point >> 12 & 63),
                   0x80 | (point >> 6 & 63), 0x80 | (point & 63));
}

/* [FROM,"…"], with a space behind each, so that no two halves are next to each other. */
static void put_chunk(struct buf *text, unsigned from)
{
    buf_printf(text, "[%u,\"", from);
    for (unsigned point = from; point < from + CHUNK; point++) {
        put(text, point);
        buf_text(text, " ");
    }
    buf_text(text, "\"]");
}

/* Both sides make the same text by themselves, and compare. */
static void test_every_code_point(void **state)
{
    struct buf expected = {0};
    struct node node;

    (void)state;
    begin_here(&node);
    node.expected = IN_FULL / CHUNK;
    node.answer = disconnect_after_the_last;
    run(&node, "process.on('message', ([from, got]) => {"
               "  let mine = '';"
               "  for (let p = from; p < from + 0x1000; p++) mine += String.fromCodePoint(p) + ' ';"
               "  if (got !== mine) process.exit(1);"
               "  process.send([from, mine]);"
               "});");
    for (unsigned from = 0; from < IN_FULL; from += CHUNK) {
        size_t start = expected.len;

        put_chunk(&expected, from);
        tell_rest(&node, &expected, start);
    }
    end_with(&node, &expected);
}

/* Characters of four bytes, across every border that a read can have. */
static void test_characters_across_reads(void **state)
{
    struct buf expected = {0};
    struct node node;

    (void)state;
    begin_here(&node);
    node.expected = 8;
    node.answer = disconnect_after_the_last;
    run(&node, MIRROR);
    for (int shift = 0; shift < 8; shift++) {
        size_t start = expected.len;

        buf_printf(&expected, "\"%.*s", shift, "xxxxxxxx");
        for (int i = 0; i < 50000; i++)
            put(&expected, 0x1f600);
        buf_text(&expected, "\"");
        tell_rest(&node, &expected, start);
    }
    end_with(&node, &expected);
}

/* --- how much --- */

/* [N,"xxx…"] with a length of its own for each. */
static void put_numbered(struct buf *text, int n, char what)
{
    char letters[2000];

    memset(letters, what, sizeof(letters));
    buf_printf(text, "[%d,\"%.*s\"]", n, n * 7 % 2000, letters);
}

/* Neither waits for the other. */
static void test_many_each_way_at_once(void **state)
{
    struct buf expected = {0}, told = {0};
    struct node node;

    (void)state;
    begin_here(&node);
    run(&node, "let got = 0;"
               "process.on('message', ([n, s]) => {"
               "  if (n !== got++ || s !== 'x'.repeat(n * 7 % 2000)) process.exit(1);"
               "  if (got === 10000) process.send('all', () => process.disconnect());"
               "});"
               "for (let n = 0; n < 10000; n++) process.send([n, 'y'.repeat(n * 7 % 2000)]);");
    for (int n = 0; n < MANY; n++) {
        put_numbered(&told, n, 'x');
        tell_rest(&node, &told, 0);
        buf_consume(&told, told.len);
        put_numbered(&expected, n, 'y');
        buf_text(&expected, "\n");
    }
    buf_text(&expected, "\"all\"\n");
    buf_done(&told);
    end_with(&node, &expected);
}

/* Four times 16 MiB, while as much comes the other way. */
static void test_large_ones_each_way_at_once(void **state)
{
    char *text = malloc(16 * MIB + 2);
    struct node node;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', 16 * MIB + 2);
    text[0] = text[16 * MIB + 1] = '"';
    begin_here(&node);
    run(&node, "let got = 0;"
               "const mine = 'y'.repeat(16 << 20), theirs = 'x'.repeat(16 << 20);"
               "process.on('message', m => {"
               "  if (m !== theirs) process.exit(1);"
               "  if (++got === 4) process.send('all', () => process.disconnect());"
               "});"
               "for (let i = 0; i < 4; i++) process.send(mine);");
    for (int i = 0; i < 4; i++)
        assert_int_equal(tell_bytes(&node, text, 16 * MIB + 2, -1), 1);
    live_run(&node.live);
    assert_int_equal(node.messages, 5);
    memset(text + 1, 'y', 16 * MIB);
    for (int i = 0; i < 4; i++)
        assert_memory_equal(node.said.data + i * (16 * MIB + 3), text, 16 * MIB + 2);
    free(text);
    end(&node, 0, NULL);
}

/* A byte at a time is slow, and right. */
static void test_a_byte_at_a_time(void **state)
{
    struct node node;

    (void)state;
    begin_here(&node);
    run(&node, "const b = Buffer.from('{\"a\":\"\\u00e9\"}\\n[1,2]\\n');"
               "for (let i = 0; i < b.length; i++) require('fs').writeSync(3, b, i, 1);");
    end(&node, 0, "{\"a\":\"\xc3\xa9\"}\n[1,2]\n");
}

/* --- what breaks it off --- */

/* Raw bytes on the channel, all of them. */
#define RAW                                                                                        \
    "const put = b => { b = Buffer.from(b); while (b.length) try {"                                \
    "  b = b.subarray(require('fs').writeSync(3, b)); } catch (e) {"                               \
    "  if (e.code === 'EPIPE' || e.code === 'EBADF') return;"                                      \
    "  if (e.code !== 'EAGAIN') throw e; } };"
#define STAY "setTimeout(() => 0, 100);"

static void test_what_is_no_message(void **state)
{
    static const char *const rows[][2] = {
        {"put('\\n')", "not JSON"},
        {"put('nan\\n')", "not JSON"},
        {"put('{\"a\":1}{\"b\":2}\\n')", "not JSON"},
        {"put(\"'a'\\n\")", "not JSON"},
        {"put('\"\\u0000\"\\n')", "not JSON"},
        {"put([0x22, 0xed, 0xa0, 0x80, 0x22, 10])", "not JSON"}, /* half of a pair, as UTF-8 */
        {"put([0x22, 0xc0, 0x80, 0x22, 10])", "not JSON"},       /* longer than it need be */
        {"put([0x22, 0xf0, 0x9f, 0x98, 0x22, 10])", "not JSON"}, /* cut off */
        {"put(require('crypto').randomBytes(300000))", "not JSON"},
        {"put(Buffer.alloc(300000))", "in the middle of a message"},
        {"put('\"half')", "in the middle of a message"},
        {"put('1'); require('fs').closeSync(3)", "in the middle of a message"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char script[1024];

        snprintf(script, sizeof(script), RAW "%s;" STAY, rows[i][0]);
        must_fail(script, rows[i][1]);
    }
}

/* What was said before counts; what comes behind does not. */
static void test_good_ones_before_bad_ones(void **state)
{
    struct node node;
    char text[512];

    (void)state;
    begin_here(&node);
    run(&node, RAW "for (let i = 1; i < 1000; i++) process.send(i);"
                   "process.send(1000, () => {"
                   "  put('no JSON\\n\"more\"\\n'); process.send('more', () => 0);" STAY "});");
    live_run(&node.live);
    test_contains(crib_error_text(&node.task.error, text, sizeof(text)), "not JSON");
    assert_int_equal(node.messages, 1000);
    live_says(&node.task, "spawn error disconnect exit close ");
    finish(&node);
}

/* Without an end: the cap is what ends it, and not our memory. */
static void test_a_line_without_end(void **state)
{
    struct node node;

    (void)state;
    begin_here(&node);
    node.task.options.max_message = MIB;
    run(&node, RAW "const b = Buffer.alloc(1 << 16, 32);"
                   "for (let i = 0; i < 10000 && process.connected; i++) put(b);");
    live_run(&node.live);
    assert_int_equal(node.task.error.code, -EMSGSIZE);
    assert_int_equal(node.messages, 0);
    finish(&node);
}

/* Exactly the cap is allowed, and one byte more is not. */
static void test_the_cap(void **state)
{
    struct node node;
    char *text = malloc(MIB + 1);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', MIB + 1);
    text[0] = text[MIB - 1] = '"';
    begin_here(&node);
    node.task.options.max_message = MIB;
    run(&node, "process.on('message', m => {"
               "  process.send(m); process.send(m + 'x'); setTimeout(() => 0, 100); });");
    assert_in_range(tell_bytes(&node, text, MIB, -1), 0, 1);
    text[MIB - 1] = 'x';
    text[MIB] = '"';
    assert_int_equal(tell_bytes(&node, text, MIB + 1, -1), -EMSGSIZE);
    live_run(&node.live);
    assert_int_equal(node.task.error.code, -EMSGSIZE);
    assert_int_equal(node.messages, 1);
    free(text);
    finish(&node);
}

/* Half a line hurts nobody until it is known that the rest never comes. */
static void test_half_a_line_and_silence(void **state)
{
    struct node node;
    char text[512];

    (void)state;
    begin_here(&node);
    run(&node, RAW "process.on('message', () => 0); put('1\\n{\"half\": ');");
    until_said(&node, 1);
    for (int i = 0; i < 100; i++)
        assert_in_range(tell(&node, "\"are you there?\""), 0, 1);
    assert_int_equal(node.task.error.code, 0);
    assert_int_equal(crib_task_kill(node.task.task, SIGKILL), 0);
    live_run(&node.live);
    test_contains(crib_error_text(&node.task.error, text, sizeof(text)),
                  "in the middle of a message");
    assert_int_equal(node.messages, 1);
    finish(&node);
}

/* In the middle of 16 MiB, which nothing could have taken at once. */
static void test_a_child_that_dies_in_a_large_one(void **state)
{
    struct node node;
    char text[512];

    (void)state;
    begin_here(&node);
    run(&node, "process.send('first');"
               "process.send('x'.repeat(16 << 20));"
               "process.kill(process.pid, 'SIGKILL');");
    live_run(&node.live);
    assert_int_equal(node.messages, 1);
    test_contains(crib_error_text(&node.task.error, text, sizeof(text)),
                  "in the middle of a message");
    assert_int_equal(node.task.result.verdict, CRIB_SIGNALED);
    finish(&node);
}

/* While it is being told something large. */
static void test_a_child_that_dies_while_it_is_told(void **state)
{
    char *text = malloc(16 * MIB);
    struct node node;

    (void)state;
    assert_non_null(text);
    memset(text, '1', 16 * MIB);
    begin_here(&node);
    run(&node, "process.once('message', () => process.kill(process.pid, 'SIGKILL'));");
    assert_in_range(tell(&node, "1"), 0, 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(tell_bytes(&node, text, 16 * MIB, -1), 1);
    live_run(&node.live);
    assert_int_equal(node.task.result.verdict, CRIB_SIGNALED);
    assert_int_equal(node.messages, 0);
    free(text);
    finish(&node);
}

/* It talks all the time and never listens: what it says comes, what it is told waits, and goes with
 * it. */
static void test_a_child_that_talks_and_never_reads(void **state)
{
    char text[1000];
    struct node node;

    (void)state;
    memset(text, '1', sizeof(text));
    begin_here(&node);
    run(&node, RAW "for (;;) put('\""
                   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"\\n');");
    for (int i = 0; i < 2000; i++)
        assert_in_range(tell_bytes(&node, text, sizeof(text), -1), 0, 1);
    until_said(&node, MANY);
    assert_int_equal(tell_bytes(&node, text, sizeof(text), -1), 1);
    assert_int_equal(crib_task_disconnect(node.task.task), 0);
    assert_int_equal(crib_task_kill(node.task.task, SIGKILL), 0);
    live_run(&node.live);
    assert_int_equal(node.task.result.verdict, CRIB_KILLED);
    finish(&node);
}

/* It closes its end and goes on living. */
static void test_a_child_that_closes_its_end(void **state)
{
    struct node node;

    (void)state;
    begin_here(&node);
    run(&node, "process.send('bye', () => { process.disconnect(); setTimeout(() => 0, 300); });");
    live_until(&node.live, &node.task, "disconnect ");
    assert_null(strstr(node.task.log, "exit "));
    assert_int_equal(tell(&node, "1"), -ENOTCONN);
    end(&node, 0, "\"bye\"\n");
}

static int tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_as_node_reads_them),
        cmocka_unit_test(test_deep_values),
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_characters_across_reads),
        cmocka_unit_test(test_many_each_way_at_once),
        cmocka_unit_test(test_large_ones_each_way_at_once),
        cmocka_unit_test(test_a_byte_at_a_time),
        cmocka_unit_test(test_what_is_no_message),
        cmocka_unit_test(test_good_ones_before_bad_ones),
        cmocka_unit_test(test_a_line_without_end),
        cmocka_unit_test(test_the_cap),
        cmocka_unit_test(test_half_a_line_and_silence),
        cmocka_unit_test(test_a_child_that_dies_in_a_large_one),
        cmocka_unit_test(test_a_child_that_dies_while_it_is_told),
        cmocka_unit_test(test_a_child_that_talks_and_never_reads),
        cmocka_unit_test(test_a_child_that_closes_its_end),
    };

    return sandbox_test_run(tests);
}

int main(void)
{
    return nodes_run(tests);
}
