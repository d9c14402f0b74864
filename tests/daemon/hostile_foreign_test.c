/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for tasks and fds of somebody else: they are answered as if there were none. Where the
 * test is not root's, and so nobody else is there, the same for tasks that are no more.
 */
#include "daemon/client.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/frame.h"

static const char *const sleeping[] = {"-c", "exec sleep 1000", NULL};

/* Return: whether the request of a method begins with the task's number. */
static bool names_a_task(unsigned method)
{
    return method != RPC_INFO && method != RPC_SPAWN && method != RPC_LIST &&
           method != RPC_POLICY_CHECK && method != RPC_PLAN && method != RPC_CLUSTER;
}

static size_t task_payload(uint8_t *to, uint64_t task)
{
    size_t at = 0;

    to[at++] = 1 << 3;
    for (; task >= 0x80; task >>= 7)
        to[at++] = (uint8_t)(task | 0x80);
    to[at++] = (uint8_t)task;
    return at;
}

/* What is said of a task, without its number; it must be NotFound. Return: malloced. */
static char *said_of(int sock, uint32_t stream, const char *method, uint64_t task)
{
    uint8_t payload[16], *answer;
    Crib__Ttrpc__Response *response;
    struct ttrpc_frame frame;
    char *text, *to;

    assert_true(cribd_request(sock, stream, method, payload, task_payload(payload, task)));
    assert_true(cribd_frame(sock, &frame, &answer));
    response = crib__ttrpc__response__unpack(NULL, frame.len, frame.payload);
    assert_non_null(response);
    assert_non_null(response->status);
    assert_int_equal(response->status->code, 5);
    text = to = strdup(response->status->message);
    for (const char *at = text; *at; at++)
        if (!isdigit(*at))
            *to++ = *at;
    *to = '\0';
    crib__ttrpc__response__free_unpacked(response, NULL);
    free(answer);
    return text;
}

/* No method tells a task that is there from one that never was. */
static void check_hidden(int sock, uint64_t task)
{
    const ProtobufCServiceDescriptor *service = &crib__executor__descriptor;
    static uint32_t stream = 1;

    for (unsigned i = 0; i < service->n_methods; i++) {
        char *hidden, *never;

        if (!names_a_task(i))
            continue;
        hidden = said_of(sock, stream, service->methods[i].name, task);
        never = said_of(sock, stream + 2, service->methods[i].name, 4000000000);
        assert_string_equal(hidden, never);
        free(hidden);
        free(never);
        stream += 4;
    }
}

static int take_code(int sock, uint64_t task, Crib__FdTake__What what)
{
    struct frame_writer *writer = frame_writer_new(0);
    struct frame_reader *reader = frame_reader_new(0);
    Crib__FdTake take = CRIB__FD_TAKE__INIT;
    Crib__FdReply *reply;
    struct frame *frame;
    uint8_t data[64];
    int code;

    take.task = task;
    take.what = what;
    frame_writer_add(writer, "FdTake", data, crib__fd_take__pack(&take, data), NULL, 0);
    assert_int_equal(frame_writer_flush(writer, sock), 0);
    while (frame_reader_next(reader, &frame, NULL) == 0)
        assert_true(frame_reader_fill(reader, sock, NULL) > 0);
    reply = crib__fd_reply__unpack(NULL, frame->len, frame->payload);
    code = reply->code;
    crib__fd_reply__free_unpacked(reply, NULL);
    frame_reader_free(reader);
    frame_writer_free(writer);
    return code;
}

static void test_tasks_of_others_are_not_there(void **state)
{
    struct cribd daemon, owner;
    int sock, side;
    uint64_t task;

    (void)state;
    cribd_start(&daemon, NULL);
    client_join_as(&daemon, CLIENT_UID, &owner);
    task = cribd_spawn(&owner, "/bin/sh", sleeping, NULL);
    cribd_wait(&owner, task, CRIB__TASK_STATE__RUNNING);
    assert_int_equal(client_tasks(&owner), 1);
    if (!client_root()) { /* the only one there is: gone */
        client_leave(&owner);
        client_quiet(&daemon, 0);
        client_join(&daemon, &owner);
    }
    sock = client_connect_as(&daemon, CLIENT_OTHER);
    check_hidden(sock, task);
    side = client_connect_as(&daemon, CLIENT_OTHER);
    assert_true(cribd_bytes(side, "\xfd", 1));
    for (int what = 0; what < 3; what++)
        assert_int_equal(take_code(side, task, (Crib__FdTake__What)what), 5);
    close(side);
    close(sock);
    if (client_root()) /* and nothing has happened to it */
        assert_int_equal(cribd_wait(&owner, task, CRIB__TASK_STATE__STARTING)->state,
                         CRIB__TASK_STATE__RUNNING);
    client_leave(&owner);
    cribd_stop(&daemon);
}

/* List and Info count what is the caller's; root sees all, and may end it. */
static void test_who_sees_what(void **state)
{
    Crib__KillRequest kill_it = CRIB__KILL_REQUEST__INIT;
    Crib__InfoRequest info = CRIB__INFO_REQUEST__INIT;
    struct cribd daemon, owner, twin, other;

    (void)state;
    cribd_start(&daemon, NULL);
    client_join_as(&daemon, CLIENT_UID, &owner);
    client_join_as(&daemon, CLIENT_UID, &twin);
    client_join_as(&daemon, CLIENT_OTHER, &other);
    kill_it.task = cribd_spawn(&owner, "/bin/sh", sleeping, NULL);
    cribd_wait(&twin, kill_it.task, CRIB__TASK_STATE__RUNNING);
    assert_int_equal(client_tasks(&twin), 1);
    assert_int_equal(client_tasks(&daemon), 1);
    if (client_root()) {
        assert_int_equal(client_tasks(&other), 0);
        assert_int_equal(((const Crib__InfoResponse *)cribd_call(&other, RPC_INFO, &info))->tasks,
                         0);
        assert_int_equal(
            ((const Crib__InfoResponse *)cribd_call(&owner, RPC_INFO, &info))->peer_uid,
            CLIENT_UID);
    }
    kill_it.signal = SIGKILL;
    cribd_call(&daemon, RPC_KILL, &kill_it);
    assert_int_equal(cribd_wait(&owner, kill_it.task, CRIB__TASK_STATE__ENDED)->result->verdict,
                     CRIB__RESULT__VERDICT__killed);
    client_leave(&other);
    client_leave(&twin);
    client_leave(&owner);
    cribd_stop(&daemon);
}

static char given_name[64];

static void given_as_stdout(Crib__SpawnRequest *request)
{
    static Crib__Stdio entry;
    static Crib__Stdio *list[] = {&entry};

    crib__stdio__init(&entry);
    entry.has_fd = entry.has_kind = true;
    entry.fd = 1;
    entry.kind = CRIB__STDIO__KIND__given;
    entry.name = given_name;
    request->task->stdio = list;
    request->task->n_stdio = 1;
}

/* Return: the code of a Spawn with the given name. */
static int spawn_code(const struct cribd *daemon, uid_t uid, const char *name)
{
    Crib__SpawnRequest request = CRIB__SPAWN_REQUEST__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    int sock = client_connect_as(daemon, uid), code;

    task.has_file = true;
    task.file = (ProtobufCBinaryData){9, (uint8_t *)"/bin/true"};
    request.task = &task;
    strncpy(given_name, name, sizeof(given_name) - 1);
    given_as_stdout(&request);
    client_ask(sock, 1, "Spawn", &request);
    code = cribd_code(sock);
    close(sock);
    return code;
}

/* Registers a pipe under `mine`. Return: the connection. */
static int register_mine(const struct cribd *daemon, uid_t uid)
{
    struct frame_writer *writer = frame_writer_new(0);
    struct frame_reader *reader = frame_reader_new(0);
    Crib__FdRegister request = CRIB__FD_REGISTER__INIT;
    char *names[] = {(char *)"mine"};
    int sock = client_connect_as(daemon, uid), ends[2];
    struct frame *frame;
    uint8_t data[64];

    assert_true(cribd_bytes(sock, "\xfd", 1));
    assert_int_equal(pipe(ends), 0);
    request.names = names;
    request.n_names = 1;
    assert_int_equal(frame_writer_add(writer, "FdRegister", data,
                                      crib__fd_register__pack(&request, data), &ends[1], 1),
                     0);
    assert_int_equal(frame_writer_flush(writer, sock), 0);
    while (frame_reader_next(reader, &frame, NULL) == 0)
        assert_true(frame_reader_fill(reader, sock, NULL) > 0);
    assert_int_equal(frame->len, 0); /* it went well */
    frame_reader_free(reader);
    frame_writer_free(writer);
    close(ends[0]);
    close(ends[1]);
    return sock;
}

static void test_fds_of_others_are_not_there(void **state)
{
    struct cribd daemon;
    int mine, theirs;

    (void)state;
    cribd_start(&daemon, NULL);
    mine = register_mine(&daemon, CLIENT_UID);
    assert_int_equal(spawn_code(&daemon, CLIENT_UID, "mine"), 0);
    assert_int_equal(spawn_code(&daemon, CLIENT_UID, "none"), 3);
    if (client_root()) {
        assert_int_equal(spawn_code(&daemon, CLIENT_OTHER, "mine"), 3);
        assert_int_equal(spawn_code(&daemon, 0, "mine"), 3);
        /* nor is the name taken */
        theirs = register_mine(&daemon, CLIENT_OTHER);
        assert_int_equal(spawn_code(&daemon, CLIENT_OTHER, "mine"), 0);
        close(theirs);
    }
    close(mine);
    client_quiet(&daemon, 0);
    assert_int_equal(spawn_code(&daemon, CLIENT_UID, "mine"), 3);
    cribd_stop(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tasks_of_others_are_not_there),
        cmocka_unit_test(test_who_sees_what),
        cmocka_unit_test(test_fds_of_others_are_not_there),
    };

    return test_run(tests);
}
