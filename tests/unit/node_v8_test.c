/* SPDX-License-Identifier: Apache-2.0 */
/* The serialization `advanced`: its frames, and which of them are Node's own. */
#include "node/v8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/peer.h"
#include "support/support.h"
#include "wire/rights.h"

#define MOST 100

/* {a: 1}, {cmd: 'NODE_FOO_BAR'}, {cmd: 'NODE_HANDLE', …} as v8.serialize() makes them */
static const uint8_t plain[] = {0xff, 0x0f, 'o', '"', 1, 'a', 'I', 2, '{', 1};
static const uint8_t nack[] = "\xff\x0fo\"\x03"
                              "cmd\"\x10NODE_HANDLE_NACK{\x01";
static const uint8_t handle[] = "\xff\x0fo\"\x03"
                                "cmd\"\x0bNODE_HANDLE\"\x04type\"\x0anet.Socket\"\x03msgT{\x03";

static void test_whose_it_is(void **state)
{
    uint8_t longer[2 + 7 + 2 + 200 + 2] = "\xff\x0fo\"\x03"
                                          "cmd\"\xc8\x01NODE_",
                                     made[64];

    (void)state;
    assert_true(v8_check(plain, sizeof(plain)));
    assert_false(v8_check(plain, 2));
    assert_false(v8_check((const uint8_t *)"{\"a\":1}", 7));
    assert_false(v8_is_own(plain, sizeof(plain), NULL));
    assert_true(v8_is_own(nack, sizeof(nack) - 1, NULL));
    assert_true(v8_is_own(nack, sizeof(nack) - 1, "NODE_HANDLE_NACK"));
    assert_false(v8_is_own(nack, sizeof(nack) - 1, "NODE_HANDLE"));
    assert_true(v8_is_own(handle, sizeof(handle) - 1, "NODE_HANDLE"));
    assert_true(v8_is_own(longer, sizeof(longer), NULL));
    assert_int_equal(v8_make("NODE_HANDLE_NACK", made, sizeof(made)), sizeof(nack) - 1);
    assert_memory_equal(made, nack, sizeof(nack) - 1);
    assert_int_equal(v8_make("NODE_HANDLE_NACK", made, 10), 0);
    for (size_t len = 0; len < sizeof(nack) - 1; len++) { /* none is read past its end */
        uint8_t *cut = malloc(len ? len : 1);

        assert_non_null(cut);
        memcpy(cut, nack, len);
        if (v8_check(cut, len))
            (void)v8_is_own(cut, len, "NODE_HANDLE_NACK");
        free(cut);
    }
}

/* --- as a peer --- */

struct ends {
    struct node_peer *peer;
    int ours, theirs;
};

static void set_up(struct ends *ends)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    *ends = (struct ends){node_peer_new(MOST, true), pair[0], pair[1]};
    assert_non_null(ends->peer);
}

static void tear_down(struct ends *ends)
{
    node_peer_free(ends->peer);
    close(ends->ours);
    close(ends->theirs);
}

static void says(struct ends *ends, const uint8_t *data, size_t len, int fd)
{
    uint8_t message[V8_PREFIX + 512];

    v8_put_length(message, (uint32_t)len);
    memcpy(message + V8_PREFIX, data, len);
    assert_int_equal(rights_send(ends->theirs, message, V8_PREFIX + len, &fd, fd >= 0),
                     V8_PREFIX + len);
}

/* Return: as node_peer_next(), or what node_peer_fill() says. */
static int hears(struct ends *ends, struct frame **ret)
{
    long n = node_peer_fill(ends->peer, ends->ours, NULL);

    return n < 0 && n != -ENOBUFS ? (int)n : node_peer_next(ends->peer, ret, NULL);
}

static void test_to_and_fro(void **state)
{
    uint8_t got[64];
    struct frame *frame;
    struct ends ends;

    (void)state;
    set_up(&ends);
    says(&ends, plain, sizeof(plain), -1);
    says(&ends, nack, sizeof(nack) - 1, -1); /* answers nothing that was asked */
    says(&ends, plain, sizeof(plain), -1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(i ? node_peer_next(ends.peer, &frame, NULL) : hears(&ends, &frame), 1);
        assert_string_equal(frame->type, NODE_TYPE_V8);
        assert_int_equal(frame->len, sizeof(plain));
        assert_memory_equal(frame->payload, plain, sizeof(plain));
    }
    assert_int_equal(node_peer_next(ends.peer, &frame, NULL), 0);
    assert_int_equal(node_peer_add(ends.peer, NODE_TYPE_V8, plain, sizeof(plain), NULL, 0), 0);
    assert_int_equal(node_peer_flush(ends.peer, ends.ours), 0);
    assert_int_equal(recv(ends.theirs, got, sizeof(got), 0), V8_PREFIX + sizeof(plain));
    assert_int_equal(v8_length(got), sizeof(plain));
    assert_memory_equal(got + V8_PREFIX, plain, sizeof(plain));
    tear_down(&ends);
}

/* They do not go with it: closed, and the sender is told. */
static void test_fds(void **state)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint8_t got[64];
    struct frame *frame;
    struct ends ends;
    int before;

    (void)state;
    set_up(&ends);
    before = test_count_fds(getpid());
    says(&ends, handle, sizeof(handle) - 1, fd);
    assert_int_equal(hears(&ends, &frame), 0);
    assert_int_equal(test_count_fds(getpid()), before);
    assert_int_equal(node_peer_flush(ends.peer, ends.ours), 0);
    assert_int_equal(recv(ends.theirs, got, sizeof(got), 0), V8_PREFIX + sizeof(nack) - 1);
    assert_memory_equal(got + V8_PREFIX, nack, sizeof(nack) - 1);
    assert_int_equal(node_peer_add(ends.peer, NODE_TYPE_V8, plain, sizeof(plain), &fd, 1),
                     -EOPNOTSUPP);
    says(&ends, plain, sizeof(plain), fd); /* that no message speaks of */
    assert_int_equal(hears(&ends, &frame), -EPROTO);
    assert_int_equal(test_count_fds(getpid()), before);
    tear_down(&ends);
    close(fd);
}

static void test_what_is_refused(void **state)
{
    static const uint8_t long_one[MOST + 1] = {0xff, 0x0f, 'T'};
    uint8_t prefix[V8_PREFIX];
    struct frame *frame;
    struct ends ends;

    (void)state;
    set_up(&ends);
    assert_int_equal(node_peer_add(ends.peer, NODE_TYPE_JSON, "1", 1, NULL, 0), -EINVAL);
    assert_int_equal(node_peer_add(ends.peer, NODE_TYPE_V8, "1", 1, NULL, 0), -EINVAL);
    assert_int_equal(node_peer_add(ends.peer, NODE_TYPE_V8, long_one, MOST + 1, NULL, 0),
                     -EMSGSIZE);
    says(&ends, (const uint8_t *)"nonsense", 8, -1);
    assert_int_equal(hears(&ends, &frame), -EPROTO);
    tear_down(&ends);
    set_up(&ends);
    says(&ends, long_one, sizeof(long_one), -1);
    assert_int_equal(hears(&ends, &frame), -EMSGSIZE);
    tear_down(&ends);
    set_up(&ends);
    says(&ends, plain, 0, -1);
    assert_int_equal(hears(&ends, &frame), -EPROTO);
    tear_down(&ends);
    set_up(&ends); /* four gigabytes are told, and refused before they come */
    v8_put_length(prefix, 0xffffffff);
    assert_int_equal(send(ends.theirs, prefix, sizeof(prefix), 0), sizeof(prefix));
    assert_int_equal(hears(&ends, &frame), -EMSGSIZE);
    tear_down(&ends);
}

/* Byte by byte, and the end in the middle. */
static void test_pieces(void **state)
{
    uint8_t message[V8_PREFIX + sizeof(plain)];
    struct frame *frame;
    struct ends ends;

    (void)state;
    set_up(&ends);
    v8_put_length(message, sizeof(plain));
    memcpy(message + V8_PREFIX, plain, sizeof(plain));
    for (size_t i = 0; i < sizeof(message); i++) {
        assert_int_equal(send(ends.theirs, message + i, 1, 0), 1);
        assert_int_equal(hears(&ends, &frame), i == sizeof(message) - 1);
    }
    assert_int_equal(send(ends.theirs, message, 6, 0), 6);
    assert_int_equal(hears(&ends, &frame), 0);
    shutdown(ends.theirs, SHUT_WR);
    assert_int_equal(hears(&ends, &frame), -EPROTO);
    tear_down(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose_it_is), cmocka_unit_test(test_to_and_fro),
        cmocka_unit_test(test_fds),         cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_pieces),
    };

    return test_run(tests);
}
