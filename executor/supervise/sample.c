/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/sample.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"

/* The name stands in brackets and may hold any byte, brackets too. */
int sample_read_stat(const char *text, struct sample_stat *ret)
{
    const char *end = strrchr(text, ')');
    unsigned long long user, system, user_below, system_below;
    long pages;
    int pid, parent;

    if (!end || sscanf(text, "%d", &pid) != 1)
        return -EINVAL;
    if (sscanf(end + 1,
               " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu %*d %*d %*d %*d "
               "%*u %*u %ld",
               &parent, &user, &system, &user_below, &system_below, &pages) != 6)
        return -EINVAL;
    *ret = (struct sample_stat){.pid = pid,
                                .parent = parent,
                                .ticks = user + system + user_below + system_below,
                                .pages = pages > 0 ? (uint64_t)pages : 0};
    return 0;
}

static int read_stat(int proc, const char *name, struct sample_stat *ret)
{
    char path[64], text[1024];
    AUTO_FD int fd = -1;
    ssize_t n;

    snprintf(path, sizeof(path), "%.20s/stat", name);
    fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return -ESRCH;
    text[n] = '\0';
    return sample_read_stat(text, ret);
}

struct list {
    struct sample_stat *items;
    size_t count, room;
};

static int add(struct list *list, const struct sample_stat *stat)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 256;
        struct sample_stat *items = realloc(list->items, room * sizeof(*items));

        if (!items)
            return -ENOMEM;
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = *stat;
    return 0;
}

static int list_all(DIR *proc, struct list *list)
{
    struct dirent *entry;
    int r = 0;

    while (r == 0 && list->count < SAMPLE_MOST && (entry = readdir(proc))) {
        struct sample_stat stat;

        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            read_stat(dirfd(proc), entry->d_name, &stat) == 0)
            r = add(list, &stat);
    }
    return r;
}

static void count(struct sample *sample, const struct sample_stat *stat)
{
    sample->memory += stat->pages * (uint64_t)sysconf(_SC_PAGESIZE);
    sample->cpu_us += stat->ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
    sample->processes++;
}

static int by_parent(const void *a, const void *b)
{
    const struct sample_stat *x = a, *y = b;

    return (x->parent > y->parent) - (x->parent < y->parent);
}

/* Return: the first with that parent, or where it would stand. */
static size_t first_child(const struct list *list, pid_t parent)
{
    size_t low = 0, high = list->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (list->items[middle].parent < parent)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Breadth first; @queue has room for all. Pids come from different moments, but each process is
 * reached by its one parent only, so none twice. */
static void add_up(const struct list *list, pid_t root, pid_t *queue, struct sample *ret)
{
    size_t head = 0, tail = 0;

    queue[tail++] = root;
    while (head < tail) {
        pid_t parent = queue[head++];

        for (size_t i = first_child(list, parent);
             i < list->count && list->items[i].parent == parent && tail < list->count + 1; i++) {
            count(ret, &list->items[i]);
            queue[tail++] = list->items[i].pid;
        }
    }
}

int sample_tree(pid_t root, struct sample *ret)
{
    struct list list = {0};
    struct sample_stat own;
    char name[32];
    pid_t *queue = NULL;
    DIR *proc = opendir("/proc");
    int r = proc ? list_all(proc, &list) : -errno;

    memset(ret, 0, sizeof(*ret));
    snprintf(name, sizeof(name), "%d", (int)root);
    if (r == 0)
        r = read_stat(dirfd(proc), name, &own);
    if (r == 0 && !(queue = malloc((list.count + 1) * sizeof(*queue))))
        r = -ENOMEM;
    if (r == 0) {
        qsort(list.items, list.count, sizeof(*list.items), by_parent);
        count(ret, &own);
        add_up(&list, root, queue, ret);
    }
    free(queue);
    free(list.items);
    if (proc)
        closedir(proc);
    return r;
}
