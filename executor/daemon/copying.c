/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/copying.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "plan/paths.h"

static int no_memory(const char *step, struct crib_error *err)
{
    return fail_sys(err, -ENOMEM, step, -1, NULL, NULL);
}

static char *text_of(struct arena *arena, ProtobufCBinaryData bytes)
{
    return arena_copy(arena, bytes.data, bytes.len);
}

/* Relative to where the client is. */
static int add_source(const Crib__SpawnRequest *request, struct prepared *p, size_t index,
                      struct crib_error *err)
{
    const ProtobufCBinaryData *source = &p->task->copy_in[index]->source;
    const char *cwd = request->cwd.len ? text_of(p->arena, request->cwd) : "/";
    const char *path = text_of(p->arena, *source);
    struct opener_file *file = &p->files[p->n_files];

    if (!source->len || memchr(source->data, '\0', source->len))
        return fail_text(err, -EINVAL, "copy_in", (int)index, NULL, "no path to open");
    if (p->n_files >= PLAN_MAX_STDIO)
        return fail_text(err, -E2BIG, "copy_in", (int)index, NULL,
                         "more than %d files to be opened by a daemon", PLAN_MAX_STDIO);
    file->path = cwd && path ? path_clean(p->arena, cwd, path) : NULL;
    if (!file->path)
        return no_memory("copy_in", err);
    file->flags = O_RDONLY | O_NOFOLLOW;
    p->file_copies[p->n_files++] = index + 1;
    return 0;
}

static int prepare_in(const struct peer *peer, const Crib__SpawnRequest *request,
                      struct prepared *p, size_t index, struct crib_error *err)
{
    const Crib__CopyIn *in = p->task->copy_in[index];

    if (in->has_from)
        return fail_text(err, -EINVAL, "copy_in", (int)index, NULL,
                         "a number is no fd of a daemon's: register it and give its `name`");
    if (!in->has_source)
        return 0;
    if (peer->inside)
        return fail_text(err, -EACCES, "copy_in", (int)index, NULL,
                         "for a task that another task asks for nothing is opened on the host: "
                         "give it an fd or the content");
    return add_source(request, p, index, err);
}

static int prepare_out(const struct prepared *p, size_t index, struct crib_error *err)
{
    const Crib__CopyOut *out = p->task->copy_out[index];

    if (out->has_to)
        return fail_text(err, -EINVAL, "copy_out", (int)index, NULL,
                         "a number is no fd of a daemon's: register it and give its `name`");
    if (out->has_target)
        return fail_text(err, -EOPNOTSUPP, "copy_out", (int)index, NULL,
                         "a daemon makes no files: make it, register its fd and give the `name`");
    return 0;
}

int copying_prepare(const struct peer *peer, const Crib__SpawnRequest *request, struct prepared *p,
                    struct crib_error *err)
{
    const Crib__Task *task = p->task;
    int r = 0;

    if (task->n_copy_in > FILES_MAX || task->n_copy_out > FILES_MAX)
        return fail_text(err, -E2BIG, task->n_copy_in > FILES_MAX ? "copy_in" : "copy_out", -1,
                         NULL, "at most %d files are allowed", FILES_MAX);
    for (size_t i = 0; r == 0 && i < task->n_copy_in; i++)
        r = prepare_in(peer, request, p, i, err);
    for (size_t i = 0; r == 0 && i < task->n_copy_out; i++)
        r = prepare_out(p, i, err);
    return r;
}

static int find_named(struct daemon *daemon, uint64_t owner, const char *name, const char *step,
                      int index, struct crib_error *err)
{
    int fd = fdside_find(daemon->fdside, owner, name);

    return fd >= 0 ? fd
                   : fail_text(err, -EBADF, step, index, name, "no fd of that name is registered");
}

/* The file that the opener has opened for it. */
static int find_opened(const struct prepared *p, size_t index, const int *files, size_t count)
{
    for (size_t i = 0; i < p->n_files && i < count; i++)
        if (p->file_copies[i] == index + 1)
            return files[i];
    return -EBADF;
}

static int keep(int fd, const char *step, int index, struct crib_error *err)
{
    int copy = fd_copy(fd, 3);

    return copy < 0 ? fail_sys(err, copy, step, index, NULL, "keep the fd") : copy;
}

static int open_in(struct daemon *daemon, uint64_t owner, struct prepared *p, size_t index,
                   const int *files, size_t count, struct crib_error *err)
{
    const Crib__CopyIn *in = p->task->copy_in[index];
    const char *path = (const char *)p->task->copy_in[index]->path.data;
    int fd, r;

    if (in->has_content) {
        fd = copies_memfd(in->content.data, in->content.len);
        return fd < 0 ? fail_sys(err, fd, "copy_in", (int)index, path, "keep its content") : fd;
    }
    fd = in->has_source ? find_opened(p, index, files, count)
                        : find_named(daemon, owner, in->name, "copy_in", (int)index, err);
    if (fd < 0)
        return fd;
    r = host_source_check(fd, path, files_in_max(in), "copy_in", (int)index, err);
    return r < 0 ? r : keep(fd, "copy_in", (int)index, err);
}

static int open_out(struct daemon *daemon, uint64_t owner, const Crib__CopyOut *out, int index,
                    struct left_want *want, struct crib_error *err)
{
    int fd, r;

    *want = (struct left_want){.path = out->path.data,
                               .path_len = out->path.len,
                               .max = files_out_max(out),
                               .optional = out->optional,
                               .to = HOST_TARGET_NONE};
    if (!out->name)
        return 0;
    fd = find_named(daemon, owner, out->name, "copy_out", index, err);
    if (fd < 0)
        return fd;
    r = host_target_check(fd, (const char *)out->path.data, "copy_out", index, err);
    if (r < 0)
        return r;
    want->to.fd = r = keep(fd, "copy_out", index, err);
    return r;
}

int copying_open(struct daemon *daemon, uint64_t owner, struct prepared *p, const int *files,
                 size_t count, struct crib_error *err)
{
    const Crib__Task *task = p->task;
    struct copies *copies = &p->copies;

    for (size_t i = 0; i < task->n_copy_in; i++) {
        int r = open_in(daemon, owner, p, i, files, count, err);

        if (r < 0)
            return r;
        copies->in[copies->n_in++] = r;
    }
    for (size_t i = 0; i < task->n_copy_out; i++) {
        int r = open_out(daemon, owner, task->copy_out[i], (int)i, &copies->out[i], err);

        if (r < 0)
            return r;
        copies->n_out++;
    }
    return 0;
}

size_t copying_contents(const struct prepared *p)
{
    uint64_t all = 0;

    for (size_t i = 0; i < p->task->n_copy_out; i++)
        if (files_is_content(p->task->copy_out[i]) && all < FILES_CONTENTS)
            all += files_out_max(p->task->copy_out[i]);
    return (size_t)(all < FILES_CONTENTS ? all : FILES_CONTENTS);
}
