/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "text/utf8.h"

#define LINE_MAX_BYTES 2048

static struct {
    void (*take)(const char *line, size_t len, void *data);
    void *data;
} elsewhere;

void say_to(void (*take)(const char *line, size_t len, void *data), void *data)
{
    elsewhere.take = take;
    elsewhere.data = data;
}

void say(const char *format, ...)
{
    static const char head[] = "crib: ";
    char line[LINE_MAX_BYTES];
    size_t len = sizeof(head) - 1;
    va_list args;
    int n;

    memcpy(line, head, len + 1);
    va_start(args, format);
    n = vsnprintf(line + len, sizeof(line) - len - 1, format, args);
    va_end(args);
    if (n > 0)
        len += strlen(line + len);
    utf8_tame(line); /* control characters could drive the terminal, also as bytes alone */
    line[len++] = '\n';
    if (elsewhere.take)
        elsewhere.take(line, len, elsewhere.data);
    else
        (void)fd_write_all(STDERR_FILENO, line, len); /* there is nobody left to tell */
}

void say_error(const struct crib_error *err)
{
    char text[1024];

    say("%s", crib_error_text(err, text, sizeof(text)));
}

int say_out(const char *data, size_t len)
{
    int r = fd_write_all(STDOUT_FILENO, data, len);

    if (r < 0)
        say("stdout: %s", strerror(-r));
    return r;
}
