/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sandboxes that the daemon keeps ready: whose they are, how many, and what is left of them.
 */
#include "daemon/client.h"

#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define RULES "rules: [{policies: ['*'], widest: '*', binds: write}]\n"
#define MOST  64

static const char *const nothing[] = {"-c", ":", NULL};
static const char *const who[] = {"-c", "id -u; id -g", NULL};
static const char *const sleeping[] = {"-c", "exec sleep 1000", NULL};

/* Those that wait are children of the thread that has made them. Return: how many, at most MOST. */
static int find_waiting(const struct cribd *daemon, pid_t *ret)
{
    char path[512], *text, *rest, *word;
    struct dirent *entry;
    int count = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/task", daemon->pid);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == daemon->pid)
            continue;
        snprintf(path, sizeof(path), "/proc/%d/task/%s/children", daemon->pid, entry->d_name);
        if (access(path, R_OK) < 0)
            continue;
        text = rest = test_read(path, NULL);
        while (count < MOST && (word = strtok_r(rest, " ", &rest)))
            ret[count++] = atoi(word);
        free(text);
    }
    closedir(dir);
    return count;
}

static int count_waiting(const struct cribd *daemon)
{
    pid_t pids[MOST];

    return find_waiting(daemon, pids);
}

struct wanted {
    const struct cribd *daemon;
    int count;
};

static bool as_many(void *data)
{
    const struct wanted *wanted = data;

    return count_waiting(wanted->daemon) == wanted->count;
}

static void until_waiting(const struct cribd *daemon, int count)
{
    struct wanted wanted = {daemon, count};

    cribd_until(as_many, &wanted, "as many sandboxes wait as are wanted");
}

/* The receipt's word of a task's start; NULL: it says none. */
static const char *start_of(struct cribd *client, uint64_t task)
{
    const Crib__Result *result = cribd_wait(client, task, CRIB__TASK_STATE__ENDED)->result;

    assert_int_equal(result->verdict, CRIB__RESULT__VERDICT__exited);
    assert_int_equal(result->status, 0);
    for (size_t i = 0; i < result->n_receipt; i++)
        if (strcmp(result->receipt[i]->mechanism, "start") == 0)
            return result->receipt[i]->applied;
    return NULL;
}

static const char *run(struct cribd *client, void (*change)(Crib__SpawnRequest *request))
{
    return start_of(client, cribd_spawn(client, "/bin/sh", nothing, change));
}

static void write_site(const struct cribd *daemon, const char *text)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/site.yaml", daemon->dir);
    unlink(path);
    test_write(path, text, strlen(text), 0644);
    assert_int_equal(kill(daemon->pid, SIGHUP), 0);
}

static Crib__Policy own = CRIB__POLICY__INIT;
static Crib__Limits limits = CRIB__LIMITS__INIT;

/* As `default`, but for one limit. */
static void with_own_policy(Crib__SpawnRequest *request)
{
    static char base[] = "default", *bases[] = {base};

    own.extends = bases;
    own.n_extends = 1;
    own.limits = &limits;
    limits.has_open_files = true;
    request->task->policy = &own;
}

static void test_second_finds_one(void **state)
{
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, RULES "prepared: 2\n");
    assert_int_equal(count_waiting(&daemon), 0);
    assert_string_equal(run(&daemon, NULL), "made for this task");
    for (int i = 0; i < 5; i++) {
        until_waiting(&daemon, 2);
        assert_string_equal(run(&daemon, NULL), "prepared ahead");
    }
    /* what a client has written is not made ahead, and pushes nothing out */
    limits.open_files = 99;
    for (int i = 0; i < 3; i++)
        assert_null(run(&daemon, with_own_policy));
    until_waiting(&daemon, 2);
    assert_string_equal(run(&daemon, NULL), "prepared ahead");
    cribd_stop(&daemon);
}

static void test_without_there_are_none(void **state)
{
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, RULES);
    for (int i = 0; i < 3; i++)
        assert_null(run(&daemon, NULL));
    assert_int_equal(count_waiting(&daemon), 0);
    cribd_stop(&daemon);
}

/* Each has ids of its own, and no other's sandbox, though that is there. */
static void test_users_do_not_share(void **state)
{
    static const uid_t uids[] = {CLIENT_UID, CLIENT_OTHER};
    struct cribd daemon, client[2];
    uint64_t task;
    char ids[32];

    (void)state;
    if (!client_root())
        skip();
    cribd_start(&daemon, RULES "prepared: 4\n");
    for (int i = 0; i < 2; i++) {
        client_join_as(&daemon, uids[i], &client[i]);
        assert_string_equal(run(&client[i], NULL), "made for this task");
        until_waiting(&daemon, 4);
    }
    for (int i = 0; i < 6; i++) {
        snprintf(ids, sizeof(ids), "%u\n%u\n", uids[i % 2], uids[i % 2]);
        task = cribd_spawn(&client[i % 2], "/bin/sh", who, NULL);
        assert_string_equal(cribd_output(&client[i % 2], task, 1), ids);
        assert_string_equal(start_of(&client[i % 2], task), "prepared ahead");
        until_waiting(&daemon, 4);
    }
    client_leave(&client[0]);
    client_leave(&client[1]);
    cribd_stop(&daemon);
}

/* What runs in one that was prepared goes on when the others are ended. */
static void test_reload(void **state)
{
    struct client_measure before;
    struct cribd daemon;
    uint64_t task;

    (void)state;
    cribd_start(&daemon, RULES "prepared: 16\n"); /* more than below: networks are kept */
    run(&daemon, NULL);
    until_waiting(&daemon, 16);
    write_site(&daemon, RULES);
    until_waiting(&daemon, 0);
    client_quiet(&daemon, 0);
    before = client_measure(&daemon, 0);
    write_site(&daemon, RULES "prepared: 2\n");
    while (!run(&daemon, NULL))
        ;
    until_waiting(&daemon, 2);
    task = cribd_spawn(&daemon, "/bin/sh", sleeping, NULL);
    cribd_wait(&daemon, task, CRIB__TASK_STATE__RUNNING);
    until_waiting(&daemon, 3); /* with the task's */
    write_site(&daemon, RULES "prepared: 5\n");
    until_waiting(&daemon, 0); /* what runs is of the first thread now */
    run(&daemon, NULL);
    until_waiting(&daemon, 5);
    write_site(&daemon, RULES "prepared: 1000\n"); /* refused */
    assert_string_equal(run(&daemon, NULL), "prepared ahead");
    until_waiting(&daemon, 5);
    write_site(&daemon, RULES);
    until_waiting(&daemon, 0);
    assert_null(run(&daemon, NULL));
    assert_int_equal(cribd_wait(&daemon, task, CRIB__TASK_STATE__RUNNING)->state,
                     CRIB__TASK_STATE__RUNNING);
    cribd_call(&daemon, RPC_KILL,
               &(Crib__KillRequest){PROTOBUF_C_MESSAGE_INIT(&crib__kill_request__descriptor),
                                    .task = task, .signal = SIGTERM});
    assert_int_equal(cribd_wait(&daemon, task, CRIB__TASK_STATE__ENDED)->result->verdict,
                     CRIB__RESULT__VERDICT__killed);
    client_settled(&daemon, &before, 0, 4 << 20);
    cribd_stop(&daemon);
}

/* However it ends. */
static void test_none_is_left(void **state)
{
    for (int killed = 0; killed < 2; killed++) {
        struct cribd daemon;
        pid_t pids[MOST];
        int fds[MOST], count;

        (void)state;
        cribd_start(&daemon, RULES "prepared: 3\n");
        run(&daemon, NULL);
        until_waiting(&daemon, 3);
        count = find_waiting(&daemon, pids);
        assert_int_equal(count, 3);
        for (int i = 0; i < count; i++) {
            fds[i] = (int)syscall(SYS_pidfd_open, pids[i], 0);
            assert_true(fds[i] >= 0);
        }
        if (killed)
            cribd_kill(&daemon);
        cribd_stop(&daemon);
        for (int i = 0; i < count; i++)
            client_gone(fds[i]);
    }
}

static uint32_t fd_count;

/* Sandboxes that are of no use to anybody else: the fds of a program are part of them. */
static void with_many_fds(Crib__SpawnRequest *request)
{
    static Crib__Stdio entries[64], *list[64];

    for (uint32_t fd = 0; fd < fd_count; fd++) {
        crib__stdio__init(&entries[fd]);
        entries[fd].has_fd = entries[fd].has_kind = true;
        entries[fd].fd = fd;
        entries[fd].kind = CRIB__STDIO__KIND__null;
        list[fd] = &entries[fd];
    }
    request->task->stdio = list;
    request->task->n_stdio = fd_count;
}

static void test_a_hundred_kinds(void **state)
{
    struct cribd daemon, hostile;
    uint64_t end;

    (void)state;
    cribd_start(&daemon, RULES "prepared: 4\n");
    client_join_as(&daemon, CLIENT_UID, &hostile);
    run(&daemon, NULL);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t task;

        limits.open_files = 100 + i;
        fd_count = 3 + i % 50;
        task = cribd_spawn(&hostile, "/bin/sh", nothing, i % 3 ? with_many_fds : with_own_policy);
        /* those that run for a moment may be of that thread, too */
        assert_true(count_waiting(&daemon) <= 4 + 1);
        cribd_wait(&hostile, task, CRIB__TASK_STATE__ENDED);
    }
    assert_true(cribd_alive(&daemon));
    end = clock_us() + CRIBD_PATIENCE_MS * 1000ull;
    while (strcmp(run(&daemon, NULL), "prepared ahead") != 0)
        if (clock_us() > end)
            fail_msg("nothing is prepared for anybody else");
    until_waiting(&daemon, 4);
    client_leave(&hostile);
    cribd_stop(&daemon);
}

/* A sandbox has the mounts that there were: none outlives them. */
static void test_mounts_change(void **state)
{
    struct cribd daemon;
    char *dir;

    (void)state;
    if (!client_root())
        skip();
    dir = test_dir();
    assert_int_equal(unshare(CLONE_NEWNS), 0);
    assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    cribd_start(&daemon, RULES "prepared: 2\n");
    run(&daemon, NULL);
    until_waiting(&daemon, 2);
    assert_int_equal(mount("new", dir, "tmpfs", 0, NULL), 0);
    assert_string_equal(run(&daemon, NULL), "made for this task");
    until_waiting(&daemon, 2);
    assert_string_equal(run(&daemon, NULL), "prepared ahead");
    until_waiting(&daemon, 2);
    assert_int_equal(mount(NULL, dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
    assert_string_equal(run(&daemon, NULL), "made for this task");
    until_waiting(&daemon, 2);
    assert_int_equal(umount2(dir, MNT_DETACH), 0);
    assert_string_equal(run(&daemon, NULL), "made for this task");
    cribd_stop(&daemon);
    free(dir);
}

struct gauge {
    const char *path, *line;
};

static bool tells(void *data)
{
    const struct gauge *gauge = data;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[16384] = {0};
    size_t len = 0;
    ssize_t n;

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", gauge->path);
    assert_int_equal(connect(sock, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_true(cribd_bytes(sock, "GET / HTTP/1.0\r\n\r\n", 18));
    while ((n = recv(sock, text + len, sizeof(text) - 1 - len, 0)) > 0)
        len += (size_t)n;
    close(sock);
    test_contains(text, "\ncrib_prepared ");
    return strstr(text, gauge->line) != NULL;
}

static void test_they_are_counted(void **state)
{
    char *dir = test_dir(), *site = NULL, *path = NULL;
    struct gauge gauge = {.line = "\ncrib_prepared 0\n"};
    struct cribd daemon;

    (void)state;
    assert_true(asprintf(&site, RULES "prepared: 3\nmetrics: unix:%s/m\n", dir) > 0);
    assert_true(asprintf(&path, "%s/m", dir) > 0);
    gauge.path = path;
    cribd_start(&daemon, site);
    assert_true(tells(&gauge));
    run(&daemon, NULL);
    gauge.line = "\ncrib_prepared 3\n";
    cribd_until(tells, &gauge, "the metrics tell how many wait");
    assert_int_equal(count_waiting(&daemon), 3);
    cribd_stop(&daemon);
    free(path);
    free(site);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_finds_one),   cmocka_unit_test(test_without_there_are_none),
        cmocka_unit_test(test_users_do_not_share), cmocka_unit_test(test_reload),
        cmocka_unit_test(test_none_is_left),       cmocka_unit_test(test_a_hundred_kinds),
        cmocka_unit_test(test_they_are_counted),   cmocka_unit_test(test_mounts_change),
    };

    return test_run(tests);
}
