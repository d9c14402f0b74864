/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that is looked at, put together in the child process.
 */
#include "doctor/survey.h"

#include <errno.h>
#include <unistd.h>

#include "doctor/facts.h"
#include "doctor/tries.h"
#include "host/facts.h"
#include "host/subids.h"

extern char **environ;

/* The caller's name is asked of the C library, which may ask a directory server: it may hang. */
static int look_at_ids(const Crib__Host *seen, struct arena *arena, Crib__Survey *survey)
{
    Crib__Host *host = ARENA_NEW(arena, crib__host, Crib__Host);

    if (!host)
        return -ENOMEM;
    host->has_uid = host->has_gid = host->has_privileged = true;
    host->uid = seen->uid;
    host->gid = seen->gid;
    host->privileged = seen->privileged;
    survey->host = host;
    survey->has_ids_mapped = true;
    survey->ids_mapped = idmap_roomy("/proc");
    return host_sub_ids(arena, host);
}

int survey_body(void *arg, struct arena *arena, ProtobufCMessage **ret)
{
    const Crib__Host *host = arg;
    Crib__Survey *survey = ARENA_NEW(arena, crib__survey, Crib__Survey);
    int r = survey ? 0 : -ENOMEM;

    if (r == 0) {
        facts_switches("", arena, survey);
        r = facts_covers("", arena, survey);
    }
    if (r == 0)
        r = facts_places("", environ, arena, survey);
    if (r == 0)
        r = look_at_ids(host, arena, survey);
    if (r == 0) {
        survey->has_init_installed = true;
        survey->init_installed = access(CRIB_INIT_PATH, R_OK) == 0;
        r = tries_make(host->user_namespaces, arena, survey);
    }
    if (r == 0)
        *ret = &survey->base;
    return r;
}
