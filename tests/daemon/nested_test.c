/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which task a client runs in, by its pid namespace; what it then knows of. With processes in real
 * namespaces, and tasks that are none: tests/cli/daemon_nested_test.c has real ones.
 */
#include "support/support.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "daemon/connection.h"
#include "daemon/nested.h"
#include "supervise/task.h"

static struct daemon daemon_;
static struct crib executor;
static struct entry entries[4];
static crib_task *tasks[4];

/* Tasks 1 to 4; the first @count of them live. */
static void begin(size_t count)
{
    memset(&executor, 0, sizeof(executor));
    memset(&entries, 0, sizeof(entries));
    memset(&daemon_, 0, sizeof(daemon_));
    daemon_.ex = &executor;
    for (size_t i = 0; i < 4; i++) {
        tasks[i] = calloc(1, sizeof(*tasks[i]));
        assert_non_null(tasks[i]);
        entries[i].id = i + 1;
        entries[i].daemon = &daemon_;
        entries[i].space = (ino_t)(1000 + i);
        entries[i].next = NULL;
        daemon_.entries.bucket[i + 1] = &entries[i];
        tasks[i]->data = &entries[i];
        if (i >= count)
            continue;
        tasks[i]->next = executor.tasks;
        executor.tasks = tasks[i];
    }
}

static void end(void)
{
    for (size_t i = 0; i < 4; i++)
        free(tasks[i]);
}

static int sleeper(void *arg)
{
    (void)arg;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        pause();
    return 0;
}

static char stack[64 * 1024] __attribute__((aligned(16)));

/* A process in a pid namespace of its own, in a user namespace of its own. */
static pid_t start(int flags, int *ret_pidfd)
{
    pid_t pid =
        clone(sleeper, stack + sizeof(stack), flags | CLONE_PIDFD | SIGCHLD, NULL, ret_pidfd);

    assert_true(pid > 0);
    return pid;
}

static void stop(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static ino_t space_of(pid_t pid)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
    assert_int_equal(stat(path, &st), 0);
    return st.st_ino;
}

static void test_ordinary(void **state)
{
    AUTO_FD int pidfd = pidfd_open(getpid(), 0);
    struct peer peer = {.pid = getpid(), .inside = 7};

    (void)state;
    begin(0);
    assert_int_equal(nested_look(&daemon_, -1, &peer), 0); /* there is nothing to be in */
    assert_int_equal(peer.inside, 0);
    end();
    begin(4);
    assert_int_equal(nested_look(&daemon_, pidfd, &peer), 0);
    assert_int_equal(peer.inside, 0);
    /* also where one is there of which nothing is known */
    entries[2].space = 0;
    assert_int_equal(nested_look(&daemon_, pidfd, &peer), 0);
    end();
}

static void test_in_a_namespace(void **state)
{
    AUTO_FD int pidfd = -1;
    pid_t pid = start(CLONE_NEWUSER | CLONE_NEWPID, &pidfd);
    struct peer peer = {.pid = pid};

    (void)state;
    begin(4);
    /* somebody's container */
    assert_int_equal(nested_look(&daemon_, pidfd, &peer), 0);
    assert_int_equal(peer.inside, 0);
    entries[2].space = space_of(pid);
    assert_int_equal(nested_look(&daemon_, pidfd, &peer), 0);
    assert_int_equal(peer.inside, 3);
    /* one that is being forgotten grants nothing any more, but is still what it was */
    entries[2].doomed = true;
    assert_int_equal(nested_look(&daemon_, pidfd, &peer), -EACCES);
    assert_int_equal(peer.inside, 0);
    /* nothing is left of it: its number may be another's */
    tasks[2]->reaped = true;
    assert_int_equal(nested_look(&daemon_, pidfd, &peer), 0);
    /* one of which nothing is known may be it */
    entries[1].space = 0;
    assert_int_equal(nested_look(&daemon_, pidfd, &peer), -EACCES);
    stop(pid);
    end();
}

/* What has gone says nothing of where it was, and its number nothing at all. */
static void test_gone(void **state)
{
    AUTO_FD int pidfd = -1;
    pid_t pid = start(CLONE_NEWUSER | CLONE_NEWPID, &pidfd);
    struct peer peer = {.pid = pid}, mine = {.pid = getpid()};

    (void)state;
    begin(4);
    stop(pid);
    assert_int_equal(nested_look(&daemon_, pidfd, &peer), -EACCES);
    assert_int_equal(nested_look(&daemon_, pidfd, &mine), -EACCES);
    assert_int_equal(nested_look(&daemon_, -1, &mine), -EACCES);
    end();
}

/* By a socket, as the daemon has it. */
static void test_by_socket(void **state)
{
    struct peer peer = {.pid = getpid()};
    int pair[2];

    (void)state;
    begin(4);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(nested_find(&daemon_, pair[0], &peer), 0);
    assert_int_equal(peer.inside, 0);
    close(pair[0]);
    close(pair[1]);
    end();
}

/* Tasks 2 and 3 were asked for in task 1, task 4 in task 2. */
static void test_what_it_knows_of(void **state)
{
    static const bool known[3][4] = {
        {false, true, true, true},    /* in task 1 */
        {false, false, false, true},  /* in task 2 */
        {false, false, false, false}, /* in task 4 */
    };
    static const uint64_t in[] = {1, 2, 4};

    (void)state;
    begin(4);
    entries[1].inside = entries[2].inside = 1;
    entries[3].inside = 2;
    for (size_t i = 0; i < 3; i++)
        for (size_t n = 0; n < 4; n++) {
            struct peer peer = {.uid = 0, .inside = in[i]};

            assert_int_equal(entry_is_of(&entries[n], &peer), known[i][n]);
            assert_ptr_equal(entry_find(&daemon_, &peer, n + 1), known[i][n] ? &entries[n] : NULL);
        }
    for (size_t n = 0; n < 4; n++) {
        struct peer root = {.uid = 0}, other = {.uid = 9};

        assert_true(entry_is_of(&entries[n], &root));
        assert_false(entry_is_of(&entries[n], &other));
    }
    end();
}

/* Names of fds are its own, too. */
static void test_owner(void **state)
{
    struct peer peer = {.uid = 3}, inside = {.uid = 3, .inside = 3},
                other = {.uid = 3, .inside = 4};

    (void)state;
    assert_int_equal(peer_owner(&peer), 3);
    assert_int_not_equal(peer_owner(&peer), peer_owner(&inside));
    assert_int_not_equal(peer_owner(&inside), peer_owner(&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary),
        cmocka_unit_test(test_in_a_namespace),
        cmocka_unit_test(test_gone),
        cmocka_unit_test(test_by_socket),
        cmocka_unit_test(test_what_it_knows_of),
        cmocka_unit_test(test_owner),
    };

    return test_run(tests);
}
