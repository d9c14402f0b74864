/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan and everything that comes with it: [plan, parent's pidfd, stdio…, files…, trees…].
 */
#include "init/init.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "wire/packet.h"

#define FIXED 2 /* fds before the stdio */

static int decode(struct init *init, int fd)
{
    struct stat st;
    void *data;

    if (fstat(fd, &st) < 0 || st.st_size < 0)
        return -errno;
    data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return -errno;
    init->plan = crib__plan__unpack(&init->arena.pb, (size_t)st.st_size, data);
    munmap(data, (size_t)st.st_size);
    close(fd);
    return init->plan && init->plan->program ? 0 : -EPROTO;
}

/* Keeps our own fds above every number that the task will use. */
static int raise_fd(const struct init *init, int *fd)
{
    int raised;

    if (*fd >= init->lowest)
        return 0;
    raised = fd_copy(*fd, init->lowest);
    if (raised < 0)
        return raised;
    close(*fd);
    *fd = raised;
    return 0;
}

static void find_lowest(struct init *init)
{
    const Crib__Program *program = init->plan->program;

    init->lowest = 3;
    for (size_t i = 0; i < program->n_stdio; i++)
        if ((int)program->stdio[i]->fd >= init->lowest)
            init->lowest = (int)program->stdio[i]->fd + 1;
}

static int sort_fds(struct init *init, int *fds, size_t count)
{
    int r;

    init->stdio_count = init->plan->program->n_stdio;
    init->file_count = init->plan->files ? init->plan->files->n_in : 0;
    if (count < FIXED + init->stdio_count + init->file_count)
        return -EPROTO;
    init->parent = fds[1];
    init->stdio = fds + FIXED;
    init->files = init->stdio + init->stdio_count;
    init->trees = init->files + init->file_count;
    init->tree_count = count - FIXED - init->stdio_count - init->file_count;
    find_lowest(init);
    for (size_t i = 1; i < count; i++)
        if ((r = raise_fd(init, &fds[i])) < 0)
            return r;
    init->parent = fds[1];
    return raise_fd(init, &init->control);
}

/* A parent that died before it could be watched shows at once in its pidfd. */
static void leave_if_orphan(const struct init *init)
{
    struct pollfd parent = {.fd = init->parent, .events = POLLIN};

    if (poll(&parent, 1, 0) > 0)
        _exit(1);
}

int receive_plan(struct init *init)
{
    static int fds[PACKET_MAX_FDS];
    size_t count = PACKET_MAX_FDS;
    struct pollfd wait = {.fd = init->control, .events = POLLIN};
    char byte;
    long n;
    int r;

    poll(&wait, 1, -1);
    n = packet_receive(init->control, &byte, 1, fds, &count);
    laps_mark(init->laps, "wait");
    if (n == 0)
        _exit(1); /* the parent gave up before it had a plan */
    if (n < 0 || count < FIXED)
        return failed(init, STEP_receive, n < 0 ? (int)n : -EPROTO, -1);
    r = decode(init, fds[0]);
    if (r < 0)
        return failed(init, STEP_decode, r, -1);
    init->laps = init->plan->timing ? init->laps : NULL;
    r = sort_fds(init, fds, count);
    if (r < 0)
        return failed(init, STEP_receive, r, -1);
    leave_if_orphan(init);
    return 0;
}

/* Only now: the maps of an undumpable process cannot be written by an ordinary parent. */
int set_dumpable(struct init *init)
{
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return failed(init, STEP_dumpable, -errno, -1);
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return untrue(init, STEP_dumpable, -1);
    return 0;
}
