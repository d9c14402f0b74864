/* SPDX-License-Identifier: Apache-2.0 */
#include "api/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/copies.h"
#include "api/options.h"
#include "api/stdio.h"
#include "base/buf.h"
#include "base/clock.h"
#include "plan/plan.h"

#define SHELL "/bin/sh"

static int no_memory(struct crib_error *err)
{
    return fail_sys(err, -ENOMEM, "request", -1, NULL, NULL);
}

static int init(struct request *request, const struct crib_options *options,
                const struct crib_stdio *stdio, size_t stdio_count, struct crib_error *err)
{
    int r;

    memset(request, 0, sizeof(*request));
    if (options && options->size >= sizeof(*options) && options->timing)
        request->begun = clock_ns();
    r = options_read(options, &request->options, err);
    if (r < 0)
        return r;
    request->stdio = request->options.stdio ? request->options.stdio : stdio;
    request->stdio_count = request->options.stdio ? request->options.stdio_count : stdio_count;
    return 0;
}

static void set_shell(struct request *request, const char *line)
{
    request->file = request->options.shell ? request->options.shell : SHELL;
    request->shell[0] = "-c";
    request->shell[1] = line;
    request->args = request->shell;
}

/* As Node joins them: by spaces, quoting nothing. */
static int join(const char *file, const char *const *args, char **ret)
{
    struct buf line = {0};
    int r = buf_text(&line, file);

    for (; r == 0 && args && *args; args++) {
        r = buf_text(&line, " ");
        if (r == 0)
            r = buf_text(&line, *args);
    }
    if (r == 0)
        r = buf_append(&line, "", 1);
    *ret = r == 0 ? strdup((const char *)line.data) : NULL;
    buf_done(&line);
    return *ret ? 0 : -ENOMEM;
}

int request_init(struct request *request, const char *file, const char *const *args,
                 const struct crib_options *options, const struct crib_stdio *stdio,
                 size_t stdio_count, struct crib_error *err)
{
    int r = init(request, options, stdio, stdio_count, err);

    if (r < 0)
        return r;
    if (!file || !file[0])
        return fail_text(err, -EINVAL, "program", -1, NULL, "no file is named");
    request->file = file;
    request->args = args;
    if (!request->options.shell)
        return 0;
    if (join(file, args, &request->line) < 0)
        return no_memory(err);
    set_shell(request, request->line);
    return 0;
}

int request_init_line(struct request *request, const char *line, const struct crib_options *options,
                      const struct crib_stdio *stdio, size_t stdio_count, struct crib_error *err)
{
    int r = init(request, options, stdio, stdio_count, err);

    if (r < 0)
        return r;
    if (!line)
        return fail_text(err, -EINVAL, "program", -1, NULL, "no line for the shell");
    set_shell(request, line);
    return 0;
}

void request_done(struct request *request)
{
    free(request->line);
    request->line = NULL;
}

static const Crib__Task__Channel channels[] = {
    [CRIB_CHANNEL_CRIB] = CRIB__TASK__CHANNEL__crib,
    [CRIB_CHANNEL_NODE] = CRIB__TASK__CHANNEL__node,
    [CRIB_CHANNEL_NODE_ADVANCED] = CRIB__TASK__CHANNEL__node_advanced,
};

struct dialect_want request_channel(const struct request *request)
{
    return (struct dialect_want){dialect_of(channels[request->options.channel]),
                                 request->options.max_message};
}

static bool set_bytes(struct arena *arena, protobuf_c_boolean *has, ProtobufCBinaryData *field,
                      const char *text)
{
    if (!text)
        return true;
    *has = true;
    *field = arena_bytes(arena, text, strlen(text));
    return field->data != NULL;
}

static int add_texts(struct arena *arena, ProtobufCBinaryData **list, size_t *count,
                     const char *const *texts, struct crib_error *err)
{
    for (; texts && *texts; texts++) {
        ProtobufCBinaryData copy = arena_bytes(arena, *texts, strlen(*texts));

        if (!copy.data || arena_push_value(arena, list, count, &copy, sizeof(copy)) < 0)
            return no_memory(err);
    }
    return 0;
}

static int check_env(const char *const *env, const char *step, struct crib_error *err)
{
    for (int i = 0; env && env[i]; i++)
        if (!strchr(env[i], '=') || env[i][0] == '=')
            return fail_text(err, -EINVAL, step, i, NULL, "%s: it must read NAME=VALUE",
                             env[i][0] == '=' ? "no name before the =" : "no = in it");
    return 0;
}

static int add_env(const struct request *request, struct arena *arena, Crib__Task *task,
                   struct crib_error *err)
{
    const struct crib_options *options = &request->options;
    int r = check_env(options->env, "env", err);

    if (r == 0)
        r = check_env(options->env_add, "env_add", err);
    if (r < 0)
        return r;
    task->has_clear_env = task->clear_env = options->env != NULL;
    r = add_texts(arena, &task->env, &task->n_env, options->env, err);
    return r < 0 ? r : add_texts(arena, &task->env, &task->n_env, options->env_add, err);
}

static bool is_an_fd(Crib__Stdio__Kind kind)
{
    return kind == CRIB__STDIO__KIND__inherit || kind == CRIB__STDIO__KIND__given;
}

static int add_stdio(const struct request *request, struct arena *arena, Crib__Task *task,
                     struct crib_error *err)
{
    int writer, reader;
    int r = stdio_terminal(request->stdio, request->stdio_count, &writer, &reader, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < request->stdio_count; i++) {
        const struct crib_stdio *entry = &request->stdio[i];
        Crib__Stdio *stdio = ARENA_NEW(arena, crib__stdio, Crib__Stdio);

        if (!stdio || arena_push(arena, &task->stdio, &task->n_stdio, stdio) < 0)
            return no_memory(err);
        r = stdio_kind(entry, (int)i, &stdio->kind, err);
        if (r < 0)
            return r;
        stdio->has_fd = stdio->has_kind = true;
        stdio->fd = (uint32_t)i;
        stdio->has_from = entry->kind == CRIB_FD;
        stdio->from = entry->from;
        stdio->has_mode =
            is_an_fd(stdio->kind) &&
            stdio_mode(entry->kind == CRIB_INHERIT ? (int)i : entry->from, &stdio->mode);
        if (entry->kind == CRIB_CHANNEL && task->has_channel)
            return fail_text(err, -EINVAL, "stdio", (int)i, NULL,
                             "a second channel: a task has one at most");
        if (entry->kind == CRIB_CHANNEL) {
            task->has_channel = true;
            task->channel = channels[request->options.channel];
        }
    }
    return 0;
}

/* Said only where the caller says something: that without a pty it has no meaning is told by the
 * plan. */
static int add_terminal(const struct crib_options *options, struct arena *arena, Crib__Task *task,
                        struct crib_error *err)
{
    if (!options->rows && !options->columns)
        return 0;
    task->terminal = ARENA_NEW(arena, crib__terminal, Crib__Terminal);
    if (!task->terminal)
        return no_memory(err);
    task->terminal->has_rows = task->terminal->has_columns = true;
    task->terminal->rows = options->rows;
    task->terminal->columns = options->columns;
    return 0;
}

static int add_binds(const struct request *request, struct arena *arena, Crib__Task *task,
                     struct crib_error *err)
{
    for (size_t i = 0; i < request->options.bind_count; i++) {
        const struct crib_bind *bind = &request->options.binds[i];
        Crib__Mount *mount = ARENA_NEW(arena, crib__mount, Crib__Mount);

        if (!mount || arena_push(arena, &task->mounts, &task->n_mounts, mount) < 0 ||
            !set_bytes(arena, &mount->has_source, &mount->source, bind->source) ||
            (bind->target && !set_bytes(arena, &mount->has_target, &mount->target, bind->target)))
            return no_memory(err);
        mount->has_type = mount->has_write = true;
        mount->type = CRIB__MOUNT__TYPE__bind;
        mount->write = bind->write;
    }
    return 0;
}

static int add_tmpfs(const struct request *request, struct arena *arena, Crib__Task *task,
                     struct crib_error *err)
{
    for (size_t i = 0; i < request->options.tmpfs_count; i++) {
        const struct crib_tmpfs *tmpfs = &request->options.tmpfs[i];
        Crib__Mount *mount = ARENA_NEW(arena, crib__mount, Crib__Mount);

        if (!mount || arena_push(arena, &task->mounts, &task->n_mounts, mount) < 0 ||
            !set_bytes(arena, &mount->has_target, &mount->target, tmpfs->target))
            return no_memory(err);
        mount->has_type = true;
        mount->type = CRIB__MOUNT__TYPE__tmpfs;
        mount->has_size = tmpfs->size != 0;
        mount->size = tmpfs->size;
    }
    return 0;
}

static int add_overlays(const struct request *request, struct arena *arena, Crib__Task *task,
                        struct crib_error *err)
{
    static const Crib__Mount__Keep keeps[] = {
        [CRIB_KEEP_DISCARD] = CRIB__MOUNT__KEEP__discard,
        [CRIB_KEEP_LIST] = CRIB__MOUNT__KEEP__list,
        [CRIB_KEEP_COMMIT] = CRIB__MOUNT__KEEP__commit,
    };

    for (size_t i = 0; i < request->options.overlay_count; i++) {
        const struct crib_overlay *overlay = &request->options.overlays[i];
        Crib__Mount *mount = ARENA_NEW(arena, crib__mount, Crib__Mount);

        if ((unsigned)overlay->keep > CRIB_KEEP_COMMIT)
            return fail_text(err, -EINVAL, "overlays", (int)i, NULL, "no `keep` that is known");
        if (!mount || arena_push(arena, &task->mounts, &task->n_mounts, mount) < 0 ||
            !set_bytes(arena, &mount->has_source, &mount->source, overlay->source) ||
            (overlay->target &&
             !set_bytes(arena, &mount->has_target, &mount->target, overlay->target)))
            return no_memory(err);
        mount->has_type = true;
        mount->type = CRIB__MOUNT__TYPE__overlay;
        mount->has_size = overlay->size != 0;
        mount->size = overlay->size;
        mount->has_keep = overlay->keep != CRIB_KEEP_DISCARD;
        mount->keep = keeps[overlay->keep];
    }
    return 0;
}

static void set_numbers(const struct crib_options *options, Crib__Task *task)
{
    task->has_uid = options->set_uid;
    task->uid = options->uid;
    task->has_gid = options->set_gid;
    task->gid = options->gid;
    task->has_detached = task->detached = options->detached;
    task->has_timeout = options->timeout_ms != 0;
    task->timeout = options->timeout_ms;
    task->has_kill_signal = options->kill_signal != 0;
    task->kill_signal = (uint32_t)options->kill_signal;
    task->has_listen_fds = options->listen_fds != 0;
    task->listen_fds = options->listen_fds;
    task->has_timing = task->timing = options->timing;
    task->has_trace = options->trace != CRIB_TRACE_OFF;
    task->trace = options->trace == CRIB_TRACE_ALL ? CRIB__TRACE__all : CRIB__TRACE__files;
}

int request_task(const struct request *request, Crib__Policy *policy, struct arena *arena,
                 Crib__Task **ret, struct crib_error *err)
{
    const struct crib_options *options = &request->options;
    Crib__Task *task = ARENA_NEW(arena, crib__task, Crib__Task);
    int r;

    if (!task || !set_bytes(arena, &task->has_file, &task->file, request->file) ||
        !set_bytes(arena, &task->has_argv0, &task->argv0, options->argv0) ||
        !set_bytes(arena, &task->has_cwd, &task->cwd, options->cwd))
        return no_memory(err);
    task->policy = policy;
    set_numbers(options, task);
    r = add_texts(arena, &task->args, &task->n_args, request->args, err);
    if (r == 0)
        r = add_env(request, arena, task, err);
    if (r == 0)
        r = add_texts(arena, &task->vars, &task->n_vars, options->vars, err);
    if (r == 0)
        r = add_stdio(request, arena, task, err);
    if (r == 0)
        r = plan_check_listening(task, err); /* a daemon cannot tell a stream's end from an fd */
    if (r == 0)
        r = add_terminal(options, arena, task, err);
    if (r == 0)
        r = add_binds(request, arena, task, err);
    if (r == 0)
        r = add_tmpfs(request, arena, task, err);
    if (r == 0)
        r = add_overlays(request, arena, task, err);
    if (r == 0 && copies_task(options, arena, task) < 0)
        r = no_memory(err);
    if (r < 0)
        return r;
    *ret = task;
    return 0;
}
