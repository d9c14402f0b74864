/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only several things at once bring about: ends and requests that meet, and memory that no
 * single request asks for.
 */
#include "daemon/client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/frame.h"
#include "wire/rights.h"

#define MIB ((size_t)1 << 20)

static void start(struct cribd *daemon, const char *quota)
{
    char site[256];

    snprintf(site, sizeof(site), "rules:\n- {policies: ['*'], widest: '*', quota: {%s}}\n", quota);
    cribd_start(daemon, site);
}

/* --- the end of a task whose output nobody wants --- */

/* Two bytes, more than the buffer: then the stream is held, and what follows stays in the pipe. */
static const char *const left_behind[] = {"-c", "printf ab; read x; head -c 60000 /dev/zero", NULL};

static void one_byte(Crib__SpawnRequest *request)
{
    request->buffer = 1;
}

static void write_line(struct cribd *daemon, uint64_t task)
{
    Crib__WriteRequest request = CRIB__WRITE_REQUEST__INIT;

    request.task = task;
    request.data = (ProtobufCBinaryData){1, (uint8_t *)"\n"};
    request.wait = CRIBD_PATIENCE_MS;
    cribd_call(daemon, RPC_WRITE, &request);
}

/* A stream that was held is read again, and its task forgotten, before anything of it has come. */
static void test_a_task_goes_whose_output_is_half_read(void **state)
{
    Crib__ReadRequest read = CRIB__READ_REQUEST__INIT;
    Crib__ForgetRequest forget = CRIB__FORGET_REQUEST__INIT;
    struct cribd daemon;
    int sock, init;

    (void)state;
    cribd_start(&daemon, NULL);
    read.task = forget.task = cribd_spawn(&daemon, "/bin/sh", left_behind, one_byte);
    read.stream = 1;
    read.wait = CRIBD_PATIENCE_MS;
    init = client_pidfd(&daemon, read.task);
    assert_int_equal(((const Crib__ReadResponse *)cribd_call(&daemon, RPC_READ, &read))->data.len,
                     2);
    write_line(&daemon, read.task);
    cribd_wait(&daemon, read.task, CRIB__TASK_STATE__ENDING);
    client_gone(init);
    sock = cribd_connect(&daemon);
    read.offset = 2;
    kill(daemon.pid, SIGSTOP); /* so that it finds both at once */
    client_ask(sock, 1, "Read", &read);
    client_ask(sock, 3, "Forget", &forget);
    kill(daemon.pid, SIGCONT);
    assert_int_equal(cribd_code(sock), 5);
    assert_int_equal(cribd_code(sock), 0);
    close(sock);
    cribd_stop(&daemon); /* which waits for all tasks to be gone */
}

/* --- messages --- */

#define PAYLOAD (3 * MIB)

static const char *const half_a_message[] = {
    "-c", "printf '\\003\\300\\000\\000' >&3; head -c 8000000 /dev/zero >&3; echo done; sleep 1000",
    NULL};

/* A frame with the type `x` and 3 MiB. */
static const char *const large_message[] = {
    "-c",
    "printf '\\000\\060\\000\\010\\022\\001x\\032\\200\\200\\300\\001' >&3;"
    "head -c 3145728 /dev/zero >&3; sleep 1000",
    NULL};

static void with_channel(Crib__SpawnRequest *request)
{
    request->task->has_channel = true;
    request->task->channel = CRIB__TASK__CHANNEL__crib;
}

struct asked {
    struct cribd *daemon;
    uint64_t task[24];
    size_t count;
};

static bool one_is_done(void *data)
{
    Crib__InspectRequest request = CRIB__INSPECT_REQUEST__INIT;
    struct asked *asked = data;

    for (size_t i = 0; i < asked->count; i++) {
        const Crib__InspectResponse *answer;

        request.task = asked->task[i];
        answer = cribd_call(asked->daemon, RPC_INSPECT, &request);
        for (size_t n = 0; n < answer->n_streams; n++)
            if (answer->streams[n]->stream == 1 && answer->streams[n]->next)
                return true;
    }
    return false;
}

static void test_messages_that_are_half_here_are_charged(void **state)
{
    struct asked asked = {.count = 24};
    struct cribd daemon;
    size_t before;

    (void)state;
    start(&daemon, "queued_bytes: 1M");
    asked.daemon = &daemon;
    before = cribd_memory(&daemon);
    for (size_t i = 0; i < asked.count; i++)
        asked.task[i] = cribd_spawn(&daemon, "/bin/sh", half_a_message, with_channel);
    cribd_until(one_is_done, &asked, "one of them goes on over the quota");
    assert_true(cribd_memory(&daemon) < before + 80 * MIB + CLIENT_SLACK);
    cribd_stop(&daemon);
}

static void receive_whole(struct cribd *daemon, uint64_t task)
{
    Crib__ReceiveRequest request = CRIB__RECEIVE_REQUEST__INIT;
    const Crib__ReceiveResponse *answer;

    request.task = task;
    request.message = 1;
    request.wait = CRIBD_PATIENCE_MS;
    do {
        answer = cribd_call(daemon, RPC_RECEIVE, &request);
        assert_int_equal(answer->message, 1);
        assert_int_equal(answer->size, PAYLOAD);
        assert_int_equal(answer->offset, request.offset);
        request.offset += answer->data.len;
    } while (!answer->last);
    assert_int_equal(request.offset, PAYLOAD);
    request.message = 2;
    request.offset = 0;
    request.wait = 0;
    cribd_call(daemon, RPC_RECEIVE, &request);
}

/* Each is over the quota alone: they must not wait for each other. */
static void test_large_messages_pass_a_small_quota(void **state)
{
    uint64_t task[4];
    struct cribd daemon;

    (void)state;
    start(&daemon, "queued_bytes: 1M");
    for (int i = 0; i < 4; i++)
        task[i] = cribd_spawn(&daemon, "/bin/sh", large_message, with_channel);
    for (int i = 3; i >= 0; i--)
        receive_whole(&daemon, task[i]);
    cribd_stop(&daemon);
}

static int refuse_fds(void *owner, size_t held, int *fds, size_t nfds)
{
    (void)fds;
    *(size_t *)owner = held;
    return nfds ? -EOPNOTSUPP : 0;
}

static void test_a_reader_is_looked_at(void **state)
{
    struct frame_reader *reader = frame_reader_new(0);
    int pair[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct crib_error error;
    size_t held = 0;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    frame_reader_look(reader, refuse_fds, &held);
    assert_int_equal(write(pair[0], "\0\0\1", 3), 3);
    assert_int_equal(frame_reader_fill(reader, pair[1], &error), 3);
    assert_int_equal(held, 3);
    assert_int_equal(rights_send(pair[0], "\0x", 2, &null, 1), 2);
    assert_int_equal(frame_reader_fill(reader, pair[1], &error), -EOPNOTSUPP);
    assert_int_equal(held, 5);
    frame_reader_free(reader);
    close(pair[0]);
    close(pair[1]);
    close(null);
}

static void test_a_type_that_is_too_long_is_refused_at_once(void **state)
{
    Crib__SendRequest request = CRIB__SEND_REQUEST__INIT;
    struct crib_error error;
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, NULL);
    request.task = cribd_spawn(&daemon, "/bin/sh", large_message, with_channel);
    request.message = 1;
    request.wait = CRIBD_PATIENCE_MS;
    request.type = calloc(1, 257);
    memset(request.type, 'x', 256);
    assert_int_equal(cribd_refused(&daemon, RPC_SEND, &request, &error), EINVAL);
    free(request.type);
    cribd_stop(&daemon);
}

/* --- draining --- */

static const char *const reading[] = {"-c", "cat", NULL};
static const char *const quick[] = {"-c", "exit 0", NULL};

static bool is_draining(void *data)
{
    Crib__InfoRequest request = CRIB__INFO_REQUEST__INIT;

    return ((const Crib__InfoResponse *)cribd_call(data, RPC_INFO, &request))->draining;
}

/* The last answer is not lost, though the daemon ends by what it answers; and many ends that were
 * told before are forgotten at the same moment. */
static void test_the_last_task_of_a_draining_daemon_is_told(void **state)
{
    Crib__CloseStdinRequest close_it = CRIB__CLOSE_STDIN_REQUEST__INIT;
    Crib__WaitRequest wait = CRIB__WAIT_REQUEST__INIT;
    struct cribd daemon;
    int sock[3];

    (void)state;
    cribd_start(&daemon, NULL);
    for (int i = 0; i < 66; i++)
        cribd_wait(&daemon, cribd_spawn(&daemon, "/bin/sh", quick, NULL), CRIB__TASK_STATE__ENDED);
    wait.task = close_it.task = cribd_spawn(&daemon, "/bin/sh", reading, NULL);
    wait.until = CRIB__TASK_STATE__ENDED;
    wait.wait = CRIBD_PATIENCE_MS;
    cribd_wait(&daemon, wait.task, CRIB__TASK_STATE__RUNNING);
    for (int i = 0; i < 3; i++) {
        sock[i] = cribd_connect(&daemon);
        client_ask(sock[i], 1, "Wait", &wait);
    }
    kill(daemon.pid, SIGTERM);
    cribd_until(is_draining, &daemon, "it drains");
    cribd_call(&daemon, RPC_CLOSE_STDIN, &close_it);
    assert_string_equal(cribd_output(&daemon, wait.task, 1), "");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(cribd_code(sock[i]), 0);
        close(sock[i]);
    }
    cribd_stop(&daemon);
}

/* --- what is charged --- */

static bool none_is_charged(void *data)
{
    Crib__InfoRequest request = CRIB__INFO_REQUEST__INIT;

    return ((const Crib__InfoResponse *)cribd_call(data, RPC_INFO, &request))->tasks == 0;
}

static void test_a_task_told_before_it_is_gone_is_not_charged(void **state)
{
    struct cribd daemon;

    (void)state;
    start(&daemon, "tasks: 1");
    for (int i = 0; i < 3; i++) {
        cribd_wait(&daemon, cribd_spawn(&daemon, "/bin/sh", quick, NULL), CRIB__TASK_STATE__ENDING);
        cribd_until(none_is_charged, &daemon, "its place is free");
    }
    cribd_stop(&daemon);
}

static void large_arguments(Crib__SpawnRequest *request)
{
    static char arg[100000];

    memset(arg, 'x', sizeof(arg));
    for (size_t i = 0; i < request->task->n_args; i++)
        request->task->args[i] = (ProtobufCBinaryData){sizeof(arg), (uint8_t *)arg};
}

/* Tasks that are over, and of which only what was asked is left. */
static void test_large_requests_are_charged_as_long_as_they_are_kept(void **state)
{
    Crib__SpawnRequest request = CRIB__SPAWN_REQUEST__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    ProtobufCBinaryData args[12];
    struct crib_error error = {0};
    ProtobufCMessage *answer;
    struct cribd daemon;
    int count = 0, r;

    (void)state;
    start(&daemon, "queued_bytes: 16M");
    request.task = &task;
    task.has_file = true;
    task.file = (ProtobufCBinaryData){15, (uint8_t *)"no-such-program"};
    task.args = args;
    task.n_args = 12;
    large_arguments(&request);
    while ((r = rpc_wait(daemon.rpc, RPC_SPAWN, &request.base, CRIBD_PATIENCE_MS, &daemon.arena,
                         &answer, &error)) == 0)
        assert_true(++count < 64);
    assert_int_equal(r, -EDQUOT);
    assert_true(count > 1);
    cribd_stop(&daemon);
}

/* Others, and root, still see what else there is. */
static void test_large_tasks_do_not_spoil_the_list(void **state)
{
    Crib__ListRequest list = CRIB__LIST_REQUEST__INIT;
    Crib__SpawnRequest request = CRIB__SPAWN_REQUEST__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    ProtobufCBinaryData args[30];
    const Crib__ListResponse *answer;
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, NULL);
    request.task = &task;
    task.has_file = true;
    task.file = (ProtobufCBinaryData){15, (uint8_t *)"no-such-program"};
    task.args = args;
    task.n_args = 30;
    large_arguments(&request);
    for (int i = 0; i < 3; i++)
        cribd_call(&daemon, RPC_SPAWN, &request);
    answer = cribd_call(&daemon, RPC_LIST, &list);
    assert_int_equal(answer->n_tasks, 3);
    assert_false(answer->more);
    assert_int_equal(answer->tasks[0]->n_args, 0);
    assert_int_equal(answer->tasks[0]->file.len, 15);
    cribd_stop(&daemon);
}

static void test_no_event_comes_after_the_last(void **state)
{
    Crib__WaitRequest request = CRIB__WAIT_REQUEST__INIT;
    const Crib__WaitResponse *answer;
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, NULL);
    request.task = cribd_spawn(&daemon, "/bin/sh", quick, NULL);
    cribd_wait(&daemon, request.task, CRIB__TASK_STATE__ENDED);
    request.after = UINT64_MAX;
    answer = cribd_call(&daemon, RPC_WAIT, &request);
    assert_int_equal(answer->n_events, 0);
    assert_int_equal(answer->lost, 0);
    assert_int_equal(answer->state, CRIB__TASK_STATE__ENDED);
    cribd_stop(&daemon);
}

/* As many patterns as variables, each a few bytes: their product is what costs. */
static void test_patterns_times_variables_are_bounded(void **state)
{
    Crib__SpawnRequest request = CRIB__SPAWN_REQUEST__INIT;
    Crib__Policy policy = CRIB__POLICY__INIT;
    Crib__Env env = CRIB__ENV__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    enum { MANY = 20000 };
    ProtobufCBinaryData *variables = calloc(MANY, sizeof(*variables));
    char **patterns = calloc(MANY, sizeof(*patterns));
    struct crib_error error;
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, "rules:\n- {policies: ['*'], widest: '*'}\n");
    for (int i = 0; i < MANY; i++) {
        variables[i] = (ProtobufCBinaryData){2, (uint8_t *)"A="};
        patterns[i] = (char *)"B";
    }
    request.task = &task;
    request.env = variables;
    request.n_env = MANY;
    task.has_file = true;
    task.file = (ProtobufCBinaryData){9, (uint8_t *)"/bin/true"};
    task.policy = &policy;
    policy.env = &env;
    env.pass = patterns;
    env.n_pass = MANY;
    assert_int_equal(cribd_refused(&daemon, RPC_SPAWN, &request, &error), E2BIG);
    free(variables);
    free(patterns);
    cribd_stop(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_task_goes_whose_output_is_half_read),
        cmocka_unit_test(test_messages_that_are_half_here_are_charged),
        cmocka_unit_test(test_large_messages_pass_a_small_quota),
        cmocka_unit_test(test_a_reader_is_looked_at),
        cmocka_unit_test(test_a_type_that_is_too_long_is_refused_at_once),
        cmocka_unit_test(test_the_last_task_of_a_draining_daemon_is_told),
        cmocka_unit_test(test_a_task_told_before_it_is_gone_is_not_charged),
        cmocka_unit_test(test_large_requests_are_charged_as_long_as_they_are_kept),
        cmocka_unit_test(test_large_tasks_do_not_spoil_the_list),
        cmocka_unit_test(test_no_event_comes_after_the_last),
        cmocka_unit_test(test_patterns_times_variables_are_bounded),
    };

    return test_run(tests);
}
