/* SPDX-License-Identifier: Apache-2.0 */
/* crib test on a terminal: one line that says how far it is, and is gone at the end. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

#define ERASE       "\r\033[K"
#define PATIENCE_MS 60000

static const char text[] = "cases:\n"
                           "- {name: a, exec: 'true'}\n"
                           "- {name: b, exec: 'false'}\n"
                           "- {name: c, exec: 'true'}\n";

static void become_crib(const char *path, int terminal, int out)
{
    if (dup2(out, STDOUT_FILENO) < 0 || dup2(terminal, STDERR_FILENO) < 0)
        _exit(250);
    execl(cli_program("crib"), "crib", "test", "-j1", path, NULL);
    _exit(251);
}

/* Everything that comes until the terminal is closed. Return: for the caller to free. */
static char *read_terminal(int master)
{
    struct pollfd wait = {.fd = master, .events = POLLIN};
    struct buf got = {0};
    char data[256];
    ssize_t n;

    while (poll(&wait, 1, PATIENCE_MS) == 1 && (n = read(master, data, sizeof(data))) > 0)
        assert_int_equal(buf_append(&got, data, (size_t)n), 0);
    assert_int_equal(buf_append(&got, "", 1), 0);
    return (char *)got.data;
}

static void test_progress(void **state)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave, status;
    char *dir = cli_dir(), path[512], *shown, *told;
    int out = memfd_create("out", MFD_CLOEXEC);
    pid_t pid;

    (void)state;
    assert_int_equal(grantpt(master) | unlockpt(master), 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0);
    snprintf(path, sizeof(path), "%s/x.yaml", dir);
    test_write(path, text, sizeof(text) - 1, 0644);
    pid = fork();
    if (pid == 0)
        become_crib(path, slave, out);
    fd_close(&slave);
    shown = read_terminal(master);
    kill(pid, SIGKILL); /* it has closed its terminal, and so has ended */
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);

    test_contains(shown, ERASE "[0/3]");
    test_contains(shown, ERASE "[1/3]");
    test_contains(shown, ERASE "[2/3] 1 failed");
    test_contains(shown, ERASE "[3/3] 1 failed");
    assert_string_equal(shown + strlen(shown) - strlen(ERASE), ERASE);
    assert_null(strchr(shown, '\n'));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", out);
    told = test_read(path, NULL);
    test_contains(told, "1 failed, 2 of 3 passed");
    assert_null(strchr(told, '\r'));
    free(told);
    free(shown);
    free(dir);
    fd_close(&master);
    fd_close(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_progress)};

    return test_run(tests);
}
