/* SPDX-License-Identifier: Apache-2.0 */
#include "host/subids.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "host/facts.h"

#define NO_ID      4294967295u
#define MAX_RANGES 32
#define MAX_LINE   512       /* bytes; longer ones are nobody's */
#define MAX_FILE   (4 << 20) /* bytes */

struct range {
    uint32_t first, count;
};

struct ranges {
    struct range at[MAX_RANGES];
    size_t count;
};

const struct subids_places subids_here = {"/etc/subuid", "/etc/subgid", "/usr/bin/newuidmap",
                                          "/usr/bin/newgidmap", "/proc"};

/* Digits only, as newuidmap wants them. */
static bool read_number(const char *text, uint64_t *ret)
{
    uint64_t number = 0;

    if (!*text || strlen(text) > 10)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        number = number * 10 + (uint64_t)(*text - '0');
    }
    *ret = number;
    return true;
}

static bool is_owner(const char *owner, const char *name, uint32_t uid)
{
    uint64_t number;

    return (name && *name && strcmp(owner, name) == 0) ||
           (read_number(owner, &number) && number == uid);
}

/* Ids that a task must not have: root, the kernel's nobody and its 16-bit kin, the caller. */
static void add_range(struct ranges *ranges, uint64_t first, uint64_t end, uint32_t own)
{
    const uint64_t not [] = {0, own, 65534, 65535};

    for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++) {
        if (not [i] < first || not [i] >= end)
            continue;
        add_range(ranges, first, not [i], own);
        first = not [i] + 1;
    }
    if (first < end && ranges->count < MAX_RANGES)
        ranges->at[ranges->count++] = (struct range){(uint32_t)first, (uint32_t)(end - first)};
}

/* `owner:first:count` */
static void read_line(struct ranges *ranges, char *line, const char *name, uint32_t uid,
                      uint32_t own)
{
    const char *owner = strsep(&line, ":");
    const char *first = line ? strsep(&line, ":") : NULL;
    uint64_t from, count;

    if (!first || !line || strchr(line, ':') || !is_owner(owner, name, uid))
        return;
    if (!read_number(first, &from) || !read_number(line, &count) || count == 0)
        return;
    if (from + count > NO_ID)
        return;
    add_range(ranges, from, from + count, own);
}

static int compare(const void *one, const void *other)
{
    const struct range *a = one, *b = other;

    return (a->first > b->first) - (a->first < b->first);
}

/* In order, and no id twice: or two tasks would have the same. */
static void part(struct ranges *ranges)
{
    uint64_t end = 0;
    size_t kept = 0;

    qsort(ranges->at, ranges->count, sizeof(ranges->at[0]), compare);
    for (size_t i = 0; i < ranges->count; i++) {
        uint64_t first = ranges->at[i].first, last = first + ranges->at[i].count;

        if (first < end)
            first = end;
        if (first >= last)
            continue;
        ranges->at[kept++] = (struct range){(uint32_t)first, (uint32_t)(last - first)};
        end = last;
    }
    ranges->count = kept;
}

/* @own: the caller's uid or gid, whichever the file is of. A file that is not there has no lines.
 */
static int read_ranges(const char *path, const char *name, uint32_t uid, uint32_t own,
                       struct ranges *ret)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    AUTO_FREE char *text = NULL;
    size_t len;
    char *rest;
    int r;

    ret->count = 0;
    r = fd < 0 ? 0 : fd_read_file(fd, MAX_FILE, &text, &len);
    if (r < 0 || !text)
        return r == -ENOMEM ? r : 0;
    if (strlen(text) != len)
        return 0;
    rest = text;
    while (rest) {
        char *line = strsep(&rest, "\n");

        if (strlen(line) < MAX_LINE)
            read_line(ret, line, name, uid, own);
    }
    part(ret);
    return 0;
}

static int push(struct arena *arena, Crib__Host *host, const struct ranges *ranges, bool groups)
{
    for (size_t i = 0; i < ranges->count; i++) {
        Crib__HostIds *ids = ARENA_NEW(arena, crib__host_ids, Crib__HostIds);

        if (!ids || arena_push(arena, &host->sub_ids, &host->n_sub_ids, ids) < 0)
            return -ENOMEM;
        ids->has_groups = ids->has_first = ids->has_count = true;
        ids->groups = groups;
        ids->first = ranges->at[i].first;
        ids->count = ranges->at[i].count;
    }
    return 0;
}

static int push_both(struct arena *arena, Crib__Host *host, const struct ranges *uids,
                     const struct ranges *gids)
{
    int r = push(arena, host, uids, false);

    return r < 0 ? r : push(arena, host, gids, true);
}

static int none(struct arena *arena, Crib__Host *host, char *why)
{
    (void)arena;
    host->sub_ids_why = why;
    return why ? 0 : -ENOMEM;
}

/* Whether a program of root's gets the rights that it needs: by its bit, or its capabilities. */
static const char *program_why(const char *path)
{
    AUTO_FD int fd = open(path, O_PATH | O_CLOEXEC);
    struct statvfs fs;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || fstatvfs(fd, &fs) < 0)
        return "is not there: install the package `uidmap` (elsewhere `shadow-utils`)";
    if (st.st_uid != 0 || (st.st_mode & 022))
        return "can be written by others than root, and is not used";
    if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
        return "may not be run by this user";
    if (!(st.st_mode & S_ISUID) && getxattr(path, "security.capability", NULL, 0) <= 0)
        return "has neither the setuid bit nor a capability: install it anew";
    return fs.f_flag & ST_NOSUID ? "is on a file system without setuid programs (nosuid)" : NULL;
}

static int look_ordinary(const struct subids_places *at, const char *name, struct arena *arena,
                         Crib__Host *host)
{
    const char *const programs[] = {at->newuidmap, at->newgidmap};
    struct ranges uids, gids;
    const char *why;
    int r;

    if (!name)
        return none(arena, host,
                    arena_printf(arena,
                                 "uid %u has no line in passwd, without which newuidmap "
                                 "does nothing: add the user",
                                 host->uid));
    r = read_ranges(at->uids, name, host->uid, host->uid, &uids);
    if (r == 0)
        r = read_ranges(at->gids, name, host->uid, host->gid, &gids);
    if (r < 0)
        return r;
    if (!uids.count || !gids.count)
        return none(arena, host,
                    arena_printf(arena,
                                 "%s has no range of ids in %s: as root, run `usermod "
                                 "--add-subuids 100000-165535 --add-subgids 100000-165535 %s` with "
                                 "ids that nobody else has",
                                 name, uids.count ? at->gids : at->uids, name));
    for (size_t i = 0; i < 2; i++)
        if ((why = program_why(programs[i])))
            return none(arena, host, arena_printf(arena, "%s %s", programs[i], why));
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        return none(arena, host,
                    arena_text(arena,
                               "this process has no_new_privs, with which newuidmap gets no "
                               "rights: start crib without (in a unit `NoNewPrivileges=no`)"));
    return push_both(arena, host, &uids, &gids);
}

static bool is_mapped(const char *proc, const char *name, uint32_t first, uint32_t count)
{
    char text[4096];

    if (facts_read(proc, name, text, sizeof(text)) < 0)
        return true; /* no proc: the start tells */
    return idmap_covers_all(text, first, count);
}

static int look_privileged(const char *proc, struct arena *arena, Crib__Host *host)
{
    const uint32_t first = CRIB_OWN_IDS_FIRST, count = CRIB_OWN_IDS_COUNT;
    struct ranges ranges = {.count = 0};

    if (!is_mapped(proc, "self/uid_map", first, count) ||
        !is_mapped(proc, "self/gid_map", first, count))
        return none(arena, host,
                    arena_printf(arena,
                                 "the ids %u to %u are not in this user namespace: map them, or "
                                 "build crib with others (CRIB_OWN_IDS_FIRST)",
                                 first, first + (count - 1)));
    add_range(&ranges, first, (uint64_t)first + count, CRIB_TASK_ID);
    return push_both(arena, host, &ranges, &ranges);
}

int subids_look(const struct subids_places *at, const char *name, struct arena *arena,
                Crib__Host *host)
{
    return host->privileged ? look_privileged(at->proc, arena, host)
                            : look_ordinary(at, name, arena, host);
}

int host_sub_ids(struct arena *arena, Crib__Host *host)
{
    struct passwd entry, *found = NULL;
    char text[4096];

    if (!host->privileged && getpwuid_r((uid_t)host->uid, &entry, text, sizeof(text), &found) != 0)
        found = NULL;
    return subids_look(&subids_here, found ? found->pw_name : NULL, arena, host);
}

/* The @n-th of one kind. */
static bool nth(const Crib__Host *host, bool groups, uint32_t n, uint32_t *ret)
{
    for (size_t i = 0; i < host->n_sub_ids; i++) {
        const Crib__HostIds *ids = host->sub_ids[i];

        if ((bool)ids->groups != groups)
            continue;
        if (n < ids->count) {
            *ret = ids->first + n;
            return true;
        }
        n -= ids->count;
    }
    return false;
}

bool subids_pair(const Crib__Host *host, uint32_t n, uint32_t *ret_uid, uint32_t *ret_gid)
{
    return nth(host, false, n, ret_uid) && nth(host, true, n, ret_gid);
}

uint32_t subids_pairs(const Crib__Host *host)
{
    uint64_t count[2] = {0, 0};
    uint64_t least;

    for (size_t i = 0; i < host->n_sub_ids; i++)
        count[host->sub_ids[i]->groups ? 1 : 0] += host->sub_ids[i]->count;
    least = count[0] < count[1] ? count[0] : count[1];
    return least < SUBIDS_MOST ? (uint32_t)least : SUBIDS_MOST;
}
