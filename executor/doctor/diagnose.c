/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both looks at once, and what came of them put together.
 */
#include <errno.h>
#include <stddef.h>

#include "base/clock.h"
#include "doctor/doctor.h"
#include "doctor/survey.h"
#include "host/host.h"

/* In this process: whether cgroups are to be had depends on how many processes are in ours. */
static int look_at_host(struct arena *arena, Crib__Host **ret)
{
    int r = host_look(arena, ret);

    if (r == 0)
        r = host_try_namespaces(*ret, arena);
    if (r < 0)
        return r;
    (*ret)->n_env = 0; /* nobody's business, and full of secrets */
    return host_controllers(arena, *ret);
}

static const char *late(int code)
{
    return code == -ETIMEDOUT
               ? "there was no answer within 15 s: a file system or a name service hangs"
               : "the process that was to do it ended without an answer";
}

/* The start that came to nothing at all. */
static int refuse_late(int code, struct arena *arena, Crib__Diagnosis **ret)
{
    Crib__Error *error = ARENA_NEW(arena, crib__error, Crib__Error);

    *ret = ARENA_NEW(arena, crib__diagnosis, Crib__Diagnosis);
    if (!error || !*ret)
        return -ENOMEM;
    error->has_code = true;
    error->code = code;
    error->text = (char *)late(code);
    (*ret)->refused = error;
    return 0;
}

/* Without an answer there is still the host. */
static int survey_late(int code, struct arena *arena, Crib__Diagnosis *diagnosis,
                       Crib__Survey **ret)
{
    Crib__Finding *finding = ARENA_NEW(arena, crib__finding, Crib__Finding);

    *ret = ARENA_NEW(arena, crib__survey, Crib__Survey);
    if (!finding || !*ret)
        return -ENOMEM;
    finding->name = (char *)"survey";
    finding->has_state = true;
    finding->state = CRIB__FINDING__STATE__missing;
    finding->what = (char *)late(code);
    finding->remedy = (char *)"see which file system hangs: `df`, `ls /etc`, `id`";
    return arena_push(arena, &diagnosis->findings, &diagnosis->n_findings, finding);
}

/* What the child has found, @from, is the parent's from now on. */
static void take_ids(const Crib__Host *from, Crib__Host *host)
{
    if (!from)
        return;
    host->sub_ids = from->sub_ids;
    host->n_sub_ids = from->n_sub_ids;
    host->sub_ids_why = from->sub_ids_why;
}

/* Return: 0; -ENOMEM. */
static int hear(struct apart *survey_from, struct apart *task_from, Crib__Host *host,
                struct arena *arena, Crib__Diagnosis **ret)
{
    uint64_t until = clock_us() + DOCTOR_PATIENCE_US;
    Crib__Survey *survey = NULL;
    int asked = apart_end(survey_from, until, &crib__survey__descriptor, arena,
                          (ProtobufCMessage **)&survey);
    int r =
        apart_end(task_from, until, &crib__diagnosis__descriptor, arena, (ProtobufCMessage **)ret);

    if (r < 0)
        r = refuse_late(r, arena, ret);
    if (r == 0 && asked < 0)
        r = survey_late(asked, arena, *ret, &survey);
    if (r < 0)
        return r;
    take_ids(survey->host, host);
    survey->host = host;
    return doctor_findings(survey, arena, *ret);
}

int doctor_diagnose(const struct crib_options *options, struct arena *arena, Crib__Diagnosis **ret,
                    struct crib_error *err)
{
    struct apart survey, task;
    Crib__Host *host;
    int r = look_at_host(arena, &host);

    if (r < 0)
        return fail_sys(err, r, "host", -1, NULL, "look at it");
    r = apart_start(&survey, survey_body, host);
    if (r < 0)
        return fail_sys(err, r, "doctor", -1, NULL, "start a process");
    r = apart_start(&task, rehearsal_body, (void *)options);
    if (r < 0) {
        apart_drop(&survey);
        return fail_sys(err, r, "doctor", -1, NULL, "start a process");
    }
    r = hear(&survey, &task, host, arena, ret);
    if (r == 0) {
        (*ret)->policy = arena_text(arena, options->policy ? options->policy : "default");
        r = (*ret)->policy ? doctor_conclude(arena, *ret) : -ENOMEM;
    }
    return r < 0 ? fail_sys(err, r, "doctor", -1, NULL, NULL) : 0;
}
