/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explain.h"

#include <errno.h>
#include <string.h>

#include "api/policies.h"
#include "base/auto.h"
#include "base/buf.h"
#include "cli/command.h"
#include "cli/policy_tools.h"
#include "cli/say.h"
#include "harness/call.h"
#include "policy/load.h"

static const char *const words_of[] = {
    [LIST_DENY] = "deny", [LIST_KILL] = "kill", [LIST_LOG] = "log", [LIST_ALLOW] = "allow"};

/* A policy and a call, and what was found of them. */
struct question {
    const char *text; /* the call, as asked */
    struct asked_call call;
    Crib__Policy *policy;
    Crib__Origins *origins;
    struct arena *arena;
    struct buf *out;
};

static struct asked_call asked(const struct concrete_call *call)
{
    struct asked_call ret = {.call = call->call};

    for (int i = 0; i < CALLS_ARGS && !call->any; i++) {
        ret.known[i] = UINT64_MAX;
        ret.bits[i] = call->args[i];
    }
    return ret;
}

static const char *code_name(struct question *q, int code)
{
    const char *name = symbol_text("ERRNO", UINT32_MAX, (uint64_t)(code ? code : EPERM), q->arena);

    return name ? name : "an errno";
}

/* `deny ioctl(cmd == TIOCSTI) by @x (groups/x.yaml:3), default.yaml:90:7, through work.yaml:2:11`
 */
static int show_reason(struct question *q, const struct reason *reason)
{
    const Crib__Origins__Place *place = origins_entry(q->origins, reason->list, reason->index);
    const char *rule = rule_text(&reason->rule, q->arena);
    int r =
        buf_printf(q->out, "  %s %s\n    %s", words_of[reason->list], rule ? rule : "", place->at);

    if (r == 0 && reason->group[0])
        r = buf_printf(q->out, ", in %s", reason->group);
    if (r == 0 && place->through)
        r = buf_printf(q->out, ", extended by %s", place->through);
    return r < 0 ? r : buf_text(q->out, "\n");
}

static int show_reasons(struct question *q, const struct reasons *reasons)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < reasons->count; i++)
        r = show_reason(q, &reasons->list[i]);
    return r;
}

static const char *verdict_of(struct question *q, const struct reason *reason)
{
    switch (reason->list) {
    case LIST_DENY:
        return arena_printf(q->arena, "denied with %s", code_name(q, reason->rule.code));
    case LIST_KILL:
        return "kills the task";
    case LIST_LOG:
        return "allowed, and logged";
    default:
        return "allowed";
    }
}

/* What no list names: which entries there are of that call, for other arguments. */
static int show_unnamed(struct question *q)
{
    const Crib__Syscalls *s = q->policy->syscalls;
    struct asked_call any = {.call = q->call.call};
    struct reasons near;
    uint64_t code = EPERM;
    int r;

    if (strcmp(q->call.call->name, "clone3") == 0)
        code = ENOSYS;
    else if (s && s->otherwise)
        symbol_value("ERRNO", s->otherwise, &code);
    r = buf_printf(q->out, "%s: denied with %s\n  no entry names it%s\n", q->text,
                   code_name(q, (int)code),
                   code == ENOSYS && !(s && s->otherwise) ? ": clone3 does not exist then" : "");
    if (r == 0)
        r = policy_explain(q->policy, &any, q->arena, &near, NULL);
    if (r < 0 || !near.count)
        return r;
    r = buf_text(q->out, "entries for other arguments of it:\n");
    return r < 0 ? r : show_reasons(q, &near);
}

/* Return: the exit status; negative errno. */
static int show(struct question *q, const struct reasons *reasons)
{
    const struct reason *first = reasons->list;
    int r;

    if (q->policy->syscalls && q->policy->syscalls->has_filter &&
        q->policy->syscalls->filter == CRIB__SYSCALLS__FILTER__off)
        return buf_printf(q->out, "%s: allowed\n  syscalls.filter is off\n", q->text);
    if (!reasons->count) {
        r = show_unnamed(q);
        return r < 0 ? r : STATUS_INVALID;
    }
    if (first->certain) {
        const char *verdict = verdict_of(q, first);

        r = verdict ? buf_printf(q->out, "%s: %s\n", q->text, verdict) : -ENOMEM;
        if (r == 0)
            r = show_reasons(q, reasons);
        return r < 0 || first->list >= LIST_LOG ? r : STATUS_INVALID;
    }
    r = buf_printf(q->out, "%s: it depends on the arguments\n", q->text);
    if (r == 0)
        r = show_reasons(q, reasons);
    return r < 0 ? r : STATUS_INVALID;
}

int policy_explain_call(char *const *words)
{
    AUTO(arena_done) struct arena arena;
    AUTO(buf_done) struct buf out = {0};
    struct question q = {.text = words[1], .arena = &arena, .out = &out};
    struct crib_error err = {0};
    struct concrete_call call;
    struct reasons reasons;
    int r;

    arena_init(&arena, 0);
    r = policy_load(words[0], policies_dirs, &arena, &q.policy, &q.origins, &err);
    if (r == 0)
        r = call_read(words[1], &call, &err);
    if (r == 0) {
        q.call = asked(&call);
        r = policy_explain(q.policy, &q.call, &arena, &reasons, &err);
    }
    if (r < 0) {
        say_error(&err);
        return STATUS_FAILED;
    }
    r = show(&q, &reasons);
    if (r >= 0 && say_out((const char *)out.data, out.len) < 0)
        return STATUS_FAILED;
    return r < 0 ? STATUS_FAILED : r;
}
