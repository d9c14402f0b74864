/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many sleeping tasks at once: what each holds in memory, and whether the next one costs more the
 * more there are.
 *
 *     bench_crowd COUNT MANY USE
 *
 * COUNT are looked at, beside as many of posix_spawn; MANY, and a tenth of them, are timed.
 */
#include <crib/crib.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "samples.h"

#define LOOKED_AT 10 /* processes, for what each has mapped */
#define TENTHS    3  /* times that a tenth is timed */

extern char **environ;

struct bench {
    uv_loop_t loop;
    crib *ex;
    const char *use;
    crib_task **tasks;
    int running, gone, refused;
    struct crib_error error;
};

static const char what[] = "A sleeping task";

static void must(bool well, const char *text)
{
    if (well)
        return;
    fprintf(stderr, "bench_crowd: %s\n", text);
    exit(EXIT_FAILURE);
}

/* Return: KiB of a line of a file of /proc; -1: it is not there. */
static double line_kib(const char *path, const char *name)
{
    char line[256];
    size_t len = strlen(name);
    double kib = -1;
    FILE *file = fopen(path, "re");

    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, name, len) == 0 && line[len] == ':')
            kib = atof(line + len + 1);
    if (file)
        fclose(file);
    return kib;
}

static double process_kib(pid_t pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
    return line_kib(path, name);
}

/* What is not used by anybody: free, or a page of a file that is on a disk as well. What the kernel
 * keeps of its own counts as used, also where it says that it could do without. */
static double free_kib(void)
{
    static const char path[] = "/proc/meminfo";

    return line_kib(path, "MemFree") + line_kib(path, "Buffers") + line_kib(path, "Cached") -
           line_kib(path, "Shmem");
}

static pid_t only_child(pid_t pid)
{
    char path[64];
    FILE *file;
    pid_t child = 0;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    file = fopen(path, "re");
    must(file && fscanf(file, "%d", &child) == 1, "a task has no program");
    fclose(file);
    return child;
}

static int count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = -1; /* its own */

    must(dir != NULL, "/proc/self/fd");
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* As many of posix_spawn. */

static double plain_kib(struct bench *bench, int count)
{
    char way[] = "tree", one[] = "1", *argv[] = {(char *)bench->use, way, one, NULL};
    pid_t *pids = calloc((size_t)count, sizeof(*pids));
    posix_spawn_file_actions_t actions;
    double before, after;
    int told[2];
    uint64_t word;

    must(pids && pipe2(told, O_CLOEXEC) == 0, "pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, told[1], 1);
    before = free_kib();
    for (int i = 0; i < count; i++)
        must(posix_spawn(&pids[i], argv[0], &actions, NULL, argv, environ) == 0, argv[0]);
    for (int i = 0; i < count; i++)
        must(read(told[0], &word, sizeof(word)) == sizeof(word), "read");
    after = free_kib();
    for (int i = 0; i < count; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    posix_spawn_file_actions_destroy(&actions);
    close(told[0]);
    close(told[1]);
    free(pids);
    return (before - after) / count;
}

/* Tasks. */

static void on_spawn(crib_task *task, void *user)
{
    (void)task;
    ((struct bench *)user)->running++;
}

static void on_error(crib_task *task, const struct crib_error *error, void *user)
{
    struct bench *bench = user;

    (void)task;
    bench->error = *error;
    bench->refused++;
}

static void on_close(crib_task *task, const struct crib_result *result, void *user)
{
    (void)task;
    (void)result;
    ((struct bench *)user)->gone++;
}

static void start_one(struct bench *bench, int i)
{
    static const struct crib_stdio stdio[3] = {{.kind = CRIB_NULL}};
    static const char *const args[] = {"tree", "1", NULL};
    struct crib_options options;
    char text[512];
    int r;

    crib_options_init(&options);
    options.stdio = stdio;
    options.stdio_count = 3;
    options.data = bench;
    options.on.spawn = on_spawn;
    options.on.error = on_error;
    options.on.close = on_close;
    r = crib_spawn(bench->ex, bench->use, args, &options, &bench->tasks[i], &bench->error);
    must(r == 0, crib_error_text(&bench->error, text, sizeof(text)));
    uv_run(&bench->loop, UV_RUN_NOWAIT);
}

static void start_all(struct bench *bench, int count)
{
    char text[512];

    bench->running = bench->gone = bench->refused = 0;
    for (int i = 0; i < count; i++)
        start_one(bench, i);
    while (bench->running + bench->refused < count)
        uv_run(&bench->loop, UV_RUN_ONCE);
    must(bench->refused == 0, crib_error_text(&bench->error, text, sizeof(text)));
    must(bench->gone == 0, "a task did not sleep");
}

static void kill_all(struct bench *bench, int count)
{
    for (int i = 0; i < count; i++)
        crib_task_kill(bench->tasks[i], SIGKILL);
    while (bench->gone < count)
        uv_run(&bench->loop, UV_RUN_ONCE);
}

static void look_at(struct bench *bench, int count, double own_before)
{
    struct samples init[2] = {{.name = "init, Pss"}, {.name = "init, Rss"}};
    double own = process_kib(getpid(), "Private_Dirty");

    for (int i = 0; i < LOOKED_AT && i < count; i++) {
        pid_t pid = crib_task_pid(bench->tasks[i * (count / LOOKED_AT ? count / LOOKED_AT : 1)]);

        samples_add(&init[0], process_kib(pid, "Pss"));
        samples_add(&init[1], process_kib(pid, "Rss"));
        must(only_child(pid) > 0, "a task has no program");
    }
    for (int i = 0; i < 2; i++) {
        samples_figure(what, init[i].name, "KiB", samples_at(&init[i], 0.5));
        samples_done(&init[i]);
    }
    samples_figure(what, "in its parent", "KiB", (own - own_before) / count);
}

/* Return: fds that a task holds in its parent. */
static int memory(struct bench *bench, int count)
{
    double plain, before, own;
    int fds = count_fds(); /* networks of tasks that have ended are kept: before the first */

    plain_kib(bench, count); /* what is made once is not looked for */
    start_all(bench, count);
    kill_all(bench, count);
    plain = plain_kib(bench, count);
    own = process_kib(getpid(), "Private_Dirty");
    before = free_kib();
    start_all(bench, count);
    samples_figure(what, "all of it, the kernel's part too", "KiB", (before - free_kib()) / count);
    samples_figure(what, "of it the program, as of posix_spawn", "KiB", plain);
    look_at(bench, count, own);
    fds = (count_fds() - fds + count / 2) / count;
    kill_all(bench, count);
    return fds;
}

static double time_of(struct bench *bench, int count)
{
    double start = samples_clock(), started, ended;
    char name[64];

    start_all(bench, count);
    started = samples_clock() - start;
    start = samples_clock();
    kill_all(bench, count);
    ended = samples_clock() - start;
    snprintf(name, sizeof(name), "%d alive, each started in", count);
    samples_figure(what, name, "us", started / count);
    snprintf(name, sizeof(name), "%d alive, each killed in", count);
    samples_figure(what, name, "us", ended / count);
    return started + ended;
}

static void flat(struct bench *bench, int many)
{
    double best = 0;

    for (int i = 0; i < TENTHS; i++) {
        double took = time_of(bench, many / 10);

        if (best == 0 || took < best)
            best = took;
    }
    samples_figure(what, "at most alive", "tasks", many);
    samples_figure(what, "ten times as many, time", "times", time_of(bench, many) / best);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    int count = argc == 4 ? atoi(argv[1]) : 0, many = argc == 4 ? atoi(argv[2]) : 0, fds;
    struct rlimit limit;

    if (count <= 0 || many < 10) {
        fprintf(stderr, "usage: bench_crowd COUNT MANY USE\n");
        return EXIT_FAILURE;
    }
    bench.use = argv[3];
    bench.tasks = calloc((size_t)(count > many ? count : many), sizeof(*bench.tasks));
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    uv_loop_init(&bench.loop);
    must(bench.tasks && crib_open(&bench.ex, &bench.loop, NULL, NULL) == 0, "open");
    fds = memory(&bench, count);
    samples_figure(what, "file descriptors in its parent", "", fds);
    if (fds > 0 && (rlim_t)many > (limit.rlim_cur - 200) / (rlim_t)fds) {
        many = (int)((limit.rlim_cur - 200) / (rlim_t)fds);
        printf("There are file descriptors for %d only.\n", many);
    }
    flat(&bench, many);
    crib_close(bench.ex, NULL, NULL);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    free(bench.tasks);
    return uv_loop_close(&bench.loop) < 0;
}
