/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that are let through, and looked at meanwhile, since somebody wants to know what a program
 * needs (`all`) or why it does not get it (`files`). The caller waits; what is told waits for room.
 */
#include <string.h>

#include "base/clock.h"
#include "init/answers.h"

/* Where a call leads: what it has in common with another that need not be told again. */
static uint64_t where(const struct seen *seen, const struct sighting *sighting)
{
    const struct sighting_file *file = &sighting->file;
    uint64_t hash = seen_hash(seen, 0, &sighting->number, sizeof(sighting->number));

    hash = seen_hash(seen, hash, &sighting->arg, sizeof(sighting->arg));
    if (file->known && file->path_len)
        return seen_hash(seen, hash, file->path, file->path_len);
    return seen_hash(seen, hash, sighting->object, sighting->object_len);
}

static uint64_t with_args(const struct seen *seen, const Crib__SyscallsPlan__Answer *answer,
                          const struct sighting *sighting, uint64_t hash)
{
    for (size_t i = 0; i < answer->n_differs && i < 6; i++) {
        uint64_t value = sighting->args[i] & answer->differs[i];

        hash = seen_hash(seen, hash, &value, sizeof(value));
    }
    return hash;
}

/* Once for all. */
static void tell_new(struct answers *answers, int by)
{
    const Crib__SyscallsPlan__Answer *answer = answers->init->plan->syscalls->answers[by];
    struct sighting *sighting = &answers->sighting;
    uint64_t hash = with_args(answers->seen, answer, sighting, where(answers->seen, sighting));
    int r = seen_add(answers->seen, hash);

    if (r < 0 || (r > 0 && answers_tell(answers, sighting, 1) < 0))
        told_lose(answers->told, 1);
}

/* As refusals are told, each place by itself. */
static void tell_counted(struct answers *answers, int by)
{
    struct sighting *sighting = &answers->sighting;
    struct told_key key = {.by = by, .number = sighting->number, .traced = true};
    uint64_t now = clock_us();
    struct told_slot *slot;

    key.where = where(answers->seen, sighting);
    slot = told_open(answers->told, &key, now);
    if (slot) /* without room it is not told, and is no refusal that was lost either */
        told_add(answers->told, slot, sighting, now);
}

static bool is_all(const struct answers *answers)
{
    return answers->init->plan->syscalls->trace == CRIB__TRACE__all;
}

static void trace_row(struct answers *answers, const struct look_row *row, int by)
{
    bool bad = look_at(answers->look, answers->request, row, LOOK_RESOLVE, &answers->sighting);

    if (is_all(answers))
        tell_new(answers, by);
    else if (bad)
        tell_counted(answers, by);
}

void answers_trace(struct answers *answers, int by)
{
    size_t count;
    const struct look_row *row = look_rows(answers->request->data.nr, &count);

    for (size_t i = 0; i < count; i++)
        trace_row(answers, &row[i], by);
    if (count == 0 && is_all(answers))
        trace_row(answers, NULL, by);
}
