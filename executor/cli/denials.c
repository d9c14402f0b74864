/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/denials.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/say.h"

static const char *word_of(const struct crib_denial *denial)
{
    if (denial->by == CRIB_BY_LIMIT)
        return "limit";
    return strcmp(denial->answer, "let through") == 0 ? "logged" : "denied";
}

/* `, "/etc/shadow", by cat (pid 3)`: what the text of the call cannot say. */
static void say_who(const struct crib_denial *denial, char *text, size_t size)
{
    int used = 0;

    text[0] = '\0';
    if (denial->object[0] && denial->by != CRIB_BY_FILES)
        used = snprintf(text, size, ", %.200s", denial->object);
    if (denial->program[0])
        snprintf(text + used, size - (size_t)used, ", by %s (pid %" PRIu32 ")", denial->program,
                 denial->pid);
}

static void say_reason(struct denials *denials, const struct crib_denial *denial)
{
    char reason[DENIALS_REASON];

    snprintf(reason, sizeof(reason), "%s%s%s", denial->rule,
             denial->rule[0] && denial->edit[0] ? ": " : "", denial->edit);
    if (!reason[0] || strcmp(reason, denials->reason) == 0)
        return;
    memcpy(denials->reason, reason, sizeof(reason));
    say("  %s%s", denial->rule[0] ? "by " : "to allow it, ", reason);
}

/* Return: whether it is one too many. Those of files were asked for, and each is another. */
static bool count(struct denials *denials, const struct crib_denial *denial)
{
    if (denial->by == CRIB_BY_FILES)
        return ++denials->files > DENIALS_FILES;
    if (denials->lines >= DENIALS_SHOWN)
        return true;
    denials->lines++;
    denials->calls += denial->count ? denial->count : 1;
    return false;
}

void denials_show(struct denials *denials, const struct crib_denial *denial)
{
    char times[40] = "", who[280];

    if (count(denials, denial))
        return;
    if (denial->count > 1)
        snprintf(times, sizeof(times), " (%" PRIu64 " times)", denial->count);
    say_who(denial, who, sizeof(who));
    say("%s%s: %s: %s%s%s", denials->who, word_of(denial), denial->text, denial->answer, times,
        who);
    say_reason(denials, denial);
}

void denials_end(const struct denials *denials, uint64_t all)
{
    if (all > denials->calls && denials->lines)
        say("denied: %" PRIu64 " more", all - denials->calls);
    if (denials->files > DENIALS_FILES)
        say("denied: %u more paths", denials->files - DENIALS_FILES);
}
