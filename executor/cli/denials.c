/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/denials.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/say.h"

void denials_show(struct denials *denials, const struct crib_denial *denial)
{
    bool passed = strcmp(denial->answer, "let through") == 0;
    char times[40] = "";

    if (denials->lines >= DENIALS_SHOWN)
        return;
    denials->lines++;
    denials->calls += denial->count ? denial->count : 1;
    if (denial->count > 1)
        snprintf(times, sizeof(times), " (%" PRIu64 " times)", denial->count);
    say("%s: %s: %s%s", passed ? "logged" : "denied", denial->text, denial->answer, times);
}

void denials_end(const struct denials *denials, uint64_t all)
{
    if (all > denials->calls && denials->lines)
        say("denied: %" PRIu64 " more", all - denials->calls);
}
