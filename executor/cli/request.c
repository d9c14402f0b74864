/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/request.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/changes.h"
#include "cli/command.h"
#include "cli/copying.h"
#include "cli/options.h"
#include "cli/signals.h"
#include "harness/run.h"
#include "text/units.h"

#define HIGHEST_ID (UINT32_MAX - 1) /* (uid_t)-1 means none to the kernel */

static int out_of_memory(struct crib_error *err)
{
    return fail_sys(err, -ENOMEM, NULL, -1, NULL, NULL);
}

static int push_env(struct request *request, const char *entry, struct crib_error *err)
{
    if (arena_push_value(&request->arena, &request->env, &request->env_count, &entry,
                         sizeof(entry)) < 0)
        return out_of_memory(err);
    return 0;
}

static int push_var(struct request *request, const char *entry, struct crib_error *err)
{
    if (arena_push_value(&request->arena, &request->vars, &request->var_count, &entry,
                         sizeof(entry)) < 0)
        return out_of_memory(err);
    return 0;
}

static int take_var(struct request *request, const char *value, struct crib_error *err)
{
    if (!strchr(value, '=') || value[0] == '=')
        return bad_value(err, OPTION_var, value, "must read NAME=VALUE");
    return push_var(request, value, err);
}

static int take_env(struct request *request, const char *value, struct crib_error *err)
{
    const char *equals = strchr(value, '='), *here;

    if (equals == value || *value == '\0')
        return bad_value(err, OPTION_env, value, "needs a name");
    if (equals)
        return push_env(request, value, err);
    here = getenv(value);
    if (!here)
        return 0; /* not set here, so not set there */
    here = arena_printf(&request->arena, "%s=%s", value, here);
    return here ? push_env(request, here, err) : out_of_memory(err);
}

/* Cuts the last `:rw` or `:ro` off. */
static bool cut_mode(char *text)
{
    size_t len = strlen(text);
    bool write;

    if (len < 3 || (strcmp(text + len - 3, ":rw") != 0 && strcmp(text + len - 3, ":ro") != 0))
        return false;
    write = text[len - 1] == 'w';
    text[len - 3] = '\0';
    return write;
}

static int take_bind(struct request *request, const char *value, struct crib_error *err)
{
    char *text = arena_text(&request->arena, value), *colon;
    struct crib_bind bind = {0};

    if (!text)
        return out_of_memory(err);
    bind.write = cut_mode(text);
    bind.source = text;
    colon = strchr(text, ':');
    if (colon) {
        *colon = '\0';
        bind.target = colon + 1;
    }
    if (!*bind.source || (bind.target && (bind.target[0] != '/' || strchr(bind.target, ':'))))
        return bad_value(err, OPTION_bind, value, "is not SRC[:DST][:rw] with an absolute DST");
    if (!bind.target && bind.source[0] != '/')
        return bad_value(err, OPTION_bind, value, "a relative SRC needs a DST");
    if (arena_push_value(&request->arena, &request->binds, &request->bind_count, &bind,
                         sizeof(bind)) < 0)
        return out_of_memory(err);
    return 0;
}

static int take_tmpfs(struct request *request, const char *value, struct crib_error *err)
{
    char *text = arena_text(&request->arena, value), *colon;
    struct crib_tmpfs tmpfs = {0};
    char why[UNIT_WHY];

    if (!text)
        return out_of_memory(err);
    tmpfs.target = text;
    colon = strchr(text, ':');
    if (colon) {
        *colon = '\0';
        if (unit_read(unit_find("crib.Mount", "size"), colon + 1, &tmpfs.size, why) < 0)
            return bad_value(err, OPTION_tmpfs, value, why);
        if (tmpfs.size == 0)
            return bad_value(err, OPTION_tmpfs, value, "a size of nothing");
    }
    if (text[0] != '/')
        return bad_value(err, OPTION_tmpfs, value, "the path must be absolute");
    if (arena_push_value(&request->arena, &request->tmpfs, &request->tmpfs_count, &tmpfs,
                         sizeof(tmpfs)) < 0)
        return out_of_memory(err);
    return 0;
}

static int take_overlay(struct request *request, const char *value, struct crib_error *err)
{
    struct crib_overlay overlay = {0};
    const char *why = overlay_read(value, &request->arena, &overlay);

    if (why)
        return bad_value(err, OPTION_overlay, value, why);
    if (arena_push_value(&request->arena, &request->overlays, &request->overlay_count, &overlay,
                         sizeof(overlay)) < 0)
        return out_of_memory(err);
    return 0;
}

static int take_keep(struct request *request, const char *value, struct crib_error *err)
{
    const char *why = keep_read(value, &request->keep);

    return why ? bad_value(err, OPTION_keep, value, why) : 0;
}

static int take_copy(struct request *request, enum option_id id, const char *value,
                     struct crib_error *err)
{
    struct crib_copy_out out = {0};
    struct crib_copy_in in = {0};
    bool to = id == OPTION_copy_in;
    const char *why = to ? copy_in_read(value, &request->arena, &in)
                         : copy_out_read(value, &request->arena, &out);
    int r;

    if (why)
        return bad_value(err, id, value, why);
    r = to ? arena_push_value(&request->arena, &request->copy_in, &request->copy_in_count, &in,
                              sizeof(in))
           : arena_push_value(&request->arena, &request->copy_out, &request->copy_out_count, &out,
                              sizeof(out));
    return r < 0 ? out_of_memory(err) : 0;
}

static int take_timeout(struct request *request, const char *value, struct crib_error *err)
{
    char why[UNIT_WHY];

    if (unit_read(unit_find("crib.Task", "timeout"), value, &request->options.timeout_ms, why) < 0)
        return fail_text(err, -EINVAL, NULL, -1, NULL, "--timeout: %s", why);
    if (request->options.timeout_ms == 0)
        return bad_value(err, OPTION_timeout, value, "leaves no time");
    return 0;
}

static int take_kill_signal(struct request *request, const char *value, struct crib_error *err)
{
    request->options.kill_signal = signal_number(value);
    if (request->options.kill_signal < 0)
        return bad_value(err, OPTION_kill_signal, value, "is no signal");
    return 0;
}

static int take_id(struct request *request, enum option_id id, const char *value,
                   struct crib_error *err)
{
    char why[UNIT_WHY];
    uint64_t number;

    if (unit_read(NULL, value, &number, why) < 0 || number == 0 || number > HIGHEST_ID)
        return bad_value(err, id, value, "is no id from 1 to 4294967294");
    if (id == OPTION_uid) {
        request->options.uid = (int64_t)number;
        request->options.set_uid = true;
    } else {
        request->options.gid = (int64_t)number;
        request->options.set_gid = true;
    }
    return 0;
}

static int take_jobs(struct request *request, const char *value, struct crib_error *err)
{
    char why[UNIT_WHY];
    uint64_t number;

    if (unit_read(NULL, value, &number, why) < 0 || number == 0 || number > RUN_MAX_JOBS)
        return bad_value(err, OPTION_jobs, value, "is no number from 1 to 256");
    request->jobs = (unsigned)number;
    return 0;
}

/* What a daemon's tasks are asked for. */
static int take_of_daemon(struct request *request, enum option_id id, const char *value,
                          struct crib_error *err)
{
    if (id == OPTION_detach)
        request->detach = true;
    else if (id == OPTION_label)
        request->label = value;
    else if (id == OPTION_follow)
        request->follow = true;
    else if (id == OPTION_forget)
        request->forget = true;
    else
        request->signal = signal_number(value);
    return request->signal < 0 ? bad_value(err, id, value, "is no signal") : 0;
}

static int take_of_test(struct request *request, enum option_id id, const char *value,
                        struct crib_error *err)
{
    if (id == OPTION_jobs)
        return take_jobs(request, value, err);
    if (id == OPTION_filter)
        request->filter = value;
    else if (id == OPTION_junit)
        request->junit = value;
    else
        request->tap = true;
    return 0;
}

static void take_of_learn(struct request *request, enum option_id id, const char *value)
{
    if (id == OPTION_output)
        request->output = value;
    else if (id == OPTION_minimize)
        request->minimize = true;
    else
        request->force = true;
}

/* How much is told, and how. */
static void take_of_telling(struct request *request, enum option_id id, const char *value)
{
    if (id == OPTION_help)
        request->help = true;
    else if (id == OPTION_json)
        request->json = true;
    else if (id == OPTION_json_out)
        request->as_json = true;
    else if (id == OPTION_quiet)
        request->quiet = true;
    else if (id == OPTION_receipt)
        request->receipt = true;
    else if (id == OPTION_timing)
        request->timing = true;
    else if (id == OPTION_trace)
        request->trace = value;
    else
        request->options.trace = CRIB_TRACE_FILES;
}

/* What needs no reading. */
static void take_as_it_is(struct request *request, enum option_id id, const char *value)
{
    if (id == OPTION_policy)
        request->options.policy = value;
    else if (id == OPTION_cwd)
        request->options.cwd = value;
    else if (id == OPTION_argv0)
        request->options.argv0 = value;
    else if (id == OPTION_socket)
        request->socket = value;
    else if (id == OPTION_clear_env)
        request->clear_env = true;
    else
        request->terminal = true;
    for (int fd = 0; fd < 3 && request->terminal; fd++)
        request->stdio[fd].kind = CRIB_PTY;
}

static int take(void *to, enum option_id id, const char *value, struct crib_error *err)
{
    struct request *request = to;

    if (option_rows[id].commands == IN_CLUSTER)
        return cluster_options_take(&request->cluster, &request->arena, id, value, err);
    switch (id) {
    case OPTION_policy:
    case OPTION_clear_env:
    case OPTION_cwd:
    case OPTION_argv0:
    case OPTION_terminal:
    case OPTION_socket:
        take_as_it_is(request, id, value);
        return 0;
    case OPTION_env:
        return take_env(request, value, err);
    case OPTION_var:
        return take_var(request, value, err);
    case OPTION_bind:
        return take_bind(request, value, err);
    case OPTION_tmpfs:
        return take_tmpfs(request, value, err);
    case OPTION_overlay:
        return take_overlay(request, value, err);
    case OPTION_keep:
        return take_keep(request, value, err);
    case OPTION_copy_in:
    case OPTION_copy_out:
        return take_copy(request, id, value, err);
    case OPTION_timeout:
        return take_timeout(request, value, err);
    case OPTION_kill_signal:
        return take_kill_signal(request, value, err);
    case OPTION_uid:
    case OPTION_gid:
        return take_id(request, id, value, err);
    case OPTION_help:
    case OPTION_json:
    case OPTION_json_out:
    case OPTION_quiet:
    case OPTION_receipt:
    case OPTION_timing:
    case OPTION_trace:
    case OPTION_why:
        take_of_telling(request, id, value);
        return 0;
    case OPTION_result_fd:
        /* what the task does not write to: else it could forge a result */
        return take_fd(&request->result_fd, id, value, "the task has that one too", err);
    case OPTION_detach:
    case OPTION_label:
    case OPTION_signal:
    case OPTION_follow:
    case OPTION_forget:
        return take_of_daemon(request, id, value, err);
    case OPTION_jobs:
    case OPTION_filter:
    case OPTION_tap:
    case OPTION_junit:
        return take_of_test(request, id, value, err);
    case OPTION_output:
    case OPTION_minimize:
    case OPTION_force:
        take_of_learn(request, id, value);
        return 0;
    default:
        return -EINVAL;
    }
}

static int finish_lists(struct request *request, struct crib_error *err)
{
    int r = push_env(request, NULL, err); /* the end */

    if (r == 0)
        r = push_var(request, NULL, err);
    if (r < 0)
        return r;
    if (request->clear_env)
        request->options.env = request->env;
    else
        request->options.env_add = request->env;
    request->options.vars = request->vars;
    request->options.binds = request->binds;
    request->options.bind_count = request->bind_count;
    request->options.tmpfs = request->tmpfs;
    request->options.tmpfs_count = request->tmpfs_count;
    request->options.copy_in = request->copy_in;
    request->options.copy_in_count = request->copy_in_count;
    request->options.copy_out = request->copy_out;
    request->options.copy_out_count = request->copy_out_count;
    for (size_t i = 0; i < request->overlay_count; i++)
        request->overlays[i].keep = request->keep;
    if (request->keep && !request->overlay_count)
        return fail_text(err, -EINVAL, NULL, -1, NULL, "--keep: there is no --overlay");
    request->options.overlays = request->overlays;
    request->options.overlay_count = request->overlay_count;
    return 0;
}

static int check_operands(const struct request *request, struct crib_error *err)
{
    const struct command *command = request->command;
    int count = 0;

    while (request->operands[count] && (command->most < 0 || count <= command->most))
        count++;
    if (count < command->least)
        return fail_text(err, -EINVAL, NULL, -1, NULL, "needs %s", command->operands);
    if (command->most >= 0 && count > command->most)
        return fail_text(err, -EINVAL, NULL, -1, NULL, "one operand too many: '%s'",
                         request->operands[command->most]);
    return 0;
}

static int check_detach(const struct request *request, struct crib_error *err)
{
    if (request->label && !request->detach)
        return fail_text(err, -EINVAL, NULL, -1, NULL, "--label is for --detach");
    if (request->detach && (request->copy_in_count || request->copy_out_count))
        return fail_text(err, -EINVAL, NULL, -1, NULL,
                         "--copy-in and --copy-out are for a task that is waited for, not for "
                         "--detach");
    if (request->detach && request->json)
        return fail_text(err, -EINVAL, NULL, -1, NULL,
                         "--json is for a task that is waited for, not for --detach");
    if (request->detach && request->receipt)
        return fail_text(err, -EINVAL, NULL, -1, NULL,
                         "--receipt is for the end of a task: say it to 'crib wait'");
    return 0;
}

static int check_timing(struct request *request, struct crib_error *err)
{
    if (request->trace && !request->trace[0])
        return bad_value(err, OPTION_trace, "", "names no file");
    request->options.timing = request->timing || request->trace;
    if (request->detach && request->options.timing)
        return fail_text(err, -EINVAL, NULL, -1, NULL,
                         "--timing and --trace are for a task that is waited for, not for "
                         "--detach");
    return 0;
}

static int check_json(const struct request *request, struct crib_error *err)
{
    if (request->result_fd >= 0 && !request->json)
        return fail_text(err, -EINVAL, NULL, -1, NULL, "--result-fd is for --json");
    if (request->json && request->result_fd < 0)
        return fail_text(
            err, -EINVAL, NULL, -1, NULL,
            "--json needs --result-fd: the task writes to stderr too, and could forge a result");
    return 0;
}

int request_read(struct request *request, const struct command *command, char *const *words,
                 struct crib_error *err)
{
    int r;

    memset(request, 0, sizeof(*request));
    request->command = command;
    request->result_fd = request->cluster.events_fd = -1;
    request->signal = SIGTERM;
    arena_init(&request->arena, 0);
    crib_options_init(&request->options);
    for (int i = 0; i < 3; i++)
        request->stdio[i].kind = CRIB_INHERIT;
    request->options.stdio = request->stdio;
    request->options.stdio_count = 3;

    r = cli_options_read(words, command->bit, take, request, err);
    if (r < 0)
        return r;
    request->operands = words + r;
    if (request->help)
        return 0;
    r = check_operands(request, err);
    if (r == 0)
        r = check_json(request, err);
    if (r == 0)
        r = check_detach(request, err);
    if (r == 0)
        r = check_timing(request, err);
    if (r == 0 && command->bit == IN_CLUSTER)
        r = cluster_options_check(&request->cluster, request->operands[0], err);
    return r < 0 ? r : finish_lists(request, err);
}

void cli_request_done(struct request *request)
{
    arena_done(&request->arena);
}
