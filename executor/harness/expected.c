/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/expected.h"

#include <errno.h>
#include <string.h>

#include "api/policy.h"
#include "base/auto.h"
#include "harness/suite.h"
#include "policy/explain.h"
#include "policy/find.h"

/* A line that is not met. */
struct miss {
    const struct item *item;
    size_t index;              /* in its list */
    uint64_t args[CALLS_ARGS]; /* for which it is otherwise */
    struct arena *arena;
    struct buf *why;
};

/* The entry that decides; NULL: none does. */
static int find_reason(const struct miss *miss, const struct reason **ret)
{
    const struct crib_policy *policy = miss->item->policy;
    struct asked_call asked = {.call = miss->item->call.call};
    struct reasons reasons;
    int r;

    memset(asked.known, 0xff, sizeof(asked.known));
    memcpy(asked.bits, miss->args, sizeof(asked.bits));
    r = policy_explain(policy->policy, &asked, miss->arena, &reasons, NULL);
    *ret = r == 0 && reasons.count ? &reasons.list[0] : NULL;
    return r;
}

/* `by deny socket(domain == AF_INET), work.yaml:7:5, in @x (groups/x.yaml:3)` */
static int say_reason(const struct miss *miss, const struct reason *reason)
{
    static const char *const lists[] = {"deny", "kill", "log", "allow"};
    const struct crib_policy *policy = miss->item->policy;
    const char *rule = rule_text(&reason->rule, miss->arena);
    const char *place =
        origins_text(origins_entry(policy->origins, reason->list, reason->index), miss->arena);

    if (!rule || !place)
        return -ENOMEM;
    return buf_printf(miss->why, " by %s %s%s%s%s%s", lists[reason->list], rule,
                      place[0] ? ", " : "", place, reason->group[0] ? ", in " : "", reason->group);
}

static int say_cause(const struct miss *miss)
{
    const struct reason *reason;
    int r;

    if (!miss->item->suite->filtered.on)
        return buf_text(miss->why, ": syscalls.filter is off");
    r = find_reason(miss, &reason);
    if (r < 0)
        return r;
    return reason ? say_reason(miss, reason) : buf_text(miss->why, ": no entry names it");
}

static int say_miss(const struct miss *miss)
{
    const struct item *item = miss->item;
    const char *list = item->allow ? "allow" : "deny";
    const char *call = item->call.any ? filtered_text(&item->call, miss->args, miss->arena)
                                      : item->name + strlen(list) + 1; /* as it was written */
    int r = call ? buf_printf(miss->why, "%s:%u:%u: expect.%s[%zu]: %s is %s", item->suite->path,
                              item->line, item->column, list, miss->index, call,
                              item->allow ? "denied" : "allowed")
                 : -ENOMEM;

    if (r == 0)
        r = say_cause(miss);
    return r < 0 ? r : buf_text(miss->why, "\n");
}

/* Return: 0; 1 a line is not met; negative errno. */
static int check_items(const struct suites *suites, struct arena *arena, struct buf *why)
{
    size_t count[2] = {0};
    int missed = 0, r = 0;

    for (size_t i = 0; r >= 0 && i < suites->item_count; i++) {
        struct miss miss = {.item = &suites->items[i], .arena = arena, .why = why};

        miss.index = count[miss.item->allow]++;
        r = filtered_ask(&miss.item->suite->filtered, &miss.item->call, miss.item->allow,
                         miss.args);
        if (r == 1) {
            missed = 1;
            r = say_miss(&miss);
        }
    }
    return r < 0 ? r : missed;
}

int expected_check(const char *name, const char *const *dirs, struct buf *why,
                   struct crib_error *err)
{
    AUTO(arena_done) struct arena arena;
    AUTO(suites_done) struct suites suites = {0};
    struct policy_text text;
    int r;

    arena_init(&arena, 0);
    r = policy_find(name, NULL, dirs, &arena, &text, err);
    if (r == 0)
        r = suites_add_policy(&suites, text.name, text.data, text.len, err);
    if (r < 0)
        return r;
    r = check_items(&suites, &arena, why);
    return r < 0 ? fail_sys(err, r, NULL, -1, name, "expect") : r;
}
