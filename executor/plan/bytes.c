/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/bytes.h"

#include <errno.h>
#include <string.h>

int plan_no_memory(struct planning *p, const char *step)
{
    return fail_sys(p->err, -ENOMEM, step, -1, NULL, NULL);
}

int bytes_text(struct planning *p, const ProtobufCBinaryData *bytes, const char *step, int index,
               const char *what, char **ret)
{
    char *text;

    if (bytes->len && memchr(bytes->data, '\0', bytes->len))
        return fail_text(p->err, -EINVAL, step, index, NULL, "%s has a NUL byte inside", what);
    text = arena_copy(p->arena, bytes->data, bytes->len);
    if (!text)
        return plan_no_memory(p, step);
    *ret = text;
    return 0;
}

int bytes_path(struct planning *p, const ProtobufCBinaryData *bytes, const char *step, int index,
               const char *what, char **ret)
{
    if (bytes->len == 0)
        return fail_text(p->err, -EINVAL, step, index, NULL, "%s is empty", what);
    if (bytes->len >= PATH_MAX)
        return fail_text(p->err, -ENAMETOOLONG, step, index, NULL, "%s is longer than %d bytes",
                         what, PATH_MAX - 1);
    return bytes_text(p, bytes, step, index, what, ret);
}

ProtobufCBinaryData bytes_of(char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
}
