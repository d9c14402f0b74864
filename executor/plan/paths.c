/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/paths.h"

#include <errno.h>
#include <string.h>

/* Appends the components of @path to the clean path at @out, which has room; drops for `..`. */
static size_t add_components(char *out, size_t len, const char *path)
{
    while (*path) {
        size_t n = strcspn(path, "/");

        if (n == 2 && path[0] == '.' && path[1] == '.') {
            while (len && out[--len] != '/')
                ;
        } else if (n && !(n == 1 && path[0] == '.')) {
            out[len++] = '/';
            memcpy(out + len, path, n);
            len += n;
        }
        path += n + strspn(path + n, "/");
    }
    return len;
}

char *path_clean(struct arena *arena, const char *base, const char *path)
{
    char *out = arena_alloc(arena, strlen(base) + strlen(path) + 3);
    size_t len = 0;

    if (!out)
        return NULL;
    if (path[0] != '/')
        len = add_components(out, len, base);
    len = add_components(out, len, path);
    if (len == 0)
        out[len++] = '/';
    out[len] = '\0';
    return out;
}

const char *path_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);

    if (n == 1)
        return path[1] ? path : "";
    if (strncmp(path, dir, n) != 0 || (path[n] && path[n] != '/'))
        return NULL;
    return path + n;
}

bool path_climbs(const char *path)
{
    while (*path) {
        size_t n = strcspn(path, "/");

        if (n == 2 && path[0] == '.' && path[1] == '.')
            return true;
        path += n + strspn(path + n, "/");
    }
    return false;
}

size_t mounts_asked(const struct planning *p)
{
    return p->policy->n_mounts + p->task->n_mounts;
}

struct asked_mount mount_asked(const struct planning *p, size_t n)
{
    size_t first = p->policy->n_mounts;

    if (n < first)
        return (struct asked_mount){p->policy->mounts[n], false, "mounts", (int)n};
    return (struct asked_mount){p->task->mounts[n - first], true, "task.mounts", (int)(n - first)};
}

bool mount_has_source(const Crib__Mount *mount)
{
    return !mount->has_type || mount->type == CRIB__MOUNT__TYPE__bind ||
           mount->type == CRIB__MOUNT__TYPE__host || mount->type == CRIB__MOUNT__TYPE__overlay;
}

int mount_source(struct planning *p, const struct asked_mount *asked, char **ret)
{
    const Crib__Mount *mount = asked->mount;
    const ProtobufCBinaryData *bytes = mount->has_source ? &mount->source : &mount->target;
    char *text;
    int r;

    if (!mount->has_source && !mount->has_target)
        return fail_text(p->err, -EINVAL, asked->step, asked->index, NULL, "it has no target");
    r = bytes_path(p, bytes, asked->step, asked->index, "the source", &text);
    if (r < 0)
        return r;
    if (text[0] != '/' && !(asked->from_task && p->host->has_cwd))
        return fail_text(p->err, -EINVAL, asked->step, asked->index, text,
                         "the source is not an absolute path");
    if (text[0] != '/')
        text = arena_printf(p->arena, "%.*s/%s", (int)p->host->cwd.len,
                            (const char *)p->host->cwd.data, text);
    *ret = text ? path_clean(p->arena, "/", text) : NULL;
    if (!*ret)
        return plan_no_memory(p, asked->step);
    return 0;
}

int program_path(struct planning *p, char **ret)
{
    char *cwd = NULL, *text;
    int r = bytes_path(p, &p->task->file, "program", -1, "the file", &text);

    if (r < 0)
        return r;
    *ret = NULL;
    if (!strchr(text, '/'))
        return 0;
    if (text[0] != '/' && !p->host->has_cwd)
        return fail_text(p->err, -ENOENT, "program", -1, text,
                         "a relative path, and the current directory is gone");
    if (text[0] != '/' && !(cwd = arena_copy(p->arena, p->host->cwd.data, p->host->cwd.len)))
        return plan_no_memory(p, "program");
    *ret = path_clean(p->arena, cwd ? cwd : "/", text);
    if (!*ret)
        return plan_no_memory(p, "program");
    if (strlen(*ret) >= PATH_MAX)
        return fail_text(p->err, -ENAMETOOLONG, "program", -1, text,
                         "its absolute path is too long");
    return 0;
}

const Crib__HostPath *host_path_find(const Crib__Host *host, const char *path, uint32_t *ret_index)
{
    size_t len = strlen(path);

    for (size_t i = 0; i < host->n_paths; i++) {
        const Crib__HostPath *at = host->paths[i];

        if (at->path.len == len && memcmp(at->path.data, path, len) == 0) {
            *ret_index = (uint32_t)i;
            return at;
        }
    }
    return NULL;
}

Crib__HostPath__Kind host_path_end(const Crib__HostPath *path)
{
    return path->kind == CRIB__HOST_PATH__KIND__link ? path->end : path->kind;
}

int host_path_fail(struct planning *p, const Crib__HostPath *path, const char *step, int index,
                   const char *subject, const char *what)
{
    int code = path->code < 0 ? path->code : -ENOENT;

    if (code == -ENOSYS)
        return fail_text(p->err, -EOPNOTSUPP, step, index, subject,
                         "this kernel has no openat2 (Linux 5.6), without which no path of the "
                         "host can be resolved safely");
    if (code == -EOPNOTSUPP)
        return fail_text(p->err, code, step, index, subject,
                         "no /proc is mounted here, which alone tells where a path of the host "
                         "leads: mount one");
    return fail_sys(p->err, code, step, index, subject, what ? "%s" : NULL, what);
}

static int add_path(struct planning *p, const char ***list, size_t *count, const char *path)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp((*list)[i], path) == 0)
            return 0;
    if (arena_push_value(p->arena, list, count, &path, sizeof(path)) < 0)
        return plan_no_memory(p, "paths");
    return 0;
}

static int add_sources(struct planning *p, const char ***list, size_t *count)
{
    if (mounts_asked(p) > PLAN_MAX_MOUNTS)
        return fail_text(p->err, -E2BIG, "mounts", -1, NULL, "%zu mounts, at most %d are allowed",
                         mounts_asked(p), PLAN_MAX_MOUNTS);
    for (size_t n = 0; n < mounts_asked(p); n++) {
        struct asked_mount asked = mount_asked(p, n);
        char *path;
        int r;

        if (!mount_has_source(asked.mount))
            continue;
        r = mount_source(p, &asked, &path);
        if (r == 0)
            r = add_path(p, list, count, path);
        if (r < 0)
            return r;
    }
    return 0;
}

int plan_paths(const Crib__Task *task, const Crib__Host *host, struct arena *arena,
               const char *const **ret, size_t *ret_count, struct crib_error *err)
{
    struct planning p = {task, task->policy, host, arena, NULL, err};
    const char **list = NULL;
    size_t count = 0;
    char *file;
    int r = add_sources(&p, &list, &count);

    if (r == 0)
        r = program_path(&p, &file);
    if (r == 0 && file)
        r = add_path(&p, &list, &count, file);
    if (r < 0)
        return r;
    *ret = list;
    *ret_count = count;
    return 0;
}
