/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/left.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "plan/files.h"
#include "supervise/task.h"

#define STEP  "copy_out"
#define CHUNK 131072

enum stage { WAITED_FOR, HERE, COPIED };

struct file {
    enum stage stage;
    uint64_t max;
    bool optional, content, whole; /* whole: the target stays */
    struct host_target to;
    int from;

    /* Of the copy; the pool's while it runs. */
    uint64_t budget; /* bytes that contents may still have */
    uint64_t size;
    int code;
    bool grown;   /* it has more than it said */
    bool writing; /* it was the target that failed */
    struct buf data;
};

struct left {
    crib_task *task;
    uv_work_t work;
    struct file *now; /* being copied; NULL: none is */
    uint64_t budget;
    bool gone, elsewhere;
    size_t count;
    struct file file[];
};

static Crib__CopiedOut *told(struct left *left, const struct file *file)
{
    return left->task->copied[file - left->file];
}

int left_new(crib_task *task, struct left_want *wants, size_t count)
{
    struct left *left;

    if (count == 0)
        return 0;
    left = calloc(1, sizeof(*left) + count * sizeof(left->file[0]));
    if (!left)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        Crib__CopiedOut *copied = ARENA_NEW(&task->arena, crib__copied_out, Crib__CopiedOut);

        if (!copied || arena_push(&task->arena, &task->copied, &task->n_copied, copied) < 0) {
            free(left);
            return -ENOMEM;
        }
        copied->has_path = true;
        copied->path = arena_bytes(&task->arena, wants[i].path, wants[i].path_len);
    }
    left->task = task;
    left->budget = FILES_CONTENTS;
    left->count = count;
    for (size_t i = 0; i < count; i++) {
        left->file[i] = (struct file){.max = wants[i].max,
                                      .optional = wants[i].optional,
                                      .content = wants[i].to.fd < 0,
                                      .to = wants[i].to,
                                      .from = -1};
        wants[i].to = (struct host_target)HOST_TARGET_NONE;
    }
    task->left = left;
    return 0;
}

/* What init says by an errno, with what a caller is told. */
static const struct cause {
    int code, told;
    const char *text; /* NULL: the errno's own */
} causes[] = {
    {-ELOOP, -ELOOP, "a symlink, not a regular file"},
    {-EMLINK, -ELOOP, "a symlink is on the way to it"},
    {-EISDIR, -EISDIR, "a directory, not a regular file"},
    {-ESPIPE, -EINVAL, "a FIFO, not a regular file"},
    {-ENOTSOCK, -EINVAL, "a socket, not a regular file"},
    {-ENODEV, -EINVAL, "a device, not a regular file"},
    {-EXDEV, -EXDEV, "it is not in a file system of the sandbox's own any more"},
    {-EBUSY, -EBUSY, "something in the sandbox did not end, and could still change it"},
    {-ECHILD, -ECHILD, "the sandbox was killed before the file could be taken"},
    {-ECANCELED, -ECANCELED, "the program never ran"},
};

static Crib__Error *error_message(struct arena *arena, const struct crib_error *error)
{
    Crib__Error *message = ARENA_NEW(arena, crib__error, Crib__Error);
    char text[1024];

    if (!message)
        return NULL;
    message->has_code = message->has_index = true;
    message->code = error->code;
    message->index = error->index;
    message->has_sys = error->sys != 0;
    message->sys = error->sys;
    message->step = (char *)STEP;
    message->subject = arena_text(arena, error->subject);
    message->detail = arena_text(arena, error->detail);
    message->text = arena_text(arena, crib_error_text(error, text, sizeof(text)));
    return message;
}

/* An error that there is no memory for must not read as a success. */
static void note_error(struct left *left, struct file *file, const struct crib_error *error)
{
    static Crib__Error no_memory = {.base = PROTOBUF_C_MESSAGE_INIT(&crib__error__descriptor),
                                    .has_code = 1,
                                    .code = -ENOMEM,
                                    .step = STEP};
    Crib__Error *message = error_message(&left->task->arena, error);

    told(left, file)->error = message ? message : &no_memory;
}

/* The path as text: what of it is no text is for people to wonder at. */
static const char *subject(struct left *left, const struct file *file, char *text, size_t size)
{
    const ProtobufCBinaryData *path = &told(left, file)->path;

    snprintf(text, size, "%.*s", (int)path->len, path->data ? (const char *)path->data : "");
    return text;
}

static void explain(struct left *left, struct file *file, int code)
{
    int index = (int)(file - left->file);
    struct crib_error error;
    char path[320];

    subject(left, file, path, sizeof(path));
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        if (causes[i].code != code)
            continue;
        fail_text(&error, causes[i].told, STEP, index, path, "%s", causes[i].text);
        note_error(left, file, &error);
        return;
    }
    fail_sys(&error, code, STEP, index, path, NULL);
    note_error(left, file, &error);
}

static void explain_copy(struct left *left, struct file *file)
{
    int index = (int)(file - left->file);
    struct crib_error error;
    char path[320];

    subject(left, file, path, sizeof(path));
    if (file->code == -EDQUOT && file->content)
        fail_text(&error, -EFBIG, STEP, index, path,
                  "the files kept in the result are over %" PRIu64
                  " bytes together: name a target for it",
                  FILES_CONTENTS);
    else if (file->code == -EFBIG && !file->writing)
        fail_text(&error, -EFBIG, STEP, index, path,
                  "%" PRIu64 " bytes%s, over its cap of %" PRIu64, file->size,
                  file->grown ? " and more" : "", file->max);
    else
        fail_sys(&error, file->code, STEP, index, path,
                 file->writing ? "write the copy" : "read it");
    note_error(left, file, &error);
}

/* In the pool. Return: 0; negative errno. */
static int put(struct file *file, const uint8_t *data, size_t len)
{
    int r;

    if (file->content)
        return buf_append(&file->data, data, len);
    r = fd_write_all(file->to.fd, data, len);
    file->writing = r < 0;
    return r;
}

/* In the pool. Counts what it reads, whatever the file said of its size. */
static int copy(struct file *file, uint8_t *chunk)
{
    for (;;) {
        ssize_t n = read(file->from, chunk, CHUNK);
        int r;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        if (file->size + (uint64_t)n > file->max) {
            file->size = file->max;
            file->grown = true;
            return -EFBIG;
        }
        file->size += (uint64_t)n;
        if (file->content && file->size > file->budget)
            return -EDQUOT;
        r = put(file, chunk, (size_t)n);
        if (r < 0)
            return r;
    }
}

/* In the pool. Init is inside: what it sends is looked at again. */
static int check(struct file *file)
{
    struct stat st;

    if (fstat(file->from, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if ((uint64_t)st.st_size <= file->max)
        return 0;
    file->size = (uint64_t)st.st_size;
    return -EFBIG;
}

/* In the pool. Some file systems tell only then that there was no room. */
static int finish(struct file *file)
{
    if (file->content || !file->to.name)
        return 0;
    file->writing = true;
    return close(fd_take(&file->to.fd)) < 0 ? -errno : 0;
}

/* What is over the caller's own limit on files is an error of this one, and no signal. */
static void on_work(uv_work_t *work)
{
    struct file *file = ((struct left *)work->data)->now;
    const struct timespec at_once = {0};
    uint8_t *chunk = malloc(CHUNK);
    int r = chunk ? check(file) : -ENOMEM;
    sigset_t too_large, before;

    sigemptyset(&too_large);
    sigaddset(&too_large, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &too_large, &before);
    if (r == 0)
        r = copy(file, chunk);
    if (r == 0)
        r = finish(file);
    sigtimedwait(&too_large, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    free(chunk);
    fd_close(&file->from);
    file->code = r;
}

static void next(struct left *left);

/* The content lives as long as the task. */
static int keep_content(struct left *left, struct file *file)
{
    Crib__CopiedOut *copied = told(left, file);

    copied->content = arena_bytes(&left->task->arena, file->data.data, file->data.len);
    copied->has_content = copied->content.data || file->data.len == 0;
    left->budget -= file->size;
    return copied->has_content ? 0 : -ENOMEM;
}

static void after_work(uv_work_t *work, int status)
{
    struct left *left = work->data;
    struct file *file = left->now;
    Crib__CopiedOut *copied = told(left, file);

    left->now = NULL;
    file->stage = COPIED;
    if (status < 0)
        file->code = status;
    copied->has_size = true;
    copied->size = file->size;
    if (file->code == 0 && file->content)
        file->code = keep_content(left, file);
    buf_done(&file->data);
    file->whole = file->code == 0;
    if (file->code < 0)
        explain_copy(left, file);
    next(left);
    task_settle(left->task);
}

static void start(struct left *left, struct file *file)
{
    left->now = file;
    left->work.data = left;
    file->budget = left->budget;
    if (uv_queue_work(left->task->loop, &left->work, on_work, after_work) == 0)
        return;
    left->now = NULL;
    file->stage = COPIED;
    fd_close(&file->from);
    explain(left, file, -EAGAIN);
}

static void next(struct left *left)
{
    for (size_t i = 0; !left->now && i < left->count; i++)
        if (left->file[i].stage == HERE)
            start(left, &left->file[i]);
}

void left_take(crib_task *task, const Crib__Report__Left *report, int fd)
{
    struct left *left = task->left;
    struct file *file = left && report->index < left->count ? &left->file[report->index] : NULL;

    if (!file || file->stage != WAITED_FOR || left->gone) {
        fd_close(&fd);
        return;
    }
    file->stage = fd >= 0 ? HERE : COPIED;
    file->from = fd;
    if (fd >= 0)
        next(left);
    else if (report->code != -ENOENT || !file->optional)
        explain(left, file, report->code < 0 ? report->code : -EPROTO);
}

void left_gone(crib_task *task, int code)
{
    struct left *left = task->left;

    if (!left || left->gone)
        return;
    if (code == 0)
        code = task->result.verdict == CRIB_SETUP_FAILED ? -ECANCELED : -ECHILD;
    left->gone = true;
    for (size_t i = 0; i < left->count; i++) {
        if (left->file[i].stage != WAITED_FOR || left->elsewhere)
            continue;
        left->file[i].stage = COPIED;
        explain(left, &left->file[i], code);
    }
}

int left_told(crib_task *task, Crib__CopiedOut *const *copied, size_t count)
{
    struct left *left = task->left;

    if (!left)
        return 0;
    if (count != left->count)
        return -EPROTO;
    left->elsewhere = true;
    for (size_t i = 0; i < count; i++) {
        struct file *file = &left->file[i];

        task->copied[i] = copied[i];
        file->whole = copied[i]->has_size && !copied[i]->error;
        file->stage = COPIED;
    }
    return 0;
}

bool left_busy(const crib_task *task)
{
    return task->left && task->left->now;
}

void left_free(crib_task *task)
{
    struct left *left = task->left;

    if (!left)
        return;
    assert(!left->now);
    for (size_t i = 0; i < left->count; i++) {
        fd_close(&left->file[i].from);
        host_target_done(&left->file[i].to, left->file[i].whole);
    }
    free(left);
    task->left = NULL;
}
