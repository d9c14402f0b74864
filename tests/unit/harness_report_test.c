/* SPDX-License-Identifier: Apache-2.0 */
/* What is written as TAP and as XML is read back by small strict readers. */
#include "support/support.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/report.h"
#include "text/source.h"
#include "text/utf8.h"

static const struct suite first = {.path = "dir/a.yaml"},
                          second = {.path = "dir/o'dd & <b>\n.yaml"};

static const struct item items[] = {
    {.suite = &first, .name = "plain", .line = 3, .column = 3},
    {.suite = &first, .name = "# SKIP \\ not a directive", .line = 7, .column = 3},
    {.suite = &first, .name = "<&>\"'", .line = 9, .column = 1},
    {.suite = &second, .name = "\xc3\xa4]]>", .line = 1, .column = 1},
};

#define COUNT (sizeof(items) / sizeof(items[0]))

static char reasons[] = "stdout differs in line 1, column 1 (byte 0):\n"
                        "    <same>\\n\n"
                        "  - a: [b\\x1b\n"
                        "  ...\n"
                        "---\n";

/* Plain passed, then failed, not run, failed. */
static void fill(struct told told[COUNT], struct summary *summary)
{
    for (size_t i = 0; i < COUNT; i++)
        told[i] = (struct told){.item = &items[i], .over = i != 2, .wall_us = 1500};
    told[0].passed = true;
    told[1].why = told[3].why = reasons;
    *summary = (struct summary){COUNT, 1, 2, 3000000, true};
}

static char *text_of(struct buf *buf)
{
    char *text;

    assert_int_equal(buf_append(buf, "", 1), 0);
    text = strdup((const char *)buf->data);
    buf_done(buf);
    assert_true(utf8_text(text, strlen(text)));
    return text;
}

static char *told_as(const struct report *report, const struct told *told,
                     const struct summary *summary)
{
    struct buf out = {0};

    assert_int_equal(report->begin(&out, summary->cases), 0);
    for (size_t i = 0; i < summary->cases; i++)
        if (told[i].over)
            assert_int_equal(report->one(&out, &told[i], i + 1), 0);
    assert_int_equal(report->end(&out, told, summary), 0);
    return text_of(&out);
}

/* --- TAP --- */

/* Takes the next line off. */
static char *next_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');

    assert_non_null(end); /* every line is ended */
    *end = '\0';
    *at = end + 1;
    return line;
}

/* A document between `---` and `...`, indented by two; its YAML is read by the project's reader. */
static void read_diagnostics(char **at)
{
    struct crib_error err = {0};
    struct buf yaml = {0};
    struct source source;
    struct arena arena;
    char *line;
    bool messages = false;

    assert_string_equal(next_line(at), "  ---");
    while (strcmp(line = next_line(at), "  ...") != 0) {
        assert_int_equal(strncmp(line, "  ", 2), 0);
        messages = messages || strncmp(line, "  message: |2", 13) == 0;
        assert_int_equal(buf_printf(&yaml, "%s\n", line + 2), 0);
    }
    assert_true(messages);
    arena_init(&arena, 0);
    if (source_open(&source, "diagnostics", yaml.data, yaml.len, &arena, &err) < 0)
        fail_msg("%s: %s", err.subject, err.detail);
    do {
        if (source_next(&source, &err) < 0)
            fail_msg("%s: %s\n%.*s", err.subject, err.detail, (int)yaml.len, (char *)yaml.data);
        if (source.kind == SOURCE_WORD && strncmp(source.text, "stdout", 6) == 0)
            assert_string_equal(source.text, reasons); /* nothing is lost on the way */
    } while (source.kind != SOURCE_END);
    source_close(&source);
    arena_done(&arena);
    buf_done(&yaml);
}

/* `ok N - description`. Return: the description, without its escapes. */
static char *read_point(char *line, bool *ret_ok, unsigned *ret_number)
{
    int used = 0;
    char *to;

    *ret_ok = strncmp(line, "ok ", 3) == 0;
    if (!*ret_ok)
        assert_int_equal(strncmp(line, "not ok ", 7), 0);
    line += *ret_ok ? 3 : 7;
    assert_int_equal(sscanf(line, "%u - %n", ret_number, &used), 1);
    assert_true(used > 0);
    to = line += used;
    for (char *from = line; *from; from++) {
        assert_int_not_equal(*from, '#'); /* would begin a directive */
        if (*from == '\\')
            from++;
        *to++ = *from;
    }
    *to = '\0';
    return line;
}

static void test_tap_is_read_back(void **state)
{
    struct told told[COUNT];
    struct summary summary;
    unsigned numbers[] = {1, 2, 4}, number;
    char *text, *at, *description;
    bool ok;

    (void)state;
    fill(told, &summary);
    at = text = told_as(&report_tap, told, &summary);
    assert_string_equal(next_line(&at), "TAP version 14");
    assert_string_equal(next_line(&at), "1..4");
    for (size_t i = 0; i < 3; i++) {
        description = read_point(next_line(&at), &ok, &number);
        assert_int_equal(number, numbers[i]);
        assert_int_equal(ok, i == 0);
        test_contains(description, items[number - 1].name);
        if (!ok)
            read_diagnostics(&at);
    }
    assert_string_equal(next_line(&at), "Bail out! interrupted");
    assert_string_equal(at, "");
    free(text);
}

/* --- XML --- */

struct xml {
    const char *at;
    const char *open[8]; /* names of open elements, ended by what is no letter */
    size_t depth;
    size_t elements, cases, failures, skipped;
};

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* One character, or a reference to one. */
static void read_char(struct xml *x)
{
    static const char *const known[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&apos;"};

    assert_true((unsigned char)*x->at >= ' ' || *x->at == '\n');
    assert_int_not_equal(*x->at, '<');
    if (*x->at != '&') {
        assert_int_not_equal(strncmp(x->at, "]]>", 3), 0);
        x->at++;
        return;
    }
    for (size_t i = 0; i < 5; i++)
        if (strncmp(x->at, known[i], strlen(known[i])) == 0) {
            x->at += strlen(known[i]);
            return;
        }
    fail_msg("no such reference: %.10s", x->at);
}

static void read_attributes(struct xml *x)
{
    while (*x->at == ' ') {
        x->at++;
        assert_true(is_name(*x->at));
        while (is_name(*x->at))
            x->at++;
        assert_int_equal(strncmp(x->at, "=\"", 2), 0);
        x->at += 2;
        while (*x->at != '"')
            read_char(x);
        x->at++;
    }
}

static bool same_name(const char *a, const char *b)
{
    while (is_name(*a) && *a == *b) {
        a++;
        b++;
    }
    return !is_name(*a) && !is_name(*b);
}

static void read_tag(struct xml *x)
{
    const char *name = ++x->at;

    if (*name == '/') {
        assert_true(x->depth > 0);
        assert_true(same_name(name + 1, x->open[--x->depth]));
        x->at = strchr(name, '>') + 1;
        return;
    }
    x->elements++;
    x->cases += same_name(name, "testcase");
    x->failures += same_name(name, "failure");
    x->skipped += same_name(name, "skipped");
    while (is_name(*x->at))
        x->at++;
    read_attributes(x);
    if (*x->at == '/') {
        x->at++;
    } else {
        assert_true(x->depth < 8);
        x->open[x->depth++] = name;
    }
    assert_int_equal(*x->at++, '>');
}

static void test_junit_is_read_back(void **state)
{
    static const char head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    struct told told[COUNT];
    struct summary summary;
    struct buf out = {0};
    struct xml x = {0};
    char *text;

    (void)state;
    fill(told, &summary);
    assert_int_equal(report_junit(&out, told, &summary), 0);
    text = text_of(&out);
    assert_int_equal(strncmp(text, head, strlen(head)), 0);
    x.at = text + strlen(head);
    while (*x.at) {
        if (*x.at == '<')
            read_tag(&x);
        else
            read_char(&x);
        assert_true(x.depth > 0 || strspn(x.at, "\n") == strlen(x.at)); /* one root */
    }
    assert_int_equal(x.cases, 4);
    assert_int_equal(x.failures, 2);
    assert_int_equal(x.skipped, 1);
    assert_int_equal(x.elements, 1 + 2 + 4 + 2 + 1);
    test_contains(text, "<testsuites tests=\"4\" failures=\"2\" errors=\"0\" skipped=\"1\" "
                        "time=\"3.000\">");
    test_contains(text, "<testsuite name=\"dir/a.yaml\" tests=\"3\" failures=\"1\"");
    free(text);
}

/* --- people --- */

static void test_people_are_told_of_failures_only(void **state)
{
    struct told told[COUNT];
    struct summary summary;
    char *text;

    (void)state;
    fill(told, &summary);
    text = told_as(&report_people, told, &summary);
    assert_null(strstr(text, "plain"));
    test_contains(text, "FAIL dir/a.yaml:7: # SKIP \\\\ not a directive\n"
                        "  stdout differs in line 1, column 1 (byte 0):\n"
                        "      <same>\\n\n");
    test_contains(text, "FAIL dir/o'dd & <b>\\n.yaml:1: ");
    test_contains(text, "\ninterrupted: 1 passed, 2 failed, 1 not run\n");
    free(text);
}

static void test_the_summary(void **state)
{
    static const struct {
        struct summary summary;
        const char *text;
    } rows[] = {
        {{1, 1, 0, 100000, false}, "1 passed in 0.1 s\n"},
        {{200, 200, 0, 3400000, false}, "all 200 passed in 3.4 s\n"},
        {{200, 198, 2, 3400000, false}, "2 failed, 198 of 200 passed in 3.4 s\n"},
        {{200, 90, 1, 3400000, true}, "interrupted: 90 passed, 1 failed, 109 not run\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = {0};
        char *text;

        assert_int_equal(report_people.end(&out, NULL, &rows[i].summary), 0);
        text = text_of(&out);
        assert_string_equal(text, rows[i].text);
        free(text);
    }
}

/* Many failures are more than a screen: their names come once more at the end. */
static void test_many_failures_are_listed(void **state)
{
    struct told told[COUNT * 2];
    struct summary summary = {COUNT * 2, 1, COUNT * 2 - 1, 1000000, false};
    char *text;

    (void)state;
    for (size_t i = 0; i < COUNT * 2; i++)
        told[i] = (struct told){.item = &items[i % COUNT], .over = true, .why = reasons};
    told[0].passed = true;
    text = told_as(&report_people, told, &summary);
    test_contains(text, "\nfailed:\n  dir/a.yaml:7: # SKIP \\\\ not a directive\n");
    test_contains(text, "\n7 failed, 1 of 8 passed in 1.0 s\n");
    free(text);
}

static void test_progress_names_what_runs(void **state)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        {"plain", "[3/200] 2 failed: plain"},
        {"0123456789012345678901234567890123456789", /* as long as may be */
         "[3/200] 2 failed: 0123456789012345678901234567890123456789"},
        {"012345678901234567890123456789012345678\xc3\xa4 ends in a letter of two bytes",
         "[3/200] 2 failed: 012345678901234567890123456789012345678..."},
        {"a\x1b[2J", "[3/200] 2 failed: a\\x1b[2J"},
    };
    const struct summary summary = {200, 1, 2, 0, false}, at_first = {200, 0, 0, 0, false};
    struct buf out = {0};
    char *text;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct item item = {.suite = items[0].suite, .name = rows[i].name};

        assert_int_equal(report_progress(&out, &summary, &item), 0);
        text = text_of(&out);
        assert_string_equal(text, rows[i].text);
        free(text);
    }
    assert_int_equal(report_progress(&out, &at_first, NULL), 0);
    text = text_of(&out);
    assert_string_equal(text, "[0/200]");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tap_is_read_back),
        cmocka_unit_test(test_junit_is_read_back),
        cmocka_unit_test(test_people_are_told_of_failures_only),
        cmocka_unit_test(test_many_failures_are_listed),
        cmocka_unit_test(test_progress_names_what_runs),
        cmocka_unit_test(test_the_summary),
    };

    return test_run(tests);
}
