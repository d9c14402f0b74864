/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is run. A file named by a path is opened as the caller and shown read-only at its own path,
 * unless the policy shows it there already; a bare name is searched by init in the task's own view.
 */
#include "plan/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/mounts.h"
#include "plan/view.h"

#define SEARCH     "/usr/local/bin:/usr/bin:/bin"
#define MOST_BYTES (6u << 20) /* of arguments and environment; exec(2): 3/4 of _STK_LIM */

static int check_host_path(struct planning *p, const Crib__HostPath *at, const char *path)
{
    Crib__HostPath__Kind kind = host_path_end(at);

    if (kind == CRIB__HOST_PATH__KIND__missing || kind == CRIB__HOST_PATH__KIND__unreadable)
        return host_path_fail(p, at, "program", -1, path, NULL);
    if (kind == CRIB__HOST_PATH__KIND__dir)
        return fail_sys(p->err, -EISDIR, "program", -1, path, NULL);
    if (kind != CRIB__HOST_PATH__KIND__file)
        return fail_text(p->err, -EACCES, "program", -1, path, "not a regular file");
    if (at->has_mode && !(at->mode & 0111))
        return fail_text(p->err, -EACCES, "program", -1, path, "not executable: no x permission");
    return 0;
}

static int show(struct planning *p, const Crib__HostPath *at, uint32_t index, char *target)
{
    char *applied;

    if (path_below(target, "/proc"))
        return fail_text(p->err, -EACCES, "program", -1, target,
                         "nothing of the host's /proc is shown to a task");
    applied = arena_printf(p->arena, "shown read-only at %s", target);
    if (!applied || !mounts_add_bind(p, at, index, target, "program"))
        return plan_no_memory(p, "program");
    return plan_receipt(p, "program", target, applied);
}

/* The noexec flag would make exec fail with a bare EACCES. */
static int check_exec(struct planning *p, const Crib__MountPlan *mount, int index, const char *path)
{
    if (mount->exec)
        return 0;
    return fail_text(p->err, -EACCES, "program", -1, path,
                     "it is inside %s (mount %d of the plan), which has `exec: false`",
                     bytes_string(&mount->target), index);
}

/*
 * Where the policy shows the path itself, symlinks on the way may still lead out of what it shows:
 * then the file is run, and shown, at its real path.
 */
static int place(struct planning *p, char *path, char **ret)
{
    const Crib__MountPlan *mount;
    const Crib__HostPath *at;
    char *inside, *real;
    uint32_t index;
    int r, n;

    at = host_path_find(p->host, path, &index);
    if (!at)
        return fail_text(p->err, -EINVAL, "program", -1, path, "the host was not asked about it");
    r = check_host_path(p, at, path);
    if (r < 0)
        return r;
    *ret = path;
    if (!p->plan->namespaces->mount)
        return 0;
    r = view_rewrite(p, path, &inside);
    real = arena_copy(p->arena, at->real.data, at->real.len);
    if (r == -ENOMEM || !real)
        return plan_no_memory(p, "program");
    if (r < 0)
        return fail_sys(p->err, r, "program", -1, path, NULL);
    mount = view_shows(p, inside, &n);
    if (!mount)
        return show(p, at, index, inside);
    r = check_exec(p, mount, n, path);
    if (r < 0 || strcmp(real, inside) == 0 || view_shows(p, real, NULL))
        return r;
    *ret = real;
    return show(p, at, index, real);
}

static int search(struct planning *p, Crib__Program *program)
{
    const char *path = SEARCH;

    for (size_t i = 0; i < program->n_env; i++)
        if (program->env[i].len >= 5 && memcmp(program->env[i].data, "PATH=", 5) == 0)
            path = bytes_string(&program->env[i]) + 5;
    program->search = arena_bytes(p->arena, path, strlen(path));
    program->has_search = true;
    return program->search.data ? 0 : plan_no_memory(p, "program");
}

static int plan_file(struct planning *p, Crib__Program *program)
{
    char *path, *file = NULL;
    int r;

    if (!p->task->has_file || p->task->file.len == 0)
        return fail_text(p->err, -EINVAL, "program", -1, NULL, "no file is named");
    r = program_path(p, &path);
    if (r < 0)
        return r;
    program->has_file = true;
    if (path) {
        r = place(p, path, &file);
        if (r == 0)
            program->file = bytes_of(file);
        return r;
    }
    program->file = arena_bytes(p->arena, p->task->file.data, p->task->file.len);
    return program->file.data ? search(p, program) : plan_no_memory(p, "program");
}

static int add_arg(struct planning *p, const ProtobufCBinaryData *bytes, const char *step,
                   int index)
{
    Crib__Program *program = p->plan->program;
    ProtobufCBinaryData copy;
    char *text;
    int r;

    if (bytes->len > PLAN_MAX_ARG)
        return fail_text(p->err, -E2BIG, step, index, NULL,
                         "%zu bytes, and the kernel takes %d in one argument", bytes->len,
                         PLAN_MAX_ARG);
    r = bytes_text(p, bytes, step, index, "the argument", &text);
    if (r < 0)
        return r;
    copy = bytes_of(text);
    if (arena_push_value(p->arena, &program->argv, &program->n_argv, &copy, sizeof(copy)) < 0)
        return plan_no_memory(p, step);
    return 0;
}

static int plan_argv(struct planning *p)
{
    const Crib__Task *task = p->task;
    int r = add_arg(p, task->has_argv0 ? &task->argv0 : &task->file, "argv0", -1);

    if (r == 0 && task->n_args > PLAN_MAX_ARGS)
        return fail_text(p->err, -E2BIG, "args", PLAN_MAX_ARGS, NULL, "more than %d arguments",
                         PLAN_MAX_ARGS);
    for (size_t i = 0; r == 0 && i < task->n_args; i++)
        r = add_arg(p, &task->args[i], "args", (int)i);
    return r;
}

/* What the kernel will take, as far as it is decided here: a smaller stack means less. */
static size_t most_bytes(const Crib__Plan *plan)
{
    for (size_t i = 0; i < plan->n_limits; i++)
        if (strcmp(plan->limits[i]->name, "stack") == 0 && plan->limits[i]->soft / 4 < MOST_BYTES)
            return plan->limits[i]->soft / 4 > 131072 ? plan->limits[i]->soft / 4 : 131072;
    return MOST_BYTES;
}

/* The index of the entry with which @left is used up, -1 when it suffices. */
static int spend(const ProtobufCBinaryData *list, size_t count, size_t *left)
{
    for (size_t i = 0; i < count; i++) {
        size_t need = list[i].len + 1 + sizeof(char *);

        if (need > *left)
            return (int)i;
        *left -= need;
    }
    return -1;
}

static int check_size(struct planning *p, const Crib__Program *program)
{
    size_t most = most_bytes(p->plan), left = most - program->file.len - 1;
    int i;

    for (i = 0; (size_t)i < program->n_env; i++)
        if (program->env[i].len > PLAN_MAX_ARG)
            return fail_text(p->err, -E2BIG, "env", i, NULL,
                             "%zu bytes, and the kernel takes %d in one entry", program->env[i].len,
                             PLAN_MAX_ARG);
    i = spend(program->argv, program->n_argv, &left);
    if (i >= 0)
        return fail_text(p->err, -E2BIG, "args", i ? i - 1 : 0, NULL,
                         "here the arguments pass the %zu bytes that the kernel takes", most);
    i = spend(program->env, program->n_env, &left);
    if (i >= 0)
        return fail_text(p->err, -E2BIG, "env", i, NULL,
                         "here arguments and environment pass the %zu bytes that the kernel takes",
                         most);
    return 0;
}

/* Unset, it is /tmp where the task has one. */
static const char *usual_cwd(const struct planning *p)
{
    if (!p->plan->namespaces->mount)
        return p->host->has_cwd ? (const char *)p->host->cwd.data : "/";
    for (size_t i = 0; i < p->plan->n_mounts; i++)
        if (path_below(bytes_string(&p->plan->mounts[i]->target), "/tmp"))
            return "/tmp";
    return "/";
}

static int plan_cwd(struct planning *p, Crib__Program *program)
{
    char *text, *cwd;
    int r;

    if (!p->task->has_cwd) {
        const char *usual = usual_cwd(p);
        size_t len = usual == (const char *)p->host->cwd.data ? p->host->cwd.len : strlen(usual);

        text = arena_copy(p->arena, usual, len);
        if (!text)
            return plan_no_memory(p, "cwd");
    } else {
        r = bytes_path(p, &p->task->cwd, "cwd", -1, "the directory", &text);
        if (r < 0)
            return r;
        if (text[0] != '/')
            return fail_text(p->err, -EINVAL, "cwd", -1, text,
                             "not an absolute path inside the sandbox");
    }
    cwd = path_clean(p->arena, "/", text);
    if (!cwd)
        return plan_no_memory(p, "cwd");
    if (path_below(cwd, "/proc") && strcmp(cwd, "/proc") != 0)
        return fail_text(p->err, -EINVAL, "cwd", -1, text,
                         "no task starts inside /proc, where paths lead out of the sandbox");
    program->cwd = bytes_of(cwd);
    program->has_cwd = true;
    return 0;
}

int plan_program(struct planning *p)
{
    Crib__Program *program = p->plan->program;
    int r = plan_file(p, program);

    if (r == 0)
        r = plan_argv(p);
    if (r == 0)
        r = check_size(p, program);
    return r < 0 ? r : plan_cwd(p, program);
}
