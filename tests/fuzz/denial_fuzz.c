/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports of refused calls as a sandbox that was taken over might send them: the first byte says
 * what the plan has, the rest is a packed Report. Whatever it says, it is put into words or is not.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "plan/plan.h"
#include "text/utf8.h"

#define ROOM (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ProtobufCBinaryData bytes(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
}

static void add_mount(struct arena *arena, Crib__Plan *plan, Crib__MountPlan__Type type,
                      const char *source, const char *target, bool write)
{
    Crib__MountPlan *mount = ARENA_NEW(arena, crib__mount_plan, Crib__MountPlan);

    mount->has_type = mount->has_target = mount->has_write = true;
    mount->has_source = source != NULL;
    mount->source = bytes(source ? source : "");
    mount->type = type;
    mount->target = bytes(target);
    mount->write = write;
    mount->rule = write ? NULL : (char *)"p.yaml:3:5";
    arena_push(arena, &plan->mounts, &plan->n_mounts, mount);
}

static void add_answer(struct arena *arena, Crib__SyscallsPlan *plan,
                       Crib__SyscallsPlan__Answer__Action action)
{
    Crib__SyscallsPlan__Answer *answer =
        ARENA_NEW(arena, crib__syscalls_plan__answer, Crib__SyscallsPlan__Answer);

    answer->action = action;
    answer->rule = (char *)"p.yaml:7:5";
    arena_push(arena, &plan->answers, &plan->n_answers, answer);
}

static Crib__SyscallsPlan *make_syscalls(struct arena *arena, unsigned with)
{
    Crib__SyscallsPlan *plan = ARENA_NEW(arena, crib__syscalls_plan, Crib__SyscallsPlan);

    for (int action = CRIB__SYSCALLS_PLAN__ANSWER__ACTION__refuse;
         action <= CRIB__SYSCALLS_PLAN__ANSWER__ACTION__trace; action++)
        add_answer(arena, plan, (Crib__SyscallsPlan__Answer__Action)action);
    arena_push(arena, &plan->allow, &plan->n_allow, (char *)"socket(domain == AF_INET)");
    arena_push(arena, &plan->allow, &plan->n_allow, (char *)"ioctl(request == 0x5401)");
    plan->policy = with & 1 ? (char *)"./p.yaml" : (char *)"default";
    return plan;
}

static Crib__Plan *make_plan(struct arena *arena, unsigned with)
{
    Crib__Plan *plan = ARENA_NEW(arena, crib__plan, Crib__Plan);

    plan->ids = ARENA_NEW(arena, crib__ids_plan, Crib__IdsPlan);
    plan->ids->uid = plan->ids->gid = with & 1 ? 1000 : 65534;
    plan->ids->clear_groups = with & 2;
    plan->namespaces = ARENA_NEW(arena, crib__namespaces_plan, Crib__NamespacesPlan);
    plan->namespaces->mount = with & 4;
    if (with & 8)
        plan->caps = ARENA_NEW(arena, crib__caps_plan, Crib__CapsPlan);
    if (with & 16)
        plan->landlock = ARENA_NEW(arena, crib__landlock_plan, Crib__LandlockPlan);
    if (with & 16)
        plan->landlock->abi = 3;
    if (with & 32)
        plan->syscalls = make_syscalls(arena, with);
    if (!(with & 4))
        return plan;
    add_mount(arena, plan, CRIB__MOUNT_PLAN__TYPE__bind, "/usr", "/usr", false);
    add_mount(arena, plan, CRIB__MOUNT_PLAN__TYPE__bind, "/srv/\x1b\xff", "/out", true);
    add_mount(arena, plan, CRIB__MOUNT_PLAN__TYPE__tmpfs, NULL, "/tmp", true);
    add_mount(arena, plan, CRIB__MOUNT_PLAN__TYPE__proc, NULL, "/proc", false);
    return plan;
}

/* Sentences are shown as they are. */
static void check_text(const char *text)
{
    uint32_t c;

    assert(text);
    for (size_t i = 0, n, len = strlen(text); i < len; i += n) {
        n = utf8_next((const uint8_t *)text + i, len - i, &c);
        assert(n && c >= 0x20 && !utf8_needs_escape(c));
    }
}

static void check(const Crib__Denial *denial, struct arena *arena)
{
    assert(denial->call && denial->answer);
    check_text(denial->text);
    check_text(denial->rule);
    check_text(denial->edit);
    assert(denial->n_args <= 6);
    if (plan_why_hidden(denial))
        (void)plan_why_place(denial, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const Crib__Report__Refused *refused;
    Crib__Denial *denial = NULL;
    Crib__Report *report;
    struct arena arena;
    Crib__Plan *plan;

    if (size < 1)
        return 0;
    arena_init(&arena, ROOM);
    plan = make_plan(&arena, data[0]);
    report = crib__report__unpack(&arena.pb, size - 1, data + 1);
    refused = report ? report->refused : NULL;
    if (refused && plan_denial(plan, refused, &arena, &denial) == 0)
        check(denial, &arena);
    if (refused && plan_why(plan, refused, &arena, &denial) == 0 && denial)
        check(denial, &arena);
    arena_done(&arena);
    return 0;
}
