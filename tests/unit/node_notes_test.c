/* SPDX-License-Identifier: Apache-2.0 */
/* Lines as Node 20's workers write them, and lines that they never would. */
#include "node/notes.h"

#include <errno.h>
#include <string.h>

#include "support/support.h"

static int read_line(const char *text, struct node_note *note)
{
    struct node_json json = {text, strlen(text)};

    assert_int_equal(node_json_check(json), 0);
    return node_note_read(json, note);
}

static void test_what_workers_say(void **state)
{
    struct node_note note;

    (void)state;
    assert_int_equal(read_line("{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\",\"seq\":0}", &note),
                     0);
    assert_int_equal(note.act, NODE_ACT_ONLINE);
    assert_int_equal(note.seq, 0);
    assert_int_equal(note.ack, -1);
    assert_int_equal(
        read_line("{\"cmd\":\"NODE_CLUSTER\",\"act\":\"exitedAfterDisconnect\",\"seq\":4}", &note),
        0);
    assert_int_equal(note.act, NODE_ACT_LEAVING);
    assert_int_equal(
        read_line("{\"cmd\":\"NODE_CLUSTER\",\"act\":\"close\",\"key\":\"a:1\",\"seq\":3}", &note),
        0);
    assert_int_equal(note.act, NODE_ACT_CLOSE);
    assert_string_equal(note.key, "a:1");
    assert_int_equal(
        read_line("{\"cmd\":\"NODE_CLUSTER\",\"accepted\":true,\"ack\":7,\"seq\":9}", &note), 0);
    assert_int_equal(note.act, NODE_ACT_TAKEN);
    assert_int_equal(note.ack, 7);
    assert_true(note.accepted);
    assert_int_equal(
        read_line("{\"cmd\":\"NODE_CLUSTER\",\"accepted\":false,\"ack\":7,\"seq\":9}", &note), 0);
    assert_false(note.accepted);
    assert_int_equal(read_line("{\"cmd\":\"NODE_CLUSTER\",\"act\":\"other\"}", &note), 0);
    assert_int_equal(note.act, NODE_ACT_OTHER);
}

static void test_a_query(void **state)
{
    struct node_note note;

    (void)state;
    assert_int_equal(
        read_line(
            "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"queryServer\",\"index\":2,\"data\":{\"a\":[1]},"
            "\"address\":\"127.0.0.1\",\"port\":8080,\"addressType\":4,\"fd\":null,"
            "\"flags\":1,\"backlog\":false,\"readableAll\":false,\"seq\":1}",
            &note),
        0);
    assert_int_equal(note.act, NODE_ACT_QUERY);
    assert_string_equal(note.address, "127.0.0.1");
    assert_int_equal(note.port, 8080);
    assert_int_equal(note.kind, NODE_TCP4);
    assert_int_equal(note.fd, -1);
    assert_int_equal(note.flags, 1);
    assert_int_equal(note.backlog, 0);
    assert_int_equal(note.index, 2);
    assert_int_equal(note.data.len, strlen("{\"a\":[1]}"));
    assert_int_equal(read_line("{\"act\":\"queryServer\",\"address\":\"/tmp/s\",\"port\":-1,"
                               "\"addressType\":-1,\"seq\":1}",
                               &note),
                     0);
    assert_int_equal(note.kind, NODE_UNIX);
    assert_int_equal(note.data.len, 0);
    assert_int_equal(read_line("{\"act\":\"queryServer\",\"address\":null,\"port\":53,"
                               "\"addressType\":\"udp6\",\"fd\":null,\"backlog\":511}",
                               &note),
                     0);
    assert_int_equal(note.kind, NODE_UDP6);
    assert_string_equal(note.address, "");
    assert_int_equal(note.fd, -1);
    assert_int_equal(note.backlog, 511);
    assert_int_equal(read_line("{\"act\":\"queryServer\",\"address\":null,\"port\":null,"
                               "\"addressType\":null,\"fd\":3}",
                               &note),
                     0);
    assert_int_equal(note.fd, 3);
}

static void test_nonsense(void **state)
{
    static const char *const rows[] = {
        "{\"act\":\"online\",\"seq\":\"1\"}",
        "{\"act\":\"online\",\"seq\":1.5}",
        "{\"act\":\"online\",\"ack\":[]}",
        "{\"act\":\"queryServer\"}",
        "{\"act\":\"queryServer\",\"addressType\":5,\"port\":1}",
        "{\"act\":\"queryServer\",\"addressType\":\"tcp\",\"port\":1}",
        "{\"act\":\"queryServer\",\"addressType\":4,\"port\":65536}",
        "{\"act\":\"queryServer\",\"addressType\":4,\"port\":-1}",
        "{\"act\":\"queryServer\",\"addressType\":4,\"port\":1,\"address\":7}",
        "{\"act\":\"queryServer\",\"addressType\":4,\"port\":1,\"address\":\"a\\u0000b\"}",
        "{\"act\":\"queryServer\",\"addressType\":4,\"port\":1,\"fd\":\"3\"}",
        "{\"act\":\"close\",\"key\":{}}",
    };
    struct node_note note;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (read_line(rows[i], &note) != -EINVAL)
            fail_msg("taken: %s", rows[i]);
}

static void must_say(struct buf *out, int r, const char *text)
{
    struct node_json json;

    assert_int_equal(r, 0);
    json = (struct node_json){(const char *)out->data, out->len};
    assert_int_equal(node_json_check(json), 0);
    assert_int_equal(out->len, strlen(text));
    assert_memory_equal(out->data, text, out->len);
    buf_done(out);
}

static void test_what_a_primary_says(void **state)
{
    struct node_json none = {0}, data = {"[1]", 3};
    struct buf out = {0};

    (void)state;
    must_say(&out, node_say_key(&out, 3, "k", NULL, none),
             "{\"cmd\":\"NODE_CLUSTER\",\"ack\":3,\"key\":\"k\",\"errno\":null}");
    must_say(&out, node_say_key(&out, 3, "k", "{\"port\":1}", data),
             "{\"cmd\":\"NODE_CLUSTER\",\"ack\":3,\"key\":\"k\",\"errno\":null,"
             "\"sockname\":{\"port\":1},\"data\":[1]}");
    must_say(&out, node_say_socket(&out, 3, "k", none),
             "{\"cmd\":\"NODE_CLUSTER\",\"ack\":3,\"key\":\"k\",\"errno\":null}");
    must_say(&out, node_say_error(&out, 3, -EADDRINUSE),
             "{\"cmd\":\"NODE_CLUSTER\",\"ack\":3,\"errno\":-98}");
    must_say(&out, node_say_connection(&out, 5, "k"),
             "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"newconn\",\"key\":\"k\",\"seq\":5}");
    must_say(&out, node_say_ack(&out, 4), "{\"cmd\":\"NODE_CLUSTER\",\"ack\":4}");
    must_say(&out, node_say_disconnect(&out, 6),
             "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"disconnect\",\"seq\":6}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_workers_say),
        cmocka_unit_test(test_a_query),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_what_a_primary_says),
    };

    return test_run(tests);
}
