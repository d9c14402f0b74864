/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/stat.h>

#include "plan/bytes.h"
#include "plan/edit.h"
#include "plan/paths.h"
#include "plan/wants.h"
#include "plan/why.h"
#include "text/utf8.h"

#define SHOWN  300 /* bytes of a path in a sentence */
#define PLAIN  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+@"
#define NOBODY 65534u

/* A path for a sentence. */
static char *shown(const struct why *why, const char *path)
{
    size_t len = strlen(path);
    char *text = arena_copy(why->arena, path, len < SHOWN ? len : SHOWN);

    if (!text)
        return NULL;
    utf8_tame(text);
    return len < SHOWN ? text : arena_printf(why->arena, "%s...", text);
}

static char *mount_shown(const struct why *why)
{
    return shown(why, bytes_string(&why->mount->target));
}

static char *text(const struct why *why, const char *said)
{
    return arena_text(why->arena, said);
}

/* Return: `mode 0640, owner uid 1001`. */
static char *rights(const struct why *why)
{
    const Crib__Report__File *file = why->file;
    char *owner;

    if (file->uid == NOBODY)
        owner = text(why, "an id of outside");
    else if (file->uid == why->plan->ids->uid)
        owner = text(why, "the task's own");
    else
        owner = arena_printf(why->arena, "uid %u", file->uid);
    return owner ? arena_printf(why->arena, "mode 0%03o, owner %s", file->mode & 07777, owner)
                 : NULL;
}

static char *hidden_text(const struct why *why)
{
    const char *what =
        why->wants & WANT_MAKE && strcmp(why->there, why->dir) != 0 ? "its directory" : "it";
    char *at = why->mount ? mount_shown(why) : "";

    if (!at)
        return NULL;
    if (!why->mount)
        return arena_printf(why->arena, "no mount shows %s", what);
    if (why->mount->type == CRIB__MOUNT_PLAN__TYPE__tmpfs)
        return arena_printf(why->arena, "%s is not in the tmpfs at %s", what, at);
    return arena_printf(why->arena, "the mount at %s shows something else", at);
}

static char *read_only_text(const struct why *why)
{
    char *at = why->mount ? mount_shown(why) : "";

    if (!at)
        return NULL;
    if (!why->mount)
        return text(why, why->plan->namespaces->mount ? "no mount is there, and crib's own root is "
                                                        "read-only"
                                                      : "the host has it read-only");
    if (why->mount->write)
        return arena_printf(why->arena, "what is mounted at %s is read-only on the host", at);
    return arena_printf(why->arena, "the mount at %s is read-only", at);
}

static char *no_exec_text(const struct why *why)
{
    char *at = why->mount ? mount_shown(why) : "";

    if (!at)
        return NULL;
    if (!why->mount || why->mount->exec)
        return text(why, "the host lets nothing there be executed");
    return arena_printf(why->arena, "the mount at %s lets nothing be executed", at);
}

static char *mode_text(const struct why *why)
{
    char *how = rights(why), *dir = shown(why, why->there);
    bool is_dir = strcmp(why->there, why->path) != 0;

    if (!how || !dir)
        return NULL;
    if (why->reason == REASON_OWNER)
        return arena_printf(why->arena, "only its owner may (%s); no policy changes that", how);
    return arena_printf(why->arena, "%s%s%s; no policy changes that", is_dir ? dir : "",
                        is_dir ? " has " : "", how);
}

static char *reason_text(const struct why *why)
{
    char *at;

    switch (why->reason) {
    case REASON_HIDDEN:
        return hidden_text(why);
    case REASON_READ_ONLY:
        return read_only_text(why);
    case REASON_NO_EXEC:
        return no_exec_text(why);
    case REASON_NO_DEV:
        at = mount_shown(why);
        return at ? arena_printf(why->arena, "the mount at %s has no devices", at) : NULL;
    case REASON_LANDLOCK:
        return text(why, "Landlock lets nothing be written there");
    case REASON_DIR:
        return text(why, "its directory is not the task's to change, and no policy changes that");
    default:
        return mode_text(why);
    }
}

char *why_head(const struct why *why)
{
    char *path = shown(why, why->path);

    return path ? arena_printf(why->arena, "%s(%s)%s: ", why->call, path, wants_text(why->wants))
                : NULL;
}

char *why_text(const struct why *why)
{
    char *head = why_head(why), *reason = reason_text(why);

    return head && reason ? arena_printf(why->arena, "%s%s", head, reason) : NULL;
}

/* Permissions are nobody's rule. */
char *why_rule(const struct why *why)
{
    bool by_mount = why->reason < REASON_MODE;

    return text(why, by_mount && why->mount && why->mount->rule ? why->mount->rule : "");
}

/* Return: the path as YAML in a flow mapping; "" it cannot be written there; NULL: no memory. */
static char *yaml_path(const struct why *why, const char *path)
{
    size_t len = strlen(path), used = 0, n;
    char *out;
    uint32_t c;

    if (strspn(path, PLAIN) == len)
        return text(why, path);
    out = arena_alloc(why->arena, 2 * len + 3);
    if (!out)
        return NULL;
    out[used++] = '"';
    for (size_t i = 0; i < len; i += n) {
        n = utf8_next((const uint8_t *)path + i, len - i, &c);
        if (!n || c < ' ' || utf8_needs_escape(c))
            return text(why, "");
        if (c == '"' || c == '\\')
            out[used++] = '\\';
        memcpy(out + used, path + i, n);
        used += n;
    }
    out[used] = '"';
    return out;
}

/* `in work.yaml: mounts: [{target: /x, write: true}]`; @type is "", or "type: tmpfs, ". */
static char *mounts_line(const struct why *why, const char *type, const char *target,
                         const char *more)
{
    const Crib__SyscallsPlan *syscalls = why->plan->syscalls;
    const char *place = edit_place(syscalls ? syscalls->policy : NULL, why->arena);
    char *to = yaml_path(why, target);

    if (!place || !to)
        return NULL;
    if (!*to)
        return to;
    return arena_printf(why->arena, "%s: mounts: [{%starget: %s%s}]", place, type, to, more);
}

/* A bind of @path, which is in the deciding one and so perhaps elsewhere on the host. */
static char *bind_line(const struct why *why, const char *path, const char *more)
{
    const Crib__MountPlan *mount = why->mount;
    const char *rest, *target, *source;
    char *from;

    if (!mount)
        return mounts_line(why, "", path, more);
    target = bytes_string(&mount->target);
    source = bytes_string(&mount->source);
    rest = path_below(path, target);
    if (!rest)
        return text(why, "");
    if (strcmp(source, target) == 0)
        return mounts_line(why, "", path, more);
    from = arena_printf(why->arena, "%s%s", source, rest);
    from = from ? yaml_path(why, from) : NULL;
    if (!from || !*from)
        return from;
    from = arena_printf(why->arena, "source: %s, ", from);
    return from ? mounts_line(why, from, path, more) : NULL;
}

/* The deciding mount itself must be another. */
static char *mount_line(const struct why *why, const char *word)
{
    const char *rule = why->mount->rule;
    char *at = mount_shown(why);

    if (!at)
        return NULL;
    return arena_printf(why->arena, "`%s: true` for the mount of %s%s%s", word, at,
                        rule ? " at " : "", rule ? rule : "");
}

/* A directory of the task's own, in memory; not where it would cover another mount. */
static char *tmpfs_line(const struct why *why, const char *dir)
{
    for (size_t i = 0; i < why->plan->n_mounts; i++)
        if (path_below(bytes_string(&why->plan->mounts[i]->target), dir))
            return text(why, "");
    return mounts_line(why, "type: tmpfs, ", dir, ", mode: 01777");
}

static char *hidden_edit(const struct why *why)
{
    bool write = why->wants & WANT_WRITE;

    if (why->mount && why->mount->type == CRIB__MOUNT_PLAN__TYPE__bind)
        return text(why, ""); /* nothing is made inside a bind, nor found there */
    if (path_below(why->path, "/proc"))
        return mounts_line(why, "type: proc, ", "/proc", "");
    if (why->wants & WANT_MAKE)
        return tmpfs_line(why, why->dir);
    if (path_below(why->path, "/dev"))
        return mounts_line(why, "", why->path, ", write: true, dev: true");
    return mounts_line(why, "", why->path, write ? ", write: true" : "");
}

/* Nothing can be made in the root but mounts. */
static char *root_edit(const struct why *why)
{
    bool missing = why->file->code != 0;

    if (!missing || !why->plan->namespaces->mount)
        return text(why, "");
    return tmpfs_line(why, why->wants & WANT_ENTER ? why->path : why->dir);
}

static char *read_only_edit(const struct why *why)
{
    const Crib__MountPlan *mount = why->mount;
    bool name = why->wants & WANT_REMOVE || why->file->code != 0;

    if (!mount)
        return root_edit(why);
    if (mount->write)
        return text(why, "");
    if (mount->type != CRIB__MOUNT_PLAN__TYPE__bind)
        return mount_line(why, "write");
    if (mount->rule && strcmp(mount->rule, "--bind") == 0)
        return text(why, "`:rw` at the end of that --bind");
    /* A name cannot be made or removed but in a directory that can be written. */
    return bind_line(why, name ? why->dir : why->path, ", write: true");
}

static char *device_edit(const struct why *why)
{
    bool device = S_ISCHR(why->file->mode) || S_ISBLK(why->file->mode);
    bool write = why->wants & WANT_WRITE;

    if (!why->mount || why->mount->type != CRIB__MOUNT_PLAN__TYPE__bind)
        return text(why, "");
    return bind_line(why, why->path,
                     device && write ? ", write: true, dev: true"
                     : device        ? ", dev: true"
                                     : ", write: true");
}

static char *no_exec_edit(const struct why *why)
{
    const Crib__MountPlan *mount = why->mount;

    if (!mount || mount->exec)
        return text(why, "");
    if (mount->type != CRIB__MOUNT_PLAN__TYPE__bind)
        return mount_line(why, "exec");
    return bind_line(why, why->path, mount->write ? ", write: true" : "");
}

char *why_edit(const struct why *why)
{
    switch (why->reason) {
    case REASON_HIDDEN:
        return hidden_edit(why);
    case REASON_READ_ONLY:
        return read_only_edit(why);
    case REASON_NO_EXEC:
        return no_exec_edit(why);
    case REASON_NO_DEV:
    case REASON_LANDLOCK:
        return device_edit(why);
    default:
        return text(why, "");
    }
}
