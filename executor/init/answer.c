/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to refused calls, decided on register values alone, and the bounded telling of them.
 *
 * Theory of operation: a refusal is told at once the first time; the same one again is only
 * counted, and the count told when another comes, after a pause, or at the end. At most PER_SECOND
 * are told in a second, and none is waited for: the rest is a number in the end report. Source:
 * seccomp_unotify(2)
 */
#include "init/init.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

#define PER_SECOND 200
#define KILLED     (-1)

struct answers {
    struct seccomp_notif *request; /* of the running kernel's size */
    struct seccomp_notif_resp *response;
    struct seccomp_notif_sizes sizes;
    Crib__Report__Refused last; /* the one last told */
    uint64_t last_args[6];
    uint64_t again;  /* how often it came since */
    uint64_t lost;   /* never told */
    uint64_t window; /* clock_us() when the current second began */
    unsigned told;   /* in this second */
    bool killed;
};

struct answers *answers_new(struct init *init)
{
    struct answers *answers = arena_alloc(&init->arena, sizeof(*answers));

    if (!answers || syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &answers->sizes) < 0)
        return NULL;
    if (answers->sizes.seccomp_notif < sizeof(struct seccomp_notif))
        answers->sizes.seccomp_notif = sizeof(struct seccomp_notif);
    if (answers->sizes.seccomp_notif_resp < sizeof(struct seccomp_notif_resp))
        answers->sizes.seccomp_notif_resp = sizeof(struct seccomp_notif_resp);
    answers->request = arena_alloc(&init->arena, answers->sizes.seccomp_notif);
    answers->response = arena_alloc(&init->arena, answers->sizes.seccomp_notif_resp);
    crib__report__refused__init(&answers->last);
    return answers->request && answers->response ? answers : NULL;
}

uint64_t answers_lost(const struct answers *answers)
{
    return answers ? answers->lost : 0;
}

bool answers_killed(const struct answers *answers)
{
    return answers && answers->killed;
}

bool answers_waiting(const struct answers *answers)
{
    return answers && answers->again > 0;
}

static bool fits(const Crib__SyscallsPlan__Answer *answer, const struct seccomp_data *call)
{
    if (answer->number != (uint32_t)call->nr)
        return false;
    for (size_t i = 0; i < answer->n_matches; i++) {
        const Crib__SyscallsPlan__Match *match = answer->matches[i];

        if (match->arg >= 6 ||
            ((call->args[match->arg] & match->mask) == match->value) == match->differs)
            return false;
    }
    return true;
}

/* Return: the first that fits; NULL: none. */
static const Crib__SyscallsPlan__Answer *decide(const struct init *init,
                                                const struct seccomp_data *call)
{
    const Crib__SyscallsPlan *plan = init->plan->syscalls;

    for (size_t i = 0; i < plan->n_answers; i++)
        if (fits(plan->answers[i], call))
            return plan->answers[i];
    return NULL;
}

/* A plan that names no errno cannot make a refusal a success. */
static int refusal(const struct init *init, const Crib__SyscallsPlan__Answer *answer)
{
    uint32_t code = answer ? answer->code : init->plan->syscalls->otherwise;

    return code > 0 && code < 4096 ? (int)code : EPERM;
}

/* Sends what is held in last, counted; or counts it as lost. */
static void tell(struct init *init, struct answers *answers, uint64_t count)
{
    uint64_t now = clock_us();

    if (now - answers->window > 1000000) {
        answers->window = now;
        answers->told = 0;
    }
    answers->last.has_count = 1;
    answers->last.count = count;
    if (answers->told >= PER_SECOND || report_refused(init, &answers->last) < 0)
        answers->lost += count;
    else
        answers->told++;
}

void answers_flush(struct init *init, struct answers *answers)
{
    if (!answers_waiting(answers))
        return;
    tell(init, answers, answers->again);
    answers->again = 0;
}

static void note(struct init *init, struct answers *answers, int answer)
{
    const struct seccomp_notif *request = answers->request;
    Crib__Report__Refused *last = &answers->last;

    if (last->n_args && last->pid == request->pid && last->number == request->data.nr &&
        last->answer == answer &&
        memcmp(answers->last_args, request->data.args, sizeof(answers->last_args)) == 0) {
        answers->again++;
        return;
    }
    answers_flush(init, answers);
    last->has_pid = last->has_number = last->has_answer = 1;
    last->pid = request->pid;
    last->number = request->data.nr;
    last->answer = answer;
    memcpy(answers->last_args, request->data.args, sizeof(answers->last_args));
    last->args = answers->last_args;
    last->n_args = 6;
    tell(init, answers, 1);
}

/* A caller that died meanwhile makes these calls fail with ENOENT: nothing to answer, no error. */
void answer_next(struct init *init, struct answers *answers)
{
    struct seccomp_notif_resp *response = answers->response;
    const Crib__SyscallsPlan__Answer *answer;
    int code;

    memset(answers->request, 0, answers->sizes.seccomp_notif);
    if (ioctl(init->listener, SECCOMP_IOCTL_NOTIF_RECV, answers->request) < 0)
        return;
    memset(response, 0, answers->sizes.seccomp_notif_resp);
    response->id = answers->request->id;
    answer = decide(init, &answers->request->data);
    switch (answer ? answer->action : CRIB__SYSCALLS_PLAN__ANSWER__ACTION__refuse) {
    case CRIB__SYSCALLS_PLAN__ANSWER__ACTION__kill:
        note(init, answers, KILLED);
        answers->killed = true;
        kill(-1, SIGKILL);
        return;
    case CRIB__SYSCALLS_PLAN__ANSWER__ACTION__proceed:
        note(init, answers, 0);
        response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        break;
    default:
        code = refusal(init, answer);
        note(init, answers, code);
        response->error = -code;
        break;
    }
    ioctl(init->listener, SECCOMP_IOCTL_NOTIF_SEND, response);
}
