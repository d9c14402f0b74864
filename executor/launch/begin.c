/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A start, from the clone to the plan in init's hands: at one go, or in two halves, of which the
 * second is for a sandbox that was prepared ahead.
 */
#include <errno.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/laps.h"
#include "launch/groups.h"
#include "launch/nets.h"
#include "launch/parts.h"
#include "launch/pool.h"

/* Both ends above 2, which may be closed in the caller and must not be mistaken for its stdio. */
static int make_control(int *ret_ours, int *ret_theirs)
{
    AUTO_FD int one = -1, other = -1;
    int pair[2], r;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -errno;
    one = pair[0];
    other = pair[1];
    r = fd_above(&one, 3);
    if (r == 0)
        r = fd_above(&other, 3);
    if (r < 0)
        return r;
    fd_last(&one);
    *ret_ours = fd_take(&one);
    *ret_theirs = fd_take(&other);
    return 0;
}

/* In a network that is used again lo is up, and init has no right to it. */
static void tell_raised(Crib__Plan *half, Crib__NetPlan *net, const struct launch *launch)
{
    if (!launch->net || !half->net)
        return;
    *net = *half->net;
    net->has_raised = net->raised = true;
    half->net = net;
}

static int hand_over(const struct launching *what, const struct halves *halves,
                     struct launch *launch, struct crib_error *err)
{
    Crib__Plan half = halves->first;
    struct trees trees;
    Crib__NetPlan net;
    int r = write_maps(what->plan->ids, launch->pid, launch->pidfd, err);

    laps_mark(launch->laps, "launch.maps");
    if (r == 0)
        r = make_trees(what->plan, 0, halves->head, 0, what->paths, &trees, err);
    laps_mark(launch->laps, "launch.trees");
    if (r < 0)
        return r;
    tell_raised(&half, &net, launch);
    r = send_half(launch->control,
                  &(struct sending){&half, what->stdio, launch->own, &trees, true}, err);
    trees_done(&trees);
    return r;
}

static const struct stumble controlling = {"init", -1, NULL, "a control socket", "socketpair"};

/* What is in place before the clone. */
static int make_ready(const struct launching *what, struct launch *launch, int *ret_theirs,
                      struct crib_error *err)
{
    const Crib__Plan *plan = what->plan;
    int r;

    if (what->paths->own > 0) {
        launch->own = fd_copy(what->paths->own, 3);
        if (launch->own < 0)
            return fail_sys(err, launch->own, "ids.own", -1, NULL, "the lock of the id");
    }
    r = make_control(&launch->control, ret_theirs);
    if (r < 0)
        return launch_fail(err, r, &controlling);
    if (plan->namespaces->net_again)
        launch->net = nets_take();
    r = plan->cgroup ? groups_new(plan->cgroup, &launch->groups, err) : 0;
    laps_mark(launch->laps, "launch.groups");
    return r;
}

static int clone_and_send(const struct launching *what, const struct halves *halves, int image,
                          int control, struct launch *launch, struct crib_error *err)
{
    int r = clone_init(what->plan->namespaces, image, control, launch, err);

    groups_started(launch->groups);
    laps_mark(launch->laps, "launch.clone");
    if (r == 0)
        r = hand_over(what, halves, launch, err);
    laps_mark(launch->laps, r < 0 ? "launch.refused" : "launch.send");
    return r;
}

int begin(const struct launching *what, const struct halves *halves, struct launch *ret,
          struct crib_error *err)
{
    struct launch launch = {.pidfd = -1, .control = -1, .laps = what->laps};
    AUTO_FD int theirs = -1;
    int image = image_fd(&init_image, err), r;

    if (image < 0)
        return image;
    laps_mark(launch.laps, "launch.image");
    r = make_ready(what, &launch, &theirs, err);
    if (r == 0)
        r = clone_and_send(what, halves, image, theirs, &launch, err);
    if (r < 0) {
        launch_done(&launch);
        return r;
    }
    *ret = launch;
    return 0;
}

int complete(const struct launching *what, const struct halves *halves, struct launch *launch,
             struct crib_error *err)
{
    const Crib__Plan *plan = what->plan;
    struct trees trees;
    int r = make_trees(plan, halves->head, plan->n_mounts, count_trees(plan, halves->head),
                       what->paths, &trees, err);

    if (r < 0)
        return r;
    r = send_half(launch->control, &(struct sending){&halves->rest, what->stdio, 0, &trees, false},
                  err);
    trees_done(&trees);
    laps_mark(what->laps, "launch.send");
    return r;
}

static unsigned count_uppers(const Crib__Plan *plan)
{
    unsigned count = 0;

    for (size_t i = 0; i < plan->n_mounts; i++)
        count += plan->mounts[i]->type == CRIB__MOUNT_PLAN__TYPE__overlay &&
                 plan->mounts[i]->keep > CRIB__MOUNT__KEEP__discard;
    return count;
}

/* What init will report of this plan. */
static void expect(const Crib__Plan *plan, struct launch *launch)
{
    launch->terminal = plan->program->terminal != NULL;
    launch->lefts = plan->files ? (unsigned)plan->files->n_out : 0;
    launch->uppers = count_uppers(plan);
}

/* Return: whether one that was ready has it. What is wrong with the plan itself shows in a cold
 * start. */
static bool start_prepared(const struct launching *what, struct launch *ret)
{
    struct crib_error ignored;
    struct halves halves;

    if (!what->pool || what->paths->own > 0 || !halves_apart(what->plan))
        return false;
    halves_split(what->plan, &halves);
    while (pool_take(what->pool, &halves.first, ret)) {
        laps_mark(what->laps, "launch.take");
        ret->laps = what->laps;
        ret->prepared = true;
        if (complete(what, &halves, ret, &ignored) == 0)
            return true;
        launch_done(ret);
    }
    return false;
}

int launch_start(const struct launching *what, struct launch *ret, struct crib_error *err)
{
    struct halves halves;
    int r = 0;

    if (!start_prepared(what, ret)) {
        halves_whole(what->plan, &halves);
        r = begin(what, &halves, ret, err);
    }
    if (r == 0)
        expect(what->plan, ret);
    return r;
}
