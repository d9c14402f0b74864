/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/meter.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "launch/groups.h"
#include "supervise/escalation.h"
#include "supervise/sample.h"

struct meter {
    uv_timer_t timer;
    uv_poll_t memory, pids;
    bool has_timer, has_memory, has_pids;
    bool asks;           /* what is counted has to be asked for, since nobody tells of it */
    uint64_t cpu_us;     /* limit; 0: none */
    uint64_t used_us;    /* at the last look */
    uint64_t last_ms;    /* the last wait for that */
    unsigned processors; /* at most, at once */
};

uint64_t meter_wait(uint64_t used, uint64_t before, uint64_t limit, uint64_t last,
                    unsigned processors)
{
    uint64_t ms = (limit - used) / 1000 / (processors ? processors : 1);

    if (ms >= METER_LEAST_MS)
        return ms;
    if (used > before || !last)
        return METER_LEAST_MS;
    return last * 2 < METER_IDLE_MS ? last * 2 : METER_IDLE_MS;
}

static void look_at_groups(crib_task *task)
{
    const Crib__CgroupPlan *plan = task->plan->cgroup;
    struct meter *meter = task->meter;
    struct groups_facts facts;

    groups_measure(task->launch.groups, &facts);
    if (facts.oom_kills || (plan->memory && facts.own_memory))
        task_end_at_once(task, CRIB_MEMORY, "memory");
    else if (facts.forks_denied && plan->pids)
        task_end_at_once(task, CRIB_PIDS, "pids");
    else if (meter->cpu_us && facts.cpu_us >= meter->cpu_us)
        task_end_at_once(task, CRIB_CPU_TIMEOUT, "cpu_time");
    else if (meter->cpu_us)
        meter->last_ms = meter_wait(facts.cpu_us, meter->used_us, meter->cpu_us, meter->last_ms,
                                    meter->processors);
    meter->used_us = facts.cpu_us;
}

static void look_at_tree(crib_task *task)
{
    const Crib__SampledPlan *plan = task->plan->life->sampled;
    struct sample sample;

    if (sample_tree(task->launch.pid, &sample) < 0)
        return;
    if (plan->memory && sample.memory > plan->memory)
        task_end_at_once(task, CRIB_MEMORY, "memory");
    else if (plan->cpu_time && sample.cpu_us / 1000 >= plan->cpu_time)
        task_end_at_once(task, CRIB_CPU_TIMEOUT, "cpu_time");
}

static bool is_sampled(const crib_task *task)
{
    const Crib__LifePlan *life = task->plan->life;

    return life && life->sampled && (life->sampled->memory || life->sampled->cpu_time);
}

void meter_look(crib_task *task)
{
    if (!task->meter || task->cause || task->state != TASK_RUNNING)
        return;
    if (task->plan->cgroup && task->launch.groups)
        look_at_groups(task);
    if (!task->cause && is_sampled(task))
        look_at_tree(task);
}

static void on_timer(uv_timer_t *timer);

static uint64_t sooner(uint64_t ms, uint64_t other)
{
    return !ms || (other && other < ms) ? other : ms;
}

static void wait_on(crib_task *task)
{
    struct meter *meter = task->meter;
    uint64_t ms = meter->cpu_us ? meter->last_ms : 0;

    if (meter->asks)
        ms = sooner(ms, METER_PIDS_MS);
    if (is_sampled(task))
        ms = sooner(ms, METER_SAMPLE_MS);
    if (!ms)
        return;
    uv_update_time(task->loop);
    uv_timer_start(&meter->timer, on_timer, ms, 0);
}

/* A program that has ended by now has, whatever it used. */
static void catch_up_and_look(crib_task *task)
{
    if (task->place->catch_up(task) || task->state != TASK_RUNNING || task->cause)
        return;
    meter_look(task);
}

static void on_timer(uv_timer_t *timer)
{
    crib_task *task = timer->data;

    catch_up_and_look(task);
    if (task->state == TASK_RUNNING && !task->cause)
        wait_on(task);
}

/* Where the limit itself was reached, a process was or will be killed: the count may come later.
 * Else it was one of a group above, and whom it takes is not known yet. */
static void on_memory(uv_poll_t *poll, int status, int events)
{
    crib_task *task = poll->data;
    struct groups_facts facts;

    (void)events;
    if (status < 0)
        uv_poll_stop(poll);
    if (task->state == TASK_RUNNING)
        task->place->catch_up(task);
    if (task->state != TASK_RUNNING || task->cause)
        return;
    groups_measure(task->launch.groups, &facts);
    if (facts.own_memory || facts.oom_kills) {
        task_end_at_once(task, CRIB_MEMORY, "memory");
        return;
    }
    task->meter->asks = true;
    wait_on(task);
}

/* Once: what a look finds ends the task. Where it finds nothing yet, the next ones will. */
static void on_pids(uv_poll_t *poll, int status, int events)
{
    crib_task *task = poll->data;

    (void)status;
    (void)events;
    uv_poll_stop(poll);
    catch_up_and_look(task);
    task->meter->asks = true;
    if (task->state == TASK_RUNNING && !task->cause)
        wait_on(task);
}

static int watch(crib_task *task, uv_poll_t *poll, bool *has, int fd, int events, uv_poll_cb cb)
{
    int r = fd < 0 ? 0 : uv_poll_init(task->loop, poll, fd);

    if (fd < 0 || r < 0)
        return r;
    *has = true;
    poll->data = task;
    task->handles++;
    return uv_poll_start(poll, events, cb);
}

static int watch_groups(crib_task *task)
{
    const Crib__CgroupPlan *plan = task->plan->cgroup;
    struct meter *meter = task->meter;
    struct groups_watch fds;
    int r = 0;

    if (!plan || !task->launch.groups)
        return 0;
    fds = groups_watch(task->launch.groups);
    meter->cpu_us = plan->cpu_time < UINT64_MAX / 1000 ? plan->cpu_time * 1000 : UINT64_MAX;
    meter->asks = plan->pids && groups_silent_pids(task->launch.groups);
    if (plan->memory)
        r = watch(task, &meter->memory, &meter->has_memory, fds.memory, UV_READABLE, on_memory);
    if (r == 0 && plan->pids)
        r = watch(task, &meter->pids, &meter->has_pids, fds.pids, UV_PRIORITIZED, on_pids);
    return r;
}

static int begin(crib_task *task)
{
    struct meter *meter = arena_alloc(&task->arena, sizeof(*meter));
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (!meter)
        return -ENOMEM;
    task->meter = meter;
    meter->processors = processors > 0 ? (unsigned)processors : 1;
    uv_timer_init(task->loop, &meter->timer);
    meter->has_timer = true;
    meter->timer.data = task;
    task->handles++;
    return watch_groups(task);
}

void meter_start(crib_task *task)
{
    struct crib_error error;
    int r;

    if (!(task->plan->cgroup && task->launch.groups) && !is_sampled(task))
        return;
    r = begin(task);
    if (r < 0) {
        fail_sys(&error, r, "limits", -1, NULL, "watch them");
        task_emit_error(task, &error);
        task_end_at_once(task, CRIB_KILLED, NULL);
        return;
    }
    meter_look(task);
    wait_on(task);
}

void meter_stop(crib_task *task)
{
    struct meter *meter = task->meter;

    if (!meter)
        return;
    if (meter->has_timer)
        uv_timer_stop(&meter->timer);
    if (meter->has_memory)
        uv_poll_stop(&meter->memory);
    if (meter->has_pids)
        uv_poll_stop(&meter->pids);
}

void meter_close(crib_task *task)
{
    struct meter *meter = task->meter;

    if (!meter)
        return;
    if (meter->has_timer)
        uv_close((uv_handle_t *)&meter->timer, task_handle_closed);
    if (meter->has_memory)
        uv_close((uv_handle_t *)&meter->memory, task_handle_closed);
    if (meter->has_pids)
        uv_close((uv_handle_t *)&meter->pids, task_handle_closed);
}
