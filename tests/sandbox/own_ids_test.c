/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of their own: no two tasks that run have the same, and none is lost when somebody dies. */
#include "sandbox/live.h"
#include "sandbox/own_ids.h"
#include "sandbox/own_ids_free.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "host/host.h"
#include "host/own.h"
#include "host/subids.h"

#define MOST 200

static bool here; /* own_ids_here() */

/* A policy as a file: what live.h can name. Return: its path; static. */
static const char *policy_file(const char *text)
{
    static char path[600];
    char *dir = test_dir();

    assert_int_equal(chmod(dir, 0755), 0);
    snprintf(path, sizeof(path), "%s/own.yaml", dir);
    test_write(path, text, strlen(text), 0644);
    free(dir);
    return path;
}

/* Tasks of one loop that say their ids and then wait to be killed. */
struct crowd {
    const char *policy;
    int count, said, refused;
    uv_loop_t loop;
    crib *ex;
    struct member {
        struct crowd *crowd;
        crib_task *task;
        char out[256];
        size_t len;
        bool said;
    } member[MOST];
};

static void end_all(struct crowd *crowd)
{
    for (int i = 0; i < crowd->count; i++)
        if (crowd->member[i].task)
            crib_task_kill(crowd->member[i].task, SIGKILL);
}

static void on_data(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    struct member *member = user;

    (void)stream;
    for (ssize_t i = 0; data && i < len && member->len < sizeof(member->out) - 1; i++)
        member->out[member->len++] = data[i];
    if (member->said || !strstr(member->out, "\ngroups"))
        return;
    member->said = true;
    if (++member->crowd->said + member->crowd->refused == member->crowd->count)
        end_all(member->crowd);
}

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    struct member *member = data;

    (void)task;
    (void)result;
    member->task = NULL;
    if (member->said)
        return;
    member->crowd->refused++;
    if (member->crowd->said + member->crowd->refused == member->crowd->count)
        end_all(member->crowd);
}

static bool start(struct crowd *crowd, struct member *member)
{
    static const char *const args[] = {"ids", ",", "sleep", "100000", NULL};
    struct crib_options options;

    member->crowd = crowd;
    crib_options_init(&options);
    options.policy = crowd->policy;
    options.data = member;
    options.on.close = on_close;
    if (crib_spawn(crowd->ex, sandbox_probe_path(), args, &options, &member->task, NULL) < 0)
        return false;
    return crib_stream_read_start(crib_task_stream(member->task, 1), on_data, member) == 0;
}

/* All at once until each has said its ids. Safe in a thread. */
static void *run_crowd(void *data)
{
    struct crowd *crowd = data;

    if (uv_loop_init(&crowd->loop) < 0)
        return NULL;
    if (crib_open(&crowd->ex, &crowd->loop, sandbox_address(), NULL) == 0) {
        for (int i = 0; i < crowd->count; i++)
            if (!start(crowd, &crowd->member[i]))
                crowd->refused++;
        uv_run(&crowd->loop, UV_RUN_DEFAULT);
        crib_close(crowd->ex, NULL, NULL);
        uv_run(&crowd->loop, UV_RUN_DEFAULT);
    }
    uv_loop_close(&crowd->loop);
    return NULL;
}

static unsigned id_of(const struct member *member, const char *kind)
{
    const char *line = sandbox_line(member->out, kind);
    unsigned id, effective, saved;

    if (!line || sscanf(line, "%u %u %u", &id, &effective, &saved) != 3)
        fail_msg("no %s in: %s", kind, member->out);
    assert_true(id == effective && id == saved);
    return id;
}

static void add_ids(const struct crowd *crowd, const char *kind, unsigned *ids, int *count)
{
    for (int i = 0; i < crowd->count; i++) {
        unsigned id = id_of(&crowd->member[i], kind);

        assert_int_not_equal(id, 0);
        assert_int_not_equal(id, geteuid());
        assert_int_not_equal(id, getegid());
        assert_false(id >= 65532 && id <= 65535);
        for (int k = 0; k < *count; k++)
            if (ids[k] == id)
                fail_msg("two have %s %u", kind, id);
        ids[(*count)++] = id;
    }
}

static struct crowd *new_crowd(const char *policy, int count)
{
    struct crowd *crowd = calloc(1, sizeof(*crowd));

    assert_non_null(crowd);
    crowd->policy = policy;
    crowd->count = count;
    return crowd;
}

static void test_many_at_once_all_differ(void **state)
{
    unsigned ids[MOST];
    struct crowd *crowd;

    (void)state;
    if (!here)
        return;
    crowd = new_crowd(policy_file(OWN_REQUIRED), sandbox_address() ? 40 : MOST);
    run_crowd(crowd);
    assert_int_equal(crowd->said, crowd->count);
    for (int kind = 0; kind < 2; kind++) {
        int count = 0;

        add_ids(crowd, kind ? "gid" : "uid", ids, &count);
        assert_int_equal(count, crowd->count);
    }
    free(crowd);
}

/* Two executors that know nothing of one another, in one process and at the same time. */
static void test_executors_do_not_share(void **state)
{
    struct crowd *crowds[2];
    pthread_t threads[2];
    unsigned ids[MOST];
    const char *policy;
    int count = 0;

    (void)state;
    if (!here)
        return;
    policy = policy_file(OWN_REQUIRED);
    for (int i = 0; i < 2; i++) {
        crowds[i] = new_crowd(policy, 30);
        assert_int_equal(pthread_create(&threads[i], NULL, run_crowd, crowds[i]), 0);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(crowds[i]->said, crowds[i]->count);
        /* Those of one may have ended before those of the other began; within one they overlap. */
        count = 0;
        add_ids(crowds[i], "uid", ids, &count);
        free(crowds[i]);
    }
}

/* Takes every id but some, as other executors would. Return: how many fds are to be closed. */
static int take_all_but(int left, int *fds)
{
    Crib__Host host = CRIB__HOST__INIT;
    struct arena arena;
    int count = 0;

    arena_init(&arena, 0);
    host.uid = geteuid();
    host.gid = getegid();
    host.privileged = sandbox_privileged();
    assert_int_equal(host_sub_ids(&arena, &host), 0);
    if (host.privileged) {
        struct flock lock = {.l_type = F_WRLCK,
                             .l_start = host.sub_ids[0]->first + left,
                             .l_len = host.sub_ids[0]->count - left};

        assert_int_equal(host.n_sub_ids, 2);
        fds[count] = open(OWN_LOCKS, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(fcntl(fds[count++], F_OFD_SETLK, &lock), 0);
    } else {
        for (int i = (int)subids_pairs(&host) - left; i > 0; i--) {
            Crib__HostOwn own = CRIB__HOST_OWN__INIT;

            assert_int_equal(own_take(&host, OWN_LOCKS, &arena, &own, &fds[count]), 0);
            assert_true(fds[count++] >= 0);
        }
    }
    arena_done(&arena);
    return count;
}

static void give_back(int *fds, int count)
{
    while (count > 0)
        fd_close(&fds[--count]);
}

static void test_exhaustion(void **state)
{
    struct sandbox box;
    int fds[1024], count;

    (void)state;
    if (!here)
        return;
    sandbox_only_here("its executor is another process's");
    count = take_all_but(0, fds);
    sandbox_init(&box);
    box.rules = OWN_REQUIRED;
    sandbox_probe(&box, "ids");
    assert_int_equal(box.code, -EOPNOTSUPP);
    assert_string_equal(box.error.step, "ids.own");
    test_contains(box.error.detail, "ids for tasks are taken: wait for one to end, or give");
    assert_string_equal(box.out, "");
    /* Preferred goes on as tasks do otherwise, and says so. */
    box.rules = OWN_PREFERRED;
    sandbox_expect(&box, "ids", 0);
    assert_int_equal(strtoul(sandbox_line(box.out, "uid"), NULL, 10), sandbox_task_uid());
    test_contains(box.json, "not available: all ");
    give_back(fds, count);
    box.rules = OWN_REQUIRED;
    sandbox_expect(&box, "ids", 0);
    sandbox_done(&box);
}

/* Whether one more task can be started. */
static bool one_more(const char *policy)
{
    struct crowd *crowd = new_crowd(policy, 1);
    bool ok;

    run_crowd(crowd);
    ok = crowd->said == 1;
    free(crowd);
    return ok;
}

static void wait_gone(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd gone = {.fd = fd, .events = POLLIN};

    if (fd >= 0)
        assert_int_equal(poll(&gone, 1, 30000), 1);
    fd_close(&fd);
}

static void test_free_again_after_init_was_killed(void **state)
{
    static const char *const args[] = {"sleep", "100000", NULL};
    const char *policy;
    struct live live;
    struct live_task task;
    int fds[1024], count;

    (void)state;
    if (!here)
        return;
    sandbox_only_here("it kills init");
    policy = policy_file(OWN_REQUIRED);
    count = take_all_but(1, fds);
    for (int i = 0; i < 3; i++) {
        live_open(&live);
        live_task(&task);
        task.options.policy = policy;
        live_started(
            &task,
            crib_spawn(live.ex, sandbox_probe_path(), args, &task.options, &task.task, &task.error),
            &task.error);
        live_until(&live, &task, "spawn");
        assert_false(one_more(policy));
        assert_int_equal(kill(crib_task_pid(task.task), SIGKILL), 0);
        live_run(&live);
        live_close(&live);
    }
    assert_true(one_more(policy));
    give_back(fds, count);
}

/* In a process of its own: starts a task, tells init's pid, and waits to be killed. */
static void be_a_parent(const char *policy, const char *file, const char *const *args, int tell)
{
    struct live live;
    struct live_task task;
    pid_t pid;

    live_open(&live);
    live_task(&task);
    task.options.policy = policy;
    if (crib_spawn(live.ex, file, args, &task.options, &task.task, NULL) < 0)
        _exit(1);
    live_until(&live, &task, "spawn");
    pid = crib_task_pid(task.task);
    (void)!write(tell, &pid, sizeof(pid));
    uv_run(&live.loop, UV_RUN_DEFAULT);
    _exit(1);
}

static void test_free_again_after_the_parent_was_killed(void **state)
{
    static const char *const args[] = {"sleep", "100000", NULL};
    int fds[1024], count, talk[2];
    const char *policy;
    pid_t parent, init;

    (void)state;
    if (!here)
        return;
    sandbox_only_here("it kills the task's parent");
    policy = policy_file(OWN_REQUIRED);
    count = take_all_but(1, fds);
    assert_int_equal(pipe2(talk, O_CLOEXEC), 0);
    parent = fork();
    if (parent == 0)
        be_a_parent(policy, sandbox_probe_path(), args, talk[1]);
    assert_int_equal(read(talk[0], &init, sizeof(init)), sizeof(init));
    assert_false(one_more(policy));
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    wait_gone(init);
    assert_true(one_more(policy));
    give_back(fds, count);
    close(talk[0]);
    close(talk[1]);
}

/* Init's files are closed before the kernel ends what is inside with it. */
static void test_nobody_has_an_id_that_is_free(void **state)
{
    static const char *const args[] = {
        "-c", "i=0; while [ $i -lt 200 ]; do sleep 100000 & i=$((i+1)); done; wait", NULL};
    int fds[1024], count, talk[2], fd;
    const char *policy;
    pid_t parent, init;
    uint32_t uid;

    (void)state;
    if (!here)
        return;
    sandbox_only_here("it kills the task's parent");
    policy = policy_file(OWN_REQUIRED);
    count = take_all_but(1, fds);
    fd = take_one(&uid);
    fd_close(&fd);
    assert_int_equal(pipe2(talk, O_CLOEXEC), 0);
    parent = fork();
    if (parent == 0)
        be_a_parent(policy, "/bin/sh", args, talk[1]);
    assert_int_equal(read(talk[0], &init, sizeof(init)), sizeof(init));
    while (count_of(uid) < 200)
        poll(NULL, 0, 5);
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    await_free(uid);
    assert_int_equal(count_of(uid), 0);
    give_back(fds, count);
    close(talk[0]);
    close(talk[1]);
}

/* What the task may open is what others may: neither its caller's files nor those of root. */
static void test_files_are_anothers(void **state)
{
    static const struct {
        unsigned mode;
        const char *says;
    } rows[] = {{0600, "EACCES"}, {0640, "EACCES"}, {0660, "EACCES"}, {0604, "ok"}, {0644, "ok"}};
    struct crib_bind bind = {.write = true};
    char *dir = test_dir(), path[600], verbs[2048];
    struct sandbox box;

    (void)state;
    assert_int_equal(chmod(dir, 0755), 0);
    bind.source = dir;
    sandbox_init(&box);
    box.rules = OWN_REQUIRED;
    box.options.binds = &bind;
    box.options.bind_count = 1;
    for (size_t i = 0; here && i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(path, sizeof(path), "%s/file", dir);
        test_write(path, "x", 1, rows[i].mode);
        assert_int_equal(chmod(path, rows[i].mode), 0);
        snprintf(verbs, sizeof(verbs), "open r %s", path);
        sandbox_probe(&box, verbs);
        sandbox_says(box.out, path, rows[i].says);
    }
    if (here) {
        snprintf(verbs, sizeof(verbs), "write %s/new x", dir);
        sandbox_probe(&box, verbs);
        assert_null(strstr(box.out, "ok"));
    }
    sandbox_done(&box);
    free(dir);
}

/* Its own /tmp, its own stdio by name, its own terminal's; and init is nobody that it could reach.
 */
static void test_what_is_its_own(void **state)
{
    struct sandbox box;

    (void)state;
    if (!here)
        return;
    sandbox_init(&box);
    box.rules = OWN_REQUIRED;
    sandbox_expect(&box,
                   "write /tmp/x hello , cat /tmp/x , open w /dev/stdout , open w /dev/stderr", 0);
    test_contains(box.out, "hello");
    assert_null(strstr(box.out, "EACCES"));
    sandbox_probe(&box, "pid1-signals , pid1-files , pid1-change , ids");
    assert_null(strstr(box.out, " ok"));
    sandbox_says(box.out, "groups", "0");
    sandbox_done(&box);
}

static void test_another_id_cannot_be_asked_for(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = OWN_REQUIRED;
    box.options.set_uid = box.options.set_gid = true;
    box.options.uid = sandbox_task_uid();
    box.options.gid = sandbox_task_gid();
    sandbox_probe(&box, "ids");
    assert_false(box.spawned);
    test_contains(box.error.step, "ids");
    if (here)
        test_contains(box.error.detail, "a uid or gid was asked for");
    sandbox_done(&box);
}

/* Where there are none: refused with what to do, or as before and said. */
static void test_without_any(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = OWN_REQUIRED;
    sandbox_probe(&box, "ids");
    if (here) {
        assert_int_equal(box.code, 0);
        assert_int_equal(box.result.verdict, CRIB_EXITED);
    } else {
        assert_false(box.spawned);
        assert_string_equal(box.error.step, "ids.own");
        assert_true(strstr(box.error.detail, "usermod --add-subuids") ||
                    strstr(box.error.detail, "install the package `uidmap`") ||
                    strstr(box.error.detail, "in passwd"));
        box.rules = OWN_PREFERRED;
        sandbox_expect(&box, "ids", 0);
        test_contains(box.json, "not available: ");
    }
    sandbox_done(&box);
}

/* With a range an ordinary caller's own task can do without its groups. */
static void test_groups_are_cleared(void **state)
{
    struct sandbox box;
    char want[64];

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nids: {groups: required}\n";
    if (!getenv("CRIB_TEST_SUBIDS"))
        return;
    assert_true(getgroups(0, NULL) > 1);
    sandbox_expect(&box, "ids", 0);
    sandbox_says(box.out, "groups", "0");
    snprintf(want, sizeof(want), "%u %u %u", geteuid(), geteuid(), geteuid());
    sandbox_says(box.out, "uid", want);
    test_contains(box.json, "cleared");
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_at_once_all_differ),
        cmocka_unit_test(test_executors_do_not_share),
        cmocka_unit_test(test_exhaustion),
        cmocka_unit_test(test_free_again_after_init_was_killed),
        cmocka_unit_test(test_free_again_after_the_parent_was_killed),
        cmocka_unit_test(test_nobody_has_an_id_that_is_free),
        cmocka_unit_test(test_files_are_anothers),
        cmocka_unit_test(test_what_is_its_own),
        cmocka_unit_test(test_another_id_cannot_be_asked_for),
        cmocka_unit_test(test_without_any),
        cmocka_unit_test(test_groups_are_cleared),
    };

    own_ids_apart();
    sandbox_warm();
    here = own_ids_here();
    return test_run(tests);
}
