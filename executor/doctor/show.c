/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "doctor/doctor.h"
#include "text/utf8.h"

static const char *word_of(Crib__Finding__State state)
{
    switch (state) {
    case CRIB__FINDING__STATE__ok:
        return "ok";
    case CRIB__FINDING__STATE__limited:
        return "limited";
    default:
        return "missing";
    }
}

static int widest(const Crib__Diagnosis *diagnosis)
{
    size_t width = 0;

    for (size_t i = 0; i < diagnosis->n_findings; i++)
        if (strlen(diagnosis->findings[i]->name) > width)
            width = strlen(diagnosis->findings[i]->name);
    return (int)width;
}

/* Paths and names come from the host: control characters could drive the terminal. */
static int show_text(struct buf *out, const char *text)
{
    AUTO_FREE char *copy = strdup(text);

    if (!copy)
        return -ENOMEM;
    utf8_tame(copy);
    return buf_text(out, copy);
}

/* @before: the finding above; NULL. What several lines lack is mended once. */
static int show_one(const Crib__Finding *finding, const Crib__Finding *before, int width,
                    struct buf *out)
{
    bool again =
        before && before->remedy && finding->remedy && strcmp(before->remedy, finding->remedy) == 0;
    int r = buf_printf(out, "%-7s  %-*s  ", word_of(finding->state), width, finding->name);

    if (r == 0)
        r = show_text(out, finding->what);
    if (r == 0 && finding->state != CRIB__FINDING__STATE__ok) {
        r = buf_printf(out, "\n%*s  remedy: ", 9 + width, "");
        if (r == 0)
            r = show_text(out, again ? "as above" : finding->remedy);
    }
    return r < 0 ? r : buf_text(out, "\n");
}

int doctor_show(const Crib__Diagnosis *diagnosis, struct buf *out)
{
    int width = widest(diagnosis), r = 0;

    for (size_t i = 0; r == 0 && i < diagnosis->n_findings; i++)
        r = show_one(diagnosis->findings[i], i ? diagnosis->findings[i - 1] : NULL, width, out);
    if (r == 0)
        r = buf_text(out, "\npolicy ");
    if (r == 0)
        r = show_text(out, diagnosis->policy);
    return r < 0 ? r
                 : buf_printf(out, ": %s be enforced in full\n",
                              diagnosis->enforceable ? "can" : "cannot");
}
