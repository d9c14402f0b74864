/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/say.h"

int command_version(struct request *request)
{
    char line[64];

    (void)request;
    snprintf(line, sizeof(line), "crib %s\n", crib_version());
    return say_out(line, strlen(line)) < 0 ? STATUS_FAILED : 0;
}
