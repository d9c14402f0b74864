/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "text/units.h"

int signal_number(const char *text)
{
    const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    char why[UNIT_WHY];
    uint64_t number;

    if (unit_read(NULL, text, &number, why) == 0)
        return number > 0 && number <= (uint64_t)SIGRTMAX ? (int)number : -EINVAL;
    for (int signo = 1; signo < SIGRTMIN; signo++) {
        const char *known = sigabbrev_np(signo);

        if (known && strcasecmp(known, name) == 0)
            return signo;
    }
    return -EINVAL;
}
