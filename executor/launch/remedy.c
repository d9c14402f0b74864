/* SPDX-License-Identifier: Apache-2.0 */
/* What a person can do where the kernel, or something around crib, refuses a step of a start. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "launch/parts.h"

/* Return: a sentence without its full stop; "" there is nothing to say. */
static const char *remedy_of(int code, const char *takes, char *text, size_t size)
{
    switch (code) {
    case -EBADE:
        return "it was answered as done and was not: something around crib, such as a container "
               "that only pretends to give root's rights, answers for the kernel; run crib "
               "outside of it";
    case -EMFILE:
    case -ENFILE:
        return "raise the limit on open files (`ulimit -n`)";
    case -EAGAIN:
        return "too many processes: raise the limit (`ulimit -u`), or that of the cgroup that crib "
               "is in";
    case -EFBIG:
        return "the caller's limit on the size of files is too low: raise it (`ulimit -f`)";
    case -EPERM:
    case -ENOSYS:
        if (!takes)
            return "";
        snprintf(text, size,
                 "it takes %s: a newer kernel, or a filter around crib, such as a container's, "
                 "that lets it through",
                 takes);
        return text;
    default:
        return "";
    }
}

int launch_fail(struct crib_error *err, int code, const struct stumble *at)
{
    char text[256], said[64] = "";
    const char *remedy = remedy_of(code, at->takes, text, sizeof(text));

    if (!remedy[0])
        return fail_sys(err, code, at->step, at->index, at->subject, at->what ? "%s" : NULL,
                        at->what);
    if (code != -EBADE)
        snprintf(said, sizeof(said), "%s: ", strerror(-code));
    return fail_text(err, code, at->step, at->index, at->subject, "%s%s%s%s",
                     at->what ? at->what : "", at->what ? ": " : "", said, remedy);
}
