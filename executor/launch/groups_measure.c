/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel has counted in the leaves: the same facts under the names of both versions.
 *
 * Source: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst, cgroup-v1/cpuacct.rst
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/auto.h"
#include "launch/groups_leaf.h"

#define TEXT    8192       /* bytes; the longest is io.stat, a line a disk */
#define AT_ONCE (1u << 20) /* bytes; of one process, which each processor may hold in advance */

static const struct {
    const char *name;
    enum leaf_controller bit;
} controllers[] = {
    {"memory", LEAF_MEMORY}, {"pids", LEAF_PIDS}, {"cpuacct", LEAF_CPUACCT}, {"io", LEAF_IO}};

unsigned leaf_controller(const char *name)
{
    for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
        if (strcmp(controllers[i].name, name) == 0)
            return controllers[i].bit;
    return 0;
}

const struct leaf *groups_leaf(const struct groups *groups, enum leaf_controller which)
{
    for (size_t i = 0; i < groups->count; i++)
        if (groups->leaf[i].has & which)
            return &groups->leaf[i];
    return NULL;
}

int leaf_write(const struct leaf *leaf, const char *file, const char *text)
{
    AUTO_FD int fd = openat(leaf->dir, file, O_WRONLY | O_CLOEXEC);

    return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static bool read_text(const struct leaf *leaf, const char *file, char text[TEXT])
{
    AUTO_FD int fd = openat(leaf->dir, file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, TEXT - 1);

    if (n < 0)
        return false;
    text[n] = '\0';
    return true;
}

/* A file that is one number. Return: whether there is one. */
static bool read_number(const struct leaf *leaf, const char *file, uint64_t *ret)
{
    char text[TEXT], *end;

    if (!read_text(leaf, file, text))
        return false;
    *ret = strtoull(text, &end, 10);
    return end != text;
}

/* The number behind a word, `oom_kill 1`, all of them added; words of a disk read `rbytes=1`. */
static uint64_t find(const char *text, const char *word)
{
    size_t len = strlen(word);
    uint64_t sum = 0;

    for (const char *at = strstr(text, word); at; at = strstr(at + len, word))
        if (at == text || at[-1] == '\n' || at[-1] == ' ')
            sum += strtoull(at + len, NULL, 10);
    return sum;
}

/* Version 1 counts the whole exactly, and its two parts by ticks of the clock, which see what they
 * hit: together they are often another number (by 20 % on a busy host). The parts share the whole
 * as version 2 has it, and times(2). */
static void share_cpu(struct groups_facts *ret)
{
    uint64_t parts = ret->user_us + ret->system_us;

    ret->user_us = parts ? (uint64_t)((double)ret->cpu_us * (double)ret->user_us / (double)parts)
                         : ret->cpu_us;
    if (ret->user_us > ret->cpu_us)
        ret->user_us = ret->cpu_us;
    ret->system_us = ret->cpu_us - ret->user_us;
}

static void read_cpu(const struct leaf *leaf, struct groups_facts *ret)
{
    char text[TEXT];

    if (leaf->version == 1) {
        ret->has_cpu = read_number(leaf, "cpuacct.usage", &ret->cpu_us) &&
                       read_number(leaf, "cpuacct.usage_user", &ret->user_us) &&
                       read_number(leaf, "cpuacct.usage_sys", &ret->system_us);
        ret->cpu_us /= 1000;
        ret->user_us /= 1000;
        ret->system_us /= 1000;
        share_cpu(ret);
    } else if (read_text(leaf, "cpu.stat", text)) {
        ret->has_cpu = true;
        ret->cpu_us = find(text, "usage_usec ");
        ret->user_us = find(text, "user_usec ");
        ret->system_us = find(text, "system_usec ");
    }
}

/* Whether the most that was used came as close to the limit as what is taken at once. */
static bool was_full(const struct leaf *leaf, const char *most, const char *limit)
{
    uint64_t peak, bound;

    return read_number(leaf, most, &peak) && read_number(leaf, limit, &bound) &&
           (peak >= bound || bound - peak <= AT_ONCE);
}

/* Version 1 counts failures (memory.failcnt), but not always: 6.18 leaves it at 0. It tells of
 * them, but to the groups below as well, whose own limits were not reached. */
static bool was_told(struct groups *groups, const struct leaf *leaf)
{
    eventfd_t count;

    if (groups->oom >= 0 && eventfd_read(groups->oom, &count) == 0)
        groups->oom_told = true;
    return groups->oom_told &&
           (was_full(leaf, "memory.max_usage_in_bytes", "memory.limit_in_bytes") ||
            was_full(leaf, "memory.memsw.max_usage_in_bytes", "memory.memsw.limit_in_bytes"));
}

static void read_memory(struct groups *groups, const struct leaf *leaf, struct groups_facts *ret)
{
    bool two = leaf->version == 2;
    char text[TEXT];

    ret->has_memory =
        read_number(leaf, two ? "memory.current" : "memory.usage_in_bytes", &ret->memory);
    if (!read_number(leaf, two ? "memory.peak" : "memory.max_usage_in_bytes", &ret->peak_memory))
        ret->peak_memory = ret->memory;
    if (!read_text(leaf, two ? "memory.events" : "memory.oom_control", text))
        return;
    ret->oom_kills = find(text, "oom_kill ");
    ret->own_memory = two ? find(text, "oom ") > 0 : was_told(groups, leaf);
}

static void read_pids(const struct groups *groups, const struct leaf *leaf,
                      struct groups_facts *ret)
{
    uint64_t peak = 0, limit = 0;
    char text[TEXT];

    ret->has_pids = read_number(leaf, "pids.current", &ret->pids);
    read_number(leaf, "pids.peak", &peak);
    read_number(leaf, "pids.max", &limit);
    ret->peak_pids = peak;
    ret->pids -= ret->pids < groups->own_pids ? ret->pids : groups->own_pids;
    ret->peak_pids -= ret->peak_pids < groups->own_pids ? ret->peak_pids : groups->own_pids;
    /* Version 1 counts those that a group above denied as well. */
    if (read_text(leaf, "pids.events", text) && !(peak && peak < limit))
        ret->forks_denied = find(text, "max ");
}

static void read_io(const struct leaf *leaf, struct groups_facts *ret)
{
    char text[TEXT];

    if (leaf->version == 2 && read_text(leaf, "io.stat", text)) {
        ret->has_io = true;
        ret->read_bytes = find(text, "rbytes=");
        ret->written_bytes = find(text, "wbytes=");
    }
}

void groups_measure(struct groups *groups, struct groups_facts *ret)
{
    memset(ret, 0, sizeof(*ret));
    for (size_t i = 0; groups && i < groups->count; i++) {
        const struct leaf *leaf = &groups->leaf[i];

        if (leaf->has & LEAF_CPUACCT)
            read_cpu(leaf, ret);
        if (leaf->has & LEAF_MEMORY)
            read_memory(groups, leaf, ret);
        if (leaf->has & LEAF_PIDS)
            read_pids(groups, leaf, ret);
        if (leaf->has & LEAF_IO)
            read_io(leaf, ret);
    }
}
