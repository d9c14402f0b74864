/* SPDX-License-Identifier: Apache-2.0 */
/* crib_child_accept(), from sockets that listen and from a primary that hands connections over. */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "crib/child.h"
#include "wire/rights.h"

/* Return: the primary's end; the worker's in @ret_fd. */
static int hand_over(int *ret_fd)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    *ret_fd = ends[1];
    return ends[0];
}

static void give(int primary, const char *byte, int connection)
{
    assert_int_equal(rights_send(primary, byte, 1, &connection, 1), 1);
}

/* A socket of any kind, to be told from others. */
static int a_connection(int *ret_client)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    *ret_client = ends[0];
    return ends[1];
}

static bool same(int one, int other)
{
    struct stat a, b;

    assert_int_equal(fstat(one, &a), 0);
    assert_int_equal(fstat(other, &b), 0);
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void must_be_blocking(int fd)
{
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static void test_takes_what_is_handed_over(void **state)
{
    int worker, primary = hand_over(&worker), client, connection = a_connection(&client);
    char got[4];

    (void)state;
    fcntl(worker, F_SETFL, O_NONBLOCK);
    assert_int_equal(crib_child_accept(worker), -EAGAIN);
    for (int i = 0; i < 3; i++)
        give(primary, &"abc"[i], connection);
    for (int i = 0; i < 3; i++) {
        int fd = crib_child_accept(worker);

        assert_true(fd >= 0);
        assert_true(same(fd, connection));
        must_be_blocking(fd);
        fd_close(&fd);
        /* Each is acknowledged with its own byte, when it is taken and not before. */
        assert_int_equal(recv(primary, got, sizeof(got), MSG_DONTWAIT), 1);
        assert_int_equal(got[0], "abc"[i]);
        assert_int_equal(recv(primary, got, sizeof(got), MSG_DONTWAIT), -1);
    }
    assert_int_equal(crib_child_accept(worker), -EAGAIN);
    fd_close(&client);
    fd_close(&connection);
    fd_close(&worker);
    fd_close(&primary);
}

static void test_takes_the_rest_when_the_primary_is_gone(void **state)
{
    int worker, primary = hand_over(&worker), client, connection = a_connection(&client), fd;

    (void)state;
    for (int i = 0; i < 3; i++)
        give(primary, "x", connection);
    fd = crib_child_accept(worker);
    assert_true(fd >= 0);
    fd_close(&fd);
    fd_close(&primary); /* without reading what was acknowledged: an error of ours, once */
    for (int i = 0; i < 2; i++) {
        fd = crib_child_accept(worker);
        assert_true(fd >= 0);
        assert_true(same(fd, connection));
        fd_close(&fd);
    }
    assert_int_equal(crib_child_accept(worker), -ECONNABORTED);
    assert_int_equal(crib_child_accept(worker), -ECONNABORTED);
    fd_close(&client);
    fd_close(&connection);
    fd_close(&worker);
}

static void test_a_primary_that_reads_nothing_stops_nobody(void **state)
{
    int worker, primary = hand_over(&worker), client, connection = a_connection(&client);

    (void)state;
    fcntl(primary, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 2000; i++) { /* more than its socket takes */
        int fd;

        give(primary, "x", connection);
        fd = crib_child_accept(worker);
        assert_true(fd >= 0);
        fd_close(&fd);
    }
    fd_close(&client);
    fd_close(&connection);
    fd_close(&worker);
    fd_close(&primary);
}

static void test_what_is_no_connection(void **state)
{
    int worker, primary = hand_over(&worker), null = open("/dev/null", O_RDONLY | O_CLOEXEC), fd;
    int many[RIGHTS_MAX], before = test_count_fds(getpid());
    char byte;

    (void)state;
    for (int i = 0; i < RIGHTS_MAX; i++)
        many[i] = null;
    assert_int_equal(rights_send(primary, "x", 1, NULL, 0), 1);
    assert_int_equal(rights_send(primary, "x", 1, many, 2), 1);
    assert_int_equal(rights_send(primary, "x", 1, many, RIGHTS_MAX), 1);
    assert_int_equal(rights_send(primary, "xx", 2, many, 1), 2);
    assert_int_equal(rights_send(primary, "", 0, many, 1), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(crib_child_accept(worker), -EPROTO);
        assert_int_equal(test_count_fds(getpid()), before);
    }
    assert_int_equal(recv(primary, &byte, 1, MSG_DONTWAIT), -1); /* nor is it acknowledged */
    give(primary, "x", worker);
    fd = crib_child_accept(worker);
    assert_true(fd >= 0);
    fd_close(&fd);
    fd_close(&null);
    fd_close(&worker);
    fd_close(&primary);
}

/* As with accept(2), the connection is still there afterwards. */
static void test_a_process_that_can_open_no_more(void **state)
{
    int worker, primary = hand_over(&worker), client, connection = a_connection(&client), fd;
    struct rlimit before, none;

    (void)state;
    give(primary, "x", connection);
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    fd = crib_child_accept(worker);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(fd, -EMFILE);
    fd = crib_child_accept(worker);
    assert_true(fd >= 0);
    assert_true(same(fd, connection));
    fd_close(&fd);
    fd_close(&client);
    fd_close(&connection);
    fd_close(&worker);
    fd_close(&primary);
}

static int interruptions;

static void interrupted(int signo)
{
    (void)signo;
    __atomic_add_fetch(&interruptions, 1, __ATOMIC_SEQ_CST);
}

struct giver {
    int primary, connection;
};

/* Has the test's thread interrupted three times before it is given anything. */
static void *interrupt_then_give(void *data)
{
    struct giver *giver = data;
    sigset_t alarm;

    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm, NULL);
    while (__atomic_load_n(&interruptions, __ATOMIC_SEQ_CST) < 3)
        usleep(1000);
    give(giver->primary, "x", giver->connection);
    return NULL;
}

static void test_signals_do_not_disturb(void **state)
{
    struct sigaction action = {.sa_handler = interrupted}, old;
    struct itimerval often = {{0, 5000}, {0, 5000}}, never = {{0, 0}, {0, 0}};
    struct giver giver;
    int worker, client, fd;
    pthread_t thread;

    (void)state;
    giver.primary = hand_over(&worker);
    giver.connection = a_connection(&client);
    assert_int_equal(sigaction(SIGALRM, &action, &old), 0); /* without SA_RESTART */
    assert_int_equal(pthread_create(&thread, NULL, interrupt_then_give, &giver), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    fd = crib_child_accept(worker);
    setitimer(ITIMER_REAL, &never, NULL);
    pthread_join(thread, NULL);
    sigaction(SIGALRM, &old, NULL);
    assert_true(fd >= 0);
    assert_true(same(fd, giver.connection));
    fd_close(&fd);
    fd_close(&client);
    fd_close(&giver.connection);
    fd_close(&giver.primary);
    fd_close(&worker);
}

/* A socket of this kind that listens, and where. */
static int a_listener(int family, int type, struct sockaddr_storage *ret, socklen_t *ret_size)
{
    int fd = socket(family, type | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    *ret = (struct sockaddr_storage){.ss_family = (sa_family_t)family};
    if (family == AF_INET)
        ((struct sockaddr_in *)ret)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *ret_size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(sa_family_t);
    assert_int_equal(bind(fd, (struct sockaddr *)ret, *ret_size), 0);
    assert_int_equal(listen(fd, 5), 0);
    *ret_size = sizeof(*ret);
    assert_int_equal(getsockname(fd, (struct sockaddr *)ret, ret_size), 0);
    return fd;
}

static void test_accepts_from_what_listens(void **state)
{
    static const int kinds[][2] = {
        {AF_INET, SOCK_STREAM}, {AF_UNIX, SOCK_STREAM}, {AF_UNIX, SOCK_SEQPACKET}};

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct sockaddr_storage where;
        socklen_t size;
        int listener = a_listener(kinds[i][0], kinds[i][1], &where, &size);
        int client = socket(kinds[i][0], kinds[i][1] | SOCK_CLOEXEC, 0), fd;
        char byte = 0;

        assert_int_equal(connect(client, (struct sockaddr *)&where, size), 0);
        fd = crib_child_accept(listener);
        assert_true(fd >= 0);
        must_be_blocking(fd);
        assert_int_equal(send(client, "x", 1, 0), 1);
        assert_int_equal(recv(fd, &byte, 1, 0), 1);
        assert_int_equal(byte, 'x');
        fd_close(&fd);
        fcntl(listener, F_SETFL, O_NONBLOCK);
        assert_int_equal(crib_child_accept(listener), -EAGAIN);
        fcntl(listener, F_SETFL, 0);
        assert_int_equal(shutdown(listener, SHUT_RDWR), 0);
        assert_int_equal(crib_child_accept(listener), -ECONNABORTED);
        fd_close(&client);
        fd_close(&listener);
    }
}

static void test_what_nothing_comes_from(void **state)
{
    int pipes[2], datagrams = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_int_equal(crib_child_accept(-1), -EBADF);
    assert_int_equal(crib_child_accept(pipes[0]), -ENOTSOCK);
    assert_int_equal(crib_child_accept(datagrams), -EOPNOTSUPP);
    fd_close(&pipes[0]);
    fd_close(&pipes[1]);
    fd_close(&datagrams);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_what_is_handed_over),
        cmocka_unit_test(test_takes_the_rest_when_the_primary_is_gone),
        cmocka_unit_test(test_a_primary_that_reads_nothing_stops_nobody),
        cmocka_unit_test(test_what_is_no_connection),
        cmocka_unit_test(test_a_process_that_can_open_no_more),
        cmocka_unit_test(test_signals_do_not_disturb),
        cmocka_unit_test(test_accepts_from_what_listens),
        cmocka_unit_test(test_what_nothing_comes_from),
    };

    return test_run(tests);
}
