/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of the daemon, by a word and by force, and what is left of it: nothing.
 */
#include "daemon/client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define PATIENT "rules: [{policies: ['*'], widest: '*', binds: write}]\ngrace: 60s\n"
#define HASTY   "rules: [{policies: ['*'], widest: '*', binds: write}]\ngrace: 300ms\n"

static char marker[32], family[192];

static const char *const *with_children(void)
{
    static const char *args[] = {"-c", family, NULL};

    snprintf(marker, sizeof(marker), "4343%d.5", getpid());
    snprintf(family, sizeof(family), "trap '' TERM; sleep %s & (setsid sleep %s &) ; sleep %s",
             marker, marker, marker);
    return args;
}

static const char *const reads[] = {"-c", "read line; exit 7", NULL};

static void detached(Crib__SpawnRequest *request)
{
    request->detached = true;
}

static bool is_draining(void *data)
{
    Crib__InfoRequest info = CRIB__INFO_REQUEST__INIT;

    return ((const Crib__InfoResponse *)cribd_call(data, RPC_INFO, &info))->draining;
}

/* Waits for the daemon's end. Return: its wait status. */
static int ended(struct cribd *daemon)
{
    uint64_t patience = clock_us() + CRIBD_PATIENCE_MS * 1000ull;
    int status;

    while (waitpid(daemon->pid, &status, WNOHANG) == 0)
        if (clock_us() > patience)
            fail_msg("cribd does not end; its log: %s", test_read(daemon->log, NULL));
    daemon->pid = -1;
    return status;
}

static int spawn_errno(struct cribd *daemon)
{
    Crib__SpawnRequest request = CRIB__SPAWN_REQUEST__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    struct crib_error error = {0};

    task.has_file = true;
    task.file = (ProtobufCBinaryData){9, (uint8_t *)"/bin/true"};
    request.task = &task;
    return cribd_refused(daemon, RPC_SPAWN, &request, &error);
}

/* No new tasks; those that run end as they like, and with the last one the daemon. */
static void test_sigterm_lets_tasks_end(void **state)
{
    Crib__CloseStdinRequest close_it = CRIB__CLOSE_STDIN_REQUEST__INIT;
    struct cribd daemon;
    uint64_t first, second;

    (void)state;
    cribd_start(&daemon, PATIENT);
    first = cribd_spawn(&daemon, "/bin/sh", reads, NULL);
    second = cribd_spawn(&daemon, "/bin/sh", reads, NULL);
    cribd_wait(&daemon, second, CRIB__TASK_STATE__RUNNING);
    kill(daemon.pid, SIGTERM);
    cribd_until(is_draining, &daemon, "it drains");
    assert_int_equal(spawn_errno(&daemon), ESHUTDOWN);
    assert_int_equal(access(daemon.socket, F_OK), -1);
    close_it.task = first;
    cribd_call(&daemon, RPC_CLOSE_STDIN, &close_it);
    assert_int_equal(cribd_wait(&daemon, first, CRIB__TASK_STATE__ENDED)->result->status, 7);
    assert_int_equal(client_tasks(&daemon), 2);
    close_it.task = second;
    cribd_call(&daemon, RPC_CLOSE_STDIN, &close_it);
    assert_int_equal(ended(&daemon), 0);
    cribd_stop(&daemon);
}

/* Tasks that do not care are killed when the grace is over. */
static void test_sigterm_kills_after_the_grace(void **state)
{
    struct cribd daemon;
    int pidfds[2];

    (void)state;
    cribd_start(&daemon, HASTY);
    for (int i = 0; i < 2; i++)
        pidfds[i] = client_pidfd(
            &daemon, cribd_spawn(&daemon, "/bin/sh", with_children(), i ? detached : NULL));
    kill(daemon.pid, SIGTERM);
    assert_int_equal(ended(&daemon), 0);
    for (int i = 0; i < 2; i++)
        client_gone(pidfds[i]);
    client_none_marked(marker);
    cribd_stop(&daemon);
}

/* A second word is an order. */
static void test_sigterm_twice_ends_at_once(void **state)
{
    struct cribd daemon;
    int pidfd;

    (void)state;
    cribd_start(&daemon, PATIENT);
    pidfd = client_pidfd(&daemon, cribd_spawn(&daemon, "/bin/sh", with_children(), detached));
    kill(daemon.pid, SIGTERM);
    cribd_until(is_draining, &daemon, "it drains");
    kill(daemon.pid, SIGTERM);
    assert_int_equal(ended(&daemon), 0);
    client_gone(pidfd);
    client_none_marked(marker);
    cribd_stop(&daemon);
}

/* It ends by itself also where it is told so until its last moment. */
static void test_sigterm_until_it_is_gone(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        struct cribd daemon;
        int status = 0;

        cribd_start(&daemon, HASTY);
        while (waitpid(daemon.pid, &status, WNOHANG) == 0)
            kill(daemon.pid, SIGTERM);
        daemon.pid = -1;
        assert_int_equal(status, 0);
        cribd_stop(&daemon);
    }
}

/* Requests of all kinds are under way when it drains, and when it ends. */
static void test_sigterm_among_many_requests(void **state)
{
    Crib__WaitRequest wait = CRIB__WAIT_REQUEST__INIT;
    Crib__ReadRequest read = CRIB__READ_REQUEST__INIT;
    Crib__AttachInput attach = CRIB__ATTACH_INPUT__INIT;
    Crib__SpawnRequest spawn = CRIB__SPAWN_REQUEST__INIT;
    Crib__Task task = CRIB__TASK__INIT;

    (void)state;
    task.has_file = true;
    task.file = (ProtobufCBinaryData){9, (uint8_t *)"/bin/true"};
    spawn.task = &task;
    for (int round = 0; round < 4; round++) {
        struct cribd daemon;
        int sock;

        cribd_start(&daemon, HASTY);
        wait.task = read.task = attach.task =
            cribd_spawn(&daemon, "/bin/sh", with_children(), NULL);
        wait.wait = read.wait = 10 * CRIBD_PATIENCE_MS;
        wait.until = CRIB__TASK_STATE__ENDED;
        read.stream = 1;
        sock = cribd_connect(&daemon);
        for (uint32_t i = 0; i < 20; i++) {
            client_ask(sock, 8 * i + 1, "Wait", &wait);
            client_ask(sock, 8 * i + 3, "Read", &read);
            client_ask(sock, 8 * i + 5, "Attach", &attach);
            client_ask(sock, 8 * i + 7, "Spawn", &spawn);
        }
        kill(daemon.pid, SIGTERM);
        if (round % 2)
            kill(daemon.pid, SIGTERM);
        assert_int_equal(ended(&daemon), 0);
        client_ended(sock);
        client_none_marked(marker);
        cribd_stop(&daemon);
    }
}

/* --- by force --- */

/* Return: the mounts of this process, which are the daemon's. */
static char *mounts(void)
{
    return test_read("/proc/self/mountinfo", NULL);
}

static bool same_mounts(void *data)
{
    char *now = mounts();
    bool same = strcmp(now, data) == 0;

    free(now);
    return same;
}

static bool runs_on(void *data)
{
    (void)data;
    return client_marked(marker) >= 10;
}

/* Whatever it was doing: no process and no mount is left, and the next one takes over. */
static void test_sigkill_leaves_nothing(void **state)
{
    Crib__InspectRequest inspect = CRIB__INSPECT_REQUEST__INIT;
    Crib__InfoRequest info = CRIB__INFO_REQUEST__INIT;
    struct crib_error error;
    struct cribd daemon;
    char *before = mounts();
    uint64_t instance;
    int pidfds[64], count;

    (void)state;
    cribd_start(&daemon, NULL);
    instance = ((const Crib__InfoResponse *)cribd_call(&daemon, RPC_INFO, &info))->instance;
    for (int i = 0; i < 6; i++)
        inspect.task = cribd_spawn(&daemon, "/bin/sh", with_children(), i % 2 ? detached : NULL);
    cribd_until(runs_on, NULL, "the tasks run");
    count = client_child_fds(&daemon, pidfds, 64);
    assert_true(count > 6); /* openers, too */
    cribd_kill(&daemon);
    for (int i = 0; i < count; i++)
        client_gone(pidfds[i]);
    client_none_marked(marker);
    cribd_until(same_mounts, before, "no mount is left");
    free(before);
    cribd_restart(&daemon);
    assert_int_equal(cribd_refused(&daemon, RPC_INSPECT, &inspect, &error), ESRCH);
    assert_int_not_equal(
        ((const Crib__InfoResponse *)cribd_call(&daemon, RPC_INFO, &info))->instance, instance);
    cribd_wait(&daemon, cribd_spawn(&daemon, "/bin/true", NULL, NULL), CRIB__TASK_STATE__ENDED);
    cribd_stop(&daemon);
}

static void spawn_and_forget(const struct cribd *daemon, int count)
{
    Crib__SpawnRequest request = CRIB__SPAWN_REQUEST__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    ProtobufCBinaryData args[2];
    int sock = cribd_connect(daemon);

    with_children();
    task.has_file = true;
    task.file = (ProtobufCBinaryData){7, (uint8_t *)"/bin/sh"};
    args[0] = (ProtobufCBinaryData){2, (uint8_t *)"-c"};
    args[1] = (ProtobufCBinaryData){strlen(family), (uint8_t *)family};
    task.args = args;
    task.n_args = 2;
    request.task = &task;
    request.detached = true;
    for (int i = 0; i < count; i++)
        client_ask(sock, 2 * (uint32_t)i + 1, "Spawn", &request);
    close(sock);
}

/* While tasks are being set up. */
static void test_sigkill_in_the_middle_of_starts(void **state)
{
    char *before = mounts();
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, NULL);
    for (int i = 0; i < 8; i++) {
        spawn_and_forget(&daemon, 10);
        for (int turns = 0; turns < i; turns++)
            assert_true(cribd_alive(&daemon));
        cribd_kill(&daemon);
        client_none_marked(marker);
        cribd_restart(&daemon);
    }
    cribd_until(same_mounts, before, "no mount is left");
    free(before);
    cribd_stop(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sigterm_lets_tasks_end),
        cmocka_unit_test(test_sigterm_kills_after_the_grace),
        cmocka_unit_test(test_sigterm_twice_ends_at_once),
        cmocka_unit_test(test_sigterm_until_it_is_gone),
        cmocka_unit_test(test_sigterm_among_many_requests),
        cmocka_unit_test(test_sigkill_leaves_nothing),
        cmocka_unit_test(test_sigkill_in_the_middle_of_starts),
    };

    return test_run(tests);
}
