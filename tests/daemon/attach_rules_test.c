/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients of Attach that keep to no rule.
 */
#include "daemon/attaching.h"

static const char *const endless[] = {"-c", "exec cat /dev/zero", NULL};
static const char *const sleeping[] = {"-c", "exec sleep 1000", NULL};

struct stuck {
    struct cribd *daemon;
    uint64_t task, bytes;
};

/* The daemon has read all that it keeps beside what it has sent. */
static bool is_stuck(void *data)
{
    Crib__InspectRequest request = CRIB__INSPECT_REQUEST__INIT;
    const Crib__InspectResponse *answer;
    struct stuck *stuck = data;
    uint64_t next = 0;

    request.task = stuck->task;
    answer = cribd_call(stuck->daemon, RPC_INSPECT, &request);
    for (size_t i = 0; i < answer->n_streams; i++)
        if (answer->streams[i]->stream == 1)
            next = answer->streams[i]->next;
    return next >= stuck->bytes + 64 * 1024;
}

/* It gets its credit and no more, and hinders no other call on its connection. */
static void test_one_that_never_acknowledges(void **state)
{
    struct attaching attaching;
    struct ttrpc_frame frame;
    struct cribd daemon;
    struct stuck stuck = {&daemon, 0, 0};
    uint8_t *payload;

    (void)state;
    cribd_start(&daemon, NULL);
    stuck.task = cribd_spawn(&daemon, "/bin/sh", endless, NULL);
    attaching_open(&daemon, &attaching);
    attaching_task(&attaching, stuck.task);
    while (attaching.outputs < ATTACHING_CREDIT) {
        assert_non_null(attaching_next(&attaching));
        stuck.bytes += attaching.output->data.len;
    }
    cribd_until(is_stuck, &stuck, "the task waits");
    assert_true(cribd_request(attaching.sock, 99, "Info", NULL, 0));
    assert_true(cribd_frame(attaching.sock, &frame, &payload));
    assert_int_equal(frame.stream, 99);
    free(payload);
    /* one for one */
    for (int i = 0; i < 3; i++) {
        attaching_ack(&attaching, attaching.acked + 1);
        assert_non_null(attaching_next(&attaching));
        assert_int_equal(attaching.outputs - attaching.acked, ATTACHING_CREDIT);
    }
    attaching_close(&attaching);
    cribd_stop(&daemon);
}

/* Return: how the daemon ends a stream that has said this. */
static int said(struct cribd *daemon, uint64_t task, const Crib__AttachInput *input)
{
    struct attaching attaching;
    int code;

    attaching_open(daemon, &attaching);
    if (task)
        attaching_task(&attaching, task);
    attaching_input(&attaching, input);
    code = attaching_end(&attaching);
    attaching_close(&attaching);
    return code;
}

static void test_inputs_that_are_refused(void **state)
{
    Crib__StreamOffset from = CRIB__STREAM_OFFSET__INIT, *list[] = {&from};
    Crib__AttachInput input = CRIB__ATTACH_INPUT__INIT;
    uint8_t *large = calloc(1, ATTACHING_DATA + 1);
    struct cribd daemon;
    uint64_t task;

    (void)state;
    cribd_start(&daemon, NULL);
    task = cribd_spawn(&daemon, "/bin/sh", sleeping, NULL);
    cribd_wait(&daemon, task, CRIB__TASK_STATE__RUNNING);
    assert_int_equal(said(&daemon, 0, &input), 3);
    input.task = task + 1;
    assert_int_equal(said(&daemon, 0, &input), 5);
    input.task = 0;
    input.ack = 1000;
    assert_int_equal(said(&daemon, task, &input), 3);
    input.ack = UINT64_MAX;
    assert_int_equal(said(&daemon, task, &input), 3);
    input.ack = 0;
    input.data = (ProtobufCBinaryData){ATTACHING_DATA + 1, large};
    assert_int_equal(said(&daemon, task, &input), 3);
    input.data.len = 1;
    input.offset = 1;
    assert_int_equal(said(&daemon, task, &input), 11);
    input = (Crib__AttachInput)CRIB__ATTACH_INPUT__INIT;
    input.task = task;
    input.streams = list;
    input.n_streams = 1;
    from.stream = UINT32_MAX;
    assert_int_equal(said(&daemon, 0, &input), 3);
    from.stream = 1;
    from.offset = 1;
    assert_int_equal(said(&daemon, 0, &input), 11);
    free(large);
    cribd_stop(&daemon);
}

/* An offset ahead costs nobody a byte of what is kept. */
static void test_an_offset_ahead_forgets_nothing(void **state)
{
    Crib__StreamOffset from = CRIB__STREAM_OFFSET__INIT, *list[] = {&from};
    Crib__AttachInput input = CRIB__ATTACH_INPUT__INIT;
    const char *const hello[] = {"-c", "echo hello", NULL};
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, NULL);
    input.task = cribd_spawn(&daemon, "/bin/sh", hello, NULL);
    cribd_wait(&daemon, input.task, CRIB__TASK_STATE__ENDED);
    input.streams = list;
    input.n_streams = 1;
    from.stream = 1;
    from.offset = 7;
    assert_int_equal(said(&daemon, 0, &input), 11);
    assert_string_equal(cribd_output(&daemon, input.task, 1), "hello\n");
    cribd_stop(&daemon);
}

/* Nobody reads it: when pipe and queue are full, one piece waits, and no second. */
static void test_more_input_than_was_taken(void **state)
{
    struct attaching attaching;
    uint8_t *piece = calloc(1, ATTACHING_DATA);
    struct cribd daemon;
    uint64_t task;

    (void)state;
    cribd_start(&daemon, NULL);
    task = cribd_spawn(&daemon, "/bin/sh", sleeping, NULL);
    cribd_wait(&daemon, task, CRIB__TASK_STATE__RUNNING);
    attaching_open(&daemon, &attaching);
    attaching_task(&attaching, task);
    for (uint64_t i = 0; i < 64; i++)
        attaching_stdin(&attaching, i * ATTACHING_DATA, piece, ATTACHING_DATA);
    assert_int_equal(attaching_end(&attaching), 3);
    attaching_close(&attaching);
    free(piece);
    cribd_stop(&daemon);
}

static void test_data_that_is_no_input(void **state)
{
    static const uint8_t unknown[] = {0xf8, 0x01, 0x01}, half[] = {0x22, 0x7f, 0x00};
    struct attaching attaching;
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, NULL);
    attaching_open(&daemon, &attaching);
    client_frame(attaching.sock, ATTACHING_STREAM, TTRPC_DATA, 0, unknown, sizeof(unknown));
    assert_int_equal(attaching_end(&attaching), 3);
    attaching_close(&attaching);
    attaching_open(&daemon, &attaching);
    client_frame(attaching.sock, ATTACHING_STREAM, TTRPC_DATA, 0, half, sizeof(half));
    assert_int_equal(attaching_end(&attaching), 3);
    /* the stream is over, the connection is not */
    client_frame(attaching.sock, ATTACHING_STREAM, TTRPC_DATA, 0, half, sizeof(half));
    assert_true(cribd_request(attaching.sock, 9, "Info", NULL, 0));
    assert_int_equal(cribd_code(attaching.sock), 0);
    attaching_close(&attaching);
    cribd_stop(&daemon);
}

static void test_a_deadline_ends_a_stream(void **state)
{
    Crib__Ttrpc__Request request = CRIB__TTRPC__REQUEST__INIT;
    Crib__AttachInput input = CRIB__ATTACH_INPUT__INIT;
    struct attaching attaching;
    struct cribd daemon;
    size_t len;
    void *data;

    (void)state;
    cribd_start(&daemon, NULL);
    input.task = cribd_spawn(&daemon, "/bin/sh", sleeping, NULL);
    attaching = (struct attaching){.sock = cribd_connect(&daemon), .code = -1};
    request.service = (char *)"crib.Executor";
    request.method = (char *)"Attach";
    request.payload.data = client_pack(&input, &request.payload.len);
    request.timeout_nano = 20 * 1000 * 1000;
    data = client_pack(&request, &len);
    client_frame(attaching.sock, ATTACHING_STREAM, TTRPC_REQUEST, TTRPC_REMOTE_OPEN, data, len);
    assert_int_equal(attaching_end(&attaching), 4);
    free(request.payload.data);
    free(data);
    attaching_close(&attaching);
    cribd_stop(&daemon);
}

/* The task is gone in the middle of it. */
static void test_a_task_that_is_forgotten(void **state)
{
    struct attaching attaching;
    struct cribd daemon, other;
    uint64_t task;

    (void)state;
    cribd_start(&daemon, NULL);
    client_join(&daemon, &other);
    task = cribd_spawn(&other, "/bin/sh", endless, NULL);
    attaching_open(&daemon, &attaching);
    attaching_task(&attaching, task);
    assert_non_null(attaching_next(&attaching));
    client_leave(&other);
    assert_int_equal(attaching_end(&attaching), 5);
    attaching_close(&attaching);
    cribd_stop(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_that_never_acknowledges),
        cmocka_unit_test(test_inputs_that_are_refused),
        cmocka_unit_test(test_an_offset_ahead_forgets_nothing),
        cmocka_unit_test(test_more_input_than_was_taken),
        cmocka_unit_test(test_data_that_is_no_input),
        cmocka_unit_test(test_a_deadline_ends_a_stream),
        cmocka_unit_test(test_a_task_that_is_forgotten),
    };

    return test_run(tests);
}
