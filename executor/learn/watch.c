/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "learn/mounting.h"
#include "learn/network.h"
#include "learn/places.h"
#include "plan/plan.h"
#include "plan/wants.h"

#define SIGNALS     3
#define USUAL_PATH  "/usr/local/bin:/usr/bin:/bin"
#define LET_THROUGH "let through"

struct watch {
    struct needs *needs;
    unsigned run;
    const struct watch_request *request;
    struct watched *watched;
    struct paths paths;
    struct network network;
    uv_loop_t loop;
    crib *ex;
    crib_task *task;
    uv_signal_t signals[SIGNALS];
    bool started;
    int code; /* the first that failed while it ran */
    struct crib_error error;
};

static const char wide[] = "namespaces: {mount: host, net: host}\n"
                           "net: {abstract_sockets: true}\n"
                           "env: {pass: [PATH, LANG, LC_*, TERM, TZ], set: [HOME=/tmp]}\n"
                           "syscalls:\n"
                           "  deny: [io_uring_setup -> ENOSYS, io_uring_enter -> ENOSYS,\n"
                           "         io_uring_register -> ENOSYS]\n"
                           "  allow:\n";

int watch_policy(crib_policy **ret, struct crib_error *err)
{
    AUTO(buf_done) struct buf text = {0};
    int r = buf_text(&text, wide);

    for (const struct call *call = call_next(NULL); r == 0 && call; call = call_next(call))
        if (strcmp(call->name, "clone3") != 0 && strncmp(call->name, "io_uring_", 9) != 0)
            r = buf_printf(&text, "    - %s\n", call->name);
    if (r < 0)
        return fail_sys(err, r, NULL, -1, NULL, NULL);
    return crib_policy_parse("learn.yaml", text.data, text.len, ret, err);
}

/* --- what is told --- */

/* Return: whether the call went through a symlink at the end of its path. */
static bool follows(const struct call *call, const uint64_t *args)
{
    static const char *const never[] = {
        "lstat",  "readlink", "readlinkat", "lchown",    "lgetxattr", "llistxattr", "lsetxattr",
        "unlink", "unlinkat", "rmdir",      "rename",    "renameat",  "renameat2",  "lremovexattr",
        "mkdir",  "mkdirat",  "symlink",    "symlinkat", "link",      "linkat"};

    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        if (strcmp(call->name, never[i]) == 0)
            return false;
    for (unsigned i = 0; i < call->count; i++) {
        const char *family = call->args[i].symbols;

        if (family && strcmp(family, "AT") == 0 && args[i] & AT_SYMLINK_NOFOLLOW)
            return false;
        if (family && strcmp(family, "O") == 0 && args[i] & O_NOFOLLOW)
            return false;
    }
    return true;
}

static int add_path(struct watch *w, const char *path, uint32_t wants)
{
    AUTO_FREE char *joined = NULL;

    if (path[0] == '/')
        return paths_add(&w->paths, path, wants);
    if (asprintf(&joined, "%s/%s", w->request->cwd, path) < 0)
        return -ENOMEM;
    return paths_add(&w->paths, joined, wants);
}

static bool names_an_address(const char *call)
{
    static const char *const names[] = {"connect", "bind", "sendto", "sendmsg", "sendmmsg"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], call) == 0)
            return true;
    return false;
}

static int add_object(struct watch *w, const struct call *call, const struct crib_denial *told)
{
    uint32_t wants = wants_of(call->number, told->args, -1);

    if (follows(call, told->args))
        wants |= PATH_FOLLOWED;
    if (!told->object[0])
        return 0;
    if (!names_an_address(call->name) || told->object[0] == '/')
        return add_path(w, told->object, wants);
    return network_add(&w->network, told->object, strcmp(call->name, "bind") == 0);
}

static void on_told(crib_task *task, const struct crib_denial *told, void *data)
{
    const struct call *call = call_by_number((int)told->number);
    struct watch *w = data;
    int r;

    (void)task;
    if (!call || told->by != CRIB_BY_FILTER || strcmp(told->answer, LET_THROUGH) != 0 || w->code)
        return;
    w->watched->calls++;
    r = needs_call(w->needs, w->run, call->number, told->args);
    if (r == 0)
        r = add_object(w, call, told);
    w->code = r;
}

static void on_spawn(crib_task *task, void *data)
{
    struct watch *w = data;

    (void)task;
    w->started = true;
}

static void on_error(crib_task *task, const struct crib_error *err, void *data)
{
    struct watch *w = data;

    (void)task;
    if (!w->error.code)
        w->error = *err;
}

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    struct watch *w = data;

    (void)task;
    w->task = NULL;
    w->watched->verdict = result->verdict;
    w->watched->status = result->status;
    w->watched->signal = result->signal;
    uv_stop(&w->loop);
}

/* --- the run --- */

static void on_signal(uv_signal_t *handle, int signo)
{
    struct watch *w = handle->data;

    if (w->task)
        (void)crib_task_kill(w->task, signo); /* it may have ended meanwhile */
}

static void watch_signals(struct watch *w)
{
    static const int passed_on[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

    for (int i = 0; i < SIGNALS; i++) {
        if (uv_signal_init(&w->loop, &w->signals[i]) < 0)
            continue;
        w->signals[i].data = w;
        (void)uv_signal_start(&w->signals[i], on_signal, passed_on[i]);
        uv_unref((uv_handle_t *)&w->signals[i]);
    }
}

static void close_all(struct watch *w)
{
    for (int i = 0; i < SIGNALS; i++)
        if (w->signals[i].data)
            uv_close((uv_handle_t *)&w->signals[i], NULL);
    if (w->ex)
        crib_close(w->ex, NULL, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&w->loop);
}

static int start(struct watch *w, const crib_policy *policy, struct crib_error *err)
{
    struct crib_options options = w->request->options;
    int r = crib_open(&w->ex, &w->loop, NULL, err);

    options.policy = NULL;
    options.policy_message = policy;
    options.trace = CRIB_TRACE_ALL;
    options.cwd = w->request->cwd;
    options.data = w;
    options.on = (struct crib_events){
        .spawn = on_spawn, .denied = on_told, .error = on_error, .close = on_close};
    return r < 0 ? r
                 : crib_spawn(w->ex, w->request->file, w->request->args, &options, &w->task, err);
}

static int run(struct watch *w, struct crib_error *err)
{
    crib_policy *policy;
    int r = watch_policy(&policy, err);

    if (r < 0)
        return r;
    r = uv_loop_init(&w->loop);
    if (r < 0) {
        crib_policy_free(policy);
        return fail_sys(err, r, NULL, -1, NULL, "event loop");
    }
    watch_signals(w);
    r = start(w, policy, err);
    if (r == 0)
        uv_run(&w->loop, UV_RUN_DEFAULT);
    close_all(w);
    crib_policy_free(policy);
    return r;
}

/* --- what comes of it --- */

static struct walker walker_of(const struct watch *w)
{
    const struct crib_options *options = &w->request->options;
    bool root = geteuid() == 0;
    struct walker walker = {.arena = w->needs->arena,
                            .other = root,
                            .uid = root ? PLAN_TASK_ID : geteuid(),
                            .gid = root ? PLAN_TASK_ID : getegid()};

    if (options->set_uid || options->uid)
        walker.uid = (uid_t)options->uid;
    if (options->set_gid || options->gid)
        walker.gid = (gid_t)options->gid;
    return walker;
}

/* Where the program was found. A path with a slash is shown to the task anyway. */
static int add_program(struct watch *w, struct places *places)
{
    const char *file = w->request->file, *dir = w->request->path ? w->request->path : USUAL_PATH;
    struct path path = {.wants = WANT_EXEC | PATH_FOLLOWED};

    if (strchr(file, '/')) {
        path.text =
            file[0] == '/' ? file : arena_printf(w->needs->arena, "%s/%s", w->request->cwd, file);
        return path.text ? places_add_loader(places, &path) : -ENOMEM;
    }
    for (; *dir; dir += strcspn(dir, ":"), dir += *dir == ':') {
        path.text = arena_printf(w->needs->arena, "%.*s/%s", (int)strcspn(dir, ":"), dir, file);
        if (!path.text)
            return -ENOMEM;
        if (access(path.text, X_OK) == 0)
            return places_add(places, &path);
    }
    return 0;
}

static int add_network(struct watch *w)
{
    struct needs *needs = w->needs;
    const char *outside = network_outside(&w->network);

    if (!outside)
        return 0;
    w->watched->outside = arena_text(needs->arena, outside);
    return w->watched->outside ? needs_host_net(needs, w->run) : -ENOMEM;
}

static int conclude(struct watch *w, const struct timespec *began, struct crib_error *err)
{
    struct places places = {.needs = w->needs,
                            .run = w->run,
                            .walker = walker_of(w),
                            .cwd = w->request->cwd,
                            .home = w->request->home,
                            .start = *began};
    int r = add_program(w, &places);

    if (r == 0)
        r = places_add_all(&places, &w->paths);
    if (r == 0)
        r = add_network(w);
    if (r == 0)
        r = needs_tidy(w->needs);
    if (r < 0)
        return fail_sys(err, r, NULL, -1, NULL, NULL);
    w->watched->not_shown = places.not_shown;
    w->watched->not_shown_count = places.not_shown_count;
    w->watched->lost = w->paths.lost;
    return mounting_tidy(w->needs, w->request->home, err);
}

static int check(const struct watch *w, struct crib_error *err)
{
    if (w->code < 0)
        return fail_sys(err, w->code, NULL, -1, NULL, NULL);
    if (!w->started) {
        *err = w->error;
        return w->error.code ? w->error.code : -ECANCELED;
    }
    if (!w->watched->calls)
        return fail_text(
            err, -EOPNOTSUPP, "trace", -1, NULL,
            "nothing was told of the run: inside another sandbox that reports denials, "
            "or without seccomp notification, nothing can be learnt");
    return 0;
}

int watch_run(const struct watch_request *request, struct needs *needs, unsigned number,
              struct watched *ret, struct crib_error *err)
{
    struct watch w = {.needs = needs, .run = number, .request = request, .watched = ret};
    struct timespec began;
    int r;

    *ret = (struct watched){0};
    clock_gettime(CLOCK_REALTIME, &began);
    paths_init(&w.paths);
    network_init(&w.network);
    r = run(&w, err);
    if (r == 0)
        r = check(&w, err);
    if (r == 0)
        r = conclude(&w, &began, err);
    paths_done(&w.paths);
    network_done(&w.network);
    return r;
}
