/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/diagnosing.h"

#define STATE(name) CRIB__FINDING__STATE__##name

/* Words between commas. */
static void add_needs(struct diagnosing *d, Crib__Finding *finding, const char *needed_by)
{
    while (*needed_by) {
        size_t len = strcspn(needed_by, ",");
        char *word = arena_copy(d->arena, needed_by, len);

        if (!word || arena_push(d->arena, &finding->needed_by, &finding->n_needed_by, word) < 0) {
            d->code = -ENOMEM;
            return;
        }
        needed_by += len + (needed_by[len] == ',');
    }
}

void found_add(struct diagnosing *d, const struct found *found)
{
    Crib__Finding *finding = ARENA_NEW(d->arena, crib__finding, Crib__Finding);

    if (!finding || !found->what) {
        d->code = -ENOMEM;
        return;
    }
    finding->has_state = true;
    finding->state = found->state;
    finding->name = arena_text(d->arena, found->name);
    finding->what = arena_text(d->arena, found->what);
    finding->remedy = found->remedy ? arena_text(d->arena, found->remedy) : NULL;
    if (!finding->name || !finding->what || (!finding->remedy && found->state != STATE(ok)) ||
        arena_push(d->arena, &d->diagnosis->findings, &d->diagnosis->n_findings, finding) < 0)
        d->code = -ENOMEM;
    else
        add_needs(d, finding, found->needed_by ? found->needed_by : "all");
}

void found_ok(struct diagnosing *d, const char *name, const char *needed_by, const char *what)
{
    found_add(d, &(struct found){name, needed_by, STATE(ok), what, NULL});
}

void found_limited(struct diagnosing *d, const char *name, const char *needed_by, const char *what,
                   const char *remedy)
{
    found_add(d, &(struct found){name, needed_by, STATE(limited), what, remedy});
}

void found_missing(struct diagnosing *d, const char *name, const char *needed_by, const char *what,
                   const char *remedy)
{
    found_add(d, &(struct found){name, needed_by, STATE(missing), what, remedy});
}

const char *found_split(struct diagnosing *d, const char *sentence, const char **ret_what,
                        const char *other)
{
    const char *colon = strstr(sentence, ": ");

    if (!colon) {
        *ret_what = sentence;
        return other;
    }
    *ret_what = arena_copy(d->arena, sentence, (size_t)(colon - sentence));
    return colon + 2;
}

const Crib__Survey__Attempt *tried(const struct diagnosing *d, const char *name)
{
    for (size_t i = 0; i < d->survey->n_attempts; i++)
        if (strcmp(d->survey->attempts[i]->name, name) == 0)
            return d->survey->attempts[i];
    return NULL;
}

bool tried_well(const struct diagnosing *d, const char *name)
{
    const Crib__Survey__Attempt *attempt = tried(d, name);

    return attempt && attempt->code == 0 && attempt->signal == 0;
}

const char *refusal(struct diagnosing *d, const Crib__Survey__Attempt *attempt)
{
    const char *call = attempt->call && attempt->call[0] ? attempt->call : "the first call";

    if (attempt->signal)
        return arena_printf(d->arena, "the process that tries it is killed (%s)",
                            strsignal((int)attempt->signal));
    return arena_printf(d->arena, "%s is refused (%s)", call, strerror(-attempt->code));
}

int doctor_findings(const Crib__Survey *survey, struct arena *arena, Crib__Diagnosis *diagnosis)
{
    static void (*const list[])(struct diagnosing *) = {
        find_place,   find_namespaces, find_calls,       find_mounts,
        find_filters, find_ids,        find_controllers, find_limits,
    };
    struct diagnosing d = {survey, arena, diagnosis, 0};

    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        list[i](&d);
    return d.code;
}
