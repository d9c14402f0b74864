/* SPDX-License-Identifier: Apache-2.0 */
/* crib attach on a terminal, to a task that has one. */
#include "cli/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "cli/command.h"
#include "cli/feed.h"

#define PATIENCE_US (60 * 1000000ull)
#define LEAVE       "\x10\x11"

/* A person's terminal, and crib on it. */
struct person {
    int master, slave;
    struct termios before;
    pid_t pid;
    struct buf shown;
};

static void become_crib(int slave, const char *command, const char *task)
{
    if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
        _exit(250);
    for (int fd = 0; fd < 3; fd++)
        if (dup2(slave, fd) < 0)
            _exit(250);
    execl(cli_program("crib"), "crib", command, task, NULL);
    _exit(251);
}

static void start(struct person *person, const char *command, const char *task)
{
    struct winsize size = {.ws_row = 31, .ws_col = 97};

    memset(person, 0, sizeof(*person));
    person->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    assert_true(person->master >= 0);
    assert_int_equal(unlockpt(person->master), 0);
    assert_int_equal(ioctl(person->master, TIOCSWINSZ, &size), 0);
    person->slave = ioctl(person->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(person->slave >= 0);
    assert_int_equal(tcgetattr(person->slave, &person->before), 0);
    person->pid = fork();
    assert_true(person->pid >= 0);
    if (person->pid == 0)
        become_crib(person->slave, command, task);
}

static void type(struct person *person, const char *text)
{
    assert_int_equal(write(person->master, text, strlen(text)), strlen(text));
}

static void look(struct person *person)
{
    struct pollfd wait = {.fd = person->master, .events = POLLIN};
    char data[4096];
    ssize_t n = poll(&wait, 1, 20) > 0 ? read(person->master, data, sizeof(data)) : 0;

    if (n > 0)
        assert_int_equal(buf_append(&person->shown, data, (size_t)n), 0);
}

static void give_up(struct person *person, const char *what)
{
    kill(person->pid, SIGKILL);
    waitpid(person->pid, NULL, 0);
    fail_msg("%s; shown: %.*s", what, (int)person->shown.len,
             person->shown.data ? (char *)person->shown.data : "");
}

/* Waits for a text, and forgets all up to its end. */
static void shows(struct person *person, const char *text)
{
    uint64_t until = clock_us() + PATIENCE_US;
    char *at = NULL;

    while (!at && clock_us() < until) {
        look(person);
        at = person->shown.len ? memmem(person->shown.data, person->shown.len, text, strlen(text))
                               : NULL;
    }
    if (!at)
        give_up(person, text);
    buf_consume(&person->shown, (size_t)(at - (char *)person->shown.data) + strlen(text));
}

/* To the end of crib, whose terminal is as it was. Return: as struct cli's status. */
static int ends(struct person *person)
{
    uint64_t until = clock_us() + PATIENCE_US;
    struct termios now;
    int status;

    while (waitpid(person->pid, &status, WNOHANG) == 0) {
        if (clock_us() > until)
            give_up(person, "crib did not end");
        look(person);
    }
    look(person);
    assert_int_equal(tcgetattr(person->slave, &now), 0);
    assert_int_equal(now.c_lflag, person->before.c_lflag);
    assert_int_equal(now.c_iflag, person->before.c_iflag);
    assert_int_equal(now.c_oflag, person->before.c_oflag);
    fd_close(&person->master);
    fd_close(&person->slave);
    buf_done(&person->shown);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static const char shell[] =
    "stty -echo; echo size $(stty size); while read line; do "
    "echo \"<$line>\"; [ \"$line\" = quit ] && exit 3; done; echo end; exit 4";

/* Until the task has written this. */
static void wait_for_log(const char *task, const char *text)
{
    uint64_t until = clock_us() + PATIENCE_US;
    struct cli cli = {0};

    do
        CLI_EXPECT(&cli, 0, "logs", task);
    while (!strstr(cli.out, text) && clock_us() < until);
    test_contains(cli.out, text);
    cli_done(&cli);
}

/* Keys go there, what it shows comes here; ctrl-p ctrl-q leaves it, and it is there again later. */
static void test_leave_and_come_back(void **state)
{
    struct person person;
    char *task;

    (void)state;
    daemon_begin(NULL);
    task = DAEMON_DETACH("-t", "sh", "-c", shell);
    wait_for_log(task, "size 24 80");
    start(&person, "attach", task);
    shows(&person, "size 24 80");
    type(&person, "one\r");
    shows(&person, "<one>");
    type(&person, "\x10");
    type(&person, "x\r"); /* not the second key: both are the task's */
    shows(&person, "<\x10x>");
    type(&person, "unsent" LEAVE);
    shows(&person, "which goes on");
    assert_int_equal(ends(&person), 0);
    start(&person, "attach", task);
    shows(&person, "size 24 80"); /* from the beginning */
    shows(&person, "<one>");
    type(&person, "\x15"
                  "quit\r");
    shows(&person, "<quit>");
    assert_int_equal(ends(&person), 3);
    free(task);
    daemon_end();
}

/* The task's terminal gets the size of ours, and its program is told. */
static void test_size(void **state)
{
    struct winsize size = {.ws_row = 40, .ws_col = 120};
    struct person person;
    char *task;

    (void)state;
    daemon_begin(NULL);
    task = DAEMON_DETACH("-t", "sh", "-c",
                         "trap 'echo now $(stty size)' WINCH; echo ready; "
                         "while :; do read line && exit 0; done");
    wait_for_log(task, "ready");
    start(&person, "attach", task);
    shows(&person, "ready");
    shows(&person, "now 31 97");
    assert_int_equal(ioctl(person.master, TIOCSWINSZ, &size), 0);
    shows(&person, "now 40 120");
    type(&person, "\r");
    assert_int_equal(ends(&person), 0);
    free(task);
    daemon_end();
}

/* Ctrl-C is the task's; its interrupt ends the task, and so attach. */
static void test_interrupt_is_the_tasks(void **state)
{
    struct person person;
    char *task;

    (void)state;
    daemon_begin(NULL);
    task = DAEMON_DETACH("-t", "sh", "-c",
                         "trap 'echo caught; exit 9' INT; echo ready; "
                         "while :; do sleep 0.02; done");
    start(&person, "attach", task);
    shows(&person, "ready");
    type(&person, "\003");
    shows(&person, "caught");
    assert_int_equal(ends(&person), 9);
    free(task);
    daemon_end();
}

/* A signal for crib itself: our terminal is put right, and the task goes on. */
static void test_signal_leaves(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    struct cli cli = {0};
    struct person person;
    char *task;

    (void)state;
    daemon_begin(NULL);
    task = DAEMON_DETACH("-t", "sh", "-c", shell);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        start(&person, "attach", task);
        shows(&person, "size");
        type(&person, "here\r"); /* raw by now: it answers */
        shows(&person, "<here>");
        kill(person.pid, signals[i]);
        assert_int_equal(ends(&person), 1000 + signals[i]);
        CLI_EXPECT(&cli, 0, "ps");
        test_contains(cli.out, " running ");
    }
    CLI_EXPECT(&cli, 0, "kill", "-s", "KILL", task);
    cli_done(&cli);
    free(task);
    daemon_end();
}

/* The daemon goes: attach says so, on a terminal that is as it was. */
static void test_daemon_is_killed(void **state)
{
    struct person person;
    char *task;

    (void)state;
    daemon_begin(NULL);
    task = DAEMON_DETACH("-t", "sh", "-c", shell);
    start(&person, "attach", task);
    shows(&person, "size");
    cribd_kill(&cribd);
    shows(&person, "crib: ");
    assert_int_equal(ends(&person), STATUS_FAILED);
    free(task);
    daemon_end();
}

/* A task with pipes: our terminal is left alone, and Ctrl-C ends attach. */
static void test_pipes_on_a_terminal(void **state)
{
    struct person person;
    char *task;

    (void)state;
    daemon_begin(NULL);
    task = DAEMON_DETACH("sh", "-c", "echo ready; exec cat");
    start(&person, "attach", task);
    shows(&person, "ready\r\n");
    type(&person, "line\r");
    shows(&person, "line\r\n"); /* the echo of our own terminal */
    shows(&person, "line\r\n");
    type(&person, "\003");
    assert_int_equal(ends(&person), 1000 + SIGINT);
    start(&person, "attach", task);
    shows(&person, "line\r\n");
    type(&person, "\004");
    assert_int_equal(ends(&person), 0);
    free(task);
    daemon_end();
}

/* Without a terminal of ours its output is to be had all the same, and our end is not its end. */
static void test_no_terminal_here(void **state)
{
    struct cli cli = {.input = "more\n"};
    char *task;

    (void)state;
    daemon_begin(NULL);
    task = DAEMON_DETACH("-t", "sh", "-c",
                         "stty -echo; echo ready; read a; read b; echo $a $b; exit 5");
    CLI_EXPECT(&cli, 0, "logs", task);
    cli.input = "one\ntwo\n";
    CLI_EXPECT(&cli, 5, "attach", task);
    test_contains(cli.out, "one two\r\n");
    cli_done(&cli);
    free(task);
    daemon_end();
}

static void check_keys(bool held, const char *typed, const char *expected, bool leave, bool after)
{
    char to[64];
    bool left;
    size_t len = feed_keys(&held, typed, strlen(typed), to, &left);

    assert_int_equal(len, strlen(expected));
    assert_memory_equal(to, expected, len);
    assert_int_equal(left, leave);
    if (!leave)
        assert_int_equal(held, after);
}

static void test_keys(void **state)
{
    (void)state;
    check_keys(false, "abc", "abc", false, false);
    check_keys(false, "a\x10", "a", false, true);
    check_keys(true, "b",
               "\x10"
               "b",
               false, false);
    check_keys(true, "\x11more", "", true, false);
    check_keys(false, "a\x10\x11more", "a", true, false);
    check_keys(false, "\x10\x10\x11", "\x10", true, false);
    check_keys(true, "\x10", "\x10", false, true);
    check_keys(false,
               "\x11\x10"
               "a\x11",
               "\x11\x10"
               "a\x11",
               false, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leave_and_come_back),    cmocka_unit_test(test_size),
        cmocka_unit_test(test_interrupt_is_the_tasks), cmocka_unit_test(test_signal_leaves),
        cmocka_unit_test(test_daemon_is_killed),       cmocka_unit_test(test_pipes_on_a_terminal),
        cmocka_unit_test(test_no_terminal_here),       cmocka_unit_test(test_keys),
    };

    return test_run(tests);
}
