/* SPDX-License-Identifier: Apache-2.0 */
/* crib cluster as a job of a shell's on a terminal: what is shown, and which signals mean it. */
#include "cli/clustering.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>

#include "base/buf.h"

#define CLEAR "\r\033[K"

/* A terminal, a shell on it, and crib as a job of that shell. */
struct job {
    int master;
    int out;    /* memory file: crib's stdout; -1: the terminal */
    int orders; /* to the shell */
    pid_t shell, crib;
    struct buf shown; /* ends with a NUL that is not counted */
    size_t seen;      /* bytes of it that were waited for */
};

struct wanted {
    bool background, file;
    unsigned short columns;
    const char *term;
};

static pid_t living[2]; /* crib and its shell, where they have not ended; 0 */

static void become_crib(const struct job *job, const char *const *words)
{
    char *argv[16] = {(char *)cli_program("crib")};

    for (int i = 0; words[i] && i < 14; i++)
        argv[i + 1] = (char *)words[i];
    setpgid(0, 0);
    if (job->out >= 0)
        dup2(job->out, STDOUT_FILENO);
    execv(argv[0], argv);
    _exit(251);
}

/* One more of the job, that writes to the terminal. Return: the signal that stops it; 0. */
static char write_beside(pid_t group)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        signal(SIGTTOU, SIG_DFL);
        setpgid(0, group);
        (void)!write(STDOUT_FILENO, "!", 1);
        _exit(0);
    }
    if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
        return 0;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return (char)WSTOPSIG(status);
}

/* Tells crib's pid; then each byte is an order to write_beside(). */
static void become_shell(const struct job *job, int slave, int tell, const struct wanted *wanted,
                         const char *const *words)
{
    struct termios modes;
    pid_t pid;
    char order;

    cluster_mortal();
    close(job->master);
    if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
        _exit(250);
    for (int fd = 0; fd < 3; fd++)
        dup2(slave, fd);
    signal(SIGTTOU, SIG_IGN);
    setenv("TERM", wanted->term ? wanted->term : "xterm", 1);
    tcgetattr(0, &modes);
    modes.c_lflag |= (tcflag_t)NOFLSH; /* or control-C takes away what crib says to it */
    if (wanted->background)
        modes.c_lflag |= (tcflag_t)TOSTOP;
    tcsetattr(0, TCSANOW, &modes);
    pid = fork();
    if (pid == 0) {
        signal(SIGTTOU, SIG_DFL);
        become_crib(job, words);
    }
    setpgid(pid, pid);
    if (!wanted->background)
        tcsetpgrp(0, pid);
    (void)!write(tell, &pid, sizeof(pid));
    while (read(tell, &order, 1) == 1) {
        order = write_beside(pid);
        (void)!write(tell, &order, 1);
    }
    for (;;)
        pause();
}

static void start(struct job *job, const struct wanted *wanted, const char *const *words)
{
    struct winsize size = {.ws_row = 30, .ws_col = wanted->columns ? wanted->columns : 100};
    int tell[2], slave;

    memset(job, 0, sizeof(*job));
    job->out = wanted->file ? memfd_create("out", MFD_CLOEXEC) : -1;
    job->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    assert_true(job->master >= 0);
    assert_int_equal(unlockpt(job->master), 0);
    assert_int_equal(ioctl(job->master, TIOCSWINSZ, &size), 0);
    slave = ioctl(job->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, tell), 0);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1),
                     0); /* crib is ours when its shell has gone */
    job->shell = fork();
    assert_true(job->shell >= 0);
    if (job->shell == 0)
        become_shell(job, slave, tell[1], wanted, words);
    fd_close(&slave);
    fd_close(&tell[1]);
    assert_int_equal(read(tell[0], &job->crib, sizeof(job->crib)), sizeof(job->crib));
    job->orders = tell[0];
    living[0] = job->crib;
    living[1] = job->shell;
}
#define START(job, wanted, ...) start(job, wanted, (const char *const[]){__VA_ARGS__, NULL})

/* Takes in what is shown. */
static void look(struct job *job, int ms)
{
    struct pollfd wait = {.fd = job->master, .events = POLLIN};
    char data[4096];
    ssize_t n = poll(&wait, 1, ms) > 0 ? read(job->master, data, sizeof(data)) : -1;

    if (n <= 0)
        return;
    assert_int_equal(buf_append(&job->shown, data, (size_t)n), 0);
    assert_int_equal(buf_append(&job->shown, "", 1), 0);
    job->shown.len--;
}

static void give_up(const struct job *job, const char *why, const char *text)
{
    const char *all = job->shown.data ? (const char *)job->shown.data : "";

    /* A long message would be cut. */
    fail_msg("%s '%s':\n%s", why, text, all + (job->shown.len > 600 ? job->shown.len - 600 : 0));
}

/* Of a test that has failed: nothing is left to the next one. */
static int clean_up(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        if (living[i] > 0)
            kill(living[i], SIGKILL);
    while (living[0] > 0 && waitpid(-1, NULL, 0) > 0) /* those of crib, too */
        ;
    living[0] = living[1] = 0;
    return 0;
}

/* Waits until @text is shown, behind what was waited for before. */
static void shows(struct job *job, const char *text)
{
    uint64_t end = clock_us() + CLUSTER_PATIENCE_MS * 1000ull;
    const char *at = NULL;

    while (!job->shown.data || !(at = strstr((char *)job->shown.data + job->seen, text))) {
        if (clock_us() > end)
            give_up(job, "not shown:", text);
        look(job, 50);
    }
    job->seen = (size_t)(at - (char *)job->shown.data) + strlen(text);
}

static bool has_shown(const struct job *job, const char *text)
{
    return job->shown.data && strstr((char *)job->shown.data, text);
}

/* Waits for crib's end. */
static void wait_for_end(struct job *job)
{
    uint64_t until = clock_us() + CLUSTER_PATIENCE_MS * 1000ull;
    int pidfd = (int)syscall(SYS_pidfd_open, job->crib, 0);
    struct pollfd gone = {.fd = pidfd, .events = POLLIN};

    assert_true(pidfd >= 0);
    while (poll(&gone, 1, 10) == 0) {
        if (clock_us() > until)
            give_up(job, "still there:", "crib");
        if (job->master >= 0)
            look(job, 0);
    }
    fd_close(&pidfd);
}

/* The same, and takes in all that it has shown: what is written behind it comes behind it. */
static void wait_for_all(struct job *job)
{
    int slave = ioctl(job->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);

    wait_for_end(job);
    assert_int_equal(write(slave, "#", 1), 1);
    shows(job, "#");
    job->shown.data[--job->shown.len] = '\0';
    fd_close(&slave);
}

/* Waits for crib's end, and then for its shell's, whose terminal goes with it. Return: crib's exit
 * status; 1000 + the signal that ended it. */
static int end(struct job *job)
{
    int status;

    wait_for_end(job);
    kill(job->shell, SIGKILL);
    assert_int_equal(waitpid(job->shell, &status, 0), job->shell);
    assert_int_equal(waitpid(job->crib, &status, 0), job->crib);
    fd_close(&job->master);
    fd_close(&job->out);
    fd_close(&job->orders);
    buf_done(&job->shown);
    living[0] = living[1] = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* --- what is shown --- */

/* Every status line is taken away before anything else is written. */
static void check_lines(const struct job *job)
{
    const char *text = (const char *)job->shown.data, *line = text;

    while ((line = strstr(line, CLEAR "crib: "))) {
        const char *status = line + strlen(CLEAR), *next = strstr(status, "\r");

        if (!next || strncmp(next, next[1] == '\n' ? "\r\n" : CLEAR, next[1] == '\n' ? 2 : 4) != 0)
            fail_msg("%s", text);
        if (next[1] == '\n' && strstr(status, " workers, ") == status + 7)
            fail_msg("it stays: %s", text);
        line = next;
    }
}

/* Nothing stays behind. */
static void check_last_line(const struct job *job)
{
    const char *text = (const char *)job->shown.data, *last = strrchr(text, '\r');

    if (!last || (strcmp(last, "\r\n") != 0 && strcmp(last, CLEAR) != 0))
        fail_msg("it stays: %s", text);
}

static void test_status_line(void **state)
{
    char *script = cluster_script(cluster_server);
    struct wanted wanted = {0};
    struct job job;

    (void)state;
    START(&job, &wanted, "cluster", "-n2", script);
    shows(&job, "crib: 2 workers, 2 listening, tcp:127.0.0.1:");
    shows(&job, ", 0 restarts, 0 crashes");
    kill(job.crib, SIGTTIN);
    shows(&job, "crib: 3 workers, 3 listening, tcp:127.0.0.1:");
    kill(job.crib, SIGHUP);
    shows(&job, "crib: 3 workers, 3 listening, tcp:127.0.0.1:");
    shows(&job, ", 1 restart, 0 crashes");
    assert_int_equal(write(job.master, "\003", 1), 1); /* control-C */
    shows(&job, CLEAR "crib: stopping\r\n");
    shows(&job, ") left\r\n");
    shows(&job, ") left\r\n");
    shows(&job, ") left\r\n");
    wait_for_all(&job);
    check_lines(&job);
    check_last_line(&job);
    assert_int_equal(end(&job), 0);
    free(script);
}

static void test_narrow_terminal(void **state)
{
    char *script = cluster_script(cluster_server);
    struct wanted wanted = {.columns = 20};
    struct job job;

    (void)state;
    START(&job, &wanted, "cluster", "-n2", script);
    shows(&job, CLEAR "crib: 2 workers, 2 ");
    kill(job.crib, SIGTERM);
    shows(&job, CLEAR "crib: stopping\r\n");
    assert_int_equal(end(&job), 0);
    free(script);
}

/* Nothing but whole lines where a status line is not wanted, or could not be taken away. */
static void test_without(void **state)
{
    static const struct {
        struct wanted wanted;
        const char *option, *value;
    } rows[] = {{{.term = "dumb"}, "-n", "1"},
                {{.file = true}, "--events", "json"},
                {{.background = true}, "-n", "1"},
                {{0}, "-q", "-q"}};
    char *text = NULL, *script;

    (void)state;
    assert_true(asprintf(&text, "%s\nsetTimeout(() => console.error('shown'), 300);\n",
                         cluster_server) > 0);
    script = cluster_script(text);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct job job;

        START(&job, &rows[i].wanted, "cluster", "-n1", rows[i].option, rows[i].value, script);
        shows(&job, "shown\r\n");
        kill(job.crib, SIGTERM);
        assert_false(has_shown(&job, "\033"));
        assert_int_equal(end(&job), 0);
    }
    free(script);
    free(text);
}

/* --- signals of a terminal's --- */

/* In the background, where the terminal lets nobody write: crib does all the same, and what the
 * kernel has to say of others in its job is not for crib. */
static void test_background(void **state)
{
    char *script = cluster_script(cluster_server), signo = 'x';
    struct wanted wanted = {.background = true};
    struct job job;

    (void)state;
    START(&job, &wanted, "cluster", "-n2", script);
    shows(&job, " listening on ");
    shows(&job, " listening on ");
    assert_int_equal(write(job.orders, &signo, 1), 1);
    assert_int_equal(read(job.orders, &signo, 1), 1);
    assert_int_equal(signo, SIGTTOU);
    kill(job.crib, SIGTTIN);
    shows(&job, "crib: 3 workers wanted\r\n"); /* and not 2 */
    shows(&job, " listening on ");
    kill(job.crib, SIGTTOU);
    shows(&job, "crib: 2 workers wanted\r\n");
    shows(&job, ") left\r\n");
    kill(job.crib, SIGTERM);
    shows(&job, "crib: stopping\r\n");
    assert_false(has_shown(&job, "1 worker"));
    assert_int_equal(end(&job), 0);
    free(script);
}

/* The terminal goes: that is no wish for new workers. */
static void test_hang_up(void **state)
{
    char *script = cluster_script(cluster_server), *text;
    struct wanted wanted = {.file = true};
    struct job job;
    int out;

    (void)state;
    START(&job, &wanted, "cluster", "-n2", "--events", "json", script);
    out = dup(job.out);
    do {
        text = cluster_text(out);
        if (cluster_count(text, "{\"event\":\"listening\"") == 2)
            break;
        free(text);
        look(&job, 10);
    } while (true);
    free(text);
    fd_close(&job.master);
    assert_int_equal(end(&job), 0);
    text = cluster_text(out);
    cluster_valid(text);
    assert_int_equal(cluster_count(text, "{\"event\":\"stop\""), 1);
    assert_int_equal(cluster_count(text, "{\"event\":\"exit\""), 2);
    assert_null(strstr(text, "restart"));
    fd_close(&out);
    free(text);
    free(script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_status_line, clean_up),
        cmocka_unit_test_teardown(test_narrow_terminal, clean_up),
        cmocka_unit_test_teardown(test_without, clean_up),
        cmocka_unit_test_teardown(test_background, clean_up),
        cmocka_unit_test_teardown(test_hang_up, clean_up),
    };

    return test_run(tests);
}
