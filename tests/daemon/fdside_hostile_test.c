/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of the fd side that keep to no rule. */
#include "fdside_client.h"

#include <sched.h>
#include <sys/mount.h>

#include "fuse.h"

/* Bytes that are no frame end the connection, and all that it has brought; nobody else's. */
static void garbage_ends_it(void **state)
{
    static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 0}, odd[] = {0, 0, 0, 2, 0xff, 0xff},
                         again[] = {0xfd, 0xfd, 0xfd, 0xfd}, part[] = {0, 0, 1, 0, 1, 2, 3};
    const struct {
        const uint8_t *data;
        size_t len;
        bool ends;
    } rows[] = {{huge, 5, true}, {odd, 6, true}, {again, 4, true}, {part, 7, false}};
    struct fixture f;
    struct client good;

    (void)state;
    set_up(&f);
    connect_as(&f, &good, ALICE);
    assert_int_equal(bring(&good, "kept", 2), CODE_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int fds[] = {0, 1, 2}, ended = f.ended;
        struct client c;

        connect_as(&f, &c, ALICE);
        assert_int_equal(bring(&c, "n", 2), CODE_OK);
        assert_int_equal(rights_send(c.sock, rows[i].data, rows[i].len, fds, i == 2 ? 0 : 3),
                         (long)rows[i].len);
        turn(&f, 4);
        assert_int_equal(f.ended - ended, rows[i].ends ? 1 : 0);
        leave(&c);
        assert_int_equal(f.ended - ended, 1);
        assert_int_equal(fdside_find(f.side, ALICE, "n"), -ENOENT);
    }
    assert_true(fdside_find(f.side, ALICE, "kept") >= 0);
    leave(&good);
    tear_down(&f);
}

/* More fds than a frame declares, or than it may have. */
static void fds_that_belong_to_nothing(void **state)
{
    int many[RIGHTS_MAX];
    struct fixture f;

    (void)state;
    set_up(&f);
    for (int i = 0; i < RIGHTS_MAX; i++)
        many[i] = 2;
    for (size_t n = 1; n <= RIGHTS_MAX; n += 63) {
        static const uint8_t empty[] = {0, 0, 0, 0};
        int ended = f.ended;
        struct client c;

        connect_as(&f, &c, ALICE);
        assert_int_equal(rights_send(c.sock, empty, 4, many, n), 4);
        turn(&f, 4);
        assert_int_equal(f.ended - ended, 1);
        leave(&c);
    }
    tear_down(&f);
}

/* Asks and does not read: then nobody reads what it asks, and others go on. */
static void never_reading(void **state)
{
    struct fixture f;
    struct client mute, good;
    int small = 1, sent = 0, full = 0;
    static const uint8_t byte[4096];

    (void)state;
    set_up(&f);
    connect_as(&f, &mute, ALICE);
    connect_as(&f, &good, BOB);
    setsockopt(mute.sock, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    for (; full < 100 && sent < 100000; sent++) {
        int r = frame_writer_pending(mute.writer)
                    ? 0
                    : frame_writer_add(mute.writer, "FdNothing", byte, sizeof(byte), NULL, 0);

        assert_int_equal(r, 0);
        full = frame_writer_flush(mute.writer, mute.sock) == -EAGAIN ? full + 1 : 0;
        turn(&f, 1);
    }
    assert_int_equal(full, 100);
    assert_int_equal(bring(&good, "n", 2), CODE_OK);
    assert_int_equal(reply(&mute), CODE_UNIMPLEMENTED); /* it goes on where it was */
    leave(&mute);
    leave(&good);
    tear_down(&f);
}

/* At every byte of an exchange, and with its answer unread. */
static void closing_in_the_middle(void **state)
{
    static const uint8_t frame[] = {0,   0,   0,   19,  0x12, 10, 'F',  'd', 'R', 'e',  'g', 'i',
                                    's', 't', 'e', 'r', 0x1a, 3,  0x0a, 1,   'n', 0x20, 1};
    struct fixture f;
    int fd = 2;

    (void)state;
    set_up(&f);
    for (size_t len = 1; len <= sizeof(frame); len++) {
        struct client c;

        connect_as(&f, &c, ALICE);
        assert_int_equal(rights_send(c.sock, frame, len, &fd, 1), (long)len);
        turn(&f, (int)(len % 3));
        if (len == sizeof(frame)) { /* else the bytes above are none */
            assert_int_equal(reply(&c), CODE_OK);
            assert_int_equal(f.charged[0], 1);
        }
        leave(&c);
        assert_int_equal(f.ended, f.expected);
        assert_int_equal(f.charged[0], 0);
    }
    tear_down(&f);
}

static void closed_with_all_that_is_open(void **state)
{
    struct fixture f;
    struct client clients[10];
    struct peer peer = {.uid = ALICE};
    char name[16];
    int pair[2];

    (void)state;
    set_up(&f);
    for (int i = 0; i < 10; i++) {
        connect_as(&f, &clients[i], ALICE);
        snprintf(name, sizeof(name), "n%d", i);
        assert_int_equal(bring(&clients[i], name, 2), CODE_OK);
    }
    tear_down(&f);
    set_up(&f);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    fdside_close(f.side, on_closed, &f);
    assert_int_equal(fdside_add(f.side, pair[1], &peer), -ECANCELED);
    close(pair[0]);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_true(f.closed);
    uv_loop_close(&f.loop);
    for (int i = 0; i < 10; i++) {
        frame_reader_free(clients[i].reader);
        frame_writer_free(clients[i].writer);
        close(clients[i].sock);
    }
}

/* A registration that keeps no copy of its fd, whose closing would hang us. */
static int bring_once(struct client *c, const uint8_t *frame, size_t len, int fd)
{
    assert_int_equal(rights_send(c->sock, frame, len, &fd, 1), (long)len);
    return reply(c);
}

/* Its file would hang whoever closes it: in a request, and beside garbage. */
static void a_file_system_that_hangs(void **state)
{
    static const uint8_t odd[] = {0, 0, 0, 2, 0xff, 0xff};
    static const uint8_t frame[] = {0,   0,   0,   19,  0x12, 10, 'F',  'd', 'R', 'e',  'g', 'i',
                                    's', 't', 'e', 'r', 0x1a, 3,  0x0a, 1,   'n', 0x20, 1};
    char *dir = test_dir();
    struct fixture f;
    struct client c;
    struct fuse fuse;
    int fd;

    (void)state;
    set_up(&f);
    connect_as(&f, &c, ALICE);
    fuse_start(&fuse, dir);
    fd = open(fuse.file, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    fuse_hang(&fuse);
    assert_int_equal(bring_once(&c, frame, sizeof(frame), fd), CODE_INVALID_ARGUMENT);
    assert_int_equal(bring_once(&c, frame, sizeof(frame), 2), CODE_OK);
    assert_int_equal(rights_send(c.sock, odd, sizeof(odd), &fd, 1), (long)sizeof(odd));
    turn(&f, 4);
    assert_int_equal(f.ended, 1);
    leave(&c);
    fuse_stop(&fuse);
    close(fd);
    tear_down(&f);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbage_ends_it),
        cmocka_unit_test(fds_that_belong_to_nothing),
        cmocka_unit_test(never_reading),
        cmocka_unit_test(closing_in_the_middle),
        cmocka_unit_test(closed_with_all_that_is_open),
        cmocka_unit_test(a_file_system_that_hangs),
    };
    bool fuse = fuse_possible();

    if (fuse && (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
        return 1;
    warm_up();
    return test_run_group("tests", tests, sizeof(tests) / sizeof(tests[0]) - (fuse ? 0 : 1));
}
