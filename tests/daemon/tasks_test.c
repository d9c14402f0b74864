/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks under a daemon, by its unary calls.
 */
#include "daemon/cribd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static const char *const sh_hello[] = {"-c", "echo hello; echo there >&2; exit 3", NULL};
static const char *const sh_cat[] = {"-c", "cat", NULL};
static const char *const sleeping[] = {"-c", "sleep 1000", NULL};

static void test_a_task_runs_and_says_how_it_ended(void **state)
{
    const Crib__WaitResponse *end;
    struct cribd daemon;
    uint64_t task;

    (void)state;
    cribd_start(&daemon, NULL);
    task = cribd_spawn(&daemon, "/bin/sh", sh_hello, NULL);
    assert_string_equal(cribd_output(&daemon, task, 1), "hello\n");
    assert_string_equal(cribd_output(&daemon, task, 2), "there\n");
    end = cribd_wait(&daemon, task, CRIB__TASK_STATE__ENDED);
    assert_int_equal(end->result->verdict, CRIB__RESULT__VERDICT__exited);
    assert_int_equal(end->result->status, 3);
    assert_true(end->events[0]->event->started);
    cribd_stop(&daemon);
}

static uint64_t write_some(struct cribd *daemon, uint64_t task, uint64_t offset, const char *text)
{
    Crib__WriteRequest request = CRIB__WRITE_REQUEST__INIT;

    request.task = task;
    request.offset = offset;
    request.data.data = (uint8_t *)text;
    request.data.len = strlen(text);
    request.wait = CRIBD_PATIENCE_MS;
    return ((const Crib__WriteResponse *)cribd_call(daemon, RPC_WRITE, &request))->offset;
}

static void test_a_write_that_is_repeated_counts_once(void **state)
{
    Crib__CloseStdinRequest close_it = CRIB__CLOSE_STDIN_REQUEST__INIT;
    Crib__WriteRequest ahead = CRIB__WRITE_REQUEST__INIT;
    struct crib_error error;
    struct cribd daemon;
    uint64_t task;

    (void)state;
    cribd_start(&daemon, NULL);
    task = cribd_spawn(&daemon, "/bin/sh", sh_cat, NULL);
    assert_int_equal(write_some(&daemon, task, 0, "abc"), 3);
    assert_int_equal(write_some(&daemon, task, 0, "abc"), 3);
    assert_int_equal(write_some(&daemon, task, 2, "cdef"), 6);
    ahead.task = task;
    ahead.offset = 7;
    ahead.data.data = (uint8_t *)"x";
    ahead.data.len = 1;
    assert_int_equal(cribd_refused(&daemon, RPC_WRITE, &ahead, &error), ERANGE);
    close_it.task = task;
    close_it.offset = 6;
    cribd_call(&daemon, RPC_CLOSE_STDIN, &close_it);
    assert_string_equal(cribd_output(&daemon, task, 1), "abcdef");
    assert_int_equal(cribd_wait(&daemon, task, CRIB__TASK_STATE__ENDED)->result->status, 0);
    cribd_stop(&daemon);
}

static void kill_it(struct cribd *daemon, uint64_t task, uint32_t signo)
{
    Crib__KillRequest request = CRIB__KILL_REQUEST__INIT;

    request.task = task;
    request.signal = signo;
    cribd_call(daemon, RPC_KILL, &request);
}

static void test_a_signal_reaches_it(void **state)
{
    const Crib__WaitResponse *end;
    Crib__KillRequest late = CRIB__KILL_REQUEST__INIT;
    struct crib_error error;
    struct cribd daemon;
    uint64_t task;

    (void)state;
    cribd_start(&daemon, NULL);
    task = cribd_spawn(&daemon, "/bin/sh", sleeping, NULL);
    cribd_wait(&daemon, task, CRIB__TASK_STATE__RUNNING);
    kill_it(&daemon, task, 0);
    kill_it(&daemon, task, 15);
    end = cribd_wait(&daemon, task, CRIB__TASK_STATE__ENDED);
    assert_int_equal(end->result->verdict, CRIB__RESULT__VERDICT__killed);
    assert_int_equal(end->result->signal, 15);
    late.task = task;
    late.signal = 15;
    assert_int_equal(cribd_refused(&daemon, RPC_KILL, &late, &error), ESRCH);
    cribd_stop(&daemon);
}

static void test_a_wait_with_a_deadline_ends_by_it(void **state)
{
    Crib__WaitRequest request = CRIB__WAIT_REQUEST__INIT;
    ProtobufCMessage *answer;
    struct crib_error error;
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, NULL);
    request.task = cribd_spawn(&daemon, "/bin/sh", sleeping, NULL);
    request.until = CRIB__TASK_STATE__ENDED;
    request.wait = 10 * CRIBD_PATIENCE_MS;
    assert_int_equal(
        rpc_wait(daemon.rpc, RPC_WAIT, &request.base, 50, &daemon.arena, &answer, &error),
        -ETIMEDOUT);
    request.wait = 50;
    assert_true(((const Crib__WaitResponse *)cribd_call(&daemon, RPC_WAIT, &request))->state <=
                CRIB__TASK_STATE__RUNNING);
    cribd_stop(&daemon);
}

static void test_an_unknown_task_and_an_unknown_policy_are_refused(void **state)
{
    Crib__InspectRequest inspect = CRIB__INSPECT_REQUEST__INIT;
    Crib__SpawnRequest spawn = CRIB__SPAWN_REQUEST__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    struct crib_error error;
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, NULL);
    inspect.task = 4711;
    assert_int_equal(cribd_refused(&daemon, RPC_INSPECT, &inspect, &error), ESRCH);
    assert_int_equal(cribd_refused(&daemon, RPC_SPAWN, &spawn, &error), EINVAL);
    spawn.task = &task;
    task.has_file = true;
    task.file.data = (uint8_t *)"true";
    task.file.len = 4;
    spawn.policy = (char *)"no-such-policy";
    assert_int_equal(cribd_refused(&daemon, RPC_SPAWN, &spawn, &error), ENOENT);
    spawn.policy = (char *)"../../etc/passwd";
    assert_true(cribd_refused(&daemon, RPC_SPAWN, &spawn, &error) > 0);
    cribd_stop(&daemon);
}

static void test_a_program_that_is_not_there_fails_as_embedded(void **state)
{
    const Crib__WaitResponse *end;
    struct cribd daemon;
    uint64_t task;

    (void)state;
    cribd_start(&daemon, NULL);
    task = cribd_spawn(&daemon, "no-such-program", NULL, NULL);
    end = cribd_wait(&daemon, task, CRIB__TASK_STATE__ENDED);
    assert_int_equal(end->result->verdict, CRIB__RESULT__VERDICT__setup_failed);
    assert_int_equal(end->result->error->code, -ENOENT);
    assert_string_equal(cribd_output(&daemon, task, 1), "");
    cribd_stop(&daemon);
}

static void test_the_end_of_the_connection_ends_its_tasks(void **state)
{
    Crib__ListRequest list = CRIB__LIST_REQUEST__INIT;
    const Crib__ListResponse *left;
    struct crib_error error;
    struct cribd daemon;
    uint64_t end;

    (void)state;
    cribd_start(&daemon, NULL);
    cribd_wait(&daemon, cribd_spawn(&daemon, "/bin/sh", sleeping, NULL), CRIB__TASK_STATE__RUNNING);
    rpc_close(daemon.rpc, NULL, NULL);
    assert_int_equal(rpc_open(NULL, daemon.socket, NULL, NULL, &daemon.rpc, &error), 0);
    end = clock_us() + CRIBD_PATIENCE_MS * 1000ull;
    do
        left = cribd_call(&daemon, RPC_LIST, &list);
    while (left->n_tasks && clock_us() < end);
    assert_int_equal(left->n_tasks, 0);
    cribd_stop(&daemon);
}

/* Frames with the type `x` and a letter each. */
static const char *const three_messages[] = {
    "-c",
    "for i in a b c; do printf '\\000\\000\\000\\006\\022\\001x\\032\\001'$i >&3; done; sleep 1000",
    NULL};

static void detached_with_channel(Crib__SpawnRequest *request)
{
    request->detached = true;
    request->task->has_channel = true;
    request->task->channel = CRIB__TASK__CHANNEL__crib;
}

static char receive(struct cribd *daemon, uint64_t task, uint64_t message)
{
    Crib__ReceiveRequest request = CRIB__RECEIVE_REQUEST__INIT;
    const Crib__ReceiveResponse *answer;

    request.task = task;
    request.message = message;
    request.wait = CRIBD_PATIENCE_MS;
    answer = cribd_call(daemon, RPC_RECEIVE, &request);
    assert_int_equal(answer->message, message);
    assert_int_equal(answer->data.len, 1);
    return (char)answer->data.data[0];
}

static uint64_t received(struct cribd *daemon, uint64_t task)
{
    Crib__InspectRequest request = CRIB__INSPECT_REQUEST__INIT;

    request.task = task;
    return ((const Crib__InspectResponse *)cribd_call(daemon, RPC_INSPECT, &request))
        ->messages_received;
}

static void test_a_client_that_comes_back_receives_on(void **state)
{
    struct crib_error error;
    struct cribd daemon;
    uint64_t task;

    (void)state;
    cribd_start(&daemon, NULL);
    task = cribd_spawn(&daemon, "/bin/sh", three_messages, detached_with_channel);
    assert_int_equal(receive(&daemon, task, 1), 'a');
    assert_int_equal(receive(&daemon, task, 2), 'b');
    assert_int_equal(received(&daemon, task), 1); /* that the second arrived was not said */
    rpc_close(daemon.rpc, NULL, NULL);
    assert_int_equal(rpc_open(NULL, daemon.socket, NULL, NULL, &daemon.rpc, &error), 0);
    assert_int_equal(receive(&daemon, task, received(&daemon, task) + 1), 'b');
    assert_int_equal(receive(&daemon, task, 3), 'c');
    cribd_stop(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_task_runs_and_says_how_it_ended),
        cmocka_unit_test(test_a_write_that_is_repeated_counts_once),
        cmocka_unit_test(test_a_signal_reaches_it),
        cmocka_unit_test(test_a_wait_with_a_deadline_ends_by_it),
        cmocka_unit_test(test_an_unknown_task_and_an_unknown_policy_are_refused),
        cmocka_unit_test(test_a_program_that_is_not_there_fails_as_embedded),
        cmocka_unit_test(test_the_end_of_the_connection_ends_its_tasks),
        cmocka_unit_test(test_a_client_that_comes_back_receives_on),
    };

    return test_run(tests);
}
