/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/canonical.h"

#include <errno.h>
#include <string.h>

#include "policy/cpuset.h"
#include "policy/listen.h"
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
        if (i >= head && data[i] == '#' && (i == 0 || memchr(" \t\r\n", data[i - 1], 4)))
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

static int canonical_lists(char **allow, size_t n_allow, char **deny, size_t n_deny, char **kill,
                           size_t n_kill, char **log, size_t n_log, struct arena *arena)
{
    int r = canonical_entries(allow, n_allow, arena);

    if (r == 0)
        r = canonical_entries(deny, n_deny, arena);
    if (r == 0)
        r = canonical_entries(kill, n_kill, arena);
    return r < 0 ? r : canonical_entries(log, n_log, arena);
}

static int canonical_limits(Crib__Limits *limits, struct arena *arena)
{
    char why[CPUSET_WHY];
    struct cpuset set;

    if (!limits || !limits->cpuset)
        return 0;
    if (cpuset_read(limits->cpuset, &set, why) < 0)
        return -EINVAL;
    limits->cpuset = (char *)cpuset_text(&set, arena);
    return limits->cpuset ? 0 : -ENOMEM;
}

static int canonical_listen(Crib__Policy *policy, struct arena *arena)
{
    for (size_t i = 0; i < policy->n_listen; i++) {
        struct listen_address address;
        char text[LISTEN_TEXT];

        if (listen_parse(policy->listen[i], true, &address, NULL) < 0)
            return -EINVAL;
        listen_text(&address, text);
        policy->listen[i] = arena_text(arena, text);
        if (!policy->listen[i])
            return -ENOMEM;
    }
    return 0;
}

int canonical_policy(Crib__Policy *policy, struct arena *arena)
{
    Crib__Syscalls *s = policy->syscalls;
    int r = canonical_limits(policy->limits, arena);

    if (r == 0)
        r = canonical_listen(policy, arena);
    if (!s || r < 0)
        return r;
    r = canonical_lists(s->allow, s->n_allow, s->deny, s->n_deny, s->kill, s->n_kill, s->log,
                        s->n_log, arena);
    for (size_t i = 0; r == 0 && i < s->n_arch; i++) {
        Crib__Syscalls__ArchPart *part = s->arch[i];

        r = canonical_lists(part->allow, part->n_allow, part->deny, part->n_deny, part->kill,
                            part->n_kill, part->log, part->n_log, arena);
    }
    return r;
}

int canonical_text(const struct policy_text *text, struct arena *arena, struct buf *out,
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
    r = canonical_policy((Crib__Policy *)msg, arena);
    if (r == 0)
        r = buf_append(out, text->data, head);
    if (r == 0 && head && text->data[head - 1] != '\n')
        r = buf_text(out, "\n"); /* all of it was comments */
    if (r == 0)
        r = text_write_yaml(msg, out);
    return r < 0 ? fail_sys(err, r, "policy", -1, text->name, NULL) : 0;
}
