/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/hidden.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "plan/plan.h"

#define ROOM (64u << 10) /* bytes for a path or two */

bool hidden_stands(const Crib__Denial *denial)
{
    struct arena arena;
    struct statx found;
    const char *path;
    bool has;

    if (!plan_why_hidden(denial))
        return true;
    arena_init(&arena, ROOM);
    path = plan_why_place(denial, &arena);
    has = path && statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
                        STATX_TYPE, &found) == 0;
    arena_done(&arena);
    return has;
}
