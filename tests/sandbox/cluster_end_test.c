/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a cluster: told once, when nothing more can happen to it. */
#include "sandbox/ordered.h"

static const char *const falling[] = {"exit 1", NULL};

/* A path that is served: nobody else can take it when it is closed. */
static char served[200], order[240], order_of_first[260];
static const char *const serving[] = {order, NULL};
static const char *const falling_beside_one[] = {order_of_first, "!1:exit 1", NULL};
static const struct crib_listen allowed[] = {{.address = served}};

static void open_cluster(struct clustered *c, unsigned workers)
{
    char *dir = test_dir();

    snprintf(served, sizeof(served), "unix:%s/served", dir);
    snprintf(order, sizeof(order), "listen %s any", served);
    snprintf(order_of_first, sizeof(order_of_first), "1:%s", order);
    free(dir);
    ordered_open(c, workers);
    c->options.listen = allowed;
}

/* Falls twice, and then no more are started. */
static void open_falling(struct clustered *c, unsigned workers, const char *const *orders)
{
    open_cluster(c, workers);
    c->options.back_off_ms = 1;
    c->options.crash_limit = 2;
    ordered_start(c, orders);
}

/* Turns the loop for a while in which a second telling would come. */
static void linger(struct clustered *c)
{
    for (int i = 0; i < 50; i++) {
        uv_run(&c->live.loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
}

static void told(struct clustered *c, unsigned times)
{
    clustered_until(c, "ended0", times);
    linger(c);
    assert_int_equal(ordered_count(c, "ended0"), times);
}

/* No worker is there any more, and whoever connects knows. */
static void all_gone(struct clustered *c)
{
    assert_null(crib_cluster_next(c->cluster, NULL));
    assert_int_equal(crib_cluster_count(c->cluster), 0);
    assert_int_equal(clustered_connect(served), -ENOENT);
    assert_int_equal(ordered_count(c, "left"), 2);
}

static void test_stop(void **state)
{
    struct clustered c;

    (void)state;
    open_cluster(&c, 2);
    c.on_ended = all_gone;
    ordered_start(&c, serving);
    clustered_until(&c, "listening", 2);
    crib_cluster_stop(c.cluster);
    assert_int_equal(ordered_count(&c, "ended0"), 0);
    told(&c, 1);
    crib_cluster_stop(c.cluster);
    assert_int_equal(crib_cluster_restart(c.cluster), -ESHUTDOWN);
    told(&c, 1);
    clustered_close(&c);
    assert_int_equal(ordered_count(&c, "ended0"), 1);
}

static void test_stop_before_anything(void **state)
{
    struct clustered c;

    (void)state;
    open_cluster(&c, 2);
    ordered_start(&c, serving);
    crib_cluster_stop(c.cluster);
    told(&c, 1);
    assert_int_equal(c.exits, 1);
    clustered_close(&c);
}

/* None is wanted: that is no end, some may be. */
static void test_stop_without_workers(void **state)
{
    struct clustered c;

    (void)state;
    open_cluster(&c, 1);
    ordered_start(&c, serving);
    clustered_until(&c, "listening", 1);
    assert_int_equal(crib_cluster_scale(c.cluster, 0), 0);
    clustered_until(&c, "left1", 1);
    linger(&c);
    crib_cluster_stop(c.cluster);
    assert_int_equal(ordered_count(&c, "ended0"), 0);
    told(&c, 1);
    assert_int_equal(clustered_connect(served), -ENOENT);
    clustered_close(&c);
}

static void close_it(struct clustered *c)
{
    crib_cluster_close(c->cluster, clustered_on_closed, c);
}

static void closed_by_itself(struct clustered *c)
{
    live_run(&c->live);
    assert_true(c->closed);
    assert_int_equal(ordered_count(c, "ended0"), 1);
    live_close(&c->live);
}

static void test_close_inside(void **state)
{
    struct clustered c;

    (void)state;
    open_cluster(&c, 2);
    c.on_ended = close_it;
    ordered_start(&c, serving);
    clustered_until(&c, "listening", 2);
    crib_cluster_stop(c.cluster);
    closed_by_itself(&c);

    open_falling(&c, 1, falling);
    c.on_ended = close_it;
    closed_by_itself(&c);
}

/* `closed` tells of the end then. */
static void test_closed_before(void **state)
{
    struct clustered c;

    (void)state;
    for (int stopped = 0; stopped < 2; stopped++) {
        open_cluster(&c, 2);
        ordered_start(&c, serving);
        clustered_until(&c, "listening", 2);
        if (stopped)
            crib_cluster_stop(c.cluster);
        clustered_close(&c);
        assert_int_equal(c.exits, 2);
        assert_int_equal(ordered_count(&c, "ended0"), 0);
    }
}

/* --- giving up --- */

static void test_giving_up_while_one_serves(void **state)
{
    struct clustered c;

    (void)state;
    open_falling(&c, 2, falling_beside_one);
    clustered_until(&c, "error0", 1);
    clustered_until(&c, "listening1", 1);
    linger(&c);
    assert_int_equal(access(served + 5, F_OK), 0);
    assert_int_equal(c.error.code, -ELOOP);
    assert_int_equal(ordered_count(&c, "ended0"), 0);
    assert_int_equal(crib_worker_disconnect(ordered_worker(&c, 1)), 0);
    told(&c, 1);
    assert_int_equal(ordered_count(&c, "left1"), 1);
    crib_cluster_stop(c.cluster); /* that is one more end */
    assert_int_equal(ordered_count(&c, "ended0"), 1);
    told(&c, 2);
    assert_int_equal(clustered_connect(served), -ENOENT);
    clustered_close(&c);
}

static void begin_anew(struct clustered *c)
{
    if (ordered_count(c, "ended0") <= 3)
        assert_int_equal(crib_cluster_restart(c->cluster), 0);
}

static void test_restart_inside(void **state)
{
    struct clustered c;

    (void)state;
    open_falling(&c, 1, falling);
    c.on_ended = begin_anew;
    told(&c, 4);
    assert_int_equal(c.exits, 4 * 2);
    assert_int_equal(ordered_count(&c, "error0"), 4);
    clustered_close(&c);
}

/* What it reads is no longer there. */
static void test_restart_that_cannot_begin(void **state)
{
    char *dir = test_dir(), path[4096];
    struct clustered c;

    (void)state;
    snprintf(path, sizeof(path), "%s/policy.yaml", dir);
    test_write(path, "about: x\nextends: [worker]\n", 27, 0644);
    open_cluster(&c, 1);
    c.worker.policy = path;
    c.options.back_off_ms = 1;
    c.options.crash_limit = 2;
    ordered_start(&c, falling);
    told(&c, 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(crib_cluster_restart(c.cluster), 0);
    told(&c, 2);
    assert_int_equal(c.error.code, -ENOENT);
    assert_int_equal(c.exits, 2);
    clustered_close(&c);
    free(dir);
}

/* --- an executor that is closed --- */

static void test_executor_is_closed(void **state)
{
    struct clustered c;

    (void)state;
    open_cluster(&c, 2);
    ordered_start(&c, serving);
    clustered_until(&c, "listening", 2);
    crib_close(c.live.ex, live_on_closed, &c.live);
    assert_int_equal(ordered_count(&c, "ended0"), 0);
    told(&c, 1);
    assert_int_equal(c.exits, 2);
    assert_int_equal(clustered_connect(served), -ENOENT);
    crib_cluster_stop(c.cluster);
    told(&c, 1);
    assert_false(c.live.closed);
    close_it(&c);
    live_run(&c.live);
    assert_true(c.closed && c.live.closed);
    c.live.ex = NULL;
    live_close(&c.live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stop_before_anything),
        cmocka_unit_test(test_stop_without_workers),
        cmocka_unit_test(test_close_inside),
        cmocka_unit_test(test_closed_before),
        cmocka_unit_test(test_giving_up_while_one_serves),
        cmocka_unit_test(test_restart_inside),
        cmocka_unit_test(test_restart_that_cannot_begin),
        cmocka_unit_test(test_executor_is_closed),
    };

    return sandbox_test_run(tests);
}
