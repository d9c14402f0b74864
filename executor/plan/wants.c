/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/wants.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "policy/calls.h"

#define MAKES (WANT_MAKE | WANT_NEW)

/* Where the rest is said: in open flags, or as access() has it. */
enum said { NOWHERE, IN_FLAGS, IN_MODE };

struct row {
    const char *call;
    int arg; /* the path's */
    uint32_t wants;
    enum said said;
    int said_arg;
};

/* Calls that only look are left out. */
static const struct row rows[] = {
    {"open", 0, WANT_OPEN, IN_FLAGS, 1},
    {"openat", 1, WANT_OPEN, IN_FLAGS, 2},
    {"openat2", 1, WANT_OPEN | WANT_READ, NOWHERE, 0},
    {"creat", 0, WANT_OPEN | WANT_MAKE | WANT_WRITE, NOWHERE, 0},
    {"access", 0, 0, IN_MODE, 1},
    {"faccessat", 1, 0, IN_MODE, 2},
    {"faccessat2", 1, 0, IN_MODE, 2},
    {"inotify_add_watch", 1, WANT_READ, NOWHERE, 0},
    {"execve", 0, WANT_EXEC, NOWHERE, 0},
    {"execveat", 1, WANT_EXEC, NOWHERE, 0},
    {"chdir", 0, WANT_EXEC | WANT_ENTER, NOWHERE, 0},
    {"truncate", 0, WANT_WRITE, NOWHERE, 0},
    {"connect", 1, WANT_WRITE, NOWHERE, 0},
    {"utime", 0, WANT_WRITE, NOWHERE, 0},
    {"utimes", 0, WANT_WRITE, NOWHERE, 0},
    {"futimesat", 1, WANT_WRITE, NOWHERE, 0},
    {"utimensat", 1, WANT_WRITE, NOWHERE, 0},
    {"setxattr", 0, WANT_WRITE, NOWHERE, 0},
    {"lsetxattr", 0, WANT_WRITE, NOWHERE, 0},
    {"setxattrat", 1, WANT_WRITE, NOWHERE, 0},
    {"removexattr", 0, WANT_WRITE, NOWHERE, 0},
    {"lremovexattr", 0, WANT_WRITE, NOWHERE, 0},
    {"removexattrat", 1, WANT_WRITE, NOWHERE, 0},
    {"chmod", 0, WANT_CHANGE, NOWHERE, 0},
    {"fchmodat", 1, WANT_CHANGE, NOWHERE, 0},
    {"fchmodat2", 1, WANT_CHANGE, NOWHERE, 0},
    {"chown", 0, WANT_CHANGE, NOWHERE, 0},
    {"lchown", 0, WANT_CHANGE, NOWHERE, 0},
    {"fchownat", 1, WANT_CHANGE, NOWHERE, 0},
    {"mkdir", 0, MAKES | WANT_ENTER, NOWHERE, 0},
    {"mkdirat", 1, MAKES | WANT_ENTER, NOWHERE, 0},
    {"mknod", 0, MAKES, NOWHERE, 0},
    {"mknodat", 1, MAKES, NOWHERE, 0},
    {"bind", 1, MAKES, NOWHERE, 0},
    {"symlink", 1, MAKES, NOWHERE, 0},
    {"symlinkat", 2, MAKES, NOWHERE, 0},
    {"link", 1, MAKES, NOWHERE, 0},
    {"linkat", 3, MAKES, NOWHERE, 0},
    {"rename", 1, WANT_MAKE | WANT_REMOVE, NOWHERE, 0},
    {"renameat", 3, WANT_MAKE | WANT_REMOVE, NOWHERE, 0},
    {"renameat2", 3, WANT_MAKE | WANT_REMOVE, NOWHERE, 0},
    {"rename", 0, WANT_REMOVE, NOWHERE, 0},
    {"renameat", 1, WANT_REMOVE, NOWHERE, 0},
    {"renameat2", 1, WANT_REMOVE, NOWHERE, 0},
    {"unlink", 0, WANT_REMOVE, NOWHERE, 0},
    {"unlinkat", 1, WANT_REMOVE, NOWHERE, 0},
    {"rmdir", 0, WANT_REMOVE, NOWHERE, 0},
};

static const struct row *find(const char *call, int arg)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].call, call) == 0 && (arg < 0 || rows[i].arg == arg))
            return &rows[i];
    return NULL;
}

static uint32_t wants_of_open(unsigned flags)
{
    uint32_t wants = (flags & O_ACCMODE) == O_RDONLY   ? WANT_READ
                     : (flags & O_ACCMODE) == O_WRONLY ? WANT_WRITE
                                                       : WANT_READ | WANT_WRITE;

    if (flags & O_PATH)
        return 0;
    if (flags & O_TRUNC)
        wants |= WANT_WRITE;
    if ((flags & O_TMPFILE) == O_TMPFILE)
        return WANT_WRITE | WANT_EXEC; /* of the directory */
    if (flags & O_CREAT)
        wants |= WANT_MAKE | (flags & O_EXCL ? WANT_NEW : 0);
    return wants;
}

uint32_t wants_of(int number, const uint64_t *args, int arg)
{
    const struct call *call = call_by_number(number);
    const struct row *row = call ? find(call->name, arg) : NULL;

    if (!row)
        return 0;
    if (row->said == IN_FLAGS)
        return row->wants | wants_of_open((unsigned)args[row->said_arg]);
    if (row->said == IN_MODE)
        return (uint32_t)args[row->said_arg] & (WANT_READ | WANT_WRITE | WANT_EXEC);
    return row->wants;
}

const char *wants_text(uint32_t wants)
{
    if (wants & WANT_REMOVE)
        return wants & WANT_MAKE ? " to replace" : " to remove";
    if (wants & WANT_CHANGE)
        return " to change";
    if (wants & WANT_WRITE)
        return wants & WANT_READ ? " to read and write" : " to write";
    if (wants & WANT_MAKE)
        return " to make";
    if (wants & WANT_EXEC)
        return wants & WANT_ENTER ? " to enter" : " to run";
    return wants & WANT_READ ? " to read" : "";
}
