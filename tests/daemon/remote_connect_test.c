/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaching a daemon's socket: what is said where it cannot be reached, and where the fd lands.
 */
#include "daemon/fake.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "client/connect.h"
#include "client/rpc.h"

static int open_code(const char *path, const char *says)
{
    struct crib_error error = {0};
    struct rpc *rpc;
    char text[512];
    int r = rpc_open(NULL, path, NULL, NULL, &rpc, &error);

    if (r == 0) {
        rpc_close(rpc, NULL, NULL);
        return 0;
    }
    assert_int_equal(error.code, r);
    test_contains(crib_error_text(&error, text, sizeof(text)), says);
    return r;
}

static void says_why_it_cannot_connect(void **state)
{
    char *dir = test_dir(), path[300], longer[400];
    int sock;

    (void)state;
    snprintf(path, sizeof(path), "%s/none", dir);
    assert_int_equal(open_code(path, "start cribd"), -ENOENT);
    snprintf(longer, sizeof(longer), "%s/%0150d", dir, 0);
    assert_int_equal(open_code(longer, "at most"), -ENAMETOOLONG);
    assert_int_equal(open_code("", "empty"), -EINVAL);
    sock = fake_listen(path);
    assert_int_equal(open_code(path, ""), 0);
    close(sock);
    assert_int_equal(open_code(path, "nobody listens"), -ECONNREFUSED);
    free(dir);
}

static int connect_as_another(const char *path)
{
    struct crib_error error;
    int status = -1, fd;
    pid_t pid = fork();

    if (pid == 0) {
        if (geteuid() == 0 && setresuid(1000, 1000, 1000) < 0)
            _exit(1);
        fd = connect_path(path, clock_us() + 5000000, &error);
        _exit(fd == -EACCES && strstr(error.detail, "may not connect") ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void says_that_it_may_not_connect(void **state)
{
    char *dir = test_dir(), path[300];
    int sock;

    (void)state;
    assert_int_equal(chmod(dir, 0755), 0);
    snprintf(path, sizeof(path), "%s/sock", dir);
    sock = fake_listen(path);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(connect_as_another(path), 0);
    close(sock);
    free(dir);
}

static void gives_up_where_nobody_accepts(void **state)
{
    char *dir = test_dir(), path[300];
    int sock, fds[64], count = 0, r;
    struct crib_error error;

    (void)state;
    snprintf(path, sizeof(path), "%s/sock", dir);
    sock = fake_listen(path);
    listen(sock, 1);
    while ((r = connect_path(path, clock_us() + 300000, &error)) >= 0 && count < 64)
        fds[count++] = r;
    assert_int_equal(r, -ETIMEDOUT);
    while (count)
        close(fds[--count]);
    close(sock);
    free(dir);
}

static void stays_above_the_standard_fds(void **state)
{
    struct fake fake = {0};
    struct crib_error error;
    int kept = fd_copy(0, 10), fd;

    (void)state;
    fake_start(&fake, fake_mute);
    close(0);
    fd = connect_path(fake.path, clock_us() + 5000000, &error);
    assert_true(fd > 2);
    assert_int_equal(dup2(kept, 0), 0);
    close(kept);
    close(fd);
    fake_stop(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_why_it_cannot_connect),
        cmocka_unit_test(says_that_it_may_not_connect),
        cmocka_unit_test(gives_up_where_nobody_accepts),
        cmocka_unit_test(stays_above_the_standard_fds),
    };

    return test_run(tests);
}
