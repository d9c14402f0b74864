/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that name paths on a file system that does not answer: they wait until the deadline of
 * the opener, and nobody else does. Where FUSE cannot be had, an opener that is stopped stands for
 * one that waits: to the daemon they are the same.
 */
#include "daemon/client.h"
#include "daemon/fuse.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SITE "rules: [{policies: ['*'], widest: '*', binds: write}]\ngrace: 100ms\n"

static const char *const echo[] = {"-c", "echo here", NULL};

static uid_t limited(void)
{
    return client_root() ? CLIENT_UID : getuid();
}

static bool is_answered(int sock)
{
    char byte;

    return recv(sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static void check_served(struct cribd *client)
{
    uint64_t task = cribd_spawn(client, "/bin/sh", echo, NULL);
    Crib__ForgetRequest forget = CRIB__FORGET_REQUEST__INIT;

    assert_string_equal(cribd_output(client, task, 1), "here\n");
    cribd_wait(client, task, CRIB__TASK_STATE__ENDED);
    forget.task = task;
    cribd_call(client, RPC_FORGET, &forget);
}

static ProtobufCBinaryData bytes_of(const char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
}

struct asked {
    Crib__SpawnRequest request;
    Crib__Task task;
    Crib__Mount mount, *mounts[1];
    Crib__Stdio stdio, *list[1];
};

static void ask(struct asked *asked)
{
    memset(asked, 0, sizeof(*asked));
    crib__spawn_request__init(&asked->request);
    crib__task__init(&asked->task);
    crib__mount__init(&asked->mount);
    crib__stdio__init(&asked->stdio);
    asked->mounts[0] = &asked->mount;
    asked->list[0] = &asked->stdio;
    asked->request.task = &asked->task;
    asked->task.has_file = true;
    asked->task.file = bytes_of("/bin/true");
}

/* The only child of a daemon without tasks is its opener, which is idle now and will be asked next.
 */
static void stop_opener(const struct cribd *daemon)
{
    char path[64], *text;

    assert_int_equal(client_children(daemon), 1);
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", daemon->pid, daemon->pid);
    text = test_read(path, NULL);
    assert_int_equal(kill(atoi(text), SIGSTOP), 0);
    free(text);
}

static void test_an_opener_that_does_not_answer(void **state)
{
    struct client_measure before;
    struct cribd daemon;
    struct asked asked;
    int sock;

    (void)state;
    cribd_start(&daemon, SITE);
    check_served(&daemon);
    before = client_measure(&daemon, 0);
    stop_opener(&daemon);
    sock = cribd_connect(&daemon);
    ask(&asked);
    client_ask(sock, 1, "Spawn", &asked.request);
    assert_true(cribd_request(sock, 3, "Info", NULL, 0));
    assert_int_equal(cribd_code(sock), 0); /* so it is the first in line */
    for (int i = 0; i < 10; i++)
        check_served(&daemon);
    assert_false(is_answered(sock));
    assert_int_equal(cribd_code(sock), 4);
    close(sock);
    client_settled(&daemon, &before, 0, 8 << 20);
    cribd_stop(&daemon);
}

/* --- with a file system --- */

static void as_bind(struct asked *asked, const char *path)
{
    asked->task.mounts = asked->mounts;
    asked->task.n_mounts = 1;
    asked->mount.has_source = asked->mount.has_target = true;
    asked->mount.source = bytes_of(path);
    asked->mount.target = bytes_of("/tmp/x");
}

static void as_stdin(struct asked *asked, const char *path)
{
    asked->task.stdio = asked->list;
    asked->task.n_stdio = 1;
    asked->stdio.has_fd = asked->stdio.has_kind = asked->stdio.has_path = true;
    asked->stdio.kind = CRIB__STDIO__KIND__file;
    asked->stdio.path = bytes_of(path);
}

static void as_output(struct asked *asked, const char *path)
{
    as_stdin(asked, path);
    asked->stdio.fd = 1;
}

static void as_program(struct asked *asked, const char *path)
{
    asked->task.file = bytes_of(path);
}

static void (*const uses[])(struct asked *, const char *) = {as_bind, as_stdin, as_output,
                                                             as_program};
#define USES (int)(sizeof(uses) / sizeof(uses[0]))

static void start_with_fuse(struct cribd *daemon, struct fuse *fuse)
{
    char *dir;

    cribd_start(daemon, SITE);
    assert_true(asprintf(&dir, "%s/fuse", daemon->dir) > 0);
    assert_int_equal(mkdir(dir, 0755), 0);
    fuse_start(fuse, dir);
    free(dir);
    check_served(daemon);
}

static void test_a_file_system_that_does_not_answer(void **state)
{
    int socks[USES];
    struct client_measure before;
    struct cribd daemon, other;
    struct asked asked;
    struct fuse fuse;

    (void)state;
    start_with_fuse(&daemon, &fuse);
    before = client_measure(&daemon, 0);
    fuse_hang(&fuse);
    for (int i = 0; i < USES; i++) {
        socks[i] = client_connect_as(&daemon, limited());
        ask(&asked);
        uses[i](&asked, fuse.file);
        client_ask(socks[i], 1, "Spawn", &asked.request);
    }
    for (int i = 0; i < 10; i++)
        check_served(&daemon);
    client_join_as(&daemon, limited(), &other);
    check_served(&other); /* and another client of the same uid */
    client_leave(&other);
    for (int i = 0; i < USES; i++)
        assert_false(is_answered(socks[i]));
    for (int i = 0; i < USES; i++) {
        assert_int_equal(cribd_code(socks[i]), 4);
        close(socks[i]);
    }
    check_served(&daemon);
    fuse_stop(&fuse);
    client_settled(&daemon, &before, 0, 8 << 20);
    cribd_stop(&daemon);
}

/* Its client goes, or has a deadline of its own, or the daemon is told to end. */
static void test_giving_up_what_hangs(void **state)
{
    Crib__Ttrpc__Request request = CRIB__TTRPC__REQUEST__INIT;
    struct cribd daemon;
    struct asked asked;
    struct fuse fuse;
    size_t len;
    void *data;
    int sock;

    (void)state;
    start_with_fuse(&daemon, &fuse);
    fuse_hang(&fuse);
    ask(&asked);
    as_bind(&asked, fuse.file);
    sock = client_connect_as(&daemon, limited());
    client_ask(sock, 1, "Spawn", &asked.request);
    check_served(&daemon);
    close(sock);
    request.service = (char *)"crib.Executor";
    request.method = (char *)"Spawn";
    request.payload.data = client_pack(&asked.request, &request.payload.len);
    request.timeout_nano = 100 * 1000 * 1000;
    data = client_pack(&request, &len);
    sock = client_connect_as(&daemon, limited());
    assert_true(client_frame(sock, 1, TTRPC_REQUEST, 0, data, len));
    assert_int_equal(cribd_code(sock), 4);
    request.timeout_nano = 0;
    client_ask(sock, 3, "Spawn", &asked.request);
    free(request.payload.data);
    free(data);
    check_served(&daemon);
    cribd_stop(&daemon);
    close(sock);
    fuse_stop(&fuse);
}

static void as_cwd(struct asked *asked, const char *path)
{
    asked->request.policy = (char *)"open";
    asked->task.has_cwd = true;
    asked->task.cwd = bytes_of(path);
}

/* What is in the sandbox is looked at there: the start of the task hangs, and cannot even be
 * killed. The daemon goes on, and ends when it is told to. */
static void test_a_task_that_cannot_be_killed(void **state)
{
    Crib__KillRequest kill_it = CRIB__KILL_REQUEST__INIT;
    struct cribd daemon, client;
    struct asked asked;
    struct fuse fuse;

    (void)state;
    start_with_fuse(&daemon, &fuse);
    client_join_as(&daemon, limited(), &client);
    fuse_hang(&fuse);
    ask(&asked);
    as_cwd(&asked, fuse.file);
    kill_it.task =
        ((const Crib__SpawnResponse *)cribd_call(&client, RPC_SPAWN, &asked.request))->task;
    check_served(&daemon);
    kill_it.signal = SIGKILL;
    cribd_call(&client, RPC_KILL, &kill_it);
    check_served(&daemon);
    check_served(&client);
    client_leave(&client);
    check_served(&daemon);
    cribd_stop(&daemon);
    fuse_stop(&fuse);
}

int main(void)
{
    const struct CMUnitTest without[] = {cmocka_unit_test(test_an_opener_that_does_not_answer)};
    const struct CMUnitTest with[] = {
        cmocka_unit_test(test_a_file_system_that_does_not_answer),
        cmocka_unit_test(test_giving_up_what_hangs),
        cmocka_unit_test(test_a_task_that_cannot_be_killed),
    };

    if (!fuse_possible())
        return test_run(without);
    if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return 1;
    return test_run(with);
}
