/* SPDX-License-Identifier: Apache-2.0 */
/* crib run -t on a terminal: what a person types and sees, and that the terminal is theirs
 * afterwards. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"

#define PATIENCE_MS 60000
#define INTR        "\003"

/* A terminal with crib on it, as a login shell would have started it. */
struct outer {
    int master, slave;
    struct termios before;
    pid_t pid;
    struct buf shown;
    size_t seen; /* bytes of it that were waited for */
};

static void become_crib(int slave, const char *const *words)
{
    const char *argv[16] = {cli_program("crib")};

    for (int i = 0; words[i] && i < 14; i++)
        argv[i + 1] = words[i];
    if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
        _exit(250);
    for (int fd = 0; fd < 3; fd++)
        if (dup2(slave, fd) < 0)
            _exit(250);
    execv(argv[0], (char *const *)argv);
    _exit(251);
}

static void start(struct outer *outer, const char *typed, const char *const *words)
{
    struct winsize size = {.ws_row = 31, .ws_col = 97};

    memset(outer, 0, sizeof(*outer));
    outer->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    assert_true(outer->master >= 0);
    assert_int_equal(unlockpt(outer->master), 0);
    assert_int_equal(ioctl(outer->master, TIOCSWINSZ, &size), 0);
    outer->slave = ioctl(outer->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(outer->slave >= 0);
    assert_int_equal(tcgetattr(outer->slave, &outer->before), 0);
    if (typed)
        assert_int_equal(write(outer->master, typed, strlen(typed)), strlen(typed));
    outer->pid = fork();
    assert_true(outer->pid >= 0);
    if (outer->pid == 0)
        become_crib(outer->slave, words);
}
#define START(outer, ...) start(outer, NULL, (const char *const[]){__VA_ARGS__, NULL})

static void type(struct outer *outer, const char *text)
{
    assert_int_equal(write(outer->master, text, strlen(text)), strlen(text));
}

/* Takes in what is shown. Return: whether anything came. */
static bool look(struct outer *outer, int ms)
{
    struct pollfd wait = {.fd = outer->master, .events = POLLIN};
    char data[65536];
    ssize_t n = poll(&wait, 1, ms) > 0 ? read(outer->master, data, sizeof(data)) : -1;

    if (n > 0)
        buf_append(&outer->shown, data, (size_t)n);
    return n > 0;
}

static bool saw(struct outer *outer, const char *text)
{
    size_t left = outer->shown.len - outer->seen;
    const char *from = (const char *)outer->shown.data + outer->seen;
    const char *at = left ? memmem(from, left, text, strlen(text)) : NULL;

    if (at)
        outer->seen += (size_t)(at - from) + strlen(text);
    return at;
}

static void shows(struct outer *outer, const char *text)
{
    uint64_t until = clock_us() + PATIENCE_MS * 1000ull;

    while (!saw(outer, text)) {
        if (clock_us() > until) {
            kill(outer->pid, SIGKILL);
            fail_msg("'%s' did not appear: %.*s", text, (int)outer->shown.len,
                     outer->shown.len ? (char *)outer->shown.data : "");
        }
        look(outer, 100);
    }
}

static bool is_raw(struct outer *outer)
{
    struct termios now;

    assert_int_equal(tcgetattr(outer->slave, &now), 0);
    return !(now.c_lflag & (ICANON | ISIG | ECHO)) && !(now.c_oflag & OPOST);
}

static void is_as_before(struct outer *outer)
{
    struct termios now;

    assert_int_equal(tcgetattr(outer->slave, &now), 0);
    assert_int_equal(now.c_lflag, outer->before.c_lflag);
    assert_int_equal(now.c_iflag, outer->before.c_iflag);
    assert_int_equal(now.c_oflag, outer->before.c_oflag);
    assert_int_equal(now.c_cflag, outer->before.c_cflag);
    assert_memory_equal(now.c_cc, outer->before.c_cc, sizeof(now.c_cc));
}

/* Waits until crib has changed its state. Return: as waitpid gives it. */
static int wait_for(struct outer *outer, int options)
{
    uint64_t until = clock_us() + PATIENCE_MS * 1000ull;
    int status;

    while (waitpid(outer->pid, &status, WNOHANG | options) == 0) {
        if (clock_us() > until) {
            kill(outer->pid, SIGKILL);
            waitpid(outer->pid, &status, 0);
            fail_msg("crib did not end: %.*s", (int)outer->shown.len, (char *)outer->shown.data);
        }
        look(outer, 10);
    }
    return status;
}

/* To the end of crib; the terminal is then as it was. */
static void ends(struct outer *outer, int status)
{
    int got = wait_for(outer, 0);

    while (look(outer, 0))
        ;
    if (!WIFEXITED(got) || WEXITSTATUS(got) != status)
        fail_msg("wait status 0x%x, not exit status %d: %.*s", (unsigned)got, status,
                 (int)outer->shown.len, (char *)outer->shown.data);
    is_as_before(outer);
}

static void done(struct outer *outer)
{
    fd_close(&outer->slave);
    fd_close(&outer->master);
    buf_done(&outer->shown);
}

static void a_terminal_of_its_own(void **state)
{
    struct outer outer;

    (void)state;
    START(&outer, "run", "-t", "sh", "-c", "tty; stty size; echo end; exit 3");
    shows(&outer, "/dev/pts/0\r\n31 97\r\nend\r\n");
    ends(&outer, 3);
    done(&outer);
    START(&outer, "exec", "--terminal", "test -t 0 && test -t 2 && echo end");
    shows(&outer, "end\r\n");
    ends(&outer, 0);
    done(&outer);
}

/* Keys are the task's, those for signals too. */
static void keys_go_to_the_task(void **state)
{
    struct outer outer;

    (void)state;
    START(&outer, "run", "-t", "-e", "PS1=prompt> ", "-p", "shell", "sh", "-i");
    shows(&outer, "prompt> ");
    assert_true(is_raw(&outer));
    type(&outer, "sh -c 'echo sta''rted; exec sleep 1000'\r");
    shows(&outer, "started\r\n");
    type(&outer, INTR);
    shows(&outer, "prompt> ");
    type(&outer, "echo 'code' $?\r");
    shows(&outer, "code 130\r\n");
    type(&outer, "exit 9\r");
    ends(&outer, 9);
    done(&outer);
}

static void what_was_typed_before_waits(void **state)
{
    static const char *const words[] = {"run", "-t", "sh", "-c", "read x; echo \"<$x>\"", NULL};
    struct outer outer;

    (void)state;
    start(&outer, "early\n", words);
    shows(&outer, "<early>\r\n");
    ends(&outer, 0);
    done(&outer);
}

static void its_size_follows(void **state)
{
    struct winsize size = {.ws_row = 11, .ws_col = 22};
    struct outer outer;

    (void)state;
    START(&outer, "run", "-t", "sh", "-c",
          "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done");
    shows(&outer, "ready");
    assert_int_equal(ioctl(outer.master, TIOCSWINSZ, &size), 0);
    shows(&outer, "11 22\r\n");
    ends(&outer, 0);
    done(&outer);
}

/* Bytes as they are: our terminal changes no line end. */
static void much_output(void **state)
{
    struct outer outer;
    size_t lines = 0;

    (void)state;
    START(&outer, "run", "-t", "sh", "-c", "stty raw; echo begin; seq 100000; exit 5");
    shows(&outer, "begin\n");
    ends(&outer, 5);
    for (size_t i = outer.seen; i < outer.shown.len; i++) {
        assert_true(outer.shown.data[i] != '\r');
        lines += outer.shown.data[i] == '\n';
    }
    assert_int_equal(lines, 100000);
    assert_int_equal(outer.shown.len - outer.seen, 588895);
    done(&outer);
}

static void signals_are_passed_on(void **state)
{
    struct outer outer;

    (void)state;
    START(&outer, "run", "-t", "sh", "-c",
          "trap 'echo got it; exit 4' TERM; echo ready; while :; do sleep 0.05; done");
    shows(&outer, "ready");
    kill(outer.pid, SIGTERM);
    shows(&outer, "got it");
    ends(&outer, 4);
    done(&outer);
}

/* Signals that end crib itself leave the terminal as it was. */
static void signals_that_end_crib(void **state)
{
    static const int signals[] = {SIGQUIT, SIGUSR1, SIGABRT, SIGALRM};

    (void)state;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct outer outer;
        int status;

        START(&outer, "run", "-t", "sh", "-c", "echo ready; sleep 1000");
        shows(&outer, "ready");
        assert_true(is_raw(&outer));
        kill(outer.pid, signals[i]);
        status = wait_for(&outer, 0);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), signals[i]);
        is_as_before(&outer);
        done(&outer);
    }
}

static void stopped_and_continued(void **state)
{
    struct winsize size = {.ws_row = 12, .ws_col = 34};
    struct outer outer;
    int status;

    (void)state;
    START(&outer, "run", "-t", "sh", "-c", "echo ready; read x; stty size; echo \"<$x>\"");
    shows(&outer, "ready");
    kill(outer.pid, SIGTSTP);
    status = wait_for(&outer, WUNTRACED);
    assert_true(WIFSTOPPED(status));
    is_as_before(&outer);
    assert_int_equal(ioctl(outer.master, TIOCSWINSZ, &size), 0);
    kill(outer.pid, SIGCONT);
    type(&outer, "later\r");
    shows(&outer, "12 34\r\n<later>\r\n");
    ends(&outer, 0);
    done(&outer);
}

static void our_terminal_hangs_up(void **state)
{
    struct outer outer;
    int status;

    (void)state;
    START(&outer, "run", "-t", "sh", "-c", "echo ready; exec sleep 1000");
    shows(&outer, "ready");
    fd_close(&outer.slave);
    fd_close(&outer.master);
    assert_int_equal(waitpid(outer.pid, &status, 0), outer.pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGHUP);
    done(&outer);
}

/* On lines of their own, though the terminal is raw. */
static void messages_of_crib(void **state)
{
    struct outer outer;

    (void)state;
    START(&outer, "run", "-t", "sh", "-c", "unshare -U true 2>/dev/null; read x; echo end");
    shows(&outer, "crib: denied: unshare(");
    shows(&outer, "\r\n");
    type(&outer, "\r");
    shows(&outer, "end\r\n");
    ends(&outer, 0);
    done(&outer);
    START(&outer, "run", "-t", "--cwd", "/nonexistent", "true");
    shows(&outer, "crib: cwd /nonexistent: No such file or directory\r\n");
    ends(&outer, 125);
    done(&outer);
}

static void without_a_terminal_it_is_refused(void **state)
{
    struct cli cli = {.want_result = true};

    (void)state;
    CLI_EXPECT(&cli, 125, "run", "-t", "--json", "--result-fd", "9", "true");
    test_contains(cli.err, "crib: terminal: standard input is none");
    test_contains(cli.result, "setup_failed");
    CLI_EXPECT(&cli, 125, "fork", "-t", "true");
    test_contains(cli.err, "unknown option '-t'");
    CLI_EXPECT(&cli, 0, "plan", "-t", "true");
    test_contains(cli.out, "type: devpts\n");
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_terminal_of_its_own),
        cmocka_unit_test(keys_go_to_the_task),
        cmocka_unit_test(what_was_typed_before_waits),
        cmocka_unit_test(its_size_follows),
        cmocka_unit_test(much_output),
        cmocka_unit_test(signals_are_passed_on),
        cmocka_unit_test(signals_that_end_crib),
        cmocka_unit_test(stopped_and_continued),
        cmocka_unit_test(our_terminal_hangs_up),
        cmocka_unit_test(messages_of_crib),
        cmocka_unit_test(without_a_terminal_it_is_refused),
    };

    return test_run(tests);
}
