/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Task as the library's options. What of it has no meaning for a worker is refused, and so is
 * what would be the daemon's to open.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "primary/running.h"

static int no_memory(struct crib_error *err)
{
    return fail_sys(err, -ENOMEM, "task", -1, NULL, NULL);
}

static int check(const Crib__Task *task, struct crib_error *err)
{
    const struct {
        bool there;
        const char *name;
    } refused[] = {{task->has_uid || task->has_gid, "ids"}, {task->detached, "detached"},
                   {task->terminal != NULL, "terminal"},    {task->has_listen_fds, "listen_fds"},
                   {task->n_copy_in > 0, "copy_in"},        {task->n_copy_out > 0, "copy_out"},
                   {task->origins != NULL, "origins"}};

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (refused[i].there)
            return fail_text(err, -EINVAL, refused[i].name, -1, NULL,
                             "a worker of a cluster cannot have it");
    if (!task->has_file || !task->file.len)
        return fail_text(err, -EINVAL, "program", -1, NULL, "no file is named");
    return 0;
}

/* --- stdio --- */

static int open_file(struct start *start, const Crib__Stdio *entry, int *ret,
                     struct crib_error *err)
{
    const char *path = begin_text(start, entry->path, "stdio", err);
    Crib__Stdio__Mode mode = entry->has_mode  ? entry->mode
                             : entry->fd == 0 ? CRIB__STDIO__MODE__read
                                              : CRIB__STDIO__MODE__write;
    int flags = mode == CRIB__STDIO__MODE__read    ? O_RDONLY
                : mode == CRIB__STDIO__MODE__write ? O_WRONLY | O_CREAT | O_TRUNC
                                                   : O_WRONLY | O_CREAT | O_APPEND;

    if (!path)
        return err->code;
    *ret = open(path, flags | O_CLOEXEC | O_NOCTTY, 0666);
    return *ret < 0 ? fail_sys(err, -errno, "stdio", (int)entry->fd, path, "open") : 0;
}

/* A file is opened once: the workers share it, and its offset. */
static int set_stdio(struct start *start, const Crib__Task *task, struct crib_error *err)
{
    bool named[PRIMARY_STDIO] = {false};

    for (size_t i = 0; i < task->n_stdio; i++) {
        const Crib__Stdio *entry = task->stdio[i];
        Crib__Stdio__Kind kind = entry->has_kind ? entry->kind : CRIB__STDIO__KIND__null;
        struct crib_stdio *to;
        int r;

        if (entry->fd >= PRIMARY_STDIO || named[entry->fd] ||
            (kind != CRIB__STDIO__KIND__null && kind != CRIB__STDIO__KIND__file))
            return fail_text(err, -EINVAL, "stdio", (int)i, NULL,
                             "fds 0 to 2, each once, `null` or `file`");
        named[entry->fd] = true;
        to = &start->stdio[entry->fd];
        if (kind == CRIB__STDIO__KIND__null)
            continue;
        r = open_file(start, entry, &to->from, err);
        if (r < 0)
            return r;
        to->kind = CRIB_FD;
    }
    start->worker.stdio = start->stdio;
    start->worker.stdio_count = PRIMARY_STDIO;
    return 0;
}

/* --- mounts --- */

static int add_bind(struct start *start, const Crib__Mount *mount, struct crib_bind *to,
                    struct crib_error *err)
{
    to->source = begin_text(start, mount->source, "task.mounts", err);
    to->target = mount->has_target ? begin_text(start, mount->target, "task.mounts", err) : NULL;
    to->write = mount->write;
    return to->source && (to->target || !mount->has_target) ? 0 : err->code;
}

static int add_overlay(struct start *start, const Crib__Mount *mount, struct crib_overlay *to,
                       struct crib_error *err)
{
    to->source = begin_text(start, mount->source, "task.mounts", err);
    to->target = mount->has_target ? begin_text(start, mount->target, "task.mounts", err) : NULL;
    to->size = mount->size;
    return to->source && (to->target || !mount->has_target) ? 0 : err->code;
}

static int add_tmpfs(struct start *start, const Crib__Mount *mount, struct crib_tmpfs *to,
                     struct crib_error *err)
{
    to->target = begin_text(start, mount->target, "task.mounts", err);
    to->size = mount->size;
    return to->target ? 0 : err->code;
}

/* @index: of @mount, for the error. */
static int add_mount(struct start *start, const Crib__Mount *mount, int index,
                     struct crib_bind *binds, struct crib_tmpfs *tmpfs,
                     struct crib_overlay *overlays, struct crib_error *err)
{
    struct crib_options *worker = &start->worker;

    switch (mount->has_type ? mount->type : CRIB__MOUNT__TYPE__bind) {
    case CRIB__MOUNT__TYPE__bind:
        return add_bind(start, mount, &binds[worker->bind_count++], err);
    case CRIB__MOUNT__TYPE__tmpfs:
        return add_tmpfs(start, mount, &tmpfs[worker->tmpfs_count++], err);
    case CRIB__MOUNT__TYPE__overlay:
        if (mount->has_keep && mount->keep != CRIB__MOUNT__KEEP__discard)
            break;
        return add_overlay(start, mount, &overlays[worker->overlay_count++], err);
    default:
        break;
    }
    return fail_text(err, -EINVAL, "task.mounts", index, NULL,
                     "only bind, tmpfs, and overlays that are discarded");
}

static int set_mounts(struct start *start, const Crib__Task *task, struct crib_error *err)
{
    size_t count = task->n_mounts + 1;
    struct crib_bind *binds = arena_alloc(&start->arena, count * sizeof(*binds));
    struct crib_tmpfs *tmpfs = arena_alloc(&start->arena, count * sizeof(*tmpfs));
    struct crib_overlay *overlays = arena_alloc(&start->arena, count * sizeof(*overlays));
    int r = binds && tmpfs && overlays ? 0 : no_memory(err);

    for (size_t i = 0; r == 0 && i < task->n_mounts; i++)
        r = add_mount(start, task->mounts[i], (int)i, binds, tmpfs, overlays, err);
    start->worker.binds = binds;
    start->worker.tmpfs = tmpfs;
    start->worker.overlays = overlays;
    return r;
}

/* --- all of it --- */

static int set_policy(struct start *start, const Crib__Policy *policy, struct crib_error *err)
{
    uint8_t *packed;
    int r;

    if (!policy)
        return 0;
    packed = malloc(crib__policy__get_packed_size(policy) + 1);
    if (!packed)
        return no_memory(err);
    r = crib_policy_decode(packed, crib__policy__pack(policy, packed), &start->policy, err);
    free(packed);
    return r;
}

static int set_texts(struct start *start, const Crib__Task *task, struct crib_error *err)
{
    struct crib_options *worker = &start->worker;
    const char **env = begin_texts(start, task->env, task->n_env, "env", err);

    start->module = begin_text(start, task->file, "program", err);
    start->args = begin_texts(start, task->args, task->n_args, "args", err);
    worker->vars = begin_texts(start, task->vars, task->n_vars, "vars", err);
    if (!env || !start->module || !start->args || !worker->vars)
        return err->code;
    if (task->clear_env)
        worker->env = env;
    else
        worker->env_add = env;
    if (task->has_argv0 && !(worker->argv0 = begin_text(start, task->argv0, "argv0", err)))
        return err->code;
    if (task->has_cwd && !(worker->cwd = begin_text(start, task->cwd, "cwd", err)))
        return err->code;
    return 0;
}

int begin_task(struct start *start, const Crib__Task *task, struct crib_error *err)
{
    struct crib_options *worker = &start->worker;
    int r = check(task, err);

    if (r == 0)
        r = set_texts(start, task, err);
    if (r == 0)
        r = set_stdio(start, task, err);
    if (r == 0)
        r = set_mounts(start, task, err);
    if (r == 0)
        r = set_policy(start, task->policy, err);
    worker->timeout_ms = task->timeout;
    worker->timing = task->timing;
    worker->kill_signal = (int)task->kill_signal;
    worker->trace = !task->has_trace || task->trace == CRIB__TRACE__no_trace ? CRIB_TRACE_OFF
                    : task->trace == CRIB__TRACE__all                        ? CRIB_TRACE_ALL
                                                                             : CRIB_TRACE_FILES;
    worker->channel = task->has_channel && task->channel == CRIB__TASK__CHANNEL__node
                          ? CRIB_CHANNEL_NODE
                          : CRIB_CHANNEL_CRIB;
    return r;
}
