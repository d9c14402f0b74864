/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: init tells of a call when the kernel, asked beforehand, will not grant what
 * the call wants, or Landlock's rules do not; and what it found at the path. That is held against
 * what the call wants, in the order in which the kernel asks. Where no mount and no wall is
 * the reason, permissions are: their bits say it only where ACLs and groups do not. The kernel
 * refuses after init has let the call through, so this is a forecast, for people to read: nothing
 * hangs on it.
 */
#include "plan/why.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "plan/bytes.h"
#include "plan/paths.h"
#include "plan/view.h"
#include "plan/wants.h"
#include "policy/calls.h"

#define NOBODY 65534u /* how the kernel shows an id that the sandbox does not have */

/* What it may then do depends on whose file it is, on the host. */
static bool has_caps(const struct why *why)
{
    return why->plan->caps && why->plan->caps->mask;
}

/* Whether an id that init saw is not the task's, though it has that number: the kernel shows every
 * id so that the sandbox does not have. What the task may have made is its own. */
static bool is_foreign(const struct why *why, uint32_t id)
{
    const Crib__MountPlan *mount = why->mount;

    return id == NOBODY && mount && mount->type == CRIB__MOUNT_PLAN__TYPE__bind && !mount->write;
}

/* Return: the permission bits that count for the task; 7 where that cannot be said. */
static uint32_t bits_of(const struct why *why)
{
    const Crib__Report__File *file = why->file;
    const Crib__IdsPlan *ids = why->plan->ids;

    if (!file->has_mode || !file->has_uid || !file->has_gid || has_caps(why))
        return 7;
    if (file->uid == ids->uid && !is_foreign(why, file->uid))
        return file->mode >> 6 & 7;
    if (file->gid == ids->gid && !is_foreign(why, file->gid))
        return file->mode >> 3 & 7;
    /* Groups that were kept are not seen, and an ACL shows as the group's bits. */
    if (!ids->clear_groups)
        return (file->mode | file->mode >> 3) & 7;
    return file->mode & 7;
}

static bool lacks(const struct why *why, uint32_t wanted)
{
    return (bits_of(why) & wanted) != wanted;
}

static bool is_special(const struct why *why)
{
    uint32_t type = why->file->mode & S_IFMT;

    return why->file->has_mode &&
           (type == S_IFCHR || type == S_IFBLK || type == S_IFIFO || type == S_IFSOCK);
}

static bool is_type(const struct why *why, uint32_t type)
{
    return why->file->has_mode && (why->file->mode & S_IFMT) == type;
}

/* Whether Landlock lets nothing be written at @path: rights add up from the root down. */
static bool is_walled(const struct why *why, const char *path)
{
    const Crib__LandlockPlan *plan = why->plan->landlock;

    if (!plan || !plan->abi)
        return false;
    for (size_t i = 0; i < plan->n_rules; i++)
        if (plan->rules[i]->write && path_below(path, bytes_string(&plan->rules[i]->path)))
            return false;
    return true;
}

/* Devices work only where a mount says so. */
static bool has_no_devices(const struct why *why)
{
    if (!(why->wants & WANT_OPEN) || !(why->wants & (WANT_READ | WANT_WRITE)))
        return false;
    if (!is_type(why, S_IFCHR) && !is_type(why, S_IFBLK))
        return false;
    return why->mount && why->mount->type == CRIB__MOUNT_PLAN__TYPE__bind && !why->mount->dev;
}

static enum reason reason_to_write(const struct why *why, const char *path)
{
    if (why->file->read_only)
        return REASON_READ_ONLY;
    return is_walled(why, path) ? REASON_LANDLOCK : REASON_NONE;
}

/* The name is there, and the call opens it, runs it, or asks whether it may. */
static enum reason reason_to_use(const struct why *why)
{
    uint32_t rights = why->wants & (WANT_READ | WANT_WRITE | WANT_EXEC);
    bool opens_dir = why->wants & WANT_OPEN && is_type(why, S_IFDIR) && !(rights & WANT_EXEC);
    enum reason reason = REASON_NONE;

    if (opens_dir && why->wants & (WANT_WRITE | WANT_MAKE))
        return REASON_NONE; /* EISDIR, whatever a policy says */
    if (has_no_devices(why))
        return REASON_NO_DEV;
    if (lacks(why, rights))
        return REASON_MODE;
    if (rights & WANT_EXEC && why->file->no_exec && is_type(why, S_IFREG))
        return REASON_NO_EXEC;
    /* What is written to a device or a socket is not written to the mount. */
    if (rights & WANT_WRITE && !is_special(why))
        reason = reason_to_write(why, why->path);
    else if (rights & WANT_WRITE && why->wants & WANT_OPEN && is_walled(why, why->path))
        reason = REASON_LANDLOCK;
    return reason == REASON_NONE && rights ? REASON_MODE : reason;
}

static enum reason reason_to_change(const struct why *why)
{
    if (why->file->read_only)
        return REASON_READ_ONLY;
    return why->file->has_uid && why->file->uid != why->plan->ids->uid && !has_caps(why)
               ? REASON_OWNER
               : REASON_NONE;
}

/* It is the directory that is written, and of a mount point the one outside. */
static enum reason reason_to_remove(const struct why *why)
{
    enum reason reason = reason_to_write(why, why->dir);

    if (!why->mount && why->plan->namespaces->mount)
        return REASON_READ_ONLY;
    if (view_over(why->plan, why->path, NULL) != why->mount)
        return REASON_NONE; /* EBUSY */
    return reason == REASON_NONE ? REASON_DIR : reason;
}

static enum reason reason_there(const struct why *why)
{
    if (why->wants & WANT_REMOVE)
        return reason_to_remove(why);
    if (why->wants & WANT_NEW)
        return REASON_NONE; /* EEXIST */
    return why->wants & WANT_CHANGE ? reason_to_change(why) : reason_to_use(why);
}

/* Whether what the host has there may be something else than the task finds. */
static bool may_be_hidden(const struct why *why)
{
    const Crib__MountPlan *mount = why->mount;

    if (!why->plan->namespaces->mount)
        return false;
    if (!mount || mount->type == CRIB__MOUNT_PLAN__TYPE__tmpfs)
        return true;
    return (mount->type == CRIB__MOUNT_PLAN__TYPE__bind ||
            mount->type == CRIB__MOUNT_PLAN__TYPE__overlay) &&
           strcmp(bytes_string(&mount->source), bytes_string(&mount->target)) != 0;
}

static enum reason reason_missing(const struct why *why)
{
    enum reason reason;

    if (!(why->wants & WANT_MAKE) || strcmp(why->there, why->dir) != 0)
        return may_be_hidden(why) ? REASON_HIDDEN : REASON_NONE;
    reason = reason_to_write(why, why->dir);
    return reason == REASON_NONE ? REASON_MODE : reason;
}

enum reason why_reason(const struct why *why)
{
    switch (why->file->has_code ? why->file->code : 0) {
    case 0:
        return reason_there(why);
    case -ENOENT:
        return reason_missing(why);
    case -EACCES:
        return REASON_SEARCH;
    default:
        return REASON_NONE;
    }
}

/* Return: a clean absolute path; "" it is none. NULL: out of memory. */
static const char *clean(const ProtobufCBinaryData *bytes, struct arena *arena)
{
    const char *text;

    if (!bytes->len || bytes->len >= PATH_MAX || bytes->data[0] != '/' ||
        memchr(bytes->data, '\0', bytes->len))
        return "";
    text = arena_copy(arena, bytes->data, bytes->len);
    return text ? path_clean(arena, "/", text) : NULL;
}

static const char *dir_of(const char *path, struct arena *arena)
{
    size_t len = (size_t)(strrchr(path, '/') - path);

    return len ? arena_copy(arena, path, len) : "/";
}

/* Return: 0; 1 there is nothing to be said; -ENOMEM. */
static int resolve(struct why *why)
{
    const struct call *call = call_by_number(why->refused->number);
    const Crib__Report__Object *object = why->refused->object;
    int arg = object && object->has_arg ? (int)object->arg : -1;
    uint64_t args[CALLS_ARGS] = {0};

    why->path = clean(&why->file->path, why->arena);
    why->there = why->file->there.len ? clean(&why->file->there, why->arena) : why->path;
    if (!why->path || !why->there)
        return -ENOMEM;
    if (!call || !*why->path || !*why->there)
        return 1;
    why->dir = dir_of(why->path, why->arena);
    if (!why->dir)
        return -ENOMEM;
    for (size_t i = 0; i < CALLS_ARGS && i < why->refused->n_args; i++)
        args[i] = why->refused->args[i];
    why->call = call->name;
    why->wants = wants_of(why->refused->number, args, arg);
    why->mount = view_over(why->plan, why->wants & WANT_REMOVE ? why->dir : why->path, NULL);
    return 0;
}

static const char *errno_of(enum reason reason)
{
    switch (reason) {
    case REASON_HIDDEN:
        return "ENOENT";
    case REASON_READ_ONLY:
        return "EROFS";
    case REASON_OWNER:
        return "EPERM";
    default:
        return "EACCES";
    }
}

/* What the registers say is told as of any other call; the rest is put over it. */
static int fill(const struct why *why, Crib__Denial *denial)
{
    denial->has_by = denial->has_object = true;
    denial->by = CRIB__DENIAL__BY__files;
    denial->answer = (char *)errno_of(why->reason);
    denial->text = why_text(why);
    denial->rule = why_rule(why);
    denial->edit = why_edit(why);
    denial->object = arena_bytes(why->arena, why->path, strlen(why->path));
    return denial->text && denial->rule && denial->edit && denial->object.data ? 0 : -ENOMEM;
}

int plan_why(const Crib__Plan *plan, const Crib__Report__Refused *refused, struct arena *arena,
             Crib__Denial **ret)
{
    struct why why = {.plan = plan, .refused = refused, .file = refused->file, .arena = arena};
    Crib__Denial *denial;
    int r;

    *ret = NULL;
    if (!why.file)
        return 0;
    r = resolve(&why);
    if (r != 0)
        return r < 0 ? r : 0;
    why.reason = why_reason(&why);
    if (why.reason == REASON_NONE)
        return 0;
    r = plan_denial(plan, refused, arena, &denial);
    if (r == 0)
        r = fill(&why, denial);
    *ret = r < 0 ? NULL : denial;
    return r;
}

bool plan_why_hidden(const Crib__Denial *denial)
{
    return denial->has_by && denial->by == CRIB__DENIAL__BY__files && denial->answer &&
           strcmp(denial->answer, "ENOENT") == 0;
}

/* Return: whether the denial is of a path that its call makes; of two paths the text says which. */
static bool is_made(const Crib__Denial *denial, const char *path, struct arena *arena)
{
    struct why why = {.path = path, .call = denial->call, .arena = arena};
    uint64_t args[CALLS_ARGS] = {0};
    const char *head;

    for (size_t i = 0; i < CALLS_ARGS && i < denial->n_args; i++)
        args[i] = denial->args[i];
    why.wants = wants_of((int)denial->number, args, -1);
    if (!(why.wants & WANT_MAKE) || !denial->call || !denial->text)
        return false;
    head = why_head(&why);
    return head && strncmp(denial->text, head, strlen(head)) == 0;
}

const char *plan_why_place(const Crib__Denial *denial, struct arena *arena)
{
    const char *path = clean(&denial->object, arena);

    if (!path || !*path)
        return NULL;
    return is_made(denial, path, arena) ? dir_of(path, arena) : path;
}
