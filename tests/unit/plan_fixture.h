/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task, a made-up host and the plan of both, for the tests of plan/.
 *
 * Runs in: tests.
 * Owns: its arena.
 */
#ifndef UNIT_PLAN_FIXTURE_H
#define UNIT_PLAN_FIXTURE_H

#include <stdbool.h>
#include <string.h>

#include "plan/plan.h"
#include "support/support.h"

struct fixture {
    struct arena arena;
    Crib__Host *host;
    Crib__Task *task;
    Crib__Policy *policy;
    Crib__Plan *plan;
    struct crib_error err;
};

static inline ProtobufCBinaryData bytes(const char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
}

static inline Crib__HostPath *add_path(struct fixture *f, const char *path,
                                       Crib__HostPath__Kind kind)
{
    Crib__HostPath *at = ARENA_NEW(&f->arena, crib__host_path, Crib__HostPath);

    at->has_path = at->has_kind = at->has_real = at->has_dev = at->has_ino = true;
    at->path = at->real = bytes(path);
    at->kind = kind;
    at->dev = 2049;
    at->ino = 100 + f->host->n_paths;
    assert_int_equal(arena_push(&f->arena, &f->host->paths, &f->host->n_paths, at), 0);
    return at;
}

static inline Crib__HostPath *add_link(struct fixture *f, const char *path, const char *text,
                                       const char *real, Crib__HostPath__Kind end)
{
    Crib__HostPath *at = add_path(f, path, CRIB__HOST_PATH__KIND__link);

    at->has_text = at->has_end = true;
    at->text = bytes(text);
    at->real = bytes(real);
    at->end = end;
    return at;
}

static inline void push_text(struct fixture *f, char ***list, size_t *count, const char *text)
{
    assert_int_equal(arena_push(&f->arena, list, count, (char *)text), 0);
}

static inline void push_bytes(struct fixture *f, ProtobufCBinaryData **list, size_t *count,
                              const char *text)
{
    ProtobufCBinaryData value = bytes(text);

    assert_int_equal(arena_push_value(&f->arena, list, count, &value, sizeof(value)), 0);
}

static inline Crib__Mount *add_mount(struct fixture *f, Crib__Mount__Type type, const char *source,
                                     const char *target)
{
    Crib__Mount *mount = ARENA_NEW(&f->arena, crib__mount, Crib__Mount);

    mount->has_type = true;
    mount->type = type;
    mount->has_source = source != NULL;
    mount->source = bytes(source ? source : "");
    mount->has_target = target != NULL;
    mount->target = bytes(target ? target : "");
    assert_int_equal(arena_push(&f->arena, &f->policy->mounts, &f->policy->n_mounts, mount), 0);
    return mount;
}

static inline Crib__Stdio *add_stdio(struct fixture *f, unsigned fd, Crib__Stdio__Kind kind)
{
    Crib__Stdio *entry = ARENA_NEW(&f->arena, crib__stdio, Crib__Stdio);

    entry->has_fd = entry->has_kind = true;
    entry->fd = fd;
    entry->kind = kind;
    assert_int_equal(arena_push(&f->arena, &f->task->stdio, &f->task->n_stdio, entry), 0);
    return entry;
}

static inline void add_hard(struct fixture *f, uint32_t resource, uint64_t hard)
{
    Crib__HostLimit *limit = ARENA_NEW(&f->arena, crib__host_limit, Crib__HostLimit);

    limit->has_resource = limit->has_hard = true;
    limit->resource = resource;
    limit->hard = hard;
    assert_int_equal(arena_push(&f->arena, &f->host->limits, &f->host->n_limits, limit), 0);
}

static inline Crib__HostController *add_controller(struct fixture *f, const char *name,
                                                   unsigned version, const char *dir)
{
    Crib__HostController *found = ARENA_NEW(&f->arena, crib__host_controller, Crib__HostController);

    found->name = (char *)name;
    found->has_version = found->has_dir = found->has_swap = true;
    found->version = version;
    found->dir = bytes(dir);
    found->swap = true;
    assert_int_equal(arena_push(&f->arena, &f->host->controllers, &f->host->n_controllers, found),
                     0);
    return found;
}

/* An ordinary user's host with everything, and a policy that allows a program to start. */
static inline void fixture_start(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    arena_init(&f->arena, 0);
    f->host = ARENA_NEW(&f->arena, crib__host, Crib__Host);
    f->task = ARENA_NEW(&f->arena, crib__task, Crib__Task);
    f->policy = f->task->policy = ARENA_NEW(&f->arena, crib__policy, Crib__Policy);
    f->policy->syscalls = ARENA_NEW(&f->arena, crib__syscalls, Crib__Syscalls);
    f->host->uid = f->host->gid = 1000;
    f->host->user_namespaces = f->host->listener = true;
    f->host->landlock_abi = 6;
    f->host->last_cap = 40;
    f->host->has_cwd = true;
    f->host->cwd = bytes("/home/user");
    f->task->has_file = true;
    f->task->file = bytes("prog");
    push_text(f, &f->policy->syscalls->allow, &f->policy->syscalls->n_allow, "execve");
    push_text(f, &f->policy->syscalls->allow, &f->policy->syscalls->n_allow, "exit_group");
}

static inline void fixture_done(struct fixture *f)
{
    arena_done(&f->arena);
}

static inline void must_build(struct fixture *f)
{
    char text[700];
    int r = plan_build(f->task, f->host, &f->arena, &f->plan, &f->err);

    if (r < 0)
        fail_msg("%s", crib_error_text(&f->err, text, sizeof(text)));
}

/* The plan is refused with exactly this code and sentence. */
static inline void must_refuse(struct fixture *f, int code, const char *sentence)
{
    char text[700];
    int r = plan_build(f->task, f->host, &f->arena, &f->plan, &f->err);

    crib_error_text(&f->err, text, sizeof(text));
    assert_string_equal(r < 0 ? text : "the plan was made", sentence);
    assert_int_equal(r, code);
    assert_int_equal(f->err.code, code);
}

/* What the receipt says of a mechanism, as `asked -> applied`. */
static inline const char *receipt_of(struct fixture *f, const char *mechanism)
{
    for (size_t i = 0; i < f->plan->n_receipt; i++)
        if (strcmp(f->plan->receipt[i]->mechanism, mechanism) == 0)
            return arena_printf(&f->arena, "%s -> %s", f->plan->receipt[i]->asked,
                                f->plan->receipt[i]->applied);
    return "nothing";
}

#endif
