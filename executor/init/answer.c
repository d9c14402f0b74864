/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a call is taken from the listener, the answer found by register values
 * alone, noted for the telling (told.h), and sent. Before it is sent the caller waits, so its
 * memory can be read: which is done for the few that are told, and for traced calls. A flood costs
 * a call RECV, a look into two tables, and SEND. Source: seccomp_unotify(2)
 */
#include "init/answers.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

#define KILLED (-1)
#define CALLS  512 /* numbers are looked up modulo this; a power of two */
#define END    UINT32_MAX

/* Lists the answers by call, in the order of the plan. */
static bool make_index(struct answers *answers)
{
    const Crib__SyscallsPlan *plan = answers->init->plan->syscalls;

    answers->first = malloc(CALLS * sizeof(*answers->first));
    answers->next = malloc((plan->n_answers + 1) * sizeof(*answers->next));
    if (!answers->first || !answers->next)
        return false;
    memset(answers->first, 0xff, CALLS * sizeof(*answers->first));
    for (size_t i = plan->n_answers; i-- > 0;) {
        uint32_t *first = &answers->first[plan->answers[i]->number % CALLS];

        answers->next[i] = *first;
        *first = (uint32_t)i;
    }
    return true;
}

static bool make_messages(struct answers *answers)
{
    struct seccomp_notif_sizes *sizes = &answers->sizes;

    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, sizes) < 0)
        return false;
    if (sizes->seccomp_notif < sizeof(struct seccomp_notif))
        sizes->seccomp_notif = sizeof(struct seccomp_notif);
    if (sizes->seccomp_notif_resp < sizeof(struct seccomp_notif_resp))
        sizes->seccomp_notif_resp = sizeof(struct seccomp_notif_resp);
    answers->request = malloc(sizes->seccomp_notif);
    answers->response = malloc(sizes->seccomp_notif_resp);
    return answers->request && answers->response;
}

static int send_told(void *data, const struct sighting *sighting, uint64_t count)
{
    return answers_tell(data, sighting, count);
}

struct answers *answers_new(struct init *init)
{
    struct answers *answers = calloc(1, sizeof(*answers));
    const Crib__SyscallsPlan *plan = init->plan->syscalls;

    if (!answers)
        return NULL;
    answers->init = init;
    answers->told = told_new(send_told, answers);
    answers->look = init->look ? init->look : look_new(init);
    answers->patient = plan->has_trace && plan->trace != CRIB__TRACE__no_trace;
    if (answers->patient)
        answers->seen = seen_new();
    if (answers->told && answers->look && (!answers->patient || answers->seen) &&
        make_messages(answers) && make_index(answers))
        return answers;
    answers_free(answers);
    return NULL;
}

void answers_free(struct answers *answers)
{
    if (!answers)
        return;
    look_free(answers->look);
    told_free(answers->told);
    seen_free(answers->seen);
    free(answers->request);
    free(answers->response);
    free(answers->first);
    free(answers->next);
    free(answers);
}

/* Until there is room, or nobody who would make it. When the task has ended, so does what is left.
 */
static void wait_for_room(const struct answers *answers)
{
    const struct init *init = answers->init;
    bool watched = !init->plan->life || !init->plan->life->detached;
    struct pollfd polls[] = {{.fd = init->control, .events = POLLOUT},
                             {.fd = watched ? init->parent : -1, .events = POLLIN}};

    if (answers->ended)
        kill(-1, SIGKILL);
    poll(polls, 2, -1);
    if (polls[1].revents)
        leave();
}

int answers_tell(struct answers *answers, const struct sighting *sighting, uint64_t count)
{
    int r = report_refused(answers->init, sighting, count);

    while (r == -EAGAIN && answers->patient) {
        wait_for_room(answers);
        r = report_refused(answers->init, sighting, count);
    }
    return r;
}

int answers_due(const struct answers *answers)
{
    return answers ? told_due(answers->told, clock_us()) : -1;
}

void answers_flush(struct answers *answers)
{
    if (answers)
        told_flush(answers->told, clock_us());
}

uint64_t answers_finish(struct answers *answers)
{
    if (!answers)
        return 0;
    answers->patient = answers->ended = true;
    told_finish(answers->told);
    return told_lost(answers->told);
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

/* Return: the position of the first that fits; -1: none. */
static int decide(const struct answers *answers)
{
    const Crib__SyscallsPlan *plan = answers->init->plan->syscalls;
    const struct seccomp_data *call = &answers->request->data;
    uint32_t i = answers->first[(uint32_t)call->nr % CALLS];

    while (i != END && !fits(plan->answers[i], call))
        i = answers->next[i];
    return i == END ? -1 : (int)i;
}

/* A plan that names no errno cannot make a refusal a success. */
static int refusal(const struct init *init, int by)
{
    const Crib__SyscallsPlan *plan = init->plan->syscalls;
    uint32_t code = by >= 0 ? plan->answers[by]->code : plan->otherwise;

    return code > 0 && code < 4096 ? (int)code : EPERM;
}

/* What is known without a look. */
static struct sighting *see(struct answers *answers, int by, int answer)
{
    const struct seccomp_notif *request = answers->request;
    struct sighting *sighting = &answers->sighting;

    sighting->pid = request->pid;
    sighting->number = request->data.nr;
    sighting->answer = answer;
    sighting->by = by;
    memcpy(sighting->args, request->data.args, sizeof(sighting->args));
    sighting->program_len = sighting->object_len = 0;
    sighting->kind = 0;
    sighting->file.known = false;
    return sighting;
}

static void note(struct answers *answers, int by, int answer)
{
    struct sighting *sighting = see(answers, by, answer);
    struct told_key key = {.by = by, .number = sighting->number, .answer = answer};
    uint64_t now = clock_us();
    struct told_slot *slot = told_open(answers->told, &key, now);
    size_t count;

    if (told_look(answers->told, slot, now))
        look_at(answers->look, answers->request, look_rows(sighting->number, &count),
                answer == KILLED ? LOOK_BRIEFLY : 0, sighting);
    told_add(answers->told, slot, sighting, now);
}

/* A caller that died meanwhile makes these calls fail with ENOENT: nothing to answer, no error. */
static bool take(struct answers *answers)
{
    struct seccomp_notif_resp *response = answers->response;

    memset(answers->request, 0, answers->sizes.seccomp_notif);
    if (ioctl(answers->init->listener, SECCOMP_IOCTL_NOTIF_RECV, answers->request) < 0)
        return false;
    memset(response, 0, answers->sizes.seccomp_notif_resp);
    response->id = answers->request->id;
    return true;
}

void answers_next(struct answers *answers)
{
    const struct init *init = answers->init;
    struct seccomp_notif_resp *response = answers->response;
    int by;

    if (!take(answers))
        return;
    by = decide(answers);
    switch (by >= 0 ? init->plan->syscalls->answers[by]->action
                    : CRIB__SYSCALLS_PLAN__ANSWER__ACTION__refuse) {
    case CRIB__SYSCALLS_PLAN__ANSWER__ACTION__kill:
        note(answers, by, KILLED);
        answers->killed = true;
        kill(-1, SIGKILL);
        return;
    case CRIB__SYSCALLS_PLAN__ANSWER__ACTION__proceed:
        note(answers, by, 0);
        response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        break;
    case CRIB__SYSCALLS_PLAN__ANSWER__ACTION__trace:
        see(answers, by, 0);
        answers_trace(answers, by);
        response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        break;
    default:
        response->error = -refusal(init, by);
        note(answers, by, -response->error);
        break;
    }
    ioctl(init->listener, SECCOMP_IOCTL_NOTIF_SEND, response);
}
