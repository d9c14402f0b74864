/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/profile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oci.pb-c.h"
#include "policy/calls.h"

#define KERNEL_MAJOR 5 /* every kernel that crib runs on is as new as this, and newer than 4.x */

#define PATH_BYTES 64

struct profile {
    const struct policy_text *text;
    struct text_marks marks; /* of the profile */
    char *const *caps;
    size_t n_caps;
    struct arena *arena;
    struct crib_error *err;
    Crib__Syscalls *out;
    struct text_marks *out_marks;
    size_t rule;                  /* the one at hand */
    size_t whole[CALLS_LAST + 1]; /* of a call the first rule without arguments, and one; 0: none */
};

/* A list of the policy that a rule is for. */
struct target {
    const char *path;
    char ***list;
    size_t *count;
    int code; /* errno of `deny` */
};

static int refuse(struct profile *p, const char *path, const char *what, const char *word)
{
    const struct text_mark *mark = text_mark_find(&p->marks, path);
    char subject[300];

    snprintf(subject, sizeof(subject), "%.250s:%u:%u", p->text->name, mark ? mark->line : 1,
             mark ? mark->column : 1);
    return fail_text(p->err, -EINVAL, NULL, -1, subject, what, word ? word : "nothing");
}

static int no_memory(struct profile *p)
{
    return fail_sys(p->err, -ENOMEM, "policy", -1, p->text->name, NULL);
}

/* The path of the rule at hand, with what is in it. */
static const char *rule_path(const struct profile *p, const char *inner, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "syscalls[%zu]%s", p->rule, inner);
    return path;
}

static bool has(char *const *list, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], word) == 0)
            return true;
    return false;
}

static bool is_here(const Crib__SeccompWhen *when)
{
    return has(when->arches, when->n_arches, "amd64") ||
           has(when->arches, when->n_arches, "x86_64");
}

static bool has_caps(const struct profile *p, const Crib__SeccompWhen *when, bool all)
{
    size_t found = 0;

    for (size_t i = 0; i < when->n_caps; i++)
        found += has(p->caps, p->n_caps, when->caps[i]);
    return all ? found == when->n_caps : found > 0;
}

/* Whether the rule at hand counts. Return: 1; 0; -EINVAL. */
static int counts(struct profile *p, const Crib__SeccompRule *rule)
{
    const Crib__SeccompWhen *with = rule->includes, *without = rule->excludes;
    char path[PATH_BYTES], *end;

    if (with && with->minkernel && strtol(with->minkernel, &end, 10) >= KERNEL_MAJOR)
        return refuse(p, rule_path(p, ".includes.minKernel", path),
                      "whether this kernel is at least %s is not asked here", with->minkernel);
    if (without && without->minkernel && without->minkernel[0])
        return refuse(p, rule_path(p, ".excludes.minKernel", path),
                      "a rule for kernels older than %s", without->minkernel);
    if (with && ((with->n_arches && !is_here(with)) || !has_caps(p, with, true)))
        return 0;
    return !(without && (is_here(without) || has_caps(p, without, false)));
}

static int code_of(struct profile *p, const char *path, bool has_number, uint32_t number,
                   const char *name, int *ret)
{
    uint64_t code = has_number ? number : EPERM;

    if (name && name[0] && symbol_value("ERRNO", name, &code) < 0)
        return refuse(p, path, "unknown errno '%s'", name);
    if (code == 0 || code > 133)
        return refuse(p, path, "an errno that there is not%s", "");
    *ret = (int)code;
    return 0;
}

/* What an action comes to. Return: 0; -EINVAL. */
static int target_of(struct profile *p, const char *action, const char *path, struct target *ret)
{
    Crib__Syscalls *s = p->out;
    const struct {
        const char *action;
        struct target target;
    } known[] = {
        {"SCMP_ACT_ALLOW", {"syscalls.allow", &s->allow, &s->n_allow, 0}},
        {"SCMP_ACT_ERRNO", {"syscalls.deny", &s->deny, &s->n_deny, 0}},
        {"SCMP_ACT_LOG", {"syscalls.log", &s->log, &s->n_log, 0}},
        {"SCMP_ACT_KILL", {"syscalls.kill", &s->kill, &s->n_kill, 0}},
        {"SCMP_ACT_KILL_THREAD", {"syscalls.kill", &s->kill, &s->n_kill, 0}},
        {"SCMP_ACT_KILL_PROCESS", {"syscalls.kill", &s->kill, &s->n_kill, 0}},
    };

    for (size_t i = 0; action && i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].action, action) == 0) {
            *ret = known[i].target;
            return 0;
        }
    return refuse(p, path, "an action that crib has not: %s", action);
}

static int push(struct profile *p, const struct target *to, char *entry, const char *from)
{
    const struct text_mark *mark = text_mark_find(&p->marks, from);
    struct text_mark copy = {.line = mark ? mark->line : 1, .column = mark ? mark->column : 1};

    copy.path = arena_printf(p->arena, "%s[%zu]", to->path, *to->count);
    if (!entry || !copy.path || arena_push(p->arena, to->list, to->count, entry) < 0 ||
        arena_push_value(p->arena, &p->out_marks->list, &p->out_marks->count, &copy, sizeof(copy)) <
            0)
        return no_memory(p);
    return 0;
}

static const char *sign_of(const char *op)
{
    static const char *const signs[][2] = {
        {"SCMP_CMP_EQ", "=="}, {"SCMP_CMP_NE", "!="}, {"SCMP_CMP_LT", "<"},
        {"SCMP_CMP_LE", "<="}, {"SCMP_CMP_GT", ">"},  {"SCMP_CMP_GE", ">="},
    };

    for (size_t i = 0; op && i < sizeof(signs) / sizeof(signs[0]); i++)
        if (strcmp(signs[i][0], op) == 0)
            return signs[i][1];
    return NULL;
}

/* `arg1/32 & 0xf == 0x3`. Return: NULL, and it has been refused. */
static char *condition_text(struct profile *p, const struct call *call, const Crib__SeccompArg *arg)
{
    unsigned bits = arg->index < call->count ? call->args[arg->index].bits : 64;
    uint64_t mask = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
    const char *sign = sign_of(arg->op);
    char path[PATH_BYTES], *text;

    if (!sign && arg->op && strcmp(arg->op, "SCMP_CMP_MASKED_EQ") != 0) {
        refuse(p, rule_path(p, ".args", path), "an operator that crib has not: %s", arg->op);
        return NULL;
    }
    if (!arg->op) {
        refuse(p, rule_path(p, ".args", path), "an operator that crib has not: %s", NULL);
        return NULL;
    }
    text = sign
               ? arena_printf(p->arena, "arg%u/%u %s %#" PRIx64, arg->index, bits, sign, arg->value)
               : arena_printf(p->arena, "arg%u/%u & %#" PRIx64 " == %#" PRIx64, arg->index, bits,
                              arg->value & mask, arg->valuetwo & mask);
    if (!text)
        no_memory(p);
    return text;
}

static bool is_repeated(const Crib__SeccompRule *rule)
{
    for (size_t i = 0; i < rule->n_args; i++)
        for (size_t j = 0; j < i; j++)
            if (rule->args[i]->index == rule->args[j]->index)
                return true;
    return false;
}

/* ` -> ENOSYS` for what `deny` is to say; "" for EPERM. */
static const char *arrow(struct profile *p, const struct target *to)
{
    const char *name;

    if (to->code == 0 || to->code == EPERM)
        return "";
    name = symbol_text("ERRNO", UINT32_MAX, (uint64_t)to->code, p->arena);
    return name ? arena_printf(p->arena, " -> %s", name) : "";
}

/* One entry; where conditions on one argument are repeated, one for each, as runc has it. */
static int add_name(struct profile *p, const struct target *to, const Crib__SeccompRule *rule,
                    const struct call *call, const char *from)
{
    bool apart = is_repeated(rule);
    char *text = NULL;
    int r = 0;

    if (p->whole[call->number] && p->whole[call->number] != p->rule + 1)
        return 0;
    if (!rule->n_args)
        return push(p, to, arena_printf(p->arena, "%s%s", call->name, arrow(p, to)), from);
    for (size_t i = 0; r == 0 && i < rule->n_args; i++) {
        char *one = condition_text(p, call, rule->args[i]);

        if (!one)
            return p->err ? p->err->code : -EINVAL;
        text = text && !apart ? arena_printf(p->arena, "%s, %s", text, one) : one;
        if (apart || i + 1 == rule->n_args)
            r = push(p, to,
                     arena_printf(p->arena, "%s(%s)%s", call->name, text ? text : "", arrow(p, to)),
                     from);
    }
    return r;
}

/* As libseccomp has it: the first rule of a call without arguments is the only one that counts. */
static int find_whole(struct profile *p, const Crib__SeccompProfile *profile)
{
    for (p->rule = 0; p->rule < profile->n_syscalls; p->rule++) {
        const Crib__SeccompRule *rule = profile->syscalls[p->rule];
        int r = counts(p, rule);

        if (r < 0)
            return r;
        for (size_t i = 0; r && !rule->n_args && i <= rule->n_names; i++) {
            const char *name = i < rule->n_names ? rule->names[i] : rule->name;
            const struct call *call = name ? call_by_name(name) : NULL;

            if (call && !p->whole[call->number])
                p->whole[call->number] = p->rule + 1;
        }
    }
    p->rule = 0;
    return 0;
}

static int add_rule(struct profile *p, const Crib__SeccompRule *rule)
{
    char path[PATH_BYTES], inner[32];
    struct target to;
    int r = counts(p, rule);

    if (r <= 0)
        return r;
    r = target_of(p, rule->action, rule_path(p, ".action", path), &to);
    if (r == 0 && to.list == &p->out->deny)
        r = code_of(p, rule_path(p, ".errnoRet", path), rule->has_errnoret, rule->errnoret,
                    rule->error, &to.code);
    for (size_t i = 0; r == 0 && i < rule->n_names; i++) {
        const struct call *call = call_by_name(rule->names[i]);

        snprintf(inner, sizeof(inner), ".names[%zu]", i);
        if (call)
            r = add_name(p, &to, rule, call, rule_path(p, inner, path));
    }
    if (r == 0 && rule->name && call_by_name(rule->name))
        r = add_name(p, &to, rule, call_by_name(rule->name), rule_path(p, ".name", path));
    return r;
}

static int add_default(struct profile *p, const Crib__SeccompProfile *profile)
{
    struct target to;
    int r = target_of(p, profile->defaultaction, "defaultAction", &to);

    if (r < 0)
        return r;
    if (to.list == &p->out->kill)
        return refuse(p, "defaultAction", "%s as the default, which crib has not",
                      profile->defaultaction);
    if (to.list == &p->out->deny) {
        r = code_of(p, "defaultErrnoRet", profile->has_defaulterrnoret, profile->defaulterrnoret,
                    profile->defaulterrno, &to.code);
        if (r == 0)
            p->out->otherwise =
                (char *)symbol_text("ERRNO", UINT32_MAX, (uint64_t)to.code, p->arena);
        return r == 0 && !p->out->otherwise ? no_memory(p) : r;
    }
    for (const struct call *call = call_next(NULL); r == 0 && call; call = call_next(call))
        r = push(p, &to, (char *)call->name, "defaultAction");
    return r;
}

static int check_arch(struct profile *p, const Crib__SeccompProfile *profile)
{
    bool found = has(profile->architectures, profile->n_architectures, "SCMP_ARCH_X86_64");

    for (size_t i = 0; i < profile->n_archmap; i++)
        found = found || (profile->archmap[i]->architecture &&
                          strcmp(profile->archmap[i]->architecture, "SCMP_ARCH_X86_64") == 0);
    if (found || (!profile->n_archmap && !profile->n_architectures))
        return 0;
    return refuse(p, "architectures", "it is for other architectures than %s", "x86-64");
}

/* No C field can be called errno: the key becomes one of the same length. */
static char *renamed(struct profile *p)
{
    static const char key[] = "\"errno\"";
    char *copy = arena_copy(p->arena, p->text->data, p->text->len);

    for (char *at = copy; at && (at = strstr(at, key)); at += strlen(key))
        if (at[strlen(key) + strspn(at + strlen(key), " \t\r\n")] == ':')
            memcpy(at, "\"error\"", strlen(key));
    return copy;
}

int profile_read(const struct policy_text *text, char *const *caps, size_t n_caps,
                 struct arena *arena, Crib__Policy **ret, struct text_marks *ret_marks,
                 struct crib_error *err)
{
    struct profile p = {.text = text, .caps = caps, .n_caps = n_caps, .arena = arena, .err = err};
    Crib__Policy *policy = ARENA_NEW(arena, crib__policy, Crib__Policy);
    const Crib__SeccompProfile *profile;
    ProtobufCMessage *msg;
    const char *data = renamed(&p);
    int r;

    *ret_marks = (struct text_marks){0};
    p.out_marks = ret_marks;
    if (policy)
        policy->syscalls = p.out = ARENA_NEW(arena, crib__syscalls, Crib__Syscalls);
    if (!data || !policy || !policy->syscalls)
        return no_memory(&p);
    r = text_read(&crib__seccomp_profile__descriptor, text->name, data, text->len, arena, &p.marks,
                  &msg, err);
    if (r < 0)
        return r;
    profile = (const Crib__SeccompProfile *)msg;
    r = check_arch(&p, profile);
    if (r == 0)
        r = find_whole(&p, profile);
    if (r == 0)
        r = add_default(&p, profile);
    for (; r == 0 && p.rule < profile->n_syscalls; p.rule++)
        r = add_rule(&p, profile->syscalls[p.rule]);
    *ret = policy;
    return r;
}
