/* SPDX-License-Identifier: Apache-2.0 */
/* The fd side as its clients see it: names, their owners, and what is refused with an answer. */
#include "fdside_client.h"

static void registered_and_found(void **state)
{
    char *names[] = {(char *)"out", (char *)"err"}, *again[] = {(char *)"out"};
    struct stat asked, found;
    struct fixture f;
    struct client c;
    int pair[2], fd;

    (void)state;
    set_up(&f);
    connect_as(&f, &c, ALICE);
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    assert_int_equal(send_names(&c, names, 2, pair, 2), CODE_OK);
    assert_int_equal(f.charged[0], 2);
    fd = fdside_find(f.side, ALICE, "out");
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fstat(pair[0], &asked), 0);
    assert_int_equal(fstat(fd, &found), 0);
    assert_int_equal(asked.st_ino, found.st_ino);
    assert_true(fdside_find(f.side, ALICE, "err") >= 0);
    assert_int_equal(fdside_find(f.side, ALICE, "ou"), -ENOENT);
    assert_int_equal(fdside_find(f.side, ALICE, ""), -ENOENT);
    assert_int_equal(give_back(&c, again, 1), CODE_OK);
    assert_int_equal(fdside_find(f.side, ALICE, "out"), -ENOENT);
    assert_int_equal(f.charged[0], 1);
    assert_int_equal(bring(&c, "out", pair[1]), CODE_OK);
    leave(&c);
    assert_int_equal(f.ended, 1);
    assert_int_equal(fdside_find(f.side, ALICE, "err"), -ENOENT);
    close(pair[0]);
    close(pair[1]);
    tear_down(&f);
}

/* Fds die with the connection that has brought them, not with another one. */
static void of_connections(void **state)
{
    char *name[] = {(char *)"n"};
    struct fixture f;
    struct client first, second;

    (void)state;
    set_up(&f);
    connect_as(&f, &first, ALICE);
    connect_as(&f, &second, ALICE);
    assert_int_equal(bring(&first, "n", 2), CODE_OK);
    assert_int_equal(bring(&second, "n", 2), CODE_ALREADY_EXISTS);
    assert_int_equal(bring(&second, "m", 2), CODE_OK);
    leave(&second);
    assert_true(fdside_find(f.side, ALICE, "n") >= 0);
    assert_int_equal(fdside_find(f.side, ALICE, "m"), -ENOENT);
    connect_as(&f, &second, ALICE);
    assert_int_equal(give_back(&second, name, 1), CODE_OK);
    assert_int_equal(fdside_find(f.side, ALICE, "n"), -ENOENT);
    assert_int_equal(f.charged[0], 0);
    leave(&first);
    leave(&second);
    tear_down(&f);
}

static void of_others_nothing_is_seen(void **state)
{
    char *name[] = {(char *)"n"};
    struct fixture f;
    struct client alice, bob;
    int fd;

    (void)state;
    set_up(&f);
    connect_as(&f, &alice, ALICE);
    connect_as(&f, &bob, BOB);
    assert_int_equal(bring(&alice, "n", 2), CODE_OK);
    assert_int_equal(fdside_find(f.side, BOB, "n"), -ENOENT);
    assert_int_equal(give_back(&bob, name, 1), CODE_NOT_FOUND);
    assert_int_equal(bring(&bob, "n", 2), CODE_OK); /* nor that the name is taken */
    fd = fdside_find(f.side, ALICE, "n");
    assert_true(fd >= 0 && fd != fdside_find(f.side, BOB, "n"));
    leave(&alice);
    assert_true(fdside_find(f.side, BOB, "n") >= 0);
    leave(&bob);
    tear_down(&f);
}

static void wrong_counts_and_names(void **state)
{
    static const char *const bad[] = {"",
                                      "a b",
                                      "a/b",
                                      "\xc3\xa4",
                                      "a\n",
                                      "0123456789012345678901234567890123456789012345678901234567"
                                      "890123"};
    char *names[] = {(char *)"a", (char *)"b", (char *)"a"};
    char longest[FDSIDE_MAX_NAME + 1];
    int fds[] = {0, 1, 2};
    struct fixture f;
    struct client c;

    (void)state;
    set_up(&f);
    connect_as(&f, &c, ALICE);
    assert_int_equal(send_names(&c, names, 2, fds, 1), CODE_INVALID_ARGUMENT);
    assert_int_equal(send_names(&c, names, 1, fds, 2), CODE_INVALID_ARGUMENT);
    assert_int_equal(send_names(&c, names, 1, NULL, 0), CODE_INVALID_ARGUMENT);
    assert_int_equal(send_names(&c, NULL, 0, NULL, 0), CODE_INVALID_ARGUMENT);
    assert_int_equal(send_names(&c, names, 3, fds, 3), CODE_ALREADY_EXISTS);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(bring(&c, bad[i], 2), CODE_INVALID_ARGUMENT);
    assert_int_equal(f.charged[0], 0);
    memset(longest, 'x', FDSIDE_MAX_NAME);
    longest[FDSIDE_MAX_NAME] = '\0';
    assert_int_equal(bring(&c, longest, 2), CODE_OK);
    assert_true(fdside_find(f.side, ALICE, longest) >= 0);
    leave(&c);
    tear_down(&f);
}

static void release_is_all_or_nothing(void **state)
{
    char *names[] = {(char *)"a", (char *)"b", (char *)"c"};
    char *twice[] = {(char *)"a", (char *)"b", (char *)"a"};
    int fds[] = {0, 1};
    struct fixture f;
    struct client c;

    (void)state;
    set_up(&f);
    connect_as(&f, &c, ALICE);
    assert_int_equal(send_names(&c, names, 2, fds, 2), CODE_OK);
    assert_int_equal(give_back(&c, names, 3), CODE_NOT_FOUND);
    assert_int_equal(give_back(&c, twice, 3), CODE_NOT_FOUND);
    assert_int_equal(f.charged[0], 2);
    assert_int_equal(give_back(&c, names, 2), CODE_OK);
    assert_int_equal(f.charged[0], 0);
    assert_int_equal(give_back(&c, NULL, 0), CODE_OK);
    leave(&c);
    tear_down(&f);
}

static void fds_that_are_refused(void **state)
{
    int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), path = open("/", O_PATH | O_CLOEXEC),
        both[] = {2, dir};
    char *names[] = {(char *)"a", (char *)"b"};
    struct fixture f;
    struct client c;

    (void)state;
    set_up(&f);
    connect_as(&f, &c, ALICE);
    assert_int_equal(bring(&c, "n", dir), CODE_INVALID_ARGUMENT);
    test_contains(c.why, "directory");
    assert_int_equal(bring(&c, "n", path), CODE_INVALID_ARGUMENT);
    test_contains(c.why, "O_PATH");
    assert_int_equal(send_names(&c, names, 2, both, 2), CODE_INVALID_ARGUMENT);
    assert_int_equal(fdside_find(f.side, ALICE, "a"), -ENOENT);
    assert_int_equal(f.charged[0], 0);
    close(dir);
    close(path);
    leave(&c);
    tear_down(&f);
}

static void odd_requests(void **state)
{
    static const uint8_t nul[] = {0x0a, 3, 'a', 0, 'b'}, unknown[] = {0x0a, 1, 'a', 0x10, 1},
                         cut[] = {0x0a, 9, 'a'};
    Crib__FdRelease release = CRIB__FD_RELEASE__INIT;
    char *name[] = {(char *)"a"};
    struct fixture f;
    struct client c;
    int fd = 2;

    (void)state;
    set_up(&f);
    connect_as(&f, &c, ALICE);
    send_raw(&c, "FdRegister", nul, sizeof(nul), &fd, 1);
    assert_int_equal(reply(&c), CODE_INVALID_ARGUMENT);
    send_raw(&c, "FdRegister", unknown, sizeof(unknown), &fd, 1);
    assert_int_equal(reply(&c), CODE_INVALID_ARGUMENT);
    send_raw(&c, "FdRegister", cut, sizeof(cut), &fd, 1);
    assert_int_equal(reply(&c), CODE_INVALID_ARGUMENT);
    send_raw(&c, "crib.FdRegister", NULL, 0, &fd, 1);
    assert_int_equal(reply(&c), CODE_UNIMPLEMENTED);
    send_raw(&c, "FdReply", NULL, 0, NULL, 0);
    assert_int_equal(reply(&c), CODE_UNIMPLEMENTED);
    release.names = name;
    release.n_names = 1;
    assert_int_equal(bring(&c, "a", 2), CODE_OK);
    send_message(&c, "FdRelease", &release.base, &fd, 1);
    assert_int_equal(reply(&c), CODE_INVALID_ARGUMENT);
    assert_int_equal(f.charged[0], 1);
    leave(&c);
    tear_down(&f);
}

static int ask_to_take(struct client *c)
{
    Crib__FdTake request = CRIB__FD_TAKE__INIT;

    request.task = 7;
    request.what = CRIB__FD_TAKE__WHAT__MESSAGE;
    request.message = 3;
    send_message(c, "FdTake", &request.base, NULL, 0);
    return reply(c);
}

static void taking(void **state)
{
    struct fixture f;
    struct client c;

    (void)state;
    set_up(&f);
    connect_as(&f, &c, ALICE);
    f.take_count = FRAME_MAX_FDS;
    assert_int_equal(ask_to_take(&c), CODE_OK);
    assert_int_equal(c.nfds, FRAME_MAX_FDS);
    for (size_t i = 0; i < c.nfds; i++) {
        assert_int_equal(fcntl(c.fds[i], F_GETFL) & O_ACCMODE, O_RDWR);
        close(c.fds[i]);
    }
    f.take_count = FRAME_MAX_FDS + 1;
    assert_int_equal(ask_to_take(&c), CODE_RESOURCE_EXHAUSTED);
    f.take_code = CODE_NOT_FOUND;
    assert_int_equal(ask_to_take(&c), CODE_NOT_FOUND);
    assert_string_equal(c.why, "because");
    assert_int_equal(c.nfds, 0);
    leave(&c);
    tear_down(&f);
}

static void over_the_quota(void **state)
{
    char name[16], *names[FRAME_MAX_FDS];
    static char text[FRAME_MAX_FDS][16];
    int fds[FRAME_MAX_FDS];
    struct fixture f;
    struct client alice, bob;

    (void)state;
    set_up(&f);
    connect_as(&f, &alice, ALICE);
    connect_as(&f, &bob, BOB);
    for (int i = 0; i < QUOTA - 10; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        assert_int_equal(bring(&alice, name, 2), CODE_OK);
    }
    for (int i = 0; i < FRAME_MAX_FDS; i++) {
        snprintf(text[i], sizeof(text[i]), "m%d", i);
        names[i] = text[i];
        fds[i] = 2;
    }
    assert_int_equal(send_names(&alice, names, 11, fds, 11), CODE_RESOURCE_EXHAUSTED);
    assert_int_equal(fdside_find(f.side, ALICE, "m0"), -ENOENT); /* all or none */
    assert_int_equal(send_names(&alice, names, 10, fds, 10), CODE_OK);
    assert_int_equal(bring(&alice, "one", 2), CODE_RESOURCE_EXHAUSTED);
    assert_int_equal(send_names(&bob, names, FRAME_MAX_FDS, fds, FRAME_MAX_FDS), CODE_OK);
    assert_int_equal(give_back(&alice, names, 1), CODE_OK);
    assert_int_equal(bring(&alice, "one", 2), CODE_OK);
    leave(&alice);
    leave(&bob);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registered_and_found),
        cmocka_unit_test(of_connections),
        cmocka_unit_test(of_others_nothing_is_seen),
        cmocka_unit_test(wrong_counts_and_names),
        cmocka_unit_test(release_is_all_or_nothing),
        cmocka_unit_test(fds_that_are_refused),
        cmocka_unit_test(odd_requests),
        cmocka_unit_test(taking),
        cmocka_unit_test(over_the_quota),
    };

    warm_up();
    return test_run(tests);
}
