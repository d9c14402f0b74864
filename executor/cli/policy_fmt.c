/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib policy fmt: a policy file in its canonical text, fields in the order of the schema.
 *
 * Comments and empty lines before the first field stay as they are. The reader of YAML does not
 * tell of comments, so one that stands elsewhere would be lost: such a file is refused.
 */
#include <errno.h>
#include <string.h>

#include "api/policies.h"
#include "base/auto.h"
#include "base/buf.h"
#include "cli/command.h"
#include "cli/policy_tools.h"
#include "cli/say.h"
#include "policy/find.h"
#include "policy/load.h"
#include "policy/rule.h"
#include "text/text.h"

/* Return: how many bytes of comments and empty lines the text begins with. */
static size_t head_len(const char *data, size_t len)
{
    size_t at = 0;

    while (at < len && (data[at] == '#' || data[at] == '\n')) {
        const char *end = memchr(data + at, '\n', len - at);

        if (!end)
            return len;
        at = (size_t)(end - data) + 1;
    }
    return at;
}

/* Return: the line, from 1, of something behind the head that may be a comment; 0: there is none.
 */
static unsigned comment_line(const char *data, size_t len, size_t head)
{
    unsigned line = 1;

    for (size_t i = 0; i < len; i++) {
        if (i >= head && data[i] == '#' && (i == 0 || strchr(" \t\n", data[i - 1])))
            return line;
        line += data[i] == '\n';
    }
    return 0;
}

/* Entries that name a call are said in their canonical text. */
static int canonical_entries(char **entries, size_t count, struct arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        struct rule rule;

        if (entries[i][0] == '@')
            continue;
        if (rule_parse(entries[i], arena, &rule, NULL) < 0)
            return -EINVAL;
        entries[i] = (char *)rule_text(&rule, arena);
        if (!entries[i])
            return -ENOMEM;
    }
    return 0;
}

static int canonical(Crib__Policy *policy, struct arena *arena)
{
    Crib__Syscalls *s = policy->syscalls;
    int r = 0;

    if (s)
        r = canonical_entries(s->allow, s->n_allow, arena);
    if (s && r == 0)
        r = canonical_entries(s->deny, s->n_deny, arena);
    if (s && r == 0)
        r = canonical_entries(s->kill, s->n_kill, arena);
    return s && r == 0 ? canonical_entries(s->log, s->n_log, arena) : r;
}

static int format(const struct policy_text *text, struct arena *arena, struct buf *out,
                  struct crib_error *err)
{
    size_t head = head_len(text->data, text->len);
    unsigned line = comment_line(text->data, text->len, head);
    ProtobufCMessage *msg;
    int r;

    if (line)
        return fail_text(err, -EINVAL, "policy", -1, text->name,
                         "line %u may be a comment, which would be lost: only those before the "
                         "first field can be kept",
                         line);
    r = text_read(&crib__policy__descriptor, text->name, text->data, text->len, arena, NULL, &msg,
                  err);
    if (r < 0)
        return r;
    r = canonical((Crib__Policy *)msg, arena);
    if (r == 0)
        r = buf_append(out, text->data, head);
    if (r == 0)
        r = text_write_yaml(msg, out);
    return r < 0 ? fail_sys(err, r, "policy", -1, text->name, NULL) : 0;
}

int policy_format(char *const *words)
{
    AUTO(arena_done) struct arena arena;
    AUTO(buf_done) struct buf out = {0};
    struct crib_error err = {0};
    struct policy_text text;
    Crib__Policy *checked;
    int r;

    arena_init(&arena, 0);
    r = policy_load(words[0], policies_dirs, &arena, &checked, &err);
    if (r == 0)
        r = policy_find(words[0], NULL, policies_dirs, &arena, &text, &err);
    if (r == 0)
        r = format(&text, &arena, &out, &err);
    if (r < 0) {
        say_error(&err);
        return STATUS_FAILED;
    }
    return say_out((const char *)out.data, out.len) < 0 ? STATUS_FAILED : 0;
}
