/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Init reports a step, an errno and an index; the sentence is made here, where the plan is.
 */
#include "launch/launch.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static const struct step {
    const char *name, *word, *detail;
} steps[] = {
#define STEP(name, word, detail) {#name, word, detail},
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
    if (strcmp(word, "cwd") == 0)
        return text_of(&plan->program->cwd);
    if (strcmp(word, "exec") == 0)
        return text_of(&plan->program->file);
    return NULL;
}

void launch_failure(const Crib__Plan *plan, const Crib__Report__Failure *failure,
                    struct crib_error *ret_err)
{
    const struct step *step = find_step(failure->step);
    int code = failure->code < 0 ? failure->code : -EPROTO;

    if (!step) {
        fail_text(ret_err, -EPROTO, "init", -1, NULL, "crib-init reported a step unknown here");
        return;
    }
    fail_sys(ret_err, code, step->word, failure->index,
             find_subject(plan, step->word, failure->index), step->detail ? "%s" : NULL,
             step->detail);
}
