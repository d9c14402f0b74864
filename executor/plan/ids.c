/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the task is. A privileged caller's task gets an id that is nobody's; an ordinary caller has
 * but its own, and what newuidmap gives it besides. Never host root.
 */
#include "plan/plan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "plan/bytes.h"

#define NO_ID 4294967295 /* what the kernel reads as "unchanged" */

static const char *const groups_remedy = "an ordinary caller cannot drop them without newgidmap "
                                         "and a range in /etc/subgid: give it one, "
                                         "run crib as root, or say `groups: preferred`";

/* One of uid and gid: the caller's wish, or what its kind of caller gets. */
static int choose(struct planning *p, const char *name, bool has, int64_t asked, uint32_t own,
                  uint32_t *ret)
{
    if (!has) {
        *ret = p->host->privileged ? PLAN_TASK_ID : own;
        return 0;
    }
    if (asked == 0)
        return fail_text(p->err, -EINVAL, "ids", -1, name,
                         "0 is refused: no task runs as root, inside or outside");
    if (asked < 0 || asked >= NO_ID)
        return fail_text(p->err, -EINVAL, "ids", -1, name, "%lld is no id, those are 1 to %lld",
                         (long long)asked, NO_ID - 1LL);
    if (!p->host->privileged && asked != own)
        return fail_text(p->err, -EPERM, "ids", -1, name,
                         "an ordinary caller's task has the caller's own, %u, and cannot have "
                         "%lld: leave it unset, or run crib as root",
                         own, (long long)asked);
    *ret = (uint32_t)asked;
    return 0;
}

/* Init needs an id that the task has not, or the task could reach it. */
static uint32_t init_id(uint32_t task)
{
    return task == PLAN_INIT_ID ? PLAN_INIT_ID - 1 : PLAN_INIT_ID;
}

static const char *need_name(Crib__Need need)
{
    if (need == CRIB__NEED__required)
        return "required";
    return need == CRIB__NEED__off ? "off" : "preferred";
}

/*
 * The task has an id that was taken for it. An ordinary caller's init goes on as the caller, and so
 * can open what it binds; of a privileged one init has its own id in any case.
 */
static void take_own(struct planning *p, Crib__IdsPlan *plan)
{
    plan->uid = p->host->own->uid;
    plan->gid = p->host->own->gid;
    plan->has_by_helper = plan->by_helper = !p->host->privileged;
}

/* Why the task cannot have one, with the remedy; NULL: it has. */
static const char *own_why(const struct planning *p)
{
    const Crib__HostOwn *own = p->host->own;

    if (!own || !own->has_uid || !own->has_gid)
        return own && own->why ? own->why : "this host gives tasks no ids of their own";
    return p->task->has_uid || p->task->has_gid ? "a uid or gid was asked for: leave both unset"
                                                : NULL;
}

static int plan_own(struct planning *p, Crib__IdsPlan *plan)
{
    const Crib__Ids *ids = p->policy->ids;
    Crib__Need need = ids && ids->has_own ? ids->own : CRIB__NEED__off;
    const char *why, *applied;

    if (need == CRIB__NEED__off)
        return 0;
    why = own_why(p);
    if (why && need == CRIB__NEED__required)
        return fail_text(p->err, -EOPNOTSUPP, "ids.own", -1, NULL, "%s", why);
    if (!why)
        take_own(p, plan);
    applied = why ? arena_printf(p->arena, "not available: %s", why)
                  : arena_printf(p->arena, "uid %u, gid %u", plan->uid, plan->gid);
    return applied ? plan_receipt(p, "ids.own", need_name(need), applied)
                   : plan_no_memory(p, "ids.own");
}

/* A gid of the caller's range: for newgidmap the proof that groups may be cleared. */
static bool spare_gid(const struct planning *p, uint32_t *ret)
{
    for (size_t i = 0; i < p->host->n_sub_ids; i++) {
        if (!p->host->sub_ids[i]->groups)
            continue;
        *ret = p->host->sub_ids[i]->first;
        return true;
    }
    return false;
}

/* Whether the caller's own task may clear its groups by newgidmap. */
static bool clear_by_helper(struct planning *p, Crib__IdsPlan *plan, Crib__Need need)
{
    if (plan->by_helper || p->host->privileged)
        return true;
    if (need != CRIB__NEED__required || !p->host->groups || !spare_gid(p, &plan->spare_gid))
        return false;
    plan->has_spare_gid = plan->has_by_helper = plan->by_helper = true;
    return true;
}

/* A task that is somebody else never has its caller's groups: always cleared. */
static int plan_groups(struct planning *p, Crib__IdsPlan *plan)
{
    const Crib__Ids *ids = p->policy->ids;
    Crib__Need need = ids && ids->has_groups ? ids->groups : CRIB__NEED__preferred;
    char applied[64];

    plan->has_clear_groups = plan->has_deny_setgroups = true;
    plan->clear_groups = clear_by_helper(p, plan, need);
    plan->deny_setgroups = !plan->clear_groups;
    if (p->host->groups == 0)
        snprintf(applied, sizeof(applied), "none to clear");
    else if (plan->clear_groups)
        snprintf(applied, sizeof(applied), "cleared");
    else if (need == CRIB__NEED__required)
        return fail_text(p->err, -EOPNOTSUPP, "ids.groups", -1, NULL,
                         "%u supplementary groups would be kept: %s%s%s", p->host->groups,
                         groups_remedy, p->host->sub_ids_why ? "; " : "",
                         p->host->sub_ids_why ? p->host->sub_ids_why : "");
    else
        snprintf(applied, sizeof(applied), "kept %u", p->host->groups);
    return plan_receipt(p, "ids.groups", need_name(need), applied);
}

static int receipt(struct planning *p, const Crib__IdsPlan *plan)
{
    const Crib__Task *task = p->task;
    char asked[64] = "unset", applied[64];

    if (task->has_uid && task->has_gid)
        snprintf(asked, sizeof(asked), "uid %lld, gid %lld", (long long)task->uid,
                 (long long)task->gid);
    else if (task->has_uid)
        snprintf(asked, sizeof(asked), "uid %lld", (long long)task->uid);
    else if (task->has_gid)
        snprintf(asked, sizeof(asked), "gid %lld", (long long)task->gid);
    snprintf(applied, sizeof(applied), "uid %u, gid %u", plan->uid, plan->gid);
    return plan_receipt(p, "ids", asked, applied);
}

int plan_ids(struct planning *p)
{
    Crib__IdsPlan *plan = ARENA_NEW(p->arena, crib__ids_plan, Crib__IdsPlan);
    const Crib__Host *host = p->host;
    int r;

    if (!plan)
        return plan_no_memory(p, "ids");
    if (host->uid == 0 && !host->privileged)
        return fail_text(p->err, -EPERM, "ids", -1, NULL,
                         "the caller is root without the means to give a task another id, and no "
                         "task runs as root: it needs CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID and "
                         "a mapped %u, or run crib as an ordinary user",
                         PLAN_TASK_ID);
    r = choose(p, "uid", p->task->has_uid, p->task->uid, host->uid, &plan->uid);
    if (r == 0)
        r = choose(p, "gid", p->task->has_gid, p->task->gid, host->gid, &plan->gid);
    if (r < 0)
        return r;
    r = plan_own(p, plan);
    if (r < 0)
        return r;
    plan->has_uid = plan->has_gid = plan->has_init_uid = plan->has_init_gid = true;
    plan->init_uid = host->privileged ? init_id(plan->uid) : host->uid;
    plan->init_gid = host->privileged ? init_id(plan->gid) : host->gid;
    p->plan->ids = plan;
    r = receipt(p, plan);
    return r < 0 ? r : plan_groups(p, plan);
}
