/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaf groups: a task is born in its own and is alone there, sees nothing of it, and leaves nothing
 * behind; not even where its parent was killed. What verdicts come of limits is in verdict_test.c.
 */
#include "sandbox/live.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/host.h"

static const char *const only_here = "the groups of a daemon's tasks are the daemon's";

static const char *const limited =
    "extends: [default]\nlimits: {memory: 64M, pids: 16, cpus: 1, cpu_time: 60s}\n";

/* The controllers that this process can use; the arena is the caller's. */
static Crib__Host *look(struct arena *arena)
{
    Crib__Host *host = ARENA_NEW(arena, crib__host, Crib__Host);

    assert_int_equal(host_controllers(arena, host), 0);
    return host;
}

static const Crib__HostController *find(const Crib__Host *host, const char *name)
{
    for (size_t i = 0; i < host->n_controllers; i++)
        if (strcmp(host->controllers[i]->name, name) == 0)
            return host->controllers[i];
    fail_msg("host_controllers() says nothing of %s", name);
    return NULL;
}

/* Whether there are groups to be had: who has none is refused. */
static bool can_limit(void)
{
    struct arena arena;
    bool can;

    arena_init(&arena, 0);
    can = find(look(&arena), "memory")->has_dir && find(look(&arena), "pids")->has_dir;
    arena_done(&arena);
    return can;
}

/* How many groups of this process's tasks are there. */
static int leaves(void)
{
    char own[32];
    struct arena arena;
    Crib__Host *host;
    int count = 0;

    arena_init(&arena, 0);
    host = look(&arena);
    snprintf(own, sizeof(own), "crib-%d-", (int)getpid());
    for (size_t i = 0; i < host->n_controllers; i++) {
        DIR *dir =
            host->controllers[i]->has_dir ? opendir((char *)host->controllers[i]->dir.data) : NULL;
        struct dirent *entry;

        while (dir && (entry = readdir(dir)))
            count += strncmp(entry->d_name, own, strlen(own)) == 0;
        if (dir)
            closedir(dir);
    }
    arena_done(&arena);
    return count;
}

static void test_who_has_no_groups_is_told(void **state)
{
    bool can = can_limit();
    struct sandbox box;

    (void)state;
    sandbox_only_here(only_here);
    sandbox_init(&box);
    box.rules = "extends: [default]\nlimits: {memory: 64M}\n";
    sandbox_probe(&box, "exit 0");
    if (can) {
        assert_int_equal(box.code, 0);
        assert_int_equal(box.result.verdict, CRIB_EXITED);
        test_contains(box.json, "67108864 bytes, whole task, cgroup v");
    } else {
        assert_int_equal(box.code, -EOPNOTSUPP);
        assert_string_equal(box.error.step, "limits");
        assert_false(box.spawned);
        test_contains(box.error.detail, "no cgroup can hold it");
    }
    sandbox_done(&box);
    sandbox_init(&box);
    box.rules = "extends: [default]\nlimits: {memory: 64M, preferred: [memory]}\n";
    sandbox_expect(&box, "exit 0", 0);
    test_contains(box.json, can ? "whole task, cgroup v" : "not available: ");
    sandbox_done(&box);
}

/* From outside: its groups are leaves of ours, and not what this process is in. */
static void check_groups(struct sandbox *box)
{
    char path[64], *text;
    size_t len;

    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)box->pid);
    text = test_read(path, &len);
    test_contains(text, "/crib-");
    free(text);
    assert_true(leaves() > 0);
}

static void test_a_task_is_in_its_own_leaf_and_sees_nothing_of_it(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_only_here(only_here);
    if (!can_limit())
        return;
    sandbox_init(&box);
    box.rules = limited;
    box.meanwhile = check_groups;
    box.input = "";
    sandbox_expect(&box, "cat /proc/self/cgroup , ls /sys/fs/cgroup , sleep 100", 0);
    assert_null(strstr(box.out, "crib-"));
    test_contains(box.out, ":memory:/\n");
    sandbox_says(box.out, "/sys/fs/cgroup", "ENOENT");
    assert_int_equal(leaves(), 0);
    sandbox_done(&box);
}

/* However it ends, also where it never ran. */
static void test_no_leaf_is_left(void **state)
{
    static const char *const ends[] = {"exit 3", "raise 9", "hog 500", "forkbomb 100"};
    struct sandbox box;

    (void)state;
    sandbox_only_here(only_here);
    if (!can_limit())
        return;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        sandbox_init(&box);
        box.rules = limited;
        sandbox_probe(&box, ends[i]);
        assert_int_equal(box.code, 0);
        assert_true(box.closed);
        assert_int_equal(leaves(), 0);
        sandbox_done(&box);
    }
    sandbox_init(&box);
    box.rules = limited;
    sandbox_run(&box, "/nosuchprogram", NULL);
    assert_int_equal(leaves(), 0);
    sandbox_done(&box);
}

/* Init has a thread from the start there: no file that it opens may be where the task's are to be. */
static void test_many_starts_beside_inits_thread(void **state)
{
    char text[512];

    (void)state;
    if (!can_limit())
        return;
    for (int i = 0; i < 200; i++) {
        struct sandbox box;

        sandbox_init(&box);
        box.rules = limited;
        sandbox_probe(&box, "exit 3");
        if (box.result.verdict != CRIB_EXITED)
            fail_msg("start %d: %s", i, crib_error_text(&box.result.error, text, sizeof(text)));
        sandbox_done(&box);
    }
}

/* In a process of its own: starts a task, says so, and waits to be killed. */
static void be_parent(int report)
{
    const char *const args[] = {"sleep", "100000", NULL};
    struct crib_stdio nothing = {CRIB_NULL};
    crib_policy *policy;
    struct live_task task;
    struct live live;

    live_open(&live);
    live_task(&task);
    if (crib_policy_parse("limited", limited, strlen(limited), &policy, NULL) < 0)
        _exit(1);
    task.options.policy_message = policy;
    task.options.stdio = &nothing;
    task.options.stdio_count = 1;
    if (crib_spawn(live.ex, sandbox_probe_path(), args, &task.options, &task.task, NULL) < 0)
        _exit(1);
    live_until(&live, &task, "spawn");
    if (write(report, "", 1) != 1)
        _exit(2);
    for (;;)
        pause();
}

static pid_t start_and_kill(void)
{
    int report[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        be_parent(report[1]);
    close(report[1]);
    assert_int_equal(read(report[0], &byte, 1), 1);
    close(report[0]);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return pid;
}

static bool has_leaf_of(pid_t pid)
{
    struct arena arena;
    char own[32];
    bool found = false;
    struct dirent *entry;
    DIR *dir;

    arena_init(&arena, 0);
    snprintf(own, sizeof(own), "crib-%d-", (int)pid);
    dir = opendir((char *)find(look(&arena), "pids")->dir.data);
    assert_non_null(dir);
    while ((entry = readdir(dir)))
        found = found || strncmp(entry->d_name, own, strlen(own)) == 0;
    closedir(dir);
    arena_done(&arena);
    return found;
}

/* The first start of a process looks for them; their tasks ended with the parent. Here it must be
 * the first test, lest the others have looked already. */
static void test_what_a_killed_parent_leaves_is_removed(void **state)
{
    pid_t killed, other;

    (void)state;
    sandbox_only_here(only_here);
    if (!can_limit())
        return;
    killed = start_and_kill();
    for (int i = 0; has_leaf_of(killed) && i < 400; i++) {
        fflush(NULL);
        other = fork();
        assert_true(other >= 0);
        if (other == 0) {
            struct sandbox box;

            sandbox_init(&box);
            box.rules = limited;
            sandbox_probe(&box, "exit 0");
            _exit(box.result.verdict == CRIB_EXITED ? 0 : 1);
        }
        assert_int_equal(waitpid(other, NULL, 0), other);
        poll(NULL, 0, 25); /* the kernel may still be ending the killed one's task */
    }
    assert_false(has_leaf_of(killed));
}

/* Starts one, to its end; with @detached it goes on when nobody is there. Return: init's pid. */
static pid_t start_one(bool detached)
{
    static const char *const args[] = {"sleep", "60000", NULL}, *const none[] = {"exit", "0", NULL};
    struct crib_stdio nothing = {CRIB_NULL};
    crib_policy *policy;
    struct live_task task;
    struct live live;
    pid_t pid;

    live_open(&live);
    live_task(&task);
    assert_int_equal(
        crib_policy_parse("limited", "extends: [default]\nlimits: {pids: 16}\n", 38, &policy, NULL),
        0);
    task.options.policy_message = policy;
    task.options.stdio = &nothing;
    task.options.stdio_count = 1;
    task.options.detached = detached;
    assert_int_equal(crib_spawn(live.ex, sandbox_probe_path(), detached ? args : none,
                                &task.options, &task.task, NULL),
                     0);
    live_until(&live, &task, "spawn");
    pid = task.task ? (pid_t)crib_task_pid(task.task) : 0; /* it may have ended already */
    if (!detached)
        live_run(&live);
    live_close(&live);
    crib_policy_free(policy);
    return pid;
}

/* Its leaf is busy when the next ones look; later it is not, and goes. */
static void test_the_leaf_of_a_detached_task_goes_after_it(void **state)
{
    pid_t pid;

    (void)state;
    sandbox_only_here(only_here);
    if (!can_limit())
        return;
    pid = start_one(true);
    start_one(false);
    assert_true(leaves() > 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    start_one(false);
    assert_int_equal(leaves(), 0);
}

/* A group in the place where ours are made, for somebody else. Return: its path, in @arena. */
static const char *make_group(const Crib__HostController *in, uid_t owner, struct arena *arena)
{
    const char *dir = arena_printf(arena, "%s/test-%d", (char *)in->dir.data, (int)getpid());
    static const char *const files[] = {"tasks", "cgroup.procs"};
    char *path;

    if (mkdir(dir, 0755) < 0)
        assert_int_equal(errno, EEXIST);
    assert_int_equal(chown(dir, owner, owner), 0);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        path = arena_printf(arena, "%s/%s", dir, files[i]);
        if (access(path, F_OK) == 0)
            assert_int_equal(chown(path, owner, owner), 0);
    }
    return dir;
}

/* As root may do for somebody: then that user's tasks have limits like root's. */
static void run_in_groups(const Crib__Host *host, struct arena *arena)
{
    static const char *const names[] = {"memory", "pids", "cpu", "cpuacct"};
    struct sandbox box;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *dir = make_group(find(host, names[i]), 4711, arena);
        int fd = open(arena_printf(arena, "%s/cgroup.procs", dir), O_WRONLY | O_CLOEXEC);

        if (fd < 0 || write(fd, "0", 1) != 1)
            _exit(10);
        close(fd);
    }
    if (setgroups(0, NULL) < 0 || setresgid(4711, 4711, 4711) < 0 ||
        setresuid(4711, 4711, 4711) < 0)
        _exit(11);
    sandbox_init(&box);
    box.rules = limited;
    sandbox_run(&box, "/bin/sh", (const char *const[]){"-c", "exit 7", NULL});
    if (box.result.verdict != CRIB_EXITED || box.result.status != 7 ||
        !strstr(box.json, "67108864 bytes, whole task, cgroup v1")) {
        print_error("%s %s\n%s\n", box.error.subject, box.error.detail, box.json);
        _exit(12);
    }
    _exit(0);
}

static void test_an_ordinary_user_with_groups_of_its_own(void **state)
{
    struct arena arena;
    Crib__Host *host;
    int status;
    pid_t pid;

    (void)state;
    sandbox_only_here(only_here);
    if (!can_limit())
        return;
    arena_init(&arena, 0);
    host = look(&arena);
    if (geteuid() == 0 && find(host, "memory")->version == 1) {
        fflush(NULL);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            run_in_groups(host, &arena);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        for (size_t i = 0; i < host->n_controllers; i++)
            if (host->controllers[i]->has_dir)
                rmdir(arena_printf(&arena, "%s/test-%d", (char *)host->controllers[i]->dir.data,
                                   (int)pid));
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_killed_parent_leaves_is_removed),
        cmocka_unit_test(test_who_has_no_groups_is_told),
        cmocka_unit_test(test_a_task_is_in_its_own_leaf_and_sees_nothing_of_it),
        cmocka_unit_test(test_no_leaf_is_left),
        cmocka_unit_test(test_many_starts_beside_inits_thread),
        cmocka_unit_test(test_the_leaf_of_a_detached_task_goes_after_it),
        cmocka_unit_test(test_an_ordinary_user_with_groups_of_its_own),
    };

    return sandbox_test_run(tests);
}
