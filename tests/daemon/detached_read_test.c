/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that comes back reads on where it was, without a gap or a byte twice, or is told exactly
 * how many bytes it has missed.
 */
#include "daemon/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE   16 /* bytes; of `seq -f %015.0f` */
#define BUFFER ((uint64_t)64 * 1024)

static void detached(Crib__SpawnRequest *request)
{
    request->detached = true;
    request->buffer = BUFFER;
}

static bool is_counting(uint64_t offset, const uint8_t *data, size_t len)
{
    char line[LINE + 16];

    for (size_t i = 0; i < len; i++) {
        snprintf(line, sizeof(line), "%015llu\n", (unsigned long long)((offset + i) / LINE));
        if (data[i] != (uint8_t)line[(offset + i) % LINE])
            return false;
    }
    return true;
}

/* One that reads a stream, over as many connections as it likes. */
struct reader {
    struct cribd *client;
    uint64_t task, offset, received, lost;
    bool end;
};

static void read_some(struct reader *reader, uint32_t max, uint64_t wait)
{
    Crib__ReadRequest request = CRIB__READ_REQUEST__INIT;
    const Crib__ReadResponse *answer;

    request.task = reader->task;
    request.stream = 1;
    request.offset = reader->offset;
    request.max = max;
    request.wait = wait;
    answer = cribd_call(reader->client, RPC_READ, &request);
    assert_int_equal(answer->offset, request.offset + answer->lost);
    assert_true(is_counting(answer->offset, answer->data.data, answer->data.len));
    reader->lost += answer->lost;
    reader->received += answer->data.len;
    reader->offset = answer->offset + answer->data.len;
    reader->end = answer->end;
    assert_int_equal(reader->offset, reader->received + reader->lost);
}

/* Writes lines to cat. */
static void write_lines(struct cribd *client, uint64_t task, uint64_t *line, int count)
{
    Crib__WriteRequest request = CRIB__WRITE_REQUEST__INIT;
    char *text = malloc((size_t)count * LINE + 1);

    request.task = task;
    request.offset = *line * LINE;
    for (int i = 0; i < count; i++)
        snprintf(text + i * LINE, LINE + 1, "%015llu\n", (unsigned long long)(*line)++);
    request.data = (ProtobufCBinaryData){(size_t)count * LINE, (uint8_t *)text};
    request.wait = CRIBD_PATIENCE_MS;
    assert_int_equal(((const Crib__WriteResponse *)cribd_call(client, RPC_WRITE, &request))->offset,
                     *line * LINE);
    free(text);
}

static void close_stdin(struct cribd *client, uint64_t task, uint64_t offset)
{
    Crib__CloseStdinRequest request = CRIB__CLOSE_STDIN_REQUEST__INIT;

    request.task = task;
    request.offset = offset;
    cribd_call(client, RPC_CLOSE_STDIN, &request);
    cribd_wait(client, task, CRIB__TASK_STATE__ENDED);
}

static void test_reading_on_over_many_connections(void **state)
{
    const char *const cat[] = {"-c", "exec cat", NULL};
    struct cribd daemon, client;
    struct reader reader = {&client};
    uint64_t line = 0;

    (void)state;
    cribd_start(&daemon, NULL);
    reader.task = cribd_spawn(&daemon, "/bin/sh", cat, detached);
    for (int i = 0; i < 20; i++) {
        client_join(&daemon, &client);
        write_lines(&client, reader.task, &line, 100 + i);
        /* not all: the rest is for the next connection */
        while (reader.offset + 500 < line * LINE)
            read_some(&reader, 333, CRIBD_PATIENCE_MS);
        client_leave(&client);
    }
    client_join(&daemon, &client);
    close_stdin(&client, reader.task, line * LINE);
    while (!reader.end)
        read_some(&reader, 0, CRIBD_PATIENCE_MS);
    assert_int_equal(reader.lost, 0);
    assert_int_equal(reader.received, line * LINE);
    client_leave(&client);
    cribd_stop(&daemon);
}

/* It ran on while nobody looked. */
static void test_lost_and_received_are_what_was_written(void **state)
{
    const char *const count_up[] = {"-c", "seq -f %015.0f 0 65535", NULL};
    struct cribd daemon;
    struct reader reader = {&daemon}, again = {&daemon};

    (void)state;
    cribd_start(&daemon, NULL);
    again.task = reader.task = cribd_spawn(&daemon, "/bin/sh", count_up, detached);
    cribd_wait(&daemon, reader.task, CRIB__TASK_STATE__ENDED);
    while (!reader.end)
        read_some(&reader, 1000, 0);
    assert_int_equal(reader.lost + reader.received, 65536 * LINE);
    assert_true(reader.lost > 0 && reader.received >= BUFFER);
    /* what was read once is kept for another one */
    while (!again.end)
        read_some(&again, 0, 0);
    assert_int_equal(again.received, reader.received);
    cribd_stop(&daemon);
}

struct ahead {
    struct reader *reader;
    uint64_t next;
};

static bool has_come(void *data)
{
    Crib__InspectRequest request = CRIB__INSPECT_REQUEST__INIT;
    const Crib__InspectResponse *answer;
    struct ahead *ahead = data;

    request.task = ahead->reader->task;
    answer = cribd_call(ahead->reader->client, RPC_INSPECT, &request);
    for (size_t i = 0; i < answer->n_streams; i++)
        if (answer->streams[i]->stream == 1 && answer->streams[i]->next >= ahead->next)
            return true;
    return false;
}

/* It is overtaken again and again, and counts right each time. */
static void test_a_reader_that_is_overtaken(void **state)
{
    const char *const cat[] = {"-c", "exec cat", NULL};
    struct cribd daemon;
    struct reader reader = {&daemon};
    struct ahead ahead = {&reader, 0};
    uint64_t line = 0;
    int gaps = 0;

    (void)state;
    cribd_start(&daemon, NULL);
    reader.task = cribd_spawn(&daemon, "/bin/sh", cat, detached);
    for (int i = 0; i < 10; i++) {
        uint64_t lost = reader.lost;

        for (int n = 0; n < 3; n++) {
            write_lines(&daemon, reader.task, &line, 2000 + 500 * i);
            ahead.next = line * LINE;
            cribd_until(has_come, &ahead, "cat says it back");
        }
        read_some(&reader, 100, 0);
        gaps += reader.lost > lost;
    }
    while (reader.offset < line * LINE)
        read_some(&reader, 0, 0);
    assert_int_equal(reader.lost + reader.received, line * LINE);
    assert_true(gaps > 5);
    close_stdin(&daemon, reader.task, line * LINE);
    cribd_stop(&daemon);
}

/* Before and behind what there is. */
static void test_offsets_that_are_none(void **state)
{
    const char *const hello[] = {"-c", "echo hello", NULL};
    Crib__ReadRequest request = CRIB__READ_REQUEST__INIT;
    struct crib_error error;
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, NULL);
    request.task = cribd_spawn(&daemon, "/bin/sh", hello, detached);
    request.stream = 1;
    cribd_wait(&daemon, request.task, CRIB__TASK_STATE__ENDED);
    request.offset = 7;
    assert_int_equal(cribd_refused(&daemon, RPC_READ, &request, &error), ERANGE);
    request.offset = UINT64_MAX;
    assert_int_equal(cribd_refused(&daemon, RPC_READ, &request, &error), ERANGE);
    request.offset = 6;
    assert_true(((const Crib__ReadResponse *)cribd_call(&daemon, RPC_READ, &request))->end);
    assert_string_equal(cribd_output(&daemon, request.task, 1), "hello\n");
    request.stream = 7;
    cribd_refused(&daemon, RPC_READ, &request, &error);
    cribd_stop(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading_on_over_many_connections),
        cmocka_unit_test(test_lost_and_received_are_what_was_written),
        cmocka_unit_test(test_a_reader_that_is_overtaken),
        cmocka_unit_test(test_offsets_that_are_none),
    };

    return test_run(tests);
}
