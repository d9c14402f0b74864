/* SPDX-License-Identifier: Apache-2.0 */
#include "init/init.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

/*
 * The task's fds take their places in the table that it shares with us until its exec. All of them
 * were received above the highest place, so that none can be overwritten before its turn.
 */
int place_stdio(struct init *init)
{
    const Crib__Program *program = init->plan->program;

    /* What the caller had left open was to be closed by the same call, before we were there. */
    if (is_pretended(SYS_close_range, -1, 0, 0, 0, 0))
        return untrue(init, STEP_descriptor, -1);
    close_range(0, (unsigned)init->lowest - 1, 0);
    for (size_t i = 0; i < program->n_stdio; i++)
        if (dup2(init->stdio[i], (int)program->stdio[i]->fd) < 0)
            return failed(init, STEP_descriptor, -errno, (int)i);
    for (size_t i = 0; i < program->n_stdio; i++)
        fd_close(&init->stdio[i]);
    return 0;
}
