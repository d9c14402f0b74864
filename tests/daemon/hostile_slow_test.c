/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that do not read, hardly write, come in thousands, or ask without end: it costs them
 * their own share, and others nothing.
 */
#include "daemon/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static const char *const echo[] = {"-c", "echo here", NULL};
static const char *const chatter[] = {"-c", "head -c 1048576 /dev/zero; exec sleep 1000", NULL};

/* Others are served: not only asked how they do. */
static void check_served(struct cribd *client)
{
    uint64_t task = cribd_spawn(client, "/bin/sh", echo, NULL);
    Crib__ForgetRequest forget = CRIB__FORGET_REQUEST__INIT;

    assert_string_equal(cribd_output(client, task, 1), "here\n");
    cribd_wait(client, task, CRIB__TASK_STATE__ENDED);
    forget.task = task;
    cribd_call(client, RPC_FORGET, &forget);
}

/* --- never reading --- */

static void one_mebibyte(Crib__SpawnRequest *request)
{
    request->buffer = MIB;
}

/* Return: a request of the method, framed. */
static uint8_t *framed(uint32_t stream, const char *method, const void *payload, size_t *ret_len)
{
    Crib__Ttrpc__Request request = CRIB__TTRPC__REQUEST__INIT;
    uint8_t *data;
    size_t len;

    request.service = (char *)"crib.Executor";
    request.method = (char *)method;
    request.payload.data = client_pack(payload, &request.payload.len);
    len = crib__ttrpc__request__get_packed_size(&request);
    data = malloc(TTRPC_HEADER + len);
    assert_non_null(data);
    memcpy(data,
           (uint8_t[]){len >> 24, len >> 16, len >> 8, len, stream >> 24, stream >> 16, stream >> 8,
                       stream, TTRPC_REQUEST, 0},
           TTRPC_HEADER);
    crib__ttrpc__request__pack(&request, data + TTRPC_HEADER);
    free(request.payload.data);
    *ret_len = TTRPC_HEADER + len;
    return data;
}

/* Sends requests until the daemon takes no more: it is not seen to take any while others are served
 * ten times. Return: how many were sent. */
static int flood(int sock, const char *method, const void *payload, struct cribd *other)
{
    struct pollfd ready = {.fd = sock, .events = POLLOUT};
    int sent = 0, waits = 0;

    while (waits < 10 && sent < 1000000) {
        size_t len, at = 0;
        uint8_t *data = framed(2 * (uint32_t)sent + 1, method, payload, &len);
        bool over = false;

        while (at < len && waits < 10 && !over) {
            ssize_t n = send(sock, data + at, len - at, MSG_NOSIGNAL | MSG_DONTWAIT);

            over = n < 0 && errno != EAGAIN && errno != EINTR;
            if (n > 0) {
                at += (size_t)n;
                waits = 0;
            } else if (!over && poll(&ready, 1, 0) == 0) {
                waits++;
                check_served(other);
            }
        }
        free(data);
        if (over)
            break; /* it was sent away: that is an answer, too */
        sent++;
    }
    return sent;
}

static void test_who_does_not_read_is_not_read_from(void **state)
{
    /* the last one fills up the requests in flight, too, which only other uids do not notice */
    static const char *const floods[] = {"Info", "Read", "List", "PolicyCheck"};
    size_t count = client_root() ? 4 : 3;
    Crib__ReadRequest read = CRIB__READ_REQUEST__INIT;
    Crib__InfoRequest info = CRIB__INFO_REQUEST__INIT;
    struct client_measure before;
    struct cribd daemon, flooder;

    (void)state;
    cribd_start(&daemon, NULL);
    client_join_as(&daemon, CLIENT_UID, &flooder);
    read.task = cribd_spawn(&flooder, "/bin/sh", chatter, one_mebibyte);
    read.stream = 1;
    check_served(&daemon);
    before = client_measure(&daemon, 1);
    for (size_t i = 0; i < count; i++) {
        int sock = client_connect_as(&daemon, CLIENT_UID), sent;
        const void *payload = strcmp(floods[i], "Read") == 0 ? (const void *)&read : &info;

        sent = flood(sock, floods[i], payload, &daemon);
        print_message("           %s: %d sent\n", floods[i], sent);
        client_settled_soon(&daemon, &(struct client_measure){before.fds + 1, before.memory}, 1,
                            24 * MIB);
        close(sock);
        client_settled_soon(&daemon, &before, 1, 24 * MIB);
    }
    client_leave(&flooder);
    cribd_stop(&daemon);
}

/* --- requests that are large and many --- */

#define LARGE_ARGS 100000 /* empty ones: 200 KB on the wire, and 3 MiB decoded */
#define LARGE_SENT 100

/* One connection that writes and reads at once, and how large the daemon was meanwhile. */
struct pump {
    int sock;
    const uint8_t *data;
    size_t left;
    int codes[17];
    size_t memory;
    int fds;
};

static void look_at(struct pump *pump, const struct cribd *daemon)
{
    size_t memory = cribd_memory(daemon);
    int fds = cribd_fds(daemon);

    pump->memory = memory > pump->memory ? memory : pump->memory;
    pump->fds = fds > pump->fds ? fds : pump->fds;
}

static void read_answer(struct pump *pump)
{
    int code = cribd_code(pump->sock);

    assert_in_range(code, 0, 16);
    pump->codes[code]++;
}

static void pump_out(struct pump *pump, const struct cribd *daemon)
{
    struct pollfd ready = {.fd = pump->sock};

    while (pump->left) {
        ssize_t n;

        look_at(pump, daemon);
        ready.events = POLLIN | POLLOUT;
        assert_true(poll(&ready, 1, CRIBD_PATIENCE_MS) > 0);
        if (ready.revents & POLLIN)
            read_answer(pump);
        if (!(ready.revents & POLLOUT))
            continue;
        n = send(pump->sock, pump->data, pump->left, MSG_NOSIGNAL | MSG_DONTWAIT);
        assert_true(n > 0 || errno == EAGAIN);
        if (n > 0) {
            pump->data += n;
            pump->left -= (size_t)n;
        }
    }
}

static uint8_t *large_plan(size_t *ret_len)
{
    ProtobufCBinaryData *args = calloc(LARGE_ARGS, sizeof(*args));
    Crib__SpawnRequest spawn = CRIB__SPAWN_REQUEST__INIT;
    Crib__PlanRequest request = CRIB__PLAN_REQUEST__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    uint8_t *data;

    assert_non_null(args);
    task.has_file = true;
    task.file = (ProtobufCBinaryData){9, (uint8_t *)"/bin/true"};
    task.args = args;
    task.n_args = LARGE_ARGS;
    spawn.task = &task;
    request.spawn = &spawn;
    data = framed(1, "Plan", &request, ret_len);
    free(args);
    return data;
}

/* All that a request takes counts as queued, until it is answered; the rest is refused. */
static void test_large_requests_are_within_the_quota(void **state)
{
    struct client_measure before;
    struct cribd daemon;
    struct pump pump = {0};
    uint8_t *data;
    size_t len;

    (void)state;
    cribd_start(&daemon, NULL);
    check_served(&daemon);
    before = client_measure(&daemon, 0);
    pump.sock = cribd_connect(&daemon);
    data = large_plan(&len);
    for (uint8_t i = 0; i < LARGE_SENT; i++) {
        data[7] = (uint8_t)(2 * i + 1); /* the stream's id */
        pump.data = data;
        pump.left = len;
        pump_out(&pump, &daemon);
    }
    free(data);
    for (int i = pump.codes[0] + pump.codes[8]; i < LARGE_SENT; i++)
        read_answer(&pump);
    print_message("           %d carried out, %d refused, %zu KiB more\n", pump.codes[0],
                  pump.codes[8], (pump.memory - before.memory) / 1024);
    assert_true(pump.codes[0] > 0 && pump.codes[8] > 0);
    assert_true(pump.memory < before.memory + 192 * MIB + CLIENT_SLACK);
    assert_int_equal(pump.codes[0] + pump.codes[8], LARGE_SENT);
    close(pump.sock);
    client_settled_soon(&daemon, &before, 0, 192 * MIB);
    cribd_stop(&daemon);
}

#define ASKED 600

/* Each holds open what it depends on while it is worked on; so not all are at once. */
static void test_many_plans_at_once_hold_few_descriptors(void **state)
{
    Crib__PlanRequest request = CRIB__PLAN_REQUEST__INIT;
    Crib__SpawnRequest spawn = CRIB__SPAWN_REQUEST__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    struct client_measure before;
    struct cribd daemon;
    struct pump pump = {0};

    (void)state;
    task.has_file = true;
    task.file = (ProtobufCBinaryData){9, (uint8_t *)"/bin/true"};
    spawn.task = &task;
    request.spawn = &spawn;
    cribd_start(&daemon, NULL);
    check_served(&daemon);
    before = client_measure(&daemon, 0);
    pump.sock = cribd_connect(&daemon);
    for (uint32_t i = 0; i < ASKED; i++) {
        uint8_t *data = framed(2 * i + 1, "Plan", &request, &pump.left);

        pump.data = data;
        pump_out(&pump, &daemon);
        free(data);
    }
    while (pump.codes[0] < ASKED) {
        look_at(&pump, &daemon);
        read_answer(&pump);
        assert_int_equal(pump.codes[4] + pump.codes[8] + pump.codes[13], 0);
    }
    print_message("           %d descriptors at most\n", pump.fds);
    assert_true(pump.fds < before.fds + 1000);
    close(pump.sock);
    client_settled_soon(&daemon, &before, 0, 32 * MIB);
    cribd_stop(&daemon);
}

/* --- slow ones --- */

#define SLOW 8

/* They send a byte when others have been served once more. */
static void test_one_byte_at_a_time(void **state)
{
    Crib__InfoRequest info = CRIB__INFO_REQUEST__INIT;
    struct client_measure before;
    struct cribd daemon;
    int slow[SLOW];
    uint8_t *data;
    size_t len;

    (void)state;
    cribd_start(&daemon, NULL);
    check_served(&daemon);
    before = client_measure(&daemon, 0);
    data = framed(1, "Info", &info, &len);
    for (int i = 0; i < SLOW; i++)
        slow[i] = cribd_connect(&daemon);
    for (size_t at = 0; at < len; at++) {
        for (int i = 0; i < SLOW; i++)
            assert_true(cribd_bytes(slow[i], data + at, 1));
        check_served(&daemon);
    }
    for (int i = 0; i < SLOW; i++) {
        assert_int_equal(cribd_code(slow[i]), 0);
        close(slow[i]);
    }
    free(data);
    client_settled_soon(&daemon, &before, 0, 8 * MIB);
    cribd_stop(&daemon);
}

/* --- many --- */

#define MANY 10000

static int try_connect(const struct cribd *daemon)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon->socket);
    if (sock >= 0 && connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0) {
        close(sock);
        sock = -1;
    }
    return sock;
}

static bool was_closed(int sock)
{
    char byte;

    return recv(sock, &byte, 1, MSG_DONTWAIT) == 0;
}

struct crowd {
    int *socks, count, closed;
};

/* All but those that the quota allows. */
static bool over_the_quota_closed(void *data)
{
    struct crowd *crowd = data;

    crowd->closed = 0;
    for (int i = 0; i < crowd->count; i++)
        crowd->closed += was_closed(crowd->socks[i]);
    return crowd->count - crowd->closed <= 256;
}

static bool is_served(void *data)
{
    int sock = try_connect(data), code = -1;

    if (sock < 0)
        return false;
    if (cribd_request(sock, 1, "Info", NULL, 0))
        code = cribd_code(sock);
    close(sock);
    return code == 0;
}

static void test_ten_thousand_connections(void **state)
{
    struct rlimit limit, old;
    struct crowd crowd = {.socks = calloc(MANY, sizeof(int))};
    struct client_measure before;
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, NULL);
    check_served(&daemon);
    before = client_measure(&daemon, 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = (struct rlimit){old.rlim_max, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (client_root())
        client_become(CLIENT_UID);
    while (crowd.count < MANY && (crowd.socks[crowd.count] = try_connect(&daemon)) >= 0)
        crowd.count++;
    if (client_root())
        client_back();
    /* who was connected before goes on, and so does another uid */
    check_served(&daemon);
    cribd_until(over_the_quota_closed, &crowd, "connections over the quota are closed");
    assert_true(crowd.count > 256);
    if (client_root())
        assert_true(is_served(&daemon));
    print_message("           %d connected, %d of them sent away\n", crowd.count, crowd.closed);
    for (int i = 0; i < crowd.count; i++)
        close(crowd.socks[i]);
    free(crowd.socks);
    cribd_until(is_served, &daemon, "a new connection is served");
    client_settled(&daemon, &before, 0, 24 * MIB);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    cribd_stop(&daemon);
}

/* --- many at once --- */

#define CLIENTS 32
#define ROUNDS  40

/* 16 bytes a line; 1 MiB. */
static const char *const count_up[] = {"-c", "seq -f %015.0f 0 65535", NULL};

/* Reads a little. Return: whether it was the last. */
static bool sip(struct cribd *daemon, Crib__ReadRequest *request)
{
    const Crib__ReadResponse *answer = cribd_call(daemon, RPC_READ, request);
    char line[32];

    assert_int_equal(answer->offset, request->offset);
    for (size_t i = 0; i + 16 <= answer->data.len; i += 16) {
        snprintf(line, sizeof(line), "%015llu\n", (unsigned long long)((request->offset + i) / 16));
        assert_memory_equal(answer->data.data + i, line, 16);
    }
    request->offset += answer->data.len;
    return answer->end;
}

static void hammer(const int *socks, int round)
{
    for (uint32_t i = 0; i < CLIENTS; i++)
        for (uint32_t n = 0; n < 20; n++)
            assert_true(
                cribd_request(socks[i], 2 * (20 * (uint32_t)round + n) + 1, "Info", NULL, 0));
}

static void test_a_slow_reader_among_those_who_hammer(void **state)
{
    Crib__ReadRequest request = CRIB__READ_REQUEST__INIT;
    int socks[CLIENTS];
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, NULL);
    request.task = cribd_spawn(&daemon, "/bin/sh", count_up, NULL);
    request.stream = 1;
    request.max = 4096;
    request.wait = CRIBD_PATIENCE_MS;
    for (int i = 0; i < CLIENTS; i++)
        socks[i] = cribd_connect(&daemon);
    for (int round = 0; round < ROUNDS; round++) {
        hammer(socks, round);
        sip(&daemon, &request);
        for (int i = 0; i < CLIENTS; i++)
            for (int n = 0; n < 20; n++)
                assert_int_equal(cribd_code(socks[i]), 0);
    }
    request.max = 0;
    while (!sip(&daemon, &request))
        ;
    assert_int_equal(request.offset, MIB);
    for (int i = 0; i < CLIENTS; i++)
        close(socks[i]);
    cribd_stop(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_does_not_read_is_not_read_from),
        cmocka_unit_test(test_large_requests_are_within_the_quota),
        cmocka_unit_test(test_many_plans_at_once_hold_few_descriptors),
        cmocka_unit_test(test_one_byte_at_a_time),
        cmocka_unit_test(test_ten_thousand_connections),
        cmocka_unit_test(test_a_slow_reader_among_those_who_hammer),
    };

    return test_run(tests);
}
