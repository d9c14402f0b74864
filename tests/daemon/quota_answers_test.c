/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The largest there may be: messages pass, lists come in pieces, and what no frame holds is an
 * error and not the end of the connection.
 */
#include "daemon/client.h"

#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

/* --- messages --- */

static void with_channel(Crib__SpawnRequest *request)
{
    static Crib__Stdio entries[2];
    static Crib__Stdio *list[] = {&entries[0], &entries[1]};

    for (int i = 0; i < 2; i++) {
        crib__stdio__init(&entries[i]);
        entries[i].has_fd = entries[i].has_kind = true;
    }
    entries[0].fd = 1;
    entries[0].kind = CRIB__STDIO__KIND__pipe;
    entries[1].fd = 3;
    entries[1].kind = CRIB__STDIO__KIND__channel;
    request->task->stdio = list;
    request->task->n_stdio = 2;
}

/* In chunks of a mebibyte, under the quota that there is when nothing else is said. */
static void test_a_message_of_64_mebibytes(void **state)
{
    const char *const count[] = {"-c", "cat <&3 | wc -c", NULL};
    Crib__SendRequest request = CRIB__SEND_REQUEST__INIT;
    uint8_t *chunk = calloc(1, MIB);
    struct cribd daemon;
    uint64_t task;

    (void)state;
    cribd_start(&daemon, NULL);
    task = request.task = cribd_spawn(&daemon, "/bin/sh", count, with_channel);
    request.message = 1;
    request.type = (char *)"large";
    request.data = (ProtobufCBinaryData){MIB, chunk};
    request.wait = CRIBD_PATIENCE_MS;
    for (; request.offset < 64 * MIB; request.offset += MIB) {
        request.last = request.offset == 63 * MIB;
        cribd_call(&daemon, RPC_SEND, &request);
    }
    request = (Crib__SendRequest)CRIB__SEND_REQUEST__INIT;
    request.task = task;
    request.disconnect = true;
    request.wait = CRIBD_PATIENCE_MS;
    cribd_call(&daemon, RPC_SEND, &request);
    /* the frame's own bytes come on top, and so does the disconnect */
    assert_in_range(atoll(cribd_output(&daemon, task, 1)), 64 * MIB + 1, 64 * MIB + 100);
    free(chunk);
    cribd_stop(&daemon);
}

/* --- lists --- */

#define TASKS 80
#define LARGE 60000 /* bytes of an argument */

/* Together they have more arguments than a frame has room for. */
static void test_a_long_list_comes_in_pieces(void **state)
{
    Crib__ListRequest list = CRIB__LIST_REQUEST__INIT;
    char *large = malloc(LARGE + 1);
    const char *const args[] = {large, NULL};
    const Crib__ListResponse *answer;
    struct cribd daemon;
    size_t seen = 0;
    int pieces = 0;

    (void)state;
    memset(large, 'x', LARGE);
    large[LARGE] = '\0';
    cribd_start(&daemon, NULL);
    for (int i = 0; i < TASKS; i++)
        cribd_spawn(&daemon, "/bin/true", args, NULL);
    do {
        answer = cribd_call(&daemon, RPC_LIST, &list);
        assert_true(answer->n_tasks > 0);
        for (size_t i = 0; i < answer->n_tasks; i++) {
            assert_true(answer->tasks[i]->task > list.after);
            list.after = answer->tasks[i]->task;
            assert_int_equal(answer->tasks[i]->args[0].len, LARGE);
        }
        seen += answer->n_tasks;
        pieces++;
    } while (answer->more);
    assert_int_equal(seen, TASKS);
    assert_true(pieces > 1);
    free(large);
    cribd_stop(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_of_64_mebibytes),
        cmocka_unit_test(test_a_long_list_comes_in_pieces),
    };

    return test_run(tests);
}
