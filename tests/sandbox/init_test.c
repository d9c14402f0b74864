/* SPDX-License-Identifier: Apache-2.0 */
/* Pid 1 is out of the task's reach: not killed, stopped, traced, limited, slowed, read or changed.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A filter that lets the attacks through as far as it may: what holds then is the kernel. */
static const char loose[] =
    "extends: [default]\n"
    "syscalls:\n"
    "  allow: [ptrace, process_vm_readv, process_vm_writev, kcmp, pidfd_open, pidfd_getfd,\n"
    "          pidfd_send_signal, process_madvise, kill, tgkill, rt_sigqueueinfo]\n";

/* No line below @section may say `ok`. */
static void assert_nothing_ok(const char *out, const char *const *but)
{
    const char *line = out;

    while (line && *line) {
        const char *end = strchrnul(line, '\n');
        bool excepted = false;

        for (size_t i = 0; but && but[i]; i++)
            excepted |= strncmp(line, but[i], strlen(but[i])) == 0;
        if (end - line > 3 && strncmp(end - 3, " ok", 3) == 0 && !excepted)
            fail_msg("%.*s, in:\n%s", (int)(end - line), line, out);
        line = *end ? end + 1 : end;
    }
}

static void test_its_files_are_closed(void **state)
{
    static const char *const rules[] = {NULL, loose};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sandbox box;

        sandbox_init(&box);
        box.rules = rules[i];
        sandbox_expect(&box, "pid1-files", 0);
        sandbox_says_one(box.out, "/proc/1/mem", "EACCES EPERM");
        sandbox_says_one(box.out, "/proc/1/environ", "EACCES EPERM");
        sandbox_says_one(box.out, "/proc/1/fd", "EACCES EPERM");
        assert_nothing_ok(box.out, NULL);
        sandbox_done(&box);
    }
}

/* Whether a call was refused or led nowhere: pid 1 goes on, and so does the task. */
static void test_signals_do_not_reach_it(void **state)
{
    static const char *const rules[] = {NULL, loose};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sandbox box;

        sandbox_init(&box);
        box.rules = rules[i];
        sandbox_expect(&box, "pid1-signals , exit 5", 5);
        sandbox_says(box.out, "ppid", "1");
        sandbox_done(&box);
    }
}

static void test_it_cannot_be_changed(void **state)
{
    /* Reading another's scheduling is nobody's harm; the group and user forms hit the task itself.
     */
    static const char *const harmless[] = {"setpriority_group", "setpriority_user", NULL};
    /* Here the kernel's answer alone stands: a signal to pid 1 counts as sent, and is dropped. */
    static const char *const dropped[] = {"setpriority_group", "setpriority_user",
                                          "pidfd_send_signal", "kcmp", NULL};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "pid1-change , exit 5", 5);
    sandbox_says(box.out, "prlimit_cpu", "EPERM");
    sandbox_says(box.out, "setpriority", "EPERM");
    sandbox_says(box.out, "sched_setaffinity", "EPERM");
    sandbox_says(box.out, "ptrace_attach", "EPERM");
    sandbox_says(box.out, "ppid", "1");
    assert_nothing_ok(box.out, harmless);
    box.rules = loose;
    sandbox_expect(&box, "pid1-change , exit 5", 5);
    sandbox_says_one(box.out, "ptrace_attach", "EPERM");
    sandbox_says_one(box.out, "ptrace_seize", "EPERM");
    sandbox_says_one(box.out, "process_vm_readv", "EPERM");
    sandbox_says(box.out, "ppid", "1");
    assert_null(strstr(box.out, "pidfd_getfd ok"));
    assert_nothing_ok(box.out, dropped);
    sandbox_done(&box);
}

/* CVE-2019-5736: the runtime's program, overwritten from inside. */
static void test_its_program_cannot_be_overwritten(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "overwrite 2000", 0);
    assert_nothing_ok(box.out, NULL);
    sandbox_expect(&box, "exit 5", 5);
    sandbox_done(&box);
}

static void look_at_init(struct sandbox *box)
{
    char path[64], *ret = box->user;
    struct stat st;
    ssize_t len;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/exe", (int)box->pid);
    len = readlink(path, ret, 255);
    ret[len < 0 ? 0 : len] = '\0';
    fd = open(path, O_WRONLY | O_CLOEXEC);
    snprintf(ret + 256, 64, "%s", fd < 0 ? strerrorname_np(errno) : "ok");
    if (fd >= 0)
        close(fd);
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)box->pid);
    snprintf(ret + 320, 64, "%s",
             stat(path, &st) < 0 ? "gone"
             : st.st_uid == 0    ? "undumpable"
                                 : "dumpable");
}

/* Seen from the host: a process that leaves no core, of a program that nobody can write to. */
static void test_it_is_undumpable_and_sealed(void **state)
{
    char seen[512] = "";
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.meanwhile = look_at_init;
    box.user = seen;
    sandbox_expect(&box, "sleep 100", 0);
    test_contains(seen, "memfd:");
    assert_true(strcmp(seen + 256, "ok") != 0);
    assert_string_equal(seen + 320, "undumpable");
    sandbox_done(&box);
}

/* The task is never pid 1, nor a child of anyone but pid 1. */
static void test_the_task_is_its_child(void **state)
{
    char *out = sandbox_output(NULL, "session");

    (void)state;
    sandbox_says(out, "ppid", "1");
    assert_true(atoi(sandbox_line(out, "pid")) > 1);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_its_files_are_closed),
        cmocka_unit_test(test_signals_do_not_reach_it),
        cmocka_unit_test(test_it_cannot_be_changed),
        cmocka_unit_test(test_its_program_cannot_be_overwritten),
        cmocka_unit_test(test_it_is_undumpable_and_sealed),
        cmocka_unit_test(test_the_task_is_its_child),
    };

    return sandbox_test_run(tests);
}
