/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/filtered.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "plan/plan.h"
#include "task.pb-c.h"

int filtered_open(struct filtered *filtered, const Crib__Policy *policy, struct arena *arena,
                  struct crib_error *err)
{
    Crib__Host host = CRIB__HOST__INIT; /* has no listener: the program answers by itself */
    Crib__Task task = CRIB__TASK__INIT;
    Crib__Plan plan = CRIB__PLAN__INIT;
    struct planning p = {
        .task = &task, .policy = policy, .host = &host, .arena = arena, .plan = &plan, .err = err};
    int r = plan_syscalls(&p);

    memset(filtered, 0, sizeof(*filtered));
    if (r == 0 && plan.syscalls)
        r = plan_compile(&plan, arena, err);
    if (r < 0 || !plan.syscalls)
        return r;
    filtered->on = true;
    filtered->program.code = (struct sock_filter *)plan.syscalls->program.data;
    filtered->program.len = plan.syscalls->program.len / sizeof(struct sock_filter);
    return 0;
}

/* Return: 1 it reaches the kernel; 0; -EPROTO. */
static int reaches(const struct filtered *filtered, const struct concrete_call *call,
                   const uint64_t args[CALLS_ARGS])
{
    struct seccomp_data data = {.nr = call->call->number, .arch = AUDIT_ARCH_X86_64};
    uint32_t answer;

    if (!filtered->on)
        return 1;
    memcpy(data.args, args, sizeof(data.args));
    if (filter_run(&filtered->program, &data, &answer) < 0)
        return -EPROTO;
    answer &= SECCOMP_RET_ACTION_FULL;
    return answer == SECCOMP_RET_ALLOW || answer == SECCOMP_RET_LOG;
}

static int ask_one(const struct filtered *filtered, const struct concrete_call *call, bool wanted,
                   const uint64_t args[CALLS_ARGS], uint64_t ret[CALLS_ARGS])
{
    int r = reaches(filtered, call, args);

    if (r < 0 || (r == 1) == wanted)
        return r < 0 ? r : 0;
    memcpy(ret, args, CALLS_ARGS * sizeof(ret[0]));
    return 1;
}

/* The value, and its neighbours, in the half where the program compares it; the rest is @others. */
static int ask_near(const struct filtered *filtered, const struct concrete_call *call, bool wanted,
                    const struct filter_constant *constant, uint64_t others,
                    uint64_t ret[CALLS_ARGS])
{
    int r = 0;

    for (uint32_t step = 0; r == 0 && step < 3; step++) {
        uint64_t args[CALLS_ARGS], value = constant->k + step - 1;

        for (unsigned i = 0; i < CALLS_ARGS; i++)
            args[i] = others;
        args[constant->arg] = constant->high ? (value & UINT32_MAX) << 32 : (value & UINT32_MAX);
        r = ask_one(filtered, call, wanted, args, ret);
    }
    return r;
}

static int ask_any(const struct filtered *filtered, const struct concrete_call *call, bool wanted,
                   uint64_t ret[CALLS_ARGS])
{
    AUTO_FREE struct filter_constant *constants = NULL;
    uint64_t args[CALLS_ARGS] = {0};
    size_t count = 0;
    int r = ask_one(filtered, call, wanted, args, ret);

    memset(args, 0xff, sizeof(args));
    if (r == 0)
        r = ask_one(filtered, call, wanted, args, ret);
    if (r || !filtered->on)
        return r;
    constants = calloc(filtered->program.len, sizeof(*constants));
    if (!constants)
        return -ENOMEM;
    if (!filter_stays_inside(&filtered->program))
        return -EPROTO;
    count = filter_constants(&filtered->program, AUDIT_ARCH_X86_64, (uint32_t)call->call->number,
                             constants);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = ask_near(filtered, call, wanted, &constants[i], 0, ret);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = ask_near(filtered, call, wanted, &constants[i], UINT64_MAX, ret);
    return r;
}

int filtered_ask(const struct filtered *filtered, const struct concrete_call *call, bool wanted,
                 uint64_t ret[CALLS_ARGS])
{
    if (call->any)
        return ask_any(filtered, call, wanted, ret);
    return ask_one(filtered, call, wanted, call->args, ret);
}

const char *filtered_text(const struct concrete_call *call, const uint64_t args[CALLS_ARGS],
                          struct arena *arena)
{
    Crib__Report__Refused refused = CRIB__REPORT__REFUSED__INIT;
    Crib__Denial *denial;

    refused.number = call->call->number;
    refused.n_args = CALLS_ARGS;
    refused.args = (uint64_t *)args;
    return plan_denial(NULL, &refused, arena, &denial) < 0 ? NULL : denial->text;
}
