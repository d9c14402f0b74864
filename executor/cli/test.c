/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/command.h"
#include "cli/say.h"
#include "harness/run.h"

static int say_text(void *data, const char *text, size_t len)
{
    (void)data;
    return say_out(text, len);
}

/* One line on the terminal, written over by the next. */
static void show_progress(void *data, const char *text, size_t len)
{
    (void)data;
    (void)fd_write_all(STDERR_FILENO, "\r\033[K", 4);
    if (text)
        (void)fd_write_all(STDERR_FILENO, text, len);
}

/* Opened before anything runs, so that a wrong name costs no time. */
static int open_junit(const char *path, int *ret_fd)
{
    if (!path)
        return 0;
    *ret_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);
    if (*ret_fd >= 0)
        return 0;
    say("--junit %s: %s", path, strerror(errno));
    return -errno;
}

static int write_junit(int fd, const char *path, const struct run_result *result)
{
    struct buf text = {0};
    int r = 0;

    if (fd >= 0)
        r = report_junit(&text, result->told, &result->summary);
    if (r == 0 && fd >= 0)
        r = fd_write_all(fd, text.data, text.len);
    if (r < 0)
        say("--junit %s: %s", path, strerror(-r));
    buf_done(&text);
    return r;
}

/* Return: the exit status. */
static int run(const struct request *request, const struct suites *suites, int junit)
{
    const struct run_options options = {
        .jobs = request->jobs,
        .filter = request->filter,
        .report = request->tap ? &report_tap : &report_people,
        .say = say_text,
        .progress = isatty(STDERR_FILENO) ? show_progress : NULL,
    };
    struct crib_error err = {0};
    struct run_result result;
    int r = run_cases(suites, &options, &result, &err), status = STATUS_TEST_FAILED;

    if (r < 0)
        say_error(&err);
    else
        r = write_junit(junit, request->junit, &result);
    if (r < 0)
        status = r == -ENOENT ? STATUS_TEST_USAGE : STATUS_TEST_FAILED;
    else if (result.summary.passed == result.summary.cases)
        status = 0;
    run_done(&result);
    return status;
}

int command_test(struct request *request)
{
    struct crib_error err = {0};
    AUTO_FD int junit = -1;
    struct suites suites;
    int status = STATUS_TEST_USAGE;

    if (suites_read(&suites, request->operands, &err) < 0)
        say_error(&err);
    else if (open_junit(request->junit, &junit) == 0)
        status = run(request, &suites, junit);
    suites_done(&suites);
    return status;
}
