/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/ending.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/error.h"

static void read_status(int status, struct crib_result *result)
{
    if (WIFEXITED(status))
        result->status = WEXITSTATUS(status);
    else
        result->signal = WTERMSIG(status);
}

static void read_reported(const Crib__Usage *usage, struct crib_result *result)
{
    result->user_us = usage->user_time;
    result->system_us = usage->system_time;
    result->wall_us = usage->wall_time;
    result->peak_memory = usage->peak_memory;
    result->switches = usage->switches;
    result->preempted = usage->preempted;
    result->read_bytes = usage->read_bytes;
    result->written_bytes = usage->written_bytes;
}

static void read_counted(const struct groups_facts *facts, struct crib_result *result)
{
    if (facts->has_cpu) {
        result->user_us = facts->user_us;
        result->system_us = facts->system_us;
    }
    if (facts->has_memory)
        result->peak_memory = facts->peak_memory;
    if (facts->has_pids)
        result->peak_pids = facts->peak_pids;
    if (facts->has_io) {
        result->read_bytes = facts->read_bytes;
        result->written_bytes = facts->written_bytes;
    }
}

void ending_usage(const struct groups_facts *facts, char ret[ENDING_USAGE])
{
    const struct groups_facts none = {0}, *f = facts ? facts : &none;
    char tree[64], reaped[64];

    snprintf(tree, sizeof(tree), "%s%s%s%s", f->has_cpu ? ", times" : "",
             f->has_memory ? ", memory" : "", f->has_pids ? ", pids" : "",
             f->has_io ? ", disks" : "");
    snprintf(reaped, sizeof(reaped), "%s%s%s", f->has_cpu ? "" : ", times",
             f->has_memory ? "" : ", memory (largest process)", f->has_io ? "" : ", disks");
    if (!tree[0])
        snprintf(ret, ENDING_USAGE, "not available: no cgroup counts; of what was reaped: %s",
                 reaped + 2);
    else
        snprintf(ret, ENDING_USAGE, "by cgroups: %s%s%s", tree + 2,
                 reaped[0] ? "; of what was reaped: " : "", reaped[0] ? reaped + 2 : "");
}

/* Whether the rlimit that each process has must have been what ended it: a program can raise the
 * signals itself, and then the time that it used tells. */
static bool is_out_of_time(const struct ending *ending, const struct crib_result *result)
{
    uint64_t used = result->user_us + result->system_us;

    if (result->signal != SIGXCPU && result->signal != SIGKILL)
        return false;
    return ending->cpu_time_s && used / 1000000 >= ending->cpu_time_s;
}

static enum crib_verdict decide(const struct ending *ending, const struct crib_result *result)
{
    const struct groups_facts *facts = ending->facts;

    if (ending->report && ending->report->killed_by_filter)
        return CRIB_FILTER;
    if (ending->cause)
        return ending->cause;
    if (!ending->report && ending->killed)
        return CRIB_KILLED;
    if (facts && facts->oom_kills)
        return CRIB_MEMORY;
    if (facts && facts->forks_denied && ending->bounds_pids)
        return CRIB_PIDS;
    if (is_out_of_time(ending, result))
        return CRIB_CPU_TIMEOUT;
    if (result->signal && ending->signals >> (result->signal - 1) & 1)
        return CRIB_KILLED;
    return result->signal ? CRIB_SIGNALED : CRIB_EXITED;
}

const char *ending_limit(const char *name)
{
    static const char *const names[] = {"timeout",  "wall_time", "max_buffer",   "output", "pids",
                                        "cpu_time", "memory",    "output_total", "host"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return names[i];
    return "";
}

/* Return: which limit is behind the verdict; "" none. */
static const char *limit_of(const struct ending *ending, enum crib_verdict verdict)
{
    if (verdict == CRIB_MEMORY && ending->facts && !ending->facts->own_memory)
        return "host";
    if (verdict == ending->cause && ending->limit)
        return ending->limit;
    switch (verdict) {
    case CRIB_MEMORY:
        return "memory";
    case CRIB_PIDS:
        return "pids";
    case CRIB_CPU_TIMEOUT:
        return "cpu_time";
    default:
        return "";
    }
}

void ending_verdict(const struct ending *ending, struct crib_result *ret_result)
{
    ret_result->status = -1;
    ret_result->signal = 0;
    ret_result->wall_us = ending->wall_us;
    if (ending->report)
        read_status(ending->report->status, ret_result);
    else
        ret_result->signal =
            WIFSIGNALED(ending->init_status) ? WTERMSIG(ending->init_status) : SIGKILL;
    if (ending->report && ending->report->usage)
        read_reported(ending->report->usage, ret_result);
    if (ending->facts)
        read_counted(ending->facts, ret_result);
    ret_result->verdict = decide(ending, ret_result);
    ret_result->limit = limit_of(ending, ret_result->verdict);
    ret_result->call = ret_result->verdict == CRIB_FILTER && ending->call ? ending->call : "";
}

static int fail_ended(const struct crib_result *result, struct crib_error *err)
{
    const char *name = sigabbrev_np(result->signal);

    if (result->signal)
        return fail_text(err, -ECHILD, NULL, -1, NULL, "ended by signal %d%s%s", result->signal,
                         name ? ", SIG" : "", name ? name : "");
    return fail_text(err, -ECHILD, NULL, -1, NULL, "exited with status %d", result->status);
}

/* Where a limit ended it. */
static int fail_limit(const struct crib_result *result, size_t max_buffer, struct crib_error *err)
{
    const char *limit = result->limit ? result->limit : "";

    switch (result->verdict) {
    case CRIB_WALL_TIMEOUT:
        return fail_text(err, -ETIMEDOUT, NULL, -1, NULL, "ran longer than it may");
    case CRIB_CPU_TIMEOUT:
        return fail_text(err, -ETIMEDOUT, NULL, -1, NULL, "used more processor time than it may");
    case CRIB_MEMORY:
        return fail_text(err, -ENOMEM, NULL, -1, NULL, "%s",
                         strcmp(limit, "host") == 0 ? "the host had no memory for it"
                                                    : "reached limits.memory");
    case CRIB_PIDS:
        return fail_text(err, -EAGAIN, NULL, -1, NULL, "reached limits.pids");
    default:
        if (strncmp(limit, "output", 6) == 0)
            return fail_text(err, -ENOBUFS, NULL, -1, NULL, "wrote more than limits.%s", limit);
        return fail_text(err, -ENOBUFS, NULL, -1, NULL, "wrote more than %zu bytes", max_buffer);
    }
}

bool ending_error(const struct crib_result *result, bool aborted, size_t max_buffer,
                  struct crib_error *ret_error)
{
    memset(ret_error, 0, sizeof(*ret_error));
    if (result->error.code) {
        *ret_error = result->error;
        return true;
    }
    if (aborted) {
        fail_text(ret_error, -ECANCELED, NULL, -1, NULL, "aborted");
        return true;
    }
    switch (result->verdict) {
    case CRIB_WALL_TIMEOUT:
    case CRIB_CPU_TIMEOUT:
    case CRIB_MEMORY:
    case CRIB_PIDS:
    case CRIB_OUTPUT:
        fail_limit(result, max_buffer, ret_error);
        break;
    default:
        if (result->verdict != CRIB_EXITED || result->status != 0)
            fail_ended(result, ret_error);
    }
    return ret_error->code != 0;
}
