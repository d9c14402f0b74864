/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan and everything that comes with it, in one packet: [P, plan] and the fds [parent's pidfd,
 * stdio…, files…, trees…]; a plan too large for a packet comes in a memfd before them, [M]. Where the
 * sandbox is prepared ahead, the program's part comes later, in a packet of the same form, but
 * without a pidfd.
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

/* One packet. Its fds are ours as they are taken. */
struct parcel {
    Crib__Plan *plan;
    int *fds, *next; /* next: the first that is not taken */
    size_t count;
};

static int decode_file(struct init *init, int fd, Crib__Plan **ret)
{
    struct stat st;
    void *data;

    if (fstat(fd, &st) < 0)
        return -errno;
    data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return -errno;
    *ret = crib__plan__unpack(&init->arena.pb, (size_t)st.st_size, data);
    munmap(data, (size_t)st.st_size);
    return 0;
}

/* Return: 0; negative errno with failed() called. */
static int decode(struct init *init, const uint8_t *data, size_t len, struct parcel *parcel)
{
    int r = 0;

    if (data[0] == 'P') {
        parcel->plan = crib__plan__unpack(&init->arena.pb, len - 1, data + 1);
    } else if (data[0] == 'M' && parcel->count > 0) {
        r = decode_file(init, parcel->fds[0], &parcel->plan);
        fd_close(parcel->next++);
    }
    if (r == 0 && !parcel->plan)
        r = -EPROTO;
    return r < 0 ? failed(init, STEP_decode, r, -1) : 0;
}

/* Waits for it. Return: 0; -ESRCH the parent gave up before it had a plan, or is gone; negative
 * errno with failed() called. */
static int receive(struct init *init, struct parcel *parcel)
{
    static uint8_t data[PACKET_MAX_BYTES];
    struct pollfd wait[] = {{.fd = init->control, .events = POLLIN},
                            {.fd = init->parent, .events = POLLIN}};
    size_t count = PACKET_MAX_FDS;
    long n;

    parcel->fds = parcel->next = arena_alloc(&init->arena, PACKET_MAX_FDS * sizeof(int));
    if (!parcel->fds)
        return failed(init, STEP_receive, -ENOMEM, -1);
    while (poll(wait, 2, -1) < 0 && errno == EINTR)
        ;
    if (wait[1].revents)
        return -ESRCH;
    laps_mark(init->laps, "wait");
    n = packet_receive(init->control, data, sizeof(data), parcel->fds, &count);
    if (n == 0)
        return -ESRCH;
    if (n < 0)
        return failed(init, STEP_receive, (int)n, -1);
    parcel->count = count;
    return decode(init, data, (size_t)n, parcel);
}

static size_t left_over(const struct parcel *parcel)
{
    return parcel->count - (size_t)(parcel->next - parcel->fds);
}

/* Keeps our own fds above every number that the task will use. */
static int raise_all(const struct init *init, struct parcel *parcel)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < left_over(parcel); i++)
        r = fd_above(&parcel->next[i], init->lowest);
    return r;
}

/* The next fds of the packet. */
static int *take(struct parcel *parcel, size_t count)
{
    int *fds = parcel->next;

    parcel->next += count;
    return fds;
}

static int add_trees(struct init *init, struct parcel *parcel)
{
    size_t count = left_over(parcel), all = init->tree_count + count;
    int *trees = arena_alloc(&init->arena, (all + 1) * sizeof(*trees));

    if (!trees)
        return -ENOMEM;
    if (init->tree_count)
        memcpy(trees, init->trees, init->tree_count * sizeof(*trees));
    memcpy(trees + init->tree_count, take(parcel, count), count * sizeof(*trees));
    init->trees = trees;
    init->tree_count = all;
    return 0;
}

/* What belongs to the program, of a plan that is whole. */
static int sort_program(struct init *init, struct parcel *parcel)
{
    const Crib__Plan *plan = init->plan;

    init->stdio_count = plan->program->n_stdio;
    init->file_count = plan->files ? plan->files->n_in : 0;
    if (left_over(parcel) < init->stdio_count + init->file_count)
        return -EPROTO;
    for (size_t i = 0; i < plan->program->n_stdio; i++)
        if ((int)plan->program->stdio[i]->fd >= init->lowest)
            return -EPROTO;
    init->stdio = take(parcel, init->stdio_count);
    init->files = take(parcel, init->file_count);
    return 0;
}

static int sort_first(struct init *init, struct parcel *parcel)
{
    int r;

    init->plan = parcel->plan;
    init->laps = init->plan->timing ? init->laps : NULL;
    init->lowest = (int)init->plan->lowest > 3 ? (int)init->plan->lowest : 3;
    if (left_over(parcel) < 1 || !init->plan->more == !init->plan->program)
        return -EPROTO;
    r = raise_all(init, parcel);
    if (r == 0)
        r = fd_above(&init->control, init->lowest);
    if (r < 0)
        return r;
    init->parent = *take(parcel, 1);
    if (init->plan->program)
        r = sort_program(init, parcel);
    return r < 0 ? r : add_trees(init, parcel);
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
    struct parcel parcel = {NULL};
    int r = receive(init, &parcel);

    if (r == -ESRCH)
        _exit(1);
    if (r < 0)
        return r;
    r = sort_first(init, &parcel);
    if (r < 0)
        return failed(init, STEP_receive, r, -1);
    leave_if_orphan(init);
    return 0;
}

/* Both lists in one, so that an index means the same as in the parent's plan. */
static int add_mounts(struct init *init, const Crib__Plan *rest)
{
    Crib__Plan *plan = init->plan;
    size_t all = plan->n_mounts + rest->n_mounts;
    Crib__MountPlan **mounts = arena_alloc(&init->arena, (all + 1) * sizeof(Crib__MountPlan *));

    if (!mounts)
        return -ENOMEM;
    if (plan->n_mounts)
        memcpy(mounts, plan->mounts, plan->n_mounts * sizeof(Crib__MountPlan *));
    if (rest->n_mounts)
        memcpy(mounts + plan->n_mounts, rest->mounts, rest->n_mounts * sizeof(Crib__MountPlan *));
    plan->mounts = mounts;
    plan->n_mounts = all;
    return 0;
}

static int join(struct init *init, struct parcel *parcel)
{
    const Crib__Plan *rest = parcel->plan;
    int r;

    if (!rest->program)
        return -EPROTO;
    init->plan->program = rest->program;
    init->plan->files = rest->files;
    init->plan->landlock = rest->landlock;
    init->plan->life = rest->life;
    init->laps = rest->timing ? init->laps : NULL;
    r = add_mounts(init, rest);
    if (r == 0)
        r = raise_all(init, parcel);
    if (r == 0)
        r = sort_program(init, parcel);
    return r < 0 ? r : add_trees(init, parcel);
}

int receive_rest(struct init *init)
{
    struct parcel parcel = {NULL};
    int r;

    if (!init->plan->more)
        return 0;
    r = report_prepared(init);
    if (r == 0)
        r = receive(init, &parcel);
    if (r == -ESRCH || r == -EPIPE) {
        init->unwanted = true;
        return -ESRCH;
    }
    if (r == 0)
        r = join(init, &parcel);
    if (r < 0 && !init->failed)
        return failed(init, STEP_receive, r, -1);
    return r;
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
