/* SPDX-License-Identifier: Apache-2.0 */
/* A task ends with the process that started it, however that ends; not with its thread. */
#include "sandbox/live.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

enum { COUNT = 3 };

/* What another process has started, as seen from here. */
struct parent {
    pid_t pid;
    pid_t inits[COUNT];
    int pidfds[COUNT];
    char word[64]; /* in the arguments of every process inside */
};

struct order {
    bool detached;
    bool before;      /* tell as soon as it is started, whether it runs or not */
    const char *then; /* `wait`, `exit`, `exec` */
};

/* Starts what is to outlive or not, says so, and does as it is told. Never returns. */
static void be_parent(const struct order *order, const char *word, int report)
{
    const char *const args[] = {"echo", word,     ",",   "ignore", "1",     "2",      "15",
                                ",",    "orphan", "100", ",",      "sleep", "100000", NULL};
    struct crib_stdio nothing = {CRIB_NULL};
    struct live_task tasks[COUNT];
    struct live live;

    live_open(&live);
    for (int i = 0; i < COUNT; i++) {
        pid_t pid;

        live_task(&tasks[i]);
        tasks[i].options.stdio = &nothing;
        tasks[i].options.stdio_count = 1;
        tasks[i].options.detached = order->detached;
        if (crib_spawn(live.ex, sandbox_probe_path(), args, &tasks[i].options, &tasks[i].task,
                       NULL) < 0)
            _exit(1);
        pid = crib_task_pid(tasks[i].task);
        if (!order->before)
            live_until(&live, &tasks[i], "spawn");
        if (write(report, &pid, sizeof(pid)) != sizeof(pid))
            _exit(2);
    }
    if (strcmp(order->then, "exit") == 0)
        _exit(0);
    if (strcmp(order->then, "exec") == 0)
        execl("/bin/sleep", "sleep", "100", NULL);
    uv_run(&live.loop, UV_RUN_DEFAULT);
    _exit(3);
}

static void begin(struct parent *parent, const struct order *order)
{
    int fds[2];

    snprintf(parent->word, sizeof(parent->word), "parent-%d-%llu", (int)getpid(),
             (unsigned long long)clock_us());
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    fflush(NULL);
    parent->pid = fork();
    if (parent->pid == 0) {
        close(fds[0]);
        be_parent(order, parent->word, fds[1]);
    }
    close(fds[1]);
    for (int i = 0; i < COUNT; i++) {
        if (read(fds[0], &parent->inits[i], sizeof(pid_t)) != sizeof(pid_t))
            fail_msg("the other process could not start a task");
        parent->pidfds[i] = (int)syscall(SYS_pidfd_open, parent->inits[i], 0);
    }
    close(fds[0]);
}

/* Return: whether all were gone within so many milliseconds. */
static bool all_gone(struct parent *parent, int ms)
{
    uint64_t last = clock_us() + (uint64_t)ms * 1000;

    for (int i = 0; i < COUNT; i++) {
        struct pollfd gone = {.fd = parent->pidfds[i], .events = POLLIN};
        uint64_t now = clock_us();

        if (gone.fd >= 0 && poll(&gone, 1, now < last ? (int)((last - now) / 1000) : 0) <= 0)
            return false;
    }
    return true;
}

static void end(struct parent *parent)
{
    int status;

    kill(parent->pid, SIGKILL);
    waitpid(parent->pid, &status, 0);
    for (int i = 0; i < COUNT; i++)
        fd_close(&parent->pidfds[i]);
}

static void killed(void **state)
{
    struct order order = {.then = "wait"};
    struct parent parent;

    (void)state;
    begin(&parent, &order);
    assert_int_equal(sandbox_processes_with(parent.word) > 0, 1);
    assert_false(all_gone(&parent, 100));
    kill(parent.pid, SIGKILL);
    assert_true(all_gone(&parent, 1000));
    assert_int_equal(sandbox_processes_with(parent.word), 0);
    end(&parent);
}

/* At any moment of the set-up. */
static void killed_at_once(void **state)
{
    struct order order = {.then = "wait", .before = true};

    (void)state;
    for (int round = 0; round < 20; round++) {
        struct parent parent;

        begin(&parent, &order);
        usleep((unsigned)round * 500);
        kill(parent.pid, SIGKILL);
        assert_true(all_gone(&parent, 1000));
        assert_int_equal(sandbox_processes_with(parent.word), 0);
        end(&parent);
    }
}

static void exited(void **state)
{
    struct order order = {.then = "exit"};
    struct parent parent;

    (void)state;
    begin(&parent, &order);
    assert_true(all_gone(&parent, 1000));
    assert_int_equal(sandbox_processes_with(parent.word), 0);
    end(&parent);
}

/* Who executes another program has forgotten its tasks: nobody is left to watch them. */
static void executed_another(void **state)
{
    struct order order = {.then = "exec"};
    struct parent parent;

    (void)state;
    begin(&parent, &order);
    assert_true(all_gone(&parent, 1000));
    assert_int_equal(sandbox_processes_with(parent.word), 0);
    end(&parent);
}

static void detached_ones_live_on(void **state)
{
    struct order order = {.then = "wait", .detached = true};
    struct parent parent;

    (void)state;
    begin(&parent, &order);
    kill(parent.pid, SIGKILL);
    assert_false(all_gone(&parent, 500));
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(kill(parent.inits[i], SIGKILL), 0);
    assert_true(all_gone(&parent, 1000));
    assert_int_equal(sandbox_processes_with(parent.word), 0);
    end(&parent);
}

/* Reaps it where it is our child; under a daemon it is the daemon's. */
static bool is_alive(pid_t pid)
{
    int status;

    if (!sandbox_address())
        return waitpid(pid, &status, WNOHANG) == 0;
    return kill(pid, 0) == 0;
}

static void detached_ones_outlive_their_executor(void **state)
{
    const char *const args[] = {"sleep", "100000", NULL};
    struct crib_stdio nothing = {CRIB_NULL};
    struct live live;
    struct live_task task;
    pid_t pid;

    (void)state;
    live_open(&live);
    live_task(&task);
    task.options.stdio = &nothing;
    task.options.stdio_count = 1;
    task.options.detached = true;
    assert_int_equal(
        crib_spawn(live.ex, sandbox_probe_path(), args, &task.options, &task.task, NULL), 0);
    pid = crib_task_pid(task.task);
    live_close(&live); /* while it is being set up */
    live_says(&task, "spawn close ");
    assert_int_equal(task.result.verdict, 0);
    usleep(100000);
    assert_true(is_alive(pid));
    assert_int_equal(kill(pid, SIGKILL), 0);
    for (int i = 0; i < 3000 && is_alive(pid); i++)
        usleep(10000);
    assert_false(is_alive(pid));
}

static void what_detached_may_not_have(void **state)
{
    struct crib_stdio stdio[4] = {{CRIB_NULL}, {CRIB_NULL}, {CRIB_NULL}, {CRIB_CHANNEL}};
    struct crib_options options;
    struct crib_error error;
    struct live live;

    (void)state;
    live_open(&live);
    crib_options_init(&options);
    options.detached = true;
    assert_int_equal(crib_spawn(live.ex, "true", NULL, &options, NULL, &error), -EINVAL);
    assert_string_equal(error.step, "detached"); /* three pipes are the default */
    options.stdio = stdio;
    options.stdio_count = 4;
    assert_int_equal(crib_spawn(live.ex, "true", NULL, &options, NULL, &error), -EINVAL);
    stdio[3].kind = CRIB_PIPE;
    assert_int_equal(crib_spawn(live.ex, "true", NULL, &options, NULL, &error), -EINVAL);
    options.stdio_count = 3;
    options.timeout_ms = 1000;
    assert_int_equal(crib_spawn(live.ex, "true", NULL, &options, NULL, &error), -EINVAL);
    live_close(&live);
}

struct thread_start {
    struct live *live;
    struct live_task *task;
};

static void *spawn_and_leave(void *data)
{
    struct thread_start *start = data;

    live_open(start->live);
    live_task(start->task);
    live_shell(start->live, start->task, "sleep 0.5; echo alive");
    return NULL;
}

static void the_thread_that_started_it_ends(void **state)
{
    struct live live;
    struct live_task task;
    struct thread_start start = {&live, &task};
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, spawn_and_leave, &start), 0);
    pthread_join(thread, NULL);
    live_read(&task);
    live_run(&live); /* the loop is ours now */
    live_says(&task, "spawn exit close ");
    assert_int_equal(task.result.status, 0);
    live_wrote(&task, "alive\n");
    live_close(&live);
}

/* A host with threads that come and go, and a heap that other threads use while we clone. */
static void *churn(void *data)
{
    volatile bool *stop = data;

    while (!*stop) {
        char *memory = malloc((size_t)(rand() % 100000) + 1);

        memory[0] = 1;
        free(memory);
    }
    return NULL;
}

static void in_a_busy_threaded_host(void **state)
{
    volatile bool stop = false;
    struct crib_sync sync;
    struct live live;
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, (void *)&stop), 0);
    live_open(&live);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(crib_exec_sync(live.ex, "echo fine", NULL, 0, NULL, &sync, NULL), 0);
        assert_string_equal(sync.out, "fine\n");
        crib_sync_done(&sync);
    }
    live_close(&live);
    stop = true;
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed),
        cmocka_unit_test(killed_at_once),
        cmocka_unit_test(exited),
        cmocka_unit_test(executed_another),
        cmocka_unit_test(detached_ones_live_on),
        cmocka_unit_test(detached_ones_outlive_their_executor),
        cmocka_unit_test(what_detached_may_not_have),
        cmocka_unit_test(the_thread_that_started_it_ends),
        cmocka_unit_test(in_a_busy_threaded_host),
    };

    return sandbox_test_run(tests);
}
