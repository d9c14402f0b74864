/* SPDX-License-Identifier: Apache-2.0 */
/* A task in a sandbox that was made before it: the same walls, nothing of another, and its own. */
#include "sandbox/prepared.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Lines that tell which one it is, and no more than that. */
static void leave_out(char *text, const char *part)
{
    for (char *line = text; *line;) {
        char *end = strchrnul(line, '\n');

        end += *end == '\n';
        if (memmem(line, (size_t)(end - line), part, strlen(part)))
            memmove(line, end, strlen(end) + 1);
        else
            line = end;
    }
}

static void must_be_same(char *got, char *expected)
{
    const char *a = got, *b = expected;

    leave_out(got, "crib-init"); /* whether it has come to its rest */
    leave_out(expected, "crib-init");
    leave_out(got, "0000: "); /* addresses of its own sockets */
    leave_out(expected, "0000: ");
    while (*a && *a == *b)
        a++, b++;
    if (*a == *b)
        return;
    while (a > got && a[-1] != '\n')
        a--, b--;
    fail_msg("line '%.*s' instead of '%.*s'", (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
}

static const char walls[] = "caps , ids , limits , uname , signals , env , cwd , fds , session , "
                            "interfaces , ls / , ls /dev , statfs /tmp , pids , ls /tmp";

/* `open` shows the host's processes and files, which change by themselves. */
static const char *walls_of(const char *policy)
{
    return strcmp(policy, "open") == 0 ? "caps , ids , limits , signals , env , cwd , fds" : walls;
}

static void test_it_says_so_and_the_walls_are_the_same(void **state)
{
    (void)state;
    for (const char *const *name = sandbox_policies(); *name; name++) {
        struct one cold, ahead;
        struct live live;

        print_message("%s\n", *name);
        live_open(&live);
        one_init(&cold);
        one_init(&ahead);
        cold.task.options.policy = ahead.task.options.policy = *name;
        cold.task.options.cwd = ahead.task.options.cwd = "/tmp";
        one_run(&live, &cold, walls_of(*name));
        assert_null(strstr(cold.json, "\"mechanism\":\"start\""));
        prepared_run(&live, &ahead, walls_of(*name));
        must_be_same(ahead.out, cold.out);
        one_done(&cold);
        one_done(&ahead);
        live_close(&live);
    }
}

/* All that a task could leave or find in its sandbox. */
static const char look[] =
    "ls /tmp , ls /dev/shm , sysv 77 , mqueue /left , keys left , connect unix @left , "
    "cat /proc/self/net/unix , pids , uname , cwd , env , fds , signals , limits , ls /dev/mqueue";
static const char leave[] = "write /tmp/left secret , shm /left create , sysv 77 create , mqueue "
                            "/left create , keys left , "
                            "orphan 100 , chdir /";

/* With what a policy lets a task have the most of. */
static const char *const generous =
    "extends: [default]\n"
    "syscalls: {allow: [shmget, msgget, semget, mq_open, keyctl, add_key, request_key, "
    "sethostname]}\n";

static void test_nothing_of_one_is_in_another(void **state)
{
    struct one before, dirty, after;
    crib_policy *policy = NULL;
    struct live live;

    (void)state;
    assert_int_equal(crib_policy_parse("rules.yaml", generous, strlen(generous), &policy, NULL), 0);
    live_open(&live);
    one_init(&before);
    one_init(&dirty);
    one_init(&after);
    before.task.options.policy_message = dirty.task.options.policy_message =
        after.task.options.policy_message = policy;
    prepared_run(&live, &before, look);
    prepared_run(&live, &dirty, leave);
    test_contains(dirty.out, "/tmp/left ok");
    test_contains(dirty.out, "shm_open ok");
    test_contains(dirty.out, "shm ok\nmsg ok\nsem ok");
    prepared_run(&live, &after, look);
    must_be_same(after.out, before.out);
    assert_null(strstr(after.out, "secret"));
    one_done(&before);
    one_done(&dirty);
    one_done(&after);
    live_close(&live);
    crib_policy_free(policy);
}

/* Program, arguments, environment, directory and fds are known only when it starts. */
static void test_what_is_the_tasks_own_comes_late(void **state)
{
    const char *const env[] = {"LATE=1", NULL};
    char *probe = sandbox_public_probe(), *dir = test_dir();
    struct crib_bind binds[2] = {{.source = dir, .target = "/read"},
                                 {.source = dir, .target = "/work", .write = true}};
    const struct crib_copy_in copy = {.path = "/tmp/copied", .data = "in", .len = 2};
    struct one one;
    struct live live;
    char file[4200];

    (void)state;
    assert_int_equal(chmod(dir, 0777), 0);
    snprintf(file, sizeof(file), "%s/there", dir);
    test_write(file, "yes\n", 4, 0644);
    live_open(&live);
    one_init(&one);
    prepared_like(&live, &one, 1);
    one.task.options.env = env;
    one.task.options.cwd = "/work";
    one.task.options.binds = binds;
    one.task.options.bind_count = 2;
    one.task.options.copy_in = &copy;
    one.task.options.copy_in_count = 1;
    one_start(&live, &one, probe,
              "env , cwd , cat /read/there , write /read/new x , write new x , cat /tmp/copied");
    one_end(&live, &one);
    one_must_be(&one, true);
    test_contains(one.out, "LATE=1");
    test_contains(one.out, "/work\n");
    test_contains(one.out, "yes\n");
    test_contains(one.out, "/read/new EROFS\nnew ok\nin");
    snprintf(file, sizeof(file), "%s/new", dir);
    assert_int_equal(access(file, F_OK), 0);
    one_done(&one);
    live_close(&live);
    free(probe);
    free(dir);
}

static void test_a_terminal_of_its_own(void **state)
{
    const struct crib_stdio terminal[] = {{CRIB_PTY}, {CRIB_PTY}, {CRIB_PTY}};
    struct one one;
    struct live live;

    (void)state;
    live_open(&live);
    one_init(&one);
    one.task.options.stdio = terminal;
    one.task.options.stdio_count = 3;
    one.task.options.rows = 33;
    one.task.options.columns = 44;
    prepared_like(&live, &one, 1);
    one_start(&live, &one, "/bin/sh", "-c stty${IFS}size;tty");
    one_end(&live, &one);
    one_must_be(&one, true);
    test_contains(one.out, "33 44");
    test_contains(one.out, "/dev/");
    one_done(&one);
    live_close(&live);
}

/* The policy's own bind: what is there now counts, not what was there when it was prepared. */
static void test_a_source_that_was_replaced(void **state)
{
    char *dir = test_dir(), rules[4400], a[4200], b[4200], file[4300];
    crib_policy *policy = NULL;
    struct one one;
    struct live live;
    char text[1024];

    (void)state;
    assert_int_equal(chmod(dir, 0755), 0);
    snprintf(a, sizeof(a), "%s/a", dir);
    snprintf(b, sizeof(b), "%s/b", dir);
    assert_int_equal(mkdir(a, 0755) | chmod(a, 0755), 0);
    snprintf(file, sizeof(file), "%s/which", a);
    test_write(file, "old\n", 4, 0644);
    snprintf(rules, sizeof(rules), "extends: [default]\nmounts:\n  - {source: %s, target: /w}\n",
             a);
    assert_int_equal(crib_policy_parse("rules.yaml", rules, strlen(rules), &policy, NULL), 0);
    live_open(&live);
    one_init(&one);
    one.task.options.policy_message = policy;
    prepared_like(&live, &one, 1);
    assert_int_equal(rename(a, b), 0);
    assert_int_equal(mkdir(a, 0755) | chmod(a, 0755), 0);
    test_write(file, "new\n", 4, 0644);
    one_run(&live, &one, "cat /w/which");
    one_must_be(&one, false);
    assert_string_equal(one.out, "new\n");
    one_done(&one);

    /* Gone altogether: the start says so, whatever waits. */
    one_init(&one);
    one.task.options.policy_message = policy;
    prepared_like(&live, &one, 1);
    assert_int_equal(unlink(file) | rmdir(a), 0);
    assert_true(crib_spawn(live.ex, sandbox_probe_path(), NULL, &one.task.options, NULL,
                           &one.task.error) < 0);
    test_contains(crib_error_text(&one.task.error, text, sizeof(text)), a);
    one_done(&one);
    live_close(&live);
    crib_policy_free(policy);
    free(dir);
}

static void test_what_is_never_prepared(void **state)
{
    static const char mask[] =
        "extends: [default]\nmounts:\n  - {type: mask, target: /etc/passwd}\n";
    const struct crib_stdio nothing = {CRIB_NULL};
    char *dir = test_dir();
    const struct crib_overlay overlay = {.source = dir, .target = "/over"};
    crib_policy *policy = NULL;

    (void)state;
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(crib_policy_parse("rules.yaml", mask, strlen(mask), &policy, NULL), 0);
    for (int i = 0; i < 3; i++) {
        struct crib_error error;
        struct one one;
        struct live live;

        live_open(&live);
        one_init(&one);
        if (i == 0) {
            one.task.options.overlays = &overlay;
            one.task.options.overlay_count = 1;
        } else if (i == 1) {
            one.task.options.policy_message = policy;
        } else {
            one.task.options.detached = true;
            one.task.options.stdio = &nothing;
            one.task.options.stdio_count = 1;
        }
        assert_int_equal(crib_set_prepared(live.ex, 2, 0, NULL), 0);
        assert_int_equal(
            crib_prepare(live.ex, sandbox_probe_path(), NULL, &one.task.options, &error),
            -EOPNOTSUPP);
        one_run(&live, &one, "exit 0");
        one_must_be(&one, false);
        assert_int_equal(crib_prepared(live.ex), 0);
        one_done(&one);
        live_close(&live);
    }
    crib_policy_free(policy);
    free(dir);
}

static void test_limits_hold(void **state)
{
    struct one one;
    struct live live;

    (void)state;
    sandbox_only_privileged(true);
    live_open(&live);
    one_init(&one);
    one.task.options.policy = "judge";
    prepared_run(&live, &one, "hog 16 , hog 400");
    assert_int_equal(one.task.result.verdict, CRIB_MEMORY);
    one_done(&one);
    one_init(&one);
    one.task.options.policy = "judge";
    prepared_run(&live, &one, "threads 200");
    assert_int_equal(one.task.result.verdict, CRIB_PIDS);
    one_done(&one);
    live_close(&live);
}

/* What it inherits is what its starter has now. */
static void test_limits_and_processors_of_the_starter(void **state)
{
    struct rlimit before, less;
    cpu_set_t all, first;
    struct one one;
    struct live live;
    int cpu = 0;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_STACK, &before), 0);
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    live_open(&live);
    one_init(&one);
    prepared_like(&live, &one, 1);
    less = before;
    less.rlim_cur = 3 << 20;
    assert_int_equal(setrlimit(RLIMIT_STACK, &less), 0);
    one_run(&live, &one, "limits");
    assert_int_equal(setrlimit(RLIMIT_STACK, &before), 0);
    one_must_be(&one, false);
    test_contains(one.out, "stack 3145728 ");
    one_done(&one);

    one_init(&one);
    prepared_like(&live, &one, 1);
    CPU_ZERO(&first);
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_SET(cpu, &first);
    assert_int_equal(sched_setaffinity(0, sizeof(first), &first), 0);
    one_start(&live, &one, "/bin/sh", "-c nproc");
    one_end(&live, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
    if (CPU_COUNT(&all) > 1)
        one_must_be(&one, false);
    assert_string_equal(one.out, "1\n");
    one_done(&one);
    live_close(&live);
}

/* In a process of its own, since there is no way back. Return: 0 as it should be. */
static int confine(const char *line, const char *expected, void (*change)(void))
{
    struct one one;
    struct live live;

    live_open(&live);
    one_init(&one);
    prepared_like(&live, &one, 1);
    change();
    one_start(&live, &one, "/bin/sh", line);
    one_end(&live, &one);
    one_must_be(&one, false);
    assert_string_equal(one.out, expected);
    one_done(&one);
    live_close(&live);
    return 0;
}

static void be_nice(void)
{
    assert_int_equal(setpriority(PRIO_PROCESS, 0, 7), 0);
}

static void give_up_privileges(void)
{
    assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
}

static void test_what_the_starter_has_given_up_since(void **state)
{
    static const struct {
        const char *line, *expected;
        void (*change)(void);
    } rows[] = {
        {"-c nice", "7\n", be_nice},
        {"-c echo${IFS}ran", "ran\n", give_up_privileges},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status;
        pid_t pid;

        fflush(NULL);
        pid = fork();
        if (pid == 0) {
            setenv("CMOCKA_TEST_ABORT", "1", 1);
            _exit(confine(rows[i].line, rows[i].expected, rows[i].change));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (status)
            fail_msg("row %zu: status %x", i, (unsigned)status);
    }
}

/* A policy that shares the network shares that of its starter, wherever the pool's thread is. */
static void be_in_another_network(struct live *live)
{
    char expected[64];
    struct stat st;
    struct one one;

    one_init(&one);
    one.task.options.policy = "network";
    prepared_like(live, &one, 1);
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    one_run(live, &one, "ns");
    assert_int_equal(stat("/proc/thread-self/ns/net", &st), 0);
    snprintf(expected, sizeof(expected), "net:[%llu]", (unsigned long long)st.st_ino);
    sandbox_says(one.out, "net", expected);
    one_must_be(&one, false);
    one_done(&one);
    one_init(&one);
    one.task.options.policy = "network";
    prepared_run(live, &one, "ns");
    sandbox_says(one.out, "net", expected);
    one_done(&one);
}

static void test_the_network_of_the_starter(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    sandbox_only_privileged(true);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        struct live live;

        setenv("CMOCKA_TEST_ABORT", "1", 1);
        live_open(&live);
        be_in_another_network(&live);
        live_close(&live);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_says_so_and_the_walls_are_the_same),
        cmocka_unit_test(test_nothing_of_one_is_in_another),
        cmocka_unit_test(test_what_is_the_tasks_own_comes_late),
        cmocka_unit_test(test_a_terminal_of_its_own),
        cmocka_unit_test(test_a_source_that_was_replaced),
        cmocka_unit_test(test_what_is_never_prepared),
        cmocka_unit_test(test_limits_hold),
        cmocka_unit_test(test_limits_and_processors_of_the_starter),
        cmocka_unit_test(test_what_the_starter_has_given_up_since),
        cmocka_unit_test(test_the_network_of_the_starter),
    };

    return sandbox_test_run(tests);
}
