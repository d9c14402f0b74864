/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/check.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PATH_BYTES 64 /* hold `mounts[N].FIELD` */

#define BIT(type)  (1u << CRIB__MOUNT__TYPE__##type)
#define SHOWS_HOST (BIT(bind) | BIT(host) | BIT(overlay))
#define BINDS      (BIT(bind) | BIT(host))

static int refuse(const struct policy_check *check, size_t index, const char *field,
                  const char *text)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "mounts[%zu]%s%s", index, field ? "." : "", field ? field : "");
    return policy_refuse(check, path, -EINVAL, "%s", text);
}

/* Whether one of the path's names is `..`. */
static bool climbs(const char *path, size_t len)
{
    const char *at = path, *end = path + len;

    while (at < end) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        const char *stop = slash ? slash : end;

        if (stop - at == 2 && at[0] == '.' && at[1] == '.')
            return true;
        at = stop + 1;
    }
    return false;
}

/* Before variables are replaced, where a path begins is not known. */
static bool may_begin(const struct policy_check *check, const ProtobufCBinaryData *path)
{
    if (path->len && path->data[0] == '/')
        return true;
    return !check->replaced && path->len > 2 && memcmp(path->data, "${", 2) == 0;
}

static int check_path(const struct policy_check *check, size_t index, const char *field,
                      const ProtobufCBinaryData *path)
{
    const char *text = (const char *)path->data;

    if (!may_begin(check, path))
        return refuse(check, index, field, "the path is not absolute");
    if (path->len >= PATH_MAX)
        return refuse(check, index, field, "the path is too long");
    if (memchr(text, '\0', path->len))
        return refuse(check, index, field, "the path has a NUL in it");
    if (climbs(text, path->len))
        return refuse(check, index, field, "the path has a `..` in it");
    return 0;
}

/* A symlink's source is its text, and may be relative. */
static int check_source(const struct policy_check *check, size_t index, const Crib__Mount *mount,
                        Crib__Mount__Type type)
{
    if (type != CRIB__MOUNT__TYPE__symlink)
        return mount->has_source ? check_path(check, index, "source", &mount->source) : 0;
    if (!mount->has_source || !mount->source.len)
        return refuse(check, index, NULL, "a symlink needs a source, the text of it");
    if (memchr(mount->source.data, '\0', mount->source.len))
        return refuse(check, index, "source", "the text has a NUL in it");
    return mount->source.len < PATH_MAX ? 0 : refuse(check, index, "source", "it is too long");
}

/* What would be without effect is refused. */
static int check_fields(const struct policy_check *check, size_t index, const Crib__Mount *mount,
                        Crib__Mount__Type type)
{
    const struct {
        const char *name;
        bool set;
        unsigned types;
    } fields[] = {
        {"source", mount->has_source, SHOWS_HOST | BIT(symlink)},
        {"write", mount->has_write && mount->write, BINDS | BIT(tmpfs) | BIT(proc)},
        {"exec", mount->has_exec && mount->exec, SHOWS_HOST | BIT(tmpfs)},
        {"dev", mount->has_dev && mount->dev, BINDS},
        {"optional", mount->has_optional && mount->optional, SHOWS_HOST},
        {"size", mount->has_size, BIT(tmpfs) | BIT(overlay)},
        {"inodes", mount->has_inodes, BIT(tmpfs) | BIT(overlay)},
        {"mode", mount->has_mode, BIT(tmpfs) | BIT(dir) | BIT(file)},
        {"content", mount->has_content, BIT(file)},
        {"names", mount->has_names, BIT(file)},
        {"keep", mount->has_keep, BIT(overlay)},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (fields[i].set && !(fields[i].types & 1u << type))
            return refuse(check, index, fields[i].name, "it has no meaning for this type of mount");
    if (mount->has_mode && mount->mode & ~01777u)
        return refuse(check, index, "mode", "more than the permission bits, 0 to 01777");
    return 0;
}

int policy_check_mounts(const struct policy_check *check)
{
    for (size_t i = 0; i < check->policy->n_mounts; i++) {
        const Crib__Mount *mount = check->policy->mounts[i];
        Crib__Mount__Type type = mount->has_type ? mount->type : CRIB__MOUNT__TYPE__bind;
        int r;

        if (!mount->has_target)
            return refuse(check, i, NULL, "a mount needs a target");
        r = check_path(check, i, "target", &mount->target);
        if (r == 0)
            r = check_fields(check, i, mount, type);
        if (r == 0)
            r = check_source(check, i, mount, type);
        if (r < 0)
            return r;
    }
    return 0;
}
