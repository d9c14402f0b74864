/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Case files from strangers. What is accepted is judged against a task that did nothing, and told
 * in every way: whatever a case says, that ends, and what is told is text.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crib/crib.h"
#include "harness/judge.h"
#include "harness/report.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct buf *text)
{
    assert(utf8_text(text->data, text->len));
    for (size_t i = 0; i < text->len; i++)
        assert(text->data[i] >= ' ' || text->data[i] == '\n');
    buf_done(text);
}

/* Return: why it failed, which the caller frees; NULL. */
static char *judged(const struct item *item)
{
    struct findings findings = {.verdict = CRIB_EXITED};
    struct buf why = {.max = 1 << 20}, copy = {0};
    int r;

    arena_init(&findings.arena, 0);
    r = judge(item, &findings, &why);
    arena_done(&findings.arena);
    assert(r > 0 || why.len == 0 || r < 0);
    assert(buf_append(&copy, why.data, why.len) == 0 && buf_append(&copy, "", 1) == 0);
    assert(memchr(copy.data, 0, copy.len) == copy.data + copy.len - 1);
    check_text(&why);
    if (r > 0)
        return (char *)copy.data;
    buf_done(&copy);
    return NULL;
}

static void tell(const struct told *told, const struct summary *summary)
{
    struct buf text = {0};

    for (size_t i = 0; i < summary->cases; i++) {
        assert(report_tap.one(&text, &told[i], i + 1) == 0);
        assert(report_people.one(&text, &told[i], i + 1) == 0);
    }
    check_text(&text);
    assert(report_junit(&text, told, summary) == 0);
    check_text(&text);
}

static void check_accepted(const struct suites *suites)
{
    size_t count = suites->item_count < 64 ? suites->item_count : 64;
    struct summary summary = {.cases = count};
    struct told *told = calloc(count + 1, sizeof(*told));

    assert(told);
    for (size_t i = 0; i < count; i++) {
        const struct item *item = &suites->items[i];

        assert(item->name[0] && item->line && item->column && item->policy);
        told[i] = (struct told){.item = item, .over = true, .why = judged(item)};
        told[i].passed = !told[i].why;
        summary.passed += told[i].passed;
        summary.failed += !told[i].passed;
    }
    tell(told, &summary);
    for (size_t i = 0; i < count; i++)
        free(told[i].why);
    free(told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct crib_error err = {0};
    struct suites suites = {0};
    char *text = malloc(size + 1);
    int r;

    assert(text);
    memcpy(text, data, size);
    /* no paths, so that a run depends on no file of this host */
    for (size_t i = 0; i < size; i++)
        if (text[i] == '/')
            text[i] = '_';
    r = suites_add(&suites, "input.yaml", text, size, true, &err);
    if (r < 0)
        assert(err.code == r && (err.subject[0] || err.detail[0]));
    else
        check_accepted(&suites);
    suites_done(&suites);
    free(text);
    return 0;
}
