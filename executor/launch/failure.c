/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Init reports a step, an errno and an index; the sentence is made here, where the plan is.
 */
#include "launch/parts.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "host/facts.h"

static const struct step {
    const char *name, *word, *detail, *takes, *none;
} steps[] = {
#define STEP(name, word, ...) {#name, word, __VA_ARGS__, NULL},
#include "init/steps.def"
#undef STEP
};

static const struct step *find_step(const char *name)
{
    for (size_t i = 0; name && i < sizeof(steps) / sizeof(steps[0]); i++)
        if (strcmp(steps[i].name, name) == 0)
            return &steps[i];
    return NULL;
}

static const char *text_of(const ProtobufCBinaryData *data)
{
    return data->len ? (const char *)data->data : NULL;
}

/* The thing concerned: what the list of that mechanism holds at the index. */
static const char *find_subject(const Crib__Plan *plan, const char *word, int index)
{
    size_t i = index < 0 ? SIZE_MAX : (size_t)index;

    if (strcmp(word, "mounts") == 0 && i < plan->n_mounts)
        return text_of(&plan->mounts[i]->target);
    if (strcmp(word, "limits") == 0 && i < plan->n_limits)
        return plan->limits[i]->name;
    if (strcmp(word, "landlock") == 0 && i < plan->landlock->n_rules)
        return text_of(&plan->landlock->rules[i]->path);
    if (strcmp(word, "copy_in") == 0 && plan->files && i < plan->files->n_in)
        return text_of(&plan->files->in[i]->path);
    if (strcmp(word, "cwd") == 0)
        return text_of(&plan->program->cwd);
    if (strcmp(word, "exec") == 0)
        return text_of(&plan->program->file);
    return NULL;
}

/* A mechanism is `WORD`, `WORD.PART` or `WORD[N]`. */
static bool is_of(const char *mechanism, const char *word)
{
    size_t len = strlen(word);

    return strncmp(mechanism, word, len) == 0 && (!mechanism[len] || strchr(".[", mechanism[len]));
}

/* Only Landlock and the namespaces hold these, and the later of them counts. */
static const char *held_by(const char *mechanism)
{
    return is_of(mechanism, "net") && strcmp(mechanism, "net.loopback") != 0 ? "landlock"
                                                                             : mechanism;
}

bool launch_reached(const char *step, const char *mechanism)
{
    const struct step *halt = find_step(step), *last = NULL;

    mechanism = held_by(mechanism);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (is_of(mechanism, steps[i].word))
            last = &steps[i];
    return halt && last && last < halt;
}

static const char proc_remedy[] =
    "make the file system: Operation not permitted: where something is mounted over a part of the "
    "host's /proc, as containers do, no further proc can be had: start the container without "
    "(Docker: `--security-opt systempaths=unconfined`), or leave proc out of the policy";

static bool is_proc(const Crib__Plan *plan, const struct step *step, int index)
{
    return strcmp(step->name, "filesystem") == 0 && index >= 0 && (size_t)index < plan->n_mounts &&
           plan->mounts[index]->type == CRIB__MOUNT_PLAN__TYPE__proc;
}

/* The first right that is used inside: a user namespace may be made and give none. */
static bool is_rights(const struct step *step, int code)
{
    return strcmp(step->name, "hostname") == 0 && (code == -EPERM || code == -EACCES);
}

static void fail_rights(int code, struct crib_error *ret_err)
{
    struct arena arena;
    const char *why;

    arena_init(&arena, 0);
    why = userns_why(code, "/proc", &arena);
    fail_text(ret_err, code, "namespaces", -1, NULL, "%s",
              why ? why : "a user namespace gives no rights here");
    arena_done(&arena);
}

void launch_failure(const Crib__Plan *plan, const Crib__Report__Failure *failure,
                    struct crib_error *ret_err)
{
    const struct step *step = find_step(failure->step);
    int code = failure->code < 0 ? failure->code : -EPROTO;
    struct stumble at = {.index = -1};

    if (!step) {
        fail_text(ret_err, -EPROTO, "init", -1, NULL, "crib-init reported a step unknown here");
        return;
    }
    at.step = step->word;
    at.index = failure->index;
    at.subject = find_subject(plan, step->word, failure->index);
    at.what = step->detail;
    at.takes = step->takes;
    if (is_rights(step, code))
        fail_rights(code, ret_err);
    else if (code == -EPERM && is_proc(plan, step, failure->index))
        fail_text(ret_err, code, at.step, at.index, at.subject, "%s", proc_remedy);
    else
        launch_fail(ret_err, code, &at);
}
