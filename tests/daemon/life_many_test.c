/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two hundred tasks at a time: all start, all end, and nothing is left of any.
 */
#include "daemon/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANY 200

static const char script[] = "read line; echo $line; exit 7";

/* Asked for at once, without waiting for an answer. */
static void spawn_many(int sock, uint64_t *tasks)
{
    Crib__SpawnRequest request = CRIB__SPAWN_REQUEST__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    ProtobufCBinaryData args[2] = {{2, (uint8_t *)"-c"}, {sizeof(script) - 1, (uint8_t *)script}};

    task.has_file = true;
    task.file = (ProtobufCBinaryData){7, (uint8_t *)"/bin/sh"};
    task.args = args;
    task.n_args = 2;
    request.task = &task;
    for (uint32_t i = 0; i < MANY; i++)
        client_ask(sock, 2 * i + 1, "Spawn", &request);
    for (int i = 0; i < MANY; i++) {
        Crib__Ttrpc__Response *response;
        Crib__SpawnResponse *answer;
        struct ttrpc_frame frame;
        uint8_t *payload;

        assert_true(cribd_frame(sock, &frame, &payload));
        response = crib__ttrpc__response__unpack(NULL, frame.len, frame.payload);
        assert_null(response->status);
        answer = crib__spawn_response__unpack(NULL, response->payload.len, response->payload.data);
        tasks[i] = answer->task;
        crib__spawn_response__free_unpacked(answer, NULL);
        crib__ttrpc__response__free_unpacked(response, NULL);
        free(payload);
    }
}

static void release(struct cribd *daemon, uint64_t task)
{
    Crib__WriteRequest write = CRIB__WRITE_REQUEST__INIT;

    write.task = task;
    write.data = (ProtobufCBinaryData){3, (uint8_t *)"go\n"};
    write.wait = CRIBD_PATIENCE_MS;
    cribd_call(daemon, RPC_WRITE, &write);
}

static void check_end(struct cribd *daemon, uint64_t task)
{
    Crib__ForgetRequest forget = CRIB__FORGET_REQUEST__INIT;
    const Crib__WaitResponse *end;

    end = cribd_wait(daemon, task, CRIB__TASK_STATE__ENDED);
    assert_int_equal(end->result->verdict, CRIB__RESULT__VERDICT__exited);
    assert_int_equal(end->result->status, 7);
    assert_string_equal(cribd_output(daemon, task, 1), "go\n");
    forget.task = task;
    cribd_call(daemon, RPC_FORGET, &forget);
}

static void test_many_at_once(void **state)
{
    struct client_measure before;
    struct cribd daemon;
    uint64_t tasks[MANY];
    int sock;

    (void)state;
    cribd_start(&daemon, NULL);
    cribd_wait(&daemon, cribd_spawn(&daemon, "/bin/true", NULL, NULL), CRIB__TASK_STATE__ENDED);
    before = client_measure(&daemon, 0);
    sock = cribd_connect(&daemon);
    spawn_many(sock, tasks);
    for (int i = 0; i < MANY; i++)
        for (int j = 0; j < i; j++)
            assert_int_not_equal(tasks[i], tasks[j]);
    assert_int_equal(client_children(&daemon) >= MANY, true);
    for (int i = 0; i < MANY; i++)
        release(&daemon, tasks[i]);
    for (int i = 0; i < MANY; i++)
        check_end(&daemon, tasks[i]);
    /* once more, and all die with their connection */
    close(sock);
    sock = cribd_connect(&daemon);
    spawn_many(sock, tasks);
    assert_int_equal(client_tasks(&daemon), MANY + 1);
    close(sock);
    client_settled(&daemon, &before, 0, (size_t)24 << 20);
    assert_int_equal(client_tasks(&daemon), 1);
    cribd_stop(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_at_once),
    };

    return test_run(tests);
}
