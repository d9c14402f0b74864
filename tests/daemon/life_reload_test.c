/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGHUP reads the site file anew; a wrong one changes nothing.
 */
#include "daemon/client.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OF_TASKS "rules: [{policies: [%s], quota: {tasks: %d}}]\n"

static const char *const sleeping[] = {"-c", "exec sleep 1000", NULL};

static void write_site(const struct cribd *daemon, const char *text, unsigned mode)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/site.yaml", daemon->dir);
    unlink(path);
    test_write(path, text, strlen(text), mode);
}

struct log {
    const struct cribd *daemon;
    int reloads;
};

/* Lines of the log that tell of a reload. */
static bool has_reloaded(void *data)
{
    const struct log *log = data;
    char *text = test_read(log->daemon->log, NULL), *at = text;
    int count = 0;

    while ((at = strstr(at, "\"event\":\"reload\""))) {
        at++;
        count++;
    }
    free(text);
    return count >= log->reloads;
}

static void reload(struct log *log)
{
    log->reloads++;
    assert_int_equal(kill(log->daemon->pid, SIGHUP), 0);
    cribd_until(has_reloaded, log, "the site is read anew");
}

static uint64_t max_tasks(struct cribd *daemon)
{
    Crib__InfoRequest info = CRIB__INFO_REQUEST__INIT;

    return ((const Crib__InfoResponse *)cribd_call(daemon, RPC_INFO, &info))->max_tasks;
}

static void test_wrong_ones_change_nothing(void **state)
{
    static const char *const wrong[] = {
        "rules: [{policies: [default]",                   /* no YAML */
        "rules: [{policies: [no-such-policy]}]\n",        /* of what is not there */
        "rules: [{policies: [../../etc/passwd]}]\n",      /* a path */
        "rule: [{policies: [default]}]\n",                /* no such key */
        "rules: [{policies: [default], widest: 7up!}]\n", /* no name */
        "rules: [{policies: [default], quota: {tasks: -1}}]\n",
        "rules: [{uids: [4294967295], policies: [default]}]\n",
        "rules: [{policies: ['*']}, {policies: [default]}]\n", /* the second never counts */
        "grace: 100h\nrules: [{policies: ['*']}]\n",
        "\x01\x02",
    };
    struct cribd daemon;
    struct log log = {&daemon, 0};
    char path[512], text[128];

    (void)state;
    snprintf(text, sizeof(text), OF_TASKS, "'*'", 77);
    cribd_start(&daemon, text);
    assert_int_equal(max_tasks(&daemon), 77);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        write_site(&daemon, wrong[i], 0644);
        reload(&log);
        assert_int_equal(max_tasks(&daemon), 77);
    }
    /* one that others could have written, and none at all */
    snprintf(text, sizeof(text), OF_TASKS, "'*'", 99);
    write_site(&daemon, text, 0666);
    reload(&log);
    assert_int_equal(max_tasks(&daemon), 77);
    snprintf(path, sizeof(path), "%s/site.yaml", daemon.dir);
    unlink(path);
    reload(&log);
    assert_int_equal(max_tasks(&daemon), 77);
    /* and the right one again */
    write_site(&daemon, text, 0644);
    reload(&log);
    assert_int_equal(max_tasks(&daemon), 99);
    cribd_stop(&daemon);
}

static int spawn_errno(struct cribd *daemon, const char *policy)
{
    Crib__SpawnRequest request = CRIB__SPAWN_REQUEST__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    struct crib_error error = {0};

    task.has_file = true;
    task.file = (ProtobufCBinaryData){9, (uint8_t *)"/bin/true"};
    request.task = &task;
    request.policy = (char *)policy;
    return cribd_refused(daemon, RPC_SPAWN, &request, &error);
}

/* What runs goes on under what it was started with; what is new is under the new rules. */
static void test_tasks_outlive_their_rules(void **state)
{
    Crib__KillRequest kill_it = CRIB__KILL_REQUEST__INIT;
    struct cribd daemon;
    struct log log = {&daemon, 0};
    char text[128];

    (void)state;
    snprintf(text, sizeof(text), OF_TASKS, "default", 10);
    cribd_start(&daemon, text);
    assert_int_equal(spawn_errno(&daemon, "strict"), EACCES);
    kill_it.task = cribd_spawn(&daemon, "/bin/sh", sleeping, NULL);
    cribd_wait(&daemon, kill_it.task, CRIB__TASK_STATE__RUNNING);
    snprintf(text, sizeof(text), OF_TASKS, "strict", 1);
    write_site(&daemon, text, 0644);
    reload(&log);
    assert_int_equal(spawn_errno(&daemon, "default"), EACCES);
    assert_int_equal(spawn_errno(&daemon, "strict"), EDQUOT);
    assert_int_equal(client_tasks(&daemon), 1);
    kill_it.signal = SIGTERM;
    cribd_call(&daemon, RPC_KILL, &kill_it);
    cribd_wait(&daemon, kill_it.task, CRIB__TASK_STATE__ENDED);
    cribd_stop(&daemon);
}

/* Under way when the rules change: each is carried out by those that it began with. */
static void test_reloading_among_starts(void **state)
{
    Crib__SpawnRequest request = CRIB__SPAWN_REQUEST__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    struct cribd daemon;
    int sock;

    (void)state;
    cribd_start(&daemon, "rules: [{policies: ['*'], widest: '*'}]\n");
    task.has_file = true;
    task.file = (ProtobufCBinaryData){9, (uint8_t *)"/bin/true"};
    request.task = &task;
    sock = cribd_connect(&daemon);
    for (uint32_t i = 0; i < 60; i++) {
        client_ask(sock, 2 * i + 1, "Spawn", &request);
        if (i % 4 == 0)
            assert_int_equal(kill(daemon.pid, SIGHUP), 0);
    }
    for (int i = 0; i < 60; i++) {
        int code = cribd_code(sock);

        if (code != 0)
            fail_msg("start %d came to %d; the daemon's log: %s", i, code,
                     test_read(daemon.log, NULL));
    }
    close(sock);
    client_quiet(&daemon, 0);
    cribd_stop(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_ones_change_nothing),
        cmocka_unit_test(test_tasks_outlive_their_rules),
        cmocka_unit_test(test_reloading_among_starts),
    };

    return test_run(tests);
}
