/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "harness/report.h"
#include "text/utf8.h"

/* XML 1.0 cannot hold most control characters at all, not even escaped. */
static int escaped(struct buf *out, const char *text, size_t len)
{
    static const struct {
        char c;
        const char *name;
    } names[] = {{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}, {'\'', "&apos;"}};
    struct buf clean = {0};
    int r = utf8_repair(&clean, text, len);

    for (size_t i = 0; r == 0 && i < clean.len; i++) {
        char c = (char)clean.data[i];
        const char *name = NULL;

        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
            if (names[n].c == c)
                name = names[n].name;
        if (name)
            r = buf_text(out, name);
        else
            r = buf_append(out, (unsigned char)c < ' ' && c != '\n' ? "?" : &c, 1);
    }
    buf_done(&clean);
    return r;
}

static int attribute(struct buf *out, const char *name, const char *text, size_t len)
{
    int r = buf_printf(out, " %s=\"", name);

    if (r == 0)
        r = escaped(out, text, len);
    return r < 0 ? r : buf_text(out, "\"");
}

static int failure(struct buf *out, const struct told *told)
{
    size_t first = strcspn(told->why, "\n");
    int r = buf_text(out, "      <failure");

    if (r == 0)
        r = attribute(out, "message", told->why, first);
    if (r == 0)
        r = buf_text(out, ">");
    if (r == 0)
        r = escaped(out, told->why, strlen(told->why));
    return r < 0 ? r : buf_text(out, "</failure>\n");
}

static int testcase(struct buf *out, const struct told *told)
{
    const struct item *item = told->item;
    int r = buf_text(out, "    <testcase");

    if (r == 0)
        r = attribute(out, "name", item->name, strlen(item->name));
    if (r == 0)
        r = attribute(out, "classname", item->suite->path, strlen(item->suite->path));
    if (r == 0)
        r = attribute(out, "file", item->suite->path, strlen(item->suite->path));
    if (r == 0)
        r = buf_printf(out, " line=\"%u\" time=\"%.3f\"", item->line, (double)told->wall_us / 1e6);
    if (r == 0 && told->over && told->passed)
        return buf_text(out, "/>\n");
    if (r == 0)
        r = buf_text(out, ">\n");
    if (r == 0)
        r = told->over ? failure(out, told) : buf_text(out, "      <skipped/>\n");
    return r < 0 ? r : buf_text(out, "    </testcase>\n");
}

struct counts {
    size_t cases, failed, skipped;
    uint64_t wall_us;
};

static struct counts count(const struct told *told, size_t n)
{
    struct counts c = {.cases = n};

    for (size_t i = 0; i < n; i++) {
        c.failed += told[i].over && !told[i].passed;
        c.skipped += !told[i].over;
        c.wall_us += told[i].wall_us;
    }
    return c;
}

/* @n: cases of one file, which stand together */
static int testsuite(struct buf *out, const struct told *told, size_t n)
{
    struct counts c = count(told, n);
    const char *path = told[0].item->suite->path;
    int r = buf_text(out, "  <testsuite");

    if (r == 0)
        r = attribute(out, "name", path, strlen(path));
    if (r == 0)
        r = buf_printf(out,
                       " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" "
                       "time=\"%.3f\">\n",
                       c.cases, c.failed, c.skipped, (double)c.wall_us / 1e6);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = testcase(out, &told[i]);
    return r < 0 ? r : buf_text(out, "  </testsuite>\n");
}

int report_junit(struct buf *out, const struct told *told, const struct summary *summary)
{
    struct counts c = count(told, summary->cases);
    int r = buf_printf(out,
                       "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                       "<testsuites tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" "
                       "time=\"%.3f\">\n",
                       c.cases, c.failed, c.skipped, (double)summary->wall_us / 1e6);

    for (size_t i = 0, n; r == 0 && i < summary->cases; i += n) {
        for (n = 1; i + n < summary->cases && told[i + n].item->suite == told[i].item->suite;)
            n++;
        r = testsuite(out, told + i, n);
    }
    return r < 0 ? r : buf_text(out, "</testsuites>\n");
}
