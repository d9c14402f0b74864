/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a client has copied, by the protocol itself: a source is opened with the client's
 * rights, and where the daemon would have to make a file, or to believe a number, it refuses.
 */
#include "daemon/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define SITE                                                                                       \
    "rules:\n"                                                                                     \
    "- {policies: ['*'], widest: '*', binds: write}\n"
#define PRECIOUS "precious\n"

static uid_t limited(void)
{
    return client_root() ? CLIENT_UID : getuid();
}

struct asked {
    struct cribd daemon, client;
    Crib__CopyIn in, *ins[1];
    Crib__CopyOut out[4], *outs[4];
    size_t n_out;
    char file[512], secret[512], link[512], fifo[512];
};

/* For the callback of cribd_spawn(). */
static struct asked *asking;

static ProtobufCBinaryData bytes_of(const char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
}

static void start(struct asked *a)
{
    memset(a, 0, sizeof(*a));
    cribd_start(&a->daemon, SITE);
    snprintf(a->file, 512, "%s/file", a->daemon.dir);
    snprintf(a->secret, 512, "%s/secret", a->daemon.dir);
    snprintf(a->link, 512, "%s/link", a->daemon.dir);
    snprintf(a->fifo, 512, "%s/fifo", a->daemon.dir);
    test_write(a->file, "#!/bin/sh\n", 10, 0755);
    test_write(a->secret, PRECIOUS, strlen(PRECIOUS), 0600);
    assert_int_equal(symlink("file", a->link), 0);
    assert_int_equal(mkfifo(a->fifo, 0666), 0);
    if (!client_root())
        assert_int_equal(chmod(a->secret, 0), 0);
    client_join_as(&a->daemon, limited(), &a->client);
    crib__copy_in__init(&a->in);
    a->in.has_path = true;
    a->in.path = bytes_of("/tmp/in");
    a->ins[0] = &a->in;
    for (int i = 0; i < 4; i++) {
        crib__copy_out__init(&a->out[i]);
        a->out[i].has_path = true;
        a->out[i].path = bytes_of("/tmp/out");
        a->outs[i] = &a->out[i];
    }
}

static void stop(struct asked *a)
{
    client_leave(&a->client);
    cribd_stop(&a->daemon);
}

static void change(Crib__SpawnRequest *request)
{
    request->task->copy_in = asking->ins;
    request->task->n_copy_in =
        asking->in.has_content || asking->in.has_source || asking->in.has_from || asking->in.name;
    request->task->copy_out = asking->outs;
    request->task->n_copy_out = asking->n_out;
    request->cwd = bytes_of(asking->daemon.dir);
}

static const Crib__Result *run(struct asked *a, const char *script)
{
    const char *const args[] = {"-c", script, NULL};
    uint64_t task;

    asking = a;
    task = cribd_spawn(&a->client, "/bin/sh", args, change);
    return cribd_wait(&a->client, task, CRIB__TASK_STATE__ENDED)->result;
}

static int refused(struct asked *a, const char *part)
{
    Crib__SpawnRequest request = CRIB__SPAWN_REQUEST__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    struct crib_error error = {0};
    char text[1024];
    int code;

    asking = a;
    request.task = &task;
    task.has_file = true;
    task.file = bytes_of("/bin/true");
    change(&request);
    code = cribd_refused(&a->client, RPC_SPAWN, &request, &error);
    test_contains(crib_error_text(&error, text, sizeof(text)), part);
    return code;
}

static void set_source(struct asked *a, const char *path)
{
    a->in.has_source = true;
    a->in.source = bytes_of(path);
}

static void test_content_comes_with_the_messages(void **state)
{
    const Crib__Result *result;
    struct asked a;

    (void)state;
    start(&a);
    a.in.has_content = true;
    a.in.content = bytes_of("hello");
    a.n_out = 2;
    a.out[1].path = bytes_of("/tmp/none");
    result = run(&a, "tr a-z A-Z </tmp/in >/tmp/out");
    assert_int_equal(result->n_copied, 2);
    assert_int_equal(result->copied[0]->size, 5);
    assert_memory_equal(result->copied[0]->content.data, "HELLO", 5);
    assert_null(result->copied[0]->error);
    assert_int_equal(result->copied[1]->error->code, -ENOENT);
    assert_string_equal(result->copied[1]->error->step, "copy_out");
    test_contains(result->copied[1]->error->text, "copy_out[1] /tmp/none: No such file");
    stop(&a);
}

static void test_a_source_is_opened_as_the_client(void **state)
{
    const Crib__Result *result;
    struct asked a;

    (void)state;
    start(&a);
    a.n_out = 1;
    set_source(&a, a.file);
    result = run(&a, "stat -c %a /tmp/in >/tmp/out");
    assert_memory_equal(result->copied[0]->content.data, "755\n", 4);
    set_source(&a, "file"); /* where the client is */
    result = run(&a, "cat /tmp/in >/tmp/out");
    assert_memory_equal(result->copied[0]->content.data, "#!/bin/sh\n", 10);
    set_source(&a, a.secret);
    assert_int_equal(refused(&a, "copy_in[0] "), EACCES);
    set_source(&a, "/proc/self/environ");
    assert_int_equal(refused(&a, "copy_in[0] "), EACCES);
    set_source(&a, a.link);
    assert_int_equal(refused(&a, "copy_in[0] "), ELOOP);
    set_source(&a, a.fifo);
    assert_int_equal(refused(&a, "not a regular file"), EINVAL);
    set_source(&a, "/dev/zero");
    assert_int_equal(refused(&a, "not a regular file"), EINVAL);
    set_source(&a, a.file);
    a.in.has_max = true;
    a.in.max = 9;
    assert_int_equal(refused(&a, "10 bytes, over its cap of 9"), EFBIG);
    stop(&a);
}

static void test_what_a_daemon_does_not_do(void **state)
{
    struct asked a;

    (void)state;
    start(&a);
    a.in.has_from = true;
    a.in.from = 0;
    assert_int_equal(refused(&a, "a number is no fd of a daemon's"), EINVAL);
    a.in.has_from = false;
    a.in.name = "nobody.s";
    assert_int_equal(refused(&a, "no fd of that name is registered"), EBADF);
    a.in.name = NULL;
    a.n_out = 1;
    a.out[0].has_to = true;
    assert_int_equal(refused(&a, "a number is no fd of a daemon's"), EINVAL);
    a.out[0].has_to = false;
    a.out[0].has_target = true;
    a.out[0].target = bytes_of("/tmp/crib-made-by-a-daemon");
    assert_int_equal(refused(&a, "a daemon makes no files"), EOPNOTSUPP);
    assert_int_equal(access("/tmp/crib-made-by-a-daemon", F_OK), -1);
    a.out[0].has_target = false;
    a.out[0].name = "nobody.s";
    assert_int_equal(refused(&a, "no fd of that name is registered"), EBADF);
    stop(&a);
}

/* A result with all the content that a task may have still fits into a frame. */
static void test_the_largest_result(void **state)
{
    static const char *const paths[] = {"/tmp/a", "/tmp/b", "/tmp/c", "/tmp/d"};
    const Crib__Result *result;
    struct asked a;

    (void)state;
    start(&a);
    for (int i = 0; i < 4; i++)
        a.out[i].path = bytes_of(paths[i]);
    a.n_out = 4;
    result = run(&a, "cd /tmp; head -c 1048576 /dev/urandom | tee a b c >/dev/null; : >d");
    assert_int_equal(result->copied[0]->content.len, 1048576);
    assert_int_equal(result->copied[1]->content.len, 1048576);
    assert_int_equal(result->copied[2]->error->code, -EFBIG);
    assert_null(result->copied[3]->error);
    stop(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_comes_with_the_messages),
        cmocka_unit_test(test_a_source_is_opened_as_the_client),
        cmocka_unit_test(test_what_a_daemon_does_not_do),
        cmocka_unit_test(test_the_largest_result),
    };

    return test_run(tests);
}
