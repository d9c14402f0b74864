/* SPDX-License-Identifier: Apache-2.0 */
#include "api/copies.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/auto.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

static int check_list(const void *list, size_t count, const char *step, struct crib_error *err)
{
    if (count > FILES_MAX)
        return fail_text(err, -E2BIG, step, -1, NULL, "%zu files, at most %d are allowed", count,
                         FILES_MAX);
    if (!list && count)
        return fail_text(err, -EINVAL, step, -1, NULL, "a count without a list");
    return 0;
}

/* @name: what CRIB_COPY_PATH needs. */
static int check_kind(enum crib_copy_kind kind, const char *name, int fd, const char *step,
                      int index, struct crib_error *err)
{
    switch (kind) {
    case CRIB_COPY_CONTENT:
        return 0;
    case CRIB_COPY_PATH:
        if (!name || !name[0])
            return fail_text(err, -EINVAL, step, index, NULL, "no file of the host is named");
        return 0;
    case CRIB_COPY_FD:
        if (fd < 0)
            return fail_text(err, -EBADF, step, index, NULL, "%d is no fd", fd);
        return 0;
    }
    return fail_text(err, -EINVAL, step, index, NULL, "%d is no kind of copy", (int)kind);
}

int copies_check(const struct crib_options *options, struct crib_error *err)
{
    int r = check_list(options->copy_in, options->copy_in_count, "copy_in", err);

    if (r == 0)
        r = check_list(options->copy_out, options->copy_out_count, "copy_out", err);
    for (size_t i = 0; r == 0 && i < options->copy_in_count; i++) {
        const struct crib_copy_in *in = &options->copy_in[i];

        r = check_kind(in->kind, in->source, in->fd, "copy_in", (int)i, err);
        if (r == 0 && in->kind == CRIB_COPY_CONTENT && !in->data && in->len)
            r = fail_text(err, -EINVAL, "copy_in", (int)i, NULL, "a length without data");
    }
    for (size_t i = 0; r == 0 && i < options->copy_out_count; i++) {
        const struct crib_copy_out *out = &options->copy_out[i];

        r = check_kind(out->kind, out->target, out->fd, "copy_out", (int)i, err);
    }
    return r;
}

/* Borrowed, as the task is only planned from. */
static ProtobufCBinaryData text(const char *text)
{
    return (ProtobufCBinaryData){text ? strlen(text) : 0, (uint8_t *)text};
}

static int task_in(const struct crib_copy_in *in, struct arena *arena, Crib__Task *task)
{
    Crib__CopyIn *message = ARENA_NEW(arena, crib__copy_in, Crib__CopyIn);

    if (!message || arena_push(arena, &task->copy_in, &task->n_copy_in, message) < 0)
        return -ENOMEM;
    message->has_path = in->path != NULL;
    message->path = text(in->path);
    message->has_content = in->kind == CRIB_COPY_CONTENT;
    message->content = (ProtobufCBinaryData){in->len, (uint8_t *)in->data};
    message->has_source = in->kind == CRIB_COPY_PATH;
    message->source = text(in->source);
    message->has_from = in->kind == CRIB_COPY_FD;
    message->from = in->fd;
    message->has_mode = in->mode != 0;
    message->mode = in->mode;
    message->has_max = in->max != 0;
    message->max = in->max;
    return 0;
}

static int task_out(const struct crib_copy_out *out, struct arena *arena, Crib__Task *task)
{
    Crib__CopyOut *message = ARENA_NEW(arena, crib__copy_out, Crib__CopyOut);

    if (!message || arena_push(arena, &task->copy_out, &task->n_copy_out, message) < 0)
        return -ENOMEM;
    message->has_path = out->path != NULL;
    message->path = text(out->path);
    message->has_target = out->kind == CRIB_COPY_PATH;
    message->target = text(out->target);
    message->has_to = out->kind == CRIB_COPY_FD;
    message->to = out->fd;
    message->has_max = out->max != 0;
    message->max = out->max;
    message->has_optional = message->optional = out->optional;
    return 0;
}

int copies_task(const struct crib_options *options, struct arena *arena, Crib__Task *task)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < options->copy_in_count; i++)
        r = task_in(&options->copy_in[i], arena, task);
    for (size_t i = 0; r == 0 && i < options->copy_out_count; i++)
        r = task_out(&options->copy_out[i], arena, task);
    return r;
}

static int new_memfd(void)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = memfd_create("crib-copy", flags | MFD_NOEXEC_SEAL), high;

    if (fd < 0)
        fd = memfd_create("crib-copy", flags); /* an older kernel */
    if (fd < 0 || fd > 2)
        return fd < 0 ? -errno : fd;
    high = fd_copy(fd, 3);
    close(fd);
    return high;
}

int copies_memfd(const void *data, size_t len)
{
    int fd = new_memfd(), r;

    if (fd < 0)
        return fd;
    r = fd_write_all(fd, data, len);
    if (r == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        r = -errno;
    if (r < 0)
        fd_close(&fd);
    return r < 0 ? r : fd;
}

static int open_in(const struct crib_copy_in *in, int index, struct crib_error *err)
{
    uint64_t max = in->max ? in->max : FILES_SIZE;
    int r;

    if (in->kind == CRIB_COPY_PATH)
        return host_source_open(in->source, max, "copy_in", index, err);
    if (in->kind == CRIB_COPY_CONTENT) {
        r = copies_memfd(in->data, in->len);
        return r < 0 ? fail_sys(err, r, "copy_in", index, in->path, "keep its content") : r;
    }
    r = host_source_check(in->fd, in->path, max, "copy_in", index, err);
    if (r < 0)
        return r;
    r = fd_copy(in->fd, 3);
    return r < 0 ? fail_sys(err, r, "copy_in", index, in->path, "keep the fd") : r;
}

static int open_out(const struct crib_copy_out *out, int index, struct left_want *want,
                    struct crib_error *err)
{
    uint64_t usual = out->kind == CRIB_COPY_CONTENT ? FILES_CONTENT : FILES_SIZE;
    int r;

    *want = (struct left_want){.path = (const uint8_t *)out->path,
                               .path_len = strlen(out->path),
                               .max = out->max ? out->max : usual,
                               .optional = out->optional,
                               .to = HOST_TARGET_NONE};
    if (out->kind == CRIB_COPY_CONTENT)
        return 0;
    if (out->kind == CRIB_COPY_PATH)
        return host_target_make(out->target, &want->to, "copy_out", index, err);
    r = host_target_check(out->fd, out->path, "copy_out", index, err);
    if (r < 0)
        return r;
    r = fd_copy(out->fd, 3);
    if (r < 0)
        return fail_sys(err, r, "copy_out", index, out->path, "keep the fd");
    want->to.fd = r;
    return 0;
}

int copies_open(const struct crib_options *options, struct copies *ret, struct crib_error *err)
{
    int r = 0;

    ret->n_in = ret->n_out = 0;
    for (size_t i = 0; r >= 0 && i < options->copy_in_count; i++) {
        r = open_in(&options->copy_in[i], (int)i, err);
        if (r >= 0)
            ret->in[ret->n_in++] = r;
    }
    for (size_t i = 0; r >= 0 && i < options->copy_out_count; i++) {
        r = open_out(&options->copy_out[i], (int)i, &ret->out[i], err);
        if (r >= 0)
            ret->n_out++;
    }
    if (r < 0)
        copies_done(ret);
    return r < 0 ? r : 0;
}

void copies_done(struct copies *copies)
{
    for (size_t i = 0; i < copies->n_in; i++)
        fd_close(&copies->in[i]);
    for (size_t i = 0; i < copies->n_out; i++)
        host_target_done(&copies->out[i].to, false);
    copies->n_in = copies->n_out = 0;
}
