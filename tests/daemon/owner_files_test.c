/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a client names are opened with its rights, never with the daemon's: as root's daemon
 * for an ordinary uid, and as an ordinary one for itself. What it cannot reach might as well not be
 * there.
 */
#include "daemon/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SITE                                                                                       \
    "rules:\n"                                                                                     \
    "- {policies: ['*'], widest: '*', binds: write}\n"
#define PRECIOUS "precious\n"

static uid_t limited(void)
{
    return client_root() ? CLIENT_UID : getuid();
}

/*
 * DIR/secret        a file that the client may not read
 * DIR/closed/there  in a directory that it may not enter
 * DIR/closed/inner/ there too
 * DIR/mine/         its own, with `file` and the symlink `link` to ../secret
 */
struct files {
    struct cribd daemon, client;
    char secret[512], closed[512], there[512], missing[512], inner[512], mine[512], file[512];
    char out[512], link[512];
};

static void make_files(struct files *files)
{
    const char *dir = files->daemon.dir;

    snprintf(files->secret, 512, "%s/secret", dir);
    snprintf(files->closed, 512, "%s/closed", dir);
    snprintf(files->there, 512, "%s/closed/there", dir);
    snprintf(files->missing, 512, "%s/closed/nones", dir);
    snprintf(files->inner, 512, "%s/closed/inner", dir);
    snprintf(files->mine, 512, "%s/mine", dir);
    snprintf(files->file, 512, "%s/mine/file", dir);
    snprintf(files->out, 512, "%s/mine/out", dir);
    snprintf(files->link, 512, "%s/mine/link", dir);
    assert_int_equal(mkdir(files->closed, 0700), 0);
    assert_int_equal(mkdir(files->inner, 0755), 0);
    assert_int_equal(mkdir(files->mine, 0755), 0);
    test_write(files->secret, PRECIOUS, strlen(PRECIOUS), 0600);
    test_write(files->there, PRECIOUS, strlen(PRECIOUS), 0644);
    test_write(files->file, "of mine\n", 8, 0600);
    assert_int_equal(symlink("../secret", files->link), 0);
    if (client_root()) {
        assert_int_equal(chown(files->mine, CLIENT_UID, CLIENT_UID), 0);
        assert_int_equal(chown(files->file, CLIENT_UID, CLIENT_UID), 0);
    } else { /* its own, and closed even so */
        assert_int_equal(chmod(files->secret, 0), 0);
        assert_int_equal(chmod(files->closed, 0), 0);
    }
}

static void start(struct files *files)
{
    cribd_start(&files->daemon, SITE);
    make_files(files);
    client_join_as(&files->daemon, limited(), &files->client);
}

static void stop(struct files *files)
{
    char *text;

    chmod(files->secret, 0600);
    chmod(files->closed, 0700);
    text = test_read(files->secret, NULL);
    assert_string_equal(text, PRECIOUS);
    free(text);
    text = test_read(files->there, NULL);
    assert_string_equal(text, PRECIOUS);
    free(text);
    assert_int_equal(access(files->missing, F_OK), -1);
    client_leave(&files->client);
    cribd_stop(&files->daemon);
}

static ProtobufCBinaryData bytes_of(const char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
}

struct asked {
    Crib__SpawnRequest request;
    Crib__Task task;
    Crib__Stdio stdio[3], *list[3];
    Crib__Mount mount, *mounts[1];
    ProtobufCBinaryData args[2], env;
};

/* A shell with pipes for all three. */
static void ask(struct asked *asked, const char *script)
{
    memset(asked, 0, sizeof(*asked));
    crib__spawn_request__init(&asked->request);
    crib__task__init(&asked->task);
    crib__mount__init(&asked->mount);
    asked->task.has_file = true;
    asked->task.file = bytes_of("/bin/sh");
    asked->args[0] = bytes_of("-c");
    asked->args[1] = bytes_of(script);
    asked->task.args = asked->args;
    asked->task.n_args = 2;
    asked->env = bytes_of("PATH=/usr/bin:/bin");
    asked->request.env = &asked->env;
    asked->request.n_env = 1;
    asked->request.task = &asked->task;
    asked->mounts[0] = &asked->mount;
    for (uint32_t fd = 0; fd < 3; fd++) {
        crib__stdio__init(&asked->stdio[fd]);
        asked->stdio[fd].has_fd = asked->stdio[fd].has_kind = true;
        asked->stdio[fd].fd = fd;
        asked->stdio[fd].kind = CRIB__STDIO__KIND__pipe;
        asked->list[fd] = &asked->stdio[fd];
    }
    asked->task.stdio = asked->list;
    asked->task.n_stdio = 3;
}

static void with_file(struct asked *asked, int fd, const char *path, Crib__Stdio__Mode mode)
{
    asked->stdio[fd].kind = CRIB__STDIO__KIND__file;
    asked->stdio[fd].has_path = asked->stdio[fd].has_mode = true;
    asked->stdio[fd].path = bytes_of(path);
    asked->stdio[fd].mode = mode;
}

static void with_bind(struct asked *asked, const char *path)
{
    asked->task.mounts = asked->mounts;
    asked->task.n_mounts = 1;
    asked->mount.has_source = asked->mount.has_target = true;
    asked->mount.source = bytes_of(path);
    asked->mount.target = bytes_of("/tmp/bound");
}

/* Waits for the end. Return: errno (positive) of Spawn or of the set-up, and the sentence with the
 * last name of @path replaced; 0 it ran. */
static int outcome(struct files *files, const struct asked *asked, const char *path,
                   char text[1024])
{
    struct crib_error error = {.index = -1};
    const Crib__WaitResponse *end;
    ProtobufCMessage *answer;
    const char *name = path ? strrchr(path, '/') + 1 : NULL;
    char *at;
    int r = rpc_wait(files->client.rpc, RPC_SPAWN, &asked->request.base, CRIBD_PATIENCE_MS,
                     &files->client.arena, &answer, &error);

    text[0] = '\0';
    if (r < 0) {
        crib_error_text(&error, text, 1024);
    } else {
        end = cribd_wait(&files->client, ((const Crib__SpawnResponse *)answer)->task,
                         CRIB__TASK_STATE__ENDED);
        if (end->result->verdict != CRIB__RESULT__VERDICT__setup_failed)
            return 0;
        r = end->result->error->code;
        snprintf(text, 1024, "%s", end->result->error->text);
    }
    while (name && (at = strstr(text, name)))
        memset(at, '*', strlen(name));
    return -r;
}

static const char *run(struct files *files, const struct asked *asked)
{
    uint64_t task =
        ((const Crib__SpawnResponse *)cribd_call(&files->client, RPC_SPAWN, &asked->request))->task;
    const char *said =
        cribd_output(&files->client, task, asked->stdio[1].kind == CRIB__STDIO__KIND__pipe ? 1 : 2);

    cribd_wait(&files->client, task, CRIB__TASK_STATE__ENDED);
    return said;
}

static void test_stdin_is_opened_as_the_client(void **state)
{
    struct files files;
    struct asked asked;
    char text[1024];

    (void)state;
    start(&files);
    ask(&asked, "cat");
    with_file(&asked, 0, files.file, CRIB__STDIO__MODE__read);
    assert_string_equal(run(&files, &asked), "of mine\n");
    with_file(&asked, 0, files.secret, CRIB__STDIO__MODE__read);
    assert_int_equal(outcome(&files, &asked, NULL, text), EACCES);
    with_file(&asked, 0, files.link, CRIB__STDIO__MODE__read);
    assert_int_equal(outcome(&files, &asked, NULL, text), EACCES);
    with_file(&asked, 0, files.mine, CRIB__STDIO__MODE__read);
    assert_int_equal(outcome(&files, &asked, NULL, text), EISDIR);
    with_file(&asked, 0, "mine/file", CRIB__STDIO__MODE__read);
    assert_int_equal(outcome(&files, &asked, NULL, text), ENOENT);
    asked.request.cwd = bytes_of(files.daemon.dir); /* where the client is */
    assert_string_equal(run(&files, &asked), "of mine\n");
    stop(&files);
}

static void test_a_file_is_no_socket_that_listens(void **state)
{
    struct files files;
    struct asked asked;
    char text[1024];

    (void)state;
    start(&files);
    ask(&asked, "true");
    with_file(&asked, 2, files.file, CRIB__STDIO__MODE__read);
    asked.stdio[2].fd = 3;
    assert_int_equal(outcome(&files, &asked, NULL, text), 0);
    asked.task.has_listen_fds = true;
    asked.task.listen_fds = 1;
    assert_int_equal(outcome(&files, &asked, NULL, text), EINVAL);
    test_contains(text, "listen_fds: 1 sockets from fd 3 on, but fd 3 is none");
    asked.task.listen_fds = UINT32_MAX;
    assert_int_equal(outcome(&files, &asked, NULL, text), EINVAL);
    stop(&files);
}

static void test_output_is_made_as_the_client(void **state)
{
    char text[1024], *got;
    struct files files;
    struct asked asked;
    struct stat st;

    (void)state;
    start(&files);
    ask(&asked, "echo one");
    with_file(&asked, 1, files.out, CRIB__STDIO__MODE__write);
    run(&files, &asked);
    assert_int_equal(stat(files.out, &st), 0);
    assert_int_equal(st.st_uid, limited());
    assert_int_equal(st.st_mode & 0777, 0644);
    with_file(&asked, 1, files.out, CRIB__STDIO__MODE__append);
    run(&files, &asked);
    got = test_read(files.out, NULL);
    assert_string_equal(got, "one\none\n");
    free(got);
    with_file(&asked, 1, files.secret, CRIB__STDIO__MODE__write);
    assert_int_equal(outcome(&files, &asked, NULL, text), EACCES);
    with_file(&asked, 1, files.secret, CRIB__STDIO__MODE__append);
    assert_int_equal(outcome(&files, &asked, NULL, text), EACCES);
    with_file(&asked, 1, files.link, CRIB__STDIO__MODE__write);
    assert_int_equal(outcome(&files, &asked, NULL, text), EACCES);
    with_file(&asked, 1, files.missing, CRIB__STDIO__MODE__write);
    assert_int_equal(outcome(&files, &asked, NULL, text), EACCES);
    stop(&files);
}

/* A bind of it may be made, and shows nothing. */
static void test_binds_show_what_the_client_may_see(void **state)
{
    char text[1024];
    struct files files;
    struct asked asked;

    (void)state;
    start(&files);
    ask(&asked, "cat /tmp/bound; echo ruined > /tmp/bound");
    with_bind(&asked, files.file);
    assert_string_equal(run(&files, &asked), "of mine\n");
    with_bind(&asked, files.secret);
    asked.mount.has_write = asked.mount.write = true;
    if (outcome(&files, &asked, NULL, text) == 0)
        assert_string_equal(run(&files, &asked), "");
    with_bind(&asked, files.closed);
    ask(&asked, "cat /tmp/bound/there; ls /tmp/bound");
    with_bind(&asked, files.closed);
    if (outcome(&files, &asked, NULL, text) == 0)
        assert_string_equal(run(&files, &asked), "");
    with_bind(&asked, files.there);
    assert_int_equal(outcome(&files, &asked, NULL, text), EACCES);
    stop(&files);
}

static void as_stdin(struct asked *asked, const char *path)
{
    with_file(asked, 0, path, CRIB__STDIO__MODE__read);
}

static void as_output(struct asked *asked, const char *path)
{
    with_file(asked, 1, path, CRIB__STDIO__MODE__append);
}

static void as_program(struct asked *asked, const char *path)
{
    asked->task.file = bytes_of(path);
}

static void as_callers_cwd(struct asked *asked, const char *path)
{
    asked->request.policy = (char *)"open";
    asked->request.cwd = bytes_of(path);
}

static void as_cwd(struct asked *asked, const char *path)
{
    asked->request.policy = (char *)"open";
    asked->task.has_cwd = true;
    asked->task.cwd = bytes_of(path);
}

static void as_optional_bind(struct asked *asked, const char *path)
{
    with_bind(asked, path);
    asked->mount.has_optional = asked->mount.optional = true;
}

static const struct {
    const char *name;
    void (*use)(struct asked *asked, const char *path);
} uses[] = {
    {"stdin", as_stdin},
    {"output", as_output},
    {"bind", with_bind},
    {"program", as_program},
    {"the caller's cwd", as_callers_cwd},
    {"cwd", as_cwd},
    {"optional bind", as_optional_bind},
};

/* Nobody learns from an error what is in a directory that he may not enter. */
static void test_unreachable_and_missing_are_the_same(void **state)
{
    char there[1024], missing[1024];
    struct files files;
    struct asked asked;

    (void)state;
    start(&files);
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        const char *const reachable[] = {files.there, files.inner};

        for (int n = 0; n < 2; n++) {
            int r;

            print_message("           %s\n", uses[i].name);
            ask(&asked, "true");
            uses[i].use(&asked, reachable[n]);
            r = outcome(&files, &asked, reachable[n], there);
            ask(&asked, "true");
            uses[i].use(&asked, files.missing);
            assert_int_equal(outcome(&files, &asked, files.missing, missing), r);
            assert_string_equal(there, missing);
            assert_int_equal(r, EACCES);
        }
    }
    stop(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stdin_is_opened_as_the_client),
        cmocka_unit_test(test_a_file_is_no_socket_that_listens),
        cmocka_unit_test(test_output_is_made_as_the_client),
        cmocka_unit_test(test_binds_show_what_the_client_may_see),
        cmocka_unit_test(test_unreachable_and_missing_are_the_same),
    };

    return test_run(tests);
}
