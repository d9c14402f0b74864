/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/files.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "plan/view.h"

#define MOST ((uint64_t)INT64_MAX) /* what a file's size can be at all */

static uint64_t max_of(bool has, uint64_t max, uint64_t usual)
{
    if (!has)
        return usual;
    return max <= MOST ? max : 0;
}

uint64_t files_in_max(const Crib__CopyIn *in)
{
    return max_of(in->has_max, in->max, FILES_SIZE);
}

uint64_t files_out_max(const Crib__CopyOut *out)
{
    return max_of(out->has_max, out->max, files_is_content(out) ? FILES_CONTENT : FILES_SIZE);
}

bool files_is_content(const Crib__CopyOut *out)
{
    return !out->has_target && !out->has_to && !out->name;
}

/* One of them while it is decided. */
struct copying {
    struct planning *p;
    const char *step; /* `copy_in`, `copy_out` */
    int index;
    char *path; /* clean, inside */
};

static int refuse(const struct copying *c, int code, const char *text)
{
    return fail_text(c->p->err, code, c->step, c->index, c->path, "%s", text);
}

/* Planned symlinks are the policy's own; init follows none. */
static int lead(struct copying *c)
{
    char *path;
    int r = view_rewrite(c->p, c->path, &path);

    if (r == -ELOOP)
        return refuse(c, r, "the policy's symlinks lead around in a circle");
    if (r < 0)
        return plan_no_memory(c->p, c->step);
    c->path = path;
    return strlen(path) < PATH_MAX ? 0 : refuse(c, -ENAMETOOLONG, "the path is too long");
}

static int read_path(struct copying *c, bool has, const ProtobufCBinaryData *bytes)
{
    char *text;
    int r;

    if (!has)
        return refuse(c, -EINVAL, "it names no path inside");
    r = bytes_path(c->p, bytes, c->step, c->index, "the path", &text);
    if (r < 0)
        return r;
    c->path = text;
    if (text[0] != '/')
        return refuse(c, -EINVAL, "not an absolute path inside the sandbox");
    if (path_climbs(text))
        return refuse(c, -EINVAL, "the path has a `..` in it");
    c->path = path_clean(c->p->arena, "/", text);
    return c->path ? lead(c) : plan_no_memory(c->p, c->step);
}

/* What stands there, by the plan. */
static int check_place(const struct copying *c)
{
    const Crib__MountPlan *over = view_over(c->p->plan, c->path, NULL);

    if (!over)
        return refuse(c, -EROFS,
                      "in the root itself a task writes nothing: name a path below a tmpfs");
    if (over->type == CRIB__MOUNT_PLAN__TYPE__bind)
        return refuse(c, -EXDEV,
                      "it is inside a bind: what is there is on the host already, and crib writes "
                      "nothing to the host");
    if (over->type != CRIB__MOUNT_PLAN__TYPE__tmpfs &&
        over->type != CRIB__MOUNT_PLAN__TYPE__overlay)
        return refuse(c, -EINVAL, "no file can be made there: name a path below a tmpfs");
    if (!over->write)
        return refuse(c, -EROFS, "the mount there has `write: false`");
    if (view_at(c->p->plan, c->path))
        return refuse(c, -EEXIST, "a mount has put something there");
    return 0;
}

static int check_max(const struct copying *c, bool has, uint64_t max)
{
    if (!has || (max && max <= MOST))
        return 0;
    return refuse(c, -EINVAL,
                  max ? "its `max` is more than any file can have"
                      : "its `max` of 0 leaves no room");
}

static int count_sources(const Crib__CopyIn *in)
{
    return !!in->has_content + !!in->has_source + !!in->has_from + !!in->name;
}

static int check_in(const struct copying *c, const Crib__CopyIn *in)
{
    if (count_sources(in) != 1)
        return refuse(c, -EINVAL, "it needs one of `content`, `source`, `from` and `name`");
    if (in->has_mode && in->mode > FILES_MODE_MOST)
        return refuse(c, -EINVAL, "`mode` is more than the permission bits 0 to 0777");
    if (in->has_content && in->content.len > files_in_max(in))
        return fail_text(c->p->err, -EFBIG, c->step, c->index, c->path,
                         "%zu bytes, over its cap of %" PRIu64, in->content.len, files_in_max(in));
    return check_max(c, in->has_max, in->max);
}

static int check_out(const struct copying *c, const Crib__CopyOut *out)
{
    if (!!out->has_target + !!out->has_to + !!out->name > 1)
        return refuse(c, -EINVAL, "it needs one of `target`, `to` and `name` at most");
    if (files_is_content(out) && out->has_max && out->max > FILES_CONTENT)
        return refuse(c, -EFBIG,
                      "content in the result has at most 1M: name a `target` or an fd for more");
    return check_max(c, out->has_max, out->max);
}

static bool is_same(const ProtobufCBinaryData *bytes, const char *path)
{
    return strcmp(bytes_string(bytes), path) == 0;
}

static int add_in(struct copying *c, const Crib__CopyIn *in)
{
    Crib__FilesPlan *files = c->p->plan->files;
    Crib__FilesPlan__In *plan;

    for (size_t i = 0; i < files->n_in; i++)
        if (is_same(&files->in[i]->path, c->path))
            return refuse(c, -EEXIST, "two files are copied to the same path");
    plan = ARENA_NEW(c->p->arena, crib__files_plan__in, Crib__FilesPlan__In);
    if (!plan || arena_push(c->p->arena, &files->in, &files->n_in, plan) < 0)
        return plan_no_memory(c->p, c->step);
    plan->has_path = plan->has_fd = plan->has_max = true;
    plan->path = bytes_of(c->path);
    plan->fd = c->index;
    plan->max = files_in_max(in);
    plan->has_mode = in->has_mode || !in->has_source;
    plan->mode = in->has_mode ? in->mode : FILES_MODE;
    return 0;
}

static int add_out(struct copying *c, const Crib__CopyOut *out)
{
    Crib__FilesPlan *files = c->p->plan->files;
    Crib__FilesPlan__Out *plan;

    for (size_t i = 0; i < files->n_out; i++)
        if (is_same(&files->out[i]->path, c->path))
            return refuse(c, -EEXIST, "the same path is copied twice");
    plan = ARENA_NEW(c->p->arena, crib__files_plan__out, Crib__FilesPlan__Out);
    if (!plan || arena_push(c->p->arena, &files->out, &files->n_out, plan) < 0)
        return plan_no_memory(c->p, c->step);
    plan->has_path = plan->has_max = plan->has_optional = true;
    plan->path = bytes_of(c->path);
    plan->max = files_out_max(out);
    plan->optional = out->has_optional && out->optional;
    return 0;
}

static int plan_in(struct planning *p, size_t i)
{
    const Crib__CopyIn *in = p->task->copy_in[i];
    struct copying c = {p, "copy_in", (int)i, NULL};
    int r = read_path(&c, in->has_path, &in->path);

    if (r == 0)
        r = check_in(&c, in);
    if (r == 0)
        r = check_place(&c);
    return r < 0 ? r : add_in(&c, in);
}

static int plan_out(struct planning *p, size_t i)
{
    const Crib__CopyOut *out = p->task->copy_out[i];
    struct copying c = {p, "copy_out", (int)i, NULL};
    int r = read_path(&c, out->has_path, &out->path);

    if (r == 0)
        r = check_out(&c, out);
    if (r == 0)
        r = check_place(&c);
    return r < 0 ? r : add_out(&c, out);
}

static int check_all(struct planning *p)
{
    const Crib__Task *task = p->task;
    const char *step = task->n_copy_in ? "copy_in" : "copy_out";

    if (task->n_copy_in > FILES_MAX || task->n_copy_out > FILES_MAX)
        return fail_text(p->err, -E2BIG, task->n_copy_in > FILES_MAX ? "copy_in" : "copy_out", -1,
                         NULL, "%zu files, at most %d are allowed",
                         task->n_copy_in > FILES_MAX ? task->n_copy_in : task->n_copy_out,
                         FILES_MAX);
    if (!p->plan->namespaces->mount)
        return fail_text(p->err, -EINVAL, step, -1, NULL,
                         "with `namespaces.mount: host` the task's files are the host's: there is "
                         "nothing to copy");
    if (task->n_copy_out && task->has_detached && task->detached)
        return fail_text(p->err, -EINVAL, "detached", -1, NULL,
                         "a detached task has no parent to take its files");
    return 0;
}

int plan_files(struct planning *p)
{
    const Crib__Task *task = p->task;
    int r = 0;

    if (!task->n_copy_in && !task->n_copy_out)
        return 0;
    r = check_all(p);
    if (r < 0)
        return r;
    p->plan->files = ARENA_NEW(p->arena, crib__files_plan, Crib__FilesPlan);
    if (!p->plan->files)
        return plan_no_memory(p, "copy_in");
    for (size_t i = 0; r == 0 && i < task->n_copy_in; i++)
        r = plan_in(p, i);
    for (size_t i = 0; r == 0 && i < task->n_copy_out; i++)
        r = plan_out(p, i);
    return r;
}
