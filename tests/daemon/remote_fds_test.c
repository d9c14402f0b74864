/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's half of the fd side: fds registered, released and fetched, and an fd side that is
 * broken in every way.
 */
#include "daemon/fake.h"

#include <sys/stat.h>

#include "base/fd.h"
#include "client/rpc.h"

static struct rpc_fds *open_side(struct fake *fake, void (*fds)(struct fake_talk *talk))
{
    struct crib_error error;
    struct rpc_fds *side = NULL;

    memset(fake, 0, sizeof(*fake));
    fake->fds = fds;
    fake_start(fake, fake_mute);
    assert_int_equal(rpc_fds_open(fake->path, &side, &error), 0);
    rpc_fds_patience(side, 500);
    return side;
}

static int take(struct rpc_fds *side, int *fds, struct crib_error *err)
{
    Crib__FdTake request = CRIB__FD_TAKE__INIT;

    return rpc_fds_take(side, &request, fds, err);
}

static void registers_and_releases(void **state)
{
    int fds[FRAME_MAX_FDS], pair[2];
    struct fake fake;
    struct rpc_fds *side = open_side(&fake, NULL);
    struct crib_error error;
    struct arena arena;
    char **names, byte;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    for (int i = 0; i < FRAME_MAX_FDS; i++)
        fds[i] = pair[1];
    for (int i = 0; i < 100; i++) {
        assert_int_equal(rpc_fds_register(side, fds, FRAME_MAX_FDS, &arena, &names, &error), 0);
        assert_int_equal(rpc_fds_release(side, names, FRAME_MAX_FDS), 0);
    }
    assert_int_equal(rpc_fds_register(side, fds, 1, &arena, &names, &error), 0);
    assert_int_equal(fake.registered, 100 * FRAME_MAX_FDS + 1);
    assert_int_equal(fake.released, 100);
    close(pair[1]);
    rpc_fds_close(side); /* its fds go with it: the pipe has no writer any more */
    assert_int_equal(read(pair[0], &byte, 1), 0);
    close(pair[0]);
    arena_done(&arena);
    fake_stop(&fake);
}

static void names_are_its_own(void **state)
{
    struct fake fake;
    struct rpc_fds *side = open_side(&fake, NULL), *other;
    struct arena arena;
    char **names[3];
    int fds[] = {0, 1};

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(rpc_fds_open(fake.path, &other, NULL), 0);
    assert_int_equal(rpc_fds_register(side, fds, 2, &arena, &names[0], NULL), 0);
    assert_int_equal(rpc_fds_register(side, fds, 2, &arena, &names[1], NULL), 0);
    assert_int_equal(rpc_fds_register(other, fds, 2, &arena, &names[2], NULL), 0);
    for (int i = 0; i < 6; i++) {
        const char *name = names[i / 2][i % 2];

        assert_in_range(strlen(name), 10, 63);
        assert_int_equal(strspn(name, "0123456789abcdef."), strlen(name));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(name, names[j / 2][j % 2]);
    }
    arena_done(&arena);
    rpc_fds_close(side);
    rpc_fds_close(other);
    fake_stop(&fake);
}

static void takes(void **state)
{
    int fds[FRAME_MAX_FDS], pair[2];
    struct fake fake;
    struct rpc_fds *side = open_side(&fake, NULL);
    struct crib_error error;
    struct stat one, other;

    (void)state;
    assert_int_equal(take(side, fds, &error), -ENOENT);
    test_contains(error.detail, "the reason");
    assert_false(rpc_fds_broken(side));
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    fake.hand = pair[0];
    assert_int_equal(take(side, fds, &error), 1);
    assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    assert_int_equal(fstat(fds[0], &one) | fstat(pair[0], &other), 0);
    assert_true(one.st_ino == other.st_ino && one.st_dev == other.st_dev);
    close(fds[0]);
    close(pair[0]);
    close(pair[1]);
    rpc_fds_close(side);
    fake_stop(&fake);
}

static void refuses_what_it_cannot_hand_over(void **state)
{
    int fds[FRAME_MAX_FDS + 1] = {0}, closed = fd_copy(0, 100);
    struct fake fake;
    struct rpc_fds *side = open_side(&fake, NULL);
    struct arena arena;
    char **names;

    (void)state;
    arena_init(&arena, 0);
    close(closed);
    assert_int_equal(rpc_fds_register(side, &closed, 1, &arena, &names, NULL), -EBADF);
    assert_int_equal(rpc_fds_register(side, fds, FRAME_MAX_FDS + 1, &arena, &names, NULL), -EMFILE);
    assert_false(rpc_fds_broken(side));
    assert_int_equal(rpc_fds_register(side, fds, 1, &arena, &names, NULL), 0);
    arena_done(&arena);
    rpc_fds_close(side);
    fake_stop(&fake);
}

/* --- broken ones --- */

static void read_some(struct fake_talk *talk)
{
    char data[4096];

    if (fake_wait(talk))
        (void)!recv(talk->sock, data, sizeof(data), 0);
}

static void close_at_once(struct fake_talk *talk)
{
    (void)talk;
}

static void say_garbage(struct fake_talk *talk)
{
    read_some(talk);
    fake_raw(talk, "\377\377\377\377\377\377\377\377", 8);
    fake_mute(talk);
}

static void say_half(struct fake_talk *talk)
{
    read_some(talk);
    fake_raw(talk, "\0\0\0\20\22", 5);
}

static void say_what_was_not_asked(struct fake_talk *talk)
{
    read_some(talk);
    fake_reply(talk, "FdRegister", 0, -1);
    fake_mute(talk);
}

static void say_no_reply(struct fake_talk *talk)
{
    struct frame_writer *writer = frame_writer_new(0);

    read_some(talk);
    frame_writer_add(writer, "FdReply", "\377\377\377", 3, NULL, 0);
    frame_writer_flush(writer, talk->sock);
    frame_writer_free(writer);
    fake_mute(talk);
}

static void part(struct fake_talk *talk)
{
    struct frame_writer *writer = frame_writer_new(0);

    read_some(talk);
    frame_writer_add_disconnect(writer);
    frame_writer_flush(writer, talk->sock);
    frame_writer_free(writer);
    fake_mute(talk);
}

static const struct broken {
    void (*script)(struct fake_talk *talk);
    int code;
} brokens[] = {
    {close_at_once, 0},      {say_garbage, -EMSGSIZE},
    {say_half, -EPROTO},     {say_what_was_not_asked, -EPROTO},
    {say_no_reply, -EPROTO}, {part, -EPROTO},
    {fake_mute, -ETIMEDOUT},
};

static void gives_up_what_is_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(brokens) / sizeof(brokens[0]); i++) {
        struct fake fake;
        struct rpc_fds *side = open_side(&fake, brokens[i].script);
        struct crib_error error = {0};
        struct arena arena;
        char **names;
        int fd = 0, fds[FRAME_MAX_FDS], r;

        arena_init(&arena, 0);
        r = rpc_fds_register(side, &fd, 1, &arena, &names, &error);
        assert_int_equal(r, error.code);
        if (r >= 0 || (brokens[i].code && r != brokens[i].code))
            fail_msg("%zu: %d: %s", i, r, error.detail);
        assert_true(rpc_fds_broken(side));
        assert_int_equal(rpc_fds_register(side, &fd, 1, &arena, &names, NULL), -ENOTCONN);
        assert_int_equal(take(side, fds, NULL), -ENOTCONN);
        assert_int_equal(rpc_fds_release(side, names, 1), -ENOTCONN);
        arena_done(&arena);
        rpc_fds_close(side);
        fake_stop(&fake);
    }
}

/* More fds than were asked for are closed, and so is what an error brings along. */
static void hand_out_too_much(struct fake_talk *talk)
{
    for (int i = 0; i < 2; i++) {
        read_some(talk);
        fake_reply(talk, "FdReply", i == 0 ? 0 : 7, talk->sock);
    }
    fake_mute(talk);
}

static void keeps_no_fd_that_it_did_not_ask_for(void **state)
{
    struct fake fake;
    struct rpc_fds *side = open_side(&fake, hand_out_too_much);
    struct arena arena;
    char **names;
    int fd = 0, fds[FRAME_MAX_FDS];

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(rpc_fds_register(side, &fd, 1, &arena, &names, NULL), 0);
    assert_int_equal(take(side, fds, NULL), -EACCES);
    arena_done(&arena);
    rpc_fds_close(side);
    fake_stop(&fake); /* the runner counts what is open now */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_and_releases),
        cmocka_unit_test(names_are_its_own),
        cmocka_unit_test(takes),
        cmocka_unit_test(refuses_what_it_cannot_hand_over),
        cmocka_unit_test(gives_up_what_is_broken),
        cmocka_unit_test(keeps_no_fd_that_it_did_not_ask_for),
    };

    return test_run(tests);
}
