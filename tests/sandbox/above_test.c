/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits of a group above the task's own, as a container or a service has them: what they do to a
 * task is not put down to the task's limits, and another one's end is not its own.
 */
#include "sandbox/live.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/host.h"

static const char *const only_here = "the groups of a daemon's tasks are the daemon's";

static const Crib__HostController *find(const Crib__Host *host, const char *name)
{
    for (size_t i = 0; i < host->n_controllers; i++)
        if (strcmp(host->controllers[i]->name, name) == 0)
            return host->controllers[i];
    fail_msg("host_controllers() says nothing of %s", name);
    return NULL;
}

static void put(const char *dir, const char *file, const char *text)
{
    char path[512];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, file);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        fail_msg("write %s to %s", text, path);
    close(fd);
}

/* Runs @test in a process in a group of its own, which has @limit in @file. Where there are no such
 * groups of version 1 to be had there is nothing to be tested: those of version 2 count by group.
 */
static void run_below(const char *controller, const char *file, const char *limit,
                      void (*test)(void))
{
    Crib__Host host = CRIB__HOST__INIT;
    const Crib__HostController *in;
    struct arena arena;
    char dir[256];
    int status;
    pid_t pid;

    arena_init(&arena, 0);
    assert_int_equal(host_controllers(&arena, &host), 0);
    in = find(&host, controller);
    if (geteuid() != 0 || !in->has_dir || in->version != 1) {
        arena_done(&arena);
        return;
    }
    snprintf(dir, sizeof(dir), "%s/above-%d", (char *)in->dir.data, (int)getpid());
    assert_int_equal(mkdir(dir, 0755), 0);
    put(dir, file, limit);
    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        put(dir, "cgroup.procs", "0");
        test();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (int i = 0; rmdir(dir) < 0 && i < 1000; i++)
        usleep(1000);
    arena_done(&arena);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void start(struct live *live, struct live_task *task, const char *limits,
                  const char *const *args)
{
    static const struct crib_stdio none = {CRIB_NULL};
    struct crib_error error;
    crib_policy *policy;
    char text[128];

    live_task(task);
    snprintf(text, sizeof(text), "extends: [default]\nlimits: {%s}\n", limits);
    if (crib_policy_parse("above.yaml", text, strlen(text), &policy, &error) < 0)
        _exit(10);
    task->options.policy_message = policy;
    task->options.stdio = &none;
    task->options.stdio_count = 1;
    if (crib_spawn(live->ex, sandbox_probe_path(), args, &task->options, &task->task, &error) < 0)
        _exit(11);
    live_until(live, task, "spawn");
}

/* One task uses up what the group above has; another one sleeps, and is killed by us in the end. */
static void want_memory(void)
{
    static const char *const hog[] = {"hog", "256", ",", "sleep", "60000", NULL};
    static const char *const sleep[] = {"sleep", "60000", NULL};
    struct live_task greedy, modest;
    struct live live;

    live_open(&live);
    start(&live, &modest, "memory: 512M", sleep);
    start(&live, &greedy, "memory: 1G", hog);
    live_until(&live, &greedy, "close");
    if (greedy.result.verdict != CRIB_MEMORY || strcmp(greedy.result.limit, "host") != 0)
        _exit(20 + (int)greedy.result.verdict);
    for (int i = 0; i < 10; i++)
        uv_run(&live.loop, UV_RUN_NOWAIT);
    if (strcmp(modest.log, "spawn ") != 0)
        _exit(40 + (int)modest.result.verdict);
    if (crib_task_kill(modest.task, SIGTERM) < 0)
        _exit(60);
    live_until(&live, &modest, "close");
    if (modest.result.verdict != CRIB_KILLED)
        _exit(70 + (int)modest.result.verdict);
    live_close(&live);
}

static void test_memory_above(void **state)
{
    (void)state;
    sandbox_only_here(only_here);
    run_below("memory", "memory.limit_in_bytes", "128M", want_memory);
}

static void want_pids(void)
{
    static const char *const bomb[] = {"forkbomb", "60", ",", "exit", "7", NULL};
    struct live_task task;
    struct live live;

    live_open(&live);
    start(&live, &task, "pids: 500", bomb);
    live_until(&live, &task, "close");
    if (task.result.verdict != CRIB_EXITED || task.result.status != 7)
        _exit(20 + (int)task.result.verdict);
    live_close(&live);
}

static void test_pids_above(void **state)
{
    (void)state;
    sandbox_only_here(only_here);
    run_below("pids", "pids.max", "40", want_pids);
}

static void want_time(void)
{
    static const char *const rules = "extends: [default]\nlimits: {cpus: 1}\n";
    struct sandbox box;
    char text[1024];

    sandbox_init(&box);
    box.rules = rules;
    sandbox_probe(&box, "exit 0");
    if (box.code != -EINVAL ||
        !strstr(crib_error_text(&box.error, text, sizeof(text)), "the group above has less"))
        _exit(20);
    sandbox_done(&box);
}

static void test_processor_time_above(void **state)
{
    (void)state;
    sandbox_only_here(only_here);
    run_below("cpu", "cpu.cfs_quota_us", "50000", want_time);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_above),
        cmocka_unit_test(test_pids_above),
        cmocka_unit_test(test_processor_time_above),
    };

    return sandbox_test_run(tests);
}
