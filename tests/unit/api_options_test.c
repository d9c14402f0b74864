/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every refusal of options that need no host to be refused, and what the rest becomes.
 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/options.h"
#include "api/request.h"

struct row {
    const char *name;
    void (*set)(struct crib_options *options);
    int code;
    const char *part; /* of the sentence */
};

static int directory; /* an open one */
static int closed;    /* the number of one that is closed */
static struct crib_stdio stdio[PLAN_MAX_STDIO + 1];
static const char *env[4];
static struct crib_bind binds[1];
static struct crib_tmpfs tmpfs[1];

static void use_stdio(struct crib_options *options, size_t count)
{
    options->stdio = stdio;
    options->stdio_count = count;
}

static void size_unset(struct crib_options *o)
{
    o->size = 0;
}

static void size_short(struct crib_options *o)
{
    o->size = sizeof(*o) - 1;
}

static void uid_root(struct crib_options *o)
{
    o->set_uid = true;
}

static void uid_negative(struct crib_options *o)
{
    o->uid = -1;
}

static void uid_none(struct crib_options *o)
{
    o->uid = 4294967295;
}

static void gid_root(struct crib_options *o)
{
    o->set_gid = true;
}

static void gid_negative(struct crib_options *o)
{
    o->set_gid = true;
    o->gid = -5;
}

static void stdio_many(struct crib_options *o)
{
    use_stdio(o, PLAN_MAX_STDIO + 1);
}

static void stdio_no_list(struct crib_options *o)
{
    o->stdio_count = 1;
}

static void stdio_kind_unknown(struct crib_options *o)
{
    stdio[1].kind = (enum crib_stdio_kind)77;
    use_stdio(o, 3);
}

static void stdio_negative(struct crib_options *o)
{
    stdio[1] = (struct crib_stdio){CRIB_FD, .from = -1};
    use_stdio(o, 3);
}

static void stdio_closed(struct crib_options *o)
{
    stdio[2] = (struct crib_stdio){CRIB_FD, .from = closed};
    use_stdio(o, 3);
}

static void stdio_directory(struct crib_options *o)
{
    stdio[0] = (struct crib_stdio){CRIB_FD, .from = directory};
    use_stdio(o, 3);
}

static void stdio_two_channels(struct crib_options *o)
{
    stdio[3].kind = stdio[4].kind = CRIB_CHANNEL;
    use_stdio(o, 5);
}

static void stdio_no_stream(struct crib_options *o)
{
    stdio[0].kind = CRIB_STREAM;
    use_stdio(o, 1);
}

static void stdio_inherit_closed(struct crib_options *o)
{
    stdio[closed].kind = CRIB_INHERIT;
    use_stdio(o, (size_t)closed + 1);
}

static void listen_fds_missing(struct crib_options *o)
{
    o->listen_fds = 1;
}

static void listen_fds_on_a_pipe(struct crib_options *o)
{
    stdio[3] = (struct crib_stdio){CRIB_FD, .from = 0};
    stdio[4].kind = CRIB_PIPE;
    o->listen_fds = 2;
    use_stdio(o, 5);
}

static void bind_no_list(struct crib_options *o)
{
    o->bind_count = 1;
}

static void bind_no_source(struct crib_options *o)
{
    o->binds = binds;
    o->bind_count = 1;
}

static void bind_many(struct crib_options *o)
{
    o->bind_count = 1000000;
}

static void tmpfs_no_list(struct crib_options *o)
{
    o->tmpfs_count = 1;
}

static void tmpfs_no_target(struct crib_options *o)
{
    o->tmpfs = tmpfs;
    o->tmpfs_count = 1;
}

static void signal_negative(struct crib_options *o)
{
    o->kill_signal = -9;
}

static void signal_high(struct crib_options *o)
{
    o->kill_signal = 65;
}

static void message_over_cap(struct crib_options *o)
{
    o->max_message = (size_t)CRIB_MAX_MESSAGE + 1;
}

static void channel_none(struct crib_options *o)
{
    o->channel = 7;
}

static void channel_unknown(struct crib_options *o)
{
    o->channel = (enum crib_channel_kind)9;
}

static void detached_timeout(struct crib_options *o)
{
    o->detached = true;
    o->timeout_ms = 1;
}

static void env_no_sign(struct crib_options *o)
{
    env[0] = "A=1";
    env[1] = "B";
    o->env = env;
}

static void env_no_name(struct crib_options *o)
{
    env[0] = "=1";
    o->env_add = env;
}

static const struct row rows[] = {
    {"size unset", size_unset, -EINVAL, "crib_options_init"},
    {"size too short", size_short, -EINVAL, "size"},
    {"uid 0", uid_root, -EINVAL, "uid: 0 is refused"},
    {"uid below 0", uid_negative, -EINVAL, "uid: -1"},
    {"uid that is none", uid_none, -EINVAL, "uid: 4294967295"},
    {"gid 0", gid_root, -EINVAL, "gid: 0 is refused"},
    {"gid below 0", gid_negative, -EINVAL, "gid: -5"},
    {"65 fds", stdio_many, -E2BIG, "at most 64"},
    {"a count without fds", stdio_no_list, -EINVAL, "stdio"},
    {"a kind of fd that is none", stdio_kind_unknown, -EINVAL, "stdio[1]"},
    {"an fd below 0", stdio_negative, -EBADF, "stdio[1]"},
    {"an fd that is closed", stdio_closed, -EBADF, "stdio[2]"},
    {"a directory as stdin", stdio_directory, -EISDIR, "stdio[0]"},
    {"two channels", stdio_two_channels, -EINVAL, "stdio[4]"},
    {"no stream to join", stdio_no_stream, -EINVAL, "stdio[0]"},
    {"inheriting what is closed", stdio_inherit_closed, -EBADF, "not open here"},
    {"a socket that listens, and no fds", listen_fds_missing, -EINVAL, "listen_fds: 1"},
    {"a pipe that listens", listen_fds_on_a_pipe, -EINVAL, "fd 4 is none"},
    {"a count without binds", bind_no_list, -EINVAL, "binds"},
    {"a bind of nothing", bind_no_source, -EINVAL, "binds[0]"},
    {"a million binds", bind_many, -E2BIG, "1000000"},
    {"a count without tmpfs", tmpfs_no_list, -EINVAL, "tmpfs"},
    {"a tmpfs nowhere", tmpfs_no_target, -EINVAL, "tmpfs[0]"},
    {"a signal below 0", signal_negative, -EINVAL, "kill_signal"},
    {"signal 65", signal_high, -EINVAL, "kill_signal"},
    {"messages over the cap", message_over_cap, -EINVAL, "max_message"},
    {"a channel of no kind", channel_none, -EINVAL, "7 is no kind"},
    {"a kind of channel that is none", channel_unknown, -EINVAL, "channel"},
    {"detached with a timeout", detached_timeout, -EINVAL, "detached"},
    {"an env entry without =", env_no_sign, -EINVAL, "env[1]"},
    {"an env entry without a name", env_no_name, -EINVAL, "env_add[0]"},
};

/* As crib_spawn() goes about it, as far as the task message. */
static int make(const char *file, const char *const *args, const struct crib_options *options,
                struct arena *arena, Crib__Task **ret, struct crib_error *err)
{
    struct request request;
    int r = request_init(&request, file, args, options, NULL, 0, err);

    if (r == 0)
        r = request_task(&request, NULL, arena, ret, err);
    request_done(&request);
    return r;
}

static void each_is_one_clear_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct crib_options options;
        struct crib_error error = {0};
        struct arena arena;
        Crib__Task *task;
        char text[1024];
        int r;

        memset(stdio, 0, sizeof(stdio));
        memset(env, 0, sizeof(env));
        crib_options_init(&options);
        rows[i].set(&options);
        arena_init(&arena, 0);
        r = make("true", NULL, &options, &arena, &task, &error);
        crib_error_text(&error, text, sizeof(text));
        if (r != rows[i].code || error.code != r || !strstr(text, rows[i].part))
            fail_msg("%s: %d, not %d: %s", rows[i].name, r, rows[i].code, text);
        arena_done(&arena);
    }
}

static void no_file_is_no_program(void **state)
{
    struct crib_error error;
    struct arena arena;
    Crib__Task *task;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(make(NULL, NULL, NULL, &arena, &task, &error), -EINVAL);
    assert_string_equal(error.step, "program");
    assert_int_equal(make("", NULL, NULL, &arena, &task, &error), -EINVAL);
    arena_done(&arena);
}

static void a_newer_caller_is_taken_while_it_asks_nothing_new(void **state)
{
    struct {
        struct crib_options options;
        char newer[8];
    } both = {0};
    struct crib_options copy;
    struct crib_error error;

    (void)state;
    both.options.size = sizeof(both);
    assert_int_equal(options_read(&both.options, &copy, &error), 0);
    both.newer[3] = 1;
    assert_int_equal(options_read(&both.options, &copy, &error), -EINVAL);
}

static void unset_is_the_default(void **state)
{
    struct crib_options copy;

    (void)state;
    assert_int_equal(options_read(NULL, &copy, NULL), 0);
    assert_int_equal(copy.max_buffer, CRIB_MAX_BUFFER);
    assert_int_equal(copy.max_message, CRIB_MAX_MESSAGE);
    assert_false(copy.set_uid);
}

static void assert_bytes(ProtobufCBinaryData bytes, const char *text)
{
    assert_int_equal(bytes.len, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.len);
}

static void sockets_that_listen_reach_the_message(void **state)
{
    struct crib_options options;
    struct arena arena;
    Crib__Task *task;

    (void)state;
    memset(stdio, 0, sizeof(stdio));
    stdio[3] = stdio[4] = (struct crib_stdio){CRIB_FD, .from = 1};
    crib_options_init(&options);
    use_stdio(&options, 5);
    arena_init(&arena, 0);
    assert_int_equal(make("true", NULL, &options, &arena, &task, NULL), 0);
    assert_false(task->has_listen_fds);
    options.listen_fds = 2;
    assert_int_equal(make("true", NULL, &options, &arena, &task, NULL), 0);
    assert_true(task->has_listen_fds);
    assert_int_equal(task->listen_fds, 2);
    arena_done(&arena);
}

static void everything_reaches_the_message(void **state)
{
    const char *const args[] = {"-l", "", NULL}, *const own[] = {"A=1", NULL},
                      *const added[] = {"B=", NULL};
    struct crib_bind bind[] = {{"data", NULL, false}, {"/etc", "/x", true}};
    struct crib_tmpfs space[] = {{"/big", 4096}};
    struct crib_stdio fds[] = {{CRIB_PIPE}, {CRIB_FD, .from = 2}, {CRIB_NULL}, {CRIB_CHANNEL}};
    struct crib_options options;
    struct arena arena;
    Crib__Task *task;

    (void)state;
    crib_options_init(&options);
    options.cwd = "/tmp";
    options.argv0 = "zero";
    options.env = own;
    options.env_add = added;
    options.stdio = fds;
    options.stdio_count = 4;
    options.binds = bind;
    options.bind_count = 2;
    options.tmpfs = space;
    options.tmpfs_count = 1;
    options.uid = 1000;
    options.timeout_ms = 5000;
    options.kill_signal = 2;
    arena_init(&arena, 0);
    assert_int_equal(make("./ls", args, &options, &arena, &task, NULL), 0);
    assert_bytes(task->file, "./ls");
    assert_int_equal(task->n_args, 2);
    assert_bytes(task->args[1], "");
    assert_bytes(task->argv0, "zero");
    assert_bytes(task->cwd, "/tmp");
    assert_true(task->clear_env);
    assert_int_equal(task->n_env, 2);
    assert_bytes(task->env[1], "B=");
    assert_int_equal(task->n_stdio, 4);
    assert_int_equal(task->stdio[0]->kind, CRIB__STDIO__KIND__pipe);
    assert_int_equal(task->stdio[1]->from, 2);
    assert_int_equal(task->stdio[3]->kind, CRIB__STDIO__KIND__channel);
    assert_int_equal(task->channel, CRIB__TASK__CHANNEL__crib);
    assert_int_equal(task->n_mounts, 3);
    assert_bytes(task->mounts[0]->source, "data");
    assert_false(task->mounts[0]->has_target); /* the plan knows the absolute one */
    assert_bytes(task->mounts[1]->target, "/x");
    assert_true(task->mounts[1]->write);
    assert_int_equal(task->mounts[2]->type, CRIB__MOUNT__TYPE__tmpfs);
    assert_int_equal(task->mounts[2]->size, 4096);
    assert_true(task->has_uid);
    assert_false(task->has_gid);
    assert_int_equal(task->timeout, 5000);
    assert_int_equal(task->kill_signal, 2);
    arena_done(&arena);
}

static void a_shell_takes_one_line(void **state)
{
    const char *const args[] = {"a b", "$HOME", NULL};
    struct crib_options options;
    struct arena arena;
    Crib__Task *task;

    (void)state;
    crib_options_init(&options);
    options.shell = "/bin/bash";
    arena_init(&arena, 0);
    assert_int_equal(make("echo", args, &options, &arena, &task, NULL), 0);
    assert_bytes(task->file, "/bin/bash");
    assert_int_equal(task->n_args, 2);
    assert_bytes(task->args[0], "-c");
    assert_bytes(task->args[1], "echo a b $HOME");
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_one_clear_error),
        cmocka_unit_test(no_file_is_no_program),
        cmocka_unit_test(a_newer_caller_is_taken_while_it_asks_nothing_new),
        cmocka_unit_test(unset_is_the_default),
        cmocka_unit_test(sockets_that_listen_reach_the_message),
        cmocka_unit_test(everything_reaches_the_message),
        cmocka_unit_test(a_shell_takes_one_line),
    };

    directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    closed = fcntl(directory, F_DUPFD_CLOEXEC, 20);
    close(closed);
    return test_run(tests);
}
