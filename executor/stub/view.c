/* SPDX-License-Identifier: Apache-2.0 */
#include "stub/view.h"

#include <string.h>

#include "api/policy.h"

bool view_is_below(const char *path, const char *top)
{
    size_t len = strlen(top);

    if (len > 0 && top[len - 1] == '/')
        len--;
    return strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Fills @text. Return: whether it is a path: of variables only CWD's value is known here. */
static bool target_of(const Crib__Mount *mount, const char *at, char *text, size_t size)
{
    static const char cwd[] = "${CWD}";
    const ProtobufCBinaryData *target = &mount->target;

    if (!mount->has_target || target->len >= size)
        return false;
    memcpy(text, target->data, target->len);
    text[target->len] = '\0';
    if (strcmp(text, cwd) != 0)
        return true;
    if (!at || strlen(at) >= size)
        return false;
    memcpy(text, at, strlen(at) + 1);
    return true;
}

static bool shows(const Crib__Mount *mount, const char *path, const char *at)
{
    char text[4096];

    if (!target_of(mount, at, text, sizeof(text)))
        return false;
    if (view_is_below(text, path))
        return true; /* what is mounted in it must not be covered */
    switch (mount->has_type ? mount->type : CRIB__MOUNT__TYPE__bind) {
    case CRIB__MOUNT__TYPE__bind:
    case CRIB__MOUNT__TYPE__host:
    case CRIB__MOUNT__TYPE__overlay:
        return view_is_below(path, text);
    case CRIB__MOUNT__TYPE__tmpfs:
    case CRIB__MOUNT__TYPE__proc:
    case CRIB__MOUNT__TYPE__dir:
        return strcmp(path, text) == 0;
    default:
        return false;
    }
}

bool view_has(const crib_policy *policy, const char *path, const char *at)
{
    const Crib__Policy *message = policy ? policy->policy : NULL;

    if (!message)
        return false;
    if (strcmp(path, "/") == 0)
        return true;
    if (message->namespaces && message->namespaces->has_mount &&
        message->namespaces->mount == CRIB__NAMESPACES__SPACE__host)
        return true;
    for (size_t i = 0; i < message->n_mounts; i++)
        if (shows(message->mounts[i], path, at))
            return true;
    return false;
}

bool view_wants_cwd(const crib_policy *policy, const char *const *vars)
{
    const Crib__Policy *message = policy ? policy->policy : NULL;
    bool wants = false;

    for (size_t i = 0; message && i < message->n_vars; i++)
        if (strcmp(message->vars[i]->name, "CWD") == 0)
            wants = true;
    for (size_t i = 0; vars && vars[i]; i++)
        if (strncmp(vars[i], "CWD=", 4) == 0)
            wants = false;
    return wants;
}
