/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters of clients that keep to no rule, ask for what is not theirs, or take nothing in. */
#include "daemon/clustering.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "daemon/status.h"

#define LOOPBACK "tcp:127.0.0.1:*"

static const char *const serving[] = {"listen", "tcp:127.0.0.1:0", "any", "serve", NULL};
static const char *const idle[] = {"serve", NULL};

static struct cribd daemon_;

static void begin(void)
{
    clustering_daemon(&daemon_, "");
}

static void check_code(struct clustering *c, int code)
{
    int said = clustering_end(c);

    if (said != code)
        fail_msg("code %d, not %d: %s; %s", said, code, c->why, c->log);
}

/* Says @input as the first one. */
static void check_first(const Crib__ClusterInput *input, int code)
{
    struct clustering c;

    clustering_open(&daemon_, &c);
    clustering_input(&c, input);
    check_code(&c, code);
    clustering_close(&c);
}

static void test_the_first_input_is_a_start(void **state)
{
    Crib__ClusterInput__Stop stop = CRIB__CLUSTER_INPUT__STOP__INIT;
    Crib__ClusterInput__Start start = CRIB__CLUSTER_INPUT__START__INIT;
    Crib__ClusterInput input = CRIB__CLUSTER_INPUT__INIT;
    Crib__Task task = CRIB__TASK__INIT;

    (void)state;
    begin();
    input.stop = &stop;
    check_first(&input, CODE_INVALID_ARGUMENT);
    input.start = &start; /* two things */
    check_first(&input, CODE_INVALID_ARGUMENT);
    input.stop = NULL; /* no task */
    check_first(&input, CODE_INVALID_ARGUMENT);
    start.task = &task; /* no file */
    check_first(&input, CODE_INVALID_ARGUMENT);
    input = (Crib__ClusterInput)CRIB__CLUSTER_INPUT__INIT;
    input.has_ack = true;
    input.ack = 1;
    check_first(&input, CODE_INVALID_ARGUMENT);
    cribd_stop(&daemon_);
}

static void check_bytes(const void *data, size_t len)
{
    struct clustering c;

    clustering_open(&daemon_, &c);
    client_frame(c.sock, CLUSTERING_STREAM, TTRPC_DATA, 0, data, len);
    check_code(&c, CODE_INVALID_ARGUMENT);
    clustering_close(&c);
}

static void test_nonsense(void **state)
{
    static const uint8_t unknown[] = {0x78, 0x01}, wild[] = {0x0a, 0xff, 0xff, 0xff};

    (void)state;
    begin();
    check_bytes(unknown, sizeof(unknown));
    check_bytes(wild, sizeof(wild));
    assert_true(cribd_alive(&daemon_));
    cribd_stop(&daemon_);
}

/* What a start may not have, one after the other. */
static void refuse(struct clustering_start *s, int code)
{
    struct clustering c;

    clustering_open(&daemon_, &c);
    clustering_input(&c, &s->input);
    check_code(&c, code);
    assert_int_equal(c.events, 0);
    clustering_close(&c);
    clustering_ask(s, idle, 1, NULL);
}

static void test_what_is_refused_of_a_start(void **state)
{
    Crib__Stdio stdio = CRIB__STDIO__INIT, *list[] = {&stdio};
    Crib__Terminal terminal = CRIB__TERMINAL__INIT;
    struct clustering_start s;

    (void)state;
    begin();
    clustering_ask(&s, idle, 1, NULL);
    s.task.has_uid = true;
    refuse(&s, CODE_INVALID_ARGUMENT);
    s.task.has_detached = s.task.detached = true;
    refuse(&s, CODE_INVALID_ARGUMENT);
    s.task.terminal = &terminal;
    refuse(&s, CODE_INVALID_ARGUMENT);
    s.task.has_listen_fds = true;
    refuse(&s, CODE_INVALID_ARGUMENT);
    s.start.workers = 5000;
    refuse(&s, CODE_INVALID_ARGUMENT);
    s.start.policy = (char *)"none-of-that-name";
    refuse(&s, CODE_NOT_FOUND);
    s.start.policy = (char *)"/etc/passwd";
    refuse(&s, CODE_INVALID_ARGUMENT);
    s.task.file = clustering_bytes("/bin/a\0b");
    s.task.file.len = 8;
    refuse(&s, CODE_INVALID_ARGUMENT);
    s.start.has_cwd = true;
    s.start.cwd = clustering_bytes("relative");
    refuse(&s, CODE_INVALID_ARGUMENT);
    s.start.has_cwd = true;
    s.start.cwd = clustering_bytes("/nowhere/at/all");
    refuse(&s, CODE_NOT_FOUND);
    s.address.address = (char *)"udp";
    s.start.n_listen = 1;
    refuse(&s, CODE_INVALID_ARGUMENT);
    s.task.stdio = list;
    s.task.n_stdio = 1;
    stdio.has_fd = stdio.has_kind = true;
    stdio.fd = 1;
    stdio.kind = CRIB__STDIO__KIND__pipe;
    refuse(&s, CODE_INVALID_ARGUMENT);
    s.task.stdio = list;
    s.task.n_stdio = 1;
    stdio.fd = 9;
    stdio.kind = CRIB__STDIO__KIND__null;
    refuse(&s, CODE_INVALID_ARGUMENT);
    s.task.stdio = list; /* with the client's rights */
    s.task.n_stdio = 1;
    stdio.fd = 1;
    stdio.kind = CRIB__STDIO__KIND__file;
    stdio.has_path = true;
    stdio.path = clustering_bytes("/etc/hostname");
    if (client_root())
        refuse(&s, CODE_PERMISSION_DENIED);
    cribd_stop(&daemon_);
}

static void test_a_second_start(void **state)
{
    struct clustering c;

    (void)state;
    begin();
    clustering_open(&daemon_, &c);
    clustering_start(&c, idle, 1, NULL);
    clustering_until(&c, "online1", 1);
    clustering_start(&c, idle, 1, NULL);
    check_code(&c, CODE_INVALID_ARGUMENT);
    clustering_close(&c);
    cribd_stop(&daemon_);
}

/* What cannot be done is told, and the cluster goes on. */
static void test_commands_that_cannot_be_done(void **state)
{
    struct clustering c;

    (void)state;
    begin();
    clustering_open(&daemon_, &c);
    clustering_start(&c, idle, 1, NULL);
    clustering_until(&c, "online1", 1);
    clustering_kill(&c, 77, SIGTERM);
    clustering_until(&c, "error77", 1);
    assert_int_equal(c.error, -ESRCH);
    clustering_disconnect(&c, 78);
    clustering_until(&c, "error78", 1);
    clustering_chunk(&c, 79, "x", "y", 1, false);
    clustering_until(&c, "error79", 1);
    clustering_kill(&c, 1, 4000);
    clustering_until(&c, "error1", 1);
    assert_int_equal(c.error, -EINVAL);
    clustering_chunk(&c, 1, NULL, "y", 1, false); /* no type */
    clustering_until(&c, "error1", 2);
    clustering_chunk(&c, 1, "x", "y", 1, true);
    clustering_chunk(&c, 2, NULL, "y", 1, false); /* of another */
    clustering_until(&c, "error2", 1);
    clustering_scale(&c, 100000);
    clustering_until(&c, "error ", 1);
    assert_int_equal(c.error, -EINVAL);
    clustering_chunk(&c, 1, "x", "y", 1, false);
    clustering_until(&c, "message1", 1);
    clustering_stop(&c);
    clustering_until(&c, "ended", 1);
    check_code(&c, -1);
    clustering_close(&c);
    cribd_stop(&daemon_);
}

static void check_after_start(const Crib__ClusterInput *input)
{
    struct clustering c;

    clustering_open(&daemon_, &c);
    clustering_start(&c, idle, 1, NULL);
    clustering_until(&c, "online1", 1);
    clustering_input(&c, input);
    check_code(&c, CODE_INVALID_ARGUMENT);
    clustering_close(&c);
}

static void test_inputs_that_are_too_long(void **state)
{
    Crib__ClusterInput__Send send = CRIB__CLUSTER_INPUT__SEND__INIT;
    Crib__ClusterInput input = CRIB__CLUSTER_INPUT__INIT;
    char *type = malloc(200001);

    (void)state;
    begin();
    memset(type, 'x', 200000);
    type[200000] = '\0';
    input.send = &send;
    send.has_data = true;
    send.data = (ProtobufCBinaryData){CLUSTERING_CHUNK + 1, (uint8_t *)type};
    check_after_start(&input);
    send.has_data = false;
    send.type = type;
    check_after_start(&input);
    free(type);
    cribd_stop(&daemon_);
}

/* Return: the pid of the one primary. */
static pid_t primary(void)
{
    char path[128], text[64], *end;
    FILE *file;
    pid_t pid = 0;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)daemon_.pid, (int)daemon_.pid);
    file = fopen(path, "re");
    assert_non_null(file);
    while (fscanf(file, "%63s", text) == 1) {
        char line[256] = "";
        FILE *command;

        snprintf(path, sizeof(path), "/proc/%s/cmdline", text);
        command = fopen(path, "re");
        if (command && fread(line, 1, sizeof(line) - 1, command) > 0 &&
            strcmp(line + strlen(line) + 1, "--primary") == 0)
            pid = (pid_t)strtol(text, &end, 10);
        if (command)
            fclose(command);
    }
    fclose(file);
    assert_true(pid > 1);
    return pid;
}

/* As anybody may with his own processes. */
static void signal_primary(int signo)
{
    pid_t pid = primary();

    if (client_root())
        client_become(CLIENT_UID);
    assert_int_equal(kill(pid, signo), 0);
    if (client_root())
        client_back();
}

static void test_the_primary_is_killed(void **state)
{
    struct clustering c;

    (void)state;
    begin();
    clustering_open(&daemon_, &c);
    clustering_start(&c, serving, 2, LOOPBACK);
    clustering_until(&c, "listening", 2);
    signal_primary(SIGKILL);
    check_code(&c, CODE_UNAVAILABLE);
    assert_non_null(strstr(c.why, "signal 9"));
    clustering_close(&c);
    cribd_stop(&daemon_);
}

/* What it is: the client, and nothing more. */
static void test_the_primary_is_the_client(void **state)
{
    char path[64], *text;
    struct clustering c;

    (void)state;
    begin();
    clustering_open(&daemon_, &c);
    clustering_start(&c, idle, 1, NULL);
    clustering_until(&c, "online1", 1);
    snprintf(path, sizeof(path), "/proc/%d/status", (int)primary());
    text = test_read(path, NULL);
    if (client_root()) {
        test_contains(text, "\nUid:\t1000\t1000\t1000\t1000\n");
        test_contains(text, "\nGid:\t1000\t1000\t1000\t1000\n");
        test_contains(text, "\nGroups:\t \n");
    }
    test_contains(text, "\nCapPrm:\t0000000000000000\n");
    test_contains(text, "\nCapEff:\t0000000000000000\n");
    test_contains(text, "\nNoNewPrivs:\t1\n");
    free(text);
    close(c.sock);
    c.sock = -1;
    clustering_close(&c);
    cribd_stop(&daemon_);
}

/* One that does not react is killed. */
static void test_the_primary_hangs(void **state)
{
    struct clustering c;

    (void)state;
    begin();
    clustering_open(&daemon_, &c);
    clustering_start(&c, idle, 1, NULL);
    clustering_until(&c, "online1", 1);
    signal_primary(SIGSTOP);
    close(c.sock);
    c.sock = -1;
    clustering_close(&c);
    client_no_primary(&daemon_);
    cribd_stop(&daemon_);
}

static void test_ports_are_the_clients(void **state)
{
    static const char *const low[] = {"listen", "tcp:127.0.0.1:80", "any", "serve", NULL};
    char *text = test_read("/proc/sys/net/ipv4/ip_unprivileged_port_start", NULL);
    bool free_for_all = strtol(text, NULL, 10) <= 80;
    struct clustering_start s;
    struct clustering c;

    (void)state;
    free(text);
    if (free_for_all)
        skip();
    begin();
    clustering_open(&daemon_, &c);
    clustering_start(&c, low, 1, "tcp:127.0.0.1:80");
    clustering_until(&c, "error1", 1);
    assert_int_equal(c.error, -EACCES);
    close(c.sock);
    c.sock = -1;
    clustering_close(&c);
    clustering_ask(&s, low, 1, "tcp:127.0.0.1:80");
    s.address.has_hand = s.address.hand = true;
    clustering_open(&daemon_, &c);
    clustering_input(&c, &s.input);
    check_code(&c, CODE_PERMISSION_DENIED);
    assert_int_equal(c.sys, -EACCES);
    clustering_close(&c);
    cribd_stop(&daemon_);
}

/* Events wait in the client's own process, and inputs are not taken without end. */
static void test_nothing_is_read(void **state)
{
    struct client_measure before;
    char *data = calloc(1, CLUSTERING_CHUNK);
    struct clustering c;

    (void)state;
    begin();
    before = client_measure(&daemon_, 0);
    clustering_open(&daemon_, &c);
    clustering_start(&c, idle, 1, NULL);
    clustering_until(&c, "online1", 1);
    c.lazy = true;
    for (int i = 0; i < 20000; i++)
        clustering_chunk(&c, 1, i ? NULL : "endless", data, CLUSTERING_CHUNK, true);
    assert_true(cribd_alive(&daemon_));
    assert_true(cribd_memory(&daemon_) < before.memory + ((size_t)32 << 20) + CLIENT_SLACK);
    check_code(&c, CODE_RESOURCE_EXHAUSTED);
    clustering_close(&c);
    free(data);
    cribd_stop(&daemon_);
}

static void test_nothing_is_acknowledged(void **state)
{
    struct client_measure before;
    const size_t len = 16384; /* 32 of them never fill the connection */
    char *data = calloc(1, len);
    struct clustering c;

    (void)state;
    begin();
    before = client_measure(&daemon_, 0);
    clustering_open(&daemon_, &c);
    clustering_start(&c, idle, 1, NULL);
    clustering_until(&c, "online1", 1);
    c.lazy = true;
    while (c.events - c.acked < CLUSTERING_CREDIT) { /* each is said again by the worker */
        if (c.inputs - c.taken < CLUSTERING_CREDIT)
            clustering_chunk(&c, 1, "again", data, len, false);
        else
            assert_true(clustering_next(&c));
        while (poll(&(struct pollfd){.fd = c.sock, .events = POLLIN}, 1, 0) > 0 &&
               c.events - c.acked < CLUSTERING_CREDIT)
            assert_true(clustering_next(&c));
    }
    usleep(300000);
    assert_int_equal(poll(&(struct pollfd){.fd = c.sock, .events = POLLIN}, 1, 0), 0);
    assert_true(cribd_memory(&daemon_) < before.memory + ((size_t)32 << 20) + CLIENT_SLACK);
    c.lazy = false;
    clustering_ack(&c); /* it goes on from there */
    while (c.messages < 100) {
        while (c.inputs - c.taken < 16)
            clustering_chunk(&c, 1, "again", data, len, false);
        assert_true(clustering_next(&c));
    }
    close(c.sock);
    c.sock = -1;
    clustering_close(&c);
    free(data);
    cribd_stop(&daemon_);
}

static void test_clients_come_and_go(void **state)
{
    struct client_measure before;

    (void)state;
    begin();
    before = client_measure(&daemon_, 0);
    for (int i = 0; i < 12; i++) {
        struct clustering c;

        clustering_open(&daemon_, &c);
        if (i % 4 != 0)
            clustering_start(&c, serving, 2, LOOPBACK);
        if (i % 4 == 2)
            clustering_until(&c, "fork", 1);
        if (i % 4 == 3)
            clustering_until(&c, "online", 1);
        close(c.sock);
        c.sock = -1;
        clustering_close(&c);
    }
    client_no_primary(&daemon_);
    client_settled(&daemon_, &before, 0, ((size_t)16 << 20) + CLIENT_SLACK);
    cribd_stop(&daemon_);
}

/* Return: whether a cluster was started, and is gone again. */
static bool has_room(void *data)
{
    struct clustering c;
    bool online;

    clustering_open(data, &c);
    clustering_start(&c, idle, 1, NULL);
    while (clustering_next(&c) && !strstr(c.log, "online1"))
        ;
    online = c.code < 0;
    close(c.sock);
    c.sock = -1;
    clustering_close(&c);
    return online;
}

/* What one has taken is given back once its process is reaped: soon after its end is told. */
static void test_a_quota(void **state)
{
    struct clustering one, other;
    struct cribd daemon;

    (void)state;
    clustering_daemon(&daemon, "each: {clusters: 1}\n");
    clustering_open(&daemon, &one);
    clustering_start(&one, idle, 1, NULL);
    clustering_until(&one, "online1", 1);
    clustering_open(&daemon, &other);
    clustering_start(&other, idle, 1, NULL);
    check_code(&other, CODE_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(other.why, "clusters"));
    clustering_close(&other);
    clustering_stop(&one);
    check_code(&one, -1);
    clustering_close(&one);
    cribd_until(has_room, &daemon, "there is room for another cluster");
    cribd_stop(&daemon);
}

/* The policies of a cluster are those that the site lets its client use. */
static void test_a_policy_that_is_not_the_clients(void **state)
{
    struct clustering_start s;
    struct clustering c;
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, "rules: [{policies: [strict], widest: strict}]\n");
    clustering_open(&daemon, &c);
    clustering_ask(&s, idle, 1, LOOPBACK);
    clustering_input(&c, &s.input);
    check_code(&c, CODE_PERMISSION_DENIED);
    clustering_close(&c);
    cribd_stop(&daemon);
}

/* A process that is put into a task's pid namespace is inside for the daemon. */
static void test_a_client_in_a_task(void **state)
{
    static const char *const sleeping[] = {"600", NULL};
    struct clustering c;
    char path[64];
    uint64_t task;
    int space, status;
    pid_t pid;

    (void)state;
    if (!client_root())
        skip();
    begin();
    task = cribd_spawn(&daemon_, "/bin/sleep", sleeping, NULL);
    snprintf(path, sizeof(path), "/proc/%u/ns/pid_for_children",
             cribd_wait(&daemon_, task, CRIB__TASK_STATE__RUNNING)->pid);
    space = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(space >= 0);
    pid = fork();
    if (pid == 0) {
        if (setns(space, CLONE_NEWPID) < 0)
            _exit(9);
        pid = fork();
        if (pid == 0) {
            clustering_open_as(&daemon_, 0, &c);
            clustering_start(&c, idle, 1, NULL);
            _exit(clustering_end(&c) + 100);
        }
        waitpid(pid, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 100 + CODE_PERMISSION_DENIED);
    close(space);
    cribd_stop(&daemon_);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_input_is_a_start),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_what_is_refused_of_a_start),
        cmocka_unit_test(test_a_second_start),
        cmocka_unit_test(test_commands_that_cannot_be_done),
        cmocka_unit_test(test_inputs_that_are_too_long),
        cmocka_unit_test(test_the_primary_is_killed),
        cmocka_unit_test(test_the_primary_is_the_client),
        cmocka_unit_test(test_the_primary_hangs),
        cmocka_unit_test(test_ports_are_the_clients),
        cmocka_unit_test(test_nothing_is_read),
        cmocka_unit_test(test_nothing_is_acknowledged),
        cmocka_unit_test(test_clients_come_and_go),
        cmocka_unit_test(test_a_quota),
        cmocka_unit_test(test_a_policy_that_is_not_the_clients),
        cmocka_unit_test(test_a_client_in_a_task),
    };

    return test_run(tests);
}
