/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One uid uses up each of its quotas, over the wire: it is told so, others are not bothered, and
 * what it gives back it may have again.
 */
#include "daemon/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const sleeping[] = {"-c", "exec sleep 1000", NULL};
static const char *const echo[] = {"-c", "echo here", NULL};

/* The uid that has little; others have what there is without a site file. */
static uid_t limited(void)
{
    return client_root() ? CLIENT_UID : getuid();
}

static void start(struct cribd *daemon, const char *quota, const char *total)
{
    char site[512];

    snprintf(site, sizeof(site),
             "rules:\n"
             "- {uids: [%u], policies: ['*'], widest: '*', binds: write, quota: {%s}}\n"
             "- {policies: ['*'], widest: '*', binds: write}\n"
             "total: {%s}\n",
             limited(), quota, total);
    cribd_start(daemon, site);
}

/* One of another uid does what it likes; where there is no other uid there is nobody to look at. */
static void check_others(struct cribd *daemon)
{
    Crib__ForgetRequest forget = CRIB__FORGET_REQUEST__INIT;
    struct cribd other;

    if (!client_root())
        return;
    client_join_as(daemon, CLIENT_OTHER, &other);
    forget.task = cribd_spawn(&other, "/bin/sh", echo, NULL);
    assert_string_equal(cribd_output(&other, forget.task, 1), "here\n");
    cribd_wait(&other, forget.task, CRIB__TASK_STATE__ENDED);
    cribd_call(&other, RPC_FORGET, &forget);
    client_leave(&other);
}

static void spawn_request(Crib__SpawnRequest *request, Crib__Task *task)
{
    crib__spawn_request__init(request);
    crib__task__init(task);
    task->has_file = true;
    task->file = (ProtobufCBinaryData){9, (uint8_t *)"/bin/true"};
    request->task = task;
}

static void end(struct cribd *client, uint64_t task, bool forget)
{
    Crib__ForgetRequest request = CRIB__FORGET_REQUEST__INIT;
    Crib__KillRequest kill_it = CRIB__KILL_REQUEST__INIT;

    kill_it.task = request.task = task;
    kill_it.signal = 9;
    cribd_call(client, RPC_KILL, &kill_it);
    if (forget) {
        Crib__WaitRequest wait = CRIB__WAIT_REQUEST__INIT;

        /* not told that it has ended: only Forget gives it back */
        wait.task = task;
        wait.until = CRIB__TASK_STATE__ENDING;
        wait.wait = CRIBD_PATIENCE_MS;
        cribd_call(client, RPC_WAIT, &wait);
        cribd_call(client, RPC_FORGET, &request);
    } else {
        cribd_wait(client, task, CRIB__TASK_STATE__ENDED);
    }
}

struct spawning {
    struct cribd *client;
    uint64_t task;
};

static bool may_spawn(void *data)
{
    Crib__SpawnRequest request;
    struct spawning *spawning = data;
    struct crib_error error = {0};
    ProtobufCMessage *answer;
    Crib__Task task;

    spawn_request(&request, &task);
    if (rpc_wait(spawning->client->rpc, RPC_SPAWN, &request.base, CRIBD_PATIENCE_MS,
                 &spawning->client->arena, &answer, &error) < 0) {
        assert_int_equal(error.code, -EDQUOT);
        return false;
    }
    spawning->task = ((const Crib__SpawnResponse *)answer)->task;
    return true;
}

static void test_tasks(void **state)
{
    Crib__SpawnRequest request;
    struct cribd daemon, client;
    struct spawning spawning = {&client, 0};
    struct crib_error error;
    uint64_t tasks[3];
    Crib__Task task;

    (void)state;
    start(&daemon, "tasks: 3", "");
    client_join_as(&daemon, limited(), &client);
    for (int i = 0; i < 3; i++)
        tasks[i] = cribd_spawn(&client, "/bin/sh", sleeping, NULL);
    spawn_request(&request, &task);
    assert_int_equal(cribd_refused(&client, RPC_SPAWN, &request, &error), EDQUOT);
    check_others(&daemon);
    assert_int_equal(client_tasks(&client), 3);
    for (int i = 0; i < 2; i++) {
        end(&client, tasks[i], i == 0);
        cribd_until(may_spawn, &spawning, "a task is given back");
        cribd_wait(&client, spawning.task, CRIB__TASK_STATE__ENDED);
    }
    client_leave(&client);
    cribd_stop(&daemon);
}

/* All uids together, too. */
static void test_tasks_in_all(void **state)
{
    Crib__SpawnRequest request;
    struct cribd daemon, client;
    struct spawning spawning = {&client, 0};
    struct crib_error error;
    Crib__Task task;

    (void)state;
    start(&daemon, "tasks: 10", "tasks: 2");
    client_join_as(&daemon, limited(), &client);
    cribd_spawn(&client, "/bin/sh", sleeping, NULL);
    cribd_spawn(&daemon, "/bin/sh", sleeping, NULL);
    spawn_request(&request, &task);
    assert_int_equal(cribd_refused(&client, RPC_SPAWN, &request, &error), ENOSPC);
    assert_int_equal(cribd_refused(&daemon, RPC_SPAWN, &request, &error), ENOSPC);
    rpc_close(daemon.rpc, NULL, NULL);
    daemon.rpc = NULL;
    client_quiet(&daemon, 1);
    cribd_until(may_spawn, &spawning, "a task is given back");
    client_leave(&client);
    cribd_stop(&daemon);
}

static bool lets_in(void *data)
{
    int sock = client_connect_as(data, limited()), code = -1;

    if (cribd_request(sock, 1, "Info", NULL, 0))
        code = cribd_code(sock);
    close(sock);
    return code == 0;
}

static void test_connections(void **state)
{
    int socks[5], own = client_root() ? 0 : 1;
    struct cribd daemon;

    (void)state;
    start(&daemon, "connections: 5", "");
    for (int i = own; i < 5; i++) {
        socks[i] = client_connect_as(&daemon, limited());
        /* of either side */
        assert_true(i % 2 ? cribd_bytes(socks[i], "\xfd", 1)
                          : cribd_request(socks[i], 1, "Info", NULL, 0));
        if (i % 2 == 0)
            assert_int_equal(cribd_code(socks[i]), 0);
    }
    for (int i = 0; i < 20; i++)
        client_ended(client_connect_as(&daemon, limited()));
    check_others(&daemon);
    close(socks[4]);
    cribd_until(lets_in, &daemon, "a connection is given back");
    close(socks[3]);
    socks[3] = client_connect_as(&daemon, limited());
    for (int i = own; i < 4; i++)
        close(socks[i]);
    cribd_until(lets_in, &daemon, "all are given back");
    cribd_stop(&daemon);
}

/* Return: the code of writing so many zeros to a task that does not read them. */
static int write_zeros(struct cribd *client, uint64_t task, uint64_t *offset, size_t len)
{
    Crib__WriteRequest request = CRIB__WRITE_REQUEST__INIT;
    struct crib_error error = {0};
    ProtobufCMessage *answer;
    int r;

    request.task = task;
    request.offset = *offset;
    request.data = (ProtobufCBinaryData){len, calloc(1, len)};
    r = rpc_wait(client->rpc, RPC_WRITE, &request.base, CRIBD_PATIENCE_MS, &client->arena, &answer,
                 &error);
    if (r == 0)
        *offset = ((const Crib__WriteResponse *)answer)->offset;
    free(request.data.data);
    return r;
}

static void test_queued_bytes(void **state)
{
    struct cribd daemon, client;
    uint64_t tasks[64], offset = 0;
    int count = 0, r = 0;

    (void)state;
    start(&daemon, "queued_bytes: 4M", "");
    client_join_as(&daemon, limited(), &client);
    while (r == 0) {
        assert_true(count < 64);
        tasks[count] = cribd_spawn(&client, "/bin/sh", sleeping, NULL);
        cribd_wait(&client, tasks[count], CRIB__TASK_STATE__RUNNING);
        offset = 0;
        r = write_zeros(&client, tasks[count++], &offset, 300000);
    }
    assert_int_equal(r, -EDQUOT);
    assert_in_range(count, 4, 16);
    check_others(&daemon);
    /* what is small goes on */
    assert_int_equal(write_zeros(&client, tasks[count - 1], &offset, 1000), 0);
    assert_true(client_tasks(&client) > 0);
    for (int i = 0; i < count; i++)
        end(&client, tasks[i], true);
    tasks[0] = cribd_spawn(&client, "/bin/sh", sleeping, NULL);
    cribd_wait(&client, tasks[0], CRIB__TASK_STATE__RUNNING);
    offset = 0;
    assert_int_equal(write_zeros(&client, tasks[0], &offset, 300000), 0);
    client_leave(&client);
    cribd_stop(&daemon);
}

/* 16 bytes a line, 4 MiB. */
static const char *const count_up[] = {"-c", "seq -f %015.0f 0 262143", NULL};
#define COUNTED ((uint64_t)4 << 20)

static void large_buffer(Crib__SpawnRequest *request)
{
    request->buffer = 16 << 20;
}

/* Reads to the end. Return: bytes. */
static uint64_t read_counting(struct cribd *client, uint64_t task)
{
    Crib__ReadRequest request = CRIB__READ_REQUEST__INIT;
    const Crib__ReadResponse *answer;
    char line[32];

    request.task = task;
    request.stream = 1;
    request.wait = CRIBD_PATIENCE_MS;
    do {
        answer = cribd_call(client, RPC_READ, &request);
        assert_int_equal(answer->offset, request.offset);
        for (size_t i = 0; i + 16 <= answer->data.len; i += 16) {
            snprintf(line, sizeof(line), "%015llu\n",
                     (unsigned long long)((request.offset + i) / 16));
            assert_memory_equal(answer->data.data + i, line, 16);
        }
        request.offset += answer->data.len;
        if (!answer->end && request.offset % 16)
            request.offset -= request.offset % 16;
    } while (!answer->end);
    return request.offset;
}

/* Output that nobody reads uses up the quota, the tasks wait, and all of it can still be had. */
static void test_output_that_fills_the_quota(void **state)
{
    struct cribd daemon, client;
    struct client_measure before;
    uint64_t tasks[4];

    (void)state;
    start(&daemon, "queued_bytes: 4M", "");
    client_join_as(&daemon, limited(), &client);
    check_others(&daemon);
    before = client_measure(&daemon, 0);
    for (int i = 0; i < 4; i++)
        tasks[i] = cribd_spawn(&client, "/bin/sh", count_up, large_buffer);
    for (int i = 0; i < 4; i++)
        cribd_wait(&client, tasks[i], CRIB__TASK_STATE__RUNNING);
    check_others(&daemon);
    assert_true(cribd_memory(&daemon) < before.memory + (24 << 20) + CLIENT_SLACK);
    for (int i = 3; i >= 0; i--)
        assert_int_equal(read_counting(&client, tasks[i]), COUNTED);
    client_leave(&client);
    cribd_stop(&daemon);
}

static void detached(Crib__SpawnRequest *request)
{
    request->detached = true;
    request->buffer = 16 << 20;
}

/* A detached task never waits for its reader: over the quota it keeps less. */
static void test_detached_tasks_do_not_wait_for_the_quota(void **state)
{
    Crib__InspectRequest inspect = CRIB__INSPECT_REQUEST__INIT;
    const Crib__InspectResponse *answer;
    struct cribd daemon, client;
    uint64_t kept = 0;

    (void)state;
    start(&daemon, "queued_bytes: 2M", "");
    client_join_as(&daemon, limited(), &client);
    for (int i = 0; i < 2; i++) {
        inspect.task = cribd_spawn(&client, "/bin/sh", count_up, detached);
        cribd_wait(&client, inspect.task, CRIB__TASK_STATE__ENDED);
        answer = cribd_call(&client, RPC_INSPECT, &inspect);
        for (size_t n = 0; n < answer->n_streams; n++)
            if (answer->streams[n]->stream == 1) {
                assert_int_equal(answer->streams[n]->next, COUNTED);
                kept += COUNTED - answer->streams[n]->first;
            }
    }
    assert_in_range(kept, 1 << 20, 2 << 20);
    client_leave(&client);
    cribd_stop(&daemon);
}

static void test_fds(void **state)
{
    struct rpc_fds *side, *second;
    struct crib_error error;
    struct cribd daemon;
    int fds[4] = {0, 1, 2, 0};
    struct arena arena;
    char **names;

    (void)state;
    arena_init(&arena, 0);
    start(&daemon, "fds: 4", "");
    if (client_root())
        client_become(limited());
    assert_int_equal(rpc_fds_open(daemon.socket, &side, &error), 0);
    assert_int_equal(rpc_fds_open(daemon.socket, &second, &error), 0);
    if (client_root())
        client_back();
    assert_int_equal(rpc_fds_register(side, fds, 3, &arena, &names, &error), 0);
    assert_int_equal(rpc_fds_register(second, fds, 2, &arena, &names, &error), -EDQUOT);
    check_others(&daemon);
    assert_int_equal(rpc_fds_register(second, fds, 1, &arena, &names, &error), 0);
    assert_int_equal(rpc_fds_release(second, names, 1), 0);
    rpc_fds_close(side);
    while (rpc_fds_register(second, fds, 4, &arena, &names, &error) == -EDQUOT)
        assert_true(cribd_alive(&daemon)); /* a turn or two until the end of the first is seen */
    assert_false(rpc_fds_broken(second));
    rpc_fds_close(second);
    arena_done(&arena);
    cribd_stop(&daemon);
}

static void test_requests_in_flight(void **state)
{
    Crib__WaitRequest wait = CRIB__WAIT_REQUEST__INIT;
    struct cribd daemon, client;
    int sock;

    (void)state;
    start(&daemon, "in_flight: 5", "");
    client_join_as(&daemon, limited(), &client);
    wait.task = cribd_spawn(&client, "/bin/sh", sleeping, NULL);
    cribd_wait(&client, wait.task, CRIB__TASK_STATE__RUNNING);
    wait.until = CRIB__TASK_STATE__ENDED;
    wait.wait = 10 * CRIBD_PATIENCE_MS;
    sock = client_connect_as(&daemon, limited());
    for (uint32_t i = 0; i < 20; i++)
        client_ask(sock, 2 * i + 1, "Wait", &wait);
    for (uint32_t i = 5; i < 20; i++)
        assert_int_equal(cribd_code(sock), 8);
    check_others(&daemon);
    /* those five are answered; others may be asked instead */
    assert_true(cribd_request(sock, 101, "Info", NULL, 0));
    assert_int_equal(cribd_code(sock), 8);
    close(sock);
    sock = client_connect_as(&daemon, limited());
    client_quiet(&daemon, 1);
    assert_true(cribd_request(sock, 1, "Info", NULL, 0));
    assert_int_equal(cribd_code(sock), 0);
    close(sock);
    client_leave(&client);
    cribd_stop(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tasks),
        cmocka_unit_test(test_tasks_in_all),
        cmocka_unit_test(test_connections),
        cmocka_unit_test(test_queued_bytes),
        cmocka_unit_test(test_output_that_fills_the_quota),
        cmocka_unit_test(test_detached_tasks_do_not_wait_for_the_quota),
        cmocka_unit_test(test_fds),
        cmocka_unit_test(test_requests_in_flight),
    };

    return test_run(tests);
}
