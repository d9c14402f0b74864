/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/proof.h"

#include "base/clock.h"
#include "plan/plan.h"

/* FNV-1a, 64 bits: to see whether rules are the same, not to be safe from forgers. */
static void hash_text(uint64_t *hash, const char *text)
{
    do {
        *hash = (*hash ^ (uint8_t)*text) * 0x100000001b3u;
    } while (*text++);
}

static void hash_list(uint64_t *hash, const char *name, char *const *texts, size_t count)
{
    hash_text(hash, name);
    for (size_t i = 0; i < count; i++)
        hash_text(hash, texts[i]);
}

static uint64_t digest_of(const Crib__SyscallsPlan *plan)
{
    uint64_t hash = 0xcbf29ce484222325u ^ plan->otherwise;

    hash_list(&hash, "deny", plan->deny, plan->n_deny);
    hash_list(&hash, "kill", plan->kill, plan->n_kill);
    hash_list(&hash, "log", plan->log, plan->n_log);
    hash_list(&hash, "allow", plan->allow, plan->n_allow);
    return hash;
}

static int check(const struct filter_code *program, size_t sections,
                 const struct filter_rules *rules, bool listener, struct proof_program *ret,
                 struct crib_error *err)
{
    uint64_t start = clock_us();
    int r = filter_prove(program, rules, listener, &ret->checked, err);

    ret->instructions = program->len;
    ret->sections = sections;
    ret->time_us = clock_us() - start;
    return r;
}

static int prove(const Crib__SyscallsPlan *plan, struct arena *arena, struct proof_told *ret,
                 struct crib_error *err)
{
    struct filter_programs programs;
    struct filter_rules rules;
    uint64_t start = clock_us();
    int r = filter_read(plan, arena, &rules, err);

    if (r == 0)
        r = filter_make(&rules, arena, &programs, err);
    if (r < 0)
        return r;
    ret->compile_us = clock_us() - start;
    ret->digest = digest_of(plan);
    for (int name = 0; name < FILTER_LISTS; name++) {
        ret->rules[name] = rules.list[name].count;
        for (size_t i = 0; i < rules.list[name].count; i++)
            ret->conditional += rules.list[name].rules[i].count > 0;
    }
    r = check(&programs.listening, programs.listening_sections, &rules, true, &ret->listening, err);
    return r < 0 ? r
                 : check(&programs.fallback, programs.fallback_sections, &rules, false,
                         &ret->fallback, err);
}

int plan_prove(const Crib__Policy *policy, struct arena *arena, struct proof_told *ret,
               struct crib_error *err)
{
    Crib__Host host = CRIB__HOST__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    Crib__Plan plan = CRIB__PLAN__INIT;
    struct planning p = {
        .task = &task, .policy = policy, .host = &host, .arena = arena, .plan = &plan, .err = err};
    int r = plan_syscalls(&p);

    *ret = (struct proof_told){.filtered = plan.syscalls != NULL};
    return r < 0 || !plan.syscalls ? r : prove(plan.syscalls, arena, ret, err);
}
