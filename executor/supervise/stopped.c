/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receipt of a task whose program never ran: how far its start came, and where it came to a
 * halt. What the plan says of later steps would claim what was never there.
 */
#include <stdbool.h>
#include <string.h>

#include "supervise/task.h"

#define REFUSED "refused: "

static bool is_stopped(const crib_task *task)
{
    for (size_t i = 0; i < task->plan->n_receipt; i++)
        if (strncmp(task->plan->receipt[i]->applied, REFUSED, strlen(REFUSED)) == 0)
            return true;
    return false;
}

/* The error's sentence without its step. Return: NULL: no memory. */
static char *sentence_of(crib_task *task, const struct crib_error *error)
{
    struct crib_error bare = *error;
    char text[1024];

    bare.step = NULL;
    return arena_printf(&task->arena, REFUSED "%s", crib_error_text(&bare, text, sizeof(text)));
}

static Crib__Receipt *find(const crib_task *task, const char *word, const char *part)
{
    size_t len = strlen(word);

    for (size_t i = 0; i < task->plan->n_receipt; i++) {
        const char *name = task->plan->receipt[i]->mechanism;

        if (strncmp(name, word, len) == 0 &&
            (part ? name[len] == '.' && strcmp(name + len + 1, part) == 0 : !name[len]))
            return task->plan->receipt[i];
    }
    return NULL;
}

/* The line of what was refused: of one limit, of one step, of the mechanism. */
static Crib__Receipt *line_of(crib_task *task, const char *step, const struct crib_error *error)
{
    const char *word = error->step ? error->step : "init";
    Crib__Receipt *line = find(task, word, error->subject);

    if (!line && step)
        line = find(task, word, step);
    if (!line)
        line = find(task, word, NULL);
    if (line)
        return line;
    line = ARENA_NEW(&task->arena, crib__receipt, Crib__Receipt);
    if (!line || arena_push(&task->arena, &task->plan->receipt, &task->plan->n_receipt, line) < 0)
        return NULL;
    line->mechanism = arena_text(&task->arena, word);
    line->asked = (char *)"required";
    return line->mechanism ? line : NULL;
}

void task_stopped(crib_task *task, const char *step, const struct crib_error *error)
{
    Crib__Receipt *refused;

    if (is_stopped(task))
        return;
    for (size_t i = 0; i < task->plan->n_receipt; i++)
        if (!launch_reached(step, task->plan->receipt[i]->mechanism))
            task->plan->receipt[i]->applied = (char *)"not reached";
    refused = error ? line_of(task, step, error) : NULL;
    if (refused)
        refused->applied = sentence_of(task, error);
    if (refused && !refused->applied)
        refused->applied = (char *)REFUSED;
}
