/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/names.h"

#include <signal.h>
#include <string.h>

#include "task.pb-c.h"

int names_signal(const char *name)
{
    if (strncmp(name, "SIG", 3) == 0)
        name += 3;
    for (int signo = 1; signo < NSIG; signo++) {
        const char *known = sigabbrev_np(signo);

        if (known && strcmp(known, name) == 0)
            return signo;
    }
    return -1;
}

const char *names_of_signal(int signo)
{
    const char *name = signo > 0 ? sigabbrev_np(signo) : NULL;

    return name ? name : "?";
}

const char *names_of_verdict(int verdict)
{
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(&crib__result__verdict__descriptor, verdict);

    return value ? value->name : "none";
}

const char *names_of_errno(int code)
{
    const char *name = strerrorname_np(code);

    return name ? name : "?";
}
