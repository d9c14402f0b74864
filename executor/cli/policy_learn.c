/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib policy learn: a policy from what a command does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/policies.h"
#include "base/auto.h"
#include "cli/command.h"
#include "cli/learnt_file.h"
#include "cli/options.h"
#include "cli/outcome.h"
#include "cli/policy_tools.h"
#include "cli/remote.h"
#include "cli/say.h"
#include "learn/book.h"
#include "learn/minimize.h"
#include "learn/paths.h"
#include "learn/watch.h"
#include "policy/dangers.h"
#include "policy/find.h"
#include "policy/load.h"

static const struct command command = {
    "policy learn",
    IN_LEARN,
    "[--] FILE [ARG...]",
    0,
    -1,
    "run a program, and write the policy that it needs",
    "The program runs with hardly a sandbox, and slowly: each call is looked at. What it did "
    "becomes\na policy; with --output several runs add up in one file. --minimize alone goes "
    "through the runs\nof a file again. docs/policy.md#learning has the details.\n",
    NULL};

struct learning {
    struct request *request;
    struct learnt_file file;
    struct needs needs;
    struct arena arena;
    const char *cwd;
    char **words; /* of the run */
    size_t word_count;
    struct crib_error err;
};

static int no_memory(struct learning *l)
{
    return fail_sys(&l->err, -ENOMEM, NULL, -1, NULL, NULL);
}

static int complain(struct learning *l)
{
    char text[1024];

    say("policy learn: %s", crib_error_text(&l->err, text, sizeof(text)));
    return STATUS_FAILED;
}

/* --- what a run is, in words --- */

static int push_word(struct learning *l, const char *word)
{
    return arena_push(&l->arena, &l->words, &l->word_count, (void *)word) < 0 ? no_memory(l) : 0;
}

/* Of the options, those that change what the program does. */
static int record(void *to, enum option_id id, const char *value, struct crib_error *err)
{
    struct learning *l = to;
    const char *name = id == OPTION_env         ? "-e"
                       : id == OPTION_clear_env ? "--clear-env"
                       : id == OPTION_uid       ? "--uid"
                       : id == OPTION_gid       ? "--gid"
                                                : NULL;

    (void)err;
    if (!name)
        return 0;
    if (push_word(l, name) < 0 || (value && push_word(l, value) < 0))
        return -ENOMEM;
    return 0;
}

static int find_cwd(struct learning *l)
{
    const char *asked = l->request->options.cwd ? l->request->options.cwd : ".";
    AUTO_FREE char *real = realpath(asked, NULL);

    if (!real)
        return fail_sys(&l->err, -errno, "cwd", -1, asked, NULL);
    l->cwd = arena_text(&l->arena, real);
    return l->cwd ? 0 : no_memory(l);
}

/* A path that is relative means the caller's directory, wherever the run is done again. */
static int push_program(struct learning *l, const char *file)
{
    AUTO_FREE char *here = NULL;

    if (!strchr(file, '/') || file[0] == '/')
        return push_word(l, file);
    here = realpath(".", NULL);
    if (!here)
        return fail_sys(&l->err, -errno, "program", -1, file, NULL);
    file = arena_printf(&l->arena, "%s/%s", here, file);
    return file ? push_word(l, file) : no_memory(l);
}

static int find_words(struct learning *l, char *const *words)
{
    char *const *operands = l->request->operands;
    int r = find_cwd(l);

    if (r == 0)
        r = push_word(l, "-C");
    if (r == 0)
        r = push_word(l, l->cwd);
    if (r == 0)
        r = cli_options_read(words, IN_LEARN, record, l, &l->err);
    r = r < 0 ? r : push_word(l, "--");
    if (r == 0)
        r = push_program(l, operands[0]);
    for (operands++; r == 0 && *operands; operands++)
        r = push_word(l, *operands);
    return r < 0 ? r : push_word(l, NULL);
}

/* --- the run --- */

/* PATH, as the task will have it. */
static const char *path_of(const struct request *request)
{
    const char *path = request->clear_env ? NULL : getenv("PATH");

    for (size_t i = 0; i + 1 < request->env_count; i++)
        if (strncmp(request->env[i], "PATH=", 5) == 0)
            path = request->env[i] + 5;
    return path;
}

static void tell_watched(const struct learning *l, const struct watched *w)
{
    for (size_t i = 0; i < w->not_shown_count; i++)
        say("learn: %s was read, but is too wide to be shown; if the program needs it, add it to "
            "`mounts`",
            w->not_shown[i]);
    for (size_t i = 0; i < l->needs.collapsed_count; i++)
        say("learn: %s was called in more than %d ways: it is allowed whatever its arguments",
            l->needs.collapsed[i], NEEDS_MOST_OF_A_CALL);
    if (w->outside)
        say("learn: it reached %s: the policy has the host's network (namespaces.net: host)",
            w->outside[0] ? w->outside : "many addresses");
    if (w->lost)
        say("learn: it named more than %d paths: %llu were not looked at", PATHS_MAX,
            (unsigned long long)w->lost);
    if (w->signal)
        say("learn: signal %d ended it: what it would have done later is not learnt", w->signal);
    else if (w->status)
        say("learn: it exited with %d", w->status);
}

static const char *program_of(const struct learning *l)
{
    size_t i = 0;

    while (l->words[i] && strcmp(l->words[i], "--") != 0)
        i++;
    return l->words[i + 1];
}

static int learn(struct learning *l)
{
    struct request *request = l->request;
    struct watch_request asked = {.file = program_of(l),
                                  .args = (const char *const *)request->operands + 1,
                                  .options = request->options,
                                  .cwd = l->cwd,
                                  .path = path_of(request),
                                  .home = getenv("HOME")};
    struct crib_stdio stdio[3] = {request->stdio[0], request->stdio[1], request->stdio[2]};
    struct watched watched;
    int number = run_list_number(&l->needs.runs, l->words, &l->arena), r;

    if (number == -E2BIG)
        return fail_text(&l->err, number, NULL, -1, l->file.path,
                         "it has %d runs already; start another file", RUNS_MAX);
    if (number < 0)
        return no_memory(l);
    if (!l->file.path) { /* standard output is for the policy */
        stdio[1].kind = CRIB_FD;
        stdio[1].from = STDERR_FILENO;
    }
    asked.options.stdio = stdio;
    r = watch_run(&asked, &l->needs, (unsigned)number, &watched, &l->err);
    if (r == 0)
        tell_watched(l, &watched);
    return r;
}

/* --- dropping what no run needs --- */

static void show_progress(void *data, size_t looked_at, size_t all, size_t dropped)
{
    (void)data;
    say("minimize: looked at %zu of %zu grants, dropped %zu", looked_at, all, dropped);
}

static int read_reruns(struct learning *l, struct request *requests, struct rerun *reruns)
{
    const struct run_list *runs = &l->needs.runs;
    int r = 0;

    for (size_t i = 0; r == 0 && i < runs->count; i++) {
        if (!runs->run[i].words)
            continue;
        r = request_read(&requests[i], &command, runs->run[i].words, &l->err);
        if (r == 0 && !requests[i].operands[0])
            r = fail_text(&l->err, -EINVAL, NULL, -1, l->file.path, "run %zu names no program",
                          i + 1);
        if (r < 0)
            return r;
        reruns[i].file = requests[i].operands[0];
        reruns[i].args = (const char *const *)requests[i].operands + 1;
        reruns[i].options = requests[i].options;
        reruns[i].options.timeout_ms = l->request->options.timeout_ms;
    }
    return r;
}

static int drop(struct learning *l)
{
    size_t count = l->needs.runs.count;
    AUTO_FREE struct request *requests = calloc(RUNS_MAX, sizeof(*requests));
    struct rerun reruns[RUNS_MAX] = {0};
    struct minimizing minimizing = {.needs = &l->needs,
                                    .name = l->file.path ? l->file.path : "learn.yaml",
                                    .runs = reruns,
                                    .progress = show_progress};
    int r = requests ? read_reruns(l, requests, reruns) : no_memory(l);

    if (r == 0 && !count)
        r = fail_text(&l->err, -EINVAL, NULL, -1, l->file.path, "there is no run to do again");
    if (r == 0)
        r = minimize(&minimizing, &l->err);
    for (size_t i = 0; requests && i < count; i++)
        cli_request_done(&requests[i]);
    return r < 0 ? r : 0;
}

/* --- what was written --- */

/* As `crib policy lint` has them. */
static int tell_dangers(struct learning *l)
{
    const char *path = l->file.path;
    Crib__Origins *origins;
    struct dangers dangers;
    Crib__Policy *policy;
    int r;

    if (!path)
        return 0;
    if (!policy_is_path(path))
        path = arena_printf(&l->arena, "./%s", path);
    if (!path)
        return no_memory(l);
    r = policy_load(path, policies_dirs, &l->arena, &policy, &origins, &l->err);
    if (r == 0)
        r = policy_dangers(policy, origins, &l->arena, &dangers, &l->err);
    for (size_t i = 0; r == 0 && i < dangers.count; i++) {
        const struct danger *danger = &dangers.list[i];

        if (!danger->why || !danger->why[0])
            say("learn: %s: dangerous: %s: %s; take it away, or add to `reason`: {grant: %s, why: "
                "…}",
                danger->place ? danger->place : path, danger->grant, danger->what, danger->grant);
    }
    return r;
}

static void tell_written(const struct learning *l)
{
    if (l->file.path)
        say("learn: %s: %zu calls and %zu mounts; try it with: crib run -p %s%s -C %s …",
            l->file.path, l->needs.call_count, l->needs.mount_count,
            policy_is_path(l->file.path) ? "" : "./", l->file.path, l->cwd ? l->cwd : "DIR");
}

static int work(struct learning *l, char *const *words)
{
    struct request *request = l->request;
    int r = 0;

    if (request->operands[0])
        r = find_words(l, words);
    if (r == 0)
        r = learnt_file_open(&l->file, request->output, request->force, &l->needs, &l->arena,
                             &l->err);
    if (r == 0 && request->operands[0])
        r = learn(l);
    if (r == 0 && request->minimize)
        r = drop(l);
    if (r == 0)
        r = learnt_file_write(&l->file, &l->needs, &l->err);
    if (r == 0)
        r = tell_dangers(l);
    if (r < 0) {
        (void)complain(l);
        return outcome_of_error(&l->err);
    }
    tell_written(l);
    return 0;
}

static int check(struct learning *l, const struct request *outer)
{
    struct request *request = l->request;

    if (!request->socket)
        request->socket = outer->socket;
    if (remote_path(request))
        return fail_text(&l->err, -EOPNOTSUPP, NULL, -1, NULL,
                         "runs the program itself, not under a daemon: give --socket '' or unset "
                         "CRIB_SOCKET");
    if (!request->operands[0] && !(request->minimize && request->output))
        return fail_text(&l->err, -EINVAL, NULL, -1, NULL,
                         "needs a program, or --minimize with --output");
    return 0;
}

int policy_learn(const struct request *outer)
{
    char *const *words = outer->operands + 1;
    struct learning l = {.file = {.fd = -1}};
    struct request request;
    int status;

    arena_init(&l.arena, 0);
    l.request = &request;
    if (request_read(&request, &command, words, &l.err) < 0)
        status = complain(&l);
    else if (request.help)
        status = help_show(&command);
    else
        status = check(&l, outer) < 0 ? complain(&l) : work(&l, words);
    learnt_file_close(&l.file);
    cli_request_done(&request);
    arena_done(&l.arena);
    return status;
}
