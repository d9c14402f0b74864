/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "doctor/facts.h"

#define PIECE 65536 /* bytes read at a time; files of /proc do not tell their size */

static int read_whole(int fd, size_t max, struct buf *text)
{
    ssize_t n = 1;

    while (n > 0 && text->len < max) {
        size_t want = max - text->len < PIECE ? max - text->len : PIECE;
        uint8_t *room = buf_reserve(text, want);

        if (!room)
            return -ENOMEM;
        n = read(fd, room, want);
        if (n > 0)
            buf_grown(text, (size_t)n);
    }
    return n < 0 ? -errno : 0;
}

char *facts_text(const char *root, const char *name, size_t max, struct arena *arena)
{
    AUTO_FD int fd = -1;
    struct buf text = {0};
    char path[512], *copy = NULL;

    if (snprintf(path, sizeof(path), "%s/%s", root, name) >= (int)sizeof(path))
        return NULL;
    fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && read_whole(fd, max, &text) == 0)
        copy = arena_copy(arena, text.data ? text.data : (const uint8_t *)"", text.len);
    buf_done(&text);
    return copy;
}

/* The same as one line, without what ends it. */
static char *line_of(const char *root, const char *name, struct arena *arena)
{
    char *text = facts_text(root, name, 4096, arena);

    if (text)
        text[strcspn(text, "\n")] = '\0';
    return text;
}

static void look_at_status(const char *root, struct arena *arena, Crib__Survey *survey)
{
    const char *status = facts_text(root, "proc/self/status", PIECE, arena);

    survey->has_filtered = survey->has_no_new_privs = true;
    survey->filtered = status && strstr(status, "\nSeccomp:\t2");
    survey->no_new_privs = status && strstr(status, "\nNoNewPrivs:\t1");
}

void facts_switches(const char *root, struct arena *arena, Crib__Survey *survey)
{
    const char *noexec = line_of(root, "proc/sys/vm/memfd_noexec", arena);

    look_at_status(root, arena, survey);
    survey->lsm = line_of(root, "sys/kernel/security/lsm", arena);
    survey->core_pattern = line_of(root, "proc/sys/kernel/core_pattern", arena);
    survey->has_memfd_noexec = noexec != NULL;
    survey->memfd_noexec = noexec ? (uint32_t)strtoul(noexec, NULL, 10) : 0;
}
