/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that a caller may do to a cluster, at any time: from every callback, too. */
#include "sandbox/ordered.h"

#include "sandbox/ahead.h"

/* --- calls in callbacks --- */

enum place {
    IN_PREPARE,
    IN_FORK,
    IN_ONLINE,
    IN_LISTENING,
    IN_MESSAGE,
    IN_DISCONNECT,
    IN_EXIT,
    IN_ERROR,
    IN_RESTARTED,
    PLACES
};

enum call {
    CALL_NONE,
    CALL_SCALE_0,
    CALL_SCALE_3,
    CALL_RESTART,
    CALL_DISCONNECT,
    CALL_KILL,
    CALL_STOP,
    CALL_CLOSE,
    CALLS
};

static struct calling {
    struct clustered c;
    enum place place;
    enum call call;
    unsigned times; /* that are left */
    unsigned made, count;
    bool closing;
} calling;

static void make(crib_cluster *cluster, crib_worker *worker, enum call call)
{
    if (!worker)
        worker = crib_cluster_next(cluster, NULL);
    switch (call) {
    case CALL_SCALE_0:
        crib_cluster_scale(cluster, 0);
        break;
    case CALL_SCALE_3:
        crib_cluster_scale(cluster, 3);
        break;
    case CALL_RESTART:
        crib_cluster_restart(cluster);
        break;
    case CALL_DISCONNECT:
        if (worker)
            crib_worker_disconnect(worker);
        break;
    case CALL_KILL:
        if (worker)
            crib_worker_kill(worker, SIGKILL);
        break;
    case CALL_STOP:
        crib_cluster_stop(cluster);
        break;
    case CALL_CLOSE:
        calling.closing = true;
        crib_cluster_close(cluster, clustered_on_closed, &calling.c);
        break;
    default:
        break;
    }
}

static void at(enum place place, crib_cluster *cluster, crib_worker *worker)
{
    if (place != calling.place || calling.times == 0)
        return;
    calling.times--;
    calling.made++;
    make(cluster, worker, calling.call);
    calling.count = crib_cluster_count(cluster);
}

static void in_prepare(crib_cluster *cluster, unsigned id, struct crib_options *options, void *data)
{
    (void)id;
    (void)options;
    (void)data;
    at(IN_PREPARE, cluster, NULL);
}

static void in_fork(crib_worker *worker, void *data)
{
    clustered_on_fork(worker, data);
    at(IN_FORK, crib_worker_cluster(worker), worker);
}

static void in_online(crib_worker *worker, void *data)
{
    clustered_on_online(worker, data);
    at(IN_ONLINE, crib_worker_cluster(worker), worker);
}

static void in_listening(crib_worker *worker, const char *address, void *data)
{
    clustered_on_listening(worker, address, data);
    at(IN_LISTENING, crib_worker_cluster(worker), worker);
}

static void in_message(struct clustered *c, crib_worker *worker, struct crib_message *message)
{
    ordered_on_message(c, worker, message);
    at(IN_MESSAGE, crib_worker_cluster(worker), worker);
}

static void in_disconnect(crib_worker *worker, void *data)
{
    clustered_on_disconnect(worker, data);
    at(IN_DISCONNECT, crib_worker_cluster(worker), worker);
}

static void in_exit(crib_worker *worker, const struct crib_result *result, void *data)
{
    clustered_on_exit(worker, result, data);
    at(IN_EXIT, crib_worker_cluster(worker), worker);
}

static void in_error(crib_cluster *cluster, crib_worker *worker, const struct crib_error *error,
                     void *data)
{
    clustered_on_error(cluster, worker, error, data);
    at(IN_ERROR, cluster, worker);
}

static void in_restarted(crib_cluster *cluster, void *data)
{
    clustered_on_restarted(cluster, data);
    at(IN_RESTARTED, cluster, NULL);
}

static void calling_open(enum place place, enum call call, unsigned times)
{
    struct clustered *c = &calling.c;

    memset(&calling, 0, sizeof(calling));
    calling.place = place;
    calling.call = call;
    calling.times = times;
    ordered_open(c, 2);
    c->on_message = in_message;
    c->options.back_off_ms = 1;
    c->options.prepare = in_prepare;
    c->options.on = (struct crib_cluster_events){.fork = in_fork,
                                                 .online = in_online,
                                                 .listening = in_listening,
                                                 .message = clustered_on_message,
                                                 .disconnect = in_disconnect,
                                                 .exit = in_exit,
                                                 .error = in_error,
                                                 .restarted = in_restarted};
}

static void calling_close(void)
{
    if (!calling.closing)
        crib_cluster_close(calling.c.cluster, clustered_on_closed, &calling.c);
    live_run(&calling.c.live);
    assert_true(calling.c.closed || !calling.c.cluster);
    live_close(&calling.c.live);
}

/* Whether nothing is to come any more, unless somebody calls. */
static bool is_settled(const struct clustered *c)
{
    const crib_worker *worker = NULL;
    unsigned count = 0;

    if (calling.closing)
        return c->closed;
    if (c->cluster->restart.on)
        return false;
    for (; (worker = crib_cluster_next(c->cluster, worker)); count++)
        if (crib_worker_state(worker) != CRIB_WORKER_LISTENING)
            return false;
    return count == crib_cluster_wanted(c->cluster);
}

static void settle(struct clustered *c)
{
    uint64_t end = clock_us() + LIVE_PATIENCE_MS * 1000ull;

    while (!is_settled(c)) {
        if (clock_us() > end)
            fail_msg("call %d in callback %d: %s", calling.call, calling.place, c->log);
        clustered_turn(c, -1);
    }
    if (!c->closed)
        ordered_quiet(c);
}

static bool is_there(const struct clustered *c, unsigned id)
{
    const crib_worker *worker = NULL;

    while (!calling.closing && (worker = crib_cluster_next(c->cluster, worker)))
        if (crib_worker_id(worker) == id)
            return true;
    return false;
}

/* The first one is asked, told and killed; then all are replaced: so that everything happens. */
static void lead_a_life(struct clustered *c)
{
    crib_worker *worker = crib_cluster_next(c->cluster, NULL);
    crib_task *task = worker ? crib_worker_task(worker) : NULL;
    unsigned id = worker ? crib_worker_id(worker) : 0;

    if (task)
        crib_task_send(task, "json", "\"listen tcp:0.0.0.0:80 any\"", 27, NULL, 0);
    while (is_there(c, id) && !strstr(c->log, "message"))
        clustered_turn(c, -1);
    settle(c);
    worker = calling.closing ? NULL : crib_cluster_next(c->cluster, NULL);
    id = worker ? crib_worker_id(worker) : 0;
    if (worker)
        crib_task_kill(crib_worker_task(worker), SIGKILL);
    while (is_there(c, id))
        clustered_turn(c, -1);
    settle(c);
    if (!calling.closing)
        crib_cluster_restart(c->cluster);
    settle(c);
}

static void test_calls_in_callbacks(void **state)
{
    static const char *const orders[] = {ROBIN, "serve", NULL};

    (void)state;
    for (enum place place = IN_PREPARE; place < PLACES; place++)
        for (enum call call = CALL_SCALE_0; call < CALLS; call++) {
            struct clustered *c = &calling.c;
            int r;

            calling_open(place, call, place == IN_PREPARE ? 1 : 2);
            r = crib_cluster_open(c->live.ex, ordered_path(), orders, &c->options, &c->cluster,
                                  &c->error);
            if (r == 0 && !calling.closing)
                lead_a_life(c);
            if (r < 0)
                assert_in_range(call, CALL_STOP, CALL_CLOSE);
            assert_true(calling.made > 0);
            calling_close();
        }
}

/* A worker that cannot be started, and a caller who wants it at once, every time. */
static void test_starting_again_from_error(void **state)
{
    static const enum call calls[] = {CALL_SCALE_3, CALL_RESTART};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        static const char *const orders[] = {ROBIN, "serve", NULL};
        char *dir = test_dir(), module[300], *program;
        struct clustered *c = &calling.c;
        size_t len;

        assert_int_equal(chmod(dir, 0755), 0);
        snprintf(module, sizeof(module), "%s/hostile", dir);
        program = test_read(ordered_path(), &len);
        test_write(module, program, len, 0755);
        free(program);
        calling_open(IN_ERROR, calls[i], 50);
        c->options.back_off_ms = 50;
        clustered_start(c, module, orders);
        clustered_until(c, "listening", 2);
        assert_int_equal(unlink(module), 0);
        crib_task_kill(crib_worker_task(crib_cluster_next(c->cluster, NULL)), SIGKILL);
        clustered_until(c, "error0", 3);
        calling_close();
        free(dir);
    }
}

/* No callback comes out of a call. */
static void test_no_callback_out_of_a_call(void **state)
{
    static const char *const orders[] = {ROBIN, "serve", NULL};
    struct clustered *c = &calling.c;
    size_t before;

    (void)state;
    calling_open(IN_FORK, CALL_NONE, 0);
    c->options.workers = 1;
    clustered_start(c, ordered_path(), orders);
    assert_string_equal(c->log, "");
    clustered_until(c, "listening", 1);
    c->worker.policy = "no-such-policy";
    c->options.worker = NULL;
    before = strlen(c->log);
    crib_cluster_scale(c->cluster, 0);
    assert_int_equal(crib_cluster_restart(c->cluster), 0);
    crib_cluster_scale(c->cluster, 0);
    assert_int_equal(strlen(c->log), before);
    clustered_until(c, "restarted", 1);
    calling_close();
}

static void test_closing_twice(void **state)
{
    static const char *const orders[] = {ROBIN, NULL};
    struct clustered c;

    (void)state;
    ordered_open(&c, 2);
    ordered_start(&c, orders);
    clustered_until(&c, "listening", 2);
    crib_cluster_close(c.cluster, clustered_on_closed, &c);
    crib_cluster_stop(c.cluster);
    assert_int_equal(crib_cluster_scale(c.cluster, 1), -ESHUTDOWN);
    assert_int_equal(crib_cluster_restart(c.cluster), -ESHUTDOWN);
    crib_cluster_close(c.cluster, NULL, NULL);
    live_run(&c.live);
    assert_true(c.closed);
    live_close(&c.live);
}

/* The executor is closed first: its tasks end, and the cluster with them. */
static void test_closing_the_executor_first(void **state)
{
    static const char *const orders[] = {ROBIN, NULL};

    (void)state;
    for (unsigned workers = 0; workers < 3; workers++) {
        struct clustered c;

        ordered_open(&c, workers);
        c.options.workers = workers ? workers : 1;
        c.options.back_off_ms = 300;
        ordered_start(&c, orders);
        clustered_until(&c, "listening", workers ? workers : 1);
        if (workers == 0) { /* none is there, one is to be started */
            crib_task_kill(crib_worker_task(crib_cluster_next(c.cluster, NULL)), SIGKILL);
            clustered_until(&c, "crashed1", 1);
        }
        uv_close((uv_handle_t *)&c.live.patience, NULL);
        crib_close(c.live.ex, live_on_closed, &c.live);
        while (crib_cluster_next(c.cluster, NULL))
            clustered_turn(&c, -1);
        ahead_ms += 1000; /* and none is started */
        ordered_quiet(&c);
        assert_null(crib_cluster_next(c.cluster, NULL));
        crib_cluster_close(c.cluster, clustered_on_closed, &c);
        uv_run(&c.live.loop, UV_RUN_DEFAULT);
        assert_true(c.closed);
        assert_true(c.live.closed);
        assert_int_equal(uv_loop_close(&c.live.loop), 0);
    }
}

static void test_what_is_missing(void **state)
{
    static const struct crib_listen nothing[] = {{.address = NULL}};
    struct clustered c;

    (void)state;
    ordered_open(&c, 1);
    c.options.listen = nothing;
    assert_int_equal(
        crib_cluster_open(c.live.ex, ordered_path(), NULL, &c.options, &c.cluster, &c.error),
        -EINVAL);
    c.options.listen = NULL;
    assert_int_equal(
        crib_cluster_open(c.live.ex, ordered_path(), NULL, &c.options, &c.cluster, &c.error),
        -EINVAL);
    c.options.listen_count = 0;
    assert_int_equal(crib_cluster_open(c.live.ex, NULL, NULL, &c.options, &c.cluster, &c.error),
                     -EINVAL);
    uv_run(&c.live.loop, UV_RUN_DEFAULT);
    live_close(&c.live);
}

/* --- how many there are --- */

static void in_exit_count(crib_worker *worker, const struct crib_result *result, void *data)
{
    clustered_on_exit(worker, result, data);
    calling.count = crib_cluster_count(crib_worker_cluster(worker));
}

/* One that has crashed does not run. */
static void test_the_dead_do_not_count(void **state)
{
    static const char *const orders[] = {ROBIN, NULL};
    struct clustered *c = &calling.c;

    (void)state;
    calling_open(IN_FORK, CALL_NONE, 0);
    c->options.on.exit = in_exit_count;
    ordered_start(c, orders);
    clustered_until(c, "listening", 2);
    crib_task_kill(crib_worker_task(ordered_worker(c, 1)), SIGKILL);
    clustered_until(c, "crashed1", 1);
    assert_int_equal(calling.count, 1);
    calling_close();
}

/* All are to go while one is being replaced: then its successor goes, too. */
static void test_to_none_in_a_restart(void **state)
{
    static const char *const orders[] = {"1:" ROBIN, "2:" ROBIN, NULL};

    (void)state;
    for (unsigned to = 0; to < 2; to++) {
        struct clustered c;
        uint64_t end = clock_us() + LIVE_PATIENCE_MS * 1000ull;

        ordered_open(&c, 2);
        ordered_start(&c, orders);
        clustered_until(&c, "listening", 2);
        assert_int_equal(crib_cluster_restart(c.cluster), 0);
        clustered_until(&c, "online3", 1);
        assert_int_equal(crib_cluster_scale(c.cluster, to), 0);
        clustered_until(&c, "left", 2 - to);
        if (!strstr(c.log, "left3 ") &&
            crib_worker_state(ordered_worker(&c, 3)) < CRIB_WORKER_LEAVING)
            ordered_tell(&c, 3, ROBIN);
        while ((c.cluster->restart.on || crib_cluster_count(c.cluster) > to) && clock_us() < end)
            clustered_turn(&c, -1);
        ordered_quiet(&c);
        assert_int_equal(crib_cluster_count(c.cluster), to);
        assert_int_equal(c.errors, 0);
        clustered_close(&c);
    }
}

/* A signal that is not the end of a worker does not keep it from being replaced. */
static void test_restarting_after_a_signal(void **state)
{
    static const char *const orders[] = {ROBIN, "serve", NULL};
    struct clustered c;

    (void)state;
    ordered_open(&c, 1);
    ordered_start(&c, orders);
    clustered_until(&c, "listening", 1);
    assert_int_equal(crib_worker_kill(ordered_worker(&c, 1), SIGCONT), 0);
    assert_int_equal(crib_cluster_restart(c.cluster), 0);
    clustered_until(&c, "restarted", 1);
    assert_int_equal(crib_worker_id(crib_cluster_next(c.cluster, NULL)), 2);
    clustered_close(&c);
}

/* What was asked for during a restart that failed is done afterwards. */
static void test_restarting_again_after_a_failure(void **state)
{
    static const char *const orders[] = {"1:" ROBIN, "2:exit 1", "3:" ROBIN, NULL};
    struct clustered c;

    (void)state;
    ordered_open(&c, 1);
    ordered_start(&c, orders);
    clustered_until(&c, "listening1", 1);
    assert_int_equal(crib_cluster_restart(c.cluster), 0);
    assert_int_equal(crib_cluster_restart(c.cluster), -EALREADY);
    clustered_until(&c, "error0", 1);
    assert_int_equal(c.error.code, -ECHILD);
    clustered_until(&c, "restarted", 1);
    assert_int_equal(crib_cluster_count(c.cluster), 1);
    assert_int_equal(crib_worker_id(crib_cluster_next(c.cluster, NULL)), 3);
    clustered_close(&c);
}

/* A policy that cannot be read takes nothing from the workers that there are. */
static void test_a_policy_that_got_worse(void **state)
{
    static const char good[] = "extends: [worker]\n", bad[] = "extends: [\n";
    static const char *const orders[] = {"nothing", NULL};
    char *dir = test_dir(), policy[300];
    struct clustered c;

    (void)state;
    snprintf(policy, sizeof(policy), "%s/policy.yaml", dir);
    assert_int_equal(chmod(dir, 0755), 0);
    test_write(policy, good, sizeof(good) - 1, 0644);
    ordered_open(&c, 1);
    c.worker.policy = policy;
    c.options.listen_count = 0;
    ordered_start(&c, orders);
    clustered_until(&c, "online1", 1);
    test_write(policy, bad, sizeof(bad) - 1, 0644);
    crib_cluster_restart(c.cluster);
    clustered_until(&c, "error0", 1);
    assert_int_equal(ordered(&c, 1, ROBIN), 0);
    clustered_close(&c);
    free(dir);
}

/* When all have left, nobody is kept waiting for a next one. */
static void test_stopped_and_closed_sockets(void **state)
{
    static const char *const orders[] = {ROBIN, "serve", NULL};
    struct clustered c;
    int client;

    (void)state;
    ordered_open(&c, 1);
    ordered_start(&c, orders);
    clustered_until(&c, "listening", 1);
    crib_cluster_stop(c.cluster);
    clustered_until(&c, "left1", 1);
    ordered_quiet(&c);
    client = clustered_connect(c.address);
    assert_int_equal(client, -ECONNREFUSED);
    clustered_close(&c);
}

/* One that is gone before its successor serves leaves that to be one of the others. */
static void test_an_old_one_that_dies(void **state)
{
    static const char *const orders[] = {"1:" ROBIN, "2:" ROBIN, "!1:serve", NULL};
    struct clustered c;

    (void)state;
    ordered_open(&c, 2);
    c.options.back_off_ms = 1;
    ordered_start(&c, orders);
    clustered_until(&c, "listening", 2);
    assert_int_equal(crib_cluster_restart(c.cluster), 0);
    clustered_until(&c, "online3", 1);
    crib_task_kill(crib_worker_task(ordered_worker(&c, 1)), SIGKILL);
    crib_task_kill(crib_worker_task(ordered_worker(&c, 2)), SIGKILL);
    clustered_until(&c, "crashed", 2);
    clustered_until(&c, "online4", 1);
    clustered_until(&c, "restarted", 1);
    ordered_quiet(&c);
    assert_int_equal(crib_cluster_count(c.cluster), 2);
    assert_int_equal(c.errors, 0);
    clustered_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_in_callbacks),
        cmocka_unit_test(test_starting_again_from_error),
        cmocka_unit_test(test_no_callback_out_of_a_call),
        cmocka_unit_test(test_closing_twice),
        cmocka_unit_test(test_closing_the_executor_first),
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_the_dead_do_not_count),
        cmocka_unit_test(test_to_none_in_a_restart),
        cmocka_unit_test(test_restarting_after_a_signal),
        cmocka_unit_test(test_restarting_again_after_a_failure),
        cmocka_unit_test(test_a_policy_that_got_worse),
        cmocka_unit_test(test_stopped_and_closed_sockets),
        cmocka_unit_test(test_an_old_one_that_dies),
    };

    return sandbox_test_run(tests);
}
