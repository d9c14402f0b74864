/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the task's start says of the policy, and which of the findings has the remedy for it.
 */
#include <errno.h>
#include <string.h>

#include "doctor/diagnosing.h"
#include "doctor/doctor.h"

#define STATE(name) CRIB__FINDING__STATE__##name
#define HARD_LIMIT  "the caller's own hard limit" /* as plan/limits.c says it */

/* From a step or a mechanism, or how it begins, to the findings that may be behind it. */
static const struct link {
    const char *word, *findings[4];
} links[] = {
    {"clone", {"user_namespaces", "namespaces.", "ambient_caps"}},
    {"namespaces", {"user_namespaces", "namespaces."}},
    {"maps", {"ids", "id_ranges"}},
    {"ids.groups", {"groups", "id_ranges"}},
    {"ids", {"ids", "id_ranges"}},
    {"mounts", {"proc", "mounts", "overlay", "terminals"}},
    {"init", {"memfd", "calls"}},
    {"plan", {"calls", "memfd"}},
    {"host", {"calls"}},
    {"program", {"calls"}},
    {"syscalls.reasons", {"listener"}},
    {"syscalls", {"filter", "listener"}},
    {"landlock", {"landlock"}},
    {"net.loopback", {"loopback"}},
    {"net", {"landlock", "loopback"}},
    {"terminal", {"terminals"}},
    {"limits.memory", {"cgroup.memory"}},
    {"limits.swap", {"cgroup.memory"}},
    {"limits.pids", {"cgroup.pids"}},
    {"limits.cpus", {"cgroup.cpu"}},
    {"limits.cpuset", {"cgroup.cpuset"}},
    {"limits.io_weight", {"cgroup.io"}},
    {"limits.cpu_time", {"cgroup.cpuacct"}},
    {"limits.open_files", {"open_files"}},
    {"limits.locked_memory", {"locked_memory"}},
    {"limits.core", {"core_dumps"}},
    {"cgroup", {"cgroup."}},
};

/* The word itself, or with a dot or bracket behind it. */
static bool names(const char *subject, const char *word)
{
    size_t len = strlen(word);

    return strncmp(subject, word, len) == 0 && strchr(".[", subject[len]);
}

static bool fits(const char *finding, const char *wanted)
{
    size_t len = strlen(wanted);

    return strncmp(finding, wanted, len) == 0 && (finding[len] == '\0' || wanted[len - 1] == '.');
}

static const char *lack(const Crib__Diagnosis *diagnosis, const char *wanted)
{
    for (size_t i = 0; i < diagnosis->n_findings; i++)
        if (diagnosis->findings[i]->state != STATE(ok) &&
            fits(diagnosis->findings[i]->name, wanted))
            return diagnosis->findings[i]->remedy;
    return NULL;
}

/* Return: the remedy of the finding behind a step or mechanism; NULL. */
static const char *remedy_for(const Crib__Diagnosis *diagnosis, const char *subject)
{
    for (size_t i = 0; subject && i < sizeof(links) / sizeof(links[0]); i++) {
        if (!names(subject, links[i].word))
            continue;
        for (size_t n = 0; n < 4 && links[i].findings[n]; n++) {
            const char *remedy = lack(diagnosis, links[i].findings[n]);

            if (remedy)
                return remedy;
        }
    }
    return NULL;
}

static const char *any_remedy(const Crib__Diagnosis *diagnosis)
{
    for (size_t i = 0; i < diagnosis->n_findings; i++)
        if (diagnosis->findings[i]->state == STATE(missing))
            return "the lines above that say `missing` have what to do";
    return "nothing that is looked at here is behind it: `crib run` of the same policy says at "
           "which "
           "step it ends";
}

/* A limit is refused as `limits` with its name for subject. */
static const char *subject_of(struct diagnosing *d, const Crib__Error *error)
{
    if (error->step && strcmp(error->step, "limits") == 0 && error->subject)
        return arena_printf(d->arena, "limits.%s", error->subject);
    return error->step;
}

/* The sentence without the remedy that the finding has as well. */
static const char *without(struct diagnosing *d, const char *text, const char *remedy)
{
    const char *at = remedy ? strstr(text, remedy) : NULL;

    if (!at || at < text + 2 || strncmp(at - 2, ": ", 2) != 0)
        return text;
    return arena_copy(d->arena, text, (size_t)(at - 2 - text));
}

static void conclude_refused(struct diagnosing *d)
{
    const Crib__Error *error = d->diagnosis->refused;
    const char *remedy = remedy_for(d->diagnosis, subject_of(d, error));
    const char *text = without(d, error->text ? error->text : "", remedy);

    found_missing(d, "policy", NULL,
                  arena_printf(d->arena, "%s: its task does not start: %s", d->diagnosis->policy,
                               text ? text : ""),
                  remedy ? remedy : any_remedy(d->diagnosis));
}

static void conclude_line(struct diagnosing *d, const Crib__Receipt *line)
{
    const char *remedy = remedy_for(d->diagnosis, line->mechanism);
    const char *name = arena_printf(d->arena, "policy.%s", line->mechanism);

    if (!name) {
        d->code = -ENOMEM;
        return;
    }
    found_limited(d, name, line->mechanism,
                  arena_printf(d->arena, "asked: %s; applied: %s", line->asked ? line->asked : "",
                               line->applied),
                  remedy ? remedy : any_remedy(d->diagnosis));
}

bool doctor_falls_short(const Crib__Receipt *line, const Crib__Diagnosis *diagnosis)
{
    if (!line->applied || !line->mechanism || strcmp(line->mechanism, "usage") == 0)
        return false;
    /* Where they can be cleared, it is the policy that does not insist. */
    if (strcmp(line->mechanism, "ids.groups") == 0 && strncmp(line->applied, "kept ", 5) == 0)
        return lack(diagnosis, "groups") != NULL;
    if (strcmp(line->mechanism, "limits.core") == 0)
        return lack(diagnosis, "core_dumps") != NULL;
    return strstr(line->applied, "not available") || strstr(line->applied, "not reached") ||
           strstr(line->applied, HARD_LIMIT);
}

int doctor_conclude(struct arena *arena, Crib__Diagnosis *diagnosis)
{
    struct diagnosing d = {NULL, arena, diagnosis, 0};

    diagnosis->has_enforceable = true;
    diagnosis->enforceable = !diagnosis->refused && diagnosis->n_receipt > 0;
    if (diagnosis->refused)
        conclude_refused(&d);
    for (size_t i = 0; i < diagnosis->n_receipt; i++)
        if (doctor_falls_short(diagnosis->receipt[i], diagnosis)) {
            conclude_line(&d, diagnosis->receipt[i]);
            diagnosis->enforceable = false;
        }
    if (diagnosis->enforceable)
        found_ok(&d, "policy", NULL,
                 arena_printf(arena, "%s: a task was started, and nothing of it fell short",
                              diagnosis->policy));
    return d.code;
}
