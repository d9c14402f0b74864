/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct crib_error *err, int code, const char *step, int index, const char *subject,
                 const char *detail, va_list args)
{
    memset(err, 0, sizeof(*err));
    err->code = code;
    err->step = step;
    err->index = index;
    if (subject)
        snprintf(err->subject, sizeof(err->subject), "%s", subject);
    if (detail)
        vsnprintf(err->detail, sizeof(err->detail), detail, args);
}

int fail_sys(struct crib_error *err, int code, const char *step, int index, const char *subject,
             const char *detail, ...)
{
    va_list args;

    if (!err)
        return code;
    va_start(args, detail);
    fill(err, code, step, index, subject, detail, args);
    va_end(args);
    err->sys = -code;
    return code;
}

int fail_text(struct crib_error *err, int code, const char *step, int index, const char *subject,
              const char *detail, ...)
{
    va_list args;

    if (!err)
        return code;
    va_start(args, detail);
    fill(err, code, step, index, subject, detail, args);
    va_end(args);
    return code;
}

/* Appends "sep" and the text, keeping count of what is used; cuts silently. */
static void append(char *text, size_t size, size_t *used, const char *sep, const char *more)
{
    int n;

    if (*used >= size)
        return;
    n = snprintf(text + *used, size - *used, "%s%s", *used ? sep : "", more);
    if (n > 0)
        *used += (size_t)n;
}

char *crib_error_text(const struct crib_error *error, char *text, size_t size)
{
    char head[64] = "";
    size_t used = 0;

    if (size)
        text[0] = '\0';
    if (error->step && error->index >= 0)
        snprintf(head, sizeof(head), "%s[%d]", error->step, error->index);
    else if (error->step)
        snprintf(head, sizeof(head), "%s", error->step);
    if (head[0])
        append(text, size, &used, "", head);
    if (error->subject[0])
        append(text, size, &used, head[0] ? " " : "", error->subject);
    if (error->detail[0])
        append(text, size, &used, ": ", error->detail);
    if (error->sys)
        append(text, size, &used, ": ", strerror(error->sys));
    return text;
}
