/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters of workers that use libcrib-child, well-behaved and not. */
#include "sandbox/clustered.h"

#define LOOPBACK "tcp:127.0.0.1:0"

static const char *worker_path(void)
{
    static char path[4096];
    const char *probe = getenv("CRIB_PROBE"); /* where the suite was copied together */

    snprintf(path, sizeof(path), "%s", WORKER_PATH);
    if (probe)
        snprintf(path, sizeof(path), "%.*s/worker", (int)(strrchr(probe, '/') - probe), probe);
    return path;
}

static void start_with(struct clustered *c, const char *const *words,
                       const struct crib_listen *listen, size_t count)
{
    c->options.listen = listen;
    c->options.listen_count = count;
    clustered_start(c, worker_path(), words);
}

static void start(struct clustered *c, const char *const *words)
{
    static const struct crib_listen loopback[] = {{.address = "tcp:127.0.0.1:*"}};

    start_with(c, words, loopback, 1);
}

/* Which worker answers. */
static unsigned who(struct clustered *c)
{
    char answer[64];
    long n = clustered_ask(c, c->address, "", answer, sizeof(answer));

    if (n <= 0)
        fail_msg("no answer (%ld): %s", n, c->log);
    assert_int_equal(strncmp(answer, "worker ", 7), 0);
    return (unsigned)atoi(answer + 7);
}

static void test_every_way_to_share(void **state)
{
    static const char *const ways[] = {"any", "socket", "reuseport", "round-robin"};

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        const char *const words[] = {"listen", LOOPBACK, ways[i], "serve", NULL};
        struct clustered c;
        unsigned of[3] = {0};

        clustered_open(&c);
        c.options.workers = 2;
        start(&c, words);
        clustered_until(&c, "listening", 2);
        for (int n = 0; n < 20; n++)
            of[who(&c)]++;
        assert_int_equal(of[1] + of[2], 20);
        if (strcmp(ways[i], "round-robin") == 0)
            assert_int_equal(of[1], 10);
        assert_int_equal(c.errors, 0);
        crib_cluster_stop(c.cluster);
        clustered_until(&c, "left", 2);
        assert_int_equal(c.errors, 0);
        clustered_close(&c);
    }
}

static void test_a_path(void **state)
{
    char *dir = test_dir(), address[200];
    const char *const words[] = {"listen", address, "any", "serve", NULL};
    const struct crib_listen listen[] = {{.address = address}};
    struct clustered c;

    (void)state;
    snprintf(address, sizeof(address), "unix:%s/socket", dir);
    clustered_open(&c);
    start_with(&c, words, listen, 1);
    clustered_until(&c, "listening", 1);
    assert_int_equal(who(&c), 1);
    clustered_close(&c);
    assert_int_equal(access(address + 5, F_OK), -1);
    free(dir);
}

/* Each leaves after its third, and is replaced; no connection is lost. */
static void test_leaving_after_the_third(void **state)
{
    static const char *const words[] = {"most", "3", "listen", LOOPBACK, "any", "serve", NULL};
    struct clustered c;

    (void)state;
    clustered_open(&c);
    c.options.workers = 2;
    start(&c, words);
    clustered_until(&c, "listening", 2);
    for (int i = 0; i < 30; i++)
        who(&c);
    clustered_until(&c, "left", 9);
    assert_int_equal(c.errors, 0);
    assert_int_equal(c.crashes, 0);
    clustered_close(&c);
}

static void test_restarting(void **state)
{
    static const char *const ways[] = {"socket", "round-robin"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *const words[] = {"listen", LOOPBACK, ways[i], "serve", NULL};
        struct clustered c;

        clustered_open(&c);
        c.options.workers = 2;
        start(&c, words);
        clustered_until(&c, "listening", 2);
        for (unsigned round = 1; round <= 5; round++) {
            assert_int_equal(crib_cluster_restart(c.cluster), 0);
            for (int n = 0; n < 30; n++)
                who(&c);
            clustered_until(&c, "restarted", round);
            assert_true(who(&c) > 2 * round);
        }
        assert_int_equal(c.errors, 0);
        assert_int_equal(c.crashes, 0);
        clustered_close(&c);
    }
}

static void on_message(struct clustered *c, crib_worker *worker, struct crib_message *message)
{
    assert_string_equal(message->type, "json");
    snprintf(c->said, sizeof(c->said), "%.*s", (int)message->len, (const char *)message->data);
    clustered_note(c, "message", worker);
}

static void test_messages(void **state)
{
    static const char *const words[] = {"say", "\"hello\"", "serve", NULL};
    struct clustered c;
    crib_worker *worker;

    (void)state;
    clustered_open(&c);
    c.on_message = on_message;
    start(&c, words);
    clustered_until(&c, "message1", 1);
    assert_string_equal(c.said, "\"hello\"");
    worker = crib_cluster_next(c.cluster, NULL);
    assert_int_equal(crib_worker_state(worker), CRIB_WORKER_ONLINE);
    assert_ptr_equal(crib_worker_cluster(worker), c.cluster);
    assert_true(crib_task_pid(crib_worker_task(worker)) > 0);
    crib_task_send(crib_worker_task(worker), "json", "[1]", 3, NULL, 0);
    clustered_until(&c, "message1", 2);
    assert_string_equal(c.said, "[1]");
    clustered_close(&c);
}

/* --- those that misbehave: one clear event, and the other one goes on serving --- */

/* The first worker does this, all others serve. */
static void misbehave(const char *const *words, int code, const char *word)
{
    const char *all[16] = {"listen", LOOPBACK, "any", "first"};
    struct clustered c;
    size_t n = 4;

    for (; *words; words++)
        all[n++] = *words;
    all[n++] = "others";
    all[n++] = "serve";
    all[n] = NULL;
    clustered_open(&c);
    c.options.workers = 2;
    c.options.ping_ms = 50;
    c.options.pong_ms = 3000;
    start(&c, all);
    clustered_until(&c, word, 1);
    if (c.error.code != code)
        fail_msg("%d, not %d: %s", c.error.code, code, c.log);
    clustered_until(&c, "listening2", 1);
    for (int i = 0; i < 10; i++)
        who(&c);
    clustered_close(&c);
}

static void test_misbehaviour(void **state)
{
    static const struct {
        const char *words[5];
        int code;
        const char *word;
    } rows[] = {
        {{"garbage", "serve"}, -EPROTO, "error1"},
        {{"listen", "tcp:0.0.0.0:80", "any", "serve"}, -EACCES, "error1"},
        {{"listen", "unix:/tmp/x", "any", "serve"}, -EACCES, "error1"},
        {{"listen", "http://x", "any", "serve"}, -EINVAL, "error1"},
        {{"many", "1000", "serve"}, -EMFILE, "error1"},
        {{"hang"}, -ETIMEDOUT, "crashed1"},
        {{"abort"}, 0, "crashed1"},
        {{"pong", "serve"}, 0, "online1"},
        {{"fds", "serve"}, 0, "online1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("           %s\n", rows[i].words[0]);
        misbehave(rows[i].words, rows[i].code, rows[i].word);
    }
}

static void test_a_port_in_use(void **state)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(here);
    char address[64];
    const char *const words[] = {"listen", address, "any", "serve", NULL};
    struct crib_listen hand[] = {{.address = address, .hand = true}};
    struct clustered c;

    (void)state;
    assert_int_equal(bind(taken, (struct sockaddr *)&here, len), 0);
    assert_int_equal(listen(taken, 1), 0);
    assert_int_equal(getsockname(taken, (struct sockaddr *)&here, &len), 0);
    snprintf(address, sizeof(address), "tcp:127.0.0.1:%u", ntohs(here.sin_port));
    clustered_open(&c);
    c.on_message = on_message;
    start(&c, words);
    clustered_until(&c, "message1", 1);
    assert_int_equal(atoi(c.said), -EADDRINUSE);
    assert_int_equal(c.error.code, -EADDRINUSE);
    clustered_close(&c);

    clustered_open(&c);
    c.options.listen = hand;
    c.options.listen_count = 1;
    assert_int_equal(
        crib_cluster_open(c.live.ex, worker_path(), words, &c.options, &c.cluster, &c.error),
        -EADDRINUSE);
    uv_run(&c.live.loop, UV_RUN_DEFAULT);
    live_close(&c.live);
    close(taken);
}

/* One that never listens, and one that is no program. */
static void test_crashing_at_once(void **state)
{
    static const char *const words[] = {"exit", "0", NULL};
    struct clustered c;

    (void)state;
    clustered_open(&c);
    c.options.back_off_ms = 1;
    c.options.crash_limit = 3;
    start(&c, words);
    clustered_until(&c, "error0", 1);
    assert_int_equal(c.error.code, -ELOOP);
    assert_int_equal(c.exits, 3);
    clustered_close(&c);
}

static void test_no_such_module(void **state)
{
    struct clustered c;

    (void)state;
    clustered_open(&c);
    assert_int_equal(
        crib_cluster_open(c.live.ex, "/nowhere/at/all", NULL, &c.options, &c.cluster, &c.error),
        -ENOENT);
    uv_run(&c.live.loop, UV_RUN_DEFAULT);
    live_close(&c.live);
}

static void test_options(void **state)
{
    static const struct crib_listen bad[] = {{.address = "nonsense"}},
                                    range[] = {{.address = "tcp:127.0.0.1:1-2", .hand = true}};
    struct clustered c;
    struct crib_cluster_options options;

    (void)state;
    clustered_open(&c);
    for (int i = 0; i < 5; i++) {
        options = c.options;
        options.size = i == 0 ? 0 : options.size;
        options.workers = i == 1 ? 1025 : 1;
        options.listen = i == 3 ? range : bad;
        options.listen_count = i == 2 || i == 3 ? 1 : i == 4 ? 65 : 0;
        assert_int_equal(
            crib_cluster_open(c.live.ex, worker_path(), NULL, &options, &c.cluster, &c.error),
            -EINVAL);
        uv_run(&c.live.loop, UV_RUN_DEFAULT);
    }
    c.worker.channel = CRIB_CHANNEL_NODE_ADVANCED;
    assert_int_equal(
        crib_cluster_open(c.live.ex, worker_path(), NULL, &c.options, &c.cluster, &c.error),
        -EINVAL);
    uv_run(&c.live.loop, UV_RUN_DEFAULT);
    crib_cluster_close(NULL, NULL, NULL);
    live_close(&c.live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_way_to_share),
        cmocka_unit_test(test_a_path),
        cmocka_unit_test(test_leaving_after_the_third),
        cmocka_unit_test(test_restarting),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_misbehaviour),
        cmocka_unit_test(test_a_port_in_use),
        cmocka_unit_test(test_crashing_at_once),
        cmocka_unit_test(test_no_such_module),
        cmocka_unit_test(test_options),
    };

    return sandbox_test_run(tests);
}
