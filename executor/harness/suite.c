/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/policy.h"
#include "base/auto.h"
#include "policy/merge.h"
#include "text/source.h"
#include "text/utf8.h"

#define STEP_BYTES 64 /* hold the path of any case */

int suite_refuse(const struct suite *suite, struct crib_error *err, const char *path,
                 const char *format, ...)
{
    const struct text_mark *mark = text_mark_find(&suite->marks, path);
    char place[sizeof(err->subject)], detail[sizeof(err->detail)];
    va_list args;

    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    snprintf(place, sizeof(place), "%.280s:%u:%u", suite->path, mark ? mark->line : 1,
             mark ? mark->column : 1);
    return fail_text(err, -EINVAL, NULL, -1, place, "%s", utf8_tame(detail));
}

const char *suite_path(struct suite *suite, const char *path)
{
    if (path[0] == '/')
        return path;
    while (path[0] == '.' && path[1] == '/') /* so that what is told of it is short */
        path += 2 + strspn(path + 2, "/");
    return arena_printf(&suite->arena, "%s/%s", suite->dir, path);
}

static int no_memory(const struct suite *suite, struct crib_error *err)
{
    return fail_sys(err, -ENOMEM, NULL, -1, suite->path, NULL);
}

static int add_item(struct suites *suites, const struct item *item, const char *path,
                    struct crib_error *err)
{
    const struct text_mark *mark = text_mark_find(&item->suite->marks, path);
    struct item *added;

    if (arena_push_value(&suites->arena, &suites->items, &suites->item_count, item, sizeof(*item)) <
        0)
        return no_memory(item->suite, err);
    added = &suites->items[suites->item_count - 1];
    added->line = mark ? mark->line : 1;
    added->column = mark ? mark->column : 1;
    return 0;
}

/* A case with the defaults laid under it. */
static Crib__Case *with_defaults(struct suite *suite, const Crib__Case *test)
{
    Crib__Case *merged = ARENA_NEW(&suite->arena, crib__case, Crib__Case);
    const Crib__Case *defaults = suite->message->defaults;

    if (!merged || (defaults && merge_message(&merged->base, &defaults->base, &suite->arena) < 0) ||
        merge_message(&merged->base, &test->base, &suite->arena) < 0)
        return NULL;
    return merged;
}

static int by_name(const void *a, const void *b)
{
    const Crib__Case *x = *(Crib__Case *const *)a, *y = *(Crib__Case *const *)b;
    int order = strcmp(x->name, y->name);

    return order ? order : (x > y) - (x < y);
}

/* Names are what results and --filter go by. */
static int check_names(struct suite *suite, struct crib_error *err)
{
    const Crib__Suite *message = suite->message;
    AUTO_FREE Crib__Case **sorted = calloc(message->n_cases + 1, sizeof(*sorted));
    char path[STEP_BYTES];

    if (!sorted)
        return no_memory(suite, err);
    for (size_t i = 0; i < message->n_cases; i++) {
        snprintf(path, sizeof(path), "cases[%zu]", i);
        if (!message->cases[i]->name)
            return suite_refuse(suite, err, path, "the case has no name");
        sorted[i] = message->cases[i];
    }
    qsort(sorted, message->n_cases, sizeof(*sorted), by_name);
    for (size_t i = 1; i < message->n_cases; i++)
        for (size_t at = 0; strcmp(sorted[i - 1]->name, sorted[i]->name) == 0; at++)
            if (message->cases[at] == sorted[i - 1] || message->cases[at] == sorted[i]) {
                char shown[UTF8_SHOWN];

                snprintf(path, sizeof(path), "cases[%zu].name", at);
                return suite_refuse(suite, err, path, "'%s' is the name of two cases",
                                    utf8_shown(shown, sorted[i]->name, strlen(sorted[i]->name)));
            }
    return 0;
}

static int add_case(struct suites *suites, struct suite *suite, size_t index,
                    struct crib_error *err)
{
    struct item item = {.suite = suite};
    char path[STEP_BYTES];
    int r;

    item.test = with_defaults(suite, suite->message->cases[index]);
    if (!item.test)
        return no_memory(suite, err);
    r = suite_check_case(suite, item.test, index, err);
    if (r == 0)
        r = suite_policy(suites, suite, item.test, index, &item.policy, err);
    item.name = item.test->name;
    snprintf(path, sizeof(path), "cases[%zu]", index);
    return r < 0 ? r : add_item(suites, &item, path, err);
}

static int add_cases(struct suites *suites, struct suite *suite, struct crib_error *err)
{
    int r;

    if (suite->message->n_cases > SUITE_MAX_CASES)
        return suite_refuse(suite, err, "cases", "%zu cases, at most %d may be in one file",
                            suite->message->n_cases, SUITE_MAX_CASES);
    if (suite->message->n_cases == 0)
        return suite_refuse(suite, err, "cases", "there is no case in it");
    r = check_names(suite, err);
    for (size_t i = 0; r == 0 && i < suite->message->n_cases; i++)
        r = add_case(suites, suite, i, err);
    return r;
}

static int add_line(struct suites *suites, struct suite *suite, bool allow, size_t index,
                    const char *text, struct crib_error *err)
{
    struct item item = {.suite = suite, .policy = suite->policy, .allow = allow};
    struct crib_error found = {0};
    char path[STEP_BYTES];

    snprintf(path, sizeof(path), "expect.%s[%zu]", allow ? "allow" : "deny", index);
    if (call_read(text, &item.call, &found) < 0)
        return suite_refuse(suite, err, path, "%s", found.detail);
    item.name = arena_printf(&suite->arena, "%s %s", allow ? "allow" : "deny", text);
    return item.name ? add_item(suites, &item, path, err) : no_memory(suite, err);
}

static int add_lines(struct suites *suites, struct suite *suite, const Crib__Expect *expect,
                     struct crib_error *err)
{
    struct crib_error found = {0};
    char text[1024];
    int r = filtered_open(&suite->filtered, suite->policy->policy, &suite->arena, &found);

    if (r < 0)
        return suite_refuse(suite, err, "expect", "%s",
                            crib_error_text(&found, text, sizeof(text)));
    for (size_t i = 0; r == 0 && i < expect->n_allow; i++)
        r = add_line(suites, suite, true, i, expect->allow[i], err);
    for (size_t i = 0; r == 0 && i < expect->n_deny; i++)
        r = add_line(suites, suite, false, i, expect->deny[i], err);
    return r;
}

static int add_policy(struct suites *suites, struct suite *suite, const char *data, size_t len,
                      bool named, struct crib_error *err)
{
    ProtobufCMessage *msg;
    const Crib__Expect *expect;
    int r = crib_policy_parse(suite->path, data, len, &suite->policy, err);

    if (r == 0)
        r = text_read(&crib__policy__descriptor, suite->path, data, len, &suite->arena,
                      &suite->marks, &msg, err);
    if (r < 0)
        return r;
    expect = ((Crib__Policy *)msg)->expect;
    if (expect && expect->n_allow + expect->n_deny > SUITE_MAX_CASES)
        return suite_refuse(suite, err, "expect", "more than %d lines", SUITE_MAX_CASES);
    if (expect && expect->n_allow + expect->n_deny)
        return add_lines(suites, suite, expect, err);
    return named ? suite_refuse(suite, err, "", "a policy without `expect`, and no `cases`") : 0;
}

/* Goes behind the value that comes next. */
static int skip_value(struct source *source, struct crib_error *err)
{
    unsigned depth = 0;
    int r;

    do {
        r = source_next(source, err);
        if (r == 0 && (source->kind == SOURCE_MAP || source->kind == SOURCE_LIST))
            depth++;
        else if (r == 0 && source->kind == SOURCE_CLOSE)
            depth--;
    } while (r == 0 && depth && source->kind != SOURCE_END);
    return r;
}

/* Return: 1 a key of the text is one of Suite's alone, or there is none; 0 it is a policy; negative
 * errno */
static int is_suite(struct suite *suite, const char *data, size_t len, struct crib_error *err)
{
    struct source source;
    int r = source_open(&source, suite->path, data, len, &suite->arena, err), found = 1;

    if (r < 0)
        return r;
    r = source_next(&source, err);
    for (bool map = r == 0 && source.kind == SOURCE_MAP; map && r == 0;) {
        r = source_next(&source, err);
        if (r < 0 || source.kind != SOURCE_WORD)
            break;
        found = strcmp(source.text, "cases") == 0 || strcmp(source.text, "defaults") == 0;
        if (found)
            break;
        r = skip_value(&source, err);
    }
    source_close(&source);
    return r < 0 ? r : found;
}

static struct suite *new_suite(struct suites *suites, const char *path, struct crib_error *err)
{
    struct suite *suite = calloc(1, sizeof(*suite));
    const char *slash;

    if (!suites->arena.limit)
        arena_init(&suites->arena, 0);
    if (!suite) {
        (void)fail_sys(err, -ENOMEM, NULL, -1, path, NULL);
        return NULL;
    }
    arena_init(&suite->arena, 0);
    slash = strrchr(path, '/');
    suite->path = arena_text(&suite->arena, path);
    suite->dir = !slash          ? "."
                 : slash == path ? "/"
                                 : arena_copy(&suite->arena, path, (size_t)(slash - path));
    if (suite->path && suite->dir &&
        arena_push(&suites->arena, &suites->list, &suites->count, suite) == 0)
        return suite;
    arena_done(&suite->arena);
    free(suite);
    (void)fail_sys(err, -ENOMEM, NULL, -1, path, NULL);
    return NULL;
}

int suites_add_policy(struct suites *suites, const char *path, const char *data, size_t len,
                      struct crib_error *err)
{
    struct suite *suite = new_suite(suites, path, err);

    return suite ? add_policy(suites, suite, data, len, false, err) : -ENOMEM;
}

int suites_add(struct suites *suites, const char *path, const char *data, size_t len, bool named,
               struct crib_error *err)
{
    struct suite *suite;
    ProtobufCMessage *msg;
    int r;

    suite = new_suite(suites, path, err);
    if (!suite)
        return -ENOMEM;
    r = is_suite(suite, data, len, err);
    if (r == 0)
        return add_policy(suites, suite, data, len, named, err);
    if (r > 0)
        r = text_read(&crib__suite__descriptor, suite->path, data, len, &suite->arena,
                      &suite->marks, &msg, err);
    if (r < 0)
        return r;
    suite->message = (Crib__Suite *)msg;
    return add_cases(suites, suite, err);
}

static int add_file(struct suites *suites, const struct found_file *file, struct crib_error *err)
{
    /* without waiting: a FIFO in the place of a file must not hold anybody up */
    AUTO_FD int fd = open(file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    AUTO_FREE char *data = NULL;
    size_t len = 0;
    int r = fd < 0 ? -errno : fd_read_file(fd, TEXT_MAX_BYTES, &data, &len);

    if (r == -EINVAL)
        return fail_text(err, r, NULL, -1, file->path, "it is not a file");
    if (r < 0)
        return fail_sys(err, r, NULL, -1, file->path, NULL);
    return suites_add(suites, file->path, data, len, file->named, err);
}

int suites_read(struct suites *suites, char *const *paths, struct crib_error *err)
{
    struct found found = {0};
    int r = 0;

    memset(suites, 0, sizeof(*suites));
    arena_init(&suites->arena, 0);
    for (; r == 0 && *paths; paths++)
        r = find_files(*paths, &suites->arena, &found, err);
    for (size_t i = 0; r == 0 && i < found.count; i++)
        r = add_file(suites, &found.list[i], err);
    if (r == 0 && suites->item_count == 0)
        r = fail_text(err, -ENOENT, NULL, -1, NULL, "there is no case in what was named");
    return r;
}

void suites_done(struct suites *suites)
{
    for (size_t i = 0; i < suites->policy_count; i++)
        crib_policy_free(suites->policies[i].policy);
    for (size_t i = 0; i < suites->count; i++) {
        crib_policy_free(suites->list[i]->policy);
        arena_done(&suites->list[i]->arena);
        free(suites->list[i]);
    }
    arena_done(&suites->arena);
    memset(suites, 0, sizeof(*suites));
}
