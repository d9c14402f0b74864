/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces that are used again: one task at a time, and nothing of one is there for the
 * next. docs/decisions/0016-networks.md. Which one it is tells the kernel's number of it, which is
 * never given twice, unlike the inode.
 */
#include "sandbox/prepared.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static unsigned long long number_of(const struct one *one)
{
    const char *text = sandbox_line(one->out, "net-cookie");

    if (!text || !isdigit((unsigned char)text[0]))
        fail_msg("no number in: %s", one->out);
    return strtoull(text, NULL, 10);
}

static unsigned long long number_of_socket(int fd)
{
    unsigned long long number = 0;
    socklen_t len = sizeof(number);

    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &number, &len), 0);
    return number;
}

/* One task with these verbs. Return: the number of its network. */
static unsigned long long run(struct live *live, const char *policy, const char *line)
{
    unsigned long long number;
    char text[512];
    struct one one;

    one_init(&one);
    one.task.options.policy = policy;
    one.task.options.cwd = "/tmp";
    snprintf(text, sizeof(text), "net-cookie , %s", line);
    one_run(live, &one, text);
    number = number_of(&one);
    one_done(&one);
    return number;
}

/* Where this thread is, and what it lets through. */
struct here {
    dev_t dev;
    ino_t ino;
    sigset_t mask;
};

static struct here look(void)
{
    struct here here;
    struct stat st;

    assert_int_equal(stat("/proc/thread-self/ns/net", &st), 0);
    memset(&here, 0, sizeof(here));
    here.dev = st.st_dev;
    here.ino = st.st_ino;
    pthread_sigmask(SIG_SETMASK, NULL, &here.mask);
    return here;
}

static void must_be_home(const struct here *home)
{
    struct here now = look();

    assert_true(now.dev == home->dev && now.ino == home->ino);
    for (int signo = 1; signo < NSIG; signo++)
        assert_int_equal(sigismember(&now.mask, signo), sigismember(&home->mask, signo));
}

static void test_one_after_the_other(void **state)
{
    static const char look_around[] = "net-cookie , cat /proc/self/net/dev , interfaces , "
                                      "connect unix @left , cat /proc/self/net/unix";
    struct here home = look();
    char *first = NULL;
    unsigned long long numbers[6];
    struct live live;
    int again = 0;

    (void)state;
    live_open(&live);
    for (int i = 0; i < 6; i++) {
        char *seen;
        struct one one;

        one_init(&one);
        one_run(&live, &one, look_around);
        numbers[i] = number_of(&one);
        for (int j = 0; j < i; j++)
            again += numbers[i] == numbers[j];
        assert_int_equal(strstr(one.json, "used one after the other") != NULL,
                         sandbox_privileged());
        test_contains(one.out, "lo up");
        test_contains(one.out, "@left ECONNREFUSED");
        assert_null(strstr(one.out, " @")); /* in the table */
        seen = strchr(one.out, '\n');
        assert_non_null(seen);
        if (first)
            assert_string_equal(seen, first); /* counters too */
        else
            first = strdup(seen);
        one_done(&one);
        run(&live, NULL, "bind unix @left , orphan 100");
        must_be_home(&home);
    }
    assert_true(sandbox_privileged() ? again > 0 : again == 0);
    free(first);
    live_close(&live);
    must_be_home(&home);
}

static void test_never_two_at_once(void **state)
{
    unsigned long long numbers[5];
    struct one ones[5];
    struct live live;

    (void)state;
    live_open(&live);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 5; i++) {
            one_init(&ones[i]);
            if (i == 0)
                prepared_like(&live, &ones[i], round + 1u); /* some of them in prepared ones */
            one_start(&live, &ones[i], NULL, "net-cookie , sleep 1");
        }
        for (int i = 0; i < 5; i++) {
            one_end(&live, &ones[i]);
            numbers[i] = number_of(&ones[i]);
            one_done(&ones[i]);
            for (int j = 0; j < i; j++)
                assert_true(numbers[i] != numbers[j]);
        }
    }
    live_close(&live);
}

static int receive_fd(int from)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    int fd = -1;

    assert_int_equal(recvmsg(from, &message, MSG_CMSG_CLOEXEC), 1);
    assert_non_null(CMSG_FIRSTHDR(&message));
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    return fd;
}

/* Starts one that hands a socket with a name out by its fd 3. */
static unsigned long long smuggle(struct live *live, int theirs)
{
    const struct crib_stdio stdio[] = {
        {CRIB_NULL}, {CRIB_PIPE}, {CRIB_PIPE}, {CRIB_FD, theirs, NULL}};
    unsigned long long number;
    struct one one;

    one_init(&one);
    one.task.options.stdio = stdio;
    one.task.options.stdio_count = 4;
    one_run(live, &one, "net-cookie , give 3 @left");
    test_contains(one.out, "bind ok\nlisten ok\ngive ok\n");
    number = number_of(&one);
    one_done(&one);
    return number;
}

/* Read by us, or still on its way: what lives on in a network keeps it from being used again. */
static void test_a_socket_that_was_handed_out(void **state)
{
    struct live live;

    (void)state;
    live_open(&live);
    run(&live, NULL, "exit 0");
    for (int taken = 0; taken < 2; taken++) {
        int pair[2], fd = -1;
        unsigned long long number;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        number = smuggle(&live, pair[1]);
        if (taken)
            fd = receive_fd(pair[0]);
        if (taken)
            assert_true(number_of_socket(fd) == number);
        for (int i = 0; i < 4; i++) {
            struct one one;

            one_init(&one);
            one_run(&live, &one, "net-cookie , connect unix @left , cat /proc/self/net/unix");
            assert_true(number_of(&one) != number);
            test_contains(one.out, "@left ECONNREFUSED");
            assert_null(strstr(one.out, " @left\n"));
            one_done(&one);
        }
        fd_close(&fd);
        fd_close(&pair[0]);
        fd_close(&pair[1]);
        assert_true(run(&live, NULL, "exit 0") != number); /* it was let go of for ever */
    }
    live_close(&live);
}

static const char capable[] = "extends: [default]\ncaps: {keep: [CAP_CHOWN]}\n";

/* Those that could leave more than a unix socket behind, or change it, get a new one, and nobody
 * gets theirs. */
static void test_others_have_one_of_their_own(void **state)
{
    crib_policy *policy = NULL;
    unsigned long long shared[2], own[4];
    struct live live;

    (void)state;
    assert_int_equal(crib_policy_parse("rules.yaml", capable, sizeof(capable) - 1, &policy, NULL),
                     0);
    live_open(&live);
    shared[0] = run(&live, NULL, "exit 0");
    for (int i = 0; i < 4; i++) {
        struct one one;

        one_init(&one);
        one.task.options.cwd = "/tmp";
        if (i == 0)
            one.task.options.policy = "shell"; /* AF_INET */
        else if (i == 1)
            one.task.options.policy = "open";
        else if (i == 2)
            one.task.options.trace = CRIB_TRACE_FILES;
        else
            one.task.options.policy_message = policy;
        one_run(&live, &one, "net-cookie");
        own[i] = number_of(&one);
        assert_null(strstr(one.json, "used one after the other"));
        one_done(&one);
    }
    shared[1] = run(&live, NULL, "exit 0");
    for (int i = 0; i < 4; i++) {
        assert_true(own[i] != shared[0] && own[i] != shared[1]);
        for (int j = 0; j < i; j++)
            assert_true(own[i] != own[j]);
    }
    live_close(&live);
    crib_policy_free(policy);
}

/* unshare(CLONE_NEWNET), setns() by a pidfd of its own and by fd 0, writing what sysctl shows. */
static void test_a_task_that_tries_to_change_it(void **state)
{
    struct here home = look();
    struct live live;

    (void)state;
    live_open(&live);
    for (int i = 0; i < 3; i++) {
        struct one one;

        one_init(&one);
        one_run(&live, &one,
                "net-cookie , interfaces , syscall 272 0x40000000 , syscall 308 0 0x40000000 , "
                "write /proc/sys/net/unix/max_dgram_qlen 7 , "
                "write /proc/sys/net/core/somaxconn 7 , interfaces");
        test_contains(one.out, "272 EPERM\n308 EPERM\n");
        assert_null(strstr(one.out, "max_dgram_qlen ok"));
        assert_null(strstr(one.out, "somaxconn ok"));
        test_contains(one.out, "lo up");
        one_done(&one);
        must_be_home(&home);
    }
    live_close(&live);
}

/* Failed starts leave the thread where it was. */
static void test_the_starter_stays_where_it_is(void **state)
{
    const char *const args[] = {"exit", "0", NULL};
    struct here home = look();
    struct live live;

    (void)state;
    live_open(&live);
    for (int i = 0; i < 10; i++) {
        struct live_task task;

        run(&live, NULL, "exit 0");
        must_be_home(&home);
        live_task(&task);
        if (crib_spawn(live.ex, "/no/such/program", args, &task.options, &task.task, NULL) == 0)
            live_until(&live, &task, "close ");
        must_be_home(&home);
    }
    live_close(&live);
    must_be_home(&home);
}

/* More are not kept: two fds for each would be missing elsewhere. The rest make their own. */
static void test_at_most_so_many(void **state)
{
    enum { ALL = 140, MOST = 128 };
    static struct one ones[ALL];
    struct live live;
    int again = 0;

    (void)state;
    live_open(&live);
    for (int i = 0; i < ALL; i++) {
        one_init(&ones[i]);
        one_start(&live, &ones[i], NULL, "sleep 600");
    }
    for (int i = 0; i < ALL; i++) {
        crib_task_kill(ones[i].task.task, SIGKILL);
        one_end(&live, &ones[i]);
        again += strstr(ones[i].json, "used one after the other") != NULL;
        assert_int_equal(ones[i].task.result.verdict, CRIB_KILLED);
        one_done(&ones[i]);
    }
    assert_int_equal(again, sandbox_privileged() ? MOST : 0);
    live_close(&live);
}

/* With room for so many more fds. Return: 0 it ran; 1 it was refused, with a reason. */
static int with_room(rlim_t room)
{
    const struct crib_stdio nothing = {CRIB_NULL};
    const char *const args[] = {"exit", "0", NULL};
    struct here home = look();
    struct rlimit limit;
    struct live_task task;
    struct live live;
    int fd, r;

    live_open(&live);
    live_task(&task);
    task.options.stdio = &nothing;
    task.options.stdio_count = 1;
    fd = fcntl(0, F_DUPFD_CLOEXEC, 0); /* the lowest that is free */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = (rlim_t)fd + room;
    fd_close(&fd);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    r = crib_spawn(live.ex, sandbox_probe_path(), args, &task.options, &task.task, &task.error);
    must_be_home(&home);
    if (r == 0)
        live_until(&live, &task, "close ");
    must_be_home(&home);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    live_close(&live);
    if (r == 0 && task.result.verdict == CRIB_EXITED)
        return task.result.status;
    assert_true(task.error.code < 0);
    return 1;
}

/* Each in a process that has no network to use again yet. */
static void test_with_few_fds(void **state)
{
    int ran = 0, refused = 0;

    (void)state;
    for (rlim_t room = 0; room < 40; room++) {
        int status;
        pid_t pid;

        fflush(NULL);
        pid = fork();
        if (pid == 0) {
            setenv("CMOCKA_TEST_ABORT", "1", 1);
            _exit(with_room(room));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
            fail_msg("with room for %d fds: status %x", (int)room, (unsigned)status);
        ran += WEXITSTATUS(status) == 0;
        refused += WEXITSTATUS(status) == 1;
    }
    assert_true(ran > 0 && refused > 0);
}

/* Its maker's are not a fork's to use. */
static void test_a_fork_makes_its_own(void **state)
{
    unsigned long long ours;
    struct live live;
    int status;
    pid_t pid;

    (void)state;
    live_open(&live);
    ours = run(&live, NULL, "exit 0");
    live_close(&live);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        setenv("CMOCKA_TEST_ABORT", "1", 1);
        live_open(&live);
        for (int i = 0; i < 3; i++)
            if (run(&live, NULL, "exit 0") == ours)
                _exit(1);
        live_close(&live);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_after_the_other),
        cmocka_unit_test(test_never_two_at_once),
        cmocka_unit_test(test_a_socket_that_was_handed_out),
        cmocka_unit_test(test_others_have_one_of_their_own),
        cmocka_unit_test(test_a_task_that_tries_to_change_it),
        cmocka_unit_test(test_the_starter_stays_where_it_is),
        cmocka_unit_test(test_at_most_so_many),
        cmocka_unit_test(test_with_few_fds),
        cmocka_unit_test(test_a_fork_makes_its_own),
    };

    return sandbox_test_run(tests);
}
