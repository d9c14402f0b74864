/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scripts of examples/node do what they say: under plain Node, and with crib in the parent's
 * place. With every Node of this machine.
 */
#include "examples/serving.h"
#include "sandbox/clustered.h"
#include "sandbox/nodes.h"

/* Beside this program, where the suite was copied into one directory. The caller frees. */
static char *script(const char *name)
{
    char path[4096], *text;
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

    assert_true(n > 0);
    path[n] = '\0';
    *strrchr(path, '/') = '\0';
    assert_true(asprintf(&text, "%s/%s", path, name) > 0);
    if (access(text, R_OK) == 0)
        return text;
    free(text);
    assert_true(asprintf(&text, "%s/%s", SCRIPTS_DIR, name) > 0);
    return text;
}

/* `crib fork NAME`, with @input. */
static void fork_script(struct cli *cli, const char *name, const char *input)
{
    char *path = script(name);
    struct crib_bind binds[2];
    size_t count = nodes_binds(binds);

    cli->input = input;
    CLI_EXPECT(cli, 0, "fork", "--bind", binds[0].source, "--bind", binds[count - 1].source, path);
    free(path);
}

/* `node NAME WORD…` */
#define PLAIN(cli, expected, name, ...)                                                            \
    do {                                                                                           \
        char *path_ = script(name);                                                                \
        const char *const words_[] = {path_ __VA_OPT__(, ) __VA_ARGS__, NULL};                     \
                                                                                                   \
        (cli)->program = nodes.real[nodes.used];                                                   \
        cli_run(cli, words_);                                                                      \
        cli_status(cli, expected, __FILE__, __LINE__);                                             \
        free(path_);                                                                               \
    } while (0)

static void test_hello(void **state)
{
    struct cli cli = {0};

    (void)state;
    fork_script(&cli, "hello.js", "{\"hello\":\"child\"}\n");
    assert_string_equal(cli.out, "{\"hello\":\"parent\"}\n");
    assert_string_equal(cli.err, "child got: { hello: 'child' }\n");
    PLAIN(&cli, 0, "hello.js");
    assert_string_equal(cli.out, "child got: { hello: 'child' }\nparent got: { hello: 'parent' }\n"
                                 "child exited with 0\n");
    cli_done(&cli);
}

static void test_doubler(void **state)
{
    struct cli cli = {0};

    (void)state;
    fork_script(&cli, "doubler.js",
                "{\"cmd\":\"double\",\"number\":20}\n"); /* as README.md has it */
    assert_string_equal(cli.out, "{\"answer\":40}\n");
    fork_script(&cli, "doubler.js",
                "{\"cmd\":\"double\",\"number\":21}\n{\"cmd\":\"double\",\"number\":-8}\n"
                "{\"cmd\":\"double\"}\n{\"cmd\":\"halve\"}\n{\"cmd\":\"done\"}\n");
    assert_string_equal(cli.out, "{\"error\":\"the number is odd\"}\n{\"answer\":-16}\n"
                                 "{\"error\":\"this is no whole number\"}\n"
                                 "{\"error\":\"no such command: halve\"}\n");
    PLAIN(&cli, 0, "doubler.js");
    assert_string_equal(cli.out,
                        "{ answer: 40 }\n{ error: 'the number is odd' }\nchild exited with 0\n");
    cli_done(&cli);
}

/* --- the cluster, with crib as its primary --- */

/* One request. Return: what is behind the header; static. */
static const char *ask(struct clustered *c)
{
    static char answer[4096];
    long n = clustered_ask(c, c->address, SERVING_GET, answer, sizeof(answer));
    const char *body = n > 0 ? strstr(answer, "\r\n\r\n") : NULL;

    if (!body)
        fail_msg("no answer (%ld): %s", n, c->log);
    return body + 4;
}

static void keep(struct clustered *c, crib_worker *worker, struct crib_message *message)
{
    struct buf *said = c->user;

    buf_printf(said, "%u %.*s\n", crib_worker_id(worker), (int)message->len,
               (const char *)message->data);
}

static void start(struct clustered *c, struct buf *said, enum crib_sharing sharing)
{
    static const char *const env[] = {"PORT=0", NULL};
    static struct crib_listen any = {.address = "tcp:127.0.0.1:*"};
    static struct crib_bind binds[2];
    static char *path;

    any.sharing = sharing;
    clustered_open(c);
    free(path);
    path = script("cluster.js"); /* as long as the cluster */
    c->worker.env_add = env;
    c->worker.binds = binds;
    c->worker.bind_count = nodes_binds(binds);
    c->options.workers = 2;
    c->options.listen = &any;
    c->options.listen_count = 1;
    c->user = said;
    c->on_message = keep;
    clustered_start(c, path, NULL);
    clustered_until(c, "listening", 2);
}

static void end(struct clustered *c, struct buf *said)
{
    assert_int_equal(c->errors, 0);
    assert_int_equal(c->crashes, 0);
    clustered_close(c);
    buf_done(said);
}

/* Each gets every second request, and both go when they have had three. */
static void test_cluster(void **state)
{
    struct buf said = {0};
    struct clustered c;
    unsigned requests[3] = {0};

    (void)state;
    start(&c, &said, CRIB_SHARE_ANY);
    for (int i = 0; i < 6; i++) {
        unsigned id, request;

        assert_int_equal(sscanf(ask(&c), "worker %u, request %u", &id, &request), 2);
        assert_in_range(id, 1, 2);
        assert_int_equal(request, ++requests[id]);
    }
    assert_int_equal(requests[1], 3);
    clustered_until(&c, "left1", 1);
    clustered_until(&c, "left2", 1);
    clustered_until(&c, "listening3", 1);
    clustered_until(&c, "listening4", 1);
    test_contains(ask(&c), ", request 1");
    buf_append(&said, "", 1);
    assert_int_equal(cli_lines((char *)said.data, "1 {\"id\":1,\"pid\":"), 3);
    assert_int_equal(cli_lines((char *)said.data, "2 {\"id\":2,\"pid\":"), 3);
    end(&c, &said);
}

/* Whoever is quicker gets it: nobody knows who has had three, but everybody is answered. */
static void test_cluster_with_one_socket(void **state)
{
    struct buf said = {0};
    struct clustered c;

    (void)state;
    start(&c, &said, CRIB_SHARE_SOCKET);
    for (int i = 0; i < 12; i++) {
        unsigned left = c.exits, request;

        assert_int_equal(sscanf(ask(&c), "worker %*u, request %u", &request), 1);
        assert_in_range(request, 1, 3);
        for (; request == 3 && c.exits == left;)
            uv_run(&c.live.loop, UV_RUN_ONCE);
    }
    clustered_until(&c, "left", 2);
    end(&c, &said);
}

/* --- and with Node's --- */

static void six_requests(struct cli *cli)
{
    serving_until(cli, "listening ", 2);
    for (int i = 0; i < 6; i++)
        test_contains(serving_ask(cli), ", request ");
    serving_until(cli, "exit ", 2);
    serving_until(cli, "listening ", 4);
    kill(cli->pid, SIGTERM);
}

static void test_cluster_of_nodes_own(void **state)
{
    struct cli cli = {.meanwhile = six_requests};

    (void)state;
    setenv("PORT", "0", 1);
    PLAIN(&cli, 1000 + SIGTERM, "cluster.js");
    unsetenv("PORT");
    assert_int_equal(cli_lines(cli.out, "message 1 { id: 1, pid: "), 3);
    assert_int_equal(cli_lines(cli.out, "exit 1 (0)\n"), 1);
    assert_int_equal(cli_lines(cli.out, "fork "), 4);
    cli_done(&cli);
}

static int tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_doubler),
        cmocka_unit_test(test_cluster),
        cmocka_unit_test(test_cluster_with_one_socket),
        cmocka_unit_test(test_cluster_of_nodes_own),
    };

    return sandbox_test_run(tests);
}

int main(void)
{
    return nodes_run(tests);
}
