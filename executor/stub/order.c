/* SPDX-License-Identifier: Apache-2.0 */
#include "stub/order.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "stub/view.h"
#include "text/text.h"

extern char **environ;

static int no_memory(struct crib_error *err)
{
    return fail_sys(err, -ENOMEM, "request", -1, NULL, NULL);
}

static int read_message(struct order *order, const char *text, struct crib_error *err)
{
    ProtobufCMessage *message;
    int r = text_read(&crib__stub_request__descriptor, "request", text, strlen(text), &order->arena,
                      NULL, &message, err);

    if (r == 0)
        order->message = (Crib__StubRequest *)message;
    return r;
}

static int find_control(struct order *order, struct crib_error *err)
{
    const Crib__StubRequest *message = order->message;
    int fd = (int)message->fds;
    struct stat st;

    if (!message->has_fds || message->fds < 3 || message->fds > ORDER_MAX_FDS)
        return fail_text(err, -EINVAL, "stdio", -1, NULL, "%u fds; 3 to %d are possible",
                         message->fds, ORDER_MAX_FDS);
    if (fstat(fd, &st) < 0 || (!S_ISSOCK(st.st_mode) && !S_ISREG(st.st_mode)))
        return fail_text(err, -EBADF, "stdio", fd, NULL, "no socket and no file to tell events to");
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    order->control = fd;
    return 0;
}

static int check_version(const Crib__StubRequest *message, struct crib_error *err)
{
    if (message->version && strcmp(message->version, CRIB_VERSION) == 0)
        return 0;
    return fail_text(
        err, -EPROTO, "version", -1, NULL,
        "crib-stub is of version %s, the package for Node of %s: install both from one "
        "release",
        CRIB_VERSION, message->version ? message->version : "none");
}

/*
 * What Node's caller has `ignore`d is closed here, and nothing there. Its place is kept, so that no
 * fd of our own gets among those that are let go. Return: 0; -EMFILE and the like.
 */
static int take_fds(struct order *order, struct crib_error *err)
{
    size_t count = order->message->fds;

    for (size_t i = 0; i < count; i++) {
        struct crib_stdio *entry = &order->stdio[i];

        entry->kind = CRIB_FD;
        entry->from = (int)i;
        if (fcntl((int)i, F_SETFD, FD_CLOEXEC) == 0)
            continue;
        entry->kind = CRIB_NULL;
        if (open("/dev/null", O_RDWR | O_CLOEXEC) != (int)i)
            return fail_sys(err, -errno, "stdio", (int)i, "/dev/null", "open");
    }
    order->options.stdio = order->stdio;
    order->options.stdio_count = count;
    return 0;
}

/* A list of the message's bytes as texts, ended by NULL. */
static int list_of(struct order *order, const ProtobufCBinaryData *entries, size_t count,
                   const char *const **ret)
{
    const char **list = arena_alloc(&order->arena, (count + 1) * sizeof(*list));

    for (size_t i = 0; list && i < count; i++) {
        list[i] = arena_printf(&order->arena, "%.*s", (int)entries[i].len, entries[i].data);
        if (!list[i])
            return -ENOMEM;
    }
    if (!list)
        return -ENOMEM;
    list[count] = NULL;
    *ret = list;
    return 0;
}

static const char *text_of(struct order *order, ProtobufCBinaryData data)
{
    return arena_printf(&order->arena, "%.*s", (int)data.len, data.data);
}

/* The task's environment may be anybody's: nothing of the stub is to depend on it. */
static int take_env(struct order *order, struct crib_error *err)
{
    static char *none[] = {NULL};
    const Crib__StubRequest *message = order->message;

    if (message->whole_env) {
        order->options.env = (const char *const *)environ;
        environ = none;
    }
    if (list_of(order, message->env, message->n_env, &order->options.env_add) < 0)
        return no_memory(err);
    return 0;
}

static int take_binds(struct order *order, struct crib_error *err)
{
    const Crib__StubRequest *message = order->message;
    const char *at = message->has_at ? text_of(order, message->at) : NULL;
    struct crib_bind *binds = arena_alloc(&order->arena, (message->n_binds + 1) * sizeof(*binds));

    if (!binds)
        return no_memory(err);
    for (size_t i = 0; i < message->n_binds; i++) {
        const Crib__StubBind *bind = message->binds[i];
        struct crib_bind *new_ = &binds[order->options.bind_count];

        new_->source = text_of(order, bind->source);
        new_->target = bind->has_target ? text_of(order, bind->target) : NULL;
        new_->write = bind->write;
        if (!new_->source || (bind->has_target && !new_->target))
            return no_memory(err);
        if (!bind->unless_there ||
            !view_has(order->policy, new_->target ? new_->target : new_->source, at))
            order->options.bind_count++;
    }
    order->options.binds = binds;
    return 0;
}

/*
 * A daemon looks a name up itself, since it may have others than this host. What is found here
 * tells what such a policy shows, most likely.
 */
static int take_policy(struct order *order, struct crib_error *err)
{
    const char *text = order->message->own_policy, *name = order->message->policy;
    bool theirs = !text && order->address && (!name || !strchr(name, '/'));
    int r;

    order->options.policy = name;
    if (theirs && order->message->n_binds == 0)
        return 0; /* nobody asks, and reading it takes as long as the rest of the stub */
    r = text ? crib_policy_parse("policy", text, strlen(text), &order->policy, err)
             : crib_policy_load(name ? name : "default", &order->policy, err);
    if (!theirs)
        order->options.policy_message = order->policy;
    return theirs ? 0 : r;
}

static bool is_bound(const struct crib_options *options, const char *path)
{
    for (size_t i = 0; i < options->bind_count; i++)
        if (view_is_below(path, options->binds[i].target ? options->binds[i].target
                                                         : options->binds[i].source))
            return true;
    return false;
}

/* Programs expect to start where their parent is; where that is not to be seen, as under `crib
 * run`. */
static int take_place(struct order *order, struct crib_error *err)
{
    const Crib__StubRequest *message = order->message;
    struct crib_options *options = &order->options;
    const char *at = message->has_at ? text_of(order, message->at) : NULL, **vars;
    size_t count = message->n_vars;

    if (!at)
        return message->has_at ? no_memory(err) : 0;
    if (!options->cwd && (is_bound(options, at) || view_has(order->policy, at, at)))
        options->cwd = at;
    if (!view_wants_cwd(order->policy, options->vars))
        return 0;
    vars = arena_alloc(&order->arena, (count + 2) * sizeof(*vars));
    if (!vars || !(vars[count] = arena_printf(&order->arena, "CWD=%s", at)))
        return no_memory(err);
    memcpy(vars, options->vars, count * sizeof(*vars));
    vars[count + 1] = NULL;
    options->vars = vars;
    return 0;
}

static int take_rest(struct order *order, struct crib_error *err)
{
    const Crib__StubRequest *message = order->message;
    struct crib_options *options = &order->options;

    options->cwd = message->has_cwd ? text_of(order, message->cwd) : NULL;
    options->uid = message->uid;
    options->gid = message->gid;
    options->set_uid = message->has_uid;
    options->set_gid = message->has_gid;
    if (list_of(order, message->vars, message->n_vars, &options->vars) < 0)
        return no_memory(err);
    if (message->socket && message->socket[0])
        order->address = strncmp(message->socket, "unix:", 5) == 0
                             ? message->socket
                             : arena_printf(&order->arena, "unix:%s", message->socket);
    return 0;
}

int order_read(struct order *order, char **argv, struct crib_error *err)
{
    int r;

    memset(order, 0, sizeof(*order));
    order->control = -1;
    arena_init(&order->arena, 0);
    crib_options_init(&order->options);
    r = read_message(order, argv[1], err);
    if (r == 0)
        r = find_control(order, err);
    if (r == 0)
        r = check_version(order->message, err);
    if (r < 0)
        return r;
    order->options.argv0 = argv[2];
    order->args = argv + 3;
    r = take_fds(order, err);
    if (r == 0)
        r = take_env(order, err);
    if (r == 0)
        r = take_rest(order, err);
    if (r == 0)
        r = take_policy(order, err);
    if (r == 0)
        r = take_binds(order, err);
    return r < 0 ? r : take_place(order, err);
}

void order_let_go(struct order *order)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 0; fd < (int)order->options.stdio_count; fd++)
        if (fd > 2 || null < 0 || dup3(null, fd, O_CLOEXEC) < 0)
            close(fd);
    if (null > 2)
        close(null);
}

void order_done(struct order *order)
{
    crib_policy_free(order->policy);
    arena_done(&order->arena);
}
