/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of a site file, over the wire: which policies a uid may use, how wide its own may be,
 * what it may bind, and as whom its tasks run. The uid is an ordinary one: root's test becomes it.
 */
#include "daemon/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uid_t limited(void)
{
    return client_root() ? CLIENT_UID : getuid();
}

/* @rule: what the limited uid may do; others may do all. */
static void start(struct cribd *daemon, struct cribd *client, const char *rule)
{
    char site[512];

    snprintf(site, sizeof(site),
             "rules:\n"
             "- {uids: [%u], %s}\n"
             "- {uids: [0], policies: ['*'], widest: '*', binds: write}\n",
             limited(), rule);
    cribd_start(daemon, site);
    client_join_as(daemon, limited(), client);
}

static void stop(struct cribd *daemon, struct cribd *client)
{
    client_leave(client);
    cribd_stop(daemon);
}

static ProtobufCBinaryData bytes_of(const char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
}

/* A request to be altered. */
struct asked {
    Crib__SpawnRequest request;
    Crib__Task task;
    ProtobufCBinaryData args[2], env;
    Crib__Policy policy;
    char *extends[1];
};

static void ask(struct asked *asked, const char *script)
{
    crib__spawn_request__init(&asked->request);
    crib__task__init(&asked->task);
    crib__policy__init(&asked->policy);
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
}

/* An inline policy that is `default` so far. */
static Crib__Policy *ask_inline(struct asked *asked, const char *script)
{
    ask(asked, script);
    asked->extends[0] = (char *)"default";
    asked->policy.extends = asked->extends;
    asked->policy.n_extends = 1;
    asked->task.policy = &asked->policy;
    return &asked->policy;
}

/* Return: errno of the refusal, in @text what was said. */
static int refused(struct cribd *client, const struct asked *asked, char text[1024])
{
    struct crib_error error = {.index = -1};
    int r = cribd_refused(client, RPC_SPAWN, &asked->request, &error);

    crib_error_text(&error, text, 1024);
    return r;
}

static const char *run(struct cribd *client, const struct asked *asked)
{
    uint64_t task =
        ((const Crib__SpawnResponse *)cribd_call(client, RPC_SPAWN, &asked->request))->task;

    return cribd_output(client, task, 1);
}

/* --- by name --- */

static void test_policies_by_name(void **state)
{
    static const char *const others[] = {"open",        "network",      "no-such", "../default",
                                         "/etc/passwd", "default.yaml", "*"};
    Crib__InfoRequest ask_info = CRIB__INFO_REQUEST__INIT;
    const Crib__InfoResponse *info;
    struct cribd daemon, client;
    struct asked asked;
    char text[1024];

    (void)state;
    start(&daemon, &client, "policies: [strict, default]");
    info = cribd_call(&client, RPC_INFO, &ask_info);
    assert_int_equal(info->n_policies, 2);
    assert_string_equal(info->policies[0], "default");
    assert_string_equal(info->policies[1], "strict");
    assert_string_equal(info->widest, "");
    ask(&asked, "echo $((6 * 7))");
    assert_string_equal(run(&client, &asked), "42\n");
    asked.request.policy = (char *)"strict";
    assert_string_equal(run(&client, &asked), "42\n");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        asked.request.policy = (char *)others[i];
        assert_int_equal(refused(&client, &asked, text), EACCES);
        /* not a word of whether it is there */
        test_contains(text, others[i]);
        test_contains(text, "is no policy that this user may use");
    }
    /* and none of one's own */
    ask_inline(&asked, "true");
    assert_int_equal(refused(&client, &asked, text), EACCES);
    stop(&daemon, &client);
}

/* Whom no rule fits may not even ask. */
static void test_strangers(void **state)
{
    char site[128];
    struct cribd daemon;

    (void)state;
    snprintf(site, sizeof(site), "rules: [{uids: [%u], policies: [default]}]\n",
             client_root() ? 0 : 4711);
    cribd_start(&daemon, site);
    for (int i = 0; i < 20; i++) {
        int sock = client_connect_as(&daemon, CLIENT_UID);

        cribd_request(sock, 1, "Info", NULL, 0);
        client_ended(sock);
    }
    if (client_root())
        assert_true(cribd_alive(&daemon));
    cribd_stop(&daemon);
}

/* --- inline --- */

static void the_hosts_network(Crib__Policy *policy)
{
    static Crib__Namespaces namespaces;

    crib__namespaces__init(&namespaces);
    namespaces.has_net = true;
    namespaces.net = CRIB__NAMESPACES__SPACE__host;
    policy->namespaces = &namespaces;
}

static void another_call(Crib__Policy *policy)
{
    static Crib__Syscalls syscalls;
    static char *allow[] = {(char *)"ptrace"};

    crib__syscalls__init(&syscalls);
    syscalls.allow = allow;
    syscalls.n_allow = 1;
    policy->syscalls = &syscalls;
}

static void no_filter(Crib__Policy *policy)
{
    static Crib__Syscalls syscalls;

    crib__syscalls__init(&syscalls);
    syscalls.has_filter = true;
    syscalls.filter = CRIB__SYSCALLS__FILTER__off;
    policy->syscalls = &syscalls;
}

static void a_capability(Crib__Policy *policy)
{
    static Crib__Caps caps;
    static char *keep[] = {(char *)"CAP_NET_ADMIN"};

    crib__caps__init(&caps);
    caps.keep = keep;
    caps.n_keep = 1;
    policy->caps = &caps;
}

static void more_files(Crib__Policy *policy)
{
    static Crib__Limits limits;

    crib__limits__init(&limits);
    limits.has_open_files = true;
    limits.open_files = 4096;
    policy->limits = &limits;
}

static Crib__Mount *one_mount(Crib__Policy *policy, const char *target)
{
    static Crib__Mount mount;
    static Crib__Mount *list[] = {&mount};

    crib__mount__init(&mount);
    mount.has_target = true;
    mount.target = bytes_of(target);
    policy->mounts = list;
    policy->n_mounts = 1;
    return &mount;
}

static void a_bind(Crib__Policy *policy)
{
    one_mount(policy, "/root");
}

static void a_writable_bind(Crib__Policy *policy)
{
    Crib__Mount *mount = one_mount(policy, "/usr");

    mount->has_write = mount->write = true;
}

static void all_of_proc(Crib__Policy *policy)
{
    one_mount(policy, "/proc");
}

static const struct {
    void (*widen)(Crib__Policy *policy);
    const char *field;
} wider[] = {
    {the_hosts_network, "namespaces.net"}, {another_call, "syscalls.allow"},
    {no_filter, "syscalls.filter"},        {a_capability, "caps.keep"},
    {more_files, "limits.open_files"},     {a_bind, "mounts"},
    {a_writable_bind, "mounts"},           {all_of_proc, "mounts"},
};

static void test_wider_ones_are_refused_by_the_field(void **state)
{
    Crib__PolicyCheckRequest check = CRIB__POLICY_CHECK_REQUEST__INIT;
    const Crib__PolicyCheckResponse *answer;
    struct cribd daemon, client;
    struct asked asked;
    char text[1024];

    (void)state;
    start(&daemon, &client, "policies: [default], widest: default");
    for (size_t i = 0; i < sizeof(wider) / sizeof(wider[0]); i++) {
        wider[i].widen(ask_inline(&asked, "true"));
        assert_int_equal(refused(&client, &asked, text), EACCES);
        test_contains(text, wider[i].field);
        check.policy = &asked.policy;
        answer = cribd_call(&client, RPC_POLICY_CHECK, &check);
        assert_false(answer->ok);
        test_contains(answer->error->text, wider[i].field);
    }
    /* from nothing, or out of a base that is not one's own */
    ask_inline(&asked, "true");
    asked.extends[0] = (char *)"open";
    assert_int_equal(refused(&client, &asked, text), EACCES);
    asked.extends[0] = (char *)"/etc/crib/x.yaml";
    assert_int_equal(refused(&client, &asked, text), EACCES);
    assert_int_equal(client_tasks(&client), 0);
    stop(&daemon, &client);
}

static void test_tighter_ones_run(void **state)
{
    Crib__Syscalls syscalls = CRIB__SYSCALLS__INIT;
    Crib__Limits limits = CRIB__LIMITS__INIT;
    char *deny[] = {(char *)"mkdir", (char *)"mkdirat"};
    struct cribd daemon, client;
    Crib__Policy *policy;
    struct asked asked;

    (void)state;
    start(&daemon, &client, "policies: [default], widest: default");
    policy = ask_inline(&asked, "ulimit -n; mkdir /tmp/x 2>/dev/null || echo denied");
    syscalls.deny = deny;
    syscalls.n_deny = 2;
    policy->syscalls = &syscalls;
    limits.has_open_files = true;
    limits.open_files = 77;
    policy->limits = &limits;
    assert_string_equal(run(&client, &asked), "77\ndenied\n");
    stop(&daemon, &client);
}

/* --- ids --- */

static void test_a_task_has_its_clients_ids(void **state)
{
    struct cribd daemon, client;
    struct asked asked;
    char text[1024], expected[64];

    (void)state;
    start(&daemon, &client, "policies: [default]");
    snprintf(expected, sizeof(expected), "%u %u\n", limited(),
             client_root() ? limited() : getgid());
    ask(&asked, "echo $(id -u) $(id -g)");
    assert_string_equal(run(&client, &asked), expected);
    asked.task.has_uid = true;
    asked.task.uid = limited();
    assert_string_equal(run(&client, &asked), expected);
    if (client_root()) {
        asked.task.uid = CLIENT_OTHER;
        assert_int_equal(refused(&client, &asked, text), EPERM);
        asked.task.uid = 0;
        assert_int_equal(refused(&client, &asked, text), EPERM);
        asked.task.has_uid = false;
        asked.task.has_gid = true;
        asked.task.gid = 0;
        assert_int_equal(refused(&client, &asked, text), EPERM);
    }
    stop(&daemon, &client);
}

/* --- binds --- */

static void test_binds_are_as_the_rule_says(void **state)
{
    static const char *const rules[] = {"policies: [default]", "policies: [default], binds: read",
                                        "policies: [default], binds: write"};
    Crib__Mount mount = CRIB__MOUNT__INIT, *list[] = {&mount};
    struct cribd daemon, client;
    char path[512], text[1024], *got;
    struct asked asked;

    (void)state;
    for (int rule = 0; rule < 3; rule++) {
        start(&daemon, &client, rules[rule]);
        snprintf(path, sizeof(path), "%s/file", daemon.dir);
        test_write(path, "before\n", 7, 0644);
        if (client_root())
            assert_int_equal(chown(path, CLIENT_UID, CLIENT_UID), 0);
        ask(&asked, "cat /tmp/file; echo after > /tmp/file");
        asked.task.mounts = list;
        asked.task.n_mounts = 1;
        mount.has_source = mount.has_target = mount.has_write = true;
        mount.source = bytes_of(path);
        mount.target = bytes_of("/tmp/file");
        for (int write = 0; write < 2; write++) {
            mount.write = write;
            if (rule < (write ? 2 : 1)) {
                assert_int_equal(refused(&client, &asked, text), EACCES);
                test_contains(text, "mounts");
                continue;
            }
            assert_string_equal(run(&client, &asked), "before\n");
            got = test_read(path, NULL);
            assert_string_equal(got, write ? "after\n" : "before\n");
            free(got);
        }
        stop(&daemon, &client);
    }
}

/* Of all other mounts a task has those of its policy. */
static void test_mounts_that_are_no_binds(void **state)
{
    static const Crib__Mount__Type types[] = {CRIB__MOUNT__TYPE__host, CRIB__MOUNT__TYPE__proc,
                                              CRIB__MOUNT__TYPE__symlink, CRIB__MOUNT__TYPE__file,
                                              CRIB__MOUNT__TYPE__dir};
    Crib__Mount mount = CRIB__MOUNT__INIT, *list[] = {&mount};
    struct cribd daemon, client;
    struct asked asked;
    char text[1024];

    (void)state;
    start(&daemon, &client, "policies: [default], binds: write");
    ask(&asked, "true");
    asked.task.mounts = list;
    asked.task.n_mounts = 1;
    mount.has_target = mount.has_type = true;
    mount.target = bytes_of("/tmp/x");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        mount.type = types[i];
        assert_int_equal(refused(&client, &asked, text), EINVAL);
    }
    mount.type = CRIB__MOUNT__TYPE__bind;
    mount.has_dev = mount.dev = true;
    mount.has_source = true;
    mount.source = bytes_of("/dev");
    assert_int_equal(refused(&client, &asked, text), EACCES);
    test_contains(text, "mounts");
    stop(&daemon, &client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policies_by_name),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_wider_ones_are_refused_by_the_field),
        cmocka_unit_test(test_tighter_ones_run),
        cmocka_unit_test(test_a_task_has_its_clients_ids),
        cmocka_unit_test(test_binds_are_as_the_rule_says),
        cmocka_unit_test(test_mounts_that_are_no_binds),
    };

    return test_run(tests);
}
