/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#define PATIENCE_MS 60000

const char *cli_program(const char *name)
{
    static char paths[4][4096];
    static unsigned next;
    char *path = paths[next++ % 4];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(paths[0]) - 64);
    char *slash;

    assert_true(n > 0);
    path[n] = '\0';
    slash = strrchr(path, '/');
    snprintf(slash + 1, 64, "%s", name);
    if (access(path, X_OK) == 0)
        return path; /* the suite was copied into one directory */
    if (strcmp(name, "worker") == 0)
        return WORKER_PATH;
    return strcmp(name, "crib") == 0 ? CRIB_PATH : MODULE_PATH;
}

/* --- the child's side, between fork and exec --- */

static void place(int fd, int at)
{
    if (fd < 0 || dup2(fd, at) < 0)
        _exit(250);
}

static int input_fd(const struct cli *cli, const int *input)
{
    if (cli->input)
        return input[0];
    return open(cli->input_file ? cli->input_file : "/dev/null", O_RDONLY);
}

static void raise_stack_limit(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_STACK, &limit);
}

static void become_crib(const struct cli *cli, const int *input, int out, int err, int result,
                        char **argv)
{
    sigset_t none;

    place(input_fd(cli, input), 0);
    place(cli->output_file ? open(cli->output_file, O_WRONLY) : out, 1);
    place(err, 2);
    if (cli->want_result)
        place(result, CLI_RESULT_FD);
    for (int fd = 0; fd <= 2; fd++)
        if (cli->closed >> fd & 1)
            close(fd);
    if (cli->large_args)
        raise_stack_limit();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (cli->before && cli->before() != 0)
        _exit(249);
    execv(argv[0], argv);
    _exit(251);
}

/* --- the test's side --- */

static char **argv_of(const struct cli *cli, const char *const *words)
{
    size_t count = 0;
    char **argv;

    while (words[count])
        count++;
    argv = calloc(count + 2, sizeof(*argv));
    assert_non_null(argv);
    argv[0] = (char *)(cli->program ? cli->program : cli_program("crib"));
    memcpy(argv + 1, words, count * sizeof(*argv));
    return argv;
}

static char *text_of(int fd)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return test_read(path, NULL);
}

static void feed(int *input, const char *text)
{
    fd_close(&input[0]);
    (void)fd_write_all(input[1], text, strlen(text)); /* it may not want all of it */
    fd_close(&input[1]);
}

static void wait_for_end(struct cli *cli)
{
    int pidfd = (int)syscall(SYS_pidfd_open, cli->pid, 0), status;
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
    bool late;

    assert_true(pidfd >= 0);
    late = poll(&poll_fd, 1, PATIENCE_MS) != 1;
    if (late)
        kill(cli->pid, SIGKILL);
    assert_int_equal(waitpid(cli->pid, &status, 0), cli->pid);
    fd_close(&pidfd);
    cli->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    if (late)
        fail_msg("crib did not end within %d s", PATIENCE_MS / 1000);
}

void cli_run(struct cli *cli, const char *const *words)
{
    int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
    int result = memfd_create("result", MFD_CLOEXEC), input[2] = {-1, -1};
    char **argv = argv_of(cli, words);

    /* Two that write to a memory file at once write over one another. */
    assert_int_equal(fcntl(out, F_SETFL, O_APPEND), 0);
    assert_int_equal(fcntl(err, F_SETFL, O_APPEND), 0);
    cli_done(cli);
    if (cli->input)
        assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    cli->out_fd = out;
    cli->err_fd = err;
    cli->result_fd = result;
    cli->pid = fork();
    assert_true(cli->pid >= 0);
    if (cli->pid == 0)
        become_crib(cli, input, out, err, result, argv);
    signal(SIGPIPE, SIG_IGN);
    if (cli->input)
        feed(input, cli->input);
    if (cli->meanwhile)
        cli->meanwhile(cli);
    wait_for_end(cli);
    cli->out = text_of(out);
    cli->err = text_of(err);
    cli->result = text_of(result);
    fd_close(&out);
    fd_close(&err);
    fd_close(&result);
    free(argv);
}

void cli_done(struct cli *cli)
{
    free(cli->out);
    free(cli->err);
    free(cli->result);
    cli->out = cli->err = cli->result = NULL;
    cli->pid = 0;
}

void cli_status(const struct cli *cli, int expected, const char *file, int line)
{
    if (cli->status != expected)
        fail_msg("%s:%d: exit status %d, not %d\nstdout: %.2000s\nstderr: %.2000s", file, line,
                 cli->status, expected, cli->out, cli->err);
}

void cli_wait_for(struct cli *cli, const char *text)
{
    uint64_t until = clock_us() + PATIENCE_MS * 1000ull;

    while (clock_us() < until) {
        char *out = text_of(cli->out_fd);
        bool there = strstr(out, text) != NULL;

        free(out);
        if (there)
            return;
        usleep(5000);
    }
    kill(cli->pid, SIGKILL);
    fail_msg("'%s' did not appear", text);
}

unsigned cli_lines(const char *text, const char *start)
{
    unsigned count = 0;

    for (const char *line = text; *line; line = *line ? line + 1 : line) {
        if (strncmp(line, start, strlen(start)) == 0)
            count++;
        line = strchrnul(line, '\n');
    }
    return count;
}

char *cli_dir(void)
{
    char *dir = test_dir();

    assert_int_equal(chmod(dir, 0777), 0);
    return dir;
}
