/* SPDX-License-Identifier: Apache-2.0 */
/* Node's lines, in and out; what a peer may do that Node's own never does. */
#include "node/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/support.h"
#include "wire/rights.h"

#define MOST 1000

struct pair {
    struct node_peer *peer;
    int ours, theirs;
};

static void set_up(struct pair *pair)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    pair->ours = ends[0];
    pair->theirs = ends[1];
    pair->peer = node_peer_new(MOST, false);
    assert_non_null(pair->peer);
}

static void tear_down(struct pair *pair)
{
    node_peer_free(pair->peer);
    close(pair->ours);
    close(pair->theirs);
}

static void says(struct pair *pair, const char *text)
{
    assert_int_equal(write(pair->theirs, text, strlen(text)), strlen(text));
}

static void says_with_fd(struct pair *pair, const char *text)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(rights_send(pair->theirs, text, strlen(text), &fd, 1), strlen(text));
    close(fd);
}

static void fill(struct pair *pair)
{
    struct crib_error err;

    assert_true(node_peer_fill(pair->peer, pair->ours, &err) > 0);
}

static struct frame *next(struct pair *pair)
{
    struct frame *frame = NULL;
    struct crib_error err;

    assert_in_range(node_peer_next(pair->peer, &frame, &err), 0, 1);
    return frame;
}

static void must_be(const struct frame *frame, const char *type, const char *text, size_t nfds)
{
    assert_non_null(frame);
    assert_string_equal(frame->type, type);
    assert_int_equal(frame->len, strlen(text));
    assert_memory_equal(frame->payload, text, strlen(text));
    assert_int_equal(frame->nfds, nfds);
    assert_false(frame->disconnect);
}

/* What we have said so far. */
static void heard(struct pair *pair, const char *text)
{
    char said[4096];
    ssize_t n;

    assert_int_equal(node_peer_flush(pair->peer, pair->ours), 0);
    n = read(pair->theirs, said, sizeof(said) - 1);
    said[n > 0 ? n : 0] = '\0';
    assert_string_equal(said, text);
}

static void must_die(struct pair *pair, int code, const char *part)
{
    struct crib_error err = {0};
    struct frame *frame;
    char text[512];
    long r = node_peer_fill(pair->peer, pair->ours, &err);

    if (r > 0)
        r = node_peer_next(pair->peer, &frame, &err);
    assert_int_equal(r, code);
    test_contains(crib_error_text(&err, text, sizeof(text)), part);
    assert_int_equal(node_peer_fill(pair->peer, pair->ours, &err), code);
    assert_int_equal(node_peer_next(pair->peer, &frame, &err), code);
}

static void test_messages_come_as_they_are(void **state)
{
    struct pair pair;

    (void)state;
    set_up(&pair);
    says(&pair, "{\"a\": [1, \"\\ud800\"]}\n\"x\"\nnull\n{\"cm");
    fill(&pair);
    must_be(next(&pair), "json", "{\"a\": [1, \"\\ud800\"]}", 0);
    must_be(next(&pair), "json", "\"x\"", 0);
    must_be(next(&pair), "json", "null", 0);
    assert_null(next(&pair));
    says(&pair, "d\":\"NODE\"}\n");
    fill(&pair);
    must_be(next(&pair), "json", "{\"cmd\":\"NODE\"}", 0);
    assert_null(next(&pair));
    tear_down(&pair);
}

static void test_byte_by_byte(void **state)
{
    const char *text = "{\"n\":1}\n[2]\n";
    struct pair pair;
    unsigned count = 0;

    (void)state;
    set_up(&pair);
    for (const char *c = text; *c; c++) {
        struct crib_error err;

        assert_int_equal(node_peer_feed(pair.peer, c, 1, NULL, 0, &err), 0);
        count += next(&pair) != NULL;
    }
    assert_int_equal(count, 2);
    tear_down(&pair);
}

static void test_what_is_nodes_own(void **state)
{
    struct pair pair;

    (void)state;
    set_up(&pair);
    says(&pair,
         "{\"cmd\":\"NODE_HANDLE_ACK\"}\n{\"cmd\":\"NODE_DEBUG_ENABLED\"}\n"
         "{\"cmd\":\"NODE_0123456789012345678901234567890123456789012345678901234567890123\"}\n"
         "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\",\"seq\":1}\n{\"cmd\":\"NODE_\"}\n");
    fill(&pair);
    must_be(next(&pair), "node", "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\",\"seq\":1}", 0);
    must_be(next(&pair), "json", "{\"cmd\":\"NODE_\"}", 0);
    assert_null(next(&pair));
    heard(&pair, "");
    tear_down(&pair);
}

/* As JSON.parse has it: escapes are characters, and of two members the last counts. */
static void test_own_however_it_is_written(void **state)
{
    struct pair pair;

    (void)state;
    set_up(&pair);
    says(&pair, "{\"c\\u006dd\":\"NODE_CLUST\\u0045R\"}\n"
                "{\"cmd\":\"x\",\"cmd\":\"NODE_CLUSTER\"}\n"
                "{\"cmd\":\"NODE_CLUSTER\",\"cmd\":\"x\"}\n"
                "{\"msg\":{\"cmd\":\"NODE_CLUSTER\"}}\n");
    fill(&pair);
    assert_string_equal(next(&pair)->type, "node");
    assert_string_equal(next(&pair)->type, "node");
    assert_string_equal(next(&pair)->type, "json");
    assert_string_equal(next(&pair)->type, "json");
    tear_down(&pair);
}

static void test_fds_are_answered_and_delivered(void **state)
{
    struct pair pair;
    struct frame *frame;

    (void)state;
    set_up(&pair);
    says(&pair, "1\n");
    says_with_fd(&pair, "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\",\"msg\":{\"a\":1}}\n");
    says(&pair, "2\n");
    fill(&pair);
    must_be(next(&pair), "json", "1", 0);
    frame = next(&pair);
    must_be(frame, "json", "{\"a\":1}", 1);
    assert_true(fcntl(frame->fds[0], F_GETFD) & FD_CLOEXEC);
    heard(&pair, "{\"cmd\":\"NODE_HANDLE_ACK\"}\n");
    assert_null(next(&pair));
    fill(&pair);
    must_be(next(&pair), "json", "2", 0);
    says_with_fd(&pair, "{\"cmd\":\"NODE_HANDLE\",\"msg\":{\"cmd\":\"NODE_CLUSTER\"}}\n");
    fill(&pair);
    must_be(next(&pair), "node", "{\"cmd\":\"NODE_CLUSTER\"}", 1);
    tear_down(&pair);
}

static void test_a_handle_without_an_fd(void **state)
{
    struct pair pair;

    (void)state;
    set_up(&pair);
    says(&pair, "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\",\"msg\":1}\n3\n");
    fill(&pair);
    must_be(next(&pair), "json", "3", 0);
    heard(&pair, "{\"cmd\":\"NODE_HANDLE_NACK\"}\n");
    tear_down(&pair);
}

static void test_garbage(void **state)
{
    static const struct {
        const char *text, *why;
        int code;
    } rows[] = {
        {"hello\n", "not JSON", -EPROTO},
        {"\n", "not JSON", -EPROTO},
        {"{\"a\":1}}\n", "not JSON", -EPROTO},
        {"\xff\xfe\n", "not JSON", -EPROTO},
        {"{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\"}\n1x\n", "not JSON", -EPROTO},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pair pair;

        set_up(&pair);
        says(&pair, rows[i].text);
        must_die(&pair, rows[i].code, rows[i].why);
        tear_down(&pair);
    }
}

static void test_too_much(void **state)
{
    char text[MOST * 2];
    struct pair pair;

    (void)state;
    memset(text, ' ', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    set_up(&pair);
    says(&pair, text);
    must_die(&pair, -EMSGSIZE, "more than 1000 bytes");
    tear_down(&pair);
    memset(text, '[', 1200);
    strcpy(text + 1200, "\n");
    set_up(&pair);
    says(&pair, text);
    must_die(&pair, -EPROTO, "too deep");
    tear_down(&pair);
    memset(text, '1', MOST + 1); /* less than a line may have */
    strcpy(text + MOST + 1, "\n");
    set_up(&pair);
    says(&pair, text);
    must_die(&pair, -EMSGSIZE, "more than 1000 bytes");
    tear_down(&pair);
}

static void test_fds_that_nobody_asked_for(void **state)
{
    static const char *const texts[] = {
        "1\n",
        "{\"cmd\":\"NODE_CLUSTER\"}\n",
        "{\"cmd\":\"NODE_HANDLE\"}\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct pair pair;

        set_up(&pair);
        says_with_fd(&pair, texts[i]);
        must_die(&pair, -EPROTO, "fd");
        tear_down(&pair);
    }
}

static void test_the_end(void **state)
{
    struct crib_error err;
    struct pair pair;

    (void)state;
    set_up(&pair);
    says(&pair, "1\n{\"half");
    shutdown(pair.theirs, SHUT_WR);
    fill(&pair);
    must_be(next(&pair), "json", "1", 0);
    assert_null(next(&pair));
    must_die(&pair, -EPROTO, "in the middle of a message");
    tear_down(&pair);
    set_up(&pair);
    shutdown(pair.theirs, SHUT_WR);
    assert_int_equal(node_peer_fill(pair.peer, pair.ours, &err), 0);
    tear_down(&pair);
}

/* Answers wait in our queue as long as nobody reads them. */
static void test_a_flood_of_fds_that_reads_no_answers(void **state)
{
    struct crib_error err = {0};
    struct frame *frame;
    struct pair pair;
    int r = 0;

    (void)state;
    set_up(&pair);
    for (int i = 0; i < 10000 && r >= 0; i++) {
        says_with_fd(&pair, "{\"cmd\":\"NODE_HANDLE\",\"msg\":1}\n");
        fill(&pair);
        r = node_peer_next(pair.peer, &frame, &err);
    }
    assert_int_equal(r, -ENOBUFS);
    tear_down(&pair);
}

static int add(struct pair *pair, const char *type, const char *text, int fd)
{
    return node_peer_add(pair->peer, type, text, strlen(text), &fd, fd >= 0);
}

static void test_sending(void **state)
{
    char long_one[MOST + 2];
    struct pair pair;

    (void)state;
    set_up(&pair);
    assert_int_equal(add(&pair, "json", "{\n \"a\": 1\n}", -1), 0);
    assert_int_equal(add(&pair, "node", "{\"cmd\":\"NODE_CLUSTER\"}", -1), 0);
    heard(&pair, "{  \"a\": 1 }\n{\"cmd\":\"NODE_CLUSTER\"}\n");
    assert_int_equal(add(&pair, "json", "{", -1), -EINVAL);
    assert_int_equal(add(&pair, "json", "", -1), -EINVAL);
    assert_int_equal(add(&pair, "json", "1\n2", -1), -EINVAL);
    assert_int_equal(add(&pair, "text", "1", -1), -EINVAL);
    memset(long_one, '1', MOST + 1);
    long_one[MOST + 1] = '\0';
    assert_int_equal(add(&pair, "json", long_one, -1), -EMSGSIZE);
    assert_int_equal(node_peer_pending(pair.peer), 0);
    assert_int_equal(node_peer_add_disconnect(pair.peer), 0);
    assert_int_equal(add(&pair, "json", "1", -1), -EPIPE);
    heard(&pair, "");
    tear_down(&pair);
}

static void must_wrap(struct pair *pair, int fd, const char *members)
{
    char expected[200], said[200];
    int fds[RIGHTS_MAX], flags;
    size_t nfds;
    long n;

    assert_true(fd >= 0);
    assert_int_equal(add(pair, "json", "[1]", fd), 0);
    assert_int_equal(node_peer_flush(pair->peer, pair->ours), 0);
    n = rights_receive(pair->theirs, said, sizeof(said) - 1, fds, &nfds, &flags);
    assert_true(n > 0);
    said[n] = '\0';
    snprintf(expected, sizeof(expected), "{\"cmd\":\"NODE_HANDLE\",%s,\"msg\":[1]}\n", members);
    assert_string_equal(said, expected);
    assert_int_equal(nfds, 1);
    close(fds[0]);
    close(fd);
}

static void test_sending_fds(void **state)
{
    int ends[2], fd;
    struct pair pair;

    (void)state;
    set_up(&pair);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(listen(fd, 1), 0);
    must_wrap(&pair, fd, "\"type\":\"net.Server\"");
    must_wrap(&pair, socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), "\"type\":\"net.Socket\"");
    must_wrap(&pair, socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
              "\"type\":\"dgram.Socket\",\"dgramType\":\"udp4\"");
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    must_wrap(&pair, ends[0], "\"type\":\"net.Socket\"");
    close(ends[1]);
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(add(&pair, "json", "1", fd), -EINVAL);
    close(fd);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(add(&pair, "json", "1", fd), -EINVAL);
    close(fd);
    tear_down(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_come_as_they_are),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_what_is_nodes_own),
        cmocka_unit_test(test_own_however_it_is_written),
        cmocka_unit_test(test_fds_are_answered_and_delivered),
        cmocka_unit_test(test_a_handle_without_an_fd),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_fds_that_nobody_asked_for),
        cmocka_unit_test(test_the_end),
        cmocka_unit_test(test_a_flood_of_fds_that_reads_no_answers),
        cmocka_unit_test(test_sending),
        cmocka_unit_test(test_sending_fds),
    };

    return test_run(tests);
}
