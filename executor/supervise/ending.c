/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/ending.h"

#include <errno.h>
#include <signal.h>
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

static void read_usage(const Crib__Usage *usage, struct crib_result *result)
{
    result->user_us = usage->user_time;
    result->system_us = usage->system_time;
    result->wall_us = usage->wall_time;
    result->peak_memory = usage->peak_memory;
}

static enum crib_verdict decide(const struct ending *ending, const struct crib_result *result)
{
    if (ending->report && ending->report->killed_by_filter)
        return CRIB_FILTER;
    if (ending->cause)
        return ending->cause;
    if (!ending->report && ending->killed)
        return CRIB_KILLED;
    if (result->signal && ending->signals >> (result->signal - 1) & 1)
        return CRIB_KILLED;
    return result->signal ? CRIB_SIGNALED : CRIB_EXITED;
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
        read_usage(ending->report->usage, ret_result);
    ret_result->verdict = decide(ending, ret_result);
}

static int fail_ended(const struct crib_result *result, struct crib_error *err)
{
    const char *name = sigabbrev_np(result->signal);

    if (result->signal)
        return fail_text(err, -ECHILD, NULL, -1, NULL, "ended by signal %d%s%s", result->signal,
                         name ? ", SIG" : "", name ? name : "");
    return fail_text(err, -ECHILD, NULL, -1, NULL, "exited with status %d", result->status);
}

bool ending_error(const struct crib_result *result, bool aborted, size_t max_buffer,
                  struct crib_error *ret_error)
{
    memset(ret_error, 0, sizeof(*ret_error));
    if (result->error.code)
        *ret_error = result->error;
    else if (aborted)
        fail_text(ret_error, -ECANCELED, NULL, -1, NULL, "aborted");
    else if (result->verdict == CRIB_WALL_TIMEOUT)
        fail_text(ret_error, -ETIMEDOUT, NULL, -1, NULL, "ran longer than it may");
    else if (result->verdict == CRIB_OUTPUT)
        fail_text(ret_error, -ENOBUFS, NULL, -1, NULL, "wrote more than %zu bytes", max_buffer);
    else if (result->verdict != CRIB_EXITED || result->status != 0)
        fail_ended(result, ret_error);
    return ret_error->code != 0;
}
