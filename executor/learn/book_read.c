/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "learn/book.h"
#include "text/text.h"

/* One comment of the file. */
struct comment {
    unsigned line;
    bool alone;       /* nothing stands before it */
    const char *text; /* behind the # and a blank */
    bool taken;
};

struct reading {
    struct needs *needs;
    const char *name;
    struct crib_error *err;
    struct comment *comments;
    size_t count;
    struct text_marks marks;
};

static int refuse(const struct reading *r, unsigned line, const char *what)
{
    char place[320];

    snprintf(place, sizeof(place), "%s:%u", r->name, line);
    return fail_text(r->err, -EINVAL, NULL, -1, place, "%s", what);
}

static int no_memory(const struct reading *r)
{
    return fail_sys(r->err, -ENOMEM, NULL, -1, r->name, NULL);
}

/* Return: where a comment begins in a line; NULL. Quotes open where a word begins. */
static const char *find_comment(const char *line, size_t len)
{
    char quote = 0, before = ' ';

    for (size_t i = 0; i < len; before = line[i++]) {
        if (quote == '"' && line[i] == '\\')
            i++;
        else if (quote)
            quote = line[i] == quote ? 0 : quote;
        else if (line[i] == '#' && strchr(" \t", before))
            return line + i;
        else if ((line[i] == '"' || line[i] == '\'') && strchr(" \t[{,:!", before))
            quote = line[i];
    }
    return NULL;
}

static bool is_blank(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    return from == to;
}

static int find_comments(struct reading *r, const char *data, size_t len)
{
    unsigned number = 1;

    for (size_t at = 0; at < len; number++) {
        const char *line = data + at, *end = memchr(line, '\n', len - at), *hash;
        size_t size = end ? (size_t)(end - line) : len - at;
        struct comment comment = {.line = number};

        at += size + 1;
        hash = find_comment(line, size);
        if (!hash)
            continue;
        comment.alone = is_blank(line, hash);
        hash += hash + 1 < line + size && hash[1] == ' ' ? 2 : 1;
        comment.text = arena_copy(r->needs->arena, hash, (size_t)(line + size - hash));
        if (!comment.text || arena_push_value(r->needs->arena, &r->comments, &r->count, &comment,
                                              sizeof(comment)) < 0)
            return no_memory(r);
    }
    return 0;
}

/* Reads `run 1: WORDS`. Return: 1; 0 it is something else; -EINVAL; -E2BIG; -ENOMEM. */
static int read_run(struct run_list *runs, const char *text, struct arena *arena)
{
    const char *colon = strstr(text, ": ");
    struct run_words words;
    unsigned number = 0;
    uint64_t set;
    int r;

    if (!colon || strncmp(text, "run ", 4) != 0 ||
        !run_set_read(text, (size_t)(colon - text), &set) || set & (set - 1))
        return 0;
    while (!(set >> number & 1))
        number++;
    r = run_words_read(colon + 2, strlen(colon + 2), arena, &words);
    if (r < 0 || runs->run[number].words)
        return r < 0 ? r : -EINVAL;
    runs->run[number] = words;
    runs->count = number + 1 > runs->count ? number + 1 : runs->count;
    return 1;
}

/* The signature is written anew; so are lines with nothing but a #. */
static bool is_written_anew(const char *text)
{
    return !*text || strncmp(text, "Learnt by `crib policy learn`", 29) == 0;
}

/* What stands above the first field. */
static int read_head(struct reading *r, unsigned first)
{
    struct needs *needs = r->needs;

    for (size_t i = 0; i < r->count && r->comments[i].line < first; i++) {
        struct comment *comment = &r->comments[i];
        int n = read_run(&needs->runs, comment->text, needs->arena);

        if (n == -ENOMEM)
            return no_memory(r);
        if (n < 0)
            return refuse(r, comment->line,
                          "this is no run as `crib policy learn` writes them, or "
                          "its number is there twice");
        comment->taken = true;
        if (n == 0 && !is_written_anew(comment->text))
            needs->head = arena_printf(needs->arena, "%s# %s\n", needs->head, comment->text);
        if (!needs->head)
            return no_memory(r);
    }
    return 0;
}

static unsigned line_of(const struct reading *r, const char *path)
{
    const struct text_mark *mark = text_mark_find(&r->marks, path);

    return mark ? mark->line : 0;
}

static void read_need(struct reading *r, const char *path, struct need *need)
{
    unsigned line = line_of(r, path);

    for (size_t i = 0; i < r->count; i++) {
        struct comment *comment = &r->comments[i];

        if (comment->line != line || comment->alone || comment->taken)
            continue;
        comment->taken = true;
        if (!run_set_read(comment->text, strlen(comment->text), &need->runs))
            need->remark = comment->text;
    }
}

static int read_calls(struct reading *r, Crib__Syscalls *syscalls)
{
    struct needs *needs = r->needs;
    char path[64];

    for (size_t i = 0; syscalls && i < syscalls->n_allow; i++) {
        struct crib_error why = {0};
        struct need_call *call;
        struct rule *rules;
        size_t count;
        int n = rules_expand(&syscalls->allow[i], 1, needs->arena, &rules, &count, &why);

        snprintf(path, sizeof(path), "syscalls.allow[%zu]", i);
        if (n < 0)
            return n == -ENOMEM ? no_memory(r) : refuse(r, line_of(r, path), why.detail);
        call = needs_add_call(needs, syscalls->allow[i], rules, count);
        if (!call)
            return no_memory(r);
        read_need(r, path, &call->need);
    }
    if (syscalls)
        syscalls->n_allow = 0;
    return 0;
}

static int read_mounts(struct reading *r, Crib__Policy *policy)
{
    char path[64];

    for (size_t i = 0; i < policy->n_mounts; i++) {
        struct need_mount *mount = needs_add_mount(r->needs, policy->mounts[i]);

        if (!mount)
            return no_memory(r);
        snprintf(path, sizeof(path), "mounts[%zu]", i);
        read_need(r, path, &mount->need);
    }
    policy->n_mounts = 0;
    return 0;
}

/* Return: the line of the first field; behind all comments where there is none. */
static unsigned policy_starts(const struct reading *r)
{
    return r->marks.count > 1 ? r->marks.list[0].line : UINT_MAX;
}

static int read_policy(struct reading *r, Crib__Policy *policy)
{
    int n = read_head(r, policy_starts(r));

    if (n == 0)
        n = read_calls(r, policy->syscalls);
    if (n == 0)
        n = read_mounts(r, policy);
    if (n < 0)
        return n;
    if (policy->namespaces)
        read_need(r, "namespaces", &r->needs->host_net);
    r->needs->rest = policy;
    for (size_t i = 0; i < r->count; i++)
        if (!r->comments[i].taken)
            return refuse(r, r->comments[i].line,
                          "this comment would be lost; move it to the top, or behind a mount or an "
                          "allowed call");
    return 0;
}

bool book_is_ours(const char *data, size_t len)
{
    struct arena arena;
    struct needs needs = {.arena = &arena, .head = ""};
    struct reading r = {.needs = &needs, .name = ""};
    struct run_list *runs = &needs.runs;
    int n;

    arena_init(&arena, 0);
    n = find_comments(&r, data, len);
    for (size_t i = 0; n == 0 && i < r.count; i++)
        n = r.comments[i].alone ? read_run(runs, r.comments[i].text, &arena) : 0;
    arena_done(&arena);
    return n != 0;
}

int book_read(struct needs *needs, const char *name, const char *data, size_t len,
              struct arena *arena, struct crib_error *err)
{
    struct reading r = {.needs = needs, .name = name, .err = err};
    ProtobufCMessage *msg;
    int n;

    *needs = (struct needs){.arena = arena, .head = ""};
    n = text_read(&crib__policy__descriptor, name, data, len, needs->arena, &r.marks, &msg, err);
    if (n == 0)
        n = find_comments(&r, data, len);
    return n < 0 ? n : read_policy(&r, (Crib__Policy *)msg);
}
