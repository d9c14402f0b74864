/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long tasks live: with the connection that spawned them, or, detached, until somebody ends
 * them.
 */
#include "daemon/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Something in the command line that no other process of this host has. */
static char marker[32], family[192];

static const char *const *with_children(void)
{
    static const char *args[] = {"-c", family, NULL};

    snprintf(marker, sizeof(marker), "4242%d.5", getpid());
    snprintf(family, sizeof(family), "sleep %s & (setsid sleep %s &) ; sleep %s", marker, marker,
             marker);
    return args;
}

static bool three_marked(void *data)
{
    (void)data;
    return client_marked(marker) >= 4; /* the shell as well */
}

static void detached(Crib__SpawnRequest *request)
{
    request->detached = true;
}

static void test_a_task_ends_with_its_connection(void **state)
{
    Crib__InspectRequest inspect = CRIB__INSPECT_REQUEST__INIT;
    struct client_measure before;
    struct cribd daemon, client;
    struct crib_error error;
    int pidfds[3];

    (void)state;
    cribd_start(&daemon, NULL);
    cribd_wait(&daemon, cribd_spawn(&daemon, "/bin/true", NULL, NULL), CRIB__TASK_STATE__ENDED);
    before = client_measure(&daemon, 0);
    client_join(&daemon, &client);
    for (int i = 0; i < 3; i++) {
        inspect.task = cribd_spawn(&client, "/bin/sh", with_children(), NULL);
        pidfds[i] = client_pidfd(&client, inspect.task);
    }
    cribd_until(three_marked, NULL, "the tasks run");
    client_leave(&client);
    for (int i = 0; i < 3; i++)
        client_gone(pidfds[i]);
    client_none_marked(marker);
    client_settled_soon(&daemon, &before, 0, 16 << 20);
    assert_int_equal(cribd_refused(&daemon, RPC_INSPECT, &inspect, &error), ESRCH);
    cribd_stop(&daemon);
}

/* Who waits for a task of another connection is told that it is no more. */
static void test_who_waits_is_told(void **state)
{
    Crib__WaitRequest wait = CRIB__WAIT_REQUEST__INIT;
    struct cribd daemon, client;
    int sock;

    (void)state;
    cribd_start(&daemon, NULL);
    client_join(&daemon, &client);
    wait.task = cribd_spawn(&client, "/bin/sh", with_children(), NULL);
    cribd_wait(&client, wait.task, CRIB__TASK_STATE__RUNNING);
    wait.until = CRIB__TASK_STATE__ENDED;
    wait.wait = 10 * CRIBD_PATIENCE_MS;
    sock = cribd_connect(&daemon);
    client_ask(sock, 1, "Wait", &wait);
    assert_true(cribd_request(sock, 3, "Info", NULL, 0));
    assert_int_equal(cribd_code(sock), 0);
    client_leave(&client);
    assert_int_equal(cribd_code(sock), 5);
    close(sock);
    client_none_marked(marker);
    cribd_stop(&daemon);
}

static void test_a_detached_task_stays(void **state)
{
    Crib__KillRequest kill_it = CRIB__KILL_REQUEST__INIT;
    struct cribd daemon, client;
    struct pollfd watched = {.events = POLLIN};
    int other;

    (void)state;
    cribd_start(&daemon, NULL);
    client_join(&daemon, &client);
    kill_it.task = cribd_spawn(&client, "/bin/sh", with_children(), detached);
    kill_it.signal = 9;
    watched.fd = client_pidfd(&client, kill_it.task);
    other = client_pidfd(&client, cribd_spawn(&client, "/bin/sh", with_children(), NULL));
    client_leave(&client);
    client_gone(other);
    assert_int_equal(poll(&watched, 1, 0), 0);
    client_join(&daemon, &client);
    assert_int_equal(client_tasks(&client), 1);
    assert_int_equal(cribd_wait(&client, kill_it.task, CRIB__TASK_STATE__RUNNING)->state,
                     CRIB__TASK_STATE__RUNNING);
    cribd_call(&client, RPC_KILL, &kill_it);
    cribd_wait(&client, kill_it.task, CRIB__TASK_STATE__ENDED);
    client_gone(watched.fd);
    client_none_marked(marker);
    client_leave(&client);
    cribd_stop(&daemon);
}

/* In each state a connection may end; what it began ends, too. */
static void test_connections_that_end_while_tasks_start(void **state)
{
    Crib__SpawnRequest request = CRIB__SPAWN_REQUEST__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    ProtobufCBinaryData args[2];
    struct client_measure before;
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, NULL);
    cribd_wait(&daemon, cribd_spawn(&daemon, "/bin/true", NULL, NULL), CRIB__TASK_STATE__ENDED);
    before = client_measure(&daemon, 0);
    with_children();
    task.has_file = true;
    task.file = (ProtobufCBinaryData){7, (uint8_t *)"/bin/sh"};
    args[0] = (ProtobufCBinaryData){2, (uint8_t *)"-c"};
    args[1] = (ProtobufCBinaryData){strlen(family), (uint8_t *)family};
    task.args = args;
    task.n_args = 2;
    request.task = &task;
    for (int i = 0; i < 40; i++) {
        int sock = cribd_connect(&daemon);

        request.detached = false;
        client_ask(sock, 1, "Spawn", &request);
        client_ask(sock, 3, "Spawn", &request);
        for (int turns = 0; turns < i % 10; turns++)
            assert_true(cribd_alive(&daemon));
        close(sock);
    }
    client_settled(&daemon, &before, 0, 16 << 20);
    client_none_marked(marker);
    assert_int_equal(client_tasks(&daemon), 1);
    cribd_stop(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_task_ends_with_its_connection),
        cmocka_unit_test(test_who_waits_is_told),
        cmocka_unit_test(test_a_detached_task_stays),
        cmocka_unit_test(test_connections_that_end_while_tasks_start),
    };

    return test_run(tests);
}
