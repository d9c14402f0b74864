/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/outcome.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cli/command.h"

int outcome_of_error(const struct crib_error *err)
{
    bool program =
        err->step && (strcmp(err->step, "program") == 0 || strcmp(err->step, "exec") == 0);

    if (!program)
        return STATUS_FAILED;
    switch (err->code) {
    case -ENOENT:
    case -ENOTDIR:
        return STATUS_NOT_FOUND;
    case -EACCES:
    case -EISDIR:
    case -ENOEXEC:
    case -ELIBBAD:
    case -EPERM:
    case -ETXTBSY:
    case -ELOOP:
        return STATUS_UNRUNNABLE;
    default:
        return STATUS_FAILED;
    }
}

int outcome_of_result(const struct crib_result *result)
{
    switch (result->verdict) {
    case CRIB_WALL_TIMEOUT:
    case CRIB_CPU_TIMEOUT:
        return STATUS_TIMEOUT;
    case CRIB_MEMORY:
    case CRIB_PIDS:
    case CRIB_OUTPUT:
        return STATUS_SIGNAL + SIGKILL;
    case CRIB_SETUP_FAILED:
        return outcome_of_error(&result->error);
    case CRIB_FILTER:
        return STATUS_SIGNAL + (result->signal ? result->signal : SIGSYS);
    case CRIB_EXITED:
    case CRIB_SIGNALED:
    case CRIB_KILLED:
        break;
    }
    if (result->signal)
        return STATUS_SIGNAL + result->signal;
    return result->status >= 0 ? result->status : STATUS_FAILED;
}
