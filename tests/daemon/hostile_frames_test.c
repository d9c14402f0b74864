/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that break the protocol. After each the daemon has what it had before, and the task of
 * another client runs on.
 */
#include "daemon/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "text/utf8.h"

#define GROWTH                                                                                     \
    ((size_t)24 << 20) /* bytes: the largest request, decoded, and a few of it packed              \
                        */
#define MILLION 1000000

static const char *const sleeping[] = {"-c", "exec sleep 1000", NULL};

/* What a hostile client does to a daemon, one after the other. */
struct act {
    const char *name;
    void (*act)(const struct cribd *daemon);
};

static void check_bystander(struct cribd *daemon, uint64_t task)
{
    Crib__InspectRequest request = CRIB__INSPECT_REQUEST__INIT;
    const Crib__InspectResponse *answer;

    request.task = task;
    answer = cribd_call(daemon, RPC_INSPECT, &request);
    assert_int_equal(answer->info->state, CRIB__TASK_STATE__RUNNING);
    assert_int_equal(client_tasks(daemon), 1);
}

static void act_all(const struct act *acts, size_t count, bool spawns)
{
    struct client_measure before;
    struct cribd daemon;
    uint64_t bystander;

    cribd_start(&daemon, NULL);
    bystander = cribd_spawn(&daemon, "/bin/sh", sleeping, NULL);
    cribd_wait(&daemon, bystander, CRIB__TASK_STATE__RUNNING);
    before = client_measure(&daemon, 1);
    for (size_t i = 0; i < count; i++) {
        print_message("           %s\n", acts[i].name);
        acts[i].act(&daemon);
        assert_true(cribd_alive(&daemon));
        client_settled_soon(&daemon, &before, 1, GROWTH);
        check_bystander(&daemon, bystander);
    }
    if (spawns) /* the last word, which takes seconds */
        client_settled(&daemon, &before, 1, GROWTH);
    cribd_stop(&daemon);
}

#define ACT_ALL(acts, spawns) act_all(acts, sizeof(acts) / sizeof((acts)[0]), spawns)

/* --- frames --- */

static void half_headers(const struct cribd *daemon)
{
    static const uint8_t header[TTRPC_HEADER] = {0, 0, 0, 9, 0, 0, 0, 1, TTRPC_REQUEST, 0};

    for (size_t len = 0; len < sizeof(header); len++) {
        int sock = cribd_connect(daemon);

        assert_true(cribd_bytes(sock, header, len));
        if (len % 2)
            shutdown(sock, SHUT_WR);
        else
            assert_true(cribd_alive(daemon));
        close(sock);
    }
}

/* The first four bytes are enough to be sent away. */
static void lengths_over_the_cap(const struct cribd *daemon)
{
    static const uint8_t lengths[][4] = {
        {0xff, 0xff, 0xff, 0xff}, {0x7f, 0xff, 0xff, 0xff}, {0x80, 0, 0, 0}, {0, 0x40, 0, 1}};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        int sock = cribd_connect(daemon);

        assert_true(cribd_bytes(sock, lengths[i], sizeof(lengths[i])));
        client_ended(sock);
    }
}

static void a_payload_that_never_comes(const struct cribd *daemon)
{
    int sock[16];

    for (int i = 0; i < 16; i++) {
        sock[i] = cribd_connect(daemon);
        assert_true(client_header(sock[i], TTRPC_MAX, 1, TTRPC_REQUEST, 0));
        assert_true(cribd_bytes(sock[i], "half a payload", 14));
    }
    assert_true(cribd_alive(daemon));
    for (int i = 0; i < 16; i++)
        close(sock[i]);
}

static void types_that_no_client_sends(const struct cribd *daemon)
{
    static const uint8_t types[] = {0, TTRPC_RESPONSE, 4, 0x7f, 0xff};

    for (size_t i = 0; i < sizeof(types); i++) {
        int sock = cribd_connect(daemon);

        assert_true(client_header(sock, 0, 1, types[i], 0));
        client_ended(sock);
    }
}

static void stream_ids_out_of_order(const struct cribd *daemon)
{
    static const uint32_t wrong[][2] = {{5, 5}, {5, 3}, {5, 6}, {0xffffffff, 1}, {1, 0xfffffffe}};
    int sock;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        sock = cribd_connect(daemon);
        assert_true(cribd_request(sock, wrong[i][0], "Info", NULL, 0));
        assert_int_equal(cribd_code(sock), 0);
        cribd_request(sock, wrong[i][1], "Info", NULL, 0);
        assert_int_equal(cribd_code(sock), -1);
        close(sock);
    }
    sock = cribd_connect(daemon);
    cribd_request(sock, 0, "Info", NULL, 0);
    client_ended(sock);
}

/* It may have crossed the answer. */
static void data_for_no_stream(const struct cribd *daemon)
{
    int sock = cribd_connect(daemon);

    for (uint32_t stream = 0; stream < 100; stream++)
        assert_true(client_frame(sock, stream, TTRPC_DATA, 0, "data", 4));
    assert_true(cribd_request(sock, 1, "Info", NULL, 0));
    assert_int_equal(cribd_code(sock), 0);
    assert_true(client_frame(sock, 1, TTRPC_DATA, TTRPC_REMOTE_CLOSED, "data", 4));
    assert_true(cribd_request(sock, 3, "Info", NULL, 0));
    assert_int_equal(cribd_code(sock), 0);
    close(sock);
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Half of them with a header that announces so many bytes. */
static void garbage(const struct cribd *daemon)
{
    uint32_t state = 20240229;
    uint8_t bytes[512];

    for (int i = 0; i < 400; i++) {
        int sock = cribd_connect(daemon);
        size_t len = 1 + next_random(&state) % sizeof(bytes);

        for (size_t n = 0; n < len; n++)
            bytes[n] = (uint8_t)next_random(&state);
        if (i % 2)
            client_header(sock, (uint32_t)len, 1, TTRPC_REQUEST, (uint8_t)state);
        cribd_bytes(sock, bytes, len);
        shutdown(sock, SHUT_WR);
        client_ended(sock);
    }
}

static void test_frames_that_break_the_protocol(void **state)
{
    static const struct act acts[] = {
        {"half a header", half_headers},
        {"lengths over the cap", lengths_over_the_cap},
        {"a payload that never comes", a_payload_that_never_comes},
        {"types that no client sends", types_that_no_client_sends},
        {"stream ids that repeat, go down, are even", stream_ids_out_of_order},
        {"data for no stream", data_for_no_stream},
        {"garbage", garbage},
    };

    (void)state;
    ACT_ALL(acts, false);
}

/* --- payloads --- */

/* Return: the field, of length-delimited type, around what is at @data, which is freed. */
static uint8_t *around(uint8_t number, uint8_t *data, size_t *len)
{
    size_t left = *len, at = 0;
    uint8_t *outer = malloc(*len + 8);

    assert_non_null(outer);
    outer[at++] = (uint8_t)(number << 3 | 2);
    for (; left >= 0x80; left >>= 7)
        outer[at++] = (uint8_t)(left | 0x80);
    outer[at++] = (uint8_t)left;
    memcpy(outer + at, data, *len);
    *len += at;
    free(data);
    return outer;
}

/* Return: @count empty messages of field @number. */
static uint8_t *empties(uint8_t number, size_t count, size_t *len)
{
    uint8_t *data = malloc(2 * count);

    assert_non_null(data);
    for (size_t i = 0; i < count; i++) {
        data[2 * i] = (uint8_t)(number << 3 | 2);
        data[2 * i + 1] = 0;
    }
    *len = 2 * count;
    return data;
}

enum {
    POLICY_MOUNTS = 5,
    TASK_MOUNTS = 14,
    TASK_POLICY = 15,
    TASK_STDIO = 7,
    REQUEST_METADATA = 5
};

static int ask_packed(const struct cribd *daemon, const char *method, uint8_t *data, size_t len)
{
    int sock = cribd_connect(daemon), code;

    assert_true(cribd_request(sock, 1, method, data, len));
    code = cribd_code(sock);
    free(data);
    close(sock);
    return code;
}

/* @depth: fields around the list, the innermost first, ended by 0. */
static int ask_with_list(const struct cribd *daemon, const char *method, uint8_t list,
                         const uint8_t *depth, size_t count)
{
    size_t len;
    uint8_t *data = empties(list, count, &len);

    while (*depth)
        data = around(*depth++, data, &len);
    return ask_packed(daemon, method, data, len);
}

/* 4 MiB of empty messages, which decoded would be hundreds. */
static void two_million_mounts(const struct cribd *daemon)
{
    static const uint8_t in_check[] = {1, 0}, in_spawn[] = {TASK_POLICY, 1, 0}, in_task[] = {1, 0},
                         in_plan[] = {TASK_POLICY, 1, 1, 0};
    const size_t count = 2 * MILLION;

    assert_int_equal(ask_with_list(daemon, "PolicyCheck", POLICY_MOUNTS, in_check, count), 3);
    assert_int_equal(ask_with_list(daemon, "Spawn", POLICY_MOUNTS, in_spawn, count), 3);
    assert_int_equal(ask_with_list(daemon, "Spawn", TASK_STDIO, in_task, count), 3);
    assert_int_equal(ask_with_list(daemon, "Plan", POLICY_MOUNTS, in_plan, count), 3);
}

/* So many that they can be decoded. */
static void lists_that_just_fit(const struct cribd *daemon)
{
    static const uint8_t in_check[] = {1, 0}, in_spawn[] = {TASK_POLICY, 1, 0}, in_task[] = {1, 0};

    for (size_t count = 4097; count < 100000; count *= 2) {
        int code = ask_with_list(daemon, "PolicyCheck", POLICY_MOUNTS, in_check, count);

        assert_true(code == 0 || code == 3); /* checked, and not ok; or too much */
        assert_int_equal(ask_with_list(daemon, "Spawn", POLICY_MOUNTS, in_spawn, count), 3);
        assert_int_equal(ask_with_list(daemon, "Spawn", TASK_STDIO, in_task, count), 3);
        assert_int_equal(ask_with_list(daemon, "Spawn", TASK_MOUNTS, in_task, count), 3);
    }
}

/* In the envelope, too, there is room for what belongs there and not for more. */
static void two_million_metadata(const struct cribd *daemon)
{
    int sock = cribd_connect(daemon);
    size_t len;
    uint8_t *data = empties(REQUEST_METADATA, 2 * MILLION, &len);

    client_frame(sock, 1, TTRPC_REQUEST, 0, data, len);
    free(data);
    client_ended(sock);
}

static void payloads_that_are_no_message(const struct cribd *daemon)
{
    static const uint8_t bytes[][12] = {
        "\xff", "\x08", "\x0a\x7f", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x0b\x0b\x0b"};
    static const uint8_t sizes[] = {1, 1, 2, 11, 3};
    int sock = cribd_connect(daemon);

    for (uint32_t i = 0; i < sizeof(sizes); i++) {
        assert_true(cribd_request(sock, 2 * i + 1, "Wait", bytes[i], sizes[i]));
        assert_int_equal(cribd_code(sock), 3);
    }
    assert_true(cribd_request(sock, 101, "Info", NULL, 0));
    assert_int_equal(cribd_code(sock), 0);
    close(sock);
}

/* Whatever was said, what is said of it is UTF-8: not every client reads anything else. */
static int code_in_utf8(int sock)
{
    Crib__Ttrpc__Response *response;
    struct ttrpc_frame frame;
    uint8_t *payload;
    int code;

    assert_true(cribd_frame(sock, &frame, &payload));
    response = crib__ttrpc__response__unpack(NULL, frame.len, frame.payload);
    code = response->status ? response->status->code : 0;
    if (response->status) {
        const char *text = response->status->message;

        assert_true(utf8_text(text, strlen(text)));
    }
    crib__ttrpc__response__free_unpacked(response, NULL);
    free(payload);
    return code;
}

static int ask_of(int sock, uint32_t stream, const char *service, const char *method)
{
    Crib__Ttrpc__Request request = CRIB__TTRPC__REQUEST__INIT;
    size_t len;
    void *data;

    request.service = (char *)service;
    request.method = (char *)method;
    data = client_pack(&request, &len);
    assert_true(client_frame(sock, stream, TTRPC_REQUEST, 0, data, len));
    free(data);
    return code_in_utf8(sock);
}

static void services_and_methods_that_are_not_there(const struct cribd *daemon)
{
    int sock = cribd_connect(daemon);
    char *name = calloc(1, 100001);

    memset(name, 'x', 100000);
    assert_int_equal(ask_of(sock, 1, "crib.Executor", "Reboot"), 12);
    assert_int_equal(ask_of(sock, 3, "crib.Executor", ""), 12);
    assert_int_equal(ask_of(sock, 5, "crib.Executor", "info"), 12);
    assert_int_equal(ask_of(sock, 7, "crib.Executors", "Info"), 12);
    assert_int_equal(ask_of(sock, 9, "", "Info"), 12);
    assert_int_equal(ask_of(sock, 11, name, name), 12);
    assert_int_equal(ask_of(sock, 13, "%s%n%s", "\n\x1b[31m\xff\xfe"), 12);
    assert_int_equal(ask_of(sock, 15, "crib.Executor", "Info"), 0);
    free(name);
    close(sock);
}

/* What is asked of a sandbox and not known must not be left out in silence. */
static void unknown_fields(const struct cribd *daemon)
{
    static const uint8_t depths[][5] = {
        {0}, {1, 0}, {TASK_POLICY, 1, 0}, {POLICY_MOUNTS, TASK_POLICY, 1, 0}};
    static const uint8_t unknown[] = {0xf8, 0x01, 0x01}; /* field 31, varint */

    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        size_t len = sizeof(unknown);
        uint8_t *data = malloc(len);

        memcpy(data, unknown, len);
        for (const uint8_t *field = depths[i]; *field; field++)
            data = around(*field, data, &len);
        assert_int_equal(ask_packed(daemon, "Spawn", data, len), 3);
    }
}

static void test_payloads_that_are_too_much_or_nothing(void **state)
{
    static const struct act acts[] = {
        {"two million mounts", two_million_mounts},
        {"lists that just fit", lists_that_just_fit},
        {"two million entries of metadata", two_million_metadata},
        {"payloads that are no message", payloads_that_are_no_message},
        {"services and methods that are not there", services_and_methods_that_are_not_there},
        {"unknown fields", unknown_fields},
    };

    (void)state;
    ACT_ALL(acts, false);
}

/* --- closing in the middle --- */

static Crib__SpawnRequest *sleeper(void)
{
    static Crib__SpawnRequest request;
    static Crib__Task task;
    static ProtobufCBinaryData args[2];

    crib__spawn_request__init(&request);
    crib__task__init(&task);
    task.has_file = true;
    task.file = (ProtobufCBinaryData){7, (uint8_t *)"/bin/sh"};
    args[0] = (ProtobufCBinaryData){2, (uint8_t *)"-c"};
    args[1] = (ProtobufCBinaryData){15, (uint8_t *)"exec sleep 1000"};
    task.args = args;
    task.n_args = 2;
    request.task = &task;
    return &request;
}

/* At every byte of a Spawn; the last one is whole, and may start a task before it is noticed. */
static void close_within_a_request(const struct cribd *daemon)
{
    size_t len;
    uint8_t *data = client_pack(sleeper(), &len);

    for (size_t cut = 0; cut <= len; cut++) {
        Crib__Ttrpc__Request envelope = CRIB__TTRPC__REQUEST__INIT;
        int sock = cribd_connect(daemon);
        size_t size;
        uint8_t *request;

        envelope.service = (char *)"crib.Executor";
        envelope.method = (char *)"Spawn";
        envelope.payload = (ProtobufCBinaryData){len, data};
        request = client_pack(&envelope, &size);
        assert_true(client_header(sock, (uint32_t)size, 1, TTRPC_REQUEST, 0));
        assert_true(cribd_bytes(sock, request, size - len + cut));
        close(sock);
        free(request);
    }
    free(data);
}

/* While it is prepared, while its paths are looked at, while it is set up, when it runs. */
static void close_while_a_task_starts(const struct cribd *daemon)
{
    for (int i = 0; i < 40; i++) {
        int sock = cribd_connect(daemon);

        client_ask(sock, 1, "Spawn", sleeper());
        for (int turns = 0; turns < i % 8; turns++)
            assert_true(cribd_alive(daemon));
        close(sock);
    }
}

static uint64_t spawned(int sock)
{
    Crib__Ttrpc__Response *response;
    Crib__SpawnResponse *answer;
    struct ttrpc_frame frame;
    uint8_t *payload;
    uint64_t task;

    client_ask(sock, 1, "Spawn", sleeper());
    assert_true(cribd_frame(sock, &frame, &payload));
    response = crib__ttrpc__response__unpack(NULL, frame.len, frame.payload);
    assert_null(response->status);
    answer = crib__spawn_response__unpack(NULL, response->payload.len, response->payload.data);
    task = answer->task;
    crib__spawn_response__free_unpacked(answer, NULL);
    crib__ttrpc__response__free_unpacked(response, NULL);
    free(payload);
    return task;
}

/* All calls that may wait, waiting. */
static void close_while_calls_wait(const struct cribd *daemon)
{
    Crib__WaitRequest wait = CRIB__WAIT_REQUEST__INIT;
    Crib__ReadRequest read = CRIB__READ_REQUEST__INIT;
    Crib__AttachInput attach = CRIB__ATTACH_INPUT__INIT;
    int sock = cribd_connect(daemon);

    wait.task = read.task = attach.task = spawned(sock);
    wait.until = CRIB__TASK_STATE__ENDED;
    wait.wait = read.wait = 10 * CRIBD_PATIENCE_MS;
    read.stream = 1;
    for (uint32_t i = 0; i < 70; i++) {
        client_ask(sock, 6 * i + 3, "Wait", &wait);
        client_ask(sock, 6 * i + 5, "Read", &read);
        client_ask(sock, 6 * i + 7, "Attach", &attach);
    }
    assert_true(cribd_alive(daemon));
    close(sock);
}

/* A write side that is shut is the end, too. */
static void shut_and_stay(const struct cribd *daemon)
{
    int sock = cribd_connect(daemon);

    spawned(sock);
    assert_int_equal(shutdown(sock, SHUT_WR), 0);
    client_ended(sock);
}

static void test_closing_in_the_middle(void **state)
{
    static const struct act acts[] = {
        {"within a request", close_within_a_request},
        {"while a task starts", close_while_a_task_starts},
        {"while calls wait", close_while_calls_wait},
        {"the half of a connection", shut_and_stay},
    };

    (void)state;
    ACT_ALL(acts, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_that_break_the_protocol),
        cmocka_unit_test(test_payloads_that_are_too_much_or_nothing),
        cmocka_unit_test(test_closing_in_the_middle),
    };

    return test_run(tests);
}
