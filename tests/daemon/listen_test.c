/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/listen.h"

struct fixture {
    char *dir;
    char path[200], lock[220];
    struct crib_error error;
};

static void start(struct fixture *f)
{
    f->dir = test_dir();
    snprintf(f->path, sizeof(f->path), "%s/s", f->dir);
    snprintf(f->lock, sizeof(f->lock), "%s.lock", f->path);
}

static int reach(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    r = connect(sock, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    close(sock);
    return r;
}

/* A socket file without a lock, made by somebody else. */
static int bind_there(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int sock = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(bind(sock, (const struct sockaddr *)&address, sizeof(address)), 0);
    return sock;
}

static void made_and_removed(void **state)
{
    struct fixture f;
    struct listener listener;
    struct stat st;
    mode_t before = umask(077);

    (void)state;
    start(&f);
    assert_int_equal(listen_path(f.path, 0660, &listener, &f.error), 0);
    assert_int_equal(umask(before), 077);
    assert_int_equal(lstat(f.path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0660);
    assert_int_equal(fcntl(listener.sock, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(listener.lock, F_GETFD), FD_CLOEXEC);
    assert_true(fcntl(listener.sock, F_GETFL) & O_NONBLOCK);
    assert_int_equal(reach(f.path), 0);
    listen_done(&listener);
    assert_int_equal(lstat(f.path, &st), -1);
    assert_int_equal(lstat(f.lock, &st), -1);
    listen_done(&listener);
    free(f.dir);
}

/* A daemon in a process of its own, killed. */
static void leave_a_dead_one(const char *path)
{
    struct listener listener;
    pid_t pid = fork();
    int status = -1;

    if (pid == 0)
        _exit(listen_path(path, 0600, &listener, NULL) == 0 ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void a_dead_ones_file_is_replaced(void **state)
{
    struct fixture f;
    struct listener listener;
    struct stat st;

    (void)state;
    start(&f);
    leave_a_dead_one(f.path);
    assert_int_equal(lstat(f.path, &st), 0);
    assert_int_equal(lstat(f.lock, &st), 0);
    assert_int_equal(reach(f.path), -ECONNREFUSED);
    assert_int_equal(listen_path(f.path, 0600, &listener, &f.error), 0);
    assert_int_equal(reach(f.path), 0);
    listen_done(&listener);
    free(f.dir);
}

static void a_living_one_is_left_alone(void **state)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    struct fixture f;
    struct listener first, second;
    struct stat st;

    (void)state;
    start(&f);
    assert_int_equal(listen_path(f.path, 0600, &first, &f.error), 0);
    assert_int_equal(listen_path(f.path, 0600, &second, &f.error), -EADDRINUSE);
    test_contains(f.error.detail, "lock");
    assert_int_equal(reach(f.path), 0);
    listen_done(&first);
    /* Somebody who knows nothing of the lock. */
    for (size_t i = 0; i < 3; i++) {
        int sock = bind_there(f.path, types[i]);

        if (types[i] != SOCK_DGRAM)
            assert_int_equal(listen(sock, 0), 0);
        assert_int_equal(listen_path(f.path, 0600, &second, &f.error), -EADDRINUSE);
        assert_int_equal(lstat(f.path, &st), 0);
        assert_int_equal(lstat(f.lock, &st), -1);
        close(sock);
        assert_int_equal(unlink(f.path), 0);
    }
    free(f.dir);
}

static void other_things_are_left_alone(void **state)
{
    struct fixture f;
    struct listener listener;
    struct stat st;
    char target[220];
    char *text;

    (void)state;
    start(&f);
    test_write(f.path, "precious", 8, 0600);
    assert_int_equal(listen_path(f.path, 0600, &listener, &f.error), -EEXIST);
    text = test_read(f.path, NULL);
    assert_string_equal(text, "precious");
    free(text);
    assert_int_equal(unlink(f.path), 0);

    /* A symlink, also to the socket of a dead one. */
    snprintf(target, sizeof(target), "%s/target", f.dir);
    leave_a_dead_one(target);
    assert_int_equal(symlink(target, f.path), 0);
    assert_int_equal(listen_path(f.path, 0600, &listener, &f.error), -EEXIST);
    assert_int_equal(lstat(f.path, &st), 0);
    assert_int_equal(lstat(target, &st), 0);
    assert_int_equal(unlink(f.path), 0);

    assert_int_equal(mkdir(f.path, 0700), 0);
    assert_int_equal(listen_path(f.path, 0600, &listener, &f.error), -EEXIST);
    assert_int_equal(rmdir(f.path), 0);
    free(f.dir);
}

static void a_lock_that_is_none(void **state)
{
    struct fixture f;
    struct listener listener;
    struct stat st;
    char target[220];

    (void)state;
    start(&f);
    snprintf(target, sizeof(target), "%s/target", f.dir);
    assert_int_equal(symlink(target, f.lock), 0);
    assert_int_equal(listen_path(f.path, 0600, &listener, &f.error), -EEXIST);
    assert_int_equal(lstat(target, &st), -1);
    assert_int_equal(unlink(f.lock), 0);
    assert_int_equal(mkfifo(f.lock, 0600), 0);
    assert_int_equal(listen_path(f.path, 0600, &listener, &f.error), -EEXIST);
    assert_int_equal(lstat(f.path, &st), -1);
    free(f.dir);
}

static void where_others_could_put_theirs(void **state)
{
    struct fixture f;
    struct listener listener;
    char long_path[300];

    (void)state;
    start(&f);
    assert_int_equal(chmod(f.dir, 0777), 0);
    assert_int_equal(listen_path(f.path, 0600, &listener, &f.error), -EPERM);
    assert_int_equal(chmod(f.dir, 0770), 0);
    assert_int_equal(listen_path(f.path, 0600, &listener, &f.error), -EPERM);
    assert_int_equal(chmod(f.dir, 01777), 0);
    assert_int_equal(listen_path(f.path, 0600, &listener, &f.error), 0);
    listen_done(&listener);
    if (geteuid() == 0) { /* its owner could */
        assert_int_equal(chmod(f.dir, 0755), 0);
        assert_int_equal(chown(f.dir, 1000, 1000), 0);
        assert_int_equal(listen_path(f.path, 0600, &listener, &f.error), -EPERM);
        assert_int_equal(chown(f.dir, 0, 0), 0);
    }
    memset(long_path, '/', sizeof(long_path));
    snprintf(long_path + 200, 100, "%s", "x");
    assert_int_equal(listen_path(long_path, 0600, &listener, &f.error), -ENAMETOOLONG);
    assert_int_equal(listen_path("", 0600, &listener, &f.error), -EINVAL);
    assert_int_equal(listen_path("/nonexistent/s", 0600, &listener, &f.error), -ENOENT);
    free(f.dir);
}

/* One that somebody has put there since is not ours to remove. */
static void done_removes_its_own(void **state)
{
    struct fixture f;
    struct listener listener;
    struct stat st;
    int other;

    (void)state;
    start(&f);
    assert_int_equal(listen_path(f.path, 0600, &listener, &f.error), 0);
    other = open(f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(renameat(other, "s", other, "kept"), 0); /* so that its number is not reused */
    test_write(f.path, "new", 3, 0600);
    listen_done(&listener);
    assert_int_equal(lstat(f.path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    close(other);
    free(f.dir);
}

/* Waits for the start, then tries; says whether it has won, and keeps what it has. */
static void race(const char *path, int go, int tell)
{
    struct listener listener;
    char byte;
    int r;

    if (read(go, &byte, 1) != 0)
        _exit(1);
    r = listen_path(path, 0600, &listener, NULL);
    byte = r == 0 ? 'w' : r == -EADDRINUSE ? 'l' : '?';
    if (write(tell, &byte, 1) == 1)
        pause();
    _exit(1);
}

static void many_start_at_once(void **state)
{
    enum { RACERS = 8 };
    struct fixture f;

    (void)state;
    start(&f);
    for (int round = 0; round < 20; round++) {
        int go[2], tell[2], winners = 0;
        pid_t pids[RACERS];
        char byte;

        leave_a_dead_one(f.path);
        assert_int_equal(pipe2(go, O_CLOEXEC), 0);
        assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
        for (int i = 0; i < RACERS; i++) {
            pids[i] = fork();
            if (pids[i] == 0) {
                close(go[1]);
                race(f.path, go[0], tell[1]);
            }
        }
        close(go[0]);
        close(go[1]);
        for (int i = 0; i < RACERS; i++) {
            assert_int_equal(read(tell[0], &byte, 1), 1);
            assert_true(byte == 'w' || byte == 'l');
            winners += byte == 'w';
        }
        assert_int_equal(winners, 1);
        assert_int_equal(reach(f.path), 0);
        for (int i = 0; i < RACERS; i++) {
            kill(pids[i], SIGKILL);
            waitpid(pids[i], NULL, 0);
        }
        close(tell[0]);
        close(tell[1]);
    }
    free(f.dir);
}

/* In a process of its own: fd 3, and the variables. Return: what listen_inherited() does. */
static int inherited(int sock, const char *pid, const char *fds)
{
    struct listener listener = {.sock = -1, .lock = -1};
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        char own[32];
        int r;

        snprintf(own, sizeof(own), "%d", (int)getpid());
        if (sock >= 0)
            dup2(sock, 3);
        else
            close(3);
        setenv("LISTEN_PID", strcmp(pid, "own") == 0 ? own : pid, 1);
        setenv("LISTEN_FDS", fds, 1);
        setenv("LISTEN_FDNAMES", "x", 1);
        r = listen_inherited(&listener, NULL);
        if (getenv("LISTEN_PID") || getenv("LISTEN_FDS") || getenv("LISTEN_FDNAMES"))
            _exit(100);
        if (r == 1 && (listener.sock != 3 || fcntl(3, F_GETFD) != FD_CLOEXEC ||
                       !(fcntl(3, F_GETFL) & O_NONBLOCK) || listener.path))
            _exit(101);
        listen_done(&listener);
        _exit(r == 1 ? 1 : -r);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status) == 1 ? 1 : -WEXITSTATUS(status);
}

static void handed_over(void **state)
{
    struct fixture f;
    int stream, idle, datagram, pair[2];
    struct stat st;

    (void)state;
    start(&f);
    stream = bind_there(f.path, SOCK_STREAM);
    idle = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    datagram = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(listen(stream, 5), 0);
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    assert_int_equal(inherited(stream, "own", "1"), 1);
    assert_int_equal(lstat(f.path, &st), 0); /* not ours to remove */
    assert_int_equal(inherited(stream, "1", "1"), 0);
    assert_int_equal(inherited(stream, "", "1"), 0);
    assert_int_equal(inherited(stream, "own", "0"), 0);
    assert_int_equal(inherited(stream, "own", "2"), -EINVAL);
    assert_int_equal(inherited(stream, "own", "1x"), -EINVAL);
    assert_int_equal(inherited(stream, "own", "-1"), -EINVAL);
    assert_int_equal(inherited(idle, "own", "1"), -EINVAL);
    assert_int_equal(inherited(datagram, "own", "1"), -EINVAL);
    assert_int_equal(inherited(pair[0], "own", "1"), -EINVAL);
    assert_int_equal(inherited(-1, "own", "1"), -EINVAL);
    close(pair[0]);
    close(pair[1]);
    close(stream);
    close(idle);
    close(datagram);
    free(f.dir);
}

static void systemd_is_told(void **state)
{
    struct fixture f;
    char got[64] = "";
    int sock;

    (void)state;
    start(&f);
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(listen_notify("READY=1"), 0);
    sock = bind_there(f.path, SOCK_DGRAM);
    setenv("NOTIFY_SOCKET", f.path, 1);
    assert_int_equal(listen_notify("READY=1"), 0);
    assert_int_equal(recv(sock, got, sizeof(got), MSG_DONTWAIT), 7);
    assert_string_equal(got, "READY=1");
    close(sock);
    assert_int_equal(listen_notify("READY=1"), -ECONNREFUSED);
    setenv("NOTIFY_SOCKET", "relative", 1);
    assert_int_equal(listen_notify("READY=1"), -EAFNOSUPPORT);
    unsetenv("NOTIFY_SOCKET");
    free(f.dir);
}

static void abstract_notify_socket(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(sa_family_t); /* the kernel picks a name */
    char name[64] = "@", got[64] = "";
    int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_int_equal(bind(sock, (const struct sockaddr *)&address, len), 0);
    len = sizeof(address);
    assert_int_equal(getsockname(sock, (struct sockaddr *)&address, &len), 0);
    len -= (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1;
    memcpy(name + 1, address.sun_path + 1, len);
    name[1 + len] = '\0';
    setenv("NOTIFY_SOCKET", name, 1);
    assert_int_equal(listen_notify("STOPPING=1"), 0);
    assert_int_equal(recv(sock, got, sizeof(got), MSG_DONTWAIT), 10);
    unsetenv("NOTIFY_SOCKET");
    close(sock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_and_removed),
        cmocka_unit_test(a_dead_ones_file_is_replaced),
        cmocka_unit_test(a_living_one_is_left_alone),
        cmocka_unit_test(other_things_are_left_alone),
        cmocka_unit_test(a_lock_that_is_none),
        cmocka_unit_test(where_others_could_put_theirs),
        cmocka_unit_test(done_removes_its_own),
        cmocka_unit_test(many_start_at_once),
        cmocka_unit_test(handed_over),
        cmocka_unit_test(systemd_is_told),
        cmocka_unit_test(abstract_notify_socket),
    };

    return test_run(tests);
}
