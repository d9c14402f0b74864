/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "harness/report.h"
#include "harness/show.h"

static int begin(struct buf *out, size_t cases)
{
    (void)out;
    (void)cases;
    return 0;
}

/* Only what failed is worth a line. */
static int one(struct buf *out, const struct told *told, size_t number)
{
    const struct item *item = told->item;
    int r;

    (void)number;
    if (told->passed)
        return 0;
    r = buf_text(out, "FAIL ");
    if (r == 0)
        r = show_text(out, item->suite->path, strlen(item->suite->path));
    if (r == 0)
        r = buf_printf(out, ":%u: ", item->line);
    if (r == 0)
        r = show_text(out, item->name, strlen(item->name));
    if (r == 0)
        r = buf_text(out, "\n");
    for (const char *line = told->why; r == 0 && line && *line;) {
        size_t len = strcspn(line, "\n");

        r = buf_printf(out, "  %.*s\n", (int)len, line);
        line += line[len] ? len + 1 : len;
    }
    return r < 0 ? r : buf_text(out, "\n");
}

static int end(struct buf *out, const struct summary *s)
{
    double seconds = (double)s->wall_us / 1e6;
    size_t left = s->cases - s->passed - s->failed;

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

int report_progress(struct buf *out, const struct summary *s)
{
    int r = buf_printf(out, "[%zu/%zu]", s->passed + s->failed, s->cases);

    return r < 0 || !s->failed ? r : buf_printf(out, " %zu failed", s->failed);
}
