/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File systems that do not answer. Where FUSE cannot be had, an opener that is stopped stands for
 * one that waits: to the daemon they are the same.
 */
#include "opening.h"

#include <sched.h>
#include <sys/mount.h>

#include "fuse.h"

#define DEADLINE_MS 700

/* Leaves a process that is at a request for ever. */
static void ask_and_stop(struct opening *o, struct asked *a, const struct peer *peer)
{
    Crib__HostPath__Kind kind;
    pid_t pids[64];
    size_t n;

    assert_int_equal(look_at(o, peer, "/usr", &kind), 0);
    n = children(pids, 64);
    assert_true(n > 0 && n <= 64);
    kill(pids[n - 1], SIGSTOP); /* the newest is the one that is idle */
    ask_path(o, a, peer, "/usr");
}

static void a_stopped_one_is_given_up(void **state)
{
    struct peer me = self();
    Crib__HostPath__Kind kind;
    struct opening o;
    struct asked a, behind;
    pid_t pid;

    (void)state;
    opening_start(&o);
    openers_times(o.openers, DEADLINE_MS, OPENER_PATIENCE_MS);
    assert_int_equal(look_at(&o, &me, "/usr", &kind), 0);
    assert_int_equal(children(&pid, 1), 1);
    kill(pid, SIGSTOP);
    ask_path(&o, &a, &me, "/usr");
    ask_path(&o, &behind, &me, "/usr");
    /* Not before its deadline, but before the first one's. */
    assert_int_equal(answered(&o, &behind), 0);
    assert_int_equal(a.answers, 0);
    assert_int_equal(answered(&o, &a), -ETIMEDOUT);
    assert_int_equal(a.host.n_paths, 0);
    asked_done(&a);
    asked_done(&behind);
    assert_int_equal(look_at(&o, &me, "/usr", &kind), 0);
    opening_stop(&o);
    assert_int_equal(children(NULL, 0), 0);
    peer_done(&me);
}

static void cancelled_while_it_hangs(void **state)
{
    struct peer me = self();
    Crib__HostPath__Kind kind;
    struct opening o;
    struct asked a;
    pid_t pid;

    (void)state;
    opening_start(&o);
    openers_times(o.openers, DEADLINE_MS, OPENER_PATIENCE_MS);
    assert_int_equal(look_at(&o, &me, "/usr", &kind), 0);
    assert_int_equal(children(&pid, 1), 1);
    kill(pid, SIGSTOP);
    ask_path(&o, &a, &me, "/usr");
    opener_cancel(a.request);
    asked_done(&a);
    assert_int_equal(look_at(&o, &me, "/usr", &kind), 0);
    uv_run(&o.loop, UV_RUN_DEFAULT); /* until the deadline, and both have gone */
    assert_int_equal(children(NULL, 0), 0);
    opening_stop(&o);
    peer_done(&me);
}

/* One uid cannot have more than its share; what waits behind gets its turn when one is given up. */
static void a_uid_has_its_share(void **state)
{
    struct asked asked[OPENER_MAX_OF_UID], behind;
    struct peer client = ordinary(), me = self();
    Crib__HostPath__Kind kind;
    struct opening o;

    (void)state;
    opening_start(&o);
    for (size_t i = 0; i < OPENER_MAX_OF_UID; i++)
        ask_and_stop(&o, &asked[i], &client);
    ask_path(&o, &behind, &client, "/usr");
    assert_int_equal(children(NULL, 0), OPENER_MAX_OF_UID);
    if (geteuid() == 0) /* somebody else is not in their line */
        assert_int_equal(look_at(&o, &me, "/usr", &kind), 0);
    for (size_t i = 0; i < OPENER_MAX_OF_UID; i++) {
        assert_int_equal(answered(&o, &asked[i]), -ETIMEDOUT);
        asked_done(&asked[i]);
    }
    assert_int_equal(answered(&o, &behind), 0);
    asked_done(&behind);
    opening_stop(&o);
    peer_done(&me);
    peer_done(&client);
}

/* The rest needs what only root has here. */
static void a_file_system_that_hangs(void **state)
{
    struct peer client = ordinary(), me = self();
    char *dir = open_dir();
    struct asked hung, same, other;
    struct opening o;
    struct fuse fuse;

    (void)state;
    fuse_start(&fuse, dir);
    opening_start(&o);
    openers_times(o.openers, DEADLINE_MS, OPENER_PATIENCE_MS);
    ask_path(&o, &same, &client, fuse.file);
    assert_int_equal(answered(&o, &same), 0);
    assert_int_equal(same.host.paths[0]->kind, CRIB__HOST_PATH__KIND__file);
    asked_done(&same);
    /* Its files are not for the daemon to hold: see foreign.h. */
    assert_int_equal(open_file(&o, &client, fuse.file, O_RDONLY), -EOPNOTSUPP);

    fuse_hang(&fuse);
    ask_path(&o, &hung, &client, fuse.file);
    ask_path(&o, &same, &client, "/usr");
    ask_path(&o, &other, &me, "/usr");
    assert_int_equal(answered(&o, &other), 0);
    assert_int_equal(answered(&o, &same), 0);
    assert_int_equal(hung.answers, 0);
    assert_int_equal(answered(&o, &hung), -ETIMEDOUT);
    asked_done(&hung);
    asked_done(&same);
    asked_done(&other);
    opening_stop(&o); /* whether the process can go or not */
    fuse_stop(&fuse);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    peer_done(&me);
    free(dir);
}

/* Whoever waits for the file system cannot be killed, and so keeps his place. */
static void many_hang(void **state)
{
    struct asked hung[OPENER_MAX_OF_UID + 2];
    struct peer client = ordinary(), me = self();
    char *dir = open_dir();
    Crib__HostPath__Kind kind;
    struct opening o;
    struct fuse fuse;

    (void)state;
    fuse_start(&fuse, dir);
    opening_start(&o);
    openers_times(o.openers, DEADLINE_MS, OPENER_PATIENCE_MS);
    fuse_hang(&fuse);
    for (size_t i = 0; i < OPENER_MAX_OF_UID + 2; i++)
        ask_path(&o, &hung[i], &client, fuse.file);
    for (size_t i = 0; i < OPENER_MAX_OF_UID + 2; i++) {
        assert_int_equal(answered(&o, &hung[i]), -ETIMEDOUT);
        asked_done(&hung[i]);
        assert_true(children(NULL, 0) <= OPENER_MAX_OF_UID + 2); /* his, ours, and the fs itself */
        assert_int_equal(look_at(&o, &me, "/usr", &kind), 0);
    }
    fuse_stop(&fuse); /* they can go now */
    assert_int_equal(look_at(&o, &client, "/usr", &kind), 0);
    opening_stop(&o);
    assert_int_equal(children(NULL, 0), 0);
    peer_done(&me);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_one_is_given_up),
        cmocka_unit_test(cancelled_while_it_hangs),
        cmocka_unit_test(a_uid_has_its_share),
        cmocka_unit_test(a_file_system_that_hangs),
        cmocka_unit_test(many_hang),
    };
    bool fuse = fuse_possible();

    if (fuse && (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
        return 1;
    warm_up();
    return test_run_group("tests", tests, sizeof(tests) / sizeof(tests[0]) - (fuse ? 0 : 2));
}
