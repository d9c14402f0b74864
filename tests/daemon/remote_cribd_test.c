/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An executor of a real cribd, where the daemon itself is what happens: killed, started again,
 * told to stop, with less than is wanted. What tasks do is in tests/sandbox/, run as remote/NAME.
 */
#include "daemon/cribd.h"
#include "sandbox/live.h"

#include <signal.h>
#include <unistd.h>

struct fixture {
    struct cribd daemon;
    struct live live;
};

static void set_up(struct fixture *f, const char *site)
{
    char *address = NULL;
    struct crib_error error;

    memset(f, 0, sizeof(*f));
    cribd_start(&f->daemon, site);
    assert_true(asprintf(&address, "unix:%s", f->daemon.socket) > 0);
    assert_int_equal(uv_loop_init(&f->live.loop), 0);
    assert_int_equal(crib_open(&f->live.ex, &f->live.loop, address, &error), 0);
    uv_timer_init(&f->live.loop, &f->live.patience);
    f->live.patience.data = &f->live;
    uv_unref((uv_handle_t *)&f->live.patience);
    free(address);
}

static void tear_down(struct fixture *f)
{
    live_close(&f->live);
    cribd_stop(&f->daemon);
}

static void a_killed_daemon_is_an_end(void **state)
{
    struct fixture f;
    struct live_task task;

    (void)state;
    set_up(&f, NULL);
    live_task(&task);
    live_shell(&f.live, &task, "echo before; sleep 100000");
    live_read(&task);
    while (task.out.len < 7) /* "before\n" */
        uv_run(&f.live.loop, UV_RUN_ONCE);
    cribd_kill(&f.daemon);
    live_run(&f.live);
    live_says(&task, "spawn error exit close ");
    assert_int_equal(task.error.code, -ECONNRESET);
    assert_string_equal(task.error.step, "daemon");
    assert_int_equal(task.result.verdict, CRIB_KILLED);
    assert_int_equal(task.result.signal, SIGKILL);
    assert_int_equal(task.ends, 2);
    live_wrote(&task, "before\n");
    cribd_restart(&f.daemon);
    live_task(&task); /* the same executor goes on */
    live_shell(&f.live, &task, "echo after");
    live_read(&task);
    live_run(&f.live);
    live_says(&task, "spawn exit close ");
    live_wrote(&task, "after\n");
    tear_down(&f);
}

static void a_stopping_daemon_takes_no_more(void **state)
{
    struct fixture f;
    struct live_task task, other;
    struct crib_error error = {0};

    (void)state;
    set_up(&f, NULL);
    live_task(&task);
    live_shell(&f.live, &task, "sleep 1; exit 4");
    live_read(&task);
    live_until(&f.live, &task, "spawn");
    assert_int_equal(kill(f.daemon.pid, SIGTERM), 0);
    live_task(&other);
    for (int i = 0; error.code != -ESHUTDOWN && i < 500; i++) {
        int r = crib_spawn(f.live.ex, "/bin/true", NULL, &other.options, &other.task, &error);

        assert_true(r == 0 || r == -ESHUTDOWN);
        usleep(1000);
    }
    assert_int_equal(error.code, -ESHUTDOWN);
    live_run(&f.live); /* what runs may end in its own time */
    live_says(&task, "spawn exit close ");
    assert_int_equal(task.result.status, 4);
    buf_done(&task.out);
    buf_done(&task.err);
    tear_down(&f);
}

static void what_is_over_the_quota_is_refused(void **state)
{
    static const char site[] = "rules: [{policies: [default], quota: {tasks: 2}}]\n";
    struct live_task tasks[3];
    struct crib_error error;
    struct fixture f;

    (void)state;
    set_up(&f, site);
    for (int i = 0; i < 3; i++)
        live_task(&tasks[i]);
    live_shell(&f.live, &tasks[0], "sleep 100000");
    live_shell(&f.live, &tasks[1], "sleep 100000");
    assert_int_equal(
        crib_spawn(f.live.ex, "/bin/true", NULL, &tasks[2].options, &tasks[2].task, &error),
        -EDQUOT);
    assert_int_equal(crib_task_kill(tasks[0].task, SIGKILL), 0);
    live_until(&f.live, &tasks[0], "close");
    live_shell(&f.live, &tasks[2], "exit 0");
    live_until(&f.live, &tasks[2], "close");
    live_says(&tasks[2], "spawn exit close ");
    tear_down(&f);
    live_says(&tasks[1], "spawn exit close ");
}

static int spawn_under(struct fixture *f, const char *policy, const char *rules, char *text,
                       size_t size)
{
    crib_policy *own = NULL;
    struct crib_error error = {0};
    struct live_task task;
    int r = 0;

    live_task(&task);
    task.options.policy = policy;
    if (rules)
        r = crib_policy_parse("own.yaml", rules, strlen(rules), &own, &error);
    assert_int_equal(r, 0);
    task.options.policy_message = own;
    r = crib_spawn(f->live.ex, "/bin/true", NULL, &task.options, &task.task, &error);
    crib_policy_free(own);
    assert_int_equal(error.code, r);
    crib_error_text(&error, text, size);
    live_run(&f->live);
    live_says(&task, r < 0 ? "" : "spawn exit close ");
    return r;
}

/* A policy that is the client's own may only be tighter than what the site gives. */
static void the_site_decides_what_may_be_used(void **state)
{
    static const char site[] = "rules: [{policies: [default, strict], widest: default}]\n";
    struct fixture f;
    char text[1024];

    (void)state;
    set_up(&f, site);
    assert_int_equal(spawn_under(&f, NULL, NULL, text, sizeof(text)), 0);
    assert_int_equal(spawn_under(&f, "strict", NULL, text, sizeof(text)), 0);
    assert_int_equal(spawn_under(&f, "shell", NULL, text, sizeof(text)), -EACCES);
    test_contains(text, "shell");
    assert_int_equal(spawn_under(&f, NULL, "extends: [strict]\n", text, sizeof(text)), 0);
    assert_int_equal(spawn_under(&f, NULL, "extends: [open]\n", text, sizeof(text)), -EACCES);
    test_contains(text, "weaker");
    tear_down(&f);
}

/* A file of policy is read here, with the caller's own rights: the daemon sees what is in it. */
static void a_policys_file_is_read_here(void **state)
{
    static const char site[] = "rules: [{policies: [default], widest: default}]\n";
    char *dir = test_dir(), path[300], text[1024];
    struct fixture f;

    (void)state;
    set_up(&f, site);
    snprintf(path, sizeof(path), "%s/own.yaml", dir);
    test_write(path, "extends: [default]\n", 19, 0600);
    assert_int_equal(spawn_under(&f, path, NULL, text, sizeof(text)), 0);
    test_write(path, "extends: [default]\nlimitz: 3\n", 29, 0600);
    assert_int_equal(spawn_under(&f, path, NULL, text, sizeof(text)), -EINVAL);
    test_contains(text, "own.yaml:2:1");
    snprintf(path, sizeof(path), "%s/none.yaml", dir);
    assert_int_equal(spawn_under(&f, path, NULL, text, sizeof(text)), -ENOENT);
    free(dir);
    tear_down(&f);
}

static char *plan_of(crib *ex)
{
    const char *const args[] = {"one", "two", NULL};
    struct crib_error error;
    char *text = NULL, why[1024];

    if (crib_plan_text(ex, "/bin/echo", args, NULL, &text, &error) < 0)
        fail_msg("%s", crib_error_text(&error, why, sizeof(why)));
    return text;
}

static void the_plan_is_the_same(void **state)
{
    char *here, *there;
    struct fixture f;
    crib *ex;

    (void)state;
    set_up(&f, NULL);
    assert_int_equal(crib_open(&ex, &f.live.loop, NULL, NULL), 0);
    here = plan_of(ex);
    there = plan_of(f.live.ex);
    assert_string_equal(here, there);
    free(here);
    free(there);
    crib_close(ex, NULL, NULL);
    tear_down(&f);
}

/* Wall time is the daemon's to keep, also of a task that nobody waits for any more. */
static void a_detached_task_goes_on(void **state)
{
    struct crib_stdio nothing[3] = {{CRIB_NULL}, {CRIB_NULL}, {CRIB_NULL}};
    const Crib__ListResponse *list;
    Crib__ListRequest request = CRIB__LIST_REQUEST__INIT;
    Crib__KillRequest end = CRIB__KILL_REQUEST__INIT;
    struct live_task task;
    struct fixture f;

    (void)state;
    set_up(&f, NULL);
    live_task(&task);
    task.options.detached = true;
    task.options.stdio = nothing;
    task.options.stdio_count = 3;
    live_shell(&f.live, &task, "sleep 100000");
    live_until(&f.live, &task, "spawn");
    live_close(&f.live);
    live_says(&task, "spawn close ");
    assert_int_equal(task.result.verdict, 0);
    list = cribd_call(&f.daemon, RPC_LIST, &request);
    assert_int_equal(list->n_tasks, 1);
    assert_int_equal(list->tasks[0]->state, CRIB__TASK_STATE__RUNNING);
    assert_true(list->tasks[0]->detached);
    end.task = list->tasks[0]->task;
    end.signal = SIGKILL;
    cribd_call(&f.daemon, RPC_KILL, &end);
    cribd_wait(&f.daemon, end.task, CRIB__TASK_STATE__ENDED);
    cribd_stop(&f.daemon);
}

static bool lists_nothing(void *data)
{
    Crib__ListRequest request = CRIB__LIST_REQUEST__INIT;

    return ((const Crib__ListResponse *)cribd_call(data, RPC_LIST, &request))->n_tasks == 0;
}

/* A client leaves nothing behind in the daemon: not of tasks that ended, nor the fds it gave. */
static void nothing_is_left_of_ended_tasks(void **state)
{
    struct live_task task;
    struct fixture f;
    int before = 0;

    (void)state;
    set_up(&f, NULL);
    for (int i = 0; i < 40; i++) {
        if (i == 20)
            before = cribd_fds(&f.daemon);
        live_task(&task);
        live_shell(&f.live, &task, "echo hello");
        live_read(&task);
        live_run(&f.live);
        live_says(&task, "spawn exit close ");
        live_wrote(&task, "hello\n");
    }
    cribd_until(lists_nothing, &f.daemon, "the last task is forgotten");
    assert_in_range(cribd_fds(&f.daemon), 1, before + 2);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_daemon_is_an_end),
        cmocka_unit_test(a_stopping_daemon_takes_no_more),
        cmocka_unit_test(what_is_over_the_quota_is_refused),
        cmocka_unit_test(the_site_decides_what_may_be_used),
        cmocka_unit_test(a_policys_file_is_read_here),
        cmocka_unit_test(the_plan_is_the_same),
        cmocka_unit_test(a_detached_task_goes_on),
        cmocka_unit_test(nothing_is_left_of_ended_tasks),
    };

    return sandbox_test_run(tests);
}
