/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "policy/capnames.h"
#include "policy/rule.h"
#include "policy/vars.h"
#include "text/field.h"
#include "text/utf8.h"

#define PATH_BYTES 128 /* hold the path of any field of a policy */

int policy_refuse(const struct policy_check *check, const char *path, int code, const char *format,
                  ...)
{
    const struct text_mark *mark = check->marks ? text_mark_find(check->marks, path) : NULL;
    char subject[sizeof(check->err->subject)], detail[sizeof(check->err->detail)];
    va_list args;

    if (mark)
        snprintf(subject, sizeof(subject), "%.280s:%u:%u", check->name, mark->line, mark->column);
    else
        snprintf(subject, sizeof(subject), "%.180s%s%s", check->name, path[0] ? ": " : "", path);
    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    return fail_text(check->err, code, NULL, -1, subject, "%s", utf8_tame(detail));
}

/* Refuses `list[index]`. */
static int refuse_entry(const struct policy_check *check, const char *list, size_t index, int code,
                        const char *detail)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "%s[%zu]", list, index);
    return policy_refuse(check, path, code, "%s", detail);
}

/* Holds the lists of a message to POLICY_MAX_ENTRIES, at any depth. */
static int check_lengths(const struct policy_check *check, const ProtobufCMessage *msg,
                         const char *path)
{
    for (unsigned i = 0; i < msg->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &msg->descriptor->fields[i];
        size_t count = field_count(msg, field);
        char inner[PATH_BYTES];
        int r = 0;

        snprintf(inner, sizeof(inner), "%s%s%s", path, path[0] ? "." : "", field->name);
        if (count > POLICY_MAX_ENTRIES)
            return policy_refuse(check, inner, -E2BIG, "a list of %zu entries, at most %d may be",
                                 count, POLICY_MAX_ENTRIES);
        if (count && field_kind(field) == FIELD_MESSAGE &&
            field->label != PROTOBUF_C_LABEL_REPEATED)
            r = check_lengths(check, *(ProtobufCMessage *const *)field_item(msg, field, 0), inner);
        if (r < 0)
            return r;
    }
    return 0;
}

/* What is carried out, or ends the task, fails with nothing. */
static int check_codes(const struct policy_check *check, const char *list, char *const *entries,
                       size_t count)
{
    size_t len;
    int code;

    for (size_t i = 0; i < count; i++)
        if (rule_errno(entries[i], &len, &code, NULL) < 0 || code)
            return refuse_entry(check, list, i, -EINVAL, "only `deny` names an errno");
    return 0;
}

static int check_rules(const struct policy_check *check, const char *list, char *const *entries,
                       size_t count)
{
    struct crib_error found = {.index = -1};
    struct arena scratch;
    struct rule *rules;
    size_t n;
    int r;

    arena_init(&scratch, 0);
    r = rules_expand(entries, count, &scratch, &rules, &n, &found);
    arena_done(&scratch);
    if (r < 0 && found.index >= 0)
        return refuse_entry(check, list, (size_t)found.index, r, found.detail);
    return r < 0 ? policy_refuse(check, list, r, "%s", found.detail) : 0;
}

/* The answer to what no list names. */
static int check_otherwise(const struct policy_check *check, const Crib__Syscalls *s)
{
    char detail[160], shown[UTF8_SHOWN], hint[CALLS_DID_YOU];
    uint64_t code;

    if (!s->otherwise || symbol_value("ERRNO", s->otherwise, &code) == 0)
        return 0;
    snprintf(detail, sizeof(detail), "unknown errno '%s'%s",
             utf8_shown(shown, s->otherwise, strlen(s->otherwise)),
             symbol_did_you_mean("ERRNO", s->otherwise, hint));
    return policy_refuse(check, "syscalls.otherwise", -EINVAL, "%s", detail);
}

static int check_syscalls(const struct policy_check *check)
{
    const Crib__Syscalls *s = check->policy->syscalls;
    int r;

    if (!s)
        return 0;
    r = check_rules(check, "syscalls.allow", s->allow, s->n_allow);
    if (r == 0)
        r = check_rules(check, "syscalls.deny", s->deny, s->n_deny);
    if (r == 0)
        r = check_rules(check, "syscalls.kill", s->kill, s->n_kill);
    if (r == 0)
        r = check_rules(check, "syscalls.log", s->log, s->n_log);
    if (r == 0)
        r = check_codes(check, "syscalls.allow", s->allow, s->n_allow);
    if (r == 0)
        r = check_codes(check, "syscalls.kill", s->kill, s->n_kill);
    if (r == 0)
        r = check_codes(check, "syscalls.log", s->log, s->n_log);
    return r < 0 ? r : check_otherwise(check, s);
}

static int refuse_word(const struct policy_check *check, const char *list, size_t index,
                       const char *what, const char *word, const char *const *known)
{
    char detail[256], shown[UTF8_SHOWN], hint[96];

    snprintf(detail, sizeof(detail), "unknown %s '%s'%s", what,
             utf8_shown(shown, word, strlen(word)),
             text_did_you_mean(hint, sizeof(hint), word, known));
    return refuse_entry(check, list, index, -EINVAL, detail);
}

static int check_caps(const struct policy_check *check)
{
    const Crib__Caps *caps = check->policy->caps;

    for (size_t i = 0; caps && i < caps->n_keep; i++)
        if (capname_number(caps->keep[i]) < 0)
            return refuse_word(check, "caps.keep", i, "capability", caps->keep[i], capnames());
    return 0;
}

static int check_ports(const struct policy_check *check, const char *list, const uint32_t *ports,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ports[i] > UINT16_MAX)
            return refuse_entry(check, list, i, -EINVAL, "a port is at most 65535");
    return 0;
}

static int check_net(const struct policy_check *check)
{
    const Crib__Net *net = check->policy->net;
    int r;

    if (!net)
        return 0;
    r = check_ports(check, "net.connect_ports", net->connect_ports, net->n_connect_ports);
    return r < 0 ? r : check_ports(check, "net.bind_ports", net->bind_ports, net->n_bind_ports);
}

static int check_env(const struct policy_check *check)
{
    const Crib__Env *env = check->policy->env;

    for (size_t i = 0; env && i < env->n_pass; i++) {
        const char *star = strchr(env->pass[i], '*');

        if (!env->pass[i][0] || strchr(env->pass[i], '='))
            return refuse_entry(check, "env.pass", i, -EINVAL, "this is no name of a variable");
        if (star && star[1])
            return refuse_entry(check, "env.pass", i, -EINVAL, "a * may only stand at the end");
    }
    for (size_t i = 0; env && i < env->n_set; i++) {
        const ProtobufCBinaryData *set = &env->set[i];

        if (!set->len || set->data[0] == '=' || !memchr(set->data, '=', set->len))
            return refuse_entry(check, "env.set", i, -EINVAL, "it must read NAME=VALUE");
        if (memchr(set->data, '\0', set->len))
            return refuse_entry(check, "env.set", i, -EINVAL, "a NUL byte inside");
    }
    return 0;
}

int policy_check(const struct policy_check *check)
{
    static int (*const checks[])(const struct policy_check *) = {
        policy_check_vars, policy_check_mounts, check_net, policy_check_limits,
        check_caps,        check_syscalls,      check_env, policy_check_listen,
    };
    int r = check_lengths(check, &check->policy->base, "");

    for (size_t i = 0; r == 0 && i < sizeof(checks) / sizeof(checks[0]); i++)
        r = checks[i](check);
    return r;
}
