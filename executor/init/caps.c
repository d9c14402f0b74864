/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities: gone from every set, and no way back.
 * Source: capabilities(7).
 */
#include "init/init.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* While CAP_SETPCAP is there: the bounding set, and ids that no longer move capabilities. */
int drop_bounding(struct init *init)
{
    const Crib__CapsPlan *caps = init->plan->caps;
    unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                         SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED;

    for (uint32_t cap = 0; cap <= caps->last; cap++)
        if (!(caps->mask >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return failed(init, STEP_bounding, -errno, -1);
    for (uint32_t cap = 0; cap <= caps->last; cap++)
        if (!(caps->mask >> cap & 1) && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0)
            return untrue(init, STEP_bounding, -1);
    if (caps->mask == 0)
        bits |= SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return failed(init, STEP_drop, -errno, -1);
    if (prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0)
        return failed(init, STEP_securebits, -errno, -1);
    if (prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) != (int)bits)
        return untrue(init, STEP_securebits, -1);
    return 0;
}

static int set_sets(uint64_t mask)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    for (int half = 0; half < 2; half++) {
        uint32_t bits = (uint32_t)(mask >> (32 * half));

        data[half].effective = data[half].permitted = data[half].inheritable = bits;
    }
    return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

/* The ambient set is within the inheritable one, always. */
static bool has_sets(uint64_t mask)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{~0u, ~0u, ~0u}, {~0u, ~0u, ~0u}};
    bool same = syscall(SYS_capget, &head, data) == 0;

    for (int half = 0; half < 2; half++) {
        uint32_t bits = (uint32_t)(mask >> (32 * half));

        same = same && data[half].effective == bits && data[half].permitted == bits &&
               data[half].inheritable == bits;
    }
    return same;
}

/* What the policy keeps goes through the exec as ambient, since the task is not root. */
int drop_caps(struct init *init)
{
    const Crib__CapsPlan *caps = init->plan->caps;
    int r = set_sets(caps->mask);

    if (r < 0)
        return failed(init, STEP_drop, r, -1);
    if (!has_sets(caps->mask))
        return untrue(init, STEP_drop, -1);
    for (uint32_t cap = 0; cap <= caps->last; cap++)
        if (caps->mask >> cap & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
            return failed(init, STEP_drop, -errno, -1);
    return 0;
}
