/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "harness/report.h"
#include "harness/show.h"

#define FEW          3  /* failures that a person still has before the eyes */
#define NAME_LONGEST 40 /* bytes of a name in the progress */

static int begin(struct buf *out, size_t cases)
{
    (void)out;
    (void)cases;
    return 0;
}

static int title(struct buf *out, const char *before, const struct item *item)
{
    int r = buf_text(out, before);

    if (r == 0)
        r = show_text(out, item->suite->path, strlen(item->suite->path));
    if (r == 0)
        r = buf_printf(out, ":%u: ", item->line);
    if (r == 0)
        r = show_text(out, item->name, strlen(item->name));
    return r < 0 ? r : buf_text(out, "\n");
}

/* Only what failed is worth a line. */
static int one(struct buf *out, const struct told *told, size_t number)
{
    int r;

    (void)number;
    if (told->passed)
        return 0;
    r = title(out, "FAIL ", told->item);
    for (const char *line = told->why; r == 0 && line && *line;) {
        size_t len = strcspn(line, "\n");

        r = buf_printf(out, "  %.*s\n", (int)len, line);
        line += line[len] ? len + 1 : len;
    }
    return r < 0 ? r : buf_text(out, "\n");
}

/* What is above, in a few words: it may have left the screen. */
static int list(struct buf *out, const struct told *told, const struct summary *s)
{
    int r = s->failed > FEW ? buf_text(out, "failed:\n") : 0;

    for (size_t i = 0; r == 0 && s->failed > FEW && i < s->cases; i++)
        if (told[i].over && !told[i].passed)
            r = title(out, "  ", told[i].item);
    return r;
}

static int end(struct buf *out, const struct told *told, const struct summary *s)
{
    double seconds = (double)s->wall_us / 1e6;
    size_t left = s->cases - s->passed - s->failed;
    int r = list(out, told, s);

    if (r < 0)
        return r;
    if (s->interrupted)
        return buf_printf(out, "interrupted: %zu passed, %zu failed, %zu not run\n", s->passed,
                          s->failed, left);
    if (s->failed)
        return buf_printf(out, "%zu failed, %zu of %zu passed in %.1f s\n", s->failed, s->passed,
                          s->cases, seconds);
    return buf_printf(out, "%s%zu passed in %.1f s\n", s->cases > 1 ? "all " : "", s->cases,
                      seconds);
}

const struct report report_people = {begin, one, end};

/* A line that is broken could not be erased. */
static int short_name(struct buf *out, const char *name)
{
    size_t len = strlen(name), most = NAME_LONGEST;

    if (len <= most)
        return show_text(out, name, len);
    while (most && ((unsigned char)name[most] & 0xc0) == 0x80) /* not within a letter */
        most--;
    return show_text(out, name, most) < 0 ? -ENOMEM : buf_text(out, "...");
}

int report_progress(struct buf *out, const struct summary *s, const struct item *longest)
{
    int r = buf_printf(out, "[%zu/%zu]", s->passed + s->failed, s->cases);

    if (r == 0 && s->failed)
        r = buf_printf(out, " %zu failed", s->failed);
    if (r < 0 || !longest)
        return r;
    r = buf_text(out, ": ");
    return r < 0 ? r : short_name(out, longest->name);
}
