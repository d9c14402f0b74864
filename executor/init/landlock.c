/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock, stacked on top of the mounts. The numbers are the kernel's, since headers older than
 * the running kernel lack some. Source: Documentation/userspace-api/landlock.rst of the kernel
 */
#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#define FS_EXECUTE     (1ull << 0)
#define FS_WRITE_FILE  (1ull << 1)
#define FS_READ_FILE   (1ull << 2)
#define FS_READ_DIR    (1ull << 3)
#define FS_TRUNCATE    (1ull << 14)
#define FS_IOCTL_DEV   (1ull << 15)
#define FS_FILES       (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
#define NET_BIND       (1ull << 0)
#define NET_CONNECT    (1ull << 1)
#define SCOPE_ABSTRACT (1ull << 0)
#define SCOPE_SIGNAL   (1ull << 1)
#define RULE_PATH      1
#define RULE_PORT      2

struct ruleset {
    uint64_t fs, net, scoped;
};

struct path_rule {
    uint64_t access;
    int32_t fd;
} __attribute__((packed));

struct port_rule {
    uint64_t access, port;
};

/* Every right on files that an ABI knows: it grew at 2 (refer), 3 (truncate), 5 (device ioctls). */
static uint64_t known_rights(uint32_t abi)
{
    uint64_t rights = (1ull << 13) - 1;

    if (abi >= 2)
        rights |= 1ull << 13;
    if (abi >= 3)
        rights |= FS_TRUNCATE;
    if (abi >= 5)
        rights |= FS_IOCTL_DEV;
    return rights;
}

static size_t ruleset_size(uint32_t abi)
{
    return abi < 4 ? 8 : abi < 6 ? 16 : 24;
}

/* @ret_is_path: set where it is the path that cannot be had. */
static int add_path(int ruleset, const Crib__LandlockPlan__Rule *plan, uint64_t known,
                    bool *ret_is_path)
{
    uint64_t wanted = FS_READ_FILE | FS_READ_DIR | (plan->exec ? FS_EXECUTE : 0);
    int fd = open((char *)plan->path.data, O_PATH | O_CLOEXEC);
    struct path_rule rule = {.fd = fd};
    struct stat st;
    int r = 0;

    *ret_is_path = fd < 0;
    if (fd < 0)
        return -errno;
    if (plan->write)
        wanted |= known & ~FS_EXECUTE;
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
        wanted &= FS_FILES;
    rule.access = wanted & known;
    if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &rule, 0) < 0)
        r = -errno;
    fd_close(&fd);
    return r;
}

static int add_ports(int ruleset, const uint32_t *ports, size_t count, uint64_t access)
{
    for (size_t i = 0; i < count; i++) {
        struct port_rule rule = {.access = access, .port = ports[i]};

        if (syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &rule, 0) < 0)
            return -errno;
    }
    return 0;
}

/* What the kernel refuses is done without, where that is allowed: the receipt tells. */
static int refused(struct init *init, int code, int index)
{
    if (init->plan->landlock->required)
        return failed(init, STEP_landlock, code, index);
    init->no_landlock = code;
    return 0;
}

static int restrict_self(int ruleset)
{
    if (is_pretended(SYS_landlock_restrict_self, -1, 0, 0, 0, 0))
        return -EBADE;
    return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

static int fill(struct init *init, int ruleset, const struct ruleset *handled)
{
    const Crib__LandlockPlan *plan = init->plan->landlock;
    bool is_path = false;
    int r;

    for (size_t i = 0; i < plan->n_rules; i++) {
        r = add_path(ruleset, plan->rules[i], handled->fs, &is_path);
        if (r < 0)
            return is_path ? failed(init, STEP_landlock, r, (int)i) : refused(init, r, (int)i);
    }
    r = add_ports(ruleset, plan->connect_ports, plan->n_connect_ports, NET_CONNECT);
    if (r == 0)
        r = add_ports(ruleset, plan->bind_ports, plan->n_bind_ports, NET_BIND);
    if (r == 0)
        r = restrict_self(ruleset);
    return r < 0 ? refused(init, r, -1) : 0;
}

int restrict_files(struct init *init)
{
    const Crib__LandlockPlan *plan = init->plan->landlock;
    struct ruleset handled = {0};
    int ruleset, r;

    if (!plan || plan->abi == 0)
        return 0;
    handled.fs = known_rights(plan->abi);
    if (plan->net)
        handled.net =
            (plan->n_bind_ports ? NET_BIND : 0) | (plan->n_connect_ports ? NET_CONNECT : 0);
    if (plan->scope_abstract)
        handled.scoped |= SCOPE_ABSTRACT;
    if (plan->scope_signal)
        handled.scoped |= SCOPE_SIGNAL;
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, ruleset_size(plan->abi), 0);
    if (ruleset < 0)
        return refused(init, -errno, -1);
    r = fill(init, ruleset, &handled);
    fd_close(&ruleset);
    return r;
}
