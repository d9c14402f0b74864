/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "host/facts.h"

extern char **environ;

/* What the kernel is, found once. */
static struct {
    uint32_t landlock_abi, last_cap;
    bool listener;
} kernel;

static uint32_t find_landlock(void)
{
    long abi =
        syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);

    return abi > 0 ? (uint32_t)abi : 0;
}

/* Whether another filter with a listener is above us shows only when ours is put in place. */
static bool find_listener(void)
{
    struct seccomp_notif_sizes sizes;
    uint32_t action = SECCOMP_RET_USER_NOTIF;

    return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0 &&
           syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static uint32_t find_last_cap(void)
{
    uint32_t cap = 0;

    while (cap < 63 && prctl(PR_CAPBSET_READ, cap + 1, 0, 0, 0) >= 0)
        cap++;
    return cap;
}

static void look_at_kernel(void)
{
    kernel.landlock_abi = find_landlock();
    kernel.listener = find_listener();
    kernel.last_cap = find_last_cap();
}

/* Whether user namespaces can be had depends on who asks; kept for the last who did. */
static int userns_code(uint32_t uid, bool privileged)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool known, known_privileged;
    static uint32_t known_uid;
    static int code;
    int r;

    pthread_mutex_lock(&lock);
    if (!known || known_uid != uid || known_privileged != privileged) {
        code = userns_try();
        known = true;
        known_uid = uid;
        known_privileged = privileged;
    }
    r = code;
    pthread_mutex_unlock(&lock);
    return r;
}

static bool has_caps(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    const uint32_t need = 1u << CAP_SYS_ADMIN | 1u << CAP_SETUID | 1u << CAP_SETGID;

    return syscall(SYS_capget, &head, data) == 0 && (data[0].effective & need) == need;
}

/* A map is written once: what has room will have it as long as we are in this user namespace. */
static bool has_room(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static dev_t known_dev;
    static ino_t known_ino;
    struct stat space;
    bool room = false;

    if (stat("/proc/thread-self/ns/user", &space) < 0)
        return idmap_roomy("/proc");
    pthread_mutex_lock(&lock);
    room = space.st_dev == known_dev && space.st_ino == known_ino;
    if (!room && (room = idmap_roomy("/proc"))) {
        known_dev = space.st_dev;
        known_ino = space.st_ino;
    }
    pthread_mutex_unlock(&lock);
    return room;
}

static int look_at_groups(Crib__Host *host)
{
    AUTO_FREE gid_t *list = NULL;
    int n = getgroups(0, NULL);

    host->has_groups = true;
    if (n <= 0)
        return 0;
    list = calloc((size_t)n, sizeof(*list));
    if (!list)
        return -ENOMEM;
    n = getgroups(n, list);
    for (int i = 0; i < n; i++)
        host->groups += list[i] != host->gid;
    return 0;
}

int host_try_namespaces(Crib__Host *host, struct arena *arena)
{
    int code = userns_code(host->uid, host->privileged);

    host->user_namespaces = code == 0;
    host->user_namespaces_why = code < 0 ? (char *)userns_why(code, "/proc", arena) : NULL;
    return code < 0 && !host->user_namespaces_why ? -ENOMEM : 0;
}

static int look_at_caller(Crib__Host *host, struct arena *arena)
{
    host->has_uid = host->has_gid = true;
    host->uid = geteuid();
    host->gid = getegid();
    host->has_privileged = host->has_user_namespaces = true;
    host->privileged = has_caps() && has_room();
    host->user_namespaces = true; /* whether a privileged caller has them shows when it starts */
    return host->privileged ? 0 : host_try_namespaces(host, arena);
}

static int look_at_cwd(Crib__Host *host, struct arena *arena)
{
    AUTO_FREE char *cwd = getcwd(NULL, 0);

    if (!cwd || cwd[0] != '/') /* deleted, or outside of this root */
        return errno == ENOMEM && !cwd ? -ENOMEM : 0;
    host->cwd = arena_bytes(arena, cwd, strlen(cwd));
    host->has_cwd = true;
    return host->cwd.data ? 0 : -ENOMEM;
}

static int look_at_env(Crib__Host *host, struct arena *arena)
{
    for (char **entry = environ; entry && *entry; entry++) {
        ProtobufCBinaryData value = arena_bytes(arena, *entry, strlen(*entry));

        if (!value.data)
            return -ENOMEM;
        if (arena_push_value(arena, &host->env, &host->n_env, &value, sizeof(value)) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int look_at_limits(Crib__Host *host, struct arena *arena)
{
    for (uint32_t resource = 0; resource < RLIM_NLIMITS; resource++) {
        Crib__HostLimit *limit;
        struct rlimit value;

        if (getrlimit((int)resource, &value) < 0)
            continue;
        limit = ARENA_NEW(arena, crib__host_limit, Crib__HostLimit);
        if (!limit)
            return -ENOMEM;
        limit->has_resource = limit->has_hard = true;
        limit->resource = resource;
        limit->hard = value.rlim_max;
        if (arena_push(arena, &host->limits, &host->n_limits, limit) < 0)
            return -ENOMEM;
    }
    return 0;
}

int host_look(struct arena *arena, Crib__Host **ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    Crib__Host *host = ARENA_NEW(arena, crib__host, Crib__Host);
    int r;

    if (!host)
        return -ENOMEM;
    pthread_once(&once, look_at_kernel);
    host->has_landlock_abi = host->has_listener = host->has_last_cap = true;
    host->landlock_abi = kernel.landlock_abi;
    host->listener = kernel.listener;
    host->last_cap = kernel.last_cap;
    r = look_at_caller(host, arena);
    if (r == 0)
        r = look_at_groups(host);
    if (r == 0)
        r = look_at_cwd(host, arena);
    if (r == 0)
        r = look_at_env(host, arena);
    if (r == 0)
        r = look_at_limits(host, arena);
    if (r == 0)
        *ret = host;
    return r;
}
