/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define LINE_MAX_BYTES 2048

/* Control characters could drive the terminal: those of ASCII, and U+0080 to U+009F in UTF-8. */
static void make_harmless(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i],
                      next = i + 1 < len ? (unsigned char)text[i + 1] : 0;

        if (c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0))
            text[i] = '?';
    }
}

void say(const char *format, ...)
{
    static const char head[] = "crib: ";
    char line[LINE_MAX_BYTES];
    size_t len = sizeof(head) - 1;
    va_list args;
    int n;

    memcpy(line, head, len);
    va_start(args, format);
    n = vsnprintf(line + len, sizeof(line) - len - 1, format, args);
    va_end(args);
    if (n > 0)
        len += strlen(line + len);
    make_harmless(line, len);
    line[len++] = '\n';
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
