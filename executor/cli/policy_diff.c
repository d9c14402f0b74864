/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib policy diff: what two effective policies say differently; of system calls, call by call.
 */
#include <errno.h>
#include <string.h>

#include "api/policies.h"
#include "base/auto.h"
#include "base/buf.h"
#include "cli/command.h"
#include "cli/policy_tools.h"
#include "cli/say.h"
#include "policy/load.h"
#include "policy/origins.h"
#include "policy/rule.h"
#include "policy/within.h"
#include "text/field.h"
#include "text/text.h"

struct side {
    const char *name;
    Crib__Policy *policy;
    struct rule *rules[LISTS_OF_CALLS];
    size_t count[LISTS_OF_CALLS];
};

struct diff {
    struct side side[2];
    struct arena arena;
    struct buf out;
    struct crib_error err;
};

static int load(struct diff *d, struct side *side, const char *name)
{
    int r;

    side->name = name;
    r = policy_load(name, policies_dirs, &d->arena, &side->policy, NULL, &d->err);
    for (int list = 0; r == 0 && list < LISTS_OF_CALLS; list++) {
        size_t count;
        char *const *entries =
            syscalls_entries(side->policy->syscalls, (enum syscalls_list)list, &count);

        r = rules_expand(entries, count, &d->arena, &side->rules[list], &side->count[list],
                         &d->err);
    }
    return r;
}

/* `denied with ENOSYS`, what a rule without conditions does. */
static const char *done_by(struct diff *d, enum syscalls_list list, const struct rule *rule)
{
    static const char *const done[] = {"denied", "kills the task", "allowed and logged", "allowed"};
    const char *name;

    if (!rule || !rule->code)
        return done[list];
    name = symbol_text("ERRNO", UINT32_MAX, (uint64_t)rule->code, &d->arena);
    return name ? arena_printf(&d->arena, "denied with %s", name) : NULL;
}

/* Adds one rule of a call to what has been said of it: `deny …; allow …, …`. */
static const char *say_rule(struct diff *d, const char *text, bool first, enum syscalls_list list,
                            const struct rule *rule)
{
    static const char *const words[] = {"deny", "kill", "log", "allow"};
    const char *one = rule_text(rule, &d->arena);

    if (!one || !text)
        return NULL;
    if (first)
        return arena_printf(&d->arena, "%s%s%s %s", text, text[0] ? "; " : "", words[list], one);
    return arena_printf(&d->arena, "%s, %s", text, one);
}

/* What one policy does with a call: `allowed`, `denied`, or its rules, the strongest first. */
static const char *said_of(struct diff *d, const struct side *side, const struct call *call)
{
    const char *text = "";

    for (int list = 0; text && list < LISTS_OF_CALLS; list++) {
        bool first = true;

        for (size_t i = 0; text && i < side->count[list]; i++) {
            size_t index = list == LIST_DENY ? side->count[list] - 1 - i : i;
            const struct rule *rule = &side->rules[list][index];

            if (rule->call != call)
                continue;
            if (!rule->count && !text[0])
                return done_by(d, (enum syscalls_list)list, rule);
            if (!rule->count)
                return arena_printf(&d->arena, "%s; else %s", text,
                                    done_by(d, (enum syscalls_list)list, rule));
            text = say_rule(d, text, first, (enum syscalls_list)list, rule);
            first = false;
        }
    }
    return !text || text[0] ? text : done_by(d, LIST_DENY, NULL);
}

/* Calls of which both policies say the same as of @call, that come behind it. */
static int add_alike(struct diff *d, const struct call *call, const char *a, const char *b,
                     bool *done)
{
    int r = 0;

    for (call = call_next(call); r == 0 && call; call = call_next(call)) {
        const char *x = said_of(d, &d->side[0], call), *y = said_of(d, &d->side[1], call);

        if (!x || !y)
            return -ENOMEM;
        if (strcmp(a, x) != 0 || strcmp(b, y) != 0)
            continue;
        done[call->number] = true;
        r = buf_printf(&d->out, ", %s", call->name);
    }
    return r;
}

static int diff_calls(struct diff *d)
{
    bool done[CALLS_LAST + 1] = {false};
    int r = 0;

    for (const struct call *call = call_next(NULL); r == 0 && call; call = call_next(call)) {
        const char *a = said_of(d, &d->side[0], call), *b = said_of(d, &d->side[1], call);

        if (!a || !b)
            return -ENOMEM;
        if (done[call->number] || strcmp(a, b) == 0)
            continue;
        r = buf_text(&d->out, call->name);
        if (r == 0)
            r = add_alike(d, call, a, b, done);
        if (r == 0)
            r = buf_printf(&d->out, ":\n- %s\n+ %s\n", a, b);
    }
    return r;
}

/* The text of one element of a field alone. Return: NULL when out of memory. */
static const char *item_text(struct diff *d, const ProtobufCMessage *msg,
                             const ProtobufCFieldDescriptor *field, size_t index)
{
    AUTO(buf_done) struct buf out = {0};
    ProtobufCMessage *alone = arena_alloc(&d->arena, msg->descriptor->sizeof_message);

    if (!alone)
        return NULL;
    protobuf_c_message_init(msg->descriptor, alone);
    if (field_add(alone, field, &d->arena, field_item(msg, field, index)) < 0 ||
        text_write_yaml(alone, &out) < 0)
        return NULL;
    return arena_copy(&d->arena, out.data, out.len);
}

static bool has_item(struct diff *d, const ProtobufCMessage *msg,
                     const ProtobufCFieldDescriptor *field, const char *text)
{
    for (size_t i = 0; i < field_count(msg, field); i++) {
        const char *one = item_text(d, msg, field, i);

        if (one && strcmp(one, text) == 0)
            return true;
    }
    return false;
}

/* Each line behind the mark. */
static int show_text(struct diff *d, char mark, const char *text)
{
    int r = 0;

    for (const char *end; r == 0 && *text; text = end) {
        end = strchr(text, '\n') + 1;
        r = buf_printf(&d->out, "%c %.*s", mark, (int)(end - text), text);
    }
    return r;
}

/* The elements of a field that the other policy has not. */
static int show_items(struct diff *d, char mark, const ProtobufCMessage *msg,
                      const ProtobufCMessage *other, const ProtobufCFieldDescriptor *field)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < field_count(msg, field); i++) {
        const char *text = item_text(d, msg, field, i);

        if (!text)
            return -ENOMEM;
        if (!has_item(d, other, field, text))
            r = show_text(d, mark, text);
    }
    return r;
}

/* What grants something, the lists of calls aside, which diff_calls() tells of. */
static int diff_fields(struct diff *d, const ProtobufCMessage *a, const ProtobufCMessage *b)
{
    static const char *const told[] = {"about", "reason", "expect", "syscalls",
                                       "allow", "deny",   "kill",   "log"};
    int r = 0;

    for (unsigned i = 0; r == 0 && i < a->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &a->descriptor->fields[i];
        bool skip = false;

        for (size_t n = 0; n < sizeof(told) / sizeof(told[0]); n++)
            skip = skip || strcmp(field->name, told[n]) == 0;
        if (skip)
            continue;
        r = show_items(d, '-', a, b, field);
        if (r == 0)
            r = show_items(d, '+', b, a, field);
    }
    return r;
}

static int diff_policies(struct diff *d)
{
    static const Crib__Syscalls none = CRIB__SYSCALLS__INIT;
    const Crib__Policy *a = d->side[0].policy, *b = d->side[1].policy;
    int r = diff_fields(d, &a->base, &b->base);

    if (r == 0)
        r = diff_fields(d, a->syscalls ? &a->syscalls->base : &none.base,
                        b->syscalls ? &b->syscalls->base : &none.base);
    return r < 0 ? r : diff_calls(d);
}

static bool is_within(const struct side *one, const struct side *other)
{
    struct crib_error err;

    return policy_within(one->policy, other->policy, false, false, &err) == 0;
}

static int conclude(struct diff *d)
{
    bool less = is_within(&d->side[1], &d->side[0]), more = is_within(&d->side[0], &d->side[1]);

    if (!d->out.len)
        return 0;
    if (less && more)
        return buf_text(&d->out, "Neither grants what the other does not.\n");
    if (less || more)
        return buf_printf(&d->out, "%s grants nothing that %s does not.\n", d->side[less].name,
                          d->side[!less].name);
    return buf_text(&d->out, "Each grants something that the other does not, or it cannot be seen "
                             "that it does not.\n");
}

int policy_diff(char *const *words)
{
    struct diff d = {0};
    int r;

    arena_init(&d.arena, 0);
    r = load(&d, &d.side[0], words[0]);
    if (r == 0)
        r = load(&d, &d.side[1], words[1]);
    if (r < 0)
        say_error(&d.err);
    if (r == 0)
        r = diff_policies(&d);
    if (r == 0)
        r = conclude(&d);
    if (r == 0)
        r = say_out((const char *)d.out.data, d.out.len);
    r = r < 0 ? STATUS_FAILED : d.out.len ? STATUS_INVALID : 0;
    buf_done(&d.out);
    arena_done(&d.arena);
    return r;
}
