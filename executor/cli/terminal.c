/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"

/* What would end us without a word. SIGINT, SIGTERM and SIGHUP are passed on to the task. */
static const int fatal[] = {SIGQUIT, SIGILL,  SIGABRT, SIGBUS,    SIGFPE,  SIGSEGV, SIGSYS, SIGALRM,
                            SIGUSR1, SIGUSR2, SIGTRAP, SIGVTALRM, SIGPROF, SIGXCPU, SIGXFSZ};

/* For signal handlers too. */
static struct termios before, raw;
static volatile sig_atomic_t is_raw;

int terminal_look(unsigned *ret_rows, unsigned *ret_columns, struct crib_error *err)
{
    struct winsize size = {0};

    if (tcgetattr(STDIN_FILENO, &before) < 0)
        return fail_text(err, -ENOTTY, "terminal", -1, NULL,
                         "standard input is none, and so there is nobody to type: leave out -t");
    raw = before;
    cfmakeraw(&raw);
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
        size.ws_row = size.ws_col = 0;
    *ret_rows = size.ws_row;
    *ret_columns = size.ws_col;
    return 0;
}

/* In the background this stops us until we are in the foreground. */
static int make_raw(void)
{
    is_raw = 1;
    while (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

/* In signal handlers too. In the background the terminal is somebody else's by now. */
static void restore(void)
{
    if (is_raw && tcgetpgrp(STDIN_FILENO) == getpgrp())
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    is_raw = 0;
}

static void on_fatal(int signo)
{
    restore();
    raise(signo); /* its default, since the handler is used once */
}

static void catch_fatal(void)
{
    struct sigaction once = {.sa_handler = on_fatal, .sa_flags = (int)SA_RESETHAND}, old;

    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
        if (sigaction(fatal[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(fatal[i], &once, NULL);
}

static void tell_size(struct terminal *terminal)
{
    struct winsize size;

    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
        terminal->size(terminal, size.ws_row, size.ws_col);
}

static void on_resized(uv_signal_t *handle, int signo)
{
    (void)signo;
    tell_size(handle->data);
}

static void on_stopped(uv_signal_t *handle, int signo)
{
    (void)handle;
    (void)signo;
    restore();
    raise(SIGSTOP);
}

/* Whoever had the terminal meanwhile may have changed it. */
static void on_continued(uv_signal_t *handle, int signo)
{
    (void)signo;
    (void)make_raw(); /* where it is gone, reading it tells */
    tell_size(handle->data);
}

static int watch(struct terminal *terminal, uv_loop_t *loop)
{
    const struct {
        uv_signal_t *handle;
        uv_signal_cb call;
        int signo;
    } rows[] = {{&terminal->resized, on_resized, SIGWINCH},
                {&terminal->continued, on_continued, SIGCONT},
                {&terminal->stopped, on_stopped, SIGTSTP}};
    struct sigaction action;
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
        /* What the caller has us ignore stays ignored. */
        if (sigaction(rows[i].signo, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            continue;
        r = uv_signal_init(loop, rows[i].handle);
        if (r < 0)
            break;
        terminal->watched[i] = true;
        rows[i].handle->data = terminal;
        uv_unref((uv_handle_t *)rows[i].handle);
        r = uv_signal_start(rows[i].handle, rows[i].call, rows[i].signo);
    }
    return r;
}

int terminal_raw(struct terminal *terminal, uv_loop_t *loop)
{
    int r;

    terminal->open = true;
    r = watch(terminal, loop);
    if (r == 0) {
        catch_fatal();
        r = make_raw();
    }
    if (r < 0)
        terminal_close(terminal);
    else
        tell_size(terminal);
    return r;
}

void terminal_pause(const struct terminal *terminal)
{
    struct termios lines = raw;

    lines.c_oflag = before.c_oflag;
    if (terminal->open)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &lines);
}

void terminal_resume(const struct terminal *terminal)
{
    if (terminal->open)
        (void)make_raw();
}

void terminal_close(struct terminal *terminal)
{
    uv_signal_t *handles[] = {&terminal->resized, &terminal->continued, &terminal->stopped};

    if (!terminal->open)
        return;
    terminal->open = false;
    restore();
    for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
        if (terminal->watched[i])
            uv_close((uv_handle_t *)handles[i], NULL);
}
