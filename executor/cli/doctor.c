/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "cli/command.h"
#include "cli/remote.h"
#include "cli/say.h"
#include "crib/policy.h"
#include "doctor/doctor.h"

static int show(const Crib__Diagnosis *diagnosis, bool json)
{
    struct buf out = {0};
    int r;

    if (json)
        return remote_show(diagnosis, true);
    r = doctor_show(diagnosis, &out);
    if (r == 0)
        r = say_out((const char *)out.data, out.len);
    else
        say("out of memory");
    buf_done(&out);
    return r < 0 ? STATUS_FAILED : 0;
}

static int diagnose(struct request *request, const crib_policy *policy)
{
    struct crib_error err = {0};
    Crib__Diagnosis *diagnosis;
    struct arena arena;
    int status = STATUS_FAILED;

    request->options.policy_message = policy;
    arena_init(&arena, 0);
    if (doctor_diagnose(&request->options, &arena, &diagnosis, &err) < 0)
        say_error(&err);
    else if (show(diagnosis, request->as_json) == 0)
        status = diagnosis->enforceable ? 0 : STATUS_LACKING;
    arena_done(&arena);
    return status;
}

int command_doctor(struct request *request)
{
    const char *name = request->options.policy ? request->options.policy : "default";
    struct crib_error err = {0};
    crib_policy *policy;
    int status;

    if (request->socket && request->socket[0]) {
        say("doctor looks at the host and the user that it runs as: a daemon's tasks are looked "
            "at where and as whom the daemon runs");
        return STATUS_FAILED;
    }
    if (remote_path(request))
        say("CRIB_SOCKET is set, and its daemon runs the tasks; this is what could be done without "
            "it");
    if (crib_policy_load(name, &policy, &err) < 0) {
        say_error(&err);
        return STATUS_FAILED;
    }
    status = diagnose(request, policy);
    crib_policy_free(policy);
    return status;
}
