/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Callers whose surroundings are poor: switches that are off, limits that are low, a /proc that is
 * not there or cannot be written to.
 */
#include "refused/confined.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

/* What runs before the start, in the other process: it aborts where it cannot do its part, and that
 * fails the test. */
static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        abort();
    fd_close(&fd);
}

/* Root has the first 65536 ids of its own namespace there, an ordinary user but its own. */
static void map_ids(pid_t pid, unsigned uid, unsigned gid)
{
    char path[64], map[64];

    snprintf(path, sizeof(path), "/proc/%d/setgroups", (int)pid);
    if (uid)
        put(path, "deny");
    snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)pid);
    snprintf(map, sizeof(map), uid ? "%u %u 1" : "0 0 65536", gid, gid);
    put(path, map);
    snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
    snprintf(map, sizeof(map), uid ? "%u %u 1" : "0 0 65536", uid, uid);
    put(path, map);
}

static void new_user_namespace(int flags)
{
    unsigned uid = geteuid(), gid = getegid();
    pid_t self = getpid(), mapper;
    int ready[2], status;
    char byte = 0;

    if (pipe2(ready, O_CLOEXEC) < 0 || (mapper = fork()) < 0)
        abort();
    if (mapper == 0) {
        if (read(ready[0], &byte, 1) != 1)
            abort();
        map_ids(self, uid, gid);
        _exit(0);
    }
    if (unshare(CLONE_NEWUSER | flags) < 0 || write(ready[1], &byte, 1) != 1 ||
        waitpid(mapper, &status, 0) != mapper || status != 0)
        abort();
    fd_close(&ready[0]);
    fd_close(&ready[1]);
}

static void no_user_namespaces(void)
{
    new_user_namespace(0);
    put("/proc/sys/user/max_user_namespaces", "0");
}

static void no_net_namespaces(void)
{
    new_user_namespace(0);
    put("/proc/sys/user/max_net_namespaces", "0");
}

static void own_mounts(void)
{
    if (geteuid())
        new_user_namespace(CLONE_NEWNS);
    else if (unshare(CLONE_NEWNS) < 0)
        abort();
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        abort();
}

static void no_proc(void)
{
    own_mounts();
    if (mount("none", "/proc", "tmpfs", 0, NULL) < 0)
        abort();
}

static void read_only_proc(void)
{
    own_mounts();
    if (mount("/proc", "/proc", NULL, MS_BIND, NULL) < 0 ||
        mount(NULL, "/proc", NULL,
              MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        abort();
}

/* As containers cover parts of it. */
static void covered_proc(void)
{
    own_mounts();
    if (mount("none", "/proc/acpi", "tmpfs", MS_RDONLY, NULL) < 0 &&
        mount("none", "/proc/sys", "tmpfs", MS_RDONLY, NULL) < 0)
        abort();
}

static void limit(int resource, rlim_t value)
{
    struct rlimit limit = {value, value};

    if (setrlimit(resource, &limit) < 0)
        abort();
}

/* Root is not counted. */
static void few_processes(void)
{
    if (geteuid() == 0)
        sandbox_become_ordinary();
    limit(RLIMIT_NPROC, 0);
}

static void few_files(void)
{
    limit(RLIMIT_NOFILE, 16);
}

static void small_files(void)
{
    limit(RLIMIT_FSIZE, 4096);
}

static const struct {
    const char *what, *step, *remedy;
    void (*before)(void);
} rows[] = {
    {"user namespaces are switched off", "namespaces",
     "sysctl user.max_user_namespaces=", no_user_namespaces},
    {"net namespaces are switched off", "namespaces", "sysctl user.max_net_namespaces",
     no_net_namespaces},
    {"no /proc", "maps", "there is no /proc here", no_proc},
    {"a /proc for reading", "maps", "can be written to", read_only_proc},
    {"a /proc that is covered", "mounts", "systempaths=unconfined", covered_proc},
    {"few processes", "namespaces", "ulimit -u", few_processes},
    {"few files", "host", "ulimit -n", few_files},
    {"small files", "init", "ulimit -f", small_files},
};

static void test_poor_surroundings(void **state)
{
    static const struct starve nothing[] = {STARVE_END};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct confined c;

        confined_init(&c);
        c.box.before = rows[i].before;
        confined_run(&c, nothing);
        confined_refused(&c, rows[i].what, rows[i].step, rows[i].remedy);
        confined_done(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_poor_surroundings),
    };

    return test_run(tests);
}
