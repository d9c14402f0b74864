/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/overlays.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "supervise/commit.h"
#include "supervise/rights.h"
#include "supervise/task.h"

#define ARENA_MOST (256u << 20) /* bytes, for all that was found */

struct overlay {
    char *target; /* in the task's arena; a daemon does not keep the plan */
    Crib__Mount__Keep keep;
    uint64_t size;
    uint32_t index;    /* in Plan.mounts */
    int source, upper; /* -1: none */
    int code;          /* of the walk */
    struct changes changes;
    size_t failed;
};

struct overlays {
    crib_task *task;
    uv_work_t work;
    Crib__IdsPlan ids;
    bool busy, commit;
    int code;    /* of taking the rights */
    size_t told; /* bytes of the changes in the result */
    struct arena arena;
    size_t count;
    struct overlay list[];
};

static bool is_kept(const Crib__MountPlan *mount)
{
    return mount->type == CRIB__MOUNT_PLAN__TYPE__overlay &&
           mount->keep > CRIB__MOUNT__KEEP__discard;
}

static int open_one(struct overlays *all, uint32_t index, const struct host_fds *paths,
                    struct crib_error *err)
{
    struct overlay *one = &all->list[all->count];
    const Crib__MountPlan *mount = all->task->plan->mounts[index];
    int fd = mount->host_path < paths->count ? fd_copy(paths->fd[mount->host_path], 3) : -EPROTO;

    if (fd < 0)
        return fail_sys(err, fd, "mounts", (int)index, (const char *)mount->target.data,
                        "keep the overlay's source");
    *one = (struct overlay){.keep = (Crib__Mount__Keep)mount->keep,
                            .size = mount->size,
                            .index = index,
                            .source = fd,
                            .upper = -1};
    all->count++;
    one->target = arena_text(&all->task->arena, (const char *)mount->target.data);
    return one->target ? 0 : fail_sys(err, -ENOMEM, "mounts", (int)index, NULL, NULL);
}

int overlays_open(crib_task *task, const struct host_fds *paths, struct crib_error *err)
{
    const Crib__Plan *plan = task->plan;
    struct overlays *all;
    size_t count = 0;
    int r = 0;

    for (size_t i = 0; i < plan->n_mounts; i++)
        count += is_kept(plan->mounts[i]);
    if (count == 0)
        return 0;
    all = calloc(1, sizeof(*all) + count * sizeof(all->list[0]));
    if (!all)
        return fail_sys(err, -ENOMEM, "mounts", -1, NULL, NULL);
    arena_init(&all->arena, ARENA_MOST);
    all->task = task;
    all->ids = *plan->ids;
    task->overlays = all;
    task->overlaid = true;
    for (size_t i = 0; r == 0 && i < plan->n_mounts; i++)
        if (is_kept(plan->mounts[i]))
            r = open_one(all, (uint32_t)i, paths, err);
    return r;
}

int overlays_take(crib_task *task, const Crib__Report__Upper *upper, int fd)
{
    struct overlays *all = task->overlays;

    for (size_t i = 0; all && i < all->count; i++)
        if (all->list[i].index == upper->index && all->list[i].upper < 0) {
            all->list[i].upper = fd;
            return 0;
        }
    fd_close(&fd);
    return -EPROTO;
}

static void look(struct overlays *all, struct overlay *one)
{
    one->code = all->code;
    if (one->code == 0)
        one->code = changes_find(one->upper, one->source, &all->arena, &one->changes);
    if (one->code == 0 && all->commit && one->keep == CRIB__MOUNT__KEEP__commit)
        one->failed = commit_changes(one->upper, one->source, one->size, &one->changes);
}

/* A limit of the caller's own on file sizes is an error, and no signal. */
static void work(uv_work_t *work)
{
    struct overlays *all = work->data;
    struct rights rights;
    sigset_t signals, before;

    sigemptyset(&signals);
    sigaddset(&signals, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    all->code = rights_take(&all->ids, &rights);
    for (size_t i = 0; i < all->count; i++)
        if (all->list[i].upper >= 0)
            look(all, &all->list[i]);
    rights_give_back(&rights);
    sigtimedwait(&signals, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static Crib__Error *error_of(crib_task *task, const char *path, const struct change *change)
{
    Crib__Error *message = ARENA_NEW(&task->arena, crib__error, Crib__Error);
    struct crib_error error;
    char text[1024];

    if (!message)
        return NULL;
    if (change->why)
        fail_text(&error, change->code, "commit", -1, path, "%s", change->why);
    else
        fail_sys(&error, change->code, "commit", -1, path, NULL);
    message->has_code = true;
    message->code = error.code;
    message->step = arena_text(&task->arena, "commit");
    message->subject = arena_text(&task->arena, error.subject);
    message->detail = arena_text(&task->arena, error.detail);
    message->text = arena_text(&task->arena, crib_error_text(&error, text, sizeof(text)));
    return message;
}

/* The first that is too long is the last. */
static bool has_room(struct overlays *all, const Crib__Change *message)
{
    size_t size = crib__change__get_packed_size(message);

    all->told = size < OVERLAYS_BYTES - all->told ? all->told + size : OVERLAYS_BYTES;
    return all->told < OVERLAYS_BYTES;
}

static int tell_change(struct overlays *all, const struct overlay *one, const struct change *change)
{
    crib_task *task = all->task;
    Crib__Change *message = ARENA_NEW(&task->arena, crib__change, Crib__Change);
    char *path = arena_printf(&task->arena, "%s/%s", one->target, change->path);

    if (!message || !path)
        return -ENOMEM;
    message->has_path = message->has_kind = true;
    message->path.data = (uint8_t *)path;
    message->path.len = strlen(path);
    message->kind = change->kind;
    if (change->code < 0)
        message->error = error_of(task, path, change);
    if (!has_room(all, message))
        return -E2BIG;
    return arena_push(&task->arena, &task->changes, &task->n_changes, message);
}

static const char *outcome(const struct overlays *all, const struct overlay *one, char text[128])
{
    size_t count = one->changes.count;

    if (one->upper < 0)
        return "not available: the program never ran";
    if (one->code < 0)
        snprintf(text, 128, "not available: its changes cannot be told (%s)", strerror(-one->code));
    else if (one->keep == CRIB__MOUNT__KEEP__list)
        snprintf(text, 128, "%zu changes, told and dropped", count);
    else if (!all->commit)
        snprintf(text, 128, "%zu changes, dropped: the program did not exit with 0", count);
    else if (one->failed)
        snprintf(text, 128, "%zu changes, of which %zu could not be committed", count, one->failed);
    else
        snprintf(text, 128, "%zu changes, committed", count);
    return text;
}

static void tell(struct overlays *all, const struct overlay *one)
{
    Crib__Receipt line = CRIB__RECEIPT__INIT;
    crib_task *task = all->task;
    char text[128];

    line.mechanism = arena_printf(&task->arena, "overlay %s", one->target);
    line.applied = (char *)outcome(all, one, text);
    task_receipt(task, &line);
    for (size_t i = 0; i < one->changes.count; i++)
        if (task->n_changes >= OVERLAYS_LISTED || all->told >= OVERLAYS_BYTES ||
            tell_change(all, one, &one->changes.list[i]) < 0)
            task->changes_lost++;
}

static void after(uv_work_t *work, int status)
{
    struct overlays *all = work->data;
    crib_task *task = all->task;

    (void)status;
    for (size_t i = 0; i < all->count; i++)
        tell(all, &all->list[i]);
    overlays_free(task);
    task_settle(task);
}

void overlays_gone(crib_task *task)
{
    struct overlays *all = task->overlays;

    if (!all || all->busy || task->silent)
        return;
    all->commit = task->result.verdict == CRIB_EXITED && task->result.status == 0;
    all->work.data = all;
    if (uv_queue_work(task->loop, &all->work, work, after) == 0)
        all->busy = true;
}

bool overlays_busy(const crib_task *task)
{
    return task->overlays && task->overlays->busy;
}

void overlays_free(crib_task *task)
{
    struct overlays *all = task->overlays;

    for (size_t i = 0; all && i < all->count; i++) {
        fd_close(&all->list[i].source);
        fd_close(&all->list[i].upper);
    }
    if (all)
        arena_done(&all->arena);
    free(all);
    task->overlays = NULL;
}
