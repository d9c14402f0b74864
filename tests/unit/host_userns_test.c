/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/facts.h"

/* Writes a file below a made-up /proc, with the directories on the way. */
static void write_fact(const char *proc, const char *name, const char *text)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", proc, name);
    for (char *slash = path + strlen(proc) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    test_write(path, text, strlen(text), 0644);
}

static void test_each_switch_has_its_remedy(void **state)
{
    static const struct {
        int code;
        const char *file, *text, *part;
    } rows[] = {
        {-ENOSPC, "sys/user/max_user_namespaces", "0\n", "`sysctl user.max_user_namespaces=15000`"},
        {-EPERM, "sys/kernel/unprivileged_userns_clone", "0\n",
         "`sysctl kernel.unprivileged_userns_clone=1`, or run crib as root"},
        {-EPERM, "sys/kernel/apparmor_restrict_unprivileged_userns", "1\n",
         "give crib a profile with `userns,`"},
        {-EPERM, "self/status", "Name:\tx\nSeccomp:\t2\n",
         "a seccomp filter around crib, such as a container's, refuses user namespaces (Operation "
         "not permitted)"},
        {-ENOSPC, "sys/user/max_user_namespaces", "15000\n", "too many user namespaces"},
        {-EUSERS, "sys/user/max_user_namespaces", "15000\n", "too deeply nested"},
        {-EINVAL, "self/status", "Seccomp:\t0\n", "CONFIG_USER_NS"},
        {-EPERM, "self/status", "Name:\tx\nSeccomp:\t0\n",
         "cannot be made or used here (Operation not permitted)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *proc = test_dir();
        struct arena arena;

        arena_init(&arena, 0);
        write_fact(proc, rows[i].file, rows[i].text);
        test_contains(userns_why(rows[i].code, proc, &arena), rows[i].part);
        arena_done(&arena);
        free(proc);
    }
}

static void test_without_proc_there_is_a_sentence_still(void **state)
{
    char *proc = test_dir();
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    test_contains(userns_why(-EPERM, proc, &arena), "Operation not permitted");
    arena_done(&arena);
    free(proc);
}

static volatile sig_atomic_t signals;

static void count(int signo)
{
    (void)signo;
    signals++;
}

/* The host program sees neither a signal nor a child, and keeps its name. */
static void test_trying_is_not_noticed(void **state)
{
    struct sigaction action = {.sa_handler = count}, before;
    struct utsname name, after;
    int status, code;

    (void)state;
    sigaction(SIGCHLD, &action, &before);
    assert_int_equal(uname(&name), 0);
    code = userns_try();
    assert_true(code <= 0);
    assert_int_equal(userns_try(), code);
    assert_int_equal(signals, 0);
    assert_int_equal(waitpid(-1, &status, WNOHANG | __WALL), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(uname(&after), 0);
    assert_string_equal(name.nodename, after.nodename);
    sigaction(SIGCHLD, &before, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_switch_has_its_remedy),
        cmocka_unit_test(test_without_proc_there_is_a_sentence_still),
        cmocka_unit_test(test_trying_is_not_noticed),
    };

    return test_run(tests);
}
