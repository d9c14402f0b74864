/* SPDX-License-Identifier: Apache-2.0 */
#include "init/init.h"

#include <errno.h>
#include <unistd.h>

/* The host's name is the host's business. */
int set_hostname(struct init *init)
{
    if (init->plan->namespaces->uts && sethostname("crib", 4) < 0)
        return failed(init, STEP_hostname, -errno, -1);
    return 0;
}
