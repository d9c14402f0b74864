/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "api/stdio.h"
#include "daemon/copying.h"
#include "daemon/nested.h"
#include "plan/paths.h"
#include "policy/origins.h"
#include "policy/vars.h"
#include "policy/within.h"

#define MAX_LABEL  255
#define ARENA_MOST (64u << 20) /* bytes; a request has at most CALL_ARENA, decoded */

static int no_memory(struct crib_error *err)
{
    return fail_sys(err, -ENOMEM, "request", -1, NULL, NULL);
}

/* The message in memory that outlives the call. */
static int copy_task(const Crib__Task *task, struct arena *arena, Crib__Task **ret,
                     struct crib_error *err)
{
    size_t size = crib__task__get_packed_size(task);
    uint8_t *data = malloc(size + 1);

    *ret = data ? crib__task__unpack(&arena->pb, crib__task__pack(task, data), data) : NULL;
    free(data);
    return *ret ? 0 : no_memory(err);
}

static int check(const Crib__SpawnRequest *request, struct crib_error *err)
{
    const Crib__Task *task = request->task;

    if (!task)
        return fail_text(err, -EINVAL, "task", -1, NULL, "there is none");
    if (!task->has_file || !task->file.len)
        return fail_text(err, -EINVAL, "program", -1, NULL, "no file is named");
    if (task->detached)
        return fail_text(err, -EINVAL, "detached", -1, NULL,
                         "a daemon's task is detached by the request's own field");
    if (task->policy && request->policy[0])
        return fail_text(err, -EINVAL, "policy", -1, NULL, "one by name and one inline");
    if (request->cwd.len && request->cwd.data[0] != '/')
        return fail_text(err, -EINVAL, "cwd", -1, NULL, "the caller's is not absolute");
    if (memchr(request->cwd.data ? (const char *)request->cwd.data : "", '\0', request->cwd.len))
        return fail_text(err, -EINVAL, "cwd", -1, NULL, "a NUL in it");
    if (strlen(request->label) > MAX_LABEL)
        return fail_text(err, -EINVAL, "label", -1, NULL, "more than %d bytes", MAX_LABEL);
    return 0;
}

static int find_inline(uid_t uid, struct prepared *ret, struct crib_error *err)
{
    struct site_inline with = {.vars = ret->task->vars, .n_vars = ret->task->n_vars};
    int r = site_inline_with(ret->held->site, uid, ret->task->policy, &with, ret->arena,
                             &ret->task->policy, err);

    ret->policy_name = "";
    ret->ceiling = with.ceiling;
    ret->cut = with.cut;
    if (with.cut ||
        (r == 0 && ret->task->origins && !origins_fit(ret->task->origins, ret->task->policy)))
        ret->task->origins = NULL;
    return r;
}

static int find_policy(uid_t uid, const Crib__SpawnRequest *request, struct prepared *ret,
                       struct crib_error *err)
{
    const char *name = request->policy[0] ? request->policy : "default";
    const Crib__Policy *policy;
    int r;

    if (ret->task->policy)
        return find_inline(uid, ret, err);
    ret->policy_name = name;
    r = site_policy(ret->held->site, uid, name, &policy, err);
    if (r == 0)
        r = policy_expand_vars(policy, ret->task->vars, ret->task->n_vars, ret->arena,
                               &ret->task->policy, err);
    ret->task->origins = (Crib__Origins *)site_origins(ret->held->site, name);
    return r;
}

/* A client inside a task gets no more than that task has. */
static int cut_down(const struct daemon *daemon, const struct peer *peer,
                    const Crib__SpawnRequest *request, struct prepared *p, struct crib_error *err)
{
    int r;

    if (!peer->inside)
        return 0;
    p->inside = arena_printf(p->arena, "task %llu", (unsigned long long)peer->inside);
    if (!p->inside)
        return no_memory(err);
    r = nested_check(request, err);
    if (r == 0)
        r = nested_ceiling(daemon, peer, p->arena, &p->parent, err);
    if (r == 0)
        r = site_cut(&p->task->policy, p->parent, false, false, p->arena, &p->cut_inside, err);
    if (p->cut_inside)
        p->task->origins = NULL;
    return r;
}

/* A task is its client's: with root's daemon by the client's own id, otherwise there is one only.
 */
static int set_ids(const struct daemon *daemon, const struct peer *peer, struct prepared *p,
                   struct crib_error *err)
{
    Crib__Task *task = p->task;

    if (peer->uid == 0 || daemon->uid != 0)
        return 0;
    if ((task->has_uid && task->uid != peer->uid) || (task->has_gid && task->gid != peer->gid))
        return fail_text(err, -EPERM, "ids", -1, NULL, "only root may ask for another's ids");
    p->given_ids = !task->has_uid && !task->has_gid;
    task->has_uid = true;
    task->uid = peer->uid;
    task->has_gid = peer->gid != 0;
    task->gid = peer->gid;
    return 0;
}

static char *text_of(struct arena *arena, ProtobufCBinaryData bytes)
{
    return arena_copy(arena, bytes.data, bytes.len);
}

/* Relative to where the client is, whatever it calls that. */
static int make_absolute(struct prepared *p, const Crib__SpawnRequest *request, Crib__Mount *mount,
                         int index, struct crib_error *err)
{
    const char *cwd = request->cwd.len ? text_of(p->arena, request->cwd) : "/";
    const char *source = text_of(p->arena, mount->source), *clean;

    if (!mount->has_source || (mount->source.len && mount->source.data[0] == '/'))
        return 0;
    if (!mount->source.len || strlen(source) != mount->source.len)
        return fail_text(err, -EINVAL, "task.mounts", index, NULL, "the source is no path");
    clean = cwd && source ? path_clean(p->arena, cwd, source) : NULL;
    if (!clean)
        return no_memory(err);
    mount->source = arena_bytes(p->arena, clean, strlen(clean));
    return mount->source.data ? 0 : no_memory(err);
}

static int check_mounts(uid_t uid, const Crib__SpawnRequest *request, struct prepared *p,
                        struct crib_error *err)
{
    Crib__Task *task = p->task;

    for (size_t i = 0; i < task->n_mounts; i++) {
        Crib__Mount *mount = task->mounts[i];
        bool bind = !mount->has_type || mount->type == CRIB__MOUNT__TYPE__bind ||
                    mount->type == CRIB__MOUNT__TYPE__overlay;
        int r;

        if (!bind && mount->type != CRIB__MOUNT__TYPE__tmpfs)
            return fail_text(err, -EINVAL, "task.mounts", (int)i, NULL,
                             "only bind, overlay and tmpfs; all else belongs in a policy");
        r = make_absolute(p, request, mount, (int)i, err);
        if (r < 0)
            return r;
    }
    if (p->parent) {
        int r = policy_within_added(task->policy, task->mounts, task->n_mounts, p->parent, false,
                                    false, err);

        if (r < 0)
            return r;
    }
    return site_mounts(p->held->site, uid, task->policy, task->mounts, task->n_mounts, err);
}

static int add_file(struct prepared *p, const Crib__SpawnRequest *request, const Crib__Stdio *entry,
                    struct crib_error *err)
{
    const char *cwd = request->cwd.len ? text_of(p->arena, request->cwd) : "/";
    const char *path = text_of(p->arena, entry->path);
    Crib__Stdio__Mode mode = entry->has_mode  ? entry->mode
                             : entry->fd == 0 ? CRIB__STDIO__MODE__read
                                              : CRIB__STDIO__MODE__write;
    struct opener_file *file = &p->files[p->n_files];

    if (!entry->path.len || memchr(entry->path.data, '\0', entry->path.len))
        return fail_text(err, -EINVAL, "stdio", (int)entry->fd, NULL, "no path to open");
    file->path = cwd && path ? path_clean(p->arena, cwd, path) : NULL;
    if (!file->path)
        return no_memory(err);
    file->flags = mode == CRIB__STDIO__MODE__read    ? O_RDONLY
                  : mode == CRIB__STDIO__MODE__write ? O_WRONLY | O_CREAT | O_TRUNC
                                                     : O_WRONLY | O_CREAT | O_APPEND;
    p->file_fds[p->n_files++] = (int)entry->fd;
    p->stdio[entry->fd].kind = CRIB_FD;
    p->stdio[entry->fd].from = -1;
    return 0;
}

static int add_given(struct prepared *p, const Crib__Stdio *entry, struct crib_error *err)
{
    if (!entry->name)
        return fail_text(err, -EINVAL, "stdio", (int)entry->fd, NULL, "no name of an fd");
    p->given[entry->fd] = entry->name;
    p->stdio[entry->fd].kind = CRIB_FD;
    p->stdio[entry->fd].from = -1;
    return 0;
}

static int add_stdio(struct prepared *p, const Crib__SpawnRequest *request,
                     const Crib__Stdio *entry, struct crib_error *err)
{
    struct crib_stdio *to = &p->stdio[entry->fd];

    switch (entry->has_kind ? entry->kind : CRIB__STDIO__KIND__null) {
    case CRIB__STDIO__KIND__null:
        return 0;
    case CRIB__STDIO__KIND__pipe:
        to->kind = CRIB_PIPE;
        return 0;
    case CRIB__STDIO__KIND__pty:
        to->kind = CRIB_PTY;
        return 0;
    case CRIB__STDIO__KIND__channel:
        if (entry->name)
            return add_given(p, entry, err);
        to->kind = CRIB_CHANNEL;
        return 0;
    case CRIB__STDIO__KIND__given:
        return add_given(p, entry, err);
    case CRIB__STDIO__KIND__file:
        return add_file(p, request, entry, err);
    default:
        return fail_text(err, -EINVAL, "stdio", (int)entry->fd, NULL,
                         "a daemon's fds are nobody's to inherit");
    }
}

/* What the plan sees of it: the fds that are given are the daemon's by now. */
static int plan_entry(struct prepared *p, size_t fd, const Crib__Stdio *asked, Crib__Task *task)
{
    Crib__Stdio *entry = ARENA_NEW(p->arena, crib__stdio, Crib__Stdio);

    if (!entry)
        return -ENOMEM;
    entry->has_fd = entry->has_kind = true;
    entry->fd = (uint32_t)fd;
    entry->kind = asked && asked->has_kind ? asked->kind : CRIB__STDIO__KIND__null;
    if (entry->kind == CRIB__STDIO__KIND__file)
        entry->kind = CRIB__STDIO__KIND__given;
    entry->has_from = entry->kind == CRIB__STDIO__KIND__given;
    return arena_push(p->arena, &task->stdio, &task->n_stdio, entry);
}

static int default_stdio(struct prepared *p)
{
    for (uint32_t fd = 0; fd < 3; fd++) {
        Crib__Stdio *entry = ARENA_NEW(p->arena, crib__stdio, Crib__Stdio);

        if (!entry || arena_push(p->arena, &p->task->stdio, &p->task->n_stdio, entry) < 0)
            return -ENOMEM;
        entry->has_fd = entry->has_kind = true;
        entry->fd = fd;
        entry->kind = CRIB__STDIO__KIND__pipe;
    }
    return 0;
}

/* Asked for without saying where. */
static bool wants_channel(const struct prepared *p, const Crib__Stdio *const *asked)
{
    if (!p->task->has_channel || p->task->channel == CRIB__TASK__CHANNEL__none)
        return false;
    for (size_t fd = 0; fd < p->n_stdio; fd++)
        if (asked[fd] && asked[fd]->kind == CRIB__STDIO__KIND__channel)
            return false;
    return true;
}

static int behind_others(struct prepared *p, const Crib__Stdio **slot, struct crib_error *err)
{
    Crib__Stdio *entry = ARENA_NEW(p->arena, crib__stdio, Crib__Stdio);

    if (p->n_stdio >= PLAN_MAX_STDIO)
        return fail_text(err, -E2BIG, "stdio", -1, NULL, "no fd below %d is left for the channel",
                         PLAN_MAX_STDIO);
    if (!entry)
        return no_memory(err);
    entry->has_fd = entry->has_kind = true;
    entry->kind = CRIB__STDIO__KIND__channel;
    p->stdio[p->n_stdio++].kind = CRIB_CHANNEL;
    *slot = entry;
    return 0;
}

static int set_stdio(const Crib__SpawnRequest *request, struct prepared *p, struct crib_error *err)
{
    const Crib__Stdio *asked[PLAN_MAX_STDIO] = {NULL};
    Crib__Task *task = p->task;
    int r = task->n_stdio ? 0 : default_stdio(p);

    for (size_t i = 0; r == 0 && i < task->n_stdio; i++) {
        const Crib__Stdio *entry = task->stdio[i];

        if (entry->fd >= PLAN_MAX_STDIO || asked[entry->fd])
            return fail_text(err, -EINVAL, "stdio", (int)i, NULL,
                             "fd %u: named twice, or not below %d", entry->fd, PLAN_MAX_STDIO);
        asked[entry->fd] = entry;
        if (p->n_stdio <= entry->fd)
            p->n_stdio = entry->fd + 1;
        r = add_stdio(p, request, entry, err);
        if (r < 0)
            return r;
    }
    if (r == 0 && wants_channel(p, asked))
        r = behind_others(p, &asked[p->n_stdio], err);
    task->stdio = NULL;
    task->n_stdio = 0;
    for (size_t fd = 0; r == 0 && fd < p->n_stdio; fd++)
        r = plan_entry(p, fd, asked[fd], task);
    return r < 0 ? no_memory(err) : 0;
}

/* The daemon's own facts, but where and from what the client starts. */
static int look(const Crib__SpawnRequest *request, struct prepared *p, struct crib_error *err)
{
    int r = host_look(p->arena, &p->host);

    if (r == 0 && plan_wants_controllers(p->task->policy))
        r = host_controllers(p->arena, p->host);
    if (r < 0)
        return fail_sys(err, r, "host", -1, NULL, "look at it");
    p->host->has_cwd = true;
    p->host->cwd = request->cwd.len ? arena_bytes(p->arena, request->cwd.data, request->cwd.len)
                                    : arena_bytes(p->arena, "/", 1);
    p->host->env = NULL;
    p->host->n_env = 0;
    for (size_t i = 0; i < request->n_env; i++) {
        ProtobufCBinaryData copy = arena_bytes(p->arena, request->env[i].data, request->env[i].len);

        if (arena_push_value(p->arena, &p->host->env, &p->host->n_env, &copy, sizeof(copy)) < 0)
            return no_memory(err);
    }
    return plan_paths(p->task, p->host, p->arena, &p->paths, &p->n_paths, err);
}

int prepare(struct daemon *daemon, const struct peer *peer, const Crib__SpawnRequest *request,
            struct prepared *ret, struct crib_error *err)
{
    int r = check(request, err);

    if (r < 0)
        return r;
    ret->arena = malloc(sizeof(*ret->arena));
    if (!ret->arena)
        return no_memory(err);
    arena_init(ret->arena, ARENA_MOST);
    ret->held = daemon_hold_site(daemon);
    r = copy_task(request->task, ret->arena, &ret->task, err);
    if (r == 0)
        r = find_policy(peer->uid, request, ret, err);
    if (r == 0)
        r = cut_down(daemon, peer, request, ret, err);
    if (r == 0)
        r = set_ids(daemon, peer, ret, err);
    if (r == 0)
        r = check_mounts(peer->uid, request, ret, err);
    if (r == 0)
        r = plan_check_listening(ret->task, err);
    if (r == 0)
        r = set_stdio(request, ret, err);
    if (r == 0)
        r = copying_prepare(peer, request, ret, err);
    return r == 0 ? look(request, ret, err) : r;
}

static int add_line(const struct prepared *p, Crib__Plan *plan, const char *ceiling, bool cut,
                    struct crib_error *err)
{
    Crib__Receipt *line = ARENA_NEW(p->arena, crib__receipt, Crib__Receipt);

    if (!line || arena_push(p->arena, &plan->receipt, &plan->n_receipt, line) < 0)
        return no_memory(err);
    line->mechanism = (char *)"ceiling";
    line->asked = (char *)ceiling;
    line->applied = (char *)(cut ? "cut down to it" : "within it");
    return 0;
}

int prepare_plan(const struct prepared *prepared, Crib__Plan *plan, struct crib_error *err)
{
    int r = prepared->ceiling ? add_line(prepared, plan, prepared->ceiling, prepared->cut, err) : 0;

    if (r == 0 && prepared->inside)
        r = add_line(prepared, plan, prepared->inside, prepared->cut_inside, err);
    return r == 0 && prepared->parent ? nested_check_plan(plan, prepared->parent, err) : r;
}

/* One that is nobody's is less than the client's own. */
int prepare_own(struct prepared *prepared, struct host_fds *fds, struct crib_error *err)
{
    Crib__Task *task = prepared->task;
    int r = host_own(task->policy, prepared->arena, prepared->host, fds);

    if (r < 0)
        return no_memory(err);
    if (prepared->given_ids && prepared->host->own && prepared->host->own->has_uid)
        task->has_uid = task->has_gid = false;
    return 0;
}

/* Nobody is believed about how an fd is open. */
static void set_modes(struct prepared *prepared)
{
    for (size_t i = 0; i < prepared->task->n_stdio; i++) {
        Crib__Stdio *entry = prepared->task->stdio[i];

        if (entry->kind == CRIB__STDIO__KIND__given)
            entry->has_mode = stdio_mode(prepared->stdio[entry->fd].from, &entry->mode);
    }
}

int prepare_fds(struct daemon *daemon, uint64_t owner, struct prepared *prepared, const int *files,
                size_t count, struct crib_error *err)
{
    for (size_t i = 0; i < count && i < prepared->n_files; i++)
        if (!prepared->file_copies[i])
            prepared->stdio[prepared->file_fds[i]].from = files[i];
    for (size_t fd = 0; fd < prepared->n_stdio; fd++) {
        if (!prepared->given[fd])
            continue;
        prepared->stdio[fd].from = fdside_find(daemon->fdside, owner, prepared->given[fd]);
        if (prepared->stdio[fd].from < 0)
            return fail_text(err, -EBADF, "stdio", (int)fd, prepared->given[fd],
                             "no fd of that name is registered");
    }
    set_modes(prepared);
    return 0;
}

void prepared_done(struct daemon *daemon, struct prepared *prepared)
{
    copies_done(&prepared->copies);
    if (prepared->arena)
        arena_done(prepared->arena);
    free(prepared->arena);
    daemon_drop_site(daemon, prepared->held);
}
