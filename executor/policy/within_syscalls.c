/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the lists of both policies are expanded to rules. A rule is a set of calls:
 * all of one number, or those whose arguments have certain bits in one of a few ways (pieces.h).
 * With what errno a call is denied is no matter. What a rule of the policy's `allow`
 * or `log` lets through must be
 *
 *   - wholly taken away again by one stronger rule of the policy; or else
 *   - wholly let through by one rule of the widest, and
 *   - out of reach of every rule of the widest that takes away (deny, kill) or, for `allow`, that
 *     logs: two rules have nothing in common, or the policy has one rule of its own, stronger than
 *     its `allow`, for all that the widest's takes away, or for all that is in both.
 *
 * That is enough for containment, not necessary: several rules that only together do it are
 * refused.
 */
#include <stdio.h>
#include <string.h>

#include "policy/intersect_rule.h"
#include "policy/origins.h"
#include "policy/rule.h"
#include "policy/within_parts.h"

#define SAID_RULES 3 /* of the widest, told in an error */

/* By strength, as in a filter. */
enum list {
    DENY = LIST_DENY,
    KILL = LIST_KILL,
    LOG = LIST_LOG,
    ALLOW = LIST_ALLOW,
    LISTS = LISTS_OF_CALLS
};

struct rules {
    struct rule *list;
    size_t count;
};

struct comparison {
    struct within *w;
    struct rules asked[LISTS], most[LISTS];
    struct rules taken;  /* the widest denies or kills it, and the policy does not */
    struct rules logged; /* the widest logs it, and the policy has nothing as strong */
};

/* A filter holds fewer; comparing takes the square of them. */
static int count_conditions(struct within *w, const struct rules lists[LISTS])
{
    struct pieces pieces;
    size_t count = 0;

    for (int list = 0; list < LISTS; list++)
        for (size_t i = 0; i < lists[list].count && count <= WITHIN_MAX_CONDITIONS; i++) {
            const struct rule *rule = &lists[list].list[i];

            if (rule->count && pieces_of(rule->conditions, rule->count, &pieces) == 0)
                count += pieces.count + pieces.exceptions;
        }
    if (count <= WITHIN_MAX_CONDITIONS)
        return 0;
    return WIDER(w, "syscalls", -1, NULL, "more than %d conditions cannot be compared",
                 WITHIN_MAX_CONDITIONS);
}

static int expand(struct within *w, const Crib__Syscalls *syscalls, struct rules ret[LISTS])
{
    for (int list = 0; list < LISTS; list++) {
        size_t count;
        char *const *entries = syscalls_entries(syscalls, (enum syscalls_list)list, &count);
        int r = rules_expand(entries, count, w->arena, &ret[list].list, &ret[list].count, w->err);

        if (r < 0 && w->err)
            w->err->step = syscalls_path((enum syscalls_list)list);
        if (r < 0)
            return r;
    }
    return count_conditions(w, ret);
}

static bool covered(const struct rule *rule, const struct rules *by)
{
    for (size_t i = 0; i < by->count; i++)
        if (rule_implies(rule, &by->list[i]))
            return true;
    return false;
}

/* Whether one of the policy's lists that are stronger than @than has all of the rule. */
static bool stronger(const struct comparison *c, const struct rule *rule, enum list than)
{
    for (int list = 0; list < (int)than; list++)
        if (covered(rule, &c->asked[list]))
            return true;
    return false;
}

/* Adds those rules of a list of the widest that the policy has not, in lists stronger than @than.
 */
static int add_missing(struct comparison *c, enum list from, enum list than, struct rules *ret)
{
    for (size_t i = 0; i < c->most[from].count; i++) {
        struct rule *rule = &c->most[from].list[i];

        if (!stronger(c, rule, than) &&
            arena_push_value(c->w->arena, &ret->list, &ret->count, rule, sizeof(*rule)) < 0)
            return fail_sys(c->w->err, -ENOMEM, "syscalls", -1, NULL, NULL);
    }
    return 0;
}

/* Whether all that fits two rules is in a list of the policy's that is stronger than @than. */
static bool both_stronger(const struct comparison *c, const struct rule *one,
                          const struct rule *other, enum list than)
{
    for (int list = 0; list < (int)than; list++)
        for (size_t i = 0; i < c->asked[list].count; i++)
            if (rule_both_imply(one, other, &c->asked[list].list[i]))
                return true;
    return false;
}

/* Return: a rule of the widest's that @rule lets some of through; NULL. */
static const struct rule *find_touching(const struct comparison *c, const struct rules *rules,
                                        const struct rule *rule, enum list than)
{
    for (size_t i = 0; i < rules->count; i++)
        if (!rule_apart(rule, &rules->list[i]) && !both_stronger(c, rule, &rules->list[i], than))
            return &rules->list[i];
    return NULL;
}

/* Return: which entry of a list of the policy brought the rule; -1. */
static int index_of(const struct comparison *c, enum list list, const struct rule *rule)
{
    size_t count, n;
    char *const *entries =
        syscalls_entries(c->w->policy->syscalls, (enum syscalls_list)list, &count);
    int found = -1;

    for (size_t i = 0; i < count && found < 0; i++) {
        struct arena scratch;
        struct rule *rules;

        arena_init(&scratch, 0);
        if (rules_expand(&entries[i], 1, &scratch, &rules, &n, NULL) == 0)
            for (size_t j = 0; j < n && found < 0; j++)
                found = rule_compare(&rules[j], rule) == 0 ? (int)i : -1;
        arena_done(&scratch);
    }
    return found;
}

static const char *text_of(const struct comparison *c, const struct rule *rule)
{
    const char *text = rule_text(rule, c->w->arena);

    return text ? text : rule->call->name;
}

/* Adds the rules of a list that are about the same call: `, socket(domain == AF_UNIX)`. Return: how
 * many there are. */
static size_t say_rules(const struct comparison *c, const struct rules *rules,
                        const struct call *call, char *text, size_t size, size_t before)
{
    size_t found = before;

    for (size_t i = 0; i < rules->count; i++) {
        size_t used = strlen(text);

        if (rules->list[i].call != call)
            continue;
        if (found < SAID_RULES)
            snprintf(text + used, size - used, "%s%s", found ? ", " : "",
                     text_of(c, &rules->list[i]));
        else if (found == SAID_RULES)
            snprintf(text + used, size - used, ", …");
        found++;
    }
    return found;
}

static int refuse(const struct comparison *c, enum list list, const struct rule *rule,
                  const char *format, const char *said)
{
    return fail_text(c->w->err, -EACCES, syscalls_path((enum syscalls_list)list),
                     index_of(c, list, rule), text_of(c, rule), format, said);
}

static int refuse_not_let(const struct comparison *c, enum list list, const struct rule *rule)
{
    char said[200] = "";
    size_t found = say_rules(c, &c->most[ALLOW], rule->call, said, sizeof(said), 0);

    if (list == ALLOW && covered(rule, &c->most[LOG]))
        return refuse(c, list, rule, "the widest policy lets it through only logged: put %s",
                      "it into `log`");
    found = say_rules(c, &c->most[LOG], rule->call, said, sizeof(said), found);
    return refuse(c, list, rule,
                  found ? "the widest policy lets through no more than %s"
                        : "the widest policy does not let %s through at all",
                  found ? said : rule->call->name);
}

static int check_rule(const struct comparison *c, enum list list, const struct rule *rule)
{
    const struct rule *touching;

    if (stronger(c, rule, list))
        return 0;
    if (!covered(rule, &c->most[ALLOW]) && !(list == LOG && covered(rule, &c->most[LOG])))
        return refuse_not_let(c, list, rule);
    touching = find_touching(c, &c->taken, rule, LOG);
    if (touching)
        return refuse(c, list, rule, "the widest policy denies or kills %s: deny it too",
                      text_of(c, touching));
    touching = list == ALLOW ? find_touching(c, &c->logged, rule, ALLOW) : NULL;
    if (touching)
        return refuse(c, list, rule, "the widest policy logs %s: log or deny it too",
                      text_of(c, touching));
    return 0;
}

static int compare(struct comparison *c)
{
    int r = expand(c->w, c->w->widest->syscalls, c->most);

    if (r == 0)
        r = add_missing(c, DENY, LOG, &c->taken);
    if (r == 0)
        r = add_missing(c, KILL, LOG, &c->taken);
    if (r == 0)
        r = add_missing(c, LOG, ALLOW, &c->logged);
    for (int list = LOG; list < LISTS; list++)
        for (size_t i = 0; r == 0 && i < c->asked[list].count; i++)
            r = check_rule(c, (enum list)list, &c->asked[list].list[i]);
    return r;
}

static bool is_off(const Crib__Syscalls *syscalls)
{
    return syscalls && syscalls->has_filter && syscalls->filter != CRIB__SYSCALLS__FILTER__on;
}

int within_syscalls(struct within *w)
{
    struct comparison c = {.w = w};
    int r;

    if ((w->widest->syscalls && w->widest->syscalls->profile) ||
        (w->policy->syscalls && w->policy->syscalls->profile))
        return fail_text(w->err, -EPROTO, "syscalls.profile", -1, NULL, "it has not been read yet");
    if ((w->widest->syscalls && w->widest->syscalls->n_arch) ||
        (w->policy->syscalls && w->policy->syscalls->n_arch))
        return fail_text(w->err, -EPROTO, "syscalls.arch", -1, NULL, "it has not been read yet");
    if (is_off(w->widest->syscalls))
        return 0;
    if (is_off(w->policy->syscalls))
        return WIDER(w, "syscalls.filter", -1, NULL,
                     "`off` is wider than `on`, as the widest policy has it");
    r = expand(w, w->policy->syscalls, c.asked);
    return r < 0 ? r : compare(&c);
}
