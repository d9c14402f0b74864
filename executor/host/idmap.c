/* SPDX-License-Identifier: Apache-2.0 */
#include "host/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"

int facts_read(const char *dir, const char *name, char *text, size_t size)
{
    AUTO_FD int fd = -1;
    char path[512];
    ssize_t n;

    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    do
        n = read(fd, text, size - 1);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    text[n] = '\0';
    return 0;
}

bool idmap_covers_all(const char *text, uint32_t first, uint32_t count)
{
    while (*text) {
        uint64_t number[3]; /* first inside, first outside, how many */
        char *end;

        for (int i = 0; i < 3; i++) {
            number[i] = strtoull(text, &end, 10);
            if (end == text)
                return false;
            text = end;
        }
        if (first >= number[0] && first - number[0] + count <= number[2])
            return true;
        text += strspn(text, " \n");
    }
    return false;
}

bool idmap_covers(const char *text, uint32_t id)
{
    return idmap_covers_all(text, id, 1);
}

/* Root of a container whose map has a single number cannot give a task another one. */
static bool has_room(const char *proc, const char *name)
{
    static const uint32_t ids[] = {CRIB_TASK_ID, 65533, 65532};
    char text[4096]; /* the kernel takes one page at most */

    if (facts_read(proc, name, text, sizeof(text)) < 0)
        return true; /* no proc: the capabilities alone tell */
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        if (!idmap_covers(text, ids[i]))
            return false;
    return true;
}

bool idmap_roomy(const char *proc)
{
    char text[16];

    if (!has_room(proc, "self/uid_map") || !has_room(proc, "self/gid_map"))
        return false;
    return facts_read(proc, "self/setgroups", text, sizeof(text)) < 0 ||
           strncmp(text, "deny", 4) != 0;
}
